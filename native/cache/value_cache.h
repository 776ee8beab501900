// ValueCache: record images (header, key and value exactly as they lie in the log) kept in RAM,
// under one byte budget for all shards. The index entry of a cached record has Pointer::kResident
// set and holds the handle; see pointer.h.
//
// Threads: everything that takes a shard number is called with that shard's latch held (the owner's
// latch; the cache has none). SetBudget, OverBudget, bytes and budget may be called from any thread
// without a latch.
//
// Policy: see cache_policy.h. A hit under S3-FIFO raises a count in the slot's word and nothing
// else.
//
// Charge: the block of each image with its share of its slab, the slot arrays, the ghost history;
// not the fixed 128 bytes per shard. Callers that replace a record tell the old length, so that a
// write touches the old record's memory only to write over it. Images above 1/8 of the budget never
// enter, nor does anything while the budget is exceeded. So bytes() is at most the budget and, for
// each thread, one step: one image and one growth of a slot array (1/kGrowthShare of the budget),
// or one ghost table.
//
// Eviction protocol: Insert and Replace never evict; afterwards the owner calls Shrink, with the
// shard's latch still held or with none; also if nothing entered. Shrink evicts from the shard at
// hand, whose slots and index are in the processor's caches, while that has many records; every
// kHandEvery-th time, or always if it has few, where the hand points: it goes round the shards and
// evicts 1/kVisitShare of the records of each, so that large shards lose more to small ones. The
// latch of the hand's shard is only tried, never waited for: two latches are never waited for
// together, so there is no deadlock. If many are taken, the shard at hand is next. The work per
// call is bounded; what is left over is done by the next call. For each evicted record the owner's
// callback must clear kResident in the index entry and put the true checksum back; it runs with the
// latches of the records' shards held, and must not call the cache.
//
// Large records (kLargeValueBytes) are shared with those who wrote, read or show them, and are
// never copied to get in.
//
// Records leave a batch at a time, from as many shards as it takes: victims are cold, here and in
// the index, so their cache misses had better overlap. The next inserts then find room.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "base/check.h"
#include "base/prefetch.h"
#include "base/slab.h"
#include "base/slot.h"
#include "cache/cache_policy.h"

namespace cairn {

class ValueCache {
 public:
  using SharedRecord = cache::SharedRecord;
  static constexpr uint32_t kNoHandle = UINT32_MAX;
  static constexpr uint32_t kEvictionsPerShrinkMax = 64;
  static constexpr uint32_t kBatch = 8;           // records that leave together
  static constexpr size_t kRoomShare = 256;       // of the budget: room that a batch may leave
  static constexpr uint32_t kHandEvery = 4;       // evictions: every which one is the hand's
  static constexpr uint32_t kVisitShare = 32;     // of a shard's records leave in one visit
  static constexpr uint32_t kOwnRecordsMin = 64;  // "many records"
  static constexpr size_t kGrowthShare = 128;     // of the budget: growth of a slot array
  static constexpr uint32_t kShardTriesMax = 16;

  struct View {
    std::string_view record;
    uint32_t checksum = 0;  // the record's true checksum
  };

  struct Victim {
    uint32_t shard;
    uint32_t handle;
    View view;
  };

  struct Options {
    CachePolicy policy = CachePolicy::kS3Fifo;
    uint32_t small_value_bytes = 0;  // values up to this size stay longer if they proved hot
  };

  // What the caller knows of a record besides its bytes.
  struct Hint {
    uint32_t ghost;  // checksum under which the key's value may have been here: an older version's
    uint32_t value_bytes;
  };

  explicit ValueCache(size_t budget_bytes,
                      uint32_t shards = kShardCount);  // no records yet, no threads yet
  ValueCache(size_t budget_bytes, const Options& options, uint32_t shards = kShardCount);
  ~ValueCache();
  ValueCache(const ValueCache&) = delete;
  ValueCache& operator=(const ValueCache&) = delete;

