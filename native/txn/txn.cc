#include "txn/txn.h"

#include <algorithm>

namespace cairn {

namespace {

bool VersionLess(const VersionToken& a, const VersionToken& b) {
  return std::lexicographical_compare(a.word, a.word + 3, b.word, b.word + 3);
}

}  // namespace

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
    if (known.lane == ticket.lane) {
      if (ticket.position > known.position) known.position = ticket.position;
      return;
    }
  }
  tickets_.push_back(ticket);
}

const Txn::Fetched* Txn::FindFetched(const VersionToken& version) const {
  auto it = std::lower_bound(fetched_.begin(), fetched_.end(), version,
                             [](const Fetched& fetched, const VersionToken& wanted) {
                               return VersionLess(fetched.version, wanted);
                             });
  return it != fetched_.end() && it->version == version ? &*it : nullptr;
}

std::string Txn::OverlayKey(uint16_t db, std::string_view key) {
  std::string out(reinterpret_cast<const char*>(&db), sizeof(db));
  out.append(key);
  return out;
}

Txn::Overlay Txn::FindOverlay(std::string_view key, uint16_t* original_db, KeyMeta* meta,
                              std::string_view* value) const {
  const WriteOp* hit = nullptr;
  uint16_t db = *original_db;
  if (!writes_whole_ && overlay_indexed_ == writes_.size()) {
    auto it = overlay_.find(OverlayKey(db, key));
    if (it != overlay_.end()) hit = &writes_[it->second];
  } else {
    for (size_t i = writes_.size(); i-- > 0;) {
      const WriteOp& op = writes_[i];
      if (op.kind == WriteKind::kSwap) {
        if (db == op.ns) {
          db = op.other_ns;
        } else if (db == op.other_ns) {
          db = op.ns;
        }
      } else if (op.kind == WriteKind::kFlush) {
        if (op.ns == kAllNamespaces || op.ns == db) return Overlay::kMissing;
      } else if (op.ns == db && op.key == key) {
        hit = &op;
        break;
      }
    }
  }
  *original_db = db;
  if (hit == nullptr) return Overlay::kUntouched;
  if (hit->kind == WriteKind::kDelete) return Overlay::kMissing;
  meta->found = true;
  meta->type = hit->type;
  meta->expire_at_ms = hit->expire_at_ms;
  meta->value_bytes = hit->value.size();
  *value = hit->value;
  return Overlay::kFound;
}

bool Txn::LookFrozen(uint16_t db, std::string_view key, bool want_value, Entry* entry) {
  size_t count = frozen_reads_.size();
  for (size_t probe = 0; probe < count; ++probe) {
    size_t at = frozen_next_ + probe;
    if (at >= count) at -= count;
    const FrozenRead& read = frozen_reads_[at];
    if (read.db != db || read.key != key) continue;
    if (want_value && read.entry.found && !read.entry.resident &&
        FindFetched(read.entry.version) == nullptr) {
      continue;  // a look without the value; the one with it stands elsewhere
    }
    frozen_next_ = at + 1;
    *entry = read.entry;
    entry->value = read.value;
    return true;
  }
  return false;
}

void Txn::DropExpired(uint16_t db, uint16_t shard, std::string_view key) {
  // Behind a SWAPDB of the same EXEC the database has another name; the next access removes the
  // key.
  if (frozen_ || writes_whole_) return;
  ++expired;
  WriteOp op;
  op.kind = WriteKind::kDelete;
  op.ns = db;
  op.shard = shard;
  op.key = key;
  op.awaited = !background_;
  AddWrite(op);
}

ReadState Txn::LookStored(uint16_t db, std::string_view key, bool want_value, KeyMeta* meta,
                          std::string_view* value) {
  Entry entry;
  uint16_t shard = ShardFor(key);
  if (!frozen_ || !LookFrozen(db, key, want_value, &entry)) {
    CAIRN_CHECK(!frozen_);  // handlers are deterministic: a frozen pass asks for nothing new
    engine_->Find(db, shard, key, want_value, &entry);
  }
  ++looks_;
  if (CAIRN_UNLIKELY(recording_)) {
    frozen_reads_.push_back(FrozenRead{db, std::string(key), entry, std::string(entry.value)});
  }
  if (!entry.found || (entry.expire_at_ms != 0 && entry.expire_at_ms <= now_ms_)) {
    if (gated_) Observe(entry.ticket);
    if (entry.found) DropExpired(db, shard, key);
    meta->found = false;
    return ReadState::kMissing;
  }
  if (gated_) Observe(entry.ticket);
  meta->found = true;
  meta->type = entry.type;
  meta->expire_at_ms = entry.expire_at_ms;
  meta->value_bytes = entry.value_bytes;
  if (!want_value) return ReadState::kFound;
  if (CAIRN_LIKELY(entry.resident)) {
    *value = CAIRN_UNLIKELY(entry.copied) ? Copy(entry.value) : entry.value;
    return ReadState::kFound;
  }
  if (const Fetched* fetched = FindFetched(entry.version)) {
    *value = fetched->value;
    return ReadState::kFound;
  }
  ++pending_count_;
  *value = {};
  missing_.push_back(Missing{db, shard, std::string(key), entry.version, entry.value_bytes});
  if (looks_ == 1) first_look_ = entry;
  return ReadState::kPending;
}

