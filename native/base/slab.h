// SlabArena: memory for many small blocks, in regions that ask for huge pages. Random accesses to
// tens of megabytes of small blocks are bound by address translation, twice so in a virtual
// machine; on 2 MiB pages they are not.
//
//   region (kRegionBytes, mapped once, never unmapped)
//   +--------+--------+--------+----
//   | slab   | slab   | slab   | ...   kSlabBytes each: header, then blocks of one size class
//   +--------+--------+--------+----
//
// A slab whose blocks are all free goes back to the arena and may serve another class. The caller
// remembers the size of a block. Thread-safe: one latch per class, one for slabs; neither is held
// across anything slow but the rare mmap.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "base/latch.h"

namespace cairn {

class SlabArena {
 public:
  static constexpr size_t kBytesMax = 4096;  // larger blocks come from malloc
  static constexpr size_t kSlabBytes = 64 * 1024;
  static constexpr size_t kRegionBytes = 32ull << 20;

  SlabArena() = default;
  ~SlabArena();  // all blocks are void then
  SlabArena(const SlabArena&) = delete;
  SlabArena& operator=(const SlabArena&) = delete;

  // 1 <= bytes. The block has BlockBytes(bytes) usable bytes and is 16-byte aligned.
  void* Allocate(size_t bytes);
  // `bytes`: any number with the same BlockBytes as the one it was allocated with.
  void Free(void* block, size_t bytes);
  static size_t BlockBytes(size_t bytes);
  // The same with its share of the slab's header and unused end, for bytes <= kBytesMax.
  static size_t ShareBytes(size_t bytes);

 private:
  struct Slab;
  struct alignas(64) Class {
    Latch latch;
    Slab* partial = nullptr;  // doubly linked: slabs with room
  };
  static constexpr uint32_t kClasses = 16 + 8 + 8 + 8;

  static uint32_t ClassOf(size_t bytes);
  static size_t ClassBytes(uint32_t number);
  Slab* TakeSlab(uint32_t number);
  void GiveSlab(Slab* slab);

  Class classes_[kClasses];
  Latch latch_;
  Slab* free_slabs_ = nullptr;
  std::vector<void*> regions_;
  char* fresh_ = nullptr;  // of the newest region
  char* fresh_end_ = nullptr;
};

}  // namespace cairn