  // Copies the record in and returns its handle, or kNoHandle if it is too large or the cache is
  // off.
  [[nodiscard]] uint32_t Insert(uint32_t shard, uint32_t checksum, std::string_view record) {
    return Insert(shard, checksum, record, Hint{checksum, static_cast<uint32_t>(record.size())});
  }
  [[nodiscard]] uint32_t Insert(uint32_t shard, uint32_t checksum, std::string_view record,
                                const Hint& hint);
  // Same, but the caller fills the `length` bytes at *data itself, before it lets go of the latch.
  [[nodiscard]] uint32_t Reserve(uint32_t shard, uint32_t checksum, uint32_t length, char** data) {
    return Reserve(shard, checksum, length, data, Hint{checksum, length});
  }
  // shared: the record is there already, and only shared (those of kLargeValueBytes or more); *data
  // stays as it is.
  [[nodiscard]] uint32_t Reserve(uint32_t shard, uint32_t checksum, uint32_t length, char** data,
                                 const Hint& hint, const SharedRecord* shared = nullptr);
  // Puts another record of the same key under an existing handle, in place where it fits. Returns
  // the handle (always the same one), or kNoHandle if the record may not enter: then the old one is
  // erased as well.
  [[nodiscard]] uint32_t Replace(uint32_t shard, uint32_t handle, uint32_t old_length,
                                 uint32_t checksum, std::string_view record);
  [[nodiscard]] uint32_t ReplaceReserve(uint32_t shard, uint32_t handle, uint32_t old_length,
                                        uint32_t checksum, uint32_t length, char** data) {
    return ReplaceReserve(shard, handle, old_length, checksum, length, data, length);
  }
  [[nodiscard]] uint32_t ReplaceReserve(uint32_t shard, uint32_t handle, uint32_t old_length,
                                        uint32_t checksum, uint32_t length, char** data,
                                        uint32_t value_bytes, const SharedRecord* shared = nullptr);
  // The record's bytes; valid while the latch is held. Get counts as a use and reads nothing of the
  // record, whose length the caller knows, unless it is large; Peek does not
  // count.
  const char* Get(uint32_t shard, uint32_t handle, uint32_t length) {
    CacheShard& own = shards_[shard];
    CAIRN_CHECK(handle < own.capacity && !own.slots[handle].free());
    CacheBlob* blob = own.slots[handle].blob();
    policy_.Hit(own, handle);
    return CAIRN_LIKELY(length < kLargeValueBytes) ? blob->data() : blob->record();
  }
  // Of a large record: keeps its bytes as they are when the latch is let go. Else null.
  Owner Share(uint32_t shard, uint32_t handle) const {
    CacheBlob* blob = BlobAt(shard, handle);
    return blob->large() ? blob->shared()->owner : nullptr;
  }
  View Peek(uint32_t shard, uint32_t handle) const;
  // Starts loading what leads to the record.
  void PrefetchSlot(uint32_t shard, uint32_t handle) const {
    cairn::Prefetch(&shards_[shard].slots[handle]);
  }
  // Starts loading the record of `bytes` bytes into the processor's caches.
  void Prefetch(uint32_t shard, uint32_t handle, size_t bytes) const {
    constexpr size_t kLine = 64, kLinesMax = 8;
    const auto* blob = reinterpret_cast<const char*>(shards_[shard].slots[handle].blob());
    const size_t lines = bytes / kLine + 2;
    for (size_t i = 0; i < (lines < kLinesMax ? lines : kLinesMax); ++i)
      cairn::Prefetch(blob + kLine * i - 16);
  }
  void SetChecksum(uint32_t shard, uint32_t handle, uint32_t checksum);
  void Erase(uint32_t shard, uint32_t handle);
  // Forgets everything in the shard without callbacks; the owner drops or fixes the index entries
  // itself.
  void Clear(uint32_t shard);

  // Evicts one record of the shard: on_evict(std::span<const Victim>), then frees it. False: empty.
  template <typename OnEvict>
  bool EvictOneForTest(uint32_t shard, OnEvict&& on_evict) {
    Batch batch;
    if (Choose(shard, 1, &batch) == 0) return false;
    LetGo(&batch, on_evict);
    return true;
  }

