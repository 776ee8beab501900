// SORT: what is to be done, and what is done with one element after the other. For native/command
// only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <string_view>
#include <vector>

#include "command/command.h"
#include "command/run_merge.h"

namespace cairn {

// The arguments of SORT.
struct SortTask {
  std::string_view by;  // a pattern; empty: the element itself
  bool has_by = false;
  bool sorts = true;  // false: a pattern without '*': the order in which they are
  bool descending = false;
  bool alpha = false;
  int64_t offset = 0;
  int64_t count = -1;
  std::vector<std::string_view> gets;
  std::string_view store;
  bool stores = false;
};

// False: answered.
bool ParseSort(Call& call, bool may_store, SortTask* task);

// What a pattern names for an element: "#" the element, "weight_*" a key's string,
// "object_*->field" a field of a key's hash. Such keys are not declared: the pass takes their
// latches as it meets them.
class SortLookup {
 public:
  explicit SortLookup(Call& call) : call_(call) {}

  enum class Found : uint8_t { kNothing, kValue, kWait, kAnswered };
  // *value is good until the end of the pass.
  Found Find(std::string_view pattern, std::string_view element, std::string_view* value);

 private:
  Call& call_;
};

// The elements to be sorted, as RunMerge does it; or as they come, or the other way round. Texts
// are copied.
class SortRuns {
 public:
  struct Item {
    std::string_view element;
    std::string_view by;  // of `alpha`
    double score = 0;
    bool has_by = false;
  };

  void Begin(const SortTask& task);
  std::string_view Keep(std::string_view text) { return texts_.Keep(text); }
  void Add(const Item& item);
  // No more will come.
  void Seal() { merge_.Seal(); }
  // False: there are no more.
  bool Next(std::string_view* element);

 private:
  struct Order {
    bool descending;
    bool alpha;
    bool has_by;
    int operator()(const Item& a, const Item& b) const;
  };

  bool sorts_ = true;
  bool descending_ = false;
  TextBlocks texts_;
  RunMerge<Item, Order> merge_;
  std::deque<std::string_view> unsorted_;
};

}  // namespace cairn
