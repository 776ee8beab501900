// The part of Txn that sees keys nobody named: counts, scans, random keys. Inside EXEC the pass's
// own writes lie over what is stored.
#include <algorithm>
#include <span>

#include "txn/txn.h"

namespace cairn {

namespace {

// What a pass has written in one part of a database, in the order of the keys.
class OwnKeys {
 public:
  OwnKeys(const Overlay& overlay, uint16_t db, const Engine& engine, uint32_t part,
          std::string_view from, std::string_view prefix) {
    overlay.ForEachKey(db, [&](uint16_t shard, std::string_view key, const OwnKey& own) {
      if (engine.PartOf(shard) == part && key >= from && key.starts_with(prefix))
        keys_.push_back({key, &own});
    });
    std::sort(keys_.begin(), keys_.end(), [](const One& a, const One& b) { return a.key < b.key; });
  }
  bool any() const { return next_ != keys_.size(); }
  bool Before(std::string_view key) const { return any() && keys_[next_].key < key; }
  bool At(std::string_view key) const { return any() && keys_[next_].key == key; }
  std::string_view key() const { return keys_[next_].key; }
  const OwnKey& value() const { return *keys_[next_].own; }
  void Next() { ++next_; }

 private:
  struct One {
    std::string_view key;
    const OwnKey* own;
  };
  std::vector<One> keys_;
  size_t next_ = 0;
};

}  // namespace

uint64_t Txn::NextRandom() {
  static thread_local uint64_t state = 0x9e3779b97f4a7c15ull ^ reinterpret_cast<uintptr_t>(&state);
  state ^= state << 13;
  state ^= state >> 7;
  state ^= state << 17;
  return state * 0x2545f4914f6cdd1dull;
}

void Txn::ObserveAll() {
  for (uint32_t stream = 0; gated_ && stream < engine_->streams(); ++stream)
    ObserveUnlessStopped(engine_->LatestTicket(stream));
}

// In a stream that has stopped there is nothing to wait for: what is durable is there, and may be
// seen without what was answered with an error, or with it.
void Txn::ObserveUnlessStopped(const Ticket& ticket) {
  if (gated_ && !engine_->Stopped(ticket.stream)) Observe(ticket);
}

uint64_t Txn::KeyCount() {
  const uint64_t count = CAIRN_LIKELY(writes_.empty()) ? engine_->KeyCount(db_) : Count(db_).keys;
  ObserveAll();
  return count;
}

void Txn::StartRange(Engine* engine, uint32_t reactor, RangeRequest* request) {
  request->random ? engine->RandomKey(reactor, NextRandom(), request)
                  : engine->ReadRange(reactor, request);
}

// Null: noted as missing.
const RangeRequest* Txn::ReadRange(RangeQuery query) {
  slice_cost_ += kRangeCost;
  if (CAIRN_LIKELY(engine_->RangesInMemory())) {
    static_cast<RangeQuery&>(range_) = std::move(query);
    range_.latched = all_latched_;
    StartRange(engine_, reactor_, &range_);
    return &range_;
  }
  size_t randoms = 0;
  for (const RangeRequest* read : ranges_) {
    if (static_cast<const RangeQuery&>(*read) != query) continue;
    // Of several random keys that were asked for alike each answers once.
    if (query.random && randoms++ != randoms_used_) continue;
    if (query.random) ++randoms_used_;
    return read;
  }
  ++pending_count_;
  missing_ranges_.push_back(std::move(query));
  return nullptr;
}

Txn::Scanned Txn::ScanSome(uint32_t part, std::string_view from, std::string_view prefix,
                           size_t most, KeyVisitor* visitor, std::string* next) {
  const std::string_view start = from > prefix ? from : prefix;
  const Overlay& overlay = OwnWrites();
  const uint16_t base = overlay.Base(db_);
  bool end = true;  // nothing is stored behind the rows
  std::span<const RangeRequest::Row> rows;
  if (base != Overlay::kNothing) {
    const auto keys_max = static_cast<uint32_t>(std::min<size_t>(most, RangeRequest::kKeysMax));
    const RangeRequest* read =
        ReadRange({base, part, std::string(start), std::string(prefix), keys_max, false});
    if (read == nullptr) return Scanned::kPending;
    rows = read->rows();
    end = read->end;
    ObserveUnlessStopped(read->ticket);
  }
  slice_cost_ += static_cast<uint32_t>(rows.size());
  const auto give = [&](std::string_view key, uint64_t expire_at_ms, ValueType type) {
    if (Dead(expire_at_ms)) return true;
    KeyMeta meta;
    meta.found = true;
    meta.type = type;
    meta.expire_at_ms = expire_at_ms;
    return visitor->OnKey(key, meta);
  };
  OwnKeys own(overlay, db_, *engine_, part, start, prefix);
  for (const RangeRequest::Row& row : rows) {
    for (; own.Before(row.key); own.Next()) {
      if (own.value().value != OwnKey::Value::kOwn) continue;
      if (!give(own.key(), own.value().expire_at_ms, own.value().type)) return Scanned::kStopped;
    }
    if (!own.At(row.key)) {
      if (!give(row.key, row.expire_at_ms, row.type)) return Scanned::kStopped;
      continue;
    }
    const OwnKey& mine = own.value();
    const uint64_t expire_at_ms = mine.expiry_set ? mine.expire_at_ms : row.expire_at_ms;
    const ValueType type = mine.value == OwnKey::Value::kOwn ? mine.type : row.type;
    if (mine.value != OwnKey::Value::kMissing && !give(row.key, expire_at_ms, type))
      return Scanned::kStopped;
    own.Next();
  }
  if (!end) {
    next->assign(rows.back().key);
    next->push_back('\0');
    return Scanned::kMore;
  }
  for (; own.any(); own.Next()) {
    if (own.value().value != OwnKey::Value::kOwn) continue;
    if (!give(own.key(), own.value().expire_at_ms, own.value().type)) return Scanned::kStopped;
  }
  return Scanned::kEnd;
}

// Some key of what is stored, about uniformly. Not usable: expired, touched by this pass, or there
// is none.
ReadState Txn::RandomStored(uint16_t ns, std::string* key, bool* usable) {
  *usable = false;
  RangeQuery any;
  any.ns = ns;
  any.random = true;
  const RangeRequest* read = ReadRange(std::move(any));
  if (read == nullptr) return ReadState::kPending;
  if (read->rows().empty()) return ReadState::kMissing;
  const RangeRequest::Row& row = read->rows()[0];
  if (Dead(row.expire_at_ms)) return ReadState::kFound;
  if (OwnWrites().Find(db_, ShardOf(row.key), row.key) != nullptr) return ReadState::kFound;
  // Nobody will ever know of one that a stopped stream has not made durable: another will do.
  if (gated_ && !engine_->Durable(read->ticket) && engine_->Stopped(read->ticket.stream))
    return ReadState::kFound;
  if (gated_) Observe(read->ticket);
  key->assign(row.key);
  *usable = true;
  return ReadState::kFound;
}

ReadState Txn::RandomKey(std::string* key) {
  constexpr int kTriesMax = 100;
  const uint16_t base = OwnWrites().Base(db_);
  for (int tries = 0; tries < kTriesMax && base != Overlay::kNothing; ++tries) {
    bool usable;
    const ReadState state = RandomStored(base, key, &usable);
    if (state == ReadState::kPending || usable) return state;
    if (state == ReadState::kMissing) break;
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
  for (uint32_t part = 0; part < parts() && !first.any; ++part) {
    std::string from;
    Scanned scanned = Scanned::kMore;
    while (scanned == Scanned::kMore)
      scanned = ScanSome(part, from, {}, RangeRequest::kKeysMax, &first, &from);
    if (scanned == Scanned::kPending) return ReadState::kPending;
  }
  return first.any ? ReadState::kFound : ReadState::kMissing;
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
