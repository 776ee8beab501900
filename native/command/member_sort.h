// MemberSort: members of sets, as many as there is memory for, put in the order of the keys that
// they have under one seed, each once; see RunMerge. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "collection/set.h"
#include "command/run_merge.h"

namespace cairn {

class MemberSort {
 public:
  explicit MemberSort(uint64_t seed = 0) : seed_(seed) {}
  uint64_t seed() const { return seed_; }

  void Add(std::string_view member);
  // No more will come. Once.
  void Seal() { merge_.Seal(); }
  // The next one; the view is good as long as this is. False: there are no more.
  bool Next(std::string_view* member);
  // All of them, in ascending order, if they are integers and not more than that; then none comes
  // any more. False: nothing has happened.
  bool TakeIntegers(uint64_t most, std::vector<int64_t>* integers);

 private:
  struct Item {
    uint64_t head;
    std::string_view member;
    bool operator==(const Item&) const = default;
  };
  struct ByKey {
    int operator()(const Item& a, const Item& b) const {
      if (a.head != b.head) return a.head < b.head ? -1 : 1;
      return a.member.compare(b.member);
    }
  };

  uint64_t seed_;
  bool integers_ = true;
  TextBlocks texts_;
  RunMerge<Item, ByKey> merge_;
  bool any_ = false;
  Item last_{};
};

}  // namespace cairn
