#include "txn/txn_control.h"

#include <algorithm>

namespace cairn {

TxnControl::TxnControl(Txn* txn, Engine* engine, WatchTable* watches, uint32_t reactor,
                       uint16_t databases)
    : txn_(txn), engine_(engine), watches_(watches), apply_tickets_(engine->streams()) {
  txn->engine_ = engine;
  txn->spaces_ = engine->spaces();
  txn->reactor_ = reactor;
  txn->databases_ = databases;
  txn->wants_before_ = engine->WantsBefore();
  txn->latched_.reserve(64);
  txn->writes_.reserve(64);
  txn->tickets_.reserve(apply_tickets_.size());
}

void TxnControl::Begin(uint16_t db, uint64_t now_ms) {
  txn_->now_ms_ = now_ms;
  ForgetFetched();
  txn_->frozen_ = false;
  txn_->frozen_micros_ = 0;
  txn_->sliced_ = false;
  txn_->may_wait_ = false;
  txn_->traced_ = false;
  if (CAIRN_UNLIKELY(!txn_->needed_.empty())) txn_->needed_.clear();
  txn_->random_seed_ = 0;
  Restart(db);
}

void TxnControl::Restart(uint16_t db) {
  CAIRN_CHECK(txn_->latched_.empty(), "one pass at a time");
  txn_->db_ = db;
  ++txn_->pass_number_;
  txn_->shard_key_data_ = nullptr;  // the next command's key may stand at the same place
  txn_->shard_key_bytes_ = SIZE_MAX;
  txn_->pending_count_ = 0;
  txn_->looks_ = 0;
  txn_->randoms_used_ = 0;
  txn_->again_ = txn_->busy_ = txn_->waits_ = txn_->apart_ = false;
  txn_->slice_cost_ = 0;
  txn_->randoms_ = 0;
  txn_->count_hits_ = false;
  txn_->writes_.clear();
  txn_->tickets_.clear();
  if (CAIRN_UNLIKELY(!txn_->missing_.empty() || !txn_->missing_ranges_.empty() ||
                     !txn_->frozen_reads_.empty() || !txn_->watches_.empty() ||
                     !txn_->events_.empty() || !txn_->reads_.empty())) {
    ForgetMissing();
  }
  txn_->hits = txn_->misses = txn_->expired = 0;
  txn_->extra_changes = 0;
  if (CAIRN_UNLIKELY(txn_->writes_whole_ || txn_->overlaid_ != 0 || txn_->arena_ != nullptr ||
                     txn_->in_pages_ || !txn_->kept_.empty())) {
    ReleaseMemory();
  }
}

void TxnControl::Freeze(std::span<const std::string_view> argv, const KeySpec& keys) {
  std::vector<std::string_view>& declared = declared_;
  declared.clear();
  ForEachKey(argv, keys, [&](std::string_view key) { declared.push_back(key); });
  std::sort(declared.begin(), declared.end());
  declared.erase(std::unique(declared.begin(), declared.end()), declared.end());
  // The usual read from disk: one key, looked at once. What was found is known.
  if (declared.size() == 1 && txn_->looks_ == 1 && txn_->missing_.size() == 1) {
    const Txn::Missing& missing = txn_->missing_[0];
    txn_->frozen_reads_.push_back(
        Txn::FrozenRead{missing.db, missing.key, txn_->first_look_, {}, {}});
    return;
  }
  txn_->missing_.clear();
  for (std::string_view key : declared) {
    Entry entry;
    const uint16_t shard = ShardOf(key);
    engine_->Find(txn_->db_, shard, key, true, &entry);
    Owner owner;
    if (entry.resident && entry.value_bytes >= kLargeValueBytes)
      owner = engine_->Pin(txn_->db_, shard, key, entry);
    const bool copy = owner == nullptr;
    txn_->frozen_reads_.push_back(Txn::FrozenRead{txn_->db_, std::string(key), entry,
                                                  std::string(copy ? entry.value : ""),
                                                  std::move(owner)});
    if (entry.unknown || (entry.found && !entry.resident && !txn_->Dead(entry.expire_at_ms))) {
      txn_->missing_.push_back(Txn::Missing{txn_->db_, shard, std::string(key), entry.version,
                                            entry.value_bytes, entry.unknown});
    }
  }
}

void TxnControl::ForgetReads() {
  txn_->fetched_.clear();
  txn_->ranges_.clear();
  txn_->progress_.reset();
}

void TxnControl::ForgetMissing() {
  txn_->missing_.clear();
  txn_->missing_ranges_.clear();
  txn_->watches_.clear();
  txn_->events_.clear();
  txn_->reads_.clear();
  if (!txn_->frozen_) txn_->frozen_reads_.clear();
}

void TxnControl::ReleaseMemory() {
  txn_->kept_.clear();
  if (txn_->in_pages_) {
    txn_->page_writes_.Clear();
    txn_->made_spaces_.clear();
    txn_->touched_.clear();
    txn_->in_pages_ = false;
  }
  txn_->writes_whole_ = false;
  txn_->overlay_.Clear();
  txn_->overlaid_ = 0;
  // One block of the usual size stays for the next command.
  if (txn_->blocks_.size() == 1 && txn_->blocks_[0] != nullptr &&
      txn_->arena_ == txn_->blocks_[0].get() + (Txn::kArenaBlockBytes - txn_->arena_left_)) {
    txn_->arena_ = txn_->blocks_[0].get();
    txn_->arena_left_ = Txn::kArenaBlockBytes;
    return;
  }
  txn_->blocks_.clear();
  txn_->arena_ = nullptr;
  txn_->arena_left_ = 0;
}

void TxnControl::LatchKeys(std::span<const std::string_view> argv, const KeySpec& keys) {
  if (!keys.any()) return;
  collected_.clear();
  Collect(argv, keys);
  LatchCollected();
}

void TxnControl::Collect(std::span<const std::string_view> argv, const KeySpec& keys) {
  ForEachKey(argv, keys, [this](std::string_view key) { collected_.push_back(ShardOf(key)); });
}

void TxnControl::Collect(std::string_view key) { collected_.push_back(ShardOf(key)); }

void TxnControl::LatchCollected() {
  CAIRN_CHECK(txn_->latched_.empty(), "one pass at a time");
  collected_.insert(collected_.end(), txn_->needed_.begin(), txn_->needed_.end());
  std::sort(collected_.begin(), collected_.end());
  collected_.erase(std::unique(collected_.begin(), collected_.end()), collected_.end());
  if (CAIRN_UNLIKELY(!collected_.empty() && collected_.back() == Txn::kAllShards))
    return LatchAll();
  for (uint16_t shard : collected_) {
    engine_->ShardLatch(shard).Lock();
    txn_->latched_.push_back(shard);
  }
  collected_.clear();
}

void TxnControl::LatchAll() {
  CAIRN_CHECK(txn_->latched_.empty(), "one pass at a time");
  collected_.clear();
  for (uint32_t shard = 0; shard < kShardCount; ++shard) {
    engine_->ShardLatch(shard).Lock();
    txn_->latched_.push_back(static_cast<uint16_t>(shard));
  }
  txn_->all_latched_ = true;
}

void TxnControl::DescribeWait(Waiter* waiter) const {
  waiter->terms = txn_->wait_terms_;
  for (const std::string_view key : txn_->wait_keys_) {
    const bool known = std::any_of(waiter->keys.begin(), waiter->keys.end(),
                                   [&](const WatchedKey& other) { return other.key == key; });
    if (!known) waiter->keys.push_back({txn_->wait_db_, ShardOf(key), std::string(key)});
  }
}

void TxnControl::Unlatch() {
  for (uint16_t shard : txn_->latched_) engine_->ShardLatch(shard).Unlock();
  txn_->latched_.clear();
  txn_->all_latched_ = false;
}

Status TxnControl::Commit(PreparedUnit* prepared) {
  uint32_t count = 0;
  Status status =
      CAIRN_LIKELY(txn_->page_writes_.empty())
          ? engine_->Apply(txn_->reactor_, txn_->writes_, apply_tickets_.data(), &count, prepared)
          : ApplyPages(&count);
  if (CAIRN_UNLIKELY(!status.ok())) return status;  // nothing happened: nobody is told
  if (txn_->gated_) {
    for (uint32_t i = 0; i < count; ++i) txn_->Observe(apply_tickets_[i]);
  }
  if (CAIRN_UNLIKELY(watches_->watched())) {
    txn_->writes_whole_ ? TouchWatched() : TouchKeys();
  }
  return status;
}

void TxnControl::SendEvents() {
  sink_->Tell(txn_->events_, txn_->tickets_);
  txn_->events_.clear();
}

Status TxnControl::ApplyPages(uint32_t* ticket_count) {
  return engine_->spaces()->Apply(txn_->reactor_, txn_->writes_, txn_->page_writes_.Ops(),
                                  apply_tickets_.data(), ticket_count);
}

// Merges what was read, written, and changed in pages only.
void TxnControl::SendTrace(uint64_t by) {
  if (txn_->frozen_) return;
  trace_.clear();
  const std::vector<WriteOp>& writes = txn_->writes_;
  const std::vector<Txn::Touched>& touches = txn_->touched_;
  size_t written = 0, touched = 0, read = 0;
  for (;;) {
    if (read < txn_->reads_.size() && txn_->reads_[read].writes <= written &&
        txn_->reads_[read].touched <= touched) {
      trace_.push_back({KeyTrace::Kind::kRead, txn_->reads_[read++].key});
    } else if (touched < touches.size() && touches[touched].writes <= written) {
      trace_.push_back({KeyTrace::Kind::kChanged, touches[touched++].key});
    } else if (written < writes.size()) {
      trace_.push_back(TraceOf(writes[written++]));
    } else {
      break;
    }
  }
  txn_->reads_.clear();
  if (!trace_.empty()) sink_->Trace(trace_, by);
}

KeyTrace TxnControl::TraceOf(const WriteOp& op) const {
  if (op.kind == WriteKind::kFlush || op.kind == WriteKind::kSwap)
    return {KeyTrace::Kind::kWhole, {}};
  const bool expired = op.kind == WriteKind::kDelete && op.before == WriteOp::Before::kFound &&
                       txn_->Dead(op.before_expire_at_ms);
  return {expired ? KeyTrace::Kind::kExpired : KeyTrace::Kind::kChanged, op.key};
}

void TxnControl::TellReads(uint64_t by) {
  trace_.clear();
  for (const Txn::Read& read : txn_->reads_) trace_.push_back({KeyTrace::Kind::kRead, read.key});
  txn_->reads_.clear();
  if (!trace_.empty()) sink_->Trace(trace_, by);
}

void TxnControl::PlaceWatches(Watcher* watcher) {
  for (const NewWatch& watch : txn_->watches_) {
    bool known = false;
    for (const WatchedKey& watched : watcher->keys)
      known |= watched.db == watch.db && watched.key == watch.key;
    if (known) continue;
    if (watcher->state == nullptr) watcher->state = std::make_shared<WatchState>();
    watches_->Add(watch.shard, watch.db, watch.key, watch.expired, watcher->state);
    watcher->keys.push_back(WatchedKey{watch.db, watch.shard, std::string(watch.key)});
  }
  txn_->watches_.clear();
}

void TxnControl::Unwatch(Watcher* watcher) {
  for (const WatchedKey& watched : watcher->keys) {
    LatchGuard guard(engine_->ShardLatch(watched.shard));
    watches_->Remove(watched.shard, watched.db, watched.key, watcher->state.get());
  }
  watcher->keys.clear();
  watcher->state.reset();
}

bool TxnControl::Touched(const Watcher& watcher) {
  if (watcher.state == nullptr) return false;
  if (watcher.state->dirty.load(std::memory_order_relaxed)) return true;
  for (const WatchedKey& watched : watcher.keys) {
    Txn::Stored stored;
    (void)txn_->FindStored(watched.db, watched.shard, watched.key, false, &stored);
    const bool expired = stored.entry.found && txn_->Dead(stored.entry.expire_at_ms);
    if (expired &&
        !watches_->Expired(watched.shard, watched.db, watched.key, watcher.state.get())) {
      return true;
    }
  }
  return false;
}

void TxnControl::TouchWatched() {
  for (const auto& state : watchers_.touched) state->dirty.store(true, std::memory_order_relaxed);
  for (const auto& [watch, expired] : watchers_.expired) watch->expired = expired;
  watchers_ = Watchers();
}

void TxnControl::TouchKeys() {
  for (const WriteOp& op : txn_->writes_) {
    if (op.kind == WriteKind::kFlush || op.kind == WriteKind::kSwap) continue;
    watches_->Touch(op.shard, op.ns, op.key, op.kind == WriteKind::kDelete);
  }
  for (const Txn::Touched& touched : txn_->touched_)
    watches_->Touch(touched.shard, touched.db, touched.key, false);
}

// Each write, flush or swap sees what those before it have made of the databases.
TxnControl::Watchers TxnControl::WatchersOfWhole() {
  Watchers watchers;
  Overlay before;
  auto state = [&](uint16_t db, uint16_t shard, std::string_view key) {
    Txn::Stored look;
    Entry& entry = look.entry;
    const OwnKey* own = before.Find(db, shard, key);
    const bool stored = own == nullptr || own->value == OwnKey::Value::kStored;
    if (!stored) {
      entry.found = own->value == OwnKey::Value::kOwn;
    } else if (before.Base(db) != Overlay::kNothing) {
      (void)txn_->FindStored(before.Base(db), shard, key, false, &look);
    }
    if (own != nullptr && own->expiry_set) entry.expire_at_ms = own->expire_at_ms;
    return entry;
  };
  auto expired_now = [&](WatchTable::Watch& watch) {
    const auto found = watchers.expired.find(&watch);
    return found == watchers.expired.end() ? watch.expired : found->second;
  };
  auto next = txn_->touched_.begin();
  auto touch_up_to = [&](size_t writes) {
    for (; next != txn_->touched_.end() && next->writes <= writes; ++next) {
      watches_->ForEachOf(next->shard, [&](WatchTable::Watch& watch) {
        if (watch.db == next->db && watch.key == next->key) watchers.touched.push_back(watch.state);
      });
    }
  };
  size_t writes = 0;
  for (const WriteOp& op : txn_->writes_) {
    touch_up_to(writes++);
    const bool swap = op.kind == WriteKind::kSwap;
    if (!swap && op.kind != WriteKind::kFlush) {
      watches_->ForEachOf(op.shard, [&](WatchTable::Watch& watch) {
        if (watch.db != op.ns || watch.key != op.key) return;
        if (op.kind == WriteKind::kDelete && expired_now(watch)) return;
        watchers.touched.push_back(watch.state);
      });
      before.Add(op);
      continue;
    }
    watches_->ForEach([&](uint16_t shard, WatchTable::Watch& watch) {
      const bool here = op.ns == kAllNamespaces || watch.db == op.ns;
      if (!here && !(swap && watch.db == op.other_ns)) return;
      // An expired key that goes is no change to who found it expired.
      const Entry gone = state(watch.db, shard, watch.key);
      const bool expired = expired_now(watch);
      bool touched = gone.found && !(expired && txn_->Dead(gone.expire_at_ms));
      Entry comes;
      if (swap) comes = state(here ? op.other_ns : op.ns, shard, watch.key);
      touched |= comes.found && !txn_->Dead(comes.expire_at_ms);
      if (touched) {
        watchers.touched.push_back(watch.state);
      } else if (comes.found != expired) {
        watchers.expired[&watch] = comes.found;
      }
    });
    before.Add(op);
  }
  touch_up_to(writes);
  return watchers;
}

void TxnControl::Save(SavedTxn* saved) {
  saved->again = txn_->again_ && txn_->pending_count_ == 0;
  saved->busy = txn_->busy_;
  saved->random_seed = txn_->random_seed_;
  saved->needed.swap(txn_->needed_);
  txn_->needed_.clear();
  saved->missing.swap(txn_->missing_);
  saved->missing_ranges.swap(txn_->missing_ranges_);
  saved->ranges.insert(saved->ranges.end(), txn_->ranges_.begin(), txn_->ranges_.end());
  saved->progress = std::move(txn_->progress_);
  saved->frozen.swap(txn_->frozen_reads_);
  saved->tickets.assign(txn_->tickets_.begin(), txn_->tickets_.end());
  saved->now_ms = txn_->now_ms_;
  saved->frozen_micros = txn_->frozen_micros_;
  // Values fetched for an earlier pass of the same command stay with it.
  saved->fetched.insert(saved->fetched.end(), txn_->fetched_.begin(), txn_->fetched_.end());
  txn_->missing_.clear();
  txn_->missing_ranges_.clear();
  txn_->frozen_reads_.clear();
  txn_->fetched_.clear();
  txn_->ranges_.clear();
  txn_->progress_.reset();
  // Counted and told when it runs again, not by who comes next.
  txn_->events_.clear();
  txn_->reads_.clear();
  txn_->hits = txn_->misses = txn_->expired = 0;
}

void TxnControl::AddFetched(SavedTxn* saved, Txn::Fetched fetched) {
  saved->fetched.push_back(std::move(fetched));
}

void TxnControl::Load(SavedTxn* saved, uint16_t db, bool frozen) {
  CAIRN_CHECK(txn_->latched_.empty(), "one pass at a time");
  std::sort(saved->fetched.begin(), saved->fetched.end(),
            [](const Txn::Fetched& a, const Txn::Fetched& b) { return a.version < b.version; });
  txn_->fetched_.swap(saved->fetched);
  saved->fetched.clear();
  txn_->ranges_.swap(saved->ranges);
  saved->ranges.clear();
  txn_->progress_ = std::move(saved->progress);
  txn_->random_seed_ = saved->random_seed;
  txn_->needed_.swap(saved->needed);
  saved->needed.clear();
  txn_->now_ms_ = saved->now_ms;
  txn_->frozen_micros_ = saved->frozen_micros;
  txn_->sliced_ = false;
  txn_->may_wait_ = false;
  txn_->traced_ = false;
  if (frozen) {
    txn_->frozen_ = true;
    txn_->frozen_reads_.swap(saved->frozen);
    saved->frozen.clear();
    Restart(db);
    txn_->tickets_.assign(saved->tickets.begin(), saved->tickets.end());
  } else {
    txn_->frozen_ = false;
    Restart(db);
  }
}

}  // namespace cairn
