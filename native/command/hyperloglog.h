// HyperLogLog: about how many different elements were added, in at most 12 KiB and with a standard
// error of 0.81 % (Flajolet, Fusy, Gandouet, Meunier 2007; the estimate is that of Ertl 2017,
// arXiv:1702.01284). It is a string like any other, byte for byte the one that Redis makes:
//
//    0  "HYLL"
//    4  form: 0 dense, 1 sparse
//    5  three bytes that nobody looks at
//    8  the count when it was last taken, 64 bits, little endian; top bit: not valid any more
//   16  dense: 16384 registers of 6 bits, each from the lowest free bit of its byte on
//       sparse: runs of equal registers, see SparseHll
//
// An element's hash names a register, and its rank is one more than the zeros that end the rest of
// the hash; a register keeps the highest rank of its elements.
//
// Such strings come from anywhere (SET, RESTORE, SETRANGE): IsHll looks at what the header and the
// length say, and whatever goes through the registers tells damaged ones before it believes them.
// Pure functions; those that take a `value` take one that IsHll.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace cairn {

inline constexpr uint32_t kHllIndexBits = 14;
inline constexpr uint32_t kHllRegisters = 1u << kHllIndexBits;
inline constexpr uint32_t kHllRankBits = 6;
// Of an element. A register that somebody else has written may say up to 63.
inline constexpr uint8_t kHllRankMax = 64 - kHllIndexBits + 1;
inline constexpr size_t kHllFormAt = 4;
inline constexpr size_t kHllHeaderBytes = 16;
inline constexpr size_t kHllDenseBytes = kHllHeaderBytes + kHllRegisters * kHllRankBits / 8;
static_assert(kHllDenseBytes == 12304);

// One rank per register, unpacked.
using HllRanks = std::array<uint8_t, kHllRegisters>;

struct HllElement {
  uint32_t index;
  uint8_t rank;
};
HllElement HashHllElement(std::string_view element);

// Nothing added yet; its count is not valid, as whoever makes one also writes to it.
inline constexpr std::string_view kEmptyHll{"HYLL\1\0\0\0\0\0\0\0\0\0\0\x80\x7f\xff", 18};

// Magic, form, and the length where the form has one.
bool IsHll(std::string_view value);
bool IsSparseHll(std::string_view value);
// False: it has to be taken anew.
bool ValidHllCount(std::string_view value, uint64_t* count);
void InvalidateHllCount(char* value);

// False: damaged.
bool CountHll(std::string_view value, uint64_t* count);
// Raises each of the ranks to that of the value. False: damaged.
bool MergeHll(std::string_view value, HllRanks* ranks);
uint64_t EstimateHll(const HllRanks& ranks);

// --- the dense form (hll_dense.cc) ---
// Of the 16384 registers at `registers`, which is behind the header.
uint8_t DenseRank(const char* registers, uint32_t index);
void SetDenseRank(char* registers, uint32_t index, uint8_t rank);
void MergeDense(const char* registers, HllRanks* ranks);
// kHllDenseBytes at `out`, with all that the header of `value` says but the form.
void WriteDenseHll(std::string_view value, const HllRanks& ranks, char* out);

// --- the sparse form (hll_sparse.cc) ---
// A run of registers with the same rank.
struct HllRun {
  uint32_t registers;
  uint8_t rank;
  uint8_t bytes;  // that tell of it
};

// The runs behind a header, in order. False: they do not end with the last byte and the last
// register.
//
//   00nnnnnn           n + 1 registers, up to 64, of rank 0
//   01nnnnnn nnnnnnnn  n + 1 registers, up to 16384, of rank 0
//   1rrrrrnn           n + 1 registers, up to 4, of rank r + 1, up to 32
template <typename Visit>  // visit(uint32_t first_register, const HllRun&)
bool ForEachHllRun(std::string_view runs, Visit visit);

// As MergeHll.
bool MergeSparse(std::string_view runs, HllRanks* ranks);

// A sparse HyperLogLog that is written to. Which runs it is made of depends on the order of the
// writes, and on runs that somebody else has chosen: this is the way of Redis, so that the bytes
// are the same.
class SparseHll {
 public:
  // It will not grow beyond so many bytes, header included.
  explicit SparseHll(uint64_t bytes_max) : bytes_max_(bytes_max) {}

  // False: damaged, and nothing else may be called.
  bool Load(std::string_view value);
  const HllRanks& ranks() const { return ranks_; }
  std::string_view bytes() const { return bytes_; }
  // `rank` is higher than the register's, and in ranks() whatever comes of it. False: the sparse
  // form has no room for it, and bytes() stays as it was.
  bool Raise(uint32_t index, uint8_t rank);

 private:
  // Where a run begins, and with which register.
  struct Place {
    uint32_t at;
    uint32_t first;
  };
  static constexpr uint32_t kBlock = 256;  // registers
  static constexpr uint32_t kBlocks = kHllRegisters / kBlock;

  HllRun RunAt(uint32_t at) const;
  // The run with this register, and where the one before begins, or where it does if it is first.
  Place Find(uint32_t index, Place* before) const;
  void MoveStarts(Place split, uint32_t index, uint32_t left_bytes, int grown);
  void JoinRuns(Place from);

  uint64_t bytes_max_;
  std::string bytes_;
  HllRanks ranks_;
  // The run with the first register of each block: a search begins there, or at the block before.
  std::array<Place, kBlocks> starts_;
};

// Adds elements to both forms and compares; some ms. Null, or what is wrong.
const char* HllSelfTest();

// --- leaves ---

// The run at `run`, of which all bytes must be there.
inline HllRun ReadHllRun(const uint8_t* run) {
  const uint8_t head = run[0];
  if ((head & 0xc0) == 0x40) {
    return {static_cast<uint32_t>((head & 0x3f) << 8 | run[1]) + 1, 0, 2};
  }
  const bool ranked = (head & 0x80) != 0;
  return {static_cast<uint32_t>(head & (ranked ? 0x03 : 0x3f)) + 1,
          static_cast<uint8_t>(ranked ? (head >> 2 & 0x1f) + 1 : 0), 1};
}

template <typename Visit>
bool ForEachHllRun(std::string_view runs, Visit visit) {
  const auto* bytes = reinterpret_cast<const uint8_t*>(runs.data());
  uint32_t first = 0;
  for (size_t at = 0; at < runs.size();) {
    if ((bytes[at] & 0xc0) == 0x40 && at + 1 == runs.size()) return false;
    const HllRun run = ReadHllRun(bytes + at);
    if (run.registers > kHllRegisters - first) return false;
    visit(first, run);
    first += run.registers;
    at += run.bytes;
  }
  return first == kHllRegisters;
}

}  // namespace cairn
