// HashValue: fields with values, and with times at which they end. What hash commands need, without
// their replies.
//
//   tree 0, ordered: head: KeyedHash(seed, field)   rest: field   payload: value   due: its end
//   state: seed, 8
//
// While everything is in the root, fields have an order besides that of their hashes: that in which
// they came, see walk.h.
//
// A field that is due is not there: nothing here shows it, and whoever opens a hash removes some
// of those that are. To read is then to write; a hash of which nothing is left goes.
// Outcomes are those of collection.h. Views are valid until the next call.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "collection/collection.h"
#include "collection/thresholds.h"
#include "collection/walk.h"

namespace cairn {

class HashValue {
 public:
  struct Field {
    std::string_view name;
    std::string_view value;
    uint64_t due = 0;  // ms since 1970; 0: never
  };

  // How hashes are laid out, for who makes one entry by entry. Fields that come are as many and
  // long as that at most.
  static tree::Key KeyOf(uint64_t seed, std::string_view name);
  static Encoding EncodingOf(uint64_t fields, uint64_t bytes_max, const Thresholds& thresholds);

  HashValue(Txn* txn, std::string_view key, const Thresholds* thresholds);

  // To read, and no more: what is due is removed and saved. kMissing: there are no fields.
  Opened Open();
  // To change fields that are there.
  Opened OpenToChange();
  // To add fields: a missing one is made (never kMissing).
  Opened OpenOrMake();
  // An empty one, in place of whatever the key has, without an end.
  void Make();

  tree::Outcome Count(uint64_t* count);
  tree::Outcome Get(std::string_view name, bool* found, Field* field);
  // Of several fields: notes all that is missing, so that it is read in few waves.
  tree::Outcome Want(std::span<const std::string_view> names);
  // The field ends at `due` afterwards, or never.
  tree::Outcome Set(std::string_view name, std::string_view value, bool* existed, uint64_t due = 0);
  // The field is there. 0: it never ends.
  tree::Outcome SetDue(std::string_view name, uint64_t due);
  tree::Outcome Remove(std::string_view name, bool* existed);
  tree::Outcome Save() { return collection_.Save(); }

  // --- all fields ---
  // Small: in the order in which they came. Else by hash, from a Place on.
  tree::Outcome Order(RootOrder* order) { return OrderOfRoot(collection_.pager(), 0, true, order); }
  tree::Outcome At(const RootOrder& order, size_t i, bool* live, Field* field);
  // Every field has a place, fields of equal hashes share one: a hash, as in a cursor of HSCAN.
  tree::Outcome Seek(uint64_t place, tree::Cursor* cursor);
  tree::Outcome Next(tree::Cursor* cursor) { return tree_.Next(cursor); }
  tree::Outcome Read(const tree::Cursor& cursor, bool* live, Field* field);
  // Notes the leaves of the fields from a place on.
  tree::Outcome WantFrom(uint64_t place, uint64_t count);
  // By rank, which counts fields that are due.
  tree::Outcome AtRank(uint64_t rank, bool* live, Field* field);
  tree::Outcome WantRank(uint64_t rank) { return tree_.Want(rank, 1); }
  // Ranks of fields that are due, in order.
  tree::Outcome DueRanks(std::vector<uint64_t>* ranks);
  tree::Outcome CountAll(uint64_t* count) { return collection_.Count(count); }

  Collection& collection() { return collection_; }
  const Status& status() const { return collection_.status(); }
  Encoding encoding() const { return collection_.encoding(); }

 private:
  tree::Key KeyOf(std::string_view name) const;
  bool Due(uint64_t due) const { return due != 0 && due <= now_ms_; }
  Opened Take();
  tree::Outcome Fill(const tree::LeafEntry& entry, bool* live, Field* field);
  tree::Outcome CountDue(uint64_t* due);
  tree::Outcome RemoveDue();
  tree::Outcome IsLive(std::string_view name, bool* live);

  static constexpr int kRemovedMax = 512;  // of what is due, at a time

  Collection collection_;
  const Thresholds& thresholds_;
  tree::Tree tree_;
  const uint64_t now_ms_;
  uint64_t seed_ = 0;
  bool removed_due_ = false;  // some that were due are not there any more
  bool any_due_ = false;      // and some were left
  std::string name_buffer_;
  std::string value_buffer_;
};

}  // namespace cairn
