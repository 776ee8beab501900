#include "command/zset_args.h"

#include <locale.h>
#include <stdlib.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <utility>

namespace cairn {

using tree::Outcome;

namespace {

// As strtod reads the beginning of a C string that has to end there: leading blanks are allowed,
// nothing at all is 0, a NUL ends it, and what is too large is infinite. Not NaN.
bool ParseAsStrtod(std::string_view text, double* out) {
  static const locale_t locale = newlocale(LC_ALL_MASK, "C", nullptr);
  const std::string copy(text.substr(0, text.find('\0')));
  char* end = nullptr;
  const double value = strtod_l(copy.c_str(), &end, locale);
  if (*end != '\0' || std::isnan(value)) return false;
  *out = value;
  return true;
}

bool ScoreBoundArg(std::string_view arg, double* score, bool* open) {
  *open = arg.starts_with('(');
  if (*open) arg.remove_prefix(1);
  return ParseAsStrtod(arg, score);
}

bool LexBoundArg(std::string_view arg, LexBound* bound) {
  *bound = LexBound();
  const char kind = arg.empty() ? '\0' : arg[0];
  if (kind == '[' || kind == '(') {
    bound->open = kind == '(';
    bound->text = arg.substr(1);
    return true;
  }
  bound->kind = kind == '-' ? LexBound::Kind::kLeast : LexBound::Kind::kGreatest;
  return (kind == '-' || kind == '+') && (arg.size() == 1 || arg[1] == '\0');
}

}  // namespace

bool ScoreRangeArgs(Call& call, std::string_view min, std::string_view max, ScoreRange* range) {
  const bool read = ScoreBoundArg(min, &range->min, &range->min_open) &&
                    ScoreBoundArg(max, &range->max, &range->max_open);
  return read || Refuse(call, errors::kNotScoreRange);
}

bool LexRangeArgs(Call& call, std::string_view min, std::string_view max, LexRange* range) {
  return (LexBoundArg(min, &range->min) && LexBoundArg(max, &range->max)) ||
         Refuse(call, errors::kNotLexRange);
}

bool FloatArg(Call& call, std::string_view arg, std::string_view error, double* out) {
  return ParseDouble(arg, out) || Refuse(call, error);
}

ZsetValue::Span RankSpan(int64_t start, int64_t end, uint64_t count) {
  const auto members = static_cast<int64_t>(count);
  if (start < 0) start = std::max<int64_t>(start + members, 0);
  if (end < 0) end += members;
  end = std::min(end, members - 1);
  if (start > end) return {};
  return {static_cast<uint64_t>(start), static_cast<uint64_t>(end - start + 1)};
}

bool SaveZset(Call& call, ZsetValue* zset, uint64_t changes, std::string_view event) {
  if (changes == 0) return true;
  uint64_t left = 0;
  if (!Done(call, *zset, zset->Count(&left)) || !Done(call, *zset, zset->Save())) return false;
  call.txn.extra_changes += static_cast<int64_t>(changes) - 1;
  const std::string_view key = zset->collection().key();
  call.txn.Notify(kNotifyZset, event, key);
  if (left == 0) call.txn.Notify(kNotifyGeneric, "del", key);
  return true;
}

bool RemoveSpan(Call& call, ZsetValue* zset, const ZsetValue::Span& span, uint64_t count,
                std::string_view event) {
  if (span.count == 0) return true;
  if (span.count < count)
    return Done(call, *zset, zset->RemoveSpan(span)) && SaveZset(call, zset, span.count, event);
  const std::string_view key = zset->collection().key();
  call.txn.Delete(key);
  call.txn.extra_changes += static_cast<int64_t>(span.count) - 1;
  call.txn.Notify(kNotifyZset, event, key);
  call.txn.Notify(kNotifyGeneric, "del", key);
  return true;
}

bool StoreZset(Call& call, std::string_view key, std::span<const ZsetValue::Element> elements,
               std::string_view event) {
  if (elements.empty()) {
    if (call.txn.Delete(key)) call.txn.Notify(kNotifyGeneric, "del", key);
    return true;
  }
  ZsetValue zset = ZsetOf(call, key);
  uint64_t bytes_max = 0;
  for (const ZsetValue::Element& element : elements)
    bytes_max = std::max<uint64_t>(bytes_max, element.member.size());
  zset.Make(elements.size(), bytes_max);
  if (!Done(call, zset, zset.Fill(elements)) || !Done(call, zset, zset.Save())) return false;
  call.txn.Notify(kNotifyZset, event, key);
  return true;
}

namespace {

// What was found by earlier slices.
struct SpanProgress {
  bool begun = false;
  ZsetValue::Walk walk;
  OutBuffer found;
  uint64_t count = 0;
};

constexpr uint64_t kElementsAtATime = 1024;

void GoOn(Call& call, ZsetValue* zset, bool scores, SpanProgress* progress) {
  ReplyWriter found(&progress->found, call.reply.version());
  while (progress->walk.left > 0) {
    if (call.txn.SliceOver()) return call.txn.Again();
    call.txn.Charge(kElementsAtATime);
    const Outcome outcome =
        zset->Go(&progress->walk, kElementsAtATime, [&](const ZsetValue::Element& element) {
          ReplyElement(found, element, scores);
          ++progress->count;
        });
    if (!Done(call, *zset, outcome)) return;
  }
  ReplyElements(call.reply, progress->count, scores);
  call.reply.out().Append(&progress->found);
}

}  // namespace

void ReplySpan(Call& call, ZsetValue* zset, const ZsetValue::Span& span, bool backwards,
               bool scores) {
  SpanProgress* progress =
      span.count <= kElementsAtOnce ? nullptr : call.txn.Progress<SpanProgress>();
  if (progress != nullptr) {
    if (!std::exchange(progress->begun, true)) {
      progress->walk = ZsetValue::Walk(span, backwards);
      progress->walk.keep = true;
    }
    return GoOn(call, zset, scores, progress);
  }
  const size_t mark = call.reply.out().size();
  ZsetValue::Walk walk(span, backwards);
  ReplyElements(call.reply, span.count, scores);
  const Outcome outcome = zset->Go(&walk, span.count, [&](const ZsetValue::Element& element) {
    ReplyElement(call.reply, element, scores);
  });
  if (outcome == Outcome::kDone) return;
  call.reply.out().Truncate(mark);
  (void)Done(call, *zset, outcome);
}

}  // namespace cairn
