// SORT: what is to be done, and what is done with one element after the other. For native/command
// only.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "command/command.h"

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

// The elements to be sorted, in runs that are sorted as they come and merged as they go, so that no
// step takes long. Texts are copied.
class SortRuns {
 public:
  struct Item {
    std::string_view element;
    std::string_view by;  // of `alpha`
    double score = 0;
    bool has_by = false;
  };

  void Begin(const SortTask& task);
  std::string_view Keep(std::string_view text);
  void Add(const Item& item);
  // No more will come.
  void Seal();
  // False: there are no more.
  bool Next(std::string_view* element);
  uint64_t size() const { return size_; }

 private:
  static constexpr size_t kRunMax = 16u << 10;
  static constexpr size_t kBlockBytes = 64u << 10;

  struct Run {
    std::vector<Item> items;
    size_t next = 0;
    size_t number = 0;
  };
  int Compare(const Item& a, const Item& b) const;
  bool Before(const Item& a, const Item& b) const { return Compare(a, b) < 0; }
  bool Behind(const Run* a, const Run* b) const;
  void EndRun();

  bool sorts_ = true;
  bool descending_ = false;
  bool alpha_ = false;
  bool has_by_ = false;
  uint64_t size_ = 0;
  std::vector<std::unique_ptr<char[]>> blocks_;
  char* free_ = nullptr;
  size_t free_bytes_ = 0;
  std::vector<Item> run_;
  std::vector<std::unique_ptr<Run>> runs_;
  std::vector<Run*> heap_;
};

}  // namespace cairn
