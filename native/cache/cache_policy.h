// ReplacementPolicy: which record of a shard of the value cache leaves next. Chosen at start:
//
//   S3-FIFO (Yang et al., SOSP '23)   new records enter a small queue; who is used twice there
//   moves
//           to the main queue, others leave and are remembered in the ghost history; who comes back
//           while remembered enters the main queue, which is a queue with second chances.
//   LIRS (Jiang & Zhang, SIGMETRICS '02)   the records with the shortest distance between their
//           last two uses (LIR) stay, the others (HIR) pass through a short list.
//   LRU     the yardstick.
//
//   list             S3-FIFO   LIRS            LRU
//   0, probation     small     HIR (list Q)    all others
//   1, protected     main      LIR (stack S)   small values that proved hot
//
// LIRS without a stack of dead entries: the paper's stack S holds LIR records, HIR records and
// ghosts in the order of their last use, and is cut below its last LIR record. So a HIR record or a
// ghost is in S exactly if it was used after the last LIR record was: a time of last use per record
// replaces its place in S. LIR records in the front eighth of S are not moved again, which keeps
// most hits from touching the list.
//
// Small values: a record of at most `small_bytes` that was hit more than once has one more life
// than others where it would lose its place: it goes round the main queue or the stack S once more,
// from Q it returns to S. Under LRU it moves to the protected list, which holds up to 4/5.
//
// Ghost history: 4 bytes per record that left, in sets of 16, bounded by the records that are here.
// A ghost is known by its record's checksum: a value that comes back unchanged has the same one,
// and who overwrites a value knows the old one.
//
// Threads: all under the shard's latch.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/large_buffer.h"

namespace cairn {

// Which values leave first.
enum class CachePolicy : uint8_t { kS3Fifo, kLirs, kLru };

namespace cache {

// A record that the cache shares with others: it may lie in the memory of the commit that wrote it,
// or of the read that brought it.
struct SharedRecord {
  Owner owner;
  const char* data = nullptr;
};

// The bytes of the record follow at once, 8-byte aligned; of a large one its SharedRecord.
struct CacheBlob {
  uint32_t checksum;
  uint32_t length;
  bool large() const { return length >= kLargeValueBytes; }
  char* data() { return reinterpret_cast<char*>(this + 1); }
  SharedRecord* shared() { return reinterpret_cast<SharedRecord*>(this + 1); }
  const char* record() { return large() ? shared()->data : data(); }
};
static_assert(sizeof(CacheBlob) % alignof(SharedRecord) == 0);
inline constexpr size_t BlobBytes(size_t length) {
  return sizeof(CacheBlob) + (length >= kLargeValueBytes ? sizeof(SharedRecord) : length);
}

// A slot in use holds the address of the blob (16-byte aligned) with flags in the bits that are
// free around it. A free one: next free slot << 3 + kFree.
struct CacheSlot {
  static constexpr uint64_t kFree = 1u << 2;
  static constexpr uint64_t kProtected = 1u << 3;  // which list
  static constexpr uint64_t kAddressMask = 0xfffffffffff0;
  static constexpr uint32_t kSizeShift = 48;  // block size in units of 32 bytes; 0: see the blob
  static constexpr uint64_t kSizeMax = 255, kSizeUnit = 32;
  static constexpr uint64_t kSmall = 1ull << 56;   // of at most small_bytes
  static constexpr uint64_t kProven = 1ull << 57;  // and hit more than once
  static constexpr uint64_t kUse = 1ull << 60;  // hits since it entered, or was looked at, in the
  static constexpr uint64_t kUsesMask = 15 * kUse;  // upper four bits

  uint64_t word;
  uint32_t prev, next;  // towards the newer, towards the older

  bool free() const { return (word & kFree) != 0; }
  uint32_t next_free() const { return static_cast<uint32_t>(word >> 3); }
  CacheBlob* blob() const { return reinterpret_cast<CacheBlob*>(word & kAddressMask); }
  uint32_t list() const { return (word & kProtected) != 0 ? 1 : 0; }
};
static_assert(sizeof(CacheSlot) == 16);

struct CacheList {
  uint32_t newest = UINT32_MAX;
  uint32_t oldest = UINT32_MAX;
  uint64_t bytes = 0;
  uint32_t count = 0;
};

// Which records left a short while ago. Times are 16 bits wide and wrap around: of a ghost that
// nobody asked for or pushed out for very long, the age may be taken for a short one.
class GhostHistory {
 public:
  static constexpr uint32_t kSetEntries = 16;  // a cache line

