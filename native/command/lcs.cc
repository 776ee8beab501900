#include "command/lcs.h"

#include "base/check.h"

namespace cairn {

Lcs::Lcs(std::string_view a, std::string_view b, bool keep_path)
    : a_(a), b_(b), i_(a.size()), j_(b.size()) {
  size_t rows = a.size();
  if (rows == 0 || b.empty()) return;
  size_t blocks = (b.size() + kColumns - 1) / kColumns;
  if (keep_path) flat_.reset(new uint64_t[blocks * rows]);
  // The rows of one block are chained by the carry of its left neighbour.
  std::unique_ptr<uint8_t[]> carries(new uint8_t[rows]());
  uint64_t columns_of[256] = {};  // for each byte value: the columns of this block where b has it
  for (size_t block = 0; block < blocks; ++block) {
    std::string_view part = b.substr(block * kColumns, kColumns);
    for (size_t j = 0; j < part.size(); ++j) {
      columns_of[static_cast<uint8_t>(part[j])] |= uint64_t{1} << j;
    }
    uint64_t flat = ~uint64_t{0};
    for (size_t i = 0; i < rows; ++i) {
      uint64_t hits = flat & columns_of[static_cast<uint8_t>(a[i])];
      uint64_t sum;
      bool carry = __builtin_add_overflow(flat, hits, &sum);
      carry |= __builtin_add_overflow(sum, uint64_t{carries[i]}, &sum);
      carries[i] = carry;
      flat = sum | (flat & ~hits);
      if (keep_path) flat_[block * rows + i] = flat;
    }
    uint64_t used = part.size() == kColumns ? ~uint64_t{0} : (uint64_t{1} << part.size()) - 1;
    length_ += static_cast<size_t>(__builtin_popcountll(~flat & used));
    for (char c : part) columns_of[static_cast<uint8_t>(c)] = 0;
  }
}

bool Lcs::NextMatch(Match* match) {
  CAIRN_CHECK(flat_ != nullptr || i_ == 0 || j_ == 0);
  while (i_ > 0 && j_ > 0 && a_[i_ - 1] != b_[j_ - 1]) {
    // Unequal bytes: L(i, j) is the larger of L(i - 1, j) and L(i, j - 1), so it grew over the
    // latter exactly when the former is the larger one.
    Grows(i_, j_) ? --i_ : --j_;
  }
  if (i_ == 0 || j_ == 0) return false;
  match->a_last = i_ - 1;
  match->b_last = j_ - 1;
  while (i_ > 0 && j_ > 0 && a_[i_ - 1] == b_[j_ - 1]) {
    --i_;
    --j_;
  }
  match->a_first = i_;
  match->b_first = j_;
  return true;
}

}  // namespace cairn
