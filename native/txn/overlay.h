// Overlay: what the writes of a pass make of the databases, for the reads that follow in it.
//
// A database is a name, and what it names is a table: what the engine stores in some namespace
// (the base), or nothing, with the keys that the pass wrote laid over it. SWAPDB exchanges what two
// names stand for; a flush gives a name a new table, which has no base.
//
//   SWAPDB 0 1         name 0 -> table over namespace 1      name 1 -> table over namespace 0
//   FLUSHDB            name 0 -> new table over nothing      name 1 -> table over namespace 0
//
// So a key is looked up where its database's name points to now, and what was written to it under
// another name is there. Of each key, value and expiry are kept apart, because EXPIRE changes the
// one and leaves the other where it is.
//
// One thread. Keys and values are views that outlive the overlay's content.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "engine/engine.h"

namespace cairn {

// What a pass's own writes say of one key.
struct OwnKey {
  enum class Value : uint8_t { kStored, kMissing, kOwn };
  Value value = Value::kStored;
  ValueType type = ValueType::kString;
  bool expiry_set = false;    // expire_at_ms counts; otherwise what is stored has the say
  uint64_t expire_at_ms = 0;  // 0: never
  std::string_view bytes;     // kOwn
  // What it adds to the size of its table, as far as that has been counted.
  bool counted = true;
  int8_t keys = 0;
  int8_t expires = 0;

  void Take(const WriteOp& op) {
    if (op.kind == WriteKind::kExpire) {
      expiry_set = true;
      expire_at_ms = op.expire_at_ms;
      return;
    }
    const bool put = op.kind == WriteKind::kPut;
    value = put ? Value::kOwn : Value::kMissing;
    type = op.type;
    expiry_set = put;
    expire_at_ms = op.expire_at_ms;
    bytes = op.value;
  }
};

class Overlay {
 public:
  static constexpr uint16_t kNothing = kAllNamespaces;  // no base

  // In the order of the writes.
  void Add(const WriteOp& op);
  void Clear();

  // Null: not touched.
  const OwnKey* Find(uint16_t db, uint16_t shard, std::string_view key) const;
  // Where what is not touched is stored: a namespace, or kNothing.
  uint16_t Base(uint16_t db) const;

  // Keys that a database has more than what its base stores, and of those that expire.
  struct Sizes {
    int64_t keys = 0;
    int64_t expires = 0;
  };
  // stored(uint16_t base, uint16_t shard, std::string_view key, Entry*) looks up what a base has;
  // it is asked once for each key that was written to since the last call, so that who asks after
  // every write pays for that one.
  template <typename Stored>
  Sizes Difference(uint16_t db, Stored&& stored) {
    for (const Keys::iterator at : uncounted_) {
      Entry entry;
      if (at->first.table < kStoredTables) {
        stored(static_cast<uint16_t>(at->first.table), at->first.shard, at->first.key, &entry);
      }
      CountKey(at->first.table, entry, &at->second);
    }
    uncounted_.clear();
    const auto found = sizes_.find(TableOf(db));
    return found == sizes_.end() ? Sizes() : found->second;
  }

  struct Place {
    uint64_t table;
    uint16_t shard;
    std::string_view key;
    auto operator<=>(const Place&) const = default;
  };
  using Keys = std::map<Place, OwnKey>;
  // visit(uint16_t shard, std::string_view key, const OwnKey&) for each key that was written to in
  // what `db` stands for now.
  template <typename Visit>
  void ForEachKey(uint16_t db, Visit visit) const {
    if (keys_.empty()) return;
    const uint64_t table = TableOf(db);
    for (auto at = keys_.lower_bound(Place{table, 0, {}});
         at != keys_.end() && at->first.table == table; ++at)
      visit(at->first.shard, at->first.key, at->second);
  }

 private:
  static constexpr uint64_t kStoredTables = 1u << 16;  // table n below: what namespace n stores

  uint64_t TableOf(uint16_t db) const;
  void CountKey(uint64_t table, const Entry& stored, OwnKey* own);

  Keys keys_;
  std::vector<Keys::iterator> uncounted_;
  std::unordered_map<uint64_t, Sizes> sizes_;  // by table, of what was counted
  // Of the names that do not stand for what they stood for at the start, or after the last flush of
  // everything.
  std::unordered_map<uint16_t, uint64_t> tables_;
  uint64_t first_table_ =
      0;  // name n stands for table first_table_ + n unless tables_ knows better
  uint64_t next_table_ = kStoredTables;
};

}  // namespace cairn
