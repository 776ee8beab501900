// MemberSort: members of sets, as many as there is memory for, put in the order of the keys that
// they have under one seed, each once. They are sorted a run at a time as they come, and merged as
// they go, so that no step takes long. One thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "collection/set.h"

namespace cairn {

class MemberSort {
 public:
  explicit MemberSort(uint64_t seed = 0) : seed_(seed) {}
  uint64_t seed() const { return seed_; }

  void Add(std::string_view member);
  // No more will come. Once.
  void Seal();
  // The next one; the view is good as long as this is. False: there are no more.
  bool Next(std::string_view* member);
  // All of them, in ascending order, if they are integers and not more than that; then none comes
  // any more. False: nothing has happened.
  bool TakeIntegers(uint64_t most, std::vector<int64_t>* integers);

 private:
  static constexpr size_t kRunMax = 16u << 10;
  static constexpr size_t kBlockBytes = 64u << 10;

  struct Item {
    uint64_t head;
    std::string_view member;
    bool operator==(const Item&) const = default;
  };
  struct Run {
    std::vector<Item> items;
    size_t next = 0;
  };
  static bool Less(const Item& a, const Item& b) {
    return a.head != b.head ? a.head < b.head : a.member < b.member;
  }
  static bool Behind(const Run* a, const Run* b) {
    return Less(b->items[b->next], a->items[a->next]);
  }
  void EndRun();
  void Rewind();

  uint64_t seed_;
  bool integers_ = true;
  std::vector<std::unique_ptr<char[]>> blocks_;
  char* free_ = nullptr;
  size_t free_bytes_ = 0;
  std::vector<Item> run_;  // that is being filled
  std::vector<std::unique_ptr<Run>> runs_;
  std::vector<Run*> heap_;  // those with more, the least in front
  bool any_ = false;
  Item last_{};
};

}  // namespace cairn
