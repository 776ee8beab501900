// ZsetValue: members with scores, in the order of the scores, and among equal ones in that of the
// members' bytes. What sorted-set commands need, without their replies.
//
//   tree 0, ordered: head: score, made sortable   rest: member   (tree/score.h)
//   tree 1, ordered: head: KeyedHash(seed, member)   rest: member   payload: score, 8
//   state: seed, 8
//
// Tree 1, the index, is there only while tree 0 has more than its root: in a single leaf, members
// are found by looking at all of them. Everything that asks for a part of the order comes down to
// ranks (Span), whatever it is given by: ranks, scores or members.
//
// Outcomes are those of collection.h. Views are valid until the next call. Scores are never NaN.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "collection/collection.h"
#include "collection/thresholds.h"
#include "tree/score.h"

namespace cairn {

struct ScoreRange {
  double min = 0;
  double max = 0;
  bool min_open = false;  // without the end itself
  bool max_open = false;
  bool empty() const { return min > max || (min == max && (min_open || max_open)); }
};

// An end of a range of members.
struct LexBound {
  enum class Kind : uint8_t { kLeast, kText, kGreatest };  // before all, some bytes, after all
  Kind kind = Kind::kText;
  bool open = false;
  std::string_view text;
  // Of this end against another one, or a member.
  int Compare(const LexBound& other) const;
  int Compare(std::string_view member) const;
};
struct LexRange {
  LexBound min;
  LexBound max;
  bool empty() const;
  bool Above(std::string_view member) const;  // the member is not before the range
  bool Below(std::string_view member) const;  // and not behind it
};

class ZsetValue {
 public:
  struct Element {
    std::string_view member;
    double score = 0;
  };
  struct Item {
    std::string member;
    double score = 0;
    operator Element() const { return {member, score}; }  // NOLINT: a view of it
  };
  // Ranks [rank, rank + count).
  struct Span {
    uint64_t rank = 0;
    uint64_t count = 0;
  };
  // Where a walk through a span is. It may be kept from one pass to the next; it goes on behind the
  // element that it has shown last, whatever has become of that.
  struct Walk {
    Walk() = default;
    Walk(const Span& span, bool down)
        : rank(span.count == 0 ? 0
               : down          ? span.rank + span.count - 1
                               : span.rank),
          left(span.count),
          backwards(down) {}
    uint64_t rank = 0;  // of the first one
    uint64_t left = 0;
    bool backwards = false;
    bool keep = false;   // it is to go on in another pass
    bool begun = false;  // then this is the last one that was shown
    Item last;
  };

  // How sorted sets of more than one page are laid out, for who makes one entry by entry.
  static constexpr uint8_t kOrderTree = 0;
  static constexpr uint8_t kIndexTree = 1;
  static tree::Key KeyOf(const Element& element) {
    return {tree::SortableScore(element.score), element.member};
  }
  static tree::Key IndexKeyOf(uint64_t seed, std::string_view member);
  static std::string ScoreBytes(double score);  // the payload of the index
  // Of so many members, of so many bytes at most.
  static Encoding EncodingOf(uint64_t members, uint64_t bytes_max, const Thresholds& thresholds);

  ZsetValue(Txn* txn, std::string_view key, const Thresholds* thresholds);

  // To read. kMissing: there are no members.
  Opened Open();
  // To write: a missing one is made (never kMissing), which is to get so many members of so many
  // bytes at most.
  Opened OpenOrMake(uint64_t members, uint64_t bytes_max);
  // In the place of whatever is there, instead of Open.
  void Make(uint64_t members, uint64_t bytes_max);

  tree::Outcome Count(uint64_t* count) { return collection_.Count(count); }
  tree::Outcome Find(std::string_view member, bool* found, double* score);
  // Notes what a change of this member will read: for those behind one that has to wait.
  void Want(std::string_view member, const double* score);
  // How many are before a member that is there.
  tree::Outcome Rank(const Element& element, uint64_t* rank) {
    return order_.Rank(KeyOf(element), rank);
  }
  tree::Outcome At(uint64_t rank, Element* element);
  tree::Outcome Resolve(const ScoreRange& range, Span* span);
  // Where scores differ the order is not that of the members. Then a range is, as in a listpack of
  // Redis, what a walk finds that begins with the first member not before it, or with `backwards`
  // the last one not behind it, and ends with the first that is outside.
  tree::Outcome Resolve(const LexRange& range, bool backwards, Span* span);

  // Shows visit(const Element&) the next elements of a walk, at most `most`. kWait: what was shown
  // was shown, and the walk is behind it.
  template <typename Visitor>
  tree::Outcome Go(Walk* walk, uint64_t most, Visitor&& visit);
  // By the index: elements from a cursor on, at least `most`, and all that have the same upper bits
  // of their hashes, which are the cursor. *next: where to go on, 0: nowhere. Without an index it
  // shows everything.
  template <typename Visitor>
  tree::Outcome Scan(uint64_t cursor, uint64_t most, uint64_t* next, Visitor&& visit);

