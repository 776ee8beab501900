#include "txn/overlay.h"

#include <utility>

namespace cairn {

void Overlay::Clear() {
  keys_.clear();
  uncounted_.clear();
  sizes_.clear();
  tables_.clear();
  first_table_ = 0;
  next_table_ = kStoredTables;
}

uint64_t Overlay::TableOf(uint16_t db) const {
  if (!tables_.empty()) {
    const auto found = tables_.find(db);
    if (found != tables_.end()) return found->second;
  }
  return first_table_ + db;
}

uint16_t Overlay::Base(uint16_t db) const {
  const uint64_t table = TableOf(db);
  return table < kStoredTables ? static_cast<uint16_t>(table) : kNothing;
}

void Overlay::Add(const WriteOp& op) {
  switch (op.kind) {
    case WriteKind::kPut:
    case WriteKind::kDelete:
    case WriteKind::kExpire: {
      const auto at = keys_.try_emplace(Place{TableOf(op.ns), op.shard, op.key}).first;
      at->second.Take(op);
      if (at->second.counted) uncounted_.push_back(at);
      at->second.counted = false;
      return;
    }
    case WriteKind::kSwap: {
      const uint64_t one = TableOf(op.ns);
      const uint64_t other = TableOf(op.other_ns);
      tables_[op.ns] = other;
      tables_[op.other_ns] = one;
      return;
    }
    case WriteKind::kFlush:
      if (op.ns != kAllNamespaces) {
        tables_[op.ns] = next_table_++;
        return;
      }
      tables_.clear();
      first_table_ = next_table_;
      next_table_ += kStoredTables;
      return;
  }
}

void Overlay::CountKey(uint64_t table, const Entry& stored, OwnKey* own) {
  const bool here =
      own->value == OwnKey::Value::kStored ? stored.found : own->value == OwnKey::Value::kOwn;
  const uint64_t expire_at_ms = own->expiry_set ? own->expire_at_ms : stored.expire_at_ms;
  const int keys = int{here} - int{stored.found};
  const int expires =
      int{here && expire_at_ms != 0} - int{stored.found && stored.expire_at_ms != 0};
  Sizes& sizes = sizes_[table];
  sizes.keys += keys - own->keys;
  sizes.expires += expires - own->expires;
  own->keys = static_cast<int8_t>(keys);
  own->expires = static_cast<int8_t>(expires);
  own->counted = true;
}

const OwnKey* Overlay::Find(uint16_t db, uint16_t shard, std::string_view key) const {
  const auto found = keys_.find(Place{TableOf(db), shard, key});
  return found == keys_.end() ? nullptr : &found->second;
}

}  // namespace cairn
