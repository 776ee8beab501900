// Bucket: the leaf of the index tree (art.h), a sorted array of up to kMaxEntries entries in one
// block that is as large as it must be, give or take 1/16 and what the arena rounds up. Internal to
// native/vlog/art*; guarded by the owner of the tree.
//
//   0        8                                                                            capacity
//   +--------+----------+----------+---------------+------------+-------------+------+-------+
//   | header | prints n | pad to 8 | pointers 24 n | mask,times | row lengths | rows | slack |
//   +--------+----------+----------+---------------+------------+-------------+------+-------+
//                                                    if kTimes    n, unless kUniform
//
// The suffix of an entry (what is left of its key in this bucket) is split into a row, all but its
// last byte, and the last byte, which is kept as print = last byte + RowHash(row) modulo 256. A
// print is thus a hash of the whole suffix and still tells the last byte. The empty suffix has an
// empty row and print 0; being the smallest it can only be entry 0, and kFirstEmpty tells it from a
// one-byte suffix.
//
// mask: bit i is set if entry i has an expiry; times has one value per set bit, in order.
//
// Rows of 255 bytes and more have length byte 255 and their length in the first 4 bytes of the row
// (kLongRows is then set). With kUniform all rows have the length in the header and there are no
// length bytes.
#pragma once

#include <cstdint>
#include <string_view>

#include "vlog/index/art_block.h"
#include "vlog/index/pointer.h"

namespace cairn::vlog::art {

uint8_t RowHash(const char* row, size_t bytes);

// A suffix prepared for searching.
struct Suffix {
  explicit Suffix(std::string_view suffix)
      : bytes(suffix.data()),
        row_len(suffix.empty() ? 0 : suffix.size() - 1),
        empty(suffix.empty()),
        last(empty ? 0 : static_cast<uint8_t>(suffix.back())),
        print(empty ? 0 : static_cast<uint8_t>(last + RowHash(bytes, row_len))) {}
  const char* bytes;
  size_t row_len;
  bool empty;
  uint8_t last;
  uint8_t print;
};

// An entry taken apart, to build a bucket from. Its suffix is lead + row + (last, if has_last).
struct Item {
  Pointer pointer;
  uint64_t expire_at_ms;
  std::string_view lead;
  std::string_view row;
  bool has_last;
  uint8_t last;
};

struct Bucket {
  static constexpr uint32_t kMaxEntries = 48;    // split above; one more than this for a moment
  static constexpr uint32_t kMaxBytes = 2048;    // split above if there are two entries
  static constexpr uint32_t kMergeEntries = 12;  // look for a neighbour to merge with at or below
  static constexpr uint32_t kMergedEntriesMax = 36;
  static constexpr uint32_t kMergedBytesMax = 1536;

  static constexpr uint8_t kUniform = 1;
  static constexpr uint8_t kTimes = 2;
  static constexpr uint8_t kFirstEmpty = 4;
  static constexpr uint8_t kLongRows = 8;

  uint8_t flags;
  uint8_t count;
  uint16_t row_len;   // of all rows, if kUniform
  uint32_t capacity;  // usable bytes of the block

  struct Row {
    const char* data;
    size_t len;
  };

  char* base() { return reinterpret_cast<char*>(this); }
  const char* base() const { return reinterpret_cast<const char*>(this); }
  const uint8_t* prints() const {
    return reinterpret_cast<const uint8_t*>(base()) + sizeof(Bucket);
  }
  size_t pointers_at() const { return sizeof(Bucket) + Pad8(count); }
  size_t mask_at() const { return pointers_at() + sizeof(Pointer) * count; }
  Pointer* pointers() { return reinterpret_cast<Pointer*>(base() + pointers_at()); }
  uint64_t mask() const;
  uint32_t times_count() const { return static_cast<uint32_t>(__builtin_popcountll(mask())); }
  size_t times_bytes() const { return (flags & kTimes) != 0 ? 8 + 8 * times_count() : 0; }
  const uint8_t* lens() const {
    return reinterpret_cast<const uint8_t*>(base()) + mask_at() + times_bytes();
  }
  const char* rows() const {
    return reinterpret_cast<const char*>(lens()) + ((flags & kUniform) != 0 ? 0 : count);
  }
  size_t RowOffset(uint32_t index) const;  // index <= count; of the stored row, in rows()
  size_t used() const { return static_cast<size_t>(rows() - base()) + RowOffset(count); }

  Row RowAt(uint32_t index) const;
  bool EmptyAt(uint32_t index) const { return index == 0 && (flags & kFirstEmpty) != 0; }
  size_t SuffixBytes(uint32_t index) const { return EmptyAt(index) ? 0 : RowAt(index).len + 1; }
  uint8_t LastByte(uint32_t index) const;
  int FirstSymbol(uint32_t index) const;    // first byte of the suffix, -1 if it is empty
  size_t CommonPrefix() const;              // of all suffixes
  uint64_t ExpireAt(uint32_t index) const;  // 0: none
  uint32_t EarliestDue() const;             // see art_block.h
  size_t CopySuffix(uint32_t index, char* out) const;  // SuffixBytes(index) bytes

  // Index of the suffix, or -1.
  int Locate(const Suffix& suffix) const;
  // Starts loading the entry that the first such print belongs to, for Locate and its caller.
  void PrefetchEntry(uint8_t print) const;
  // First index whose suffix is not below.
  uint32_t LowerBound(const Suffix& suffix) const;

  // Overwrites the time of an entry that has one.
  void OverwriteTime(uint32_t index, uint64_t expire_at_ms);
};
static_assert(sizeof(Bucket) == 8 && Bucket::kMaxEntries + 1 <= 64);
static_assert(Bucket::kMergedEntriesMax <= Bucket::kMaxEntries);

inline Bucket* AsBucket(Block* block) { return reinterpret_cast<Bucket*>(block); }
inline const Bucket* AsBucket(const Block* block) { return reinterpret_cast<const Bucket*>(block); }
inline Block* AsBlock(Bucket* bucket) { return reinterpret_cast<Block*>(bucket); }

// Takes entries [from, to) apart, without the first `strip` bytes of their suffixes and with `lead`
// before them. The items refer to the bucket and to lead.
void TakeApart(const Bucket* bucket, uint32_t from, uint32_t to, size_t strip,
               std::string_view lead, Item* items);
// A new bucket without slack. 1 <= count <= kMaxEntries + 1. Items are in order.
Bucket* BuildBucket(const Item* items, uint32_t count, size_t* charged);
void FreeBucket(Bucket* bucket, size_t* charged);

// Inserts at `index` (from LowerBound; the suffix is new). The result replaces the bucket.
[[nodiscard]] Bucket* InsertEntry(Bucket* bucket, uint32_t index, const Suffix& suffix,
                                  const Pointer& pointer, uint64_t expire_at_ms, size_t* charged);
// Removes the entry. The result replaces the bucket; null if it was the last one.
[[nodiscard]] Bucket* RemoveEntry(Bucket* bucket, uint32_t index, size_t* charged);
// Sets or (with 0) removes the expiry of an entry.
[[nodiscard]] Bucket* SetEntryTime(Bucket* bucket, uint32_t index, uint64_t expire_at_ms,
                                   size_t* charged);

}  // namespace cairn::vlog::art