  // `before`: the score that it has by now, null: it is not there. Of a small sorted set, -0
  // becomes 0, as in Redis.
  tree::Outcome Put(const Element& element, const double* before);
  tree::Outcome Remove(const Element& element);
  // Not all of them: for that the key is deleted.
  tree::Outcome RemoveSpan(const Span& span);
  // Into one that was just made; in order, each member once.
  tree::Outcome Fill(std::span<const Element> elements);
  tree::Outcome Save() { return collection_.Save(); }

  Encoding encoding() const { return collection_.encoding(); }
  Collection& collection() { return collection_; }
  const Status& status() const { return failed_.ok() ? collection_.status() : failed_; }

 private:
  static constexpr uint32_t kCursorShift = 12;  // of a hash; so cursors are numbers to JavaScript

  tree::Key IndexKeyOf(std::string_view member) const;
  bool indexed() const { return collection_.trees() > kIndexTree; }
  Opened Opening(Opened opened);
  tree::Outcome Damaged(const char* what);
  tree::Outcome Take(const tree::Cursor& cursor, Element* element);
  tree::Outcome TakeIndexed(const tree::Cursor& cursor, Element* element);
  tree::Outcome FindInLeaf(std::string_view member, bool* found, double* score);
  tree::Outcome StartWalk(const Walk& walk, uint64_t most, tree::Cursor* cursor);
  tree::Outcome OneScore(uint64_t count, bool* same, uint64_t* head);
  tree::Outcome LexByKey(const LexRange& range, uint64_t head, Span* span);
  tree::Outcome LexByWalk(const LexRange& range, uint64_t count, bool backwards, Span* span);
  tree::Outcome LexBySearch(const LexRange& range, uint64_t count, Span* span);
  tree::Outcome PutIndex(const Element& element, bool wanted);
  tree::Outcome EraseIndex(std::string_view member);
  tree::Outcome SettleIndex();
  tree::Outcome BuildIndex();
  void SettleEncoding(uint64_t count, uint64_t bytes);
  // A listpack of Redis knows no negative zero.
  double Kept(double score) const {
    return score == 0 && encoding() == Encoding::kListpack ? 0.0 : score;
  }

  Collection collection_;
  const Thresholds& thresholds_;
  tree::Tree order_;
  tree::Tree index_;
  uint64_t seed_ = 0;
  Status failed_;
  std::string buffer_;
  std::string payload_buffer_;
};

template <typename Visitor>
tree::Outcome ZsetValue::Go(Walk* walk, uint64_t most, Visitor&& visit) {
  if (most > walk->left) most = walk->left;
  if (most == 0) return tree::Outcome::kDone;
  tree::Cursor cursor;
  if (const auto begun = StartWalk(*walk, most, &cursor); begun != tree::Outcome::kDone)
    return begun;
  bool waiting = false;
  for (uint64_t i = 0; i < most; ++i) {
    if (!cursor.found) {  // others have removed some
      if (!waiting) walk->left = 0;
      break;
    }
    Element element;
    const tree::Outcome taken = Take(cursor, &element);
    if (taken == tree::Outcome::kFailed) return taken;
    waiting |= taken == tree::Outcome::kWait;  // others are missing, too, perhaps
    if (!waiting) {
      visit(element);
      --walk->left;
      walk->begun = true;
      if (walk->keep) {
        walk->last.member.assign(element.member);
        walk->last.score = element.score;
      }
    }
    if (i + 1 == most) break;
    const tree::Outcome stepped = walk->backwards ? order_.Prev(&cursor) : order_.Next(&cursor);
    if (stepped != tree::Outcome::kDone) return stepped;
  }
  return waiting ? tree::Outcome::kWait : tree::Outcome::kDone;
}

template <typename Visitor>
tree::Outcome ZsetValue::Scan(uint64_t cursor, uint64_t most, uint64_t* next, Visitor&& visit) {
  *next = 0;
  const bool all = !indexed();
  tree::Tree& tree = all ? order_ : index_;
  tree::Cursor at;
  uint64_t rank = 0;
  if (cursor << kCursorShift >> kCursorShift != cursor) return tree::Outcome::kDone;
  const tree::Key from = all ? tree::Key{} : tree::Key{cursor << kCursorShift, {}};
  if (const auto sought = tree.LowerBound(from, &at); sought != tree::Outcome::kDone) return sought;
  if (!all && at.found) {
    if (const auto ranked = tree.RankOf(at, &rank); ranked != tree::Outcome::kDone) return ranked;
    if (const auto there = tree.Want(rank, most); there != tree::Outcome::kDone) return there;
  }
  bool waiting = false;
  uint64_t head = 0;
  for (uint64_t shown = 0; at.found; ++shown) {
    const uint64_t here = at.entry.head >> kCursorShift;
    if (!all && shown >= most && here != head) {
      *next = here;
      break;
    }
    head = here;
    Element element;
    const tree::Outcome taken = all ? Take(at, &element) : TakeIndexed(at, &element);
    if (taken == tree::Outcome::kFailed) return taken;
    waiting |= taken == tree::Outcome::kWait;
    if (!waiting) visit(element);
    if (const auto stepped = tree.Next(&at); stepped != tree::Outcome::kDone) return stepped;
  }
  return waiting ? tree::Outcome::kWait : tree::Outcome::kDone;
}

}  // namespace cairn
