#include "txn/waiters.h"

namespace cairn {

std::string WaiterTable::PlaceOf(uint16_t db, std::string_view key) {
  std::string place;
  place.reserve(2 + key.size());
  place.push_back(static_cast<char>(db & 0xff));
  place.push_back(static_cast<char>(db >> 8));
  return place.append(key);
}

void WaiterTable::Add(const std::shared_ptr<Waiter>& waiter) {
  for (const WatchedKey& key : waiter->keys) {
    Queue& queue = shards_[key.shard][PlaceOf(key.db, key.key)];
    queue.waiters.emplace(waiter->order, waiter);
    queue.when_gone += waiter->terms.when_gone;
    count_.fetch_add(1, std::memory_order_relaxed);
  }
}

void WaiterTable::Remove(const WatchedKey& key, const Waiter& waiter) {
  Queues& queues = shards_[key.shard];
  const auto found = queues.find(PlaceOf(key.db, key.key));
  if (found == queues.end()) return;
  Queue& queue = found->second;
  const auto at = queue.waiters.find(waiter.order);
  if (at == queue.waiters.end() || at->second.get() != &waiter) return;
  queue.when_gone -= waiter.terms.when_gone;
  queue.waiters.erase(at);
  if (queue.waiters.empty()) queues.erase(found);
  count_.fetch_sub(1, std::memory_order_relaxed);
}

const WaiterTable::Queue* WaiterTable::Of(uint16_t shard, uint16_t db, std::string_view key) const {
  const Queues& queues = shards_[shard];
  if (queues.empty()) return nullptr;
  const auto found = queues.find(PlaceOf(db, key));
  return found == queues.end() ? nullptr : &found->second;
}

}  // namespace cairn
