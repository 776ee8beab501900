// Longest common subsequence of two byte strings, bit-parallel: 64 cells of the dynamic-programming
// matrix per machine word (Crochemore, Iliopoulos, Pinzon, Reid 2001; Hyyro 2004). With L(i, j) the
// length for the first i bytes of a and the first j of b, L grows by 0 or 1 from one column to the
// next; one bit per cell keeps that growth, and from it both the length and the way back are read.
//
// A plain value without shared state: build it, then ask. The strings must outlive the walk.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

namespace cairn {

class Lcs {
 public:
  // One stretch of equal bytes, a[a_first..a_last] == b[b_first..b_last], all inclusive.
  struct Match {
    size_t a_first;
    size_t a_last;
    size_t b_first;
    size_t b_last;
    size_t bytes() const { return a_last - a_first + 1; }
  };

  // keep_path: needed for NextMatch; costs a.size() * b.size() / 8 bytes.
  Lcs(std::string_view a, std::string_view b, bool keep_path);

  size_t length() const { return length_; }
  // Walks from the ends to the starts: each call finds the previous stretch. False: no more. Where
  // several subsequences are the longest, the one taken prefers to shorten b when both ways are
  // equally long, as Redis does.
  bool NextMatch(Match* match);

 private:
  static constexpr size_t kColumns = 64;  // of one block

  // True: L(i, j) > L(i, j - 1); i and j count bytes, from 1.
  bool Grows(size_t i, size_t j) const {
    size_t block = (j - 1) / kColumns;
    return (flat_[block * a_.size() + (i - 1)] >> ((j - 1) % kColumns) & 1) == 0;
  }

  std::string_view a_;
  std::string_view b_;
  size_t length_ = 0;
  std::unique_ptr<uint64_t[]> flat_;  // block-major; a set bit: no growth
  size_t i_ = 0;                      // the walk's place
  size_t j_ = 0;
};

}  // namespace cairn
