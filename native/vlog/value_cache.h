// ValueCache: record images (header, key and value exactly as they lie in the log) kept in RAM,
// under one byte budget for all shards. The index entry of a cached record has Pointer::kResident
// set and holds the handle; see pointer.h.
//
// Threads: everything that takes a shard number is called with that shard's latch held (the owner's
// latch; the cache has none). SetBudget, OverBudget, bytes and budget may be called from any thread
// without a latch.
//
// Policy: CLOCK with a two-bit use count per record. A record enters with count 0, every Get raises
// it up to kUsesMax, the hand lowers it and evicts at 0. So what a cold scan brings in leaves on
// the hand's first visit, while records that proved hot survive several. The hand walks the array
// of slots without touching the records. An evicted slot is the next one to be used, just behind
// the hand, which makes it a queue in steady state.
//
// Charge: the block of each image in the arena, and the slot arrays. Callers that replace a record
// tell the old length, so that a write touches the old record's memory only to write over it.
// Images above 1/8 of the budget never enter.
//
// Eviction protocol: Insert and Replace never evict; afterwards the owner calls Shrink, with the
// shard's latch still held or with none. Shrink evicts from the shard at hand while that has many
// records, and every kForeignEvery-th time, or always if it has few, from the next occupied shard
// in turn, whose latch is only tried, never waited for: two latches are never waited for together,
// so there is no deadlock. The work per call is bounded; what is left over is done by the next
// call. For each evicted record the owner's callback must clear kResident in the index entry and
// put the true checksum back; it runs with the latch of the record's shard held, and must not call
// the cache.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

#include "base/prefetch.h"
#include "base/slab.h"
#include "base/slot.h"

namespace cairn {

class ValueCache {
 public:
  static constexpr uint32_t kNoHandle = UINT32_MAX;
  static constexpr uint64_t kUsesMax = 3;
  static constexpr uint32_t kEvictionsPerShrinkMax = 64;
  static constexpr uint32_t kForeignEvery = 4;
  static constexpr uint32_t kOwnRecordsMin = 64;  // "many records"
  static constexpr uint32_t kShardTriesMax = 16;

  struct View {
    std::string_view record;
    uint32_t checksum = 0;  // the record's true checksum
  };

  explicit ValueCache(size_t budget_bytes,
                      uint32_t shards = kShardCount);  // no records yet, no threads yet
  ~ValueCache();
  ValueCache(const ValueCache&) = delete;
  ValueCache& operator=(const ValueCache&) = delete;

  // Copies the record in and returns its handle, or kNoHandle if it is too large or the cache is
  // off.
  [[nodiscard]] uint32_t Insert(uint32_t shard, uint32_t checksum, std::string_view record);
  // Same, but the caller fills the `length` bytes at *data itself, before it lets go of the latch.
  [[nodiscard]] uint32_t Reserve(uint32_t shard, uint32_t checksum, uint32_t length, char** data);
  // Puts another record of the same key under an existing handle, in place where it fits. Returns
  // the handle (always the same one), or kNoHandle if the record may not enter: then the old one is
  // erased as well.
  [[nodiscard]] uint32_t Replace(uint32_t shard, uint32_t handle, uint32_t old_length,
                                 uint32_t checksum, std::string_view record);
  [[nodiscard]] uint32_t ReplaceReserve(uint32_t shard, uint32_t handle, uint32_t old_length,
                                        uint32_t checksum, uint32_t length, char** data);
  // The record's bytes; valid while the latch is held. Get counts as a use and reads nothing of the
  // record, whose length the caller knows; Peek does not count.
  const char* Get(uint32_t shard, uint32_t handle);
  View Peek(uint32_t shard, uint32_t handle) const;
  // Starts loading what leads to the record.
  void PrefetchSlot(uint32_t shard, uint32_t handle) const {
    cairn::Prefetch(&shards_[shard].slots[handle]);
  }
  // Starts loading the record of `bytes` bytes into the processor's caches.
  void Prefetch(uint32_t shard, uint32_t handle, size_t bytes) const {
    constexpr size_t kLine = 64, kLinesMax = 8;
    const char* blob = reinterpret_cast<const char*>(shards_[shard].slots[handle] & ~uint64_t{15});
    const size_t lines = bytes / kLine + 2;
    for (size_t i = 0; i < (lines < kLinesMax ? lines : kLinesMax); ++i)
      cairn::Prefetch(blob + kLine * i - 16);
  }
  void SetChecksum(uint32_t shard, uint32_t handle, uint32_t checksum);
  void Erase(uint32_t shard, uint32_t handle);
  // Forgets everything in the shard without callbacks; the owner drops or fixes the index entries
  // itself.
  void Clear(uint32_t shard);

