#include "txn/expiry_sweep.h"

#include <algorithm>
#include <utility>

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
  *removed = std::exchange(removed_late_, 0);
  bool all;
  {
    size_t visits = kVisitsMax;
    Latch& latch = engine_->ShardLatch(shard);
    if (!latch.TryLock()) return Swept::kAll;  // perhaps a script has it for long: next time
    all = engine_->SweepExpired(db, shard, now_ms, &visits, &expired);
    latch.Unlock();
  }
  if (expired.ends.empty()) return all ? Swept::kAll : Swept::kMore;
  // One by one, in records of their own: nobody needs them to be one unit. The latch was released,
  // so each is looked at again.
  bool refused = false;
  size_t from = 0;
  for (const size_t end : expired.ends) {
    const Place place{db, shard, {expired.bytes.data() + from, end - from}};
    from = end;
    SavedTxn saved;
    saved.now_ms = now_ms;
    refused = !Remove(place, &saved, removed);
    if (refused) break;  // the disk is behind or full
  }
  return refused ? Swept::kRefused : all ? Swept::kAll : Swept::kMore;
}

bool ExpirySweep::Remove(const Place& place, SavedTxn* saved, uint32_t* removed) {
  bool refused = false;
  control_->SetGated(false);
  control_->SetBackground(true);
  for (int passes = 0; passes < kPassesMax; ++passes) {
    control_->Load(saved, place.db, false);
    control_->Collect(place.key);
    control_->LatchCollected();
    (void)txn_->Meta(place.key);
    if (!txn_->pending()) {
      refused = control_->has_writes() && !control_->Commit().ok();
      if (!refused) {
        control_->TellEvents();
        *removed += txn_->expired;
        if (txn_->expired != 0) listener_->Gone(place.db, place.shard, place.key);
      }
      control_->Unlatch();
      if (!refused) listener_->Unlatched();
      break;
    }
    control_->Save(saved);
    const bool latches = !saved->needed.empty();
    if (!latches) StartRead(place, *saved);
    control_->Unlatch();
    if (!latches) break;
    saved->missing.clear();
  }
  control_->ForgetFetched();
  control_->SetBackground(false);
  return !refused;
}

// Latched. What only the disk knows of whether the key is there at all goes another time.
void ExpirySweep::StartRead(const Place& place, const SavedTxn& saved) {
  if (saved.missing.size() != 1 || readings_.size() >= kReadsMax) return;
  const Txn::Missing& missing = saved.missing[0];
  if (missing.unknown || missing.page) return;
  for (const auto& reading : readings_) {
    if (reading->db == place.db && reading->key == place.key) return;
  }
  auto reading = std::make_unique<Reading>();
  reading->sweep = this;
  reading->db = place.db;
  reading->shard = place.shard;
  reading->key = place.key;
  reading->now_ms = saved.now_ms;
  reading->version = missing.version;
  reading->no_admit = true;
  Reading* const raw = reading.get();
  readings_.push_back(std::move(reading));
  engine_->Fetch(reactor_, missing.db, missing.shard, raw->key, raw);
}

void ExpirySweep::ReadDone(Reading* reading, const Status& status) {
  const auto found = std::find_if(readings_.begin(), readings_.end(),
                                  [reading](const auto& one) { return one.get() == reading; });
  const std::unique_ptr<Reading> done = std::move(*found);
  readings_.erase(found);
  if (!status.ok()) return;  // whoever asks for the key is told
  SavedTxn saved;
  saved.now_ms = done->now_ms;
  control_->AddFetched(&saved, {done->db, done->version, done->key, done->result()});
  (void)Remove({done->db, done->shard, done->key}, &saved, &removed_late_);
}

}  // namespace cairn