ReadState Txn::Look(std::string_view key, bool want_value, KeyMeta* meta, std::string_view* value) {
  uint16_t db = db_;
  uint64_t expire_at = UINT64_MAX;
  if (CAIRN_UNLIKELY(!writes_.empty())) {
    switch (FindOverlay(key, &db, meta, value)) {
      case Overlay::kMissing:
        meta->found = false;
        return ReadState::kMissing;
      case Overlay::kFound: {
        // A new expiry alone (kExpire) leaves the value where it is: what is stored answers the
        // rest.
        const char* none = nullptr;
        if (value->data() != none) return ReadState::kFound;
        expire_at = meta->expire_at_ms;
        break;
      }
      case Overlay::kUntouched:
        break;
    }
  }
  ReadState state = LookStored(db, key, want_value, meta, value);
  if (expire_at != UINT64_MAX && state != ReadState::kMissing) meta->expire_at_ms = expire_at;
  return state;
}

KeyMeta Txn::Meta(std::string_view key) {
  KeyMeta meta;
  std::string_view value;
  ReadState state = Look(key, false, &meta, &value);
  if (count_hits_) state == ReadState::kMissing ? ++misses : ++hits;
  return meta;
}

ReadState Txn::Get(std::string_view key, std::string_view* value, KeyMeta* meta) {
  KeyMeta local;
  if (meta == nullptr) meta = &local;
  *value = {};
  ReadState state = Look(key, true, meta, value);
  if (count_hits_) state == ReadState::kMissing ? ++misses : ++hits;
  return state;
}

void Txn::AddWrite(const WriteOp& op) {
  writes_.push_back(op);
  if (writes_.size() <= kOverlayLinearMax || writes_whole_) return;
  for (; overlay_indexed_ < writes_.size(); ++overlay_indexed_) {
    const WriteOp& write = writes_[overlay_indexed_];
    overlay_[OverlayKey(write.ns, write.key)] = static_cast<uint32_t>(overlay_indexed_);
  }
}

void Txn::Put(std::string_view key, std::string_view value, uint64_t expire_at_ms) {
  static const char kEmpty[1] = {0};
  WriteOp op;
  op.kind = WriteKind::kPut;
  op.ns = db_;
  op.shard = ShardFor(key);
  op.expire_at_ms = expire_at_ms;
  op.key = key;
  op.value = value.data() != nullptr ? value : std::string_view(kEmpty, 0);
  AddWrite(op);
}

bool Txn::Delete(std::string_view key) {
  KeyMeta meta;
  std::string_view value;
  if (Look(key, false, &meta, &value) == ReadState::kMissing) return false;
  WriteOp op;
  op.kind = WriteKind::kDelete;
  op.ns = db_;
  op.shard = ShardFor(key);
  op.key = key;
  AddWrite(op);
  return true;
}

bool Txn::SetExpire(std::string_view key, uint64_t expire_at_ms) {
  if (expire_at_ms != 0 && expire_at_ms <= now_ms_) return Delete(key);
  KeyMeta meta;
  std::string_view value;
  if (Look(key, false, &meta, &value) == ReadState::kMissing) return false;
  WriteOp op;
  op.ns = db_;
  op.shard = ShardFor(key);
  op.expire_at_ms = expire_at_ms;
  op.key = key;
  // A value written by this same pass gets its expiry with it; a stored one stays where it is.
  op.kind = value.data() != nullptr ? WriteKind::kPut : WriteKind::kExpire;
  op.value = value;
  AddWrite(op);
  return true;
}

void Txn::FlushDb(uint16_t db) {
  CAIRN_CHECK(all_latched_);
  WriteOp op;
  op.kind = WriteKind::kFlush;
  op.ns = db;
  writes_whole_ = true;
  AddWrite(op);
}

void Txn::FlushAll() { FlushDb(kAllNamespaces); }

void Txn::SwapDb(uint16_t a, uint16_t b) {
  CAIRN_CHECK(all_latched_);
  WriteOp op;
  op.kind = WriteKind::kSwap;
  op.ns = a;
  op.other_ns = b;
  writes_whole_ = true;
  AddWrite(op);
}

}  // namespace cairn
