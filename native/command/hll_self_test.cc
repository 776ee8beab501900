// PFSELFTEST: what a build can be asked about its own arithmetic.

#include <cmath>
#include <cstring>
#include <vector>

#include "command/hyperloglog.h"

namespace cairn {
namespace {

inline constexpr uint32_t kElements = 10'000;
inline constexpr uint64_t kSparseBytesMax = 3000;

// Ranks of all sizes, in an order without a pattern.
HllRanks MixedRanks(uint64_t seed) {
  HllRanks ranks;
  for (uint8_t& rank : ranks) {
    seed = seed * 6364136223846793005 + 1442695040888963407;
    rank = static_cast<uint8_t>(seed >> 58);
  }
  return ranks;
}

const char* TestPacking() {
  const HllRanks ranks = MixedRanks(1);
  const HllRanks others = MixedRanks(2);
  std::vector<char> dense(kHllDenseBytes);
  WriteDenseHll(kEmptyHll, ranks, dense.data());
  char* registers = dense.data() + kHllHeaderBytes;
  for (uint32_t i = 0; i < kHllRegisters; ++i) {
    if (DenseRank(registers, i) != ranks[i]) return "TESTFAILED a register was not kept";
  }
  for (uint32_t i = 0; i < kHllRegisters; i += 2) SetDenseRank(registers, i, others[i]);
  HllRanks read{};
  MergeDense(registers, &read);
  for (uint32_t i = 0; i < kHllRegisters; ++i) {
    const uint8_t wanted = i % 2 == 0 ? others[i] : ranks[i];
    if (read[i] != wanted) return "TESTFAILED a register was changed by its neighbour";
  }
  return nullptr;
}

// Both forms give one count, which is within six standard errors.
const char* TestCounts() {
  const double standard_error = 1.04 / std::sqrt(double{kHllRegisters});
  SparseHll sparse(kSparseBytesMax);
  if (!sparse.Load(kEmptyHll)) return "TESTFAILED an empty value is not taken for one";
  bool fits = true;
  HllRanks ranks{};
  uint32_t next_look = 1;
  for (uint32_t n = 1; n <= kElements; ++n) {
    char text[sizeof(n)];
    std::memcpy(text, &n, sizeof(n));
    const HllElement element = HashHllElement({text, sizeof(text)});
    if (element.rank > ranks[element.index]) {
      ranks[element.index] = element.rank;
      fits = fits && sparse.Raise(element.index, element.rank);
    }
    if (n != next_look && n != kElements) continue;
    next_look *= 4;
    const uint64_t count = EstimateHll(ranks);
    uint64_t sparse_count = count;
    if (fits && !CountHll(sparse.bytes(), &sparse_count)) {
      return "TESTFAILED the sparse form is damaged";
    }
    if (sparse_count != count) return "TESTFAILED sparse and dense counts differ";
    const double error = std::abs(static_cast<double>(count) - n);
    if (error > std::ceil(6 * standard_error * n)) return "TESTFAILED the error is too large";
  }
  return nullptr;
}

}  // namespace

const char* HllSelfTest() {
  const char* wrong = TestPacking();
  return wrong != nullptr ? wrong : TestCounts();
}

}  // namespace cairn
