// Writes that were applied and that RocksDB does not have yet: batch by batch in their order, for
// who commits them; by key, for who reads.
//
//   Batch            arena                          PendingIndex: shard, bucket
//   +--------+       +-----------------------+      +---+
//   | writes | ----> | PendingWrite | key    | <--- | 0 | the newest write of a key, of the next
//   key ... | number |       |              | value  |      | 1 |
//   +--------+       +-----------------------+      +---+
//
// A write stays in the index until RocksDB shows it, or until a newer one of its key comes: a
// bucket is as long as it has keys, however often one of them is written. The memory of a write
// goes with its batch.
//
// Threads. The index of a shard is guarded by the latch of the shard. Batches are filled under the
// mutex of the committer, and belong to the committer's thread when they are sealed.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/large_buffer.h"
#include "base/prefetch.h"
#include "base/slot.h"
#include "engine/read.h"
#include "lsm/value.h"

namespace cairn::lsm {

// Of a stored key, by its user key.
uint32_t HashOf(std::string_view stored_key);
uint32_t HashOfUserKey(std::string_view key);

struct PendingWrite {
  PendingWrite* next = nullptr;   // in its bucket, of another key
  uint64_t batch = 0;             // its number
  uint64_t expire_at_ms = 0;      // 0: none; of a deletion, too
  uint64_t old_expire_at_ms = 0;  // whose entry in the expiry index goes with it
  std::string_view key;           // stored: prefix and user key
  std::string_view value;         // stored: head and body; without data: the key is deleted
  const Owner* owner = nullptr;   // of a large value; null: the arena
  uint32_t body_offset = 0;       // in `value`
  uint32_t hash = 0;              // HashOf(key)
  uint16_t shard = 0;
  ValueType type = ValueType::kString;
  bool superseded = false;  // by a newer one of its key, in the index

  bool deletion() const { return value.data() == nullptr; }
  // The expiry index loses an entry with it, and gets one.
  bool drops_expiry() const { return old_expire_at_ms != 0 && old_expire_at_ms != expire_at_ms; }
  bool adds_expiry() const { return expire_at_ms != 0; }
  std::string_view body() const { return value.substr(body_offset); }
};

// Memory that goes all at once. 8-byte aligned.
class Arena {
 public:
  char* Take(size_t bytes);
  void Clear();  // keeps one block

 private:
  static constexpr size_t kBlockBytes = 64u << 10;
  std::vector<std::unique_ptr<char[]>> blocks_;
  char* at_ = nullptr;
  size_t left_ = 0;
};

// What goes with the batch beside the writes of keys.
struct BatchRecord {
  std::string key;
  std::string value;
  bool deletion = false;
};

struct Batch {
  uint64_t number = 0;
  std::vector<PendingWrite*> writes;
  std::deque<Owner> owners;
  std::vector<uint32_t> dropped;  // collections
  std::vector<BatchRecord> records;
  std::vector<uint16_t> changed;  // namespaces whose counters changed; each once
  bool touched = false;           // something was added
  bool mapping_changed = false;   // which collection a namespace is
  uint64_t version = 0;           // sealed: of its records; 0: it has none
  uint64_t bytes = 0;             // of keys and values
  uint64_t awaited = 0;           // units somebody waits for
  Arena arena;

  // Units may change nothing, and are answered all the same.
  bool empty() const { return !touched; }
  void Clear();
};

class PendingIndex {
 public:
  // Null: nothing pending says anything of the key. [latched]
  const PendingWrite* Find(uint16_t shard, std::string_view stored_key, uint32_t hash) const {
    return counts_[shard] == 0 ? nullptr : Search(shard, stored_key, hash);
  }
  // Takes the place of an older one of its key. [latched]
  void Add(PendingWrite* write);
  // Starts loading what Find and Add look at.
  void Prefetch(uint16_t shard, uint32_t hash) const {
    cairn::PrefetchForWrite(&buckets_[BucketOf(shard, hash)]);
  }
  // Of one that was added. True: there is no newer one of its key. [latched]
  bool Remove(const PendingWrite* write);

 private:
  static constexpr uint32_t kBucketsPerShard = 128;
  static size_t BucketOf(uint16_t shard, uint32_t hash) {
    return shard * kBucketsPerShard + hash % kBucketsPerShard;
  }
  const PendingWrite* Search(uint16_t shard, std::string_view stored_key, uint32_t hash) const;
  // Where the write of the key hangs, or would: what is there is its, or null.
  static PendingWrite** Place(PendingWrite** at, std::string_view stored_key, uint32_t hash);

  std::vector<PendingWrite*> buckets_ =
      std::vector<PendingWrite*>(kShardCount * kBucketsPerShard, nullptr);
  std::vector<uint32_t> counts_ = std::vector<uint32_t>(kShardCount, 0);
};

}  // namespace cairn::lsm
