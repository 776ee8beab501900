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

struct WatchedKey {
  uint16_t db;
  uint16_t shard;
  std::string key;
};

// What one connection watches.
struct Watcher {
  std::shared_ptr<WatchState> state;  // null: nothing
  std::vector<WatchedKey> keys;
};

// A key that a pass begins to watch.
struct NewWatch {
  uint16_t db;
  uint16_t shard;
  bool expired;  // see WatchTable::Watch
  std::string_view key;
};

class WatchTable {
 public:
  bool watched() const { return count_.load(std::memory_order_relaxed) != 0; }
  struct Watch {
    uint16_t db;
    // It held an expired key when it was watched, or a swap has brought one to where none was:
    // that it goes is no change.
    bool expired;
    std::string key;
    std::shared_ptr<WatchState> state;
  };

  // [shard latched]
  void Add(uint16_t shard, uint16_t db, std::string_view key, bool expired,
           const std::shared_ptr<WatchState>& state);
  void Remove(uint16_t shard, uint16_t db, std::string_view key, const WatchState* state);
  // The key was written or, `deleted`, removed.
  void Touch(uint16_t shard, uint16_t db, std::string_view key, bool deleted);
  // Watch::expired of a key that `state` watches. [shard latched]
  bool Expired(uint16_t shard, uint16_t db, std::string_view key, const WatchState* state) const;
  // visit(Watch&) for those of one shard. [shard latched]
  template <typename Visit>
  void ForEachOf(uint16_t shard, Visit visit) {
    for (Watch& watch : shards_[shard]) visit(watch);
  }
  // visit(uint16_t shard, Watch&) for all of them. [all shards latched]
  template <typename Visit>
  void ForEach(Visit visit) {
    for (uint32_t shard = 0; shard < kShardCount; ++shard) {
      for (Watch& watch : shards_[shard]) visit(static_cast<uint16_t>(shard), watch);
    }
  }

 private:
  std::vector<Watch> shards_[kShardCount];
  std::atomic<uint64_t> count_{0};
};

}  // namespace cairn
