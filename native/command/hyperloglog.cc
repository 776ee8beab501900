#include "command/hyperloglog.h"

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>

namespace cairn {
namespace {

static_assert(std::endian::native == std::endian::little, "words are read from bytes as they are");

inline constexpr size_t kCountAt = 8;
inline constexpr uint8_t kDense = 0;
inline constexpr uint8_t kSparse = 1;
inline constexpr uint64_t kCountInvalid = uint64_t{1} << 63;

// How many registers have each rank.
using Histogram = std::array<uint32_t, 1u << kHllRankBits>;

uint64_t LoadWord(const char* bytes, size_t count = sizeof(uint64_t)) {
  uint64_t word = 0;
  std::memcpy(&word, bytes, count);
  return word;
}

// MurmurHash64A (Appleby, public domain), with the seed of Redis.
uint64_t Murmur(std::string_view text) {
  constexpr uint64_t kFactor = 0xc6a4a7935bd1e995;
  constexpr uint64_t kSeed = 0xadc83b19;
  constexpr int kShift = 47;
  uint64_t hash = kSeed ^ (text.size() * kFactor);
  size_t at = 0;
  for (; text.size() - at >= sizeof(uint64_t); at += sizeof(uint64_t)) {
    uint64_t word = LoadWord(text.data() + at) * kFactor;
    word ^= word >> kShift;
    hash = (hash ^ word * kFactor) * kFactor;
  }
  if (at != text.size()) hash = (hash ^ LoadWord(text.data() + at, text.size() - at)) * kFactor;
  hash = (hash ^ hash >> kShift) * kFactor;
  return hash ^ hash >> kShift;
}

// x + the sum of x^(2^k) * 2^(k-1) for k from 1 on, until a term does not count any more.
double Sigma(double x) {
  if (x == 1.0) return std::numeric_limits<double>::infinity();
  double sum = x;
  double weight = 1.0;
  for (double before = -1.0; sum != before;) {
    before = sum;
    x *= x;
    sum += x * weight;
    weight += weight;
  }
  return sum;
}

// A third of 1 - x - the sum of (1 - x^(2^-k))^2 * 2^-k for k from 1 on, in the same way.
double Tau(double x) {
  if (x == 0.0 || x == 1.0) return 0.0;
  double sum = 1.0 - x;
  double weight = 1.0;
  for (double before = -1.0; sum != before;) {
    before = sum;
    x = std::sqrt(x);
    weight *= 0.5;
    sum -= (1.0 - x) * (1.0 - x) * weight;
  }
  return sum / 3.0;
}

// Ertl's improved estimator, in the order of operations that Redis has: results are rounded alike.
uint64_t Estimate(const Histogram& with_rank) {
  constexpr double kAlpha = 0.721347520444481703680;  // 1 / (2 ln 2)
  constexpr double kCount = kHllRegisters;
  double z = kCount * Tau((kCount - with_rank[kHllRankMax]) / kCount);
  for (uint32_t rank = kHllRankMax - 1; rank >= 1; --rank) {
    z += with_rank[rank];
    z *= 0.5;
  }
  z += kCount * Sigma(with_rank[0] / kCount);
  const double estimate = kAlpha * kCount * kCount / z;
  // Only registers that no element has written go beyond 2^63, or divide by zero. The smallest
  // integer is what Redis makes of it on this processor.
  constexpr double kTooLarge = 9223372036854775808.0;
  return estimate < kTooLarge ? static_cast<uint64_t>(std::llround(estimate)) : kCountInvalid;
}

// Four tables, so that equal neighbours do not wait for each other's additions.
Histogram HistogramOf(const HllRanks& ranks) {
  std::array<Histogram, 4> parts{};
  for (uint32_t i = 0; i < kHllRegisters; i += 4) {
    ++parts[0][ranks[i]];
    ++parts[1][ranks[i + 1]];
    ++parts[2][ranks[i + 2]];
    ++parts[3][ranks[i + 3]];
  }
  for (uint32_t part = 1; part < 4; ++part) {
    for (uint32_t rank = 0; rank < parts[0].size(); ++rank) parts[0][rank] += parts[part][rank];
  }
  return parts[0];
}

}  // namespace

HllElement HashHllElement(std::string_view element) {
  const uint64_t hash = Murmur(element);
  const auto index = static_cast<uint32_t>(hash % kHllRegisters);
  // A bit above all others: zeros end there.
  const uint64_t rest = hash >> kHllIndexBits | uint64_t{1} << (kHllRankMax - 1);
  return {index, static_cast<uint8_t>(std::countr_zero(rest) + 1)};
}

bool IsHll(std::string_view value) {
  if (value.size() < kHllHeaderBytes || !value.starts_with("HYLL")) return false;
  const auto form = static_cast<uint8_t>(value[kHllFormAt]);
  return form == kSparse || (form == kDense && value.size() == kHllDenseBytes);
}

bool IsSparseHll(std::string_view value) { return value[kHllFormAt] == kSparse; }

bool ValidHllCount(std::string_view value, uint64_t* count) {
  *count = LoadWord(value.data() + kCountAt);
  return (*count & kCountInvalid) == 0;
}

void InvalidateHllCount(char* value) {
  const uint64_t count = LoadWord(value + kCountAt) | kCountInvalid;
  std::memcpy(value + kCountAt, &count, sizeof(count));
}

bool CountHll(std::string_view value, uint64_t* count) {
  const std::string_view registers = value.substr(kHllHeaderBytes);
  if (!IsSparseHll(value)) {
    HllRanks ranks{};
    MergeDense(registers.data(), &ranks);
    *count = EstimateHll(ranks);
    return true;
  }
  Histogram with_rank{};
  const bool whole = ForEachHllRun(registers, [&with_rank](uint32_t, const HllRun& run) {
    with_rank[run.rank] += run.registers;
  });
  if (whole) *count = Estimate(with_rank);
  return whole;
}

bool MergeHll(std::string_view value, HllRanks* ranks) {
  const std::string_view registers = value.substr(kHllHeaderBytes);
  if (IsSparseHll(value)) return MergeSparse(registers, ranks);
  MergeDense(registers.data(), ranks);
  return true;
}

uint64_t EstimateHll(const HllRanks& ranks) { return Estimate(HistogramOf(ranks)); }

}  // namespace cairn
