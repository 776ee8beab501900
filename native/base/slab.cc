#include "base/slab.h"

#include <sys/mman.h>

#include <array>
#include <cstdlib>

#include "base/check.h"

// So that the address sanitizer sees what it would see with malloc.
#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define __SANITIZE_ADDRESS__ 1
#endif
#endif
#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/asan_interface.h>
#else
#define ASAN_POISON_MEMORY_REGION(address, bytes) ((void)(address), (void)(bytes))
#define ASAN_UNPOISON_MEMORY_REGION(address, bytes) ((void)(address), (void)(bytes))
#endif

namespace cairn {

namespace {
constexpr size_t kSlabHeaderBytes = 64;
}

struct SlabArena::Slab {
  Slab* next;
  Slab* previous;
  void* free_list;     // blocks given back
  uint32_t used;       // blocks in use
  uint32_t untouched;  // blocks never used, at the end
  uint32_t block_bytes;
  uint32_t blocks;

  char* first() { return reinterpret_cast<char*>(this) + kSlabHeaderBytes; }
  bool full() const { return used == blocks; }
};

SlabArena::~SlabArena() {
  for (void* region : regions_) {
    ASAN_UNPOISON_MEMORY_REGION(region, kRegionBytes);
    munmap(region, kRegionBytes);
  }
}

// Steps of 32 up to 512, 64 up to 1024, 128 up to 2048, 256 up to 4096.
uint32_t SlabArena::ClassOf(size_t bytes) {
  CAIRN_CHECK(bytes != 0 && bytes <= kBytesMax);
  if (bytes <= 512) return static_cast<uint32_t>((bytes - 1) / 32);
  if (bytes <= 1024) return static_cast<uint32_t>(16 + (bytes - 513) / 64);
  if (bytes <= 2048) return static_cast<uint32_t>(24 + (bytes - 1025) / 128);
  return static_cast<uint32_t>(32 + (bytes - 2049) / 256);
}

size_t SlabArena::ClassBytes(uint32_t number) {
  if (number < 16) return (number + 1) * size_t{32};
  if (number < 24) return 512 + (number - 15) * size_t{64};
  if (number < 32) return 1024 + (number - 23) * size_t{128};
  return 2048 + (number - 31) * size_t{256};
}

size_t SlabArena::BlockBytes(size_t bytes) {
  constexpr size_t kMallocRound = 16;
  if (bytes > kBytesMax) return (bytes + kMallocRound - 1) / kMallocRound * kMallocRound;
  return ClassBytes(ClassOf(bytes));
}

size_t SlabArena::ShareBytes(size_t bytes) {
  static const auto kShares = [] {
    std::array<uint16_t, kClasses> shares{};
    for (uint32_t i = 0; i < kClasses; ++i) {
      const size_t blocks = (kSlabBytes - kSlabHeaderBytes) / ClassBytes(i);
      shares[i] = static_cast<uint16_t>((kSlabBytes + blocks - 1) / blocks);
    }
    return shares;
  }();
  return kShares[ClassOf(bytes)];
}

SlabArena::Slab* SlabArena::TakeSlab(uint32_t number) {
  Slab* slab = nullptr;
  {
    LatchGuard guard(latch_);
    if (free_slabs_ != nullptr) {
      slab = free_slabs_;
      free_slabs_ = slab->next;
    } else {
      if (fresh_ == fresh_end_) {
        // Twice the size first, to cut an aligned part out of it.
        void* wide = mmap(nullptr, 2 * kRegionBytes, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
        if (wide == MAP_FAILED) OutOfMemory(kRegionBytes);
        auto start = reinterpret_cast<uintptr_t>(wide);
        uintptr_t aligned = (start + kRegionBytes - 1) / kRegionBytes * kRegionBytes;
        if (aligned != start) munmap(wide, aligned - start);
        munmap(reinterpret_cast<void*>(aligned + kRegionBytes), start + kRegionBytes - aligned);
        (void)madvise(reinterpret_cast<void*>(aligned), kRegionBytes, MADV_HUGEPAGE);
        fresh_ = reinterpret_cast<char*>(aligned);
        fresh_end_ = fresh_ + kRegionBytes;
        regions_.push_back(fresh_);
      }
      slab = reinterpret_cast<Slab*>(fresh_);
      fresh_ += kSlabBytes;
    }
  }
  slab->next = slab->previous = nullptr;
  slab->free_list = nullptr;
  slab->used = 0;
  slab->block_bytes = static_cast<uint32_t>(ClassBytes(number));
  slab->blocks = static_cast<uint32_t>((kSlabBytes - kSlabHeaderBytes) / slab->block_bytes);
  slab->untouched = slab->blocks;
  ASAN_POISON_MEMORY_REGION(slab->first(), kSlabBytes - kSlabHeaderBytes);
  return slab;
}

void SlabArena::GiveSlab(Slab* slab) {
  LatchGuard guard(latch_);
  slab->next = free_slabs_;
  free_slabs_ = slab;
}

void* SlabArena::Allocate(size_t bytes) {
  if (bytes > kBytesMax) {
    return Allocated(std::malloc(BlockBytes(bytes)), bytes);
  }
  const uint32_t number = ClassOf(bytes);
  Class& own = classes_[number];
  LatchGuard guard(own.latch);
  if (own.partial == nullptr) own.partial = TakeSlab(number);
  Slab* slab = own.partial;
  void* block;
  if (slab->free_list != nullptr) {
    block = slab->free_list;
    ASAN_UNPOISON_MEMORY_REGION(block, slab->block_bytes);
    slab->free_list = *static_cast<void**>(block);
  } else {
    block = slab->first() + size_t{slab->blocks - slab->untouched} * slab->block_bytes;
    --slab->untouched;
    ASAN_UNPOISON_MEMORY_REGION(block, slab->block_bytes);
  }
  ++slab->used;
  if (slab->full()) {
    own.partial = slab->next;
    if (own.partial != nullptr) own.partial->previous = nullptr;
    slab->next = slab->previous = nullptr;
  }
  return block;
}

void SlabArena::Free(void* block, size_t bytes) {
  if (bytes > kBytesMax) {
    std::free(block);
    return;
  }
  Class& own = classes_[ClassOf(bytes)];
  auto* slab = reinterpret_cast<Slab*>(reinterpret_cast<uintptr_t>(block) & ~(kSlabBytes - 1));
  LatchGuard guard(own.latch);
  CAIRN_CHECK(slab->block_bytes == BlockBytes(bytes) && slab->used > 0);
  const bool was_full = slab->full();
  *static_cast<void**>(block) = slab->free_list;
  slab->free_list = block;
  ASAN_POISON_MEMORY_REGION(block, slab->block_bytes);
  --slab->used;
  if (was_full) {
    slab->next = own.partial;
    slab->previous = nullptr;
    if (own.partial != nullptr) own.partial->previous = slab;
    own.partial = slab;
  }
  // The last slab with room stays, so that a class at a boundary does not trade slabs all the time.
  if (slab->used == 0 && (slab->next != nullptr || slab->previous != nullptr)) {
    if (slab->previous != nullptr) {
      slab->previous->next = slab->next;
    } else {
      own.partial = slab->next;
    }
    if (slab->next != nullptr) slab->next->previous = slab->previous;
    GiveSlab(slab);
  }
}

}  // namespace cairn
