#include "txn/txn.h"

#include <algorithm>

namespace cairn {

char* Txn::Alloc(size_t bytes) {
  bytes = (bytes + 7) & ~size_t{7};
  if (bytes > arena_left_) {
    size_t block_bytes = std::max(bytes, kArenaBlockBytes);
    blocks_.push_back(std::unique_ptr<char[]>(new char[block_bytes]));
    arena_ = blocks_.back().get();
    arena_left_ = block_bytes;
  }
  char* memory = arena_;
  arena_ += bytes;
  arena_left_ -= bytes;
  return memory;
}

std::string_view Txn::Copy(std::string_view bytes) {
  // What this pass has read, and keeps, need not be copied.
  if (CAIRN_UNLIKELY(bytes.size() >= kLargeValueBytes) && OwnerOf(bytes) != nullptr) return bytes;
  char* memory = Alloc(bytes.size());
  if (!bytes.empty()) std::memcpy(memory, bytes.data(), bytes.size());
  return {memory, bytes.size()};
}

uint16_t Txn::ShardFor(std::string_view key) {
  if (key.data() != shard_key_data_ || key.size() != shard_key_bytes_) {
    shard_key_data_ = key.data();
    shard_key_bytes_ = key.size();
    shard_cached_ = ShardOf(key);
  }
  return shard_cached_;
}

void Txn::Observe(const Ticket& ticket) {
  if (ticket.position == 0) return;
  for (Ticket& known : tickets_) {
    if (known.stream == ticket.stream) {
      if (ticket.position > known.position) known.position = ticket.position;
      return;
    }
  }
  tickets_.push_back(ticket);
}

// Sorted by version, which only tells the states of one key apart.
const Txn::Fetched* Txn::FindFetched(uint16_t ns, std::string_view key, const VersionToken& version,
                                     bool page) const {
  auto it = std::lower_bound(
      fetched_.begin(), fetched_.end(), version,
      [](const Fetched& fetched, const VersionToken& wanted) { return fetched.version < wanted; });
  for (; it != fetched_.end() && it->version == version; ++it) {
    if (it->db == ns && it->page == page && it->key == key) return &*it;
  }
  return nullptr;
}

const Overlay& Txn::OwnWrites() {
  for (; overlaid_ < writes_.size(); ++overlaid_) overlay_.Add(writes_[overlaid_]);
  return overlay_;
}

OwnKey Txn::FindOwn(std::string_view key, uint16_t* base) {
  OwnKey own;
  if (writes_whole_ || writes_.size() > kLinearWritesMax) {
    const Overlay& overlay = OwnWrites();
    *base = overlay.Base(db_);
    if (const OwnKey* found = overlay.Find(db_, ShardFor(key), key)) own = *found;
    return own;
  }
  *base = db_;
  for (const WriteOp& op : writes_) {
    if (op.ns == db_ && op.key == key) own.Take(op);
  }
  return own;
}

bool Txn::Wrote(std::string_view key) {
  if (writes_.size() > kLinearWritesMax)
    return OwnWrites().Find(db_, ShardFor(key), key) != nullptr;
  return std::any_of(writes_.begin(), writes_.end(),
                     [&](const WriteOp& op) { return op.ns == db_ && op.key == key; });
}

const Txn::FrozenRead* Txn::FindFrozen(uint16_t db, std::string_view key, Entry* entry) {
  auto read = std::lower_bound(
      frozen_reads_.begin(), frozen_reads_.end(), key,
      [](const FrozenRead& known, std::string_view wanted) { return known.key < wanted; });
  CAIRN_CHECK(read != frozen_reads_.end() && read->db == db && read->key == key,
              "handlers look at keys that they declare, and all those were recorded");
  *entry = read->entry;
  if (read->owner == nullptr) entry->value = read->value;
  return &*read;
}

Owner Txn::OwnerOf(std::string_view bytes) {
  // What was read last is shown next.
  for (auto kept = kept_.rbegin(); kept != kept_.rend(); ++kept) {
    const std::string_view whole = kept->value;
    if (bytes.data() < whole.data() || bytes.data() + bytes.size() > whole.data() + whole.size())
      continue;
    // A small piece is not worth keeping the whole for a client that does not read.
    const bool worth = bytes.size() >= whole.size() / 4 || bytes.size() >= 4 * kLargeUnitBytes;
    return worth ? kept->owner : nullptr;
  }
  return nullptr;
}

// Whether the value stays where it is for as long as the pass lasts: somebody owns it.
bool Txn::Keep(std::string_view value, Owner owner) {
  if (owner == nullptr) return false;
  kept_.push_back({value, std::move(owner)});
  return true;
}

// The database's name now, which the write will have to go by, is db_.
void Txn::DropExpired(uint16_t ns, uint16_t shard, std::string_view key, const Entry& entry) {
  if (frozen_) return;
  if (CAIRN_UNLIKELY(entry.type != ValueType::kString) && AnySpaces()) {
    if (!DropSpaceOfExpired(ns, shard, key)) return;
  }
  ++expired;
  Notify(kNotifyExpired, "expired", key);
  WriteOp op;
  op.kind = WriteKind::kDelete;
  op.ns = db_;
  op.shard = shard;
  op.key = key;
  op.before = WriteOp::Before::kFound;
  op.before_expire_at_ms = entry.expire_at_ms;
  op.awaited = !background_ || !page_writes_.empty();  // of a unit of one op only
  AddWrite(op);
}

// Part of every read: as a call of its own it was 2 % of a GET.
__attribute__((always_inline)) inline ReadState Txn::FindHere(uint16_t ns, uint16_t shard,
                                                              std::string_view key, bool want_value,
                                                              Stored* stored) {
  Entry& entry = stored->entry;
  if (CAIRN_UNLIKELY(frozen_)) {
    stored->frozen = FindFrozen(ns, key, &entry);
  } else {
    engine_->Find(ns, shard, key, want_value, &entry);
  }
  ++looks_;
  if (CAIRN_LIKELY(!entry.unknown)) {
    if (!entry.found) return ReadState::kMissing;
    if (CAIRN_LIKELY(entry.resident) || !want_value || Dead(entry.expire_at_ms))
      return ReadState::kFound;
  }
  return FindRead(ns, shard, key, stored);
}

ReadState Txn::FindStored(uint16_t ns, uint16_t shard, std::string_view key, bool want_value,
                          Stored* stored) {
  return FindHere(ns, shard, key, want_value, stored);
}

// What is not known, or whose value is not here: as read by an earlier pass, or missing.
ReadState Txn::FindRead(uint16_t ns, uint16_t shard, std::string_view key, Stored* stored) {
  Entry& entry = stored->entry;
  stored->fetched = FindFetched(ns, key, entry.version);
  if (stored->fetched != nullptr) {
    if (!entry.unknown) return ReadState::kFound;
    const FetchRequest::Result& result = stored->fetched->result;
    entry.found = result.found;
    entry.type = result.type;
    entry.expire_at_ms = result.expire_at_ms;
    entry.value_bytes = result.value.size();
    return entry.found ? ReadState::kFound : ReadState::kMissing;
  }
  CAIRN_CHECK(!frozen_, "it runs when all that was recorded without its value has been read");
  ++pending_count_;
  missing_.push_back(
      Missing{ns, shard, std::string(key), entry.version, entry.value_bytes, entry.unknown});
  if (looks_ == 1) first_look_ = entry;
  return ReadState::kPending;
}

ReadState Txn::LookStored(uint16_t ns, std::string_view key, bool want_value, KeyMeta* meta,
                          std::string_view* value) {
  Stored stored;
  const Entry& entry = stored.entry;
  const uint16_t shard = ShardFor(key);
  const ReadState state = FindHere(ns, shard, key, want_value, &stored);
  if (gated_) Observe(entry.ticket);
  if (!entry.found || Dead(entry.expire_at_ms)) {
    if (entry.found) DropExpired(ns, shard, key, entry);
    meta->found = false;
    return state == ReadState::kPending ? state : ReadState::kMissing;
  }
  meta->found = true;
  meta->type = entry.type;
  meta->expire_at_ms = entry.expire_at_ms;
  meta->value_bytes = entry.value_bytes;
  if (!want_value || CAIRN_UNLIKELY(state == ReadState::kPending)) return state;
  if (CAIRN_UNLIKELY(stored.fetched != nullptr)) {
    const FetchRequest::Result& result = stored.fetched->result;
    *value = result.value;
    if (CAIRN_UNLIKELY(result.owner != nullptr)) Keep(*value, result.owner);
    return state;
  }
  const bool kept =
      CAIRN_UNLIKELY(entry.value_bytes >= kLargeValueBytes) &&
      Keep(entry.value,
           stored.frozen != nullptr ? stored.frozen->owner : engine_->Pin(ns, shard, key, entry));
  *value = CAIRN_UNLIKELY(entry.copied) && !kept ? Copy(entry.value) : entry.value;
  return state;
}

// A value that this pass wrote is returned also if it is not wanted.
ReadState Txn::Look(std::string_view key, bool want_value, KeyMeta* meta, std::string_view* value) {
  if (CAIRN_LIKELY(writes_.empty())) return LookStored(db_, key, want_value, meta, value);
  uint16_t base;
  const OwnKey own = FindOwn(key, &base);
  if (own.value == OwnKey::Value::kOwn) {
    meta->found = !Dead(own.expire_at_ms);
    meta->type = own.type;
    meta->expire_at_ms = own.expire_at_ms;
    meta->value_bytes = own.bytes.size();
    *value = own.bytes;
    return meta->found ? ReadState::kFound : ReadState::kMissing;
  }
  if (own.value == OwnKey::Value::kMissing || base == Overlay::kNothing) {
    meta->found = false;
    return ReadState::kMissing;
  }
  ReadState state = LookStored(base, key, want_value, meta, value);
  if (own.expiry_set && state != ReadState::kMissing) meta->expire_at_ms = own.expire_at_ms;
  return state;
}

KeyMeta Txn::Peek(std::string_view key) {
  KeyMeta meta;
  std::string_view value;
  Look(key, false, &meta, &value);
  return meta;
}

KeyMeta Txn::Meta(std::string_view key) {
  KeyMeta meta = Peek(key);
  if (count_hits_) CountRead(meta.found, key);
  return meta;
}

ReadState Txn::Get(std::string_view key, std::string_view* value, KeyMeta* meta) {
  KeyMeta local;
  if (meta == nullptr) meta = &local;
  *value = {};
  ReadState state = Look(key, true, meta, value);
  if (count_hits_) CountRead(state != ReadState::kMissing, key);
  return state;
}

void Txn::AddWrite(const WriteOp& op) { writes_.push_back(op); }

// For a write about to be added: what the engine wants to hear of the key as it is now.
void Txn::SetBefore(WriteOp* op) {
  KeyMeta meta;
  std::string_view value;
  const bool found = Look(op->key, false, &meta, &value) != ReadState::kMissing;
  op->before = found ? WriteOp::Before::kFound : WriteOp::Before::kMissing;
  op->before_expire_at_ms = found ? meta.expire_at_ms : 0;
}

// A blind write does not know what it puts its value in the place of; those who are told do.
void Txn::LookBeforePut(std::string_view key) {
  KeyMeta meta;
  std::string_view value;
  if (Look(key, false, &meta, &value) != ReadState::kMissing) return;
  if ((notified_ & kNotifyNew) == 0) return;
  // In front of what the handler has told of the key already.
  auto at = events_.end();
  while (at != events_.begin()) {
    const KeyEvent& before = *(at - 1);
    const bool gone =
        (before.event_class & (kNotifyExpired | kNotifyKeyMiss)) != 0 || before.name == "del";
    if (before.db != db_ || before.key != key || gone) break;
    --at;
  }
  events_.insert(at, KeyEvent{kNotifyNew, db_, "new", key});
}

void Txn::Put(std::string_view key, std::string_view value, uint64_t expire_at_ms, ValueType type) {
  if (CAIRN_UNLIKELY(AnySpaces())) DropSpaceOf(key);
  PutRoot(key, value, expire_at_ms, type);
}

void Txn::PutRoot(std::string_view key, std::string_view value, uint64_t expire_at_ms,
                  ValueType type) {
  static const char kEmpty[1] = {0};
  WriteOp op;
  op.kind = WriteKind::kPut;
  op.ns = db_;
  op.shard = ShardFor(key);
  op.expire_at_ms = expire_at_ms;
  op.key = key;
  op.type = type;
  op.value = value.data() != nullptr ? value : std::string_view(kEmpty, 0);
  if (CAIRN_UNLIKELY((notified_ & (kNotifyNew | kNotifyExpired)) != 0)) LookBeforePut(key);
  if (CAIRN_UNLIKELY(wants_before_)) SetBefore(&op);
  AddWrite(op);
}

bool Txn::Delete(std::string_view key) {
  if (CAIRN_UNLIKELY(AnySpaces())) DropSpaceOf(key);
  return Take(key);
}

bool Txn::Take(std::string_view key) {
  KeyMeta meta;
  std::string_view value;
  if (Look(key, false, &meta, &value) == ReadState::kMissing) return false;
  WriteOp op;
  op.kind = WriteKind::kDelete;
  op.ns = db_;
  op.shard = ShardFor(key);
  op.key = key;
  op.before = WriteOp::Before::kFound;
  op.before_expire_at_ms = meta.expire_at_ms;
  AddWrite(op);
  return true;
}

bool Txn::SetExpire(std::string_view key, uint64_t expire_at_ms) {
  if (expire_at_ms != 0 && expire_at_ms <= now_ms_) return Delete(key);
  KeyMeta meta;
  std::string_view value;
  const bool whole = !engine_->KeepsExpiryApart();
  if (Look(key, whole, &meta, &value) == ReadState::kMissing) return false;
  WriteOp op;
  op.ns = db_;
  op.shard = ShardFor(key);
  op.expire_at_ms = expire_at_ms;
  op.key = key;
  // A value written by this same pass gets its expiry with it; a stored one stays where it is if
  // the engine can do that.
  op.kind = whole || value.data() != nullptr ? WriteKind::kPut : WriteKind::kExpire;
  op.type = meta.type;
  op.value = value;
  op.before = WriteOp::Before::kFound;
  op.before_expire_at_ms = meta.expire_at_ms;
  AddWrite(op);
  return true;
}

void Txn::Watch(std::string_view key) {
  Stored stored;
  const uint16_t shard = ShardFor(key);
  if (FindStored(db_, shard, key, false, &stored) == ReadState::kPending) return;
  watches_.push_back(
      NewWatch{db_, shard, stored.entry.found && Dead(stored.entry.expire_at_ms), key});
}

void Txn::FlushDb(uint16_t db) {
  CAIRN_CHECK(all_latched_, "the command's row has kCmdAllLatches");
  WriteOp op;
  op.kind = WriteKind::kFlush;
  op.ns = db;
  writes_whole_ = true;
  page_writes_.Flush(db);
  AddWrite(op);
}

void Txn::FlushAll() { FlushDb(kAllNamespaces); }

void Txn::SwapDb(uint16_t a, uint16_t b) {
  CAIRN_CHECK(all_latched_, "the command's row has kCmdAllLatches");
  WriteOp op;
  op.kind = WriteKind::kSwap;
  op.ns = a;
  op.other_ns = b;
  writes_whole_ = true;
  page_writes_.Swap(a, b);
  AddWrite(op);
}

}  // namespace cairn
