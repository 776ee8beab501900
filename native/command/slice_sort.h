// SliceSort: sorts many items a piece at a time, for commands that go in slices. Runs are sorted
// first, then merged by twos until one is left (bottom-up merge sort); equal items stay in their
// order. One thread; n items take about n / kPiece * (1 + log2(n / kPiece)) steps.
#pragma once

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

namespace cairn {

template <typename Item>
class SliceSort {
 public:
  static constexpr size_t kPiece = 4096;  // a step is about half a millisecond

  // The same items until it is done.
  explicit SliceSort(std::vector<Item>* items) : items_(*items) {}

  // True: they are sorted.
  template <typename Less>
  bool Step(const Less& less) {
    if (width_ == 0) return SortRun(less);
    if (width_ >= items_.size()) return true;
    for (size_t moved = 0; moved < kPiece; ++moved) {
      if (out_ == items_.size()) return EndOfRound();
      if (out_ == right_end_) Begin(out_);
      const bool from_right = right_ < right_end_ && (left_ == left_end_ || Less2(less));
      merged_.push_back(std::move(items_[from_right ? right_++ : left_++]));
      ++out_;
    }
    return false;
  }

 private:
  template <typename Less>
  bool Less2(const Less& less) const {
    return less(items_[right_], items_[left_]);
  }
  template <typename Less>
  bool SortRun(const Less& less) {
    const size_t end = std::min(items_.size(), out_ + kPiece);
    std::stable_sort(items_.begin() + static_cast<std::ptrdiff_t>(out_),
                     items_.begin() + static_cast<std::ptrdiff_t>(end), less);
    out_ = end;
    if (end < items_.size()) return false;
    width_ = kPiece;
    StartRound();
    return width_ >= items_.size();
  }
  void StartRound() {
    merged_.clear();
    merged_.reserve(width_ < items_.size() ? items_.size() : 0);
    out_ = left_ = left_end_ = right_ = right_end_ = 0;
  }
  // Two runs, from `first` on, are next.
  void Begin(size_t first) {
    left_ = first;
    left_end_ = right_ = std::min(items_.size(), first + width_);
    right_end_ = std::min(items_.size(), first + 2 * width_);
  }
  bool EndOfRound() {
    items_.swap(merged_);
    width_ *= 2;
    StartRound();
    return width_ >= items_.size();
  }

  std::vector<Item>& items_;
  std::vector<Item> merged_;
  size_t width_ = 0;  // of runs that are sorted; 0: they are being made
  size_t out_ = 0;    // so many are done in this round
  size_t left_ = 0, left_end_ = 0, right_ = 0, right_end_ = 0;
};

}  // namespace cairn
