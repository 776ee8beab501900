#include "cache/value_cache.h"

#include <malloc.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>

#include "base/check.h"

namespace cairn {

using cache::CacheBlob;
using cache::CacheCharge;
using cache::CacheShard;
using cache::CacheSlot;
using cache::ReplacementPolicy;

namespace {

constexpr uint32_t kFirstSlots = 4;
constexpr size_t kMallocOverhead = 8;

inline uint64_t FreeWord(uint32_t next) {
  return static_cast<uint64_t>(next) << 3 | CacheSlot::kFree;
}

}  // namespace

ValueCache::ValueCache(size_t budget_bytes, uint32_t shards)
    : ValueCache(budget_bytes, Options(), shards) {}

ValueCache::ValueCache(size_t budget_bytes, const Options& options, uint32_t shards)
    : policy_(options.policy, options.small_value_bytes),
      shard_count_(shards),
      shards_(new CacheShard[shards]),
      occupied_(new std::atomic<uint64_t>[(shards + 63) / 64]),
      budget_(budget_bytes) {
  CAIRN_CHECK(shards >= 1);
  for (uint32_t i = 0; i < (shards + 63) / 64; ++i) occupied_[i].store(0);
}

ValueCache::~ValueCache() {
  for (uint32_t shard = 0; shard < shard_count_; ++shard) Clear(shard);
}

bool ValueCache::Admits(size_t length) const {
  return sizeof(CacheBlob) + length <= budget() / 8 && !OverBudget();
}

CacheBlob* ValueCache::BlobAt(uint32_t shard, uint32_t handle) const {
  CAIRN_CHECK(shard < shard_count_ && handle < shards_[shard].capacity);
  const CacheSlot& slot = shards_[shard].slots[handle];
  CAIRN_CHECK(!slot.free());
  return slot.blob();
}

size_t ValueCache::ArrayBytes(const CacheShard& shard) const {
  if (shard.slots == nullptr) return 0;
  const size_t stamps =
      shard.stamps == nullptr ? 0 : malloc_usable_size(shard.stamps) + kMallocOverhead;
  return malloc_usable_size(shard.slots) + kMallocOverhead + stamps;
}

void ValueCache::GrowSlots(CacheShard& shard) {
  const auto step_max = static_cast<uint32_t>(std::min<size_t>(
      budget() / kGrowthShare / (sizeof(CacheSlot) + sizeof(uint32_t)), uint32_t{1} << 24));
  const uint32_t step =
      std::clamp(shard.capacity / 2, kFirstSlots, std::max(step_max, kFirstSlots));
  const uint32_t capacity = shard.capacity + step;
  CAIRN_CHECK(capacity < (1u << 30));
  const size_t before = ArrayBytes(shard);
  const size_t bytes = capacity * sizeof(CacheSlot);
  shard.slots = Allocated(static_cast<CacheSlot*>(std::realloc(shard.slots, bytes)), bytes);
  if (policy_.stamped()) {
    const size_t stamps = capacity * sizeof(uint32_t);
    shard.stamps = Allocated(static_cast<uint32_t*>(std::realloc(shard.stamps, stamps)), stamps);
  }
  bytes_.fetch_add(ArrayBytes(shard) - before, std::memory_order_relaxed);
  for (uint32_t i = capacity; i > shard.capacity; --i) {
    shard.slots[i - 1].word = FreeWord(shard.free_head);
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

// The caller fills *data, unless the record is shared.
CacheBlob* ValueCache::NewBlob(uint32_t length, const SharedRecord* shared, char** data) {
  auto* blob = static_cast<CacheBlob*>(arena_.Allocate(cache::BlobBytes(length)));
  if (CAIRN_LIKELY(length < kLargeValueBytes)) {
    *data = blob->data();
  } else if (shared != nullptr) {
    new (blob->shared()) SharedRecord(*shared);
  } else {
    auto buffer = LargeBuffer::New(length);
    *data = buffer->data();
    new (blob->shared()) SharedRecord{buffer, buffer->data()};
  }
  return blob;
}

void ValueCache::FreeBlob(CacheBlob* blob, uint32_t length) {
  if (CAIRN_UNLIKELY(length >= kLargeValueBytes)) blob->shared()->~SharedRecord();
  arena_.Free(blob, cache::BlobBytes(length));
}

void ValueCache::Fill(CacheSlot* slot, CacheBlob* blob, uint32_t checksum, uint32_t length,
                      uint32_t value_bytes) const {
  blob->checksum = checksum;
  blob->length = length;
  const size_t block = SlabArena::BlockBytes(sizeof(CacheBlob) + length);  // what it is charged for
  uint64_t word = slot->word & (CacheSlot::kUsesMask | CacheSlot::kProtected | CacheSlot::kProven);
  if (value_bytes <= policy_.small_bytes() && policy_.small_bytes() != 0) {
    word |= CacheSlot::kSmall;
  } else {
    word &= ~CacheSlot::kProven;
  }
  if (block <= SlabArena::kBytesMax) {
    word |= uint64_t{block / CacheSlot::kSizeUnit} << CacheSlot::kSizeShift;
  }
  slot->word = word | reinterpret_cast<uint64_t>(blob);
}

uint32_t ValueCache::Reserve(uint32_t shard_number, uint32_t checksum, uint32_t length, char** data,
                             const Hint& hint, const SharedRecord* shared) {
  CAIRN_CHECK(shard_number < shard_count_);
  if (!Admits(length)) return kNoHandle;
  CacheShard& shard = shards_[shard_number];
  CacheBlob* blob = NewBlob(length, shared, data);
  if (shard.free_head == kNoHandle) GrowSlots(shard);
  const uint32_t handle = shard.free_head;
  CacheSlot& slot = shard.slots[handle];
  shard.free_head = slot.next_free();
  slot.word = 0;
  Fill(&slot, blob, checksum, length, hint.value_bytes);
  policy_.Enter(shard, handle, hint.ghost);
  if (shard.live++ == 0) MarkOccupied(shard_number, true);
  bytes_.fetch_add(CacheCharge(length), std::memory_order_relaxed);
  return handle;
}

uint32_t ValueCache::Insert(uint32_t shard, uint32_t checksum, std::string_view record,
                            const Hint& hint) {
  char* data = nullptr;
  const uint32_t handle =
      Reserve(shard, checksum, static_cast<uint32_t>(record.size()), &data, hint);
  if (handle != kNoHandle && !record.empty()) std::memcpy(data, record.data(), record.size());
  return handle;
}

uint32_t ValueCache::ReplaceReserve(uint32_t shard_number, uint32_t handle, uint32_t old_length,
                                    uint32_t checksum, uint32_t length, char** data,
                                    uint32_t value_bytes, const SharedRecord* shared) {
  CacheBlob* blob = BlobAt(shard_number, handle);
  const size_t before = CacheCharge(old_length), after = CacheCharge(length);
  if (after > before && !Admits(length)) {
    Erase(shard_number, handle);
    return kNoHandle;
  }
  // In place if the block would have the same size, and nobody else looks at the old record.
  const bool large = std::max(length, old_length) >= kLargeValueBytes;
  if (large || SlabArena::BlockBytes(sizeof(CacheBlob) + length) !=
                   SlabArena::BlockBytes(sizeof(CacheBlob) + old_length)) {
    FreeBlob(blob, old_length);
    blob = NewBlob(length, shared, data);
  } else {
    *data = blob->data();
  }
  if (after != before) {
    bytes_.fetch_add(after - before, std::memory_order_relaxed);  // may wrap: a difference
  }
  CacheShard& shard = shards_[shard_number];
  Fill(&shard.slots[handle], blob, checksum, length, value_bytes);
  policy_.Replaced(shard, handle, before);
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

ValueCache::View ValueCache::Peek(uint32_t shard, uint32_t handle) const {
  CacheBlob* blob = BlobAt(shard, handle);
  return View{std::string_view(blob->record(), blob->length), blob->checksum};
}

void ValueCache::SetChecksum(uint32_t shard, uint32_t handle, uint32_t checksum) {
  BlobAt(shard, handle)->checksum = checksum;
}

void ValueCache::Erase(uint32_t shard, uint32_t handle) {
  (void)BlobAt(shard, handle);
  policy_.Leave(shards_[shard], handle);
  FreeSlot(shard, handle);
}

// The record is in no list any more.
void ValueCache::FreeSlot(uint32_t shard_number, uint32_t handle) {
  CacheShard& shard = shards_[shard_number];
  CacheSlot& slot = shard.slots[handle];
  CacheBlob* blob = slot.blob();
  bytes_.fetch_sub(CacheCharge(blob->length), std::memory_order_relaxed);
  FreeBlob(blob, blob->length);
  slot.word = FreeWord(shard.free_head);
  shard.free_head = handle;
  if (--shard.live == 0) Clear(shard_number);
}

void ValueCache::Clear(uint32_t shard_number) {
  CAIRN_CHECK(shard_number < shard_count_);
  CacheShard& shard = shards_[shard_number];
  if (shard.slots == nullptr) return;
  const size_t ghosts = shard.ghosts.bytes();
  size_t freed = ArrayBytes(shard) + ghosts;
  for (uint32_t i = 0; i < shard.capacity; ++i) {
    if (shard.slots[i].free()) continue;
    CacheBlob* blob = shard.slots[i].blob();
    freed += CacheCharge(blob->length);
    FreeBlob(blob, blob->length);
  }
  std::free(shard.slots);
  std::free(shard.stamps);
  shard.ghosts.Free();
  bytes_.fetch_sub(freed, std::memory_order_relaxed);
  ghost_bytes_.fetch_sub(ghosts, std::memory_order_relaxed);
  shard = CacheShard();
  MarkOccupied(shard_number, false);
}

// At least one, then until there is the room that a batch may leave.
bool ValueCache::WantsMore(const Batch& batch) const {
  return batch.count == 0 || bytes() > budget() - budget() / kRoomShare + batch.bytes;
}

// At most count_max that are wanted. Their blobs, first of all the headers and keys, are on the way
// when this returns.
uint32_t ValueCache::Choose(uint32_t shard_number, uint32_t count_max, Batch* batch) {
  constexpr size_t kLine = 64;
  CacheShard& shard = shards_[shard_number];
  uint32_t count = 0;
  while (count < count_max && WantsMore(*batch)) {
    const uint32_t handle = policy_.Victim(shard);
    if (handle == kNoHandle) break;
    const CacheSlot& slot = shard.slots[handle];
    cairn::Prefetch(slot.blob());
    cairn::Prefetch(reinterpret_cast<const char*>(slot.blob()) + kLine);
    batch->bytes += ReplacementPolicy::ChargeOf(slot);
    batch->victims[batch->count++] = {shard_number, handle, {}};
    ++count;
  }
  return count;
}

void ValueCache::FreeVictim(uint32_t shard_number, uint32_t handle) {
  CacheShard& shard = shards_[shard_number];
  const uint32_t checksum = shard.slots[handle].blob()->checksum;
  const auto grown = static_cast<size_t>(policy_.Remember(shard, handle, checksum));
  if (grown != 0) {
    bytes_.fetch_add(grown, std::memory_order_relaxed);  // may wrap: a difference
    ghost_bytes_.fetch_add(grown, std::memory_order_relaxed);
  }
  FreeSlot(shard_number, handle);
}

bool ValueCache::OwnTurn(uint32_t held_shard) {
  if (held_shard == kNoHandle) return false;
  CacheShard& shard = shards_[held_shard];
  return shard.live >= kOwnRecordsMin && ++shard.turn % kHandEvery != 0;
}

// The hand's shard, or the next one with records. Threads that move the hand at the same time only
// make its visits a little longer or shorter.
uint32_t ValueCache::HandShard() {
  const uint32_t words = (shard_count_ + 63) / 64;
  const auto start = static_cast<uint32_t>(hand_.load(std::memory_order_relaxed)) % shard_count_;
  uint64_t bits = occupied_[start / 64].load(std::memory_order_relaxed) >> (start % 64)
                                                                               << (start % 64);
  for (uint32_t i = 0; i <= words; ++i) {
    const uint32_t word = (start / 64 + i) % words;
    if (i > 0) bits = occupied_[word].load(std::memory_order_relaxed);
    if (bits == 0) continue;
    const uint32_t shard = word * 64 + static_cast<uint32_t>(__builtin_ctzll(bits));
    if (shard != start) hand_.store(shard, std::memory_order_relaxed);
    return shard;
  }
  return kNoHandle;
}

// visit: how many records leave in one visit.
void ValueCache::MoveHand(uint32_t shard, uint32_t evicted, uint32_t visit) {
  const uint64_t left = (hand_.load(std::memory_order_relaxed) >> 32) + evicted;
  const bool stay = evicted != 0 && left < visit;
  hand_.store(stay ? left << 32 | shard : uint64_t{shard} + 1, std::memory_order_relaxed);
}

}  // namespace cairn