  // Evicts one record of the shard. Calls on_evict(uint32_t handle, View) first, then frees the
  // record. False: empty.
  template <typename OnEvict>
  bool EvictOne(uint32_t shard, OnEvict&& on_evict) {
    const uint32_t handle = Victim(shard);
    if (handle == kNoHandle) return false;
    on_evict(handle, Peek(shard, handle));
    Erase(shard, handle);
    evictions_.fetch_add(1, std::memory_order_relaxed);
    return true;
  }

  // Evicts until the budget holds again or the bound on work is reached. held_shard: the shard
  // whose latch the caller holds, or kNoHandle for none. try_latch(uint32_t shard) -> bool,
  // unlatch(uint32_t shard), on_evict(uint32_t shard, uint32_t handle, View). Returns the number of
  // evicted records.
  template <typename TryLatch, typename Unlatch, typename OnEvict>
  uint32_t Shrink(uint32_t held_shard, TryLatch&& try_latch, Unlatch&& unlatch,
                  OnEvict&& on_evict) {
    uint32_t evicted = 0;
    uint32_t failed_tries = 0;
    while (OverBudget() && evicted < kEvictionsPerShrinkMax && failed_tries < kShardTriesMax) {
      const uint32_t shard = failed_tries == 0 ? NextVictimShard(held_shard) : NextOccupiedShard();
      if (shard == kNoHandle) break;
      const bool held = shard == held_shard;
      bool done = false;
      if (held || try_latch(shard)) {
        done = EvictOne(shard, [&](uint32_t handle, View view) { on_evict(shard, handle, view); });
        if (!held) unlatch(shard);
      }
      evicted += done ? 1 : 0;
      failed_tries = done ? 0 : failed_tries + 1;
    }
    return evicted;
  }

  bool OverBudget() const {
    return bytes_.load(std::memory_order_relaxed) > budget_.load(std::memory_order_relaxed);
  }
  // Takes effect at once for new records; the surplus leaves with the next calls of Shrink.
  void SetBudget(size_t bytes) { budget_.store(bytes, std::memory_order_relaxed); }
  size_t budget() const { return budget_.load(std::memory_order_relaxed); }
  size_t bytes() const { return bytes_.load(std::memory_order_relaxed); }
  uint64_t evictions() const { return evictions_.load(std::memory_order_relaxed); }
  uint32_t records(uint32_t shard) const { return shards_[shard].live; }

 private:
  struct Blob;
  // One word per slot. In use: the address of the blob (16-byte aligned) + use count in bits 0-1.
  // Free: next free slot << 3 + bit 2.
  using Slot = uint64_t;

  struct Shard {
    Slot* slots = nullptr;
    uint32_t capacity = 0;
    uint32_t live = 0;
    uint32_t free_head = kNoHandle;
    uint32_t hand = 0;
    uint32_t turn = 0;  // of evictions for this shard: which ones go to another shard
  };
  static_assert(sizeof(Shard) <= 64);

  bool Admits(size_t length) const;
  static size_t Charge(size_t length);
  Blob* BlobAt(uint32_t shard, uint32_t handle) const;
  void GrowSlots(Shard& shard);
  uint32_t Victim(uint32_t shard);
  uint32_t NextVictimShard(uint32_t held_shard);
  uint32_t NextOccupiedShard();
  void MarkOccupied(uint32_t shard, bool occupied);

  const uint32_t shard_count_;
  SlabArena arena_;
  std::unique_ptr<Shard[]> shards_;
  std::unique_ptr<std::atomic<uint64_t>[]> occupied_;  // one bit per shard with records
  std::atomic<size_t> budget_;
  alignas(64) std::atomic<size_t> bytes_{0};
  std::atomic<uint64_t> evictions_{0};
  std::atomic<uint32_t> next_shard_{0};
};

}  // namespace cairn
