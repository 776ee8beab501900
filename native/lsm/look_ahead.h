// Look-ahead: what is known in memory of several keys is loaded in step, so that the misses of the
// processor's caches overlap: of a burst of commands before they run, and of a batch before it is
// taken off the pending writes.
#pragma once

#include <span>

#include "base/check.h"
#include "base/latch.h"
#include "base/prefetch.h"
#include "lsm/pending.h"
#include "lsm/record_cache.h"

namespace cairn::lsm {

// At most kKeysAheadMax. It only helps: shards that somebody is at work in are left out.
template <typename LatchOf>
void LookAhead(std::span<const KeyAhead> keys, const LatchOf& latch_of, const PendingIndex& pending,
               const RecordCache& records) {
  CAIRN_CHECK(keys.size() <= kKeysAheadMax);
  for (const KeyAhead& key : keys) {
    PrefetchForWrite(&latch_of(key.shard));
    pending.Prefetch(key.shard, key.hash);
  }
  if (!records.on() || keys.size() < 2) return;
  TriedLatches<kKeysAheadMax> latches;
  KeyAhead free[kKeysAheadMax];
  size_t count = 0;
  for (const KeyAhead& key : keys) {
    if (latches.Try(&latch_of(key.shard))) free[count++] = key;
  }
  records.Prefetch(std::span(free, count));
}

}  // namespace cairn::lsm
