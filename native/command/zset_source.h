// A sorted set or a set as an input of ZUNION and its kin: members of a set have the score 1.
//
// One pass, as its collection. For native/command only.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

#include "command/zset_args.h"

namespace cairn {

// Where a walk through a source is; kept from one pass to the next.
struct SourcePlace {
  bool begun = false;
  bool end = false;
  ZsetValue::Walk walk;
};

class ZsetSource {
 public:
  // Opens a key of either type. kMissing is an empty one. counted: as a hit or a miss, which
  // commands that only read do by themselves. False: pending, or answered.
  bool Open(Call& call, std::string_view key, bool counted);
  uint64_t count() const { return count_; }
  tree::Outcome Find(std::string_view member, bool* found, double* score);
  // Shows visit(const ZsetValue::Element&) the next elements, at most `most`, and notes where that
  // ends. kWait: what was shown does not count, nor does *place.
  template <typename Visitor>
  tree::Outcome Go(SourcePlace* place, uint64_t most, Visitor&& visit);
  const Status& status() const { return zset_->status(); }

 private:
  std::optional<ZsetValue> zset_;
  uint64_t count_ = 0;
};

template <typename Visitor>
tree::Outcome ZsetSource::Go(SourcePlace* place, uint64_t most, Visitor&& visit) {
  if (count_ == 0) place->end = true;
  if (place->end) return tree::Outcome::kDone;
  if (!place->begun) {
    place->begun = true;
    place->walk = ZsetValue::Walk({0, count_}, false);
    place->walk.keep = true;
  }
  const tree::Outcome outcome = zset_->Go(&place->walk, most, visit);
  place->end = place->walk.left == 0;
  return outcome;
}

}  // namespace cairn
