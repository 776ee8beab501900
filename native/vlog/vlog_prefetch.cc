// Prefetch: a pipelined burst names its keys ahead of time. Looking all of them up first lets their
// cache misses overlap; the commands themselves then run on warm lines.
#include <algorithm>

#include "base/prefetch.h"
#include "vlog/vlog_engine.h"

namespace cairn {

void VlogEngine::Prefetch(uint16_t ns, std::span<const KeyHint> keys) {
  const uint16_t tree = tree_of_[ns].load(std::memory_order_relaxed);
  for (const KeyHint& hint : keys) {
    cairn::Prefetch(&latches_[hint.shard]);
    cairn::Prefetch(&shards_[hint.shard]);
  }
  // With a single reactor nobody else changes the index.
  if (options_.reactors == 1) {
    PrefetchAlone(tree, keys);
  } else {
    PrefetchShared(tree, keys);
  }
}

// The way to a value is a chain of loads, each of which needs the one before. Step by step for all
// keys, the misses of one step overlap; key by key, few fit into the processor's window.
void VlogEngine::PrefetchAlone(uint16_t number, std::span<const KeyHint> keys) {
  Art::Lookup lookups[Art::kFindManyMax];
  while (!keys.empty()) {
    const size_t count = std::min(keys.size(), Art::kFindManyMax);
    for (size_t i = 0; i < count; ++i)
      lookups[i] = {shards_[keys[i].shard].Tree(number), keys[i].key, {}};
    Art::FindMany(std::span(lookups, count));
    for (size_t i = 0; i < count; ++i) {
      const Pointer* pointer = lookups[i].found.pointer;
      if (pointer != nullptr && pointer->resident())
        cache_->PrefetchSlot(keys[i].shard, pointer->checksum);
    }
    for (size_t i = 0; i < count; ++i) {
      const Pointer* pointer = lookups[i].found.pointer;
      if (pointer != nullptr && pointer->resident())
        cache_->Prefetch(keys[i].shard, pointer->checksum, pointer->length);
    }
    keys = keys.subspan(count);
  }
}

void VlogEngine::PrefetchShared(uint16_t number, std::span<const KeyHint> keys) {
  for (const KeyHint& hint : keys) {
    Latch& latch = latches_[hint.shard].latch;
    if (!latch.TryLock()) continue;
    const EntryRef found = shards_[hint.shard].Find(number, hint.key);
    if (found && found.pointer->resident()) {
      cache_->Prefetch(hint.shard, found.pointer->checksum, found.pointer->length);
    }
    latch.Unlock();
  }
}

}  // namespace cairn
