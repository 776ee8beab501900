#include "lsm/record_cache.h"

#include <cstring>
#include <utility>

#include "base/check.h"
#include "base/coding.h"
#include "base/prefetch.h"
#include "base/slot.h"

namespace cairn::lsm {

namespace {

constexpr size_t kImageHeadBytes = 2 * sizeof(uint32_t);

size_t ImageBytes(std::string_view key, std::string_view value) {
  return kImageHeadBytes + key.size() + value.size();
}

void Fill(std::string_view key, std::string_view value, char* image) {
  const auto key_bytes = static_cast<uint32_t>(key.size());
  const auto value_bytes = static_cast<uint32_t>(value.size());
  std::memcpy(image, &key_bytes, sizeof(key_bytes));
  std::memcpy(image + sizeof(key_bytes), &value_bytes, sizeof(value_bytes));
  std::memcpy(image + kImageHeadBytes, key.data(), key.size());
  std::memcpy(image + kImageHeadBytes + key.size(), value.data(), value.size());
}

std::string_view KeyOf(const char* image) { return {image + kImageHeadBytes, Little32(image)}; }
std::string_view ValueOf(const char* image) {
  return {image + kImageHeadBytes + Little32(image), Little32(image + sizeof(uint32_t))};
}

}  // namespace

RecordCache::RecordCache(size_t budget_bytes, LatchOf latch)
    : cache_(budget_bytes), latch_(std::move(latch)), tables_(kShardCount) {}

RecordCache::Place* RecordCache::Search(uint32_t shard, std::string_view stored_key,
                                        uint32_t hash) {
  std::vector<Place>& places = tables_[shard].places;
  if (places.empty()) return nullptr;
  const size_t mask = places.size() - 1;
  for (size_t at = hash & mask; !places[at].free(); at = (at + 1) & mask) {
    if (places[at].hash != hash) continue;
    if (KeyOf(cache_.Peek(shard, places[at].handle).record.data()) == stored_key)
      return &places[at];
  }
  return nullptr;
}

std::string_view RecordCache::Find(uint32_t shard, std::string_view stored_key, uint32_t hash) {
  std::vector<Place>& places = tables_[shard].places;
  if (places.empty()) return {};
  const size_t mask = places.size() - 1;
  for (size_t at = hash & mask; !places[at].free(); at = (at + 1) & mask) {
    if (places[at].hash != hash) continue;
    // Counts as a use, also in the rare case that two keys have one hash.
    const char* const image = cache_.Get(shard, places[at].handle, 0);
    if (KeyOf(image) == stored_key) return ValueOf(image);
  }
  return {};
}

void RecordCache::Prefetch(std::span<const KeyAhead> keys) const {
  CAIRN_CHECK(keys.size() <= kKeysAheadMax);
  constexpr size_t kRecordBytes = 128;  // of a record that are loaded; the length is in it
  const Place* first[kKeysAheadMax];    // where its search begins
  for (size_t i = 0; i < keys.size(); ++i) {
    const std::vector<Place>& places = tables_[keys[i].shard].places;
    first[i] = places.empty() ? nullptr : &places[keys[i].hash & (places.size() - 1)];
    if (first[i] != nullptr) cairn::Prefetch(first[i]);
  }
  // Those that begin elsewhere are few.
  for (size_t i = 0; i < keys.size(); ++i) {
    if (first[i] != nullptr && (first[i]->free() || first[i]->hash != keys[i].hash))
      first[i] = nullptr;
    if (first[i] != nullptr) cache_.PrefetchSlot(keys[i].shard, first[i]->handle);
  }
  for (size_t i = 0; i < keys.size(); ++i) {
    if (first[i] != nullptr) cache_.Prefetch(keys[i].shard, first[i]->handle, kRecordBytes);
  }
}

void RecordCache::Add(uint32_t shard, uint32_t hash, uint32_t handle) {
  Table& table = tables_[shard];
  if (table.places.size() * 3 <= (table.used + 1) * size_t{4}) {
    std::vector<Place> old = std::move(table.places);
    const size_t count = old.empty() ? kPlacesMin : old.size() * 2;
    table.places.assign(count, Place());
    table_bytes_.fetch_add((count - old.size()) * sizeof(Place), std::memory_order_relaxed);
    table.used = 0;
    for (const Place& place : old) {
      if (!place.free()) Add(shard, place.hash, place.handle);
    }
  }
  const size_t mask = table.places.size() - 1;
  size_t at = hash & mask;
  while (!table.places[at].free()) at = (at + 1) & mask;
  table.places[at] = {hash, handle};
  ++table.used;
}

// Those behind it that would not be found any more move up.
void RecordCache::Remove(uint32_t shard, Place* place) {
  Table& table = tables_[shard];
  const size_t mask = table.places.size() - 1;
  auto hole = static_cast<size_t>(place - table.places.data());
  for (size_t at = (hole + 1) & mask; !table.places[at].free(); at = (at + 1) & mask) {
    const size_t wanted = table.places[at].hash & mask;
    if (((at - wanted) & mask) < ((at - hole) & mask)) continue;
    table.places[hole] = table.places[at];
    hole = at;
  }
  table.places[hole] = Place();
  --table.used;
}

void RecordCache::Put(uint32_t shard, std::string_view stored_key, uint32_t hash,
                      std::string_view stored_value, bool evict_here) {
  const size_t bytes = ImageBytes(stored_key, stored_value);
  Place* const place = Search(shard, stored_key, hash);
  if (bytes >= kLargeValueBytes) {
    if (place != nullptr) Erase(shard, stored_key, hash);
    return;
  }
  const auto length = static_cast<uint32_t>(bytes);
  char* image = nullptr;
  uint32_t handle;
  if (place != nullptr) {
    const auto old_length = static_cast<uint32_t>(cache_.Peek(shard, place->handle).record.size());
    handle = cache_.ReplaceReserve(shard, place->handle, old_length, hash, length, &image);
    if (handle == ValueCache::kNoHandle) {
      Remove(shard, place);
      records_.fetch_sub(1, std::memory_order_relaxed);
    }
  } else {
    handle = cache_.Reserve(shard, hash, length, &image);
    if (handle != ValueCache::kNoHandle) {
      Add(shard, hash, handle);
      records_.fetch_add(1, std::memory_order_relaxed);
    }
  }
  if (handle != ValueCache::kNoHandle) Fill(stored_key, stored_value, image);
  if (CAIRN_UNLIKELY(cache_.OverBudget())) Shrink(evict_here ? shard : ValueCache::kNoHandle);
}

void RecordCache::Erase(uint32_t shard, std::string_view stored_key, uint32_t hash) {
  Place* const place = Search(shard, stored_key, hash);
  if (place == nullptr) return;
  cache_.Erase(shard, place->handle);
  Remove(shard, place);
  records_.fetch_sub(1, std::memory_order_relaxed);
}

void RecordCache::Shrink(uint32_t held_shard) {
  cache_.Shrink(
      held_shard, [this](uint32_t shard) { return latch_(shard).TryLock(); },
      [this](uint32_t shard) { latch_(shard).Unlock(); },
      [this](std::span<const ValueCache::Victim> victims) {
        for (const ValueCache::Victim& victim : victims) {
          std::vector<Place>& places = tables_[victim.shard].places;
          const size_t mask = places.size() - 1;
          // Its checksum is the hash.
          size_t at = victim.view.checksum & mask;
          while (places[at].handle != victim.handle) {
            CAIRN_CHECK(!places[at].free(), "what the cache holds is in the table");
            at = (at + 1) & mask;
          }
          Remove(victim.shard, &places[at]);
          records_.fetch_sub(1, std::memory_order_relaxed);
        }
      });
}

}  // namespace cairn::lsm
