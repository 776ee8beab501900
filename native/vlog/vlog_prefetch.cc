// Prefetch: a pipelined burst names its keys ahead of time. Looking all of them up first lets their
// cache misses overlap; the commands themselves then run on warm lines.
#include "vlog/vlog_engine.h"

namespace cairn {

void VlogEngine::Prefetch(uint16_t ns, std::span<const KeyHint> keys) {
  // With a single reactor nobody else changes the index, and without locked instructions between
  // them the look-ups overlap in the processor's pipeline.
  const bool alone = options_.reactors == 1;
  const uint16_t number = tree_of_[ns].load(std::memory_order_relaxed);
  for (const KeyHint& hint : keys) {
    __builtin_prefetch(&latches_[hint.shard]);
    __builtin_prefetch(&shards_[hint.shard]);
  }
  for (const KeyHint& hint : keys) {
    Latch& latch = latches_[hint.shard].latch;
    if (!alone && !latch.TryLock()) continue;
    const Art* tree = shards_[hint.shard].Tree(number);
    const EntryRef found = tree == nullptr ? EntryRef() : tree->Find(hint.key);
    if (found && found.pointer->resident()) {
      cache_->Prefetch(hint.shard, found.pointer->checksum, found.pointer->length);
    }
    if (!alone) latch.Unlock();
  }
}

}  // namespace cairn
