#include "txn/watch.h"

#include <algorithm>

namespace cairn {

void WatchTable::Add(uint16_t shard, uint16_t db, std::string_view key, bool expired,
                     const std::shared_ptr<WatchState>& state) {
  shards_[shard].push_back(Watch{db, expired, std::string(key), state});
  count_.fetch_add(1, std::memory_order_relaxed);
}

void WatchTable::Remove(uint16_t shard, uint16_t db, std::string_view key,
                        const WatchState* state) {
  auto& watches = shards_[shard];
  auto gone = std::remove_if(watches.begin(), watches.end(), [&](const Watch& watch) {
    return watch.db == db && watch.state.get() == state && watch.key == key;
  });
  count_.fetch_sub(static_cast<uint64_t>(watches.end() - gone), std::memory_order_relaxed);
  watches.erase(gone, watches.end());
}

void WatchTable::Touch(uint16_t shard, uint16_t db, std::string_view key, bool deleted) {
  for (Watch& watch : shards_[shard]) {
    if (watch.db != db || watch.key != key) continue;
    if (deleted && watch.expired) continue;
    watch.state->dirty.store(true, std::memory_order_relaxed);
  }
}

bool WatchTable::Expired(uint16_t shard, uint16_t db, std::string_view key,
                         const WatchState* state) const {
  for (const Watch& watch : shards_[shard]) {
    if (watch.db == db && watch.state.get() == state && watch.key == key) return watch.expired;
  }
  return false;
}

}  // namespace cairn
