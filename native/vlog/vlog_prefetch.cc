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
  constexpr size_t kKeysMax = 16;
  const Art* trees[kKeysMax];
  const Pointer* pointers[kKeysMax];
  while (!keys.empty()) {
    const size_t count = std::min(keys.size(), kKeysMax);
    for (size_t i = 0; i < count; ++i) {
      trees[i] = shards_[keys[i].shard].Tree(number);
      cairn::Prefetch(trees[i]);
    }
    for (size_t i = 0; i < count; ++i) {
      if (trees[i] != nullptr) trees[i]->PrefetchRoot();
    }
    for (size_t i = 0; i < count; ++i) {
      pointers[i] = trees[i] == nullptr ? nullptr : trees[i]->Find(keys[i].key).pointer;
      cairn::Prefetch(pointers[i]);
    }
    for (size_t i = 0; i < count; ++i) {
      if (pointers[i] != nullptr && !pointers[i]->resident()) pointers[i] = nullptr;
      if (pointers[i] != nullptr) cache_->PrefetchSlot(keys[i].shard, pointers[i]->checksum);
    }
    for (size_t i = 0; i < count; ++i) {
      if (pointers[i] == nullptr) continue;
      cache_->Prefetch(keys[i].shard, pointers[i]->checksum, pointers[i]->length);
    }
    keys = keys.subspan(count);
  }
}

void VlogEngine::PrefetchShared(uint16_t number, std::span<const KeyHint> keys) {
  for (const KeyHint& hint : keys) {
    Latch& latch = latches_[hint.shard].latch;
    if (!latch.TryLock()) continue;
    const Art* tree = shards_[hint.shard].Tree(number);
    const EntryRef found = tree == nullptr ? EntryRef() : tree->Find(hint.key);
    if (found && found.pointer->resident()) {
      cache_->Prefetch(hint.shard, found.pointer->checksum, found.pointer->length);
    }
    latch.Unlock();
  }
}

}  // namespace cairn
