#include "command/sort.h"

namespace cairn {

void SortRuns::Begin(const SortTask& task) {
  *this = SortRuns();
  sorts_ = task.sorts;
  descending_ = task.descending;
  merge_ = RunMerge<Item, Order>({task.descending, task.alpha, task.has_by});
}

int SortRuns::Order::operator()(const Item& a, const Item& b) const {
  int order = 0;
  if (!alpha) {
    order = a.score < b.score ? -1 : a.score > b.score ? 1 : 0;
    if (order == 0) order = a.element.compare(b.element);
  } else if (!has_by) {
    order = a.element.compare(b.element);
  } else if (!a.has_by || !b.has_by) {
    order = static_cast<int>(a.has_by) - static_cast<int>(b.has_by);
  } else {
    order = a.by.compare(b.by);
  }
  return descending ? -order : order;
}

void SortRuns::Add(const Item& item) {
  if (sorts_) {
    merge_.Add(item);
  } else if (descending_) {
    unsorted_.push_front(item.element);
  } else {
    unsorted_.push_back(item.element);
  }
}

bool SortRuns::Next(std::string_view* element) {
  if (!sorts_) {
    if (unsorted_.empty()) return false;
    *element = unsorted_.front();
    unsorted_.pop_front();
    return true;
  }
  Item item;
  if (!merge_.Next(&item)) return false;
  *element = item.element;
  return true;
}

}  // namespace cairn
