// Blocks of the index tree (art.h): what buckets and nodes share. Internal to native/vlog/art*.
// Guarded by the owner of the tree. Blocks come from one arena (base/slab.h); the first byte tells
// what a block is.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>

#include "base/check.h"
#include "base/prefetch.h"
#include "base/slab.h"

namespace cairn::vlog::art {

struct Block {
  static constexpr uint8_t kNodeTag = 0x80;  // else a bucket; its flags are in the other bits
  uint8_t tag;
};

inline bool IsNode(const Block* block) { return (block->tag & Block::kNodeTag) != 0; }

// Expiry as the tree's inner parts know it: the first second in which the entry is expired, so that
// a part whose second has come always has something to give.
inline constexpr uint32_t kNeverDue = UINT32_MAX;
inline uint32_t DueSecond(uint64_t expire_at_ms) {
  const uint64_t second = expire_at_ms / 1000 + (expire_at_ms % 1000 != 0 ? 1 : 0);
  return static_cast<uint32_t>(second < kNeverDue ? second : kNeverDue - 1);
}

inline constexpr size_t Pad8(size_t n) { return (n + 7) & ~size_t{7}; }

// What can be used of a block: blocks always take all of it.
inline size_t UsableBytes(size_t want) { return SlabArena::BlockBytes(want); }

// The memory of all trees in the process. A descent touches a handful of lines, each on a page of
// its own: on pages of 4 KiB the translation of addresses costs more than the lines.
SlabArena& BlockArena();

// `usable` must come from UsableBytes. *charged keeps the sum of the blocks.
inline void* AllocateBlock(size_t usable, size_t* charged) {
  *charged += usable;
  return BlockArena().Allocate(usable);
}
inline void FreeBlock(void* block, size_t usable, size_t* charged) {
  CAIRN_CHECK(*charged >= usable);
  *charged -= usable;
  BlockArena().Free(block, usable);
}

// Starts loading what a step down the tree looks at first: of a node the header and the bounds, of
// a bucket the header and the prints.
inline void PrefetchBlock(const Block* block) {
  constexpr size_t kLine = 64;
  Prefetch(block);
  Prefetch(reinterpret_cast<const char*>(block) + kLine);
}

inline size_t CommonBytes(const char* a, const char* b, size_t n) {
  size_t i = 0;
  for (; i + 8 <= n; i += 8) {
    uint64_t x, y;
    std::memcpy(&x, a + i, 8);
    std::memcpy(&y, b + i, 8);
    if (x != y) return i + static_cast<size_t>(__builtin_ctzll(x ^ y)) / 8;
  }
  while (i < n && a[i] == b[i]) ++i;
  return i;
}

}  // namespace cairn::vlog::art
