// RunMerge: items in order, as many as there is memory for. They are sorted a run at a time as they
// come, and the runs are merged as they go (merge sort; Knuth, volume 3, 5.4.1), so that no step
// takes long: one that comes sorts a run of kRunMax at most, one of n that goes takes about
// 2 log2(n / kRunMax) comparisons. Equal items stay in their order.
//
// TextBlocks: the texts that they name.
//
// One thread.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <memory>
#include <string_view>
#include <utility>
#include <vector>

namespace cairn {

// Copies of texts, which are good as long as this is, wherever it moves.
class TextBlocks {
 public:
  std::string_view Keep(std::string_view text) {
    if (text.empty()) return {};
    if (text.size() > free_bytes_) {
      free_bytes_ = std::max(text.size(), kBlockBytes);
      blocks_.push_back(std::unique_ptr<char[]>(new char[free_bytes_]));
      free_ = blocks_.back().get();
    }
    char* const kept = free_;
    std::memcpy(kept, text.data(), text.size());
    free_ += text.size();
    free_bytes_ -= text.size();
    return {kept, text.size()};
  }

 private:
  static constexpr size_t kBlockBytes = 64u << 10;

  std::vector<std::unique_ptr<char[]>> blocks_;
  char* free_ = nullptr;
  size_t free_bytes_ = 0;
};

// Order: int(const Item& a, const Item& b), below zero if a comes first, 0 if they are equal.
template <typename Item, typename Order>
class RunMerge {
 public:
  static constexpr size_t kRunMax = 16u << 10;

  explicit RunMerge(const Order& order = Order{}) : order_(order) {}

  void Add(const Item& item) {
    run_.push_back(item);
    if (run_.size() == kRunMax) EndRun();
  }
  // No more will come.
  void Seal() {
    EndRun();
    Rewind();
  }
  // Once it is sealed: the least one again.
  void Rewind() {
    heap_.clear();
    for (const std::unique_ptr<Run>& run : runs_) {
      run->next = 0;
      heap_.push_back(run.get());
    }
    std::make_heap(heap_.begin(), heap_.end(), Behind{order_});
  }
  // False: there are no more.
  bool Next(Item* item) {
    if (heap_.empty()) return false;
    std::pop_heap(heap_.begin(), heap_.end(), Behind{order_});
    Run* const run = heap_.back();
    *item = run->items[run->next++];
    if (run->next == run->items.size()) {
      heap_.pop_back();
    } else {
      std::push_heap(heap_.begin(), heap_.end(), Behind{order_});
    }
    return true;
  }

 private:
  struct Run {
    std::vector<Item> items;
    size_t number = 0;
    size_t next = 0;
  };
  // Of a heap that has the least in front; what came earlier comes first among equals.
  struct Behind {
    const Order& order;
    bool operator()(const Run* a, const Run* b) const {
      const int found = order(a->items[a->next], b->items[b->next]);
      return found != 0 ? found > 0 : a->number > b->number;
    }
  };

  void EndRun() {
    if (run_.empty()) return;
    auto run = std::make_unique<Run>();
    run->items = std::exchange(run_, {});
    run->number = runs_.size();
    const auto less = [this](const Item& a, const Item& b) { return order_(a, b) < 0; };
    // Often they come in order.
    if (!std::is_sorted(run->items.begin(), run->items.end(), less))
      std::stable_sort(run->items.begin(), run->items.end(), less);
    runs_.push_back(std::move(run));
  }

  Order order_;
  std::vector<Item> run_;  // that is being filled
  std::vector<std::unique_ptr<Run>> runs_;
  std::vector<Run*> heap_;  // those with more
};

}  // namespace cairn
