#include "collection/set.h"

#include <algorithm>
#include <vector>

#include "base/coding.h"
#include "collection/keyed_hash.h"
#include "tree/try.h"

namespace cairn {
namespace {

using tree::Outcome;

constexpr tree::TreeShape kShape{};
constexpr size_t kStateBytes = 8;

uint64_t ListpackEntries(const Thresholds& thresholds) {
  return thresholds.set_listpack_entries.load(std::memory_order_relaxed);
}
uint64_t ListpackValue(const Thresholds& thresholds) {
  return thresholds.set_listpack_value.load(std::memory_order_relaxed);
}

bool IsInteger(std::string_view member) {
  int64_t integer;
  return ParseInt64(member, &integer);
}

}  // namespace

uint64_t IntsetMembersMax(const Thresholds& thresholds) {
  return std::min(thresholds.set_intset_entries.load(std::memory_order_relaxed),
                  SetValue::kIntsetMembersMax);
}

void SetSummary::Add(std::string_view member) {
  ++members;
  member_bytes_max = std::max<uint64_t>(member_bytes_max, member.size());
  integers = integers && IsInteger(member);
}

Encoding SetEncodingOf(const SetSummary& summary, const Thresholds& thresholds) {
  if (summary.integers && summary.members <= IntsetMembersMax(thresholds)) return Encoding::kIntset;
  const bool small = summary.members <= ListpackEntries(thresholds) &&
                     summary.member_bytes_max <= ListpackValue(thresholds);
  return small ? Encoding::kListpack : Encoding::kHashtable;
}

Encoding LargerOf(Encoding a, Encoding b) {
  if (a == Encoding::kHashtable || b == Encoding::kIntset) return a;
  return a == Encoding::kIntset || b == Encoding::kHashtable ? b : a;
}

SetValue::SetValue(Txn* txn, std::string_view key, const Thresholds* thresholds)
    : collection_(txn, key, ValueType::kSet),
      thresholds_(*thresholds),
      tree_(kShape, collection_.pager()) {}

Opened SetValue::Open() {
  const Opened opened = collection_.Open();
  if (opened != Opened::kFound) return opened;
  if (collection_.state().size() != kStateBytes) return collection_.Fail("a set has another state");
  seed_ = Little64(collection_.state().data());
  return opened;
}

const tree::TreeShape& SetValue::Shape() { return kShape; }

tree::Key SetValue::KeyOf(int64_t integer) {
  return {static_cast<uint64_t>(integer) ^ uint64_t{1} << 63, {}};
}

tree::Key SetValue::KeyOf(uint64_t seed, std::string_view member) {
  return {KeyedHash(seed, member), member};
}

void SetValue::SetSeed(uint64_t seed) {
  seed_ = seed;
  collection_.set_state(SeedState(seed));
}

void SetValue::Make(Encoding encoding, uint64_t seed) {
  collection_.Make(encoding, {&kShape, 1});
  SetSeed(seed);
}

void SetValue::MakeFor(std::string_view first, uint64_t members) {
  Encoding encoding = Encoding::kHashtable;
  if (IsInteger(first) && members <= IntsetMembersMax(thresholds_)) {
    encoding = Encoding::kIntset;
  } else if (members <= ListpackEntries(thresholds_)) {
    encoding = Encoding::kListpack;
  }
  Make(encoding, Txn::NextRandom());
}

Opened SetValue::OpenOrMake(std::string_view first, uint64_t members) {
  const Opened opened = Open();
  if (opened == Opened::kMissing) {
    MakeFor(first, members);
    return Opened::kFound;
  }
  if (opened == Opened::kFound) {
    outgrown_ = (is_intset() && members > IntsetMembersMax(thresholds_)) ||
                (encoding() == Encoding::kListpack && members > ListpackEntries(thresholds_));
  }
  return opened;
}

bool SetValue::KeyOf(std::string_view member, tree::Key* key) const {
  if (!is_intset()) {
    *key = KeyOf(seed_, member);
    return true;
  }
  int64_t integer;
  if (!ParseInt64(member, &integer)) return false;
  *key = KeyOf(integer);
  return true;
}

Outcome SetValue::Contains(std::string_view member, bool* contains) {
  tree::Key key;
  tree::Cursor cursor;
  *contains = false;
  if (!KeyOf(member, &key)) return Outcome::kDone;
  TREE_TRY(tree_.Find(key, &cursor));
  *contains = cursor.found;
  return Outcome::kDone;
}

// Where it has to wait it goes on all the same; and what is damaged is met again.
void SetValue::Want(std::span<const std::string_view> members) {
  if (!collection_.has_space()) return;
  for (const std::string_view member : members) {
    bool contains;
    if (Contains(member, &contains) == Outcome::kFailed) return;
    if (collection_.pager()->missing().size() >= tree::Pager::kMissingMax) return;
  }
}

// All integers get the keys that members of other sets have.
Outcome SetValue::LeaveIntset(Encoding encoding) {
  std::vector<int64_t> integers;
  tree::Cursor cursor;
  uint64_t count;
  TREE_TRY(Count(&count));
  if (count > 0 && collection_.has_space())
    TREE_TRY(WantElements(collection_.pager(), &tree_, 0, count));
  TREE_TRY(tree_.Seek(0, &cursor));
  while (cursor.found) {
    integers.push_back(IntegerOf(cursor.entry.head));
    TREE_TRY(tree_.Next(&cursor));
  }
  TREE_TRY(tree_.EraseRange(0, count));
  collection_.set_encoding(encoding);
  SetSeed(Txn::NextRandom());
  for (const int64_t integer : integers) {
    char digits[kInt64TextBytes];
    tree::Key key;
    bool existed;
    (void)KeyOf({digits, FormatInt64(integer, digits)}, &key);
    TREE_TRY(tree_.Put(key, {}, &existed));
  }
  return Outcome::kDone;
}

// The encoding that the set has with another member.
Outcome SetValue::MakeRoomFor(std::string_view member) {
  if (encoding() == Encoding::kHashtable) return Outcome::kDone;
  uint64_t count;
  TREE_TRY(Count(&count));
  bool small = !outgrown_;
  if (is_intset()) {
    if (small && IsInteger(member) && count < IntsetMembersMax(thresholds_)) return Outcome::kDone;
    const uint64_t value_max = ListpackValue(thresholds_);
    small = small && !IsInteger(member);
    for (const uint64_t rank : {uint64_t{0}, count - 1}) {
      if (count == 0 || value_max >= kInt64TextBytes) break;
      tree::Cursor cursor;
      char digits[kInt64TextBytes];
      TREE_TRY(tree_.Seek(rank, &cursor));
      small = small && IntegerMember(cursor.entry.head, digits).size() <= value_max;
    }
  }
  small =
      small && count < ListpackEntries(thresholds_) && member.size() <= ListpackValue(thresholds_);
  const Encoding grown = small ? Encoding::kListpack : Encoding::kHashtable;
  if (is_intset()) return LeaveIntset(grown);
  collection_.set_encoding(grown);
  return Outcome::kDone;
}

Outcome SetValue::Add(std::string_view member, bool* added) {
  tree::Key key;
  tree::Cursor cursor;
  if (KeyOf(member, &key)) TREE_TRY(tree_.Find(key, &cursor));
  *added = !cursor.found;
  if (cursor.found) return Outcome::kDone;
  const bool was_intset = is_intset();
  TREE_TRY(MakeRoomFor(member));
  if (is_intset() == was_intset) return tree_.Add(&cursor, key, {});
  // Members have other keys now.
  bool existed;
  CAIRN_CHECK(KeyOf(member, &key), "room was made for it");
  return tree_.Put(key, {}, &existed);
}

Outcome SetValue::Remove(std::string_view member, bool* removed) {
  tree::Key key;
  *removed = false;
  return KeyOf(member, &key) ? tree_.Erase(key, removed) : Outcome::kDone;
}

Outcome SetValue::Shrink() {
  uint64_t count;
  if (encoding() != Encoding::kHashtable) return Outcome::kDone;
  TREE_TRY(Count(&count));
  if (count > ListpackEntries(thresholds_)) return Outcome::kDone;
  tree::Cursor cursor;
  TREE_TRY(tree_.Seek(0, &cursor));
  while (cursor.found) {
    std::string_view member;
    TREE_TRY(Member(cursor.entry, &member));
    if (member.size() > ListpackValue(thresholds_)) return Outcome::kDone;
    TREE_TRY(tree_.Next(&cursor));
  }
  collection_.set_encoding(Encoding::kListpack);
  return Outcome::kDone;
}

Outcome SetValue::Member(const tree::LeafEntry& entry, std::string_view* member) {
  if (!is_intset()) return tree_.KeyRest(entry, &buffer_, member);
  *member = IntegerMember(entry.head, digits_);
  return Outcome::kDone;
}

Outcome SetWalk::Start(const SetPlace& place) {
  const bool all = !place.begun && place.head == 0;
  if (all && set_.encoding() == Encoding::kListpack) {
    TREE_TRY(OrderOfRoot(set_.collection().pager(), 0, true, &order_));
    if (order_.small) return TakeSmall();
  }
  TREE_TRY(set_.tree().LowerBound({place.head, place.rest}, &cursor_));
  if (!cursor_.found) return Outcome::kDone;
  if (set_.collection().has_space()) {
    TREE_TRY(set_.tree().RankOf(cursor_, &rank_));
    TREE_TRY(Ahead());
  }
  if (!place.begun || cursor_.entry.head != place.head) return Outcome::kDone;
  std::string_view rest;
  TREE_TRY(set_.tree().KeyRest(cursor_.entry, &buffer_, &rest));
  return rest == place.rest ? Next() : Outcome::kDone;
}

Outcome SetWalk::TakeSmall() {
  if (at_end() || order_.node.Leaf(order_.entries[at_], &cursor_.entry)) return Outcome::kDone;
  return set_.collection().pager()->Fail(0, "makes no sense");
}

Outcome SetWalk::Member(std::string_view* member) { return set_.Member(cursor_.entry, member); }

Outcome SetWalk::Ahead() {
  if (rank_ < wanted_to_ || !set_.collection().has_space()) return Outcome::kDone;
  TREE_TRY(WantElements(set_.collection().pager(), &set_.tree(), rank_, ahead_));
  wanted_to_ = rank_ + ahead_;
  ahead_ = std::min(ahead_ * 4, kAheadMax);
  return Outcome::kDone;
}

Outcome SetWalk::Next() {
  if (order_.small) {
    ++at_;
    return TakeSmall();
  }
  TREE_TRY(set_.tree().Next(&cursor_));
  ++rank_;
  return cursor_.found ? Ahead() : Outcome::kDone;
}

}  // namespace cairn
