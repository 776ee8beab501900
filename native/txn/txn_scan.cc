// The part of Txn that sees keys nobody named: counts, scans, random keys. Inside EXEC the pass's
// own writes lie over what is stored.
#include "txn/txn.h"

namespace cairn {

namespace {

uint64_t NextRandom() {
  static thread_local uint64_t state = 0x9e3779b97f4a7c15ull ^ reinterpret_cast<uintptr_t>(&state);
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return state * 0x2545f4914f6cdd1dull;
}

class MaybeLatch {
 public:
  MaybeLatch(Engine* engine, uint32_t shard, bool take)
      : latch_(engine->ShardLatch(shard)), take_(take) {
    if (take_) latch_.Lock();
  }
  ~MaybeLatch() {
    if (take_) latch_.Unlock();
  }

 private:
  Latch& latch_;
  bool take_;
};

}  // namespace

void Txn::ObserveAllLanes() {
  if (!gated_) return;
  for (uint32_t lane = 0; lane < engine_->lane_count(); ++lane)
    Observe(engine_->StagedTicket(lane));
}

bool Txn::CollectOverlay(uint32_t shard, uint16_t* base_db, OverlayKeys* keys) const {
  uint16_t db = db_;
  size_t start = 0;
  bool flushed = false;
  for (size_t i = writes_.size(); i-- > 0;) {
    const WriteOp& op = writes_[i];
    if (op.kind == WriteKind::kSwap && (op.ns == db || op.other_ns == db)) {
      db = op.ns == db ? op.other_ns : op.ns;
    } else if (op.kind == WriteKind::kFlush && (op.ns == kAllNamespaces || op.ns == db)) {
      start = i + 1;
      flushed = true;
      break;
    }
  }
  *base_db = db;
  for (size_t i = start; i < writes_.size(); ++i) {
    const WriteOp& op = writes_[i];
    if (op.kind == WriteKind::kSwap) {
      if (op.ns == db || op.other_ns == db) db = op.ns == db ? op.other_ns : op.ns;
    } else if (op.kind != WriteKind::kFlush && op.ns == db &&
               (shard == kAnyShard || op.shard == shard)) {
      (*keys)[std::string(op.key)] = {op.kind != WriteKind::kDelete, op.expire_at_ms};
    }
  }
  return flushed;
}

uint64_t Txn::KeyCount() {
  ObserveAllLanes();
  if (writes_.empty()) return engine_->KeyCount(db_);
  OverlayKeys overlay;
  uint16_t db = db_;
  bool flushed = CollectOverlay(kAnyShard, &db, &overlay);
  uint64_t count = flushed ? 0 : engine_->KeyCount(db);
  for (const auto& [key, state] : overlay) {
    Entry entry;
    if (!flushed) engine_->Find(db, ShardOf(key), key, false, &entry);
    if (state.present && !entry.found) ++count;
    if (!state.present && entry.found) --count;
  }
  return count;
}

void Txn::ScanShard(uint16_t shard, std::string_view from, std::string_view prefix,
                    KeyVisitor* visitor) {
  struct Merge : Engine::ScanVisitor {
    OverlayKeys overlay;
    OverlayKeys::const_iterator next;
    std::string_view prefix;
    uint64_t now_ms = 0;
    KeyVisitor* visitor = nullptr;
    bool stopped = false;

    bool Give(std::string_view key, uint64_t expire_at_ms, ValueType type) {
      if (expire_at_ms != 0 && expire_at_ms <= now_ms) return true;
      KeyMeta meta;
      meta.found = true;
      meta.type = type;
      meta.expire_at_ms = expire_at_ms;
      stopped = !visitor->OnKey(key, meta);
      return !stopped;
    }
    // Own writes that sort before `key`; all that are left for a null one.
    bool GiveOwn(const std::string_view* key) {
      for (; next != overlay.end() && (key == nullptr || next->first < *key); ++next) {
        if (!std::string_view(next->first).starts_with(prefix)) continue;
        if (next->second.present &&
            !Give(next->first, next->second.expire_at_ms, ValueType::kString)) {
          return false;
        }
      }
      return true;
    }
    bool OnKey(std::string_view key, uint64_t expire_at_ms, ValueType type) override {
      if (!key.starts_with(prefix)) return false;
      if (next != overlay.end() && !GiveOwn(&key)) return false;
      if (next != overlay.end() && next->first == key) return true;  // given with its new state
      return Give(key, expire_at_ms, type);
    }
  };

  MaybeLatch latch(engine_, shard, !all_latched_);
  if (gated_) Observe(engine_->StagedTicket(engine_->LaneOf(shard)));
  Merge merge;
  uint16_t db = db_;
  bool flushed = !writes_.empty() && CollectOverlay(shard, &db, &merge.overlay);
  std::string_view start = from > prefix ? from : prefix;
  merge.next = merge.overlay.lower_bound(start);
  merge.prefix = prefix;
  merge.now_ms = now_ms_;
  merge.visitor = visitor;
  if (!flushed) engine_->Scan(db, shard, start, &merge);
  if (!merge.stopped) merge.GiveOwn(nullptr);
}

bool Txn::RandomKey(std::string* key) {
  constexpr int kTriesMax = 100;  // all of them expired: give one up, as Redis does
  ObserveAllLanes();
  OverlayKeys overlay;
  uint16_t db = db_;
  bool flushed = !writes_.empty() && CollectOverlay(kAnyShard, &db, &overlay);
  for (int tries = 0; tries < kTriesMax && !flushed; ++tries) {
    uint64_t total = engine_->KeyCount(db);
    if (total == 0) break;
    uint64_t rank = NextRandom() % total;
    for (uint32_t shard = 0; shard < kShardCount; ++shard) {
      uint64_t count = engine_->ShardKeyCount(db, static_cast<uint16_t>(shard));
      if (rank >= count) {
        rank -= count;
        continue;
      }
      MaybeLatch latch(engine_, shard, !all_latched_);
      if (!engine_->Random(db, static_cast<uint16_t>(shard), NextRandom(), key)) break;
      Entry entry;
      engine_->Find(db, static_cast<uint16_t>(shard), *key, false, &entry);
      bool alive = entry.found && (entry.expire_at_ms == 0 || entry.expire_at_ms > now_ms_);
      if (alive && !overlay.contains(*key)) return true;
      break;
    }
  }
  // So many expired keys that luck does not help: the first live one.
  struct First : KeyVisitor {
    std::string* key;
    bool any = false;
    bool OnKey(std::string_view found, const KeyMeta&) override {
      any = true;
      key->assign(found);
      return false;
    }
  } first;
  first.key = key;
  for (uint32_t shard = 0; shard < kShardCount && !flushed && overlay.empty(); ++shard) {
    ScanShard(static_cast<uint16_t>(shard), {}, {}, &first);
    if (first.any) return true;
  }
  for (const auto& [own, state] : overlay) {
    if (!state.present) continue;
    *key = own;
    return true;
  }
  return false;
}

uint64_t Txn::MemoryUsage(std::string_view key) {
  // About what an entry of the index, the head of a record and its place in the cache take.
  constexpr uint64_t kOverheadBytes = 32 + 32 + 32;
  KeyMeta meta;
  std::string_view value;
  if (Look(key, false, &meta, &value) == ReadState::kMissing) return 0;
  // What this pass has written itself is not in the engine yet.
  if (value.data() != nullptr) return kOverheadBytes + 2 * key.size() + value.size();
  uint16_t db = db_;
  if (!writes_.empty()) (void)FindOverlay(key, &db, &meta, &value);
  return engine_->EntryMemoryBytes(db, ShardFor(key), key);
}

}  // namespace cairn
