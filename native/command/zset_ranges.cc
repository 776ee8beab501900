// Commands that show a part of the order: ZRANGE and all that came before it, and ZRANGESTORE.

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "command/zset_args.h"
#include "command/zset_handlers.h"

namespace cairn {

using tree::Outcome;
using Element = ZsetValue::Element;
using Span = ZsetValue::Span;

namespace {

enum class By : uint8_t { kAny, kRank, kScore, kLex };
enum class Direction : uint8_t { kAny, kForward, kReverse };

// What is wanted of which sorted set.
struct RangeArgs {
  By by = By::kAny;  // kAny: an option may say so
  Direction direction = Direction::kAny;
  bool store = false;
  bool scores = false;
  int64_t offset = 0;
  int64_t limit = -1;  // negative: none
  int64_t start = 0;
  int64_t end = 0;
  ScoreRange score;
  LexRange lex;

  bool backwards() const { return direction == Direction::kReverse; }
};

bool RangeOptions(Call& call, size_t first, RangeArgs* query) {
  for (size_t i = first; i < call.argv.size(); ++i) {
    const std::string_view arg = call.argv[i];
    if (!query->store && Is(arg, "withscores")) {
      query->scores = true;
    } else if (Is(arg, "limit") && i + 2 < call.argv.size()) {
      if (!IntegerArg(call, call.argv[i + 1], &query->offset)) return false;
      if (!IntegerArg(call, call.argv[i + 2], &query->limit)) return false;
      i += 2;
    } else if (query->direction == Direction::kAny && Is(arg, "rev")) {
      query->direction = Direction::kReverse;
    } else if (query->by == By::kAny && Is(arg, "bylex")) {
      query->by = By::kLex;
    } else if (query->by == By::kAny && Is(arg, "byscore")) {
      query->by = By::kScore;
    } else {
      return Refuse(call, errors::kSyntax);
    }
  }
  if (query->by == By::kAny) query->by = By::kRank;
  if (query->by == By::kRank && query->limit != -1) return Refuse(call, errors::kRangeLimit);
  if (query->by == By::kLex && query->scores) return Refuse(call, errors::kRangeLexScores);
  return true;
}

// The ends stand at `first`. Backwards, ends that are no ranks come greatest first.
bool RangeEnds(Call& call, size_t first, RangeArgs* query) {
  std::string_view min = call.argv[first], max = call.argv[first + 1];
  if (query->by == By::kRank)
    return IntegerArg(call, min, &query->start) && IntegerArg(call, max, &query->end);
  if (query->backwards()) std::swap(min, max);
  return query->by == By::kScore ? ScoreRangeArgs(call, min, max, &query->score)
                                 : LexRangeArgs(call, min, max, &query->lex);
}

// Cuts a span that is walked through in this direction.
Span Limited(const RangeArgs& query, const Span& span) {
  if (query.offset < 0 || static_cast<uint64_t>(query.offset) >= span.count) return {};
  const auto skipped = static_cast<uint64_t>(query.offset);
  uint64_t count = span.count - skipped;
  if (query.limit >= 0) count = std::min(count, static_cast<uint64_t>(query.limit));
  const uint64_t rank =
      query.backwards() ? span.rank + span.count - skipped - count : span.rank + skipped;
  return {rank, count};
}

Outcome SpanOf(const RangeArgs& query, ZsetValue* zset, Span* span) {
  Outcome outcome = Outcome::kDone;
  if (query.by == By::kRank) {
    uint64_t count = 0;
    outcome = zset->Count(&count);
    if (outcome != Outcome::kDone) return outcome;
    *span = RankSpan(query.start, query.end, count);
    if (query.backwards()) span->rank = count - span->rank - span->count;
    return outcome;
  }
  outcome = query.by == By::kScore ? zset->Resolve(query.score, span)
                                   : zset->Resolve(query.lex, query.backwards(), span);
  if (outcome == Outcome::kDone) *span = Limited(query, *span);
  return outcome;
}

// The key stands at `key`, the ends behind it.
void ReplyRange(Call& call, By by, Direction direction) {
  RangeArgs query;
  query.by = by;
  query.direction = direction;
  if (!RangeOptions(call, 4, &query) || !RangeEnds(call, 2, &query)) return;
  ZsetValue zset = ZsetOf(call, call.argv[1]);
  bool found = false;
  Span span;
  if (!OpenZset(call, &zset, &found)) return;
  if (!found) return call.reply.ArrayHeader(0);
  if (!Done(call, zset, SpanOf(query, &zset, &span))) return;
  ReplySpan(call, &zset, span, query.backwards(), query.scores);
}

}  // namespace

void HandleZRange(Call& call) { ReplyRange(call, By::kAny, Direction::kAny); }
void HandleZRevRange(Call& call) { ReplyRange(call, By::kRank, Direction::kReverse); }
void HandleZRangeByScore(Call& call) { ReplyRange(call, By::kScore, Direction::kForward); }
void HandleZRevRangeByScore(Call& call) { ReplyRange(call, By::kScore, Direction::kReverse); }
void HandleZRangeByLex(Call& call) { ReplyRange(call, By::kLex, Direction::kForward); }
void HandleZRevRangeByLex(Call& call) { ReplyRange(call, By::kLex, Direction::kReverse); }

void HandleZRangeStore(Call& call) {
  RangeArgs query;
  query.store = true;
  if (!RangeOptions(call, 5, &query) || !RangeEnds(call, 3, &query)) return;
  ZsetValue zset = ZsetOf(call, call.argv[2]);
  bool found = false;
  Span span;
  if (!OpenZsetCounted(call, &zset, &found)) return;
  if (found && !Done(call, zset, SpanOf(query, &zset, &span))) return;
  std::vector<ZsetValue::Item> items;
  items.reserve(span.count);
  ZsetValue::Walk walk(span, false);
  const Outcome outcome = zset.Go(&walk, span.count, [&](const Element& element) {
    items.push_back({std::string(element.member), element.score});
  });
  if (!Done(call, zset, outcome)) return;
  const std::vector<Element> elements(items.begin(), items.end());
  if (StoreZset(call, call.argv[1], elements, "zrangestore"))
    call.reply.Integer(static_cast<int64_t>(items.size()));
}

}  // namespace cairn
