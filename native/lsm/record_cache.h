// The record cache: single keys with their values, above RocksDB, whose own look-up of a key in
// memory costs some microseconds. Records come from reads that RocksDB answered from memory and
// from writes when RocksDB has them; they leave by the policy of the value cache (cache/).
//
//   table of a shard: hash, handle    ->   value cache: record image
//   open addressing, linear probing        +-----------+-------------+------------+--------------+
//                                          | key bytes | value bytes | stored key | stored value |
//                                          | u32       | u32         |            |              |
//                                          +-----------+-------------+------------+--------------+
//
// What is here is what RocksDB shows, or will show when what is pending of the key is written:
// whoever changes a key looks at what is pending first, and the committer brings the record up to
// date, or takes it away, before it takes the write off the pending ones.
//
// Records of kLargeValueBytes or more, all that is drawn above, do not enter. Threads: all with the
// shard's latch held.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "base/latch.h"
#include "cache/value_cache.h"

namespace cairn::lsm {

// A key that will be asked for.
struct KeyAhead {
  uint16_t shard = 0;
  uint32_t hash = 0;
};
inline constexpr size_t kKeysAheadMax = 16;  // at once

class RecordCache {
 public:
  using LatchOf = std::function<Latch&(uint32_t shard)>;
  RecordCache(size_t budget_bytes, LatchOf latch);

  // The stored value; without data: not here. Valid until the latch is let go, or the next Put that
  // evicts here.
  std::string_view Find(uint32_t shard, std::string_view stored_key, uint32_t hash);
  // Starts loading the records of the keys with these hashes, all misses of a step at once. Of each
  // the shard's latch is held.
  void Prefetch(std::span<const KeyAhead> keys) const;
  // In place of what was there. May not enter; then what was there goes. `evict_here`: from this
  // shard, too, if room is needed: nobody has views into it.
  void Put(uint32_t shard, std::string_view stored_key, uint32_t hash,
           std::string_view stored_value, bool evict_here);
  void Erase(uint32_t shard, std::string_view stored_key, uint32_t hash);

  void SetBudget(size_t bytes) { cache_.SetBudget(bytes); }
  bool on() const { return cache_.budget() != 0; }
  size_t bytes() const { return cache_.bytes() + table_bytes_.load(std::memory_order_relaxed); }
  uint64_t evictions() const { return cache_.evictions(); }
  uint64_t records() const { return records_.load(std::memory_order_relaxed); }

 private:
  struct Place {
    uint32_t hash = 0;
    uint32_t handle = ValueCache::kNoHandle;
    bool free() const { return handle == ValueCache::kNoHandle; }
  };
  struct Table {
    std::vector<Place> places;  // a power of two, or none
    uint32_t used = 0;
  };
  static constexpr size_t kPlacesMin = 16;

  Place* Search(uint32_t shard, std::string_view stored_key, uint32_t hash);
  void Add(uint32_t shard, uint32_t hash, uint32_t handle);
  void Remove(uint32_t shard, Place* place);
  void Shrink(uint32_t shard);

  ValueCache cache_;
  const LatchOf latch_;
  std::vector<Table> tables_;
  std::atomic<size_t> table_bytes_{0};
  std::atomic<uint64_t> records_{0};
};

}  // namespace cairn::lsm
