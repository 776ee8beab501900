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
  for (uint32_t lane = 0; lane < engine_->lane_count(); ++lane) ObserveLane(lane);
}

// In a lane that has stopped there is nothing to wait for: what is durable is there, and may be
// seen without what was answered with an error, or with it.
void Txn::ObserveLane(uint32_t lane) {
  if (gated_ && !engine_->LaneStopped(lane, nullptr)) Observe(engine_->StagedTicket(lane));
}

uint64_t Txn::KeyCount() {
  const uint64_t count = CAIRN_LIKELY(writes_.empty()) ? engine_->KeyCount(db_) : Count(db_).keys;
  ObserveAllLanes();
  return count;
}

void Txn::ScanShard(uint16_t shard, std::string_view from, std::string_view prefix,
                    KeyVisitor* visitor) {
  struct Merge : Engine::ScanVisitor {
    const Txn* txn = nullptr;
    Overlay::Keys::const_iterator next;
    Overlay::Keys::const_iterator end;
    std::string_view prefix;
    KeyVisitor* visitor = nullptr;
    bool stopped = false;

    bool Give(std::string_view key, uint64_t expire_at_ms, ValueType type) {
      if (txn->Dead(expire_at_ms)) return true;
      KeyMeta meta;
      meta.found = true;
      meta.type = type;
      meta.expire_at_ms = expire_at_ms;
      stopped = !visitor->OnKey(key, meta);
      return !stopped;
    }
    // Own values of keys that sort before `key`; all that are left for a null one.
    bool GiveOwn(const std::string_view* key) {
      for (; next != end && (key == nullptr || next->first.key < *key); ++next) {
        const OwnKey& own = next->second;
        if (!next->first.key.starts_with(prefix)) continue;
        if (own.value == OwnKey::Value::kOwn &&
            !Give(next->first.key, own.expire_at_ms, own.type)) {
          return false;
        }
      }
      return true;
    }
    bool OnKey(std::string_view key, uint64_t expire_at_ms, ValueType type) override {
      if (!key.starts_with(prefix)) return false;
      if (next == end) return Give(key, expire_at_ms, type);
      if (!GiveOwn(&key)) return false;
      if (next == end || next->first.key != key) return Give(key, expire_at_ms, type);
      const OwnKey& own = (next++)->second;
      if (own.value == OwnKey::Value::kMissing) return true;
      return Give(key, own.expiry_set ? own.expire_at_ms : expire_at_ms, type);
    }
  };

  MaybeLatch latch(engine_, shard, !all_latched_);
  Merge merge;
  std::string_view start = from > prefix ? from : prefix;
  const Overlay& overlay = OwnWrites();
  const uint16_t base = overlay.Base(db_);
  merge.txn = this;
  merge.next = overlay.Shard(db_, shard, start, &merge.end);
  merge.prefix = prefix;
  merge.visitor = visitor;
  if (base != Overlay::kNothing) engine_->Scan(base, shard, start, &merge);
  if (!merge.stopped) merge.GiveOwn(nullptr);
  ObserveLane(engine_->LaneOf(shard));
}

// Some key of what is stored and not touched by this pass, about uniformly.
bool Txn::RandomStored(uint16_t ns, std::string* key) {
  const uint64_t total = engine_->KeyCount(ns);
  if (total == 0) return false;
  uint64_t rank = NextRandom() % total;
  for (uint32_t shard = 0; shard < kShardCount; ++shard) {
    const uint16_t at = static_cast<uint16_t>(shard);
    MaybeLatch latch(engine_, shard, !all_latched_);
    const uint64_t count = engine_->ShardKeyCount(ns, at);
    if (rank >= count) {
      rank -= count;
      continue;
    }
    if (!engine_->Random(ns, at, NextRandom(), key)) return false;
    Entry entry;
    engine_->Find(ns, at, *key, false, &entry);
    if (!entry.found || Dead(entry.expire_at_ms)) return false;
    if (OwnWrites().Find(db_, at, *key) != nullptr) return false;
    // Nobody will ever know of one that a stopped lane has not made durable: another will do.
    const uint32_t lane = entry.ticket.lane;
    const bool durable = engine_->DurablePosition(lane) >= entry.ticket.position;
    if (gated_ && !durable && engine_->LaneStopped(lane, nullptr)) return false;
    if (gated_) Observe(entry.ticket);
    return true;
  }
  return false;
}

bool Txn::RandomKey(std::string* key) {
  constexpr int kTriesMax = 100;
  const uint16_t base = OwnWrites().Base(db_);
  for (int tries = 0; tries < kTriesMax && base != Overlay::kNothing; ++tries) {
    if (RandomStored(base, key)) return true;
  }
  // So many expired keys, or so few others, that luck does not help: the first live one.
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
  for (uint32_t shard = 0; shard < kShardCount && !first.any; ++shard) {
    ScanShard(static_cast<uint16_t>(shard), {}, {}, &first);
  }
  return first.any;
}

uint64_t Txn::MemoryUsage(std::string_view key) {
  // About what an entry of the index, the head of a record and its place in the cache take.
  constexpr uint64_t kEntryBytes = 32 + 32 + 32;
  const KeyMeta meta = Peek(key);
  if (!meta.found) return 0;
  uint16_t base = db_;
  const OwnKey own = writes_.empty() ? OwnKey() : FindOwn(key, &base);
  // What this pass has written itself is not in the engine yet.
  if (own.value == OwnKey::Value::kOwn) return kEntryBytes + 2 * key.size() + meta.value_bytes;
  return engine_->EntryMemoryBytes(base, ShardFor(key), key);
}

}  // namespace cairn
