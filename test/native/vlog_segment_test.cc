// The states of a segment: which may follow which.
#include <doctest/doctest.h>

#include <string>

#include "vlog/log/segment.h"

namespace cairn::vlog {
namespace {

using State = SegmentState;

TEST_CASE("vlog segment: the states that may follow a state") {
  // From the row to the column; in the order of the enumeration.
  const std::string allowed[kSegmentStates] = {
      ".S....",  // open
      "O.C..P",  // sealed
      ".S.WD.",  // collecting
      ".....P",  // swept
      ".....P",  // damaged
      ".S.WD.",  // pending deletion
  };
  for (uint32_t from = 0; from < kSegmentStates; ++from) {
    for (uint32_t to = 0; to < kSegmentStates; ++to) {
      CAPTURE(from);
      CAPTURE(to);
      CHECK(MayBecome(static_cast<State>(from), static_cast<State>(to)) ==
            (allowed[from][to] != '.'));
    }
  }
}

TEST_CASE("vlog segment: a life") {
  Segment segment;
  CHECK(segment.state() == State::kOpen);
  CHECK(!segment.sealed());
  segment.Become(State::kSealed);
  segment.Become(State::kCollecting);
  segment.Become(State::kSealed);  // something was still needed
  segment.Become(State::kCollecting);
  CHECK(segment.sealed());
  segment.Become(State::kSwept);
  segment.Become(State::kPendingDeletion);
  CHECK(segment.state() == State::kPendingDeletion);
}

TEST_CASE("vlog segment: a deletion that is called off leaves it as it was") {
  Segment sealed;
  sealed.Become(State::kSealed);
  sealed.Become(State::kPendingDeletion);
  sealed.CallOffDeletion();
  CHECK(sealed.state() == State::kSealed);

  for (const State end : {State::kSwept, State::kDamaged}) {
    Segment segment;
    segment.Become(State::kSealed);
    segment.Become(State::kCollecting);
    segment.Become(end);
    for (int again = 0; again < 2; ++again) {
      segment.Become(State::kPendingDeletion);
      segment.CallOffDeletion();
      CHECK(segment.state() == end);
    }
  }
}

}  // namespace
}  // namespace cairn::vlog
