// A sorted set or a set as an input of ZUNION and its kin: members of a set have the score 1.
//
// One pass, as its collection. For native/command only.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "collection/set.h"
#include "command/zset_args.h"

namespace cairn {

// Where a walk through a source is; kept from one pass to the next.
struct SourcePlace {
  bool begun = false;
  bool end = false;
  ZsetValue::Walk walk;
  SetPlace in_set;
};

class ZsetSource {
 public:
  // Opens a key of either type. kMissing is an empty one. counted: as a hit or a miss, which
  // commands that only read do by themselves. False: pending, or answered.
  bool Open(Call& call, std::string_view key, bool counted);
  uint64_t count() const { return count_; }
  // Of a set, changes when its members get other places (collection/set.h): a walk has to begin
  // again then. 0: no set.
  uint64_t seed() const { return set_ ? set_->seed() : 0; }
  tree::Outcome Find(std::string_view member, bool* found, double* score);
  // Shows visit(const ZsetValue::Element&) the next elements, at most `most`, and notes where that
  // ends. kWait: what was shown does not count, nor does *place.
  template <typename Visitor>
  tree::Outcome Go(SourcePlace* place, uint64_t most, Visitor&& visit);
  const Status& status() const { return set_ ? set_->status() : zset_->status(); }

 private:
  template <typename Visitor>
  tree::Outcome GoInSet(SourcePlace* place, uint64_t most, Visitor&& visit);

  std::optional<ZsetValue> zset_;
  std::optional<SetValue> set_;
  uint64_t count_ = 0;
};

template <typename Visitor>
tree::Outcome ZsetSource::Go(SourcePlace* place, uint64_t most, Visitor&& visit) {
  if (count_ == 0) place->end = true;
  if (place->end) return tree::Outcome::kDone;
  if (set_) return GoInSet(place, most, visit);
  if (!place->begun) {
    place->begun = true;
    place->walk = ZsetValue::Walk({0, count_}, false);
    place->walk.keep = true;
  }
  const tree::Outcome outcome = zset_->Go(&place->walk, most, visit);
  place->end = place->walk.left == 0;
  return outcome;
}

template <typename Visitor>
tree::Outcome ZsetSource::GoInSet(SourcePlace* place, uint64_t most, Visitor&& visit) {
  SetWalk walk(&*set_);
  tree::Outcome outcome = walk.Start(place->in_set);
  for (uint64_t shown = 0; outcome == tree::Outcome::kDone && !walk.at_end(); ++shown) {
    if (shown == most) return tree::Outcome::kDone;
    std::string_view member;
    place->in_set.head = walk.head();
    outcome = walk.Member(&member);
    if (outcome != tree::Outcome::kDone) break;
    visit(ZsetValue::Element{member, 1});
    place->in_set.begun = true;
    place->in_set.rest.assign(set_->is_intset() ? std::string_view() : member);
    outcome = walk.Next();
  }
  place->end = outcome == tree::Outcome::kDone;
  return outcome;
}

}  // namespace cairn