  // Makes room for `wanted` ghosts if the table is much too small or too large; forgets all then.
  // Returns by how much bytes() changed.
  ptrdiff_t Fit(uint32_t wanted);
  void Put(uint32_t id, uint16_t now);
  bool Take(uint32_t id, uint16_t* then);
  void Prefetch(uint32_t id) const;
  size_t bytes() const;
  uint32_t room() const { return sets_ * kSetEntries; }
  void Free();

 private:
  static uint64_t Hash(uint32_t id) { return id * 0x9e3779b97f4a7c15ull; }
  static uint32_t Mark(uint64_t hash) { return static_cast<uint32_t>(hash >> 20 & 0xffff) | 1; }
  uint32_t* Set(uint64_t hash) const {
    return entries_ + ((hash >> 32) * sets_ >> 32) * kSetEntries;
  }

  uint32_t* entries_ = nullptr;  // mark << 16 | time; 0: empty
  uint32_t sets_ = 0;
};

struct alignas(64) CacheShard {
  CacheSlot* slots = nullptr;
  uint32_t* stamps = nullptr;  // LIRS: time of last use, by slot
  uint32_t capacity = 0;
  uint32_t live = 0;
  uint32_t free_head = UINT32_MAX;
  uint32_t turn = 0;   // of evictions with this shard at hand: which ones are the hand's
  uint32_t clock = 0;  // S3-FIFO: ghosts so far; LIRS: uses so far
  GhostHistory ghosts;
  CacheList lists[2];
};
static_assert(sizeof(CacheShard) <= 128);

class ReplacementPolicy {
 public:
  static constexpr uint32_t kNone = UINT32_MAX;
  static constexpr uint64_t kUsesMax = 3 * CacheSlot::kUse;
  static constexpr uint32_t kGhostRecordsMin = 8;  // fewer records than that have no history

  ReplacementPolicy(CachePolicy policy, uint32_t small_bytes)
      : policy_(policy), small_bytes_(small_bytes) {}

  // Bytes of `stamps` and the like per slot.
  bool stamped() const { return policy_ == CachePolicy::kLirs; }
  uint32_t small_bytes() const { return small_bytes_; }

  // The record is in its slot, its word has address, charge and kSmall. `ghost`: checksum under
  // which it may have left.
  void Enter(CacheShard& shard, uint32_t handle, uint32_t ghost) const;
  void Hit(CacheShard& shard, uint32_t handle) const {
    if (policy_ == CachePolicy::kS3Fifo) {
      CacheSlot& slot = shard.slots[handle];
      if ((slot.word & CacheSlot::kUsesMask) < kUsesMax) slot.word += CacheSlot::kUse;
    } else {
      HitAndMove(shard, handle);
    }
  }
  // The owner erases the record.
  void Leave(CacheShard& shard, uint32_t handle) const { Unlink(shard, handle); }
  // Another record of the same key took its slot over: a use.
  void Replaced(CacheShard& shard, uint32_t handle, size_t old_charge) const;
  // The next to leave, already out of its list; kNone: the shard is empty.
  uint32_t Victim(CacheShard& shard) const;
  // The victim is about to be freed: maybe it comes back. Returns by how much bookkeeping grew.
  ptrdiff_t Remember(CacheShard& shard, uint32_t handle, uint32_t checksum) const;

  static size_t ChargeOf(const CacheSlot& slot);

 private:
  void HitAndMove(CacheShard& shard, uint32_t handle) const;
  void LirsHit(CacheShard& shard, uint32_t handle) const;
  uint32_t S3FifoVictim(CacheShard& shard) const;
  uint32_t LirsVictim(CacheShard& shard) const;
  uint32_t LruVictim(CacheShard& shard) const;
  static bool LirsDemote(CacheShard& shard);
  static bool InStack(const CacheShard& shard, uint32_t stamp);
  static uint32_t StampShift(const CacheShard& shard);
  static void Link(CacheShard& shard, uint32_t handle, uint32_t list);
  static void Unlink(CacheShard& shard, uint32_t handle);
  static void Move(CacheShard& shard, uint32_t handle, uint32_t list);

  const CachePolicy policy_;
  const uint32_t small_bytes_;
};

// Bytes of a record in memory, with its share of the slab it lies in.
size_t CacheCharge(size_t record_bytes);

}  // namespace cache

}  // namespace cairn
