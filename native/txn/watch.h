// WatchTable: which keys some connection WATCHes. A write to a watched key, applied under the
// shard's latch, marks every watcher dirty. Per shard, guarded by that shard's latch; watched() is
// a cheap relaxed check that lets writers pass when nobody watches anything.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/slot.h"
#include "engine/engine.h"

namespace cairn {

// Shared by a connection and the table. dirty: written by any reactor, read by the owner under the
// key's latch.
struct WatchState {
  std::atomic<bool> dirty{false};
};

class WatchTable {
 public:
  bool watched() const { return count_.load(std::memory_order_relaxed) != 0; }
  // [shard latched]
  void Add(uint16_t shard, uint16_t db, std::string_view key,
           const std::shared_ptr<WatchState>& state);
  void Remove(uint16_t shard, uint16_t db, std::string_view key, const WatchState* state);
  void Touch(uint16_t shard, uint16_t db, std::string_view key);
  // Every watched key of `db` in this shard, or of all databases when db == kAllNamespaces, for
  // which exists(shard, db, key) holds.
  template <typename Exists>
  void TouchAll(uint16_t shard, uint16_t db, Exists exists) {
    for (Watch& watch : shards_[shard]) {
      if ((db == kAllNamespaces || watch.db == db) && exists(shard, watch.db, watch.key)) {
        watch.state->dirty.store(true, std::memory_order_relaxed);
      }
    }
  }

 private:
  struct Watch {
    uint16_t db;
    std::string key;
    std::shared_ptr<WatchState> state;
  };
  std::vector<Watch> shards_[kShardCount];
  std::atomic<uint64_t> count_{0};
};

}  // namespace cairn
