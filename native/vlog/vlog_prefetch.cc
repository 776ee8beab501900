// Prefetch: a pipelined burst names its keys ahead of time. Looking all of them up first lets their
// cache misses overlap; the commands themselves then run on warm lines.
//
// Nothing here may wait, for it is only help: a latch is tried, and a shard that somebody is at
// work in is left out. So a group may hold the latches of many shards at once without any danger of
// a deadlock, and it must hold them: garbage collection, checkpoints and the sweep change index and
// cache however few reactors there are.
#include <algorithm>

#include "base/latch.h"
#include "base/prefetch.h"
#include "vlog/vlog_engine.h"

namespace cairn {

using vlog::Art;
using vlog::Pointer;

void VlogEngine::Prefetch(uint16_t ns, std::span<const KeyHint> keys) {
  const uint16_t tree = TreeOf(ns);
  for (const KeyHint& hint : keys) {
    PrefetchForWrite(&latches_[hint.shard]);
    cairn::Prefetch(&shards_[hint.shard]);
  }
  while (!keys.empty()) {
    const size_t count = std::min(keys.size(), Art::kFindManyMax);
    PrefetchGroup(tree, keys.first(count));
    keys = keys.subspan(count);
  }
}

// The way to a value is a chain of loads, each of which needs the one before. Step by step for all
// keys, the misses of one step overlap; key by key, few fit into the processor's window.
void VlogEngine::PrefetchGroup(uint16_t number, std::span<const KeyHint> keys) {
  TriedLatches<Art::kFindManyMax> latches;
  Art::Lookup lookups[Art::kFindManyMax];
  uint16_t shards[Art::kFindManyMax];
  size_t count = 0;
  for (const KeyHint& hint : keys) {
    if (!latches.Try(&latches_[hint.shard].latch)) continue;
    shards[count] = hint.shard;
    lookups[count++] = {Shard(hint.shard).Tree(number), hint.key, {}};
  }
  Art::FindMany(std::span(lookups, count));
  for (size_t i = 0; i < count; ++i) {
    const Pointer* pointer = lookups[i].found.pointer;
    if (pointer != nullptr && pointer->resident())
      cache_->PrefetchSlot(shards[i], pointer->checksum);
  }
  for (size_t i = 0; i < count; ++i) {
    const Pointer* pointer = lookups[i].found.pointer;
    if (pointer != nullptr && pointer->resident())
      cache_->Prefetch(shards[i], pointer->checksum, pointer->length);
  }
}

}  // namespace cairn
