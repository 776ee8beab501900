// Scores of sorted sets as heads of sort keys: the order of the numbers is the order of the heads.
//
//   score    -inf ... -0.5   -0.0, 0.0   0.5 ... inf        head = bits of the double,
//   head     0x000f.. .. 0x401f..  0x8000..  0xbfe0.. ..            all inverted if it is negative,
//                                                           else bit 63 set
//
// Zero has one head, because zeros of either sign are equal in order. That it was negative, which
// clients see, is the element's payload: kNegativeZero, where all other elements have none. Pure.
#pragma once

#include <bit>
#include <cmath>
#include <cstdint>
#include <string_view>

namespace cairn::tree {

inline constexpr std::string_view kNegativeZero = "-";
inline constexpr uint64_t kZeroHead = uint64_t{1} << 63;

// Of a score, which is a number.
inline uint64_t SortableScore(double score) {
  const auto bits = std::bit_cast<uint64_t>(score);
  if (score == 0) return kZeroHead;
  return (bits & kZeroHead) != 0 ? ~bits : bits | kZeroHead;
}
inline std::string_view ScorePayload(double score) {
  return score == 0 && std::signbit(score) ? kNegativeZero : std::string_view();
}

// The score of an element. False: it has none, this is damage.
inline bool ScoreOf(uint64_t head, std::string_view payload, double* score) {
  *score = std::bit_cast<double>((head & kZeroHead) != 0 ? head & ~kZeroHead : ~head);
  if (std::isnan(*score) || head == kZeroHead - 1) return false;
  if (payload.empty()) return true;
  if (payload != kNegativeZero || head != kZeroHead) return false;
  *score = -0.0;
  return true;
}

}  // namespace cairn::tree
