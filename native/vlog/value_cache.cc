#include "vlog/value_cache.h"

#include <malloc.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "base/check.h"

namespace cairn {
namespace {

constexpr uint64_t kUsesMask = 3;
constexpr uint64_t kFreeBit = 4;
constexpr uint64_t kAddressMask = ~uint64_t{15};
constexpr uint32_t kFirstSlots = 4;
constexpr size_t kMallocOverhead = 8;

inline uint64_t FreeSlot(uint32_t next) { return static_cast<uint64_t>(next) << 3 | kFreeBit; }
inline uint32_t NextFree(uint64_t slot) { return static_cast<uint32_t>(slot >> 3); }
inline bool IsFree(uint64_t slot) { return (slot & kFreeBit) != 0; }

}  // namespace

// The record follows at once, 8-byte aligned.
struct ValueCache::Blob {
  uint32_t checksum;
  uint32_t length;
  char* data() { return reinterpret_cast<char*>(this + 1); }
};

ValueCache::ValueCache(size_t budget_bytes, uint32_t shards)
    : shard_count_(shards),
      shards_(new Shard[shards]),
      occupied_(new std::atomic<uint64_t>[(shards + 63) / 64]),
      budget_(budget_bytes) {
  CAIRN_CHECK(shards >= 1);
  for (uint32_t i = 0; i < (shards + 63) / 64; ++i) occupied_[i].store(0);
}

ValueCache::~ValueCache() {
  for (uint32_t shard = 0; shard < shard_count_; ++shard) Clear(shard);
}

size_t ValueCache::Charge(size_t length) { return SlabArena::BlockBytes(sizeof(Blob) + length); }

bool ValueCache::Admits(size_t length) const { return sizeof(Blob) + length <= budget() / 8; }

ValueCache::Blob* ValueCache::BlobAt(uint32_t shard, uint32_t handle) const {
  CAIRN_CHECK(shard < shard_count_ && handle < shards_[shard].capacity);
  const Slot slot = shards_[shard].slots[handle];
  CAIRN_CHECK(!IsFree(slot));
  return reinterpret_cast<Blob*>(slot & kAddressMask);
}

void ValueCache::GrowSlots(Shard& shard) {
  const uint32_t capacity = shard.capacity == 0 ? kFirstSlots : shard.capacity + shard.capacity / 2;
  CAIRN_CHECK(capacity > shard.capacity && capacity < (1u << 30));
  const size_t before =
      shard.slots == nullptr ? 0 : malloc_usable_size(shard.slots) + kMallocOverhead;
  shard.slots = static_cast<Slot*>(std::realloc(shard.slots, capacity * sizeof(Slot)));
  CAIRN_CHECK(shard.slots != nullptr);
  bytes_.fetch_add(malloc_usable_size(shard.slots) + kMallocOverhead - before,
                   std::memory_order_relaxed);
  for (uint32_t i = capacity; i > shard.capacity; --i) {
    shard.slots[i - 1] = FreeSlot(shard.free_head);
    shard.free_head = i - 1;
  }
  shard.capacity = capacity;
}

void ValueCache::MarkOccupied(uint32_t shard, bool occupied) {
  const uint64_t bit = uint64_t{1} << (shard % 64);
  if (occupied) {
    occupied_[shard / 64].fetch_or(bit, std::memory_order_relaxed);
  } else {
    occupied_[shard / 64].fetch_and(~bit, std::memory_order_relaxed);
  }
}

uint32_t ValueCache::Reserve(uint32_t shard_number, uint32_t checksum, uint32_t length,
                             char** data) {
  CAIRN_CHECK(shard_number < shard_count_);
  if (!Admits(length)) return kNoHandle;
  Shard& shard = shards_[shard_number];
  Blob* blob = static_cast<Blob*>(arena_.Allocate(sizeof(Blob) + length));
  blob->checksum = checksum;
  blob->length = length;
  if (shard.free_head == kNoHandle) GrowSlots(shard);
  const uint32_t handle = shard.free_head;
  shard.free_head = NextFree(shard.slots[handle]);
  shard.slots[handle] = reinterpret_cast<uint64_t>(blob);
  if (shard.live++ == 0) MarkOccupied(shard_number, true);
  bytes_.fetch_add(Charge(length), std::memory_order_relaxed);
  *data = blob->data();
  return handle;
}

uint32_t ValueCache::Insert(uint32_t shard, uint32_t checksum, std::string_view record) {
  char* data = nullptr;
  const uint32_t handle = Reserve(shard, checksum, static_cast<uint32_t>(record.size()), &data);
  if (handle != kNoHandle && !record.empty()) std::memcpy(data, record.data(), record.size());
  return handle;
}

uint32_t ValueCache::ReplaceReserve(uint32_t shard_number, uint32_t handle, uint32_t old_length,
                                    uint32_t checksum, uint32_t length, char** data) {
  Blob* blob = BlobAt(shard_number, handle);
  if (!Admits(length)) {
    Erase(shard_number, handle);
    return kNoHandle;
  }
  // In place if the block would have the same size.
  const size_t before = Charge(old_length);
  if (Charge(length) != before) {
    arena_.Free(blob, sizeof(Blob) + old_length);
    blob = static_cast<Blob*>(arena_.Allocate(sizeof(Blob) + length));
    Slot& slot = shards_[shard_number].slots[handle];
    slot = reinterpret_cast<uint64_t>(blob) | (slot & kUsesMask);
    bytes_.fetch_add(Charge(length) - before, std::memory_order_relaxed);  // may wrap: a difference
  }
  blob->checksum = checksum;
  blob->length = length;
  *data = blob->data();
  return handle;
}

uint32_t ValueCache::Replace(uint32_t shard, uint32_t handle, uint32_t old_length,
                             uint32_t checksum, std::string_view record) {
  char* data = nullptr;
  handle = ReplaceReserve(shard, handle, old_length, checksum, static_cast<uint32_t>(record.size()),
                          &data);
  if (handle != kNoHandle && !record.empty()) std::memcpy(data, record.data(), record.size());
  return handle;
}

const char* ValueCache::Get(uint32_t shard, uint32_t handle) {
  const char* data = BlobAt(shard, handle)->data();
  Slot& slot = shards_[shard].slots[handle];
  if ((slot & kUsesMask) < kUsesMax) ++slot;
  return data;
}

ValueCache::View ValueCache::Peek(uint32_t shard, uint32_t handle) const {
  Blob* blob = BlobAt(shard, handle);
  return View{std::string_view(blob->data(), blob->length), blob->checksum};
}

void ValueCache::SetChecksum(uint32_t shard, uint32_t handle, uint32_t checksum) {
  BlobAt(shard, handle)->checksum = checksum;
}

void ValueCache::Erase(uint32_t shard_number, uint32_t handle) {
  Blob* blob = BlobAt(shard_number, handle);
  Shard& shard = shards_[shard_number];
  bytes_.fetch_sub(Charge(blob->length), std::memory_order_relaxed);
  arena_.Free(blob, sizeof(Blob) + blob->length);
  shard.slots[handle] = FreeSlot(shard.free_head);
  shard.free_head = handle;
  if (--shard.live == 0) Clear(shard_number);
}

void ValueCache::Clear(uint32_t shard_number) {
  CAIRN_CHECK(shard_number < shard_count_);
  Shard& shard = shards_[shard_number];
  if (shard.slots == nullptr) return;
  size_t freed = malloc_usable_size(shard.slots) + kMallocOverhead;
  for (uint32_t i = 0; i < shard.capacity; ++i) {
    if (IsFree(shard.slots[i])) continue;
    Blob* blob = reinterpret_cast<Blob*>(shard.slots[i] & kAddressMask);
    freed += Charge(blob->length);
    arena_.Free(blob, sizeof(Blob) + blob->length);
  }
  std::free(shard.slots);
  bytes_.fetch_sub(freed, std::memory_order_relaxed);
  shard = Shard();
  MarkOccupied(shard_number, false);
}

// The hand's next record with no uses left. Four rounds at most, as counts are at most kUsesMax.
uint32_t ValueCache::Victim(uint32_t shard_number) {
  Shard& shard = shards_[shard_number];
  if (shard.live == 0) return kNoHandle;
  const uint64_t steps_max = (kUsesMax + 1) * uint64_t{shard.capacity};
  for (uint64_t step = 0; step < steps_max; ++step) {
    const uint32_t at = shard.hand;
    shard.hand = at + 1 == shard.capacity ? 0 : at + 1;
    Slot& slot = shard.slots[at];
    if (IsFree(slot)) continue;
    if ((slot & kUsesMask) == 0) return at;
    --slot;
  }
  CAIRN_CHECK(false);
  return kNoHandle;
}

uint32_t ValueCache::NextVictimShard(uint32_t held_shard) {
  if (held_shard == kNoHandle) return NextOccupiedShard();
  Shard& shard = shards_[held_shard];
  const bool own = shard.live >= kOwnRecordsMin && ++shard.turn % kForeignEvery != 0;
  return own ? held_shard : NextOccupiedShard();
}

uint32_t ValueCache::NextOccupiedShard() {
  const uint32_t words = (shard_count_ + 63) / 64;
  const uint32_t start = next_shard_.load(std::memory_order_relaxed) % shard_count_;
  uint64_t bits = occupied_[start / 64].load(std::memory_order_relaxed) >> (start % 64)
                                                                               << (start % 64);
  for (uint32_t i = 0; i <= words; ++i) {
    const uint32_t word = (start / 64 + i) % words;
    if (i > 0) bits = occupied_[word].load(std::memory_order_relaxed);
    if (bits == 0) continue;
    const uint32_t shard = word * 64 + static_cast<uint32_t>(__builtin_ctzll(bits));
    next_shard_.store(shard + 1, std::memory_order_relaxed);
    return shard;
  }
  return kNoHandle;
}

}  // namespace cairn
