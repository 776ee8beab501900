// The removal of expired keys that nobody asks for.
#include "session/executor.h"

namespace cairn {

Executor::Swept Executor::SweepShard(uint16_t db, uint16_t shard) {
  struct Collect : Engine::KeyVisitor {
    std::string bytes;
    std::vector<size_t> ends;
    bool OnKey(std::string_view key, uint64_t, ValueType) override {
      bytes.append(key);
      ends.push_back(bytes.size());
      return ends.size() < kSweepKeysMax && bytes.size() < kSweepKeyBytesMax;
    }
  } expired;
  bool all;
  {
    size_t visits = kSweepVisitsMax;
    LatchGuard guard(engine_->ShardLatch(shard));
    all = engine_->SweepExpired(db, shard, now_ms_, &visits, &expired);
  }
  if (expired.ends.empty()) return all ? Swept::kAll : Swept::kMore;
  // One by one, in records of their own: nobody needs them to be one unit. The latch was released,
  // so each is looked at again.
  control_.SetGated(false);
  control_.SetBackground(true);
  uint32_t removed = 0;
  bool refused = false;
  size_t from = 0;
  for (const size_t end : expired.ends) {
    const std::string_view key(expired.bytes.data() + from, end - from);
    from = end;
    control_.Begin(db, now_ms_);
    control_.LatchKey(key, shard);
    (void)txn_.Meta(key);
    // What only the disk knows goes another time.
    refused = !txn_.pending() && control_.has_writes() && !control_.Commit().ok();
    control_.Unlatch();
    if (refused) break;  // the disk is behind or full
    removed += txn_.expired;
  }
  control_.SetBackground(false);
  counters_->expired.Add(removed);
  return refused ? Swept::kRefused : all ? Swept::kAll : Swept::kMore;
}

}  // namespace cairn
