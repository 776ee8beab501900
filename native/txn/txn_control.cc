#include "txn/txn_control.h"

#include <algorithm>

namespace cairn {

TxnControl::TxnControl(Txn* txn, Engine* engine, WatchTable* watches, uint32_t reactor,
                       uint16_t databases)
    : txn_(txn), engine_(engine), watches_(watches), apply_tickets_(engine->lane_count()) {
  txn->engine_ = engine;
  txn->reactor_ = reactor;
  txn->databases_ = databases;
  txn->latched_.reserve(64);
  txn->writes_.reserve(64);
  txn->tickets_.reserve(apply_tickets_.size());
}

void TxnControl::Begin(uint16_t db, uint64_t now_ms) {
  txn_->now_ms_ = now_ms;
  txn_->fetched_.clear();
  txn_->frozen_ = false;
  Restart(db, false);
}

void TxnControl::Restart(uint16_t db, bool recording) {
  CAIRN_CHECK(txn_->latched_.empty() || recording);
  txn_->db_ = db;
  txn_->shard_key_data_ = nullptr;  // the next command's key may stand at the same place
  txn_->shard_key_bytes_ = SIZE_MAX;
  txn_->recording_ = recording;
  txn_->pending_count_ = 0;
  txn_->looks_ = 0;
  txn_->count_hits_ = false;
  txn_->writes_.clear();
  txn_->tickets_.clear();
  txn_->missing_.clear();
  if (!txn_->frozen_) txn_->frozen_reads_.clear();
  txn_->frozen_next_ = 0;
  txn_->hits = txn_->misses = txn_->expired = 0;
  if (CAIRN_UNLIKELY(txn_->writes_whole_ || txn_->overlay_indexed_ != 0 ||
                     txn_->arena_ != nullptr)) {
    ReleaseMemory();
  }
}

bool TxnControl::FreezeOnlyRead() {
  if (txn_->looks_ != 1 || txn_->missing_.size() != 1) return false;
  const Txn::Missing& missing = txn_->missing_[0];
  txn_->frozen_reads_.push_back(Txn::FrozenRead{missing.db, missing.key, txn_->first_look_, {}});
  return true;
}

void TxnControl::ReleaseMemory() {
  txn_->writes_whole_ = false;
  txn_->overlay_.clear();
  txn_->overlay_indexed_ = 0;
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
  if (keys.first <= 0) return;
  collected_.clear();
  Collect(argv, keys);
  LatchCollected();
}

void TxnControl::Collect(std::span<const std::string_view> argv, const KeySpec& keys) {
  ForEachKey(argv, keys, [this](std::string_view key) { collected_.push_back(ShardOf(key)); });
}

void TxnControl::Collect(std::string_view key) { collected_.push_back(ShardOf(key)); }

void TxnControl::LatchCollected() {
  CAIRN_CHECK(txn_->latched_.empty());
  std::sort(collected_.begin(), collected_.end());
  collected_.erase(std::unique(collected_.begin(), collected_.end()), collected_.end());
  for (uint16_t shard : collected_) {
    engine_->ShardLatch(shard).Lock();
    txn_->latched_.push_back(shard);
  }
  collected_.clear();
}

void TxnControl::LatchAll() {
  CAIRN_CHECK(txn_->latched_.empty());
  collected_.clear();
  for (uint32_t shard = 0; shard < kShardCount; ++shard) {
    engine_->ShardLatch(shard).Lock();
    txn_->latched_.push_back(static_cast<uint16_t>(shard));
  }
  txn_->all_latched_ = true;
}

void TxnControl::Unlatch() {
  for (uint16_t shard : txn_->latched_) engine_->ShardLatch(shard).Unlock();
  txn_->latched_.clear();
  txn_->all_latched_ = false;
}

Status TxnControl::Commit(uint32_t* busy_lane) {
  uint32_t count = 0;
  if (CAIRN_UNLIKELY(txn_->writes_whole_ && watches_->watched())) TouchWatches(true);
  Status status =
      engine_->Apply(txn_->reactor_, txn_->writes_, apply_tickets_.data(), &count, busy_lane);
  if (CAIRN_UNLIKELY(!status.ok())) return status;
  if (txn_->gated_) {
    for (uint32_t i = 0; i < count; ++i) txn_->Observe(apply_tickets_[i]);
  }
  if (CAIRN_UNLIKELY(watches_->watched())) TouchWatches(false);
  return status;
}

// whole: flushes and swaps, before they are applied: only keys that exist are changed by them.
void TxnControl::TouchWatches(bool whole) {
  for (const WriteOp& op : txn_->writes_) {
    bool is_whole = op.kind == WriteKind::kFlush || op.kind == WriteKind::kSwap;
    if (is_whole != whole) continue;
    if (!is_whole) {
      watches_->Touch(op.shard, op.ns, op.key);
      continue;
    }
    auto exists = [this, &op](uint16_t shard, uint16_t db, std::string_view key) {
      Entry entry;
      engine_->Find(db, shard, key, false, &entry);
      if (!entry.found && op.kind == WriteKind::kSwap) {
        engine_->Find(db == op.ns ? op.other_ns : op.ns, shard, key, false, &entry);
      }
      return entry.found;
    };
    for (uint32_t shard = 0; shard < kShardCount; ++shard) {
      watches_->TouchAll(static_cast<uint16_t>(shard), op.ns, exists);
      if (op.kind == WriteKind::kSwap) {
        watches_->TouchAll(static_cast<uint16_t>(shard), op.other_ns, exists);
      }
    }
  }
}

void TxnControl::Save(SavedTxn* saved) {
  saved->missing.swap(txn_->missing_);
  saved->frozen.swap(txn_->frozen_reads_);
  saved->tickets.assign(txn_->tickets_.begin(), txn_->tickets_.end());
  saved->now_ms = txn_->now_ms_;
  // Values fetched for an earlier pass of the same command stay with it.
  saved->fetched.insert(saved->fetched.end(), txn_->fetched_.begin(), txn_->fetched_.end());
  txn_->missing_.clear();
  txn_->frozen_reads_.clear();
  txn_->fetched_.clear();
}

void TxnControl::AddFetched(SavedTxn* saved, const VersionToken& version, std::string_view value) {
  saved->fetched.push_back(Txn::Fetched{version, value});
}

void TxnControl::Load(SavedTxn* saved, uint16_t db, bool frozen) {
  CAIRN_CHECK(txn_->latched_.empty());
  std::sort(saved->fetched.begin(), saved->fetched.end(),
            [](const Txn::Fetched& a, const Txn::Fetched& b) {
              return std::lexicographical_compare(a.version.word, a.version.word + 3,
                                                  b.version.word, b.version.word + 3);
            });
  txn_->fetched_.swap(saved->fetched);
  saved->fetched.clear();
  txn_->now_ms_ = saved->now_ms;
  if (frozen) {
    txn_->frozen_ = true;
    txn_->frozen_reads_.swap(saved->frozen);
    saved->frozen.clear();
    Restart(db, false);
    txn_->tickets_.assign(saved->tickets.begin(), saved->tickets.end());
  } else {
    txn_->frozen_ = false;
    Restart(db, false);
  }
}

}  // namespace cairn
