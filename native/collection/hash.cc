#include "collection/hash.h"

#include <utility>

#include "base/coding.h"
#include "collection/keyed_hash.h"
#include "tree/try.h"

namespace cairn {

using tree::Cursor;
using tree::Outcome;

namespace {

constexpr tree::TreeShape kShape;
constexpr size_t kStateBytes = 8;

}  // namespace

HashValue::HashValue(Txn* txn, std::string_view key, const Thresholds* thresholds)
    : collection_(txn, key, ValueType::kHash),
      thresholds_(*thresholds),
      tree_(kShape, collection_.pager(), 0),
      now_ms_(txn->now_ms()) {}

tree::Key HashValue::KeyOf(uint64_t seed, std::string_view name) {
  return {KeyedHash(seed, name), name};
}

Encoding HashValue::EncodingOf(uint64_t fields, uint64_t bytes_max, const Thresholds& thresholds) {
  const bool small = fields <= thresholds.hash_listpack_entries.load(std::memory_order_relaxed) &&
                     bytes_max <= thresholds.hash_listpack_value.load(std::memory_order_relaxed);
  return small ? Encoding::kListpack : Encoding::kHashtable;
}

tree::Key HashValue::KeyOf(std::string_view name) const { return KeyOf(seed_, name); }

// After a collection was found.
Opened HashValue::Take() {
  const std::string_view state = collection_.state();
  if (state.size() != kStateBytes) return collection_.Fail("a hash has another state");
  seed_ = Little64(state.data());
  return Opened::kFound;
}

// What is due goes with whoever meets it, as an expired key does.
Opened HashValue::Open() {
  const Opened opened = OpenToChange();
  if (CAIRN_LIKELY(!removed_due_) || opened != Opened::kFound) return opened;
  uint64_t left = 0;
  Outcome outcome = CountAll(&left);
  if (outcome == Outcome::kDone) outcome = collection_.Save();
  if (outcome != Outcome::kDone)
    return outcome == Outcome::kWait ? Opened::kPending : Opened::kFailed;
  Txn& txn = collection_.txn();
  --txn.extra_changes;
  txn.Notify(kNotifyHash, "hexpired", collection_.key());
  if (left != 0) return Opened::kFound;
  txn.Notify(kNotifyGeneric, "del", collection_.key());
  return Opened::kMissing;
}

Opened HashValue::OpenOrMake() {
  const Opened opened = OpenToChange();
  if (opened != Opened::kMissing) return opened;
  Make();
  return Opened::kFound;
}

void HashValue::Make() {
  const tree::TreeShape shapes[] = {kShape};
  collection_.Make(Encoding::kListpack, shapes);
  seed_ = Txn::NextRandom();
  collection_.set_state(SeedState(seed_));
}

Opened HashValue::OpenToChange() {
  Opened opened = collection_.Open();
  if (opened == Opened::kFound) opened = Take();
  if (opened != Opened::kFound) return opened;
  switch (RemoveDue()) {
    case Outcome::kDone:
      return Opened::kFound;
    case Outcome::kWait:
      return Opened::kPending;
    case Outcome::kFailed:
      break;
  }
  return Opened::kFailed;
}

// How many fields are due, which are still there.
Outcome HashValue::CountDue(uint64_t* due) {
  tree::RootHead head;
  *due = 0;
  TREE_TRY(tree_.Head(&head));
  if (CAIRN_LIKELY(!Due(head.due))) return Outcome::kDone;
  Cursor cursor;
  TREE_TRY(tree_.FirstDue(now_ms_, &cursor));
  for (; cursor.found; ++*due) TREE_TRY(tree_.NextDue(now_ms_, &cursor));
  return Outcome::kDone;
}

Outcome HashValue::RemoveDue() {
  tree::RootHead head;
  TREE_TRY(tree_.Head(&head));
  if (CAIRN_LIKELY(!Due(head.due))) return Outcome::kDone;
  for (int removed = 0; removed < kRemovedMax; ++removed) {
    Cursor cursor;
    TREE_TRY(tree_.FirstDue(now_ms_, &cursor));
    if (!cursor.found) return Outcome::kDone;
    TREE_TRY(tree_.Erase(cursor));
    removed_due_ = true;
  }
  any_due_ = true;
  return Outcome::kDone;
}

Outcome HashValue::IsLive(std::string_view name, bool* live) {
  Cursor cursor;
  TREE_TRY(tree_.Find(KeyOf(name), &cursor));
  *live = cursor.found && !Due(cursor.entry.due);
  return Outcome::kDone;
}

Outcome HashValue::Count(uint64_t* count) {
  uint64_t due = 0;
  TREE_TRY(CountAll(count));
  if (CAIRN_UNLIKELY(any_due_)) TREE_TRY(CountDue(&due));
  *count -= due;
  return Outcome::kDone;
}

Outcome HashValue::Fill(const tree::LeafEntry& entry, bool* live, Field* field) {
  *live = !Due(entry.due);
  if (!*live) return Outcome::kDone;
  field->due = entry.due;
  TREE_TRY(tree_.KeyRest(entry, &name_buffer_, &field->name));
  return tree_.Payload(entry, &value_buffer_, &field->value);
}

Outcome HashValue::Get(std::string_view name, bool* found, Field* field) {
  Cursor cursor;
  *found = false;
  TREE_TRY(tree_.Find(KeyOf(name), &cursor));
  if (!cursor.found || Due(cursor.entry.due)) return Outcome::kDone;
  *found = true;
  field->name = name;
  field->due = cursor.entry.due;
  return tree_.Payload(cursor.entry, &value_buffer_, &field->value);
}

Outcome HashValue::Want(std::span<const std::string_view> names) {
  if (!collection_.has_space()) return Outcome::kDone;
  Outcome all = Outcome::kDone;
  for (const std::string_view name : names) {
    if (collection_.pager()->missing().size() >= tree::Pager::kMissingMax) break;
    Cursor cursor;
    Outcome one = tree_.Find(KeyOf(name), &cursor);
    std::string_view value;
    if (one == Outcome::kDone && cursor.found && cursor.entry.payload_outside())
      one = tree_.Payload(cursor.entry, &value_buffer_, &value);
    if (one == Outcome::kFailed) return one;
    if (one == Outcome::kWait) all = one;
  }
  return all;
}

Outcome HashValue::Set(std::string_view name, std::string_view value, bool* existed, uint64_t due) {
  bool live = true;
  if (CAIRN_UNLIKELY(any_due_)) TREE_TRY(IsLive(name, &live));
  TREE_TRY(tree_.Put(KeyOf(name), {value, due}, existed));
  *existed = *existed && live;
  if (encoding() != Encoding::kListpack) return Outcome::kDone;
  const uint64_t bytes_max = thresholds_.hash_listpack_value.load(std::memory_order_relaxed);
  bool large = name.size() > bytes_max || value.size() > bytes_max;
  if (!large && !*existed) {
    uint64_t count = 0;
    TREE_TRY(CountAll(&count));
    large = count > thresholds_.hash_listpack_entries.load(std::memory_order_relaxed);
  }
  if (large) collection_.set_encoding(Encoding::kHashtable);
  return Outcome::kDone;
}

Outcome HashValue::SetDue(std::string_view name, uint64_t due) {
  Cursor cursor;
  TREE_TRY(tree_.Find(KeyOf(name), &cursor));
  CAIRN_CHECK(cursor.found, "Get has shown it");
  return tree_.SetDue(cursor, due);
}

Outcome HashValue::Remove(std::string_view name, bool* existed) {
  bool live = true;
  if (CAIRN_UNLIKELY(any_due_)) TREE_TRY(IsLive(name, &live));
  TREE_TRY(tree_.Erase(KeyOf(name), existed));
  *existed = *existed && live;
  return Outcome::kDone;
}

Outcome HashValue::At(const RootOrder& order, size_t i, bool* live, Field* field) {
  tree::LeafEntry entry;
  if (!order.node.Leaf(order.entries[i], &entry))
    return collection_.pager()->Fail(0, "makes no sense");
  return Fill(entry, live, field);
}

Outcome HashValue::Seek(uint64_t place, Cursor* cursor) {
  return tree_.LowerBound({place, {}}, cursor);
}

Outcome HashValue::Read(const Cursor& cursor, bool* live, Field* field) {
  return Fill(cursor.entry, live, field);
}

Outcome HashValue::WantFrom(uint64_t place, uint64_t count) {
  if (!collection_.has_space()) return Outcome::kDone;
  uint64_t rank = 0;
  TREE_TRY(tree_.Rank({place, {}}, &rank));
  return WantElements(collection_.pager(), &tree_, rank, count);
}

Outcome HashValue::DueRanks(std::vector<uint64_t>* ranks) {
  tree::RootHead head;
  ranks->clear();
  TREE_TRY(tree_.Head(&head));
  if (CAIRN_LIKELY(!Due(head.due))) return Outcome::kDone;
  Cursor cursor;
  TREE_TRY(tree_.FirstDue(now_ms_, &cursor));
  while (cursor.found) {
    uint64_t rank = 0;
    TREE_TRY(tree_.RankOf(cursor, &rank));
    ranks->push_back(rank);
    TREE_TRY(tree_.NextDue(now_ms_, &cursor));
  }
  return Outcome::kDone;
}

Outcome HashValue::AtRank(uint64_t rank, bool* live, Field* field) {
  Cursor cursor;
  TREE_TRY(tree_.Seek(rank, &cursor));
  if (!cursor.found) return collection_.pager()->Fail(0, "counts more than there is");
  return Fill(cursor.entry, live, field);
}

}  // namespace cairn
