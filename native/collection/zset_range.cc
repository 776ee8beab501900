// Ranges of a sorted set as ranks.

#include <algorithm>

#include "collection/zset.h"
#include "tree/try.h"

namespace cairn {

using tree::Cursor;
using tree::Key;
using tree::Outcome;

namespace {

// A walk over so many members takes less than a millisecond.
constexpr uint64_t kLexWalkMax = 1024;

ZsetValue::Span Between(uint64_t from, uint64_t to) { return {from, to > from ? to - from : 0}; }

}  // namespace

int LexBound::Compare(std::string_view member) const {
  if (kind != Kind::kText) return kind == Kind::kLeast ? -1 : 1;
  return text.compare(member);
}

int LexBound::Compare(const LexBound& other) const {
  if (kind == other.kind && kind != Kind::kText) return 0;
  if (kind == Kind::kLeast || other.kind == Kind::kGreatest) return -1;
  if (kind == Kind::kGreatest || other.kind == Kind::kLeast) return 1;
  return text.compare(other.text);
}

bool LexRange::empty() const {
  const int order = min.Compare(max);
  return order > 0 || (order == 0 && (min.open || max.open || min.kind != LexBound::Kind::kText));
}

bool LexRange::Above(std::string_view member) const {
  const int order = min.Compare(member);
  return min.open ? order < 0 : order <= 0;
}

bool LexRange::Below(std::string_view member) const {
  const int order = max.Compare(member);
  return max.open ? order > 0 : order >= 0;
}

Outcome ZsetValue::Resolve(const ScoreRange& range, Span* span) {
  *span = {};
  if (range.empty()) return Outcome::kDone;
  uint64_t from = 0, to = 0;
  const Outcome low = order_.Rank(Key{tree::SortableScore(range.min) + range.min_open, {}}, &from);
  const Outcome high = order_.Rank(Key{tree::SortableScore(range.max) + !range.max_open, {}}, &to);
  if (low == Outcome::kFailed) return low;
  TREE_TRY(high);
  TREE_TRY(low);
  *span = Between(from, to);
  return Outcome::kDone;
}

Outcome ZsetValue::Resolve(const LexRange& range, bool backwards, Span* span) {
  *span = {};
  uint64_t count = 0, head = 0;
  bool same = false;
  TREE_TRY(Count(&count));
  if (range.empty() || count == 0) return Outcome::kDone;
  TREE_TRY(OneScore(count, &same, &head));
  if (same) return LexByKey(range, head, span);
  if (count <= kLexWalkMax) return LexByWalk(range, count, backwards, span);
  return LexBySearch(range, count, span);
}

Outcome ZsetValue::OneScore(uint64_t count, bool* same, uint64_t* head) {
  Cursor first, last;
  const Outcome low = order_.Seek(0, &first);
  const Outcome high = order_.Seek(count - 1, &last);
  if (low == Outcome::kFailed) return low;
  TREE_TRY(high);
  TREE_TRY(low);
  *head = first.entry.head;
  *same = first.entry.head == last.entry.head;
  return Outcome::kDone;
}

Outcome ZsetValue::LexByKey(const LexRange& range, uint64_t head, Span* span) {
  // Rank of the first member behind an end, or of the first one that is not before it.
  const auto rank_of = [&](const LexBound& bound, bool behind, uint64_t* rank) {
    if (bound.kind != LexBound::Kind::kText)
      return order_.Rank(Key{head + (bound.kind == LexBound::Kind::kGreatest), {}}, rank);
    if (!behind) return order_.Rank(Key{head, bound.text}, rank);
    std::string next(bound.text);  // the least that is greater
    next.push_back('\0');
    return order_.Rank(Key{head, next}, rank);
  };
  uint64_t from = 0, to = 0;
  const Outcome low = rank_of(range.min, range.min.open, &from);
  const Outcome high = rank_of(range.max, !range.max.open, &to);
  if (low == Outcome::kFailed) return low;
  TREE_TRY(high);
  TREE_TRY(low);
  *span = Between(from, to);
  return Outcome::kDone;
}

// What Redis does with a listpack, step by step.
Outcome ZsetValue::LexByWalk(const LexRange& range, uint64_t count, bool backwards, Span* span) {
  std::vector<uint8_t> above, below;
  Walk walk(Span{0, count}, false);
  while (walk.left > 0) {
    TREE_TRY(Go(&walk, walk.left, [&](const Element& element) {
      above.push_back(range.Above(element.member));
      below.push_back(range.Below(element.member));
    }));
  }
  if (above.size() < count) return Damaged("a sorted set has fewer members than are counted");
  if (!above.back() || !below.front()) return Outcome::kDone;
  if (backwards) {
    const auto last = std::find(below.rbegin(), below.rend(), 1);
    const auto from = static_cast<size_t>(below.rend() - last);  // behind it
    size_t first = from;
    while (first > 0 && above[first - 1] != 0) --first;
    *span = Between(first, from);
    return Outcome::kDone;
  }
  const auto first = static_cast<size_t>(std::find(above.begin(), above.end(), 1) - above.begin());
  size_t end = first;
  while (end < count && below[end] != 0) ++end;
  *span = Between(first, end);
  return Outcome::kDone;
}

// There are too many to look at all of them, and no order to go by: as if there were one.
Outcome ZsetValue::LexBySearch(const LexRange& range, uint64_t count, Span* span) {
  const auto first = [&](auto&& is_behind, uint64_t* rank) {
    uint64_t low = 0, high = count;
    while (low < high) {
      const uint64_t middle = low + (high - low) / 2;
      Element element;
      TREE_TRY(At(middle, &element));
      (is_behind(element.member) ? high : low) = is_behind(element.member) ? middle : middle + 1;
    }
    *rank = low;
    return Outcome::kDone;
  };
  uint64_t from = 0, to = 0;
  TREE_TRY(first([&](std::string_view member) { return range.Above(member); }, &from));
  TREE_TRY(first([&](std::string_view member) { return !range.Below(member); }, &to));
  *span = Between(from, to);
  return Outcome::kDone;
}

}  // namespace cairn
