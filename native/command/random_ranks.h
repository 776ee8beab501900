// DifferentRanks: ranks at random, none of them twice. Floyd's sampling (Bentley and Floyd, "A
// sample of brilliance", CACM 30:9, 1987): one number at random for each, and memory for those that
// were had only. One thread.
#pragma once

#include <cstdint>
#include <unordered_set>

#include "base/check.h"
#include "base/split_mix.h"

namespace cairn {

class DifferentRanks {
 public:
  DifferentRanks() = default;
  // `wanted` of the first `count` ranks, wanted <= count. Each set of so many is as likely as any
  // other; the order in which they come is not.
  DifferentRanks(uint64_t count, uint64_t wanted) : end_(count - wanted), count_(count) {
    CAIRN_CHECK(wanted <= count);
  }

  bool at_end() const { return end_ == count_; }
  // Unless at_end().
  uint64_t Next(SplitMix* random) {
    const uint64_t rank = random->Below(++end_);
    // Of those below `end_` the last one was never had before, and stands for one that was.
    return had_.insert(rank).second ? rank : *had_.insert(end_ - 1).first;
  }

 private:
  uint64_t end_ = 0;
  uint64_t count_ = 0;
  std::unordered_set<uint64_t> had_;
};

}  // namespace cairn
