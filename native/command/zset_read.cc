// Commands that look at single elements of a sorted set, or count them: ZCARD, ZSCORE, ZMSCORE,
// ZCOUNT, ZLEXCOUNT, ZRANK, ZREVRANK; and ZSCAN.

#include <algorithm>
#include <cstdio>

#include "command/element_scan.h"
#include "command/zset_args.h"
#include "command/zset_handlers.h"

namespace cairn {

using tree::Outcome;
using Element = ZsetValue::Element;
using Span = ZsetValue::Span;

void HandleZCard(Call& call) {
  ZsetValue zset = ZsetOf(call, call.argv[1]);
  bool found = false;
  uint64_t count = 0;
  if (!OpenZset(call, &zset, &found)) return;
  if (found && !Done(call, zset, zset.Count(&count))) return;
  call.reply.Integer(static_cast<int64_t>(count));
}

void HandleZScore(Call& call) {
  ZsetValue zset = ZsetOf(call, call.argv[1]);
  bool found = false;
  double score = 0;
  if (!OpenZset(call, &zset, &found)) return;
  if (found && !Done(call, zset, zset.Find(call.argv[2], &found, &score))) return;
  found ? call.reply.Double(score) : call.reply.Null();
}

void HandleZMScore(Call& call) {
  ReplyMembers(
      call, [&](double score) { call.reply.Double(score); }, [&] { call.reply.Null(); });
}

namespace {

template <typename Resolve>
void CountAndReply(Call& call, Resolve&& resolve) {
  ZsetValue zset = ZsetOf(call, call.argv[1]);
  bool found = false;
  Span span;
  if (!OpenZset(call, &zset, &found)) return;
  if (found && !Done(call, zset, resolve(&zset, &span))) return;
  call.reply.Integer(static_cast<int64_t>(span.count));
}

void ReplyRank(Call& call, bool reverse) {
  if (call.argv.size() > 4)
    return call.reply.Error(errors::WrongArity(reverse ? "zrevrank" : "zrank"));
  const bool with_score = call.argv.size() == 4;
  if (with_score && !Is(call.argv[3], "withscore")) return call.reply.Error(errors::kSyntax);
  ZsetValue zset = ZsetOf(call, call.argv[1]);
  bool found = false;
  Element element{call.argv[2], 0};
  uint64_t rank = 0, count = 0;
  if (!OpenZset(call, &zset, &found)) return;
  if (found && !Done(call, zset, zset.Find(element.member, &found, &element.score))) return;
  if (!found) return with_score ? call.reply.NullArray() : call.reply.Null();
  if (!Done(call, zset, zset.Rank(element, &rank)) || !Done(call, zset, zset.Count(&count))) return;
  if (reverse) rank = count - 1 - std::min(rank, count - 1);
  if (with_score) call.reply.ArrayHeader(2);
  call.reply.Integer(static_cast<int64_t>(rank));
  if (with_score) call.reply.Double(element.score);
}

}  // namespace

void HandleZCount(Call& call) {
  ScoreRange range;
  if (!ScoreRangeArgs(call, call.argv[2], call.argv[3], &range)) return;
  CountAndReply(call, [&](ZsetValue* zset, Span* span) { return zset->Resolve(range, span); });
}

void HandleZLexCount(Call& call) {
  LexRange range;
  if (!LexRangeArgs(call, call.argv[2], call.argv[3], &range)) return;
  CountAndReply(call,
                [&](ZsetValue* zset, Span* span) { return zset->Resolve(range, false, span); });
}

void HandleZRank(Call& call) { ReplyRank(call, false); }
void HandleZRevRank(Call& call) { ReplyRank(call, true); }

namespace {

// ZSCAN shows scores as Redis keeps them: in a listpack as texts, else as numbers.
void ReplyScanned(ReplyWriter& reply, const Element& element, bool listpack) {
  char text[kLongDoubleTextBytes];
  reply.Bulk(element.member);
  size_t bytes = 0;
  if (listpack) {
    bytes = FormatDouble(element.score, text);
  } else {
    bytes = static_cast<size_t>(
        std::snprintf(text, sizeof(text), "%.17Lg", static_cast<long double>(element.score)));
  }
  reply.Bulk({text, bytes});
}

}  // namespace

void HandleZScan(Call& call) {
  uint64_t cursor = 0;
  if (!ScanCursorArg(call, &cursor)) return;
  ZsetValue zset = ZsetOf(call, call.argv[1]);
  bool found = false;
  if (!OpenZset(call, &zset, &found)) return;
  Gathered gathered;
  if (!found) return ReplyElementScan(call, 0, &gathered);
  ElementScan scan;
  if (!ParseElementScan(call, &scan)) return;
  // So many at a time hold nobody up.
  const uint64_t most = std::min(scan.count, kElementsAtOnce);
  const bool listpack = zset.encoding() == Encoding::kListpack;
  ReplyWriter shown(&gathered.body, call.reply.version());
  uint64_t next = 0;
  const Outcome outcome = zset.Scan(cursor, most, &next, [&](const Element& element) {
    if (!scan.Wants(element.member)) return;
    ReplyScanned(shown, element, listpack);
    gathered.elements += 2;
  });
  if (Done(call, zset, outcome)) ReplyElementScan(call, next, &gathered);
}

}  // namespace cairn
