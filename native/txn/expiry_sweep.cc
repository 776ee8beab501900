#include "txn/expiry_sweep.h"

#include <string>
#include <vector>

namespace cairn {

ExpirySweep::Swept ExpirySweep::Shard(uint16_t db, uint16_t shard, uint64_t now_ms,
                                      uint32_t* removed) {
  struct Collect : Engine::KeyVisitor {
    std::string bytes;
    std::vector<size_t> ends;
    bool OnKey(std::string_view key, uint64_t, ValueType) override {
      bytes.append(key);
      ends.push_back(bytes.size());
      return ends.size() < kKeysMax && bytes.size() < kKeyBytesMax;
    }
  } expired;
  *removed = 0;
  bool all;
  {
    size_t visits = kVisitsMax;
    LatchGuard guard(engine_->ShardLatch(shard));
    all = engine_->SweepExpired(db, shard, now_ms, &visits, &expired);
  }
  if (expired.ends.empty()) return all ? Swept::kAll : Swept::kMore;
  // One by one, in records of their own: nobody needs them to be one unit. The latch was released,
  // so each is looked at again.
  control_->SetGated(false);
  control_->SetBackground(true);
  bool refused = false;
  size_t from = 0;
  for (const size_t end : expired.ends) {
    const std::string_view key(expired.bytes.data() + from, end - from);
    from = end;
    control_->Begin(db, now_ms);
    control_->LatchKey(key, shard);
    (void)txn_->Meta(key);
    // What only the disk knows goes another time.
    refused = !txn_->pending() && control_->has_writes() && !control_->Commit().ok();
    if (!refused && !txn_->pending()) control_->TellEvents();
    control_->Unlatch();
    if (refused) break;  // the disk is behind or full
    *removed += txn_->expired;
  }
  control_->SetBackground(false);
  return refused ? Swept::kRefused : all ? Swept::kAll : Swept::kMore;
}

}  // namespace cairn
