// Blocks of the index tree (art.h): what buckets and nodes share. Internal to native/vlog/art*.
// Guarded by the owner of the tree. A block is one malloc; its first byte tells what it is. All
// sizes are charged with malloc's overhead.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <cstring>

#include "base/check.h"

namespace cairn::art {

struct Block {
  static constexpr uint8_t kNodeTag = 0x80;  // else a bucket, with its flags in the other bits
  uint8_t tag;
};

inline bool IsNode(const Block* block) { return block->tag == Block::kNodeTag; }

inline constexpr size_t Pad8(size_t n) { return (n + 7) & ~size_t{7}; }

// glibc's malloc: chunks are multiples of 16, of which 8 are its own, and at least 32.
inline constexpr size_t kChunkOverhead = 8;
inline constexpr size_t ChunkBytes(size_t want) {
  const size_t chunk = (want + kChunkOverhead + 15) & ~size_t{15};
  return chunk < 32 ? 32 : chunk;
}
// What can be used of a chunk: blocks always take all of it.
inline constexpr size_t UsableBytes(size_t want) { return ChunkBytes(want) - kChunkOverhead; }

// `usable` must come from UsableBytes. *charged keeps the sum of the chunks.
inline void* AllocateBlock(size_t usable, size_t* charged) {
  void* block = std::malloc(usable);
  CAIRN_CHECK(block != nullptr);
  *charged += ChunkBytes(usable);
  return block;
}
inline void FreeBlock(void* block, size_t usable, size_t* charged) {
  CAIRN_CHECK(*charged >= ChunkBytes(usable));
  *charged -= ChunkBytes(usable);
  std::free(block);
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

}  // namespace cairn::art