  // Evicts until the budget holds again or the bound on work is reached. held_shard: the shard
  // whose latch the caller holds, or kNoHandle for none. try_latch(uint32_t shard) -> bool,
  // unlatch(uint32_t shard), on_evict(std::span<const Victim>). Returns the number of evicted
  // records.
  template <typename TryLatch, typename Unlatch, typename OnEvict>
  uint32_t Shrink(uint32_t held_shard, TryLatch&& try_latch, Unlatch&& unlatch,
                  OnEvict&& on_evict) {
    uint32_t evicted = 0;
    uint32_t failed_tries = 0;
    while (OverBudget() && evicted < kEvictionsPerShrinkMax && failed_tries < kShardTriesMax) {
      Batch batch;
      const uint32_t most = std::min(kBatch, kEvictionsPerShrinkMax - evicted);
      uint32_t latched[kBatch];  // here, not by the caller; each has a victim
      uint32_t latched_count = 0;
      while (batch.count < most && WantsMore(batch) && failed_tries < kShardTriesMax) {
        const bool last_try = failed_tries + 1 == kShardTriesMax && held_shard != kNoHandle;
        const bool own = last_try || (failed_tries == 0 && OwnTurn(held_shard));
        const uint32_t shard = own ? held_shard : HandShard();
        if (shard == kNoHandle) {
          failed_tries = kShardTriesMax;
          break;
        }
        const bool held = shard == held_shard || std::find(latched, latched + latched_count,
                                                           shard) != latched + latched_count;
        uint32_t done = 0, visit = 0;
        if (held || try_latch(shard)) {
          visit = std::max(shards_[shard].live / kVisitShare, 1u);
          done = Choose(shard, std::min(visit, most - batch.count), &batch);
          if (!held && done == 0) {
            unlatch(shard);
          } else if (!held) {
            latched[latched_count++] = shard;
          }
        }
        if (!own) MoveHand(shard, done, visit);
        failed_tries = done != 0 ? 0 : failed_tries + 1;
      }
      if (batch.count != 0) LetGo(&batch, on_evict);
      for (uint32_t i = 0; i < latched_count; ++i) unlatch(latched[i]);
      evicted += batch.count;
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
  // Of them: the memory of what is not here any more.
  size_t ghost_bytes() const { return ghost_bytes_.load(std::memory_order_relaxed); }
  uint64_t evictions() const { return evictions_.load(std::memory_order_relaxed); }
  uint32_t records(uint32_t shard) const { return shards_[shard].live; }

 private:
  using CacheShard = cache::CacheShard;
  using CacheSlot = cache::CacheSlot;
  using CacheBlob = cache::CacheBlob;

  // Records that are about to leave: in no list any more, still in their slots.
  struct Batch {
    Victim victims[kBatch];
    uint32_t count = 0;
    size_t bytes = 0;
  };

  // Calls on_evict, frees the records.
  template <typename OnEvict>
  void LetGo(Batch* batch, OnEvict&& on_evict) {
    const std::span<Victim> victims(batch->victims, batch->count);
    for (Victim& victim : victims) victim.view = Peek(victim.shard, victim.handle);
    on_evict(std::span<const Victim>(victims));
    for (const Victim& victim : victims) FreeVictim(victim.shard, victim.handle);
    evictions_.fetch_add(batch->count, std::memory_order_relaxed);
  }

  bool Admits(size_t length) const;
  CacheBlob* NewBlob(uint32_t length, const SharedRecord* shared, char** data);
  void FreeBlob(CacheBlob* blob, uint32_t length);
  CacheBlob* BlobAt(uint32_t shard, uint32_t handle) const;
  void Fill(CacheSlot* slot, CacheBlob* blob, uint32_t checksum, uint32_t length,
            uint32_t value_bytes) const;
  void GrowSlots(CacheShard& shard);
  size_t ArrayBytes(const CacheShard& shard) const;
  void FreeSlot(uint32_t shard, uint32_t handle);
  bool WantsMore(const Batch& batch) const;
  uint32_t Choose(uint32_t shard, uint32_t count_max, Batch* batch);
  void FreeVictim(uint32_t shard, uint32_t handle);
  bool OwnTurn(uint32_t held_shard);
  uint32_t HandShard();
  void MoveHand(uint32_t shard, uint32_t evicted, uint32_t visit);
  void MarkOccupied(uint32_t shard, bool occupied);

  const cache::ReplacementPolicy policy_;
  const uint32_t shard_count_;
  SlabArena arena_;
  std::unique_ptr<CacheShard[]> shards_;
  std::unique_ptr<std::atomic<uint64_t>[]> occupied_;  // one bit per shard with records
  std::atomic<size_t> budget_;
  alignas(64) std::atomic<size_t> bytes_{0};
  std::atomic<size_t> ghost_bytes_{0};
  std::atomic<uint64_t> evictions_{0};
  std::atomic<uint64_t> hand_{0};  // records that left in this visit << 32 + shard
};

}  // namespace cairn
