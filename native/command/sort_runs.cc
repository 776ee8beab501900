#include <algorithm>
#include <cstring>
#include <utility>

#include "command/sort.h"

namespace cairn {

void SortRuns::Begin(const SortTask& task) {
  *this = SortRuns();
  sorts_ = task.sorts;
  descending_ = task.descending;
  alpha_ = task.alpha;
  has_by_ = task.has_by;
}

std::string_view SortRuns::Keep(std::string_view text) {
  if (text.size() > free_bytes_) {
    free_bytes_ = std::max(text.size(), kBlockBytes);
    blocks_.push_back(std::unique_ptr<char[]>(new char[free_bytes_]));
    free_ = blocks_.back().get();
  }
  if (text.empty()) return {};
  char* const kept = free_;
  std::memcpy(kept, text.data(), text.size());
  free_ += text.size();
  free_bytes_ -= text.size();
  return {kept, text.size()};
}

void SortRuns::Add(const Item& item) {
  ++size_;
  run_.push_back(item);
  if (run_.size() == kRunMax) EndRun();
}

// Below zero: a comes first.
int SortRuns::Compare(const Item& a, const Item& b) const {
  int order = 0;
  if (!alpha_) {
    order = a.score < b.score ? -1 : a.score > b.score ? 1 : 0;
    if (order == 0) order = a.element.compare(b.element);
  } else if (!has_by_) {
    order = a.element.compare(b.element);
  } else if (!a.has_by || !b.has_by) {
    order = static_cast<int>(a.has_by) - static_cast<int>(b.has_by);
  } else {
    order = a.by.compare(b.by);
  }
  return descending_ ? -order : order;
}

// Of a heap that has the least in front; what came earlier comes first among equals.
bool SortRuns::Behind(const Run* a, const Run* b) const {
  if (sorts_) {
    const int order = Compare(a->items[a->next], b->items[b->next]);
    if (order != 0) return order > 0;
  }
  return a->number > b->number;
}

void SortRuns::EndRun() {
  if (run_.empty()) return;
  auto run = std::make_unique<Run>();
  run->items = std::exchange(run_, {});
  run->number = runs_.size();
  if (sorts_) {
    std::stable_sort(run->items.begin(), run->items.end(),
                     [this](const Item& a, const Item& b) { return Before(a, b); });
  }
  runs_.push_back(std::move(run));
}

void SortRuns::Seal() {
  EndRun();
  if (!sorts_ && descending_) {
    for (const std::unique_ptr<Run>& run : runs_) {
      std::reverse(run->items.begin(), run->items.end());
      run->number = runs_.size() - run->number;
    }
  }
  for (const std::unique_ptr<Run>& run : runs_) heap_.push_back(run.get());
  std::make_heap(heap_.begin(), heap_.end(),
                 [this](const Run* a, const Run* b) { return Behind(a, b); });
}

bool SortRuns::Next(std::string_view* element) {
  if (heap_.empty()) return false;
  const auto behind = [this](const Run* a, const Run* b) { return Behind(a, b); };
  std::pop_heap(heap_.begin(), heap_.end(), behind);
  Run* const run = heap_.back();
  *element = run->items[run->next++].element;
  run->next == run->items.size() ? heap_.pop_back()
                                 : std::push_heap(heap_.begin(), heap_.end(), behind);
  return true;
}

}  // namespace cairn
