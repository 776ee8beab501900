// SetValue: members. What set commands need, without their replies.
//
//   tree 0, ordered, without payloads
//     intset       head: the integer, made sortable     rest: none
//     any other    head: KeyedHash(seed, member)        rest: the member
//   state: seed, 8
//
// So the integers of an intset stand in ascending order, as SMEMBERS answers them. What makes it
// another set gives all of them new keys, and the set a new seed: who goes through a set in several
// passes sees by the seed that places have changed.
//
// Encodings are those of Redis 7.2, by its thresholds: an intset holds integers only, a listpack
// few short members, a hashtable anything. A larger one never becomes a smaller one again.
//
// Outcomes are those of collection.h. Views are valid until the next call.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/number.h"
#include "collection/collection.h"
#include "collection/thresholds.h"
#include "collection/walk.h"

namespace cairn {

class SetValue {
 public:
  // Of an intset, whatever the option says: as much as one pass may give new keys.
  static constexpr uint64_t kIntsetMembersMax = 16u << 10;

  // How sets are laid out, for who makes one entry by entry.
  static const tree::TreeShape& Shape();
  static tree::Key KeyOf(int64_t integer);  // of an intset
  static tree::Key KeyOf(uint64_t seed, std::string_view member);

  SetValue(Txn* txn, std::string_view key, const Thresholds* thresholds);

  // To read, and to change what is there. kMissing: there are no members.
  Opened Open();
  // To add: a missing one is made, as MakeFor does it (never kMissing).
  Opened OpenOrMake(std::string_view first, uint64_t members);
  // An empty one, in place of whatever the key has, without an end.
  void Make(Encoding encoding, uint64_t seed);
  // The same, for so many members of which this is the first.
  void MakeFor(std::string_view first, uint64_t members);

  tree::Outcome Count(uint64_t* count) { return collection_.Count(count); }
  tree::Outcome Contains(std::string_view member, bool* contains);
  // Notes the pages in which these members would lie, so that they are read in one wave.
  void Want(std::span<const std::string_view> members);
  tree::Outcome Add(std::string_view member, bool* added);
  tree::Outcome Remove(std::string_view member, bool* removed);
  tree::Outcome Remove(const tree::Cursor& cursor) { return tree_.Erase(cursor); }
  tree::Outcome Save() { return collection_.Save(); }
  // Makes a hashtable a listpack if its members fit one: Redis does if it has moved them.
  tree::Outcome Shrink();

  tree::Outcome Seek(uint64_t rank, tree::Cursor* cursor) { return tree_.Seek(rank, cursor); }
  // The member of an entry.
  tree::Outcome Member(const tree::LeafEntry& entry, std::string_view* member);

  // Of the head of an intset's key; and as a member, at `digits`, where kInt64TextBytes fit.
  static int64_t IntegerOf(uint64_t head) { return static_cast<int64_t>(head ^ uint64_t{1} << 63); }
  static std::string_view IntegerMember(uint64_t head, char* digits) {
    return {digits, FormatInt64(IntegerOf(head), digits)};
  }

  bool is_intset() const { return encoding() == Encoding::kIntset; }
  // *key: of a member, a view of it. False: the set has none like it.
  bool KeyOf(std::string_view member, tree::Key* key) const;
  uint64_t seed() const { return seed_; }
  Encoding encoding() const { return collection_.encoding(); }
  Collection& collection() { return collection_; }
  tree::Tree& tree() { return tree_; }
  const Status& status() const { return collection_.status(); }

 private:
  void SetSeed(uint64_t seed);
  tree::Outcome LeaveIntset(Encoding encoding);
  tree::Outcome MakeRoomFor(std::string_view member);

  Collection collection_;
  const Thresholds& thresholds_;
  tree::Tree tree_;
  uint64_t seed_ = 0;
  bool outgrown_ = false;  // by what is to come: the next member makes it a hashtable
  char digits_[kInt64TextBytes];
  std::string buffer_;
};

// Where a walk through a set stands: behind a member; before it has begun, at the first key whose
// head is not below. Kept from slice to slice.
struct SetPlace {
  bool begun = false;
  uint64_t head = 0;
  std::string rest;
};

// A walk through the members of a set, from a place on: in the order of their keys, but a listpack
// that is all in its root from the beginning on, in the order in which they came. What comes is
// asked for ahead. Good until the set is changed.
class SetWalk {
 public:
  explicit SetWalk(SetValue* set) : set_(*set) {}

  // kWait: nothing has begun.
  tree::Outcome Start(const SetPlace& place);
  bool at_end() const { return order_.small ? at_ == order_.entries.size() : !cursor_.found; }
  tree::Outcome Member(std::string_view* member);
  uint64_t head() const { return cursor_.entry.head; }
  tree::Outcome Next();

 private:
  // Members that are asked for at a time.
  static constexpr uint64_t kAheadFirst = 32;
  static constexpr uint64_t kAheadMax = 4096;

  tree::Outcome Ahead();
  tree::Outcome TakeSmall();

  SetValue& set_;
  RootOrder order_;
  size_t at_ = 0;  // in order_
  tree::Cursor cursor_;
  uint64_t rank_ = 0;
  uint64_t wanted_to_ = 0;
  uint64_t ahead_ = kAheadFirst;
  std::string buffer_;
};

// What decides on the encoding of a set that is made at once.
struct SetSummary {
  uint64_t members = 0;
  uint64_t member_bytes_max = 0;
  bool integers = true;

  void Add(std::string_view member);
};
// Of an intset, by the option.
uint64_t IntsetMembersMax(const Thresholds& thresholds);
Encoding SetEncodingOf(const SetSummary& summary, const Thresholds& thresholds);
// Of two encodings of sets the one that holds more.
Encoding LargerOf(Encoding a, Encoding b);

}  // namespace cairn
