// The dense form: four registers in three bytes.

#include <cstring>

#include "command/hyperloglog.h"

namespace cairn {
namespace {

inline constexpr uint32_t kRankMask = (1u << kHllRankBits) - 1;
inline constexpr uint32_t kGroup = 4;  // registers
inline constexpr uint32_t kGroupBytes = kGroup * kHllRankBits / 8;
inline constexpr uint32_t kGroups = kHllRegisters / kGroup;
// What is unpacked at a time: both steps go on in the first-level cache.
inline constexpr uint32_t kChunk = 1024;  // registers
inline constexpr uint32_t kChunkGroups = kChunk / kGroup;

// Three bytes as they are, in the lower ones of a word.
uint32_t LoadGroup(const char* bytes) {
  uint32_t group = 0;
  std::memcpy(&group, bytes, kGroupBytes);
  return group;
}

// The three bytes in the lower part, whatever is above them, as four bytes of a register each.
constexpr uint32_t Spread(uint32_t group) {
  return (group & 0x3f) | (group << 2 & 0x3f00) | (group << 4 & 0x3f0000) |
         (group << 6 & 0x3f000000);
}

constexpr uint32_t Pack(uint32_t registers) {
  return (registers & 0x3f) | (registers >> 2 & 0xfc0) | (registers >> 4 & 0x3f000) |
         (registers >> 6 & 0xfc0000);
}
static_assert(Pack(Spread(0xabcdef)) == 0xabcdef && Pack(Spread(0x123456)) == 0x123456);

// Plain loops of known length, which compilers turn into vector instructions.
void MergeChunk(const char* packed, uint8_t* ranks) {
  uint32_t groups[kChunkGroups];
  // One load for each but the last, whose fourth byte may be nobody's.
  for (uint32_t i = 0; i < kChunkGroups - 1; ++i) {
    std::memcpy(&groups[i], packed + size_t{i} * kGroupBytes, sizeof(uint32_t));
  }
  groups[kChunkGroups - 1] = LoadGroup(packed + size_t{kChunkGroups - 1} * kGroupBytes);
  for (uint32_t& group : groups) group = Spread(group);
  uint8_t unpacked[kChunk];
  std::memcpy(unpacked, groups, kChunk);
  for (uint32_t i = 0; i < kChunk; ++i) {
    ranks[i] = ranks[i] < unpacked[i] ? unpacked[i] : ranks[i];
  }
}

}  // namespace

uint8_t DenseRank(const char* registers, uint32_t index) {
  const uint32_t group = LoadGroup(registers + size_t{index / kGroup} * kGroupBytes);
  return static_cast<uint8_t>(group >> index % kGroup * kHllRankBits & kRankMask);
}

void SetDenseRank(char* registers, uint32_t index, uint8_t rank) {
  char* place = registers + size_t{index / kGroup} * kGroupBytes;
  const uint32_t shift = index % kGroup * kHllRankBits;
  const uint32_t group = (LoadGroup(place) & ~(kRankMask << shift)) | uint32_t{rank} << shift;
  std::memcpy(place, &group, kGroupBytes);
}

void MergeDense(const char* registers, HllRanks* ranks) {
  for (uint32_t first = 0; first < kHllRegisters; first += kChunk) {
    MergeChunk(registers + size_t{first / kGroup} * kGroupBytes, ranks->data() + first);
  }
}

void WriteDenseHll(std::string_view value, const HllRanks& ranks, char* out) {
  std::memcpy(out, value.data(), kHllHeaderBytes);
  out[kHllFormAt] = 0;
  char* place = out + kHllHeaderBytes;
  for (uint32_t i = 0; i < kGroups; ++i, place += kGroupBytes) {
    uint32_t registers;
    std::memcpy(&registers, ranks.data() + size_t{i} * kGroup, sizeof(registers));
    registers = Pack(registers);
    std::memcpy(place, &registers, kGroupBytes);
  }
}

}  // namespace cairn
