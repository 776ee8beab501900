#include "cache/cache_policy.h"

#include <malloc.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "base/check.h"
#include "base/prefetch.h"
#include "base/slab.h"

namespace cairn::cache {
namespace {

constexpr uint32_t kNone = ReplacementPolicy::kNone;
constexpr uint32_t kProbation = 0, kProtected = 1;
constexpr uint32_t kSmallQueueShare = 10;  // 1/10 of the bytes
constexpr uint32_t kHirShare = 20;         // 1/20 of the bytes, up to kHirRoom times as much
constexpr uint32_t kHirRoom = 2;
constexpr uint32_t kGhostShare = 2;  // S3-FIFO: as many ghosts as half the records
constexpr uint32_t kLruProbationShare = 5;
constexpr uint32_t kStackFrontShare = 8;
constexpr size_t kMallocOverhead = 8;
constexpr size_t kMmapBytes = 128 * 1024;
constexpr size_t kPageBytes = 4096;

uint64_t TotalBytes(const CacheShard& shard) {
  return shard.lists[kProbation].bytes + shard.lists[kProtected].bytes;
}

uint64_t UsesOf(const CacheSlot& slot) { return slot.word / CacheSlot::kUse; }

bool SmallAndHot(const CacheSlot& slot) {
  return (slot.word & CacheSlot::kSmall) != 0 && UsesOf(slot) > 1;
}

}  // namespace

size_t CacheCharge(size_t record_bytes) {
  const size_t bytes = sizeof(CacheBlob) + record_bytes;
  if (bytes <= SlabArena::kBytesMax) return SlabArena::ShareBytes(bytes);
  const size_t block = SlabArena::BlockBytes(bytes) + 2 * kMallocOverhead;
  return block < kMmapBytes ? block : (block + kPageBytes - 1) / kPageBytes * kPageBytes;
}

// ---- ghosts ----

ptrdiff_t GhostHistory::Fit(uint32_t wanted) {
  if (wanted <= room() + room() / 2 && wanted >= room() / 4) return 0;
  const auto before = static_cast<ptrdiff_t>(bytes());
  Free();
  sets_ = (wanted + wanted / 4 + kSetEntries - 1) / kSetEntries;
  const size_t table = size_t{sets_} * kSetEntries * sizeof(uint32_t);
  entries_ = Allocated(static_cast<uint32_t*>(std::aligned_alloc(64, table)), table);
  std::memset(entries_, 0, table);
  return static_cast<ptrdiff_t>(bytes()) - before;
}

void GhostHistory::Free() {
  std::free(entries_);
  entries_ = nullptr;
  sets_ = 0;
}

size_t GhostHistory::bytes() const {
  return entries_ == nullptr ? 0 : malloc_usable_size(entries_) + kMallocOverhead;
}

void GhostHistory::Put(uint32_t id, uint16_t now) {
  const uint64_t hash = Hash(id);
  uint32_t* set = Set(hash);
  uint32_t at = 0, oldest = 0;
  for (uint32_t i = 0; i < kSetEntries; ++i) {
    if (set[i] == 0) {
      at = i;
      break;
    }
    const uint32_t age = static_cast<uint16_t>(now - static_cast<uint16_t>(set[i]));
    if (age < oldest) continue;
    oldest = age;
    at = i;
  }
  set[at] = Mark(hash) << 16 | now;
}

bool GhostHistory::Take(uint32_t id, uint16_t* then) {
  if (entries_ == nullptr) return false;
  const uint64_t hash = Hash(id);
  uint32_t* set = Set(hash);
  for (uint32_t i = 0; i < kSetEntries; ++i) {
    if (set[i] >> 16 != Mark(hash)) continue;
    *then = static_cast<uint16_t>(set[i]);
    set[i] = 0;
    return true;
  }
  return false;
}

void GhostHistory::Prefetch(uint32_t id) const {
  if (entries_ != nullptr) cairn::Prefetch(Set(Hash(id)));
}

// ---- lists ----

size_t ReplacementPolicy::ChargeOf(const CacheSlot& slot) {
  const uint64_t units = slot.word >> CacheSlot::kSizeShift & CacheSlot::kSizeMax;
  return units != 0 ? SlabArena::ShareBytes(units * CacheSlot::kSizeUnit)
                    : CacheCharge(slot.blob()->length);
}

void ReplacementPolicy::Link(CacheShard& shard, uint32_t handle, uint32_t number) {
  CacheList& list = shard.lists[number];
  CacheSlot& slot = shard.slots[handle];
  slot.word =
      number == kProtected ? slot.word | CacheSlot::kProtected : slot.word & ~CacheSlot::kProtected;
  slot.prev = kNone;
  slot.next = list.newest;
  if (list.newest != kNone) {
    shard.slots[list.newest].prev = handle;
  } else {
    list.oldest = handle;
  }
  list.newest = handle;
  list.bytes += ChargeOf(slot);
  ++list.count;
}

void ReplacementPolicy::Unlink(CacheShard& shard, uint32_t handle) {
  const CacheSlot& slot = shard.slots[handle];
  CacheList& list = shard.lists[slot.list()];
  if (slot.prev != kNone) {
    shard.slots[slot.prev].next = slot.next;
  } else {
    list.newest = slot.next;
  }
  if (slot.next != kNone) {
    shard.slots[slot.next].prev = slot.prev;
  } else {
    list.oldest = slot.prev;
  }
  list.bytes -= ChargeOf(slot);
  --list.count;
}

void ReplacementPolicy::Move(CacheShard& shard, uint32_t handle, uint32_t list) {
  Unlink(shard, handle);
  Link(shard, handle, list);
}

// ---- all policies ----

void ReplacementPolicy::Enter(CacheShard& shard, uint32_t handle, uint32_t ghost) const {
  uint16_t then = 0;
  uint32_t list = kProbation;
  if (policy_ == CachePolicy::kS3Fifo) {
    if (shard.ghosts.Take(ghost, &then)) {
      const uint32_t shift = StampShift(shard);
      const auto age = static_cast<uint16_t>((shard.clock >> shift) - then);
      if (uint64_t{age} << shift <= shard.live / kGhostShare) list = kProtected;
    }
  } else if (policy_ == CachePolicy::kLirs) {
    const uint32_t shift = StampShift(shard);
    const uint32_t now = ++shard.clock;
    // Too few LIR records: at first, and when the shard had shrunk and grows again.
    const bool few = shard.lists[kProbation].bytes * kHirShare >= kHirRoom * TotalBytes(shard);
    shard.stamps[handle] = now;
    if (shard.ghosts.Take(ghost, &then)) {
      const auto age = static_cast<uint16_t>((now >> shift) - then);
      if (InStack(shard, ((now >> shift) - age) << shift)) list = kProtected;
    } else if (few) {
      list = kProtected;
    }
  }
  Link(shard, handle, list);
  if (policy_ == CachePolicy::kLirs && list == kProtected) {
    while (LirsDemote(shard)) {
    }
  }
}

void ReplacementPolicy::HitAndMove(CacheShard& shard, uint32_t handle) const {
  CacheSlot& slot = shard.slots[handle];
  if ((slot.word & CacheSlot::kUsesMask) < kUsesMax) slot.word += CacheSlot::kUse;
  if (policy_ == CachePolicy::kLirs) return LirsHit(shard, handle);
  if (slot.prev != kNone) Move(shard, handle, slot.list());
}

void ReplacementPolicy::Replaced(CacheShard& shard, uint32_t handle, size_t old_charge) const {
  const CacheSlot& slot = shard.slots[handle];
  shard.lists[slot.list()].bytes += ChargeOf(slot) - old_charge;  // may wrap: a difference
  Hit(shard, handle);
}

uint32_t ReplacementPolicy::Victim(CacheShard& shard) const {
  if (shard.lists[kProbation].count + shard.lists[kProtected].count == 0) return kNone;
  uint32_t handle = kNone;
  switch (policy_) {
    case CachePolicy::kS3Fifo:
      handle = S3FifoVictim(shard);
      break;
    case CachePolicy::kLirs:
      handle = LirsVictim(shard);
      break;
    case CachePolicy::kLru:
      handle = LruVictim(shard);
      break;
  }
  Unlink(shard, handle);
  return handle;
}

ptrdiff_t ReplacementPolicy::Remember(CacheShard& shard, uint32_t handle, uint32_t checksum) const {
  if (policy_ == CachePolicy::kLru || shard.live < kGhostRecordsMin) return 0;
  if (shard.slots[handle].list() == kProtected) return 0;
  uint32_t stamp = 0;
  if (policy_ == CachePolicy::kLirs) {
    stamp = shard.stamps[handle];
    if (!InStack(shard, stamp)) return 0;
  } else {
    stamp = ++shard.clock;
  }
  const bool lirs = policy_ == CachePolicy::kLirs;
  const ptrdiff_t grown = shard.ghosts.Fit(lirs ? shard.live : shard.live / kGhostShare);
  shard.ghosts.Put(checksum, static_cast<uint16_t>(stamp >> StampShift(shard)));
  return grown;
}

// How coarse the times of ghosts are, so that 16 bits hold many times the history.
uint32_t ReplacementPolicy::StampShift(const CacheShard& shard) {
  const uint32_t size = shard.ghosts.room() / 64;
  return size == 0 ? 0 : 32 - static_cast<uint32_t>(__builtin_clz(size));
}

// ---- S3-FIFO ----

uint32_t ReplacementPolicy::S3FifoVictim(CacheShard& shard) const {
  CacheList& small = shard.lists[kProbation];
  CacheList& main = shard.lists[kProtected];
  // Ends: each step lowers a use count or empties the small queue.
  for (;;) {
    if (main.count == 0 ||
        (small.count != 0 && small.bytes * kSmallQueueShare >= TotalBytes(shard))) {
      const uint32_t handle = small.oldest;
      CacheSlot& slot = shard.slots[handle];
      if (UsesOf(slot) <= 1) return handle;
      if (SmallAndHot(slot)) slot.word |= CacheSlot::kProven;
      slot.word &= ~CacheSlot::kUsesMask;
      Move(shard, handle, kProtected);
      continue;
    }
    const uint32_t handle = main.oldest;
    CacheSlot& slot = shard.slots[handle];
    if (UsesOf(slot) != 0) {
      if (SmallAndHot(slot)) slot.word |= CacheSlot::kProven;
      slot.word -= CacheSlot::kUse;
    } else if ((slot.word & CacheSlot::kProven) != 0) {
      slot.word &= ~CacheSlot::kProven;
    } else {
      return handle;
    }
    Move(shard, handle, kProtected);
  }
}

// ---- LIRS ----

// Used after the last record of the stack was?
bool ReplacementPolicy::InStack(const CacheShard& shard, uint32_t stamp) {
  const uint32_t last = shard.lists[kProtected].oldest;
  return last == kNone || static_cast<int32_t>(stamp - shard.stamps[last]) > 0;
}

void ReplacementPolicy::LirsHit(CacheShard& shard, uint32_t handle) const {
  const uint32_t now = ++shard.clock;
  uint32_t& stamp = shard.stamps[handle];
  const uint32_t age = now - stamp;
  if (shard.slots[handle].list() == kProtected) {
    if (age <= shard.live / kStackFrontShare) return;
    stamp = now;
    Move(shard, handle, kProtected);
    return;
  }
  const bool promote = InStack(shard, stamp);
  stamp = now;
  Move(shard, handle, promote ? kProtected : kProbation);
  while (LirsDemote(shard)) {
  }
}

// The last of the stack goes to Q if LIR records have more than their share. A small value that
// proved hot goes round once more.
bool ReplacementPolicy::LirsDemote(CacheShard& shard) {
  CacheList& lir = shard.lists[kProtected];
  while (lir.count > 1 && shard.lists[kProbation].bytes * kHirShare < TotalBytes(shard)) {
    const uint32_t handle = lir.oldest;
    CacheSlot& slot = shard.slots[handle];
    if (!SmallAndHot(slot)) {
      Move(shard, handle, kProbation);
      return true;
    }
    slot.word &= ~CacheSlot::kUsesMask;
    shard.stamps[handle] = shard.clock;
    Move(shard, handle, kProtected);
  }
  return false;
}

uint32_t ReplacementPolicy::LirsVictim(CacheShard& shard) const {
  CacheList& hir = shard.lists[kProbation];
  for (;;) {
    while (LirsDemote(shard)) {
    }
    if (hir.count == 0) return shard.lists[kProtected].oldest;
    const uint32_t handle = hir.oldest;
    CacheSlot& slot = shard.slots[handle];
    if (!SmallAndHot(slot)) return handle;
    slot.word &= ~CacheSlot::kUsesMask;
    shard.stamps[handle] = shard.clock;
    Move(shard, handle, kProtected);
  }
}

// ---- LRU ----

uint32_t ReplacementPolicy::LruVictim(CacheShard& shard) const {
  CacheList& plain = shard.lists[kProbation];
  CacheList& hot = shard.lists[kProtected];
  while (hot.count != 0 && plain.bytes * kLruProbationShare < TotalBytes(shard)) {
    shard.slots[hot.oldest].word &= ~CacheSlot::kUsesMask;
    Move(shard, hot.oldest, kProbation);
  }
  while (SmallAndHot(shard.slots[plain.oldest])) {
    shard.slots[plain.oldest].word &= ~CacheSlot::kUsesMask;
    Move(shard, plain.oldest, kProtected);
    if (plain.count == 0) return hot.oldest;
  }
  return plain.oldest;
}

}  // namespace cairn::cache
