// Commands that change a sorted set: ZADD, ZINCRBY, ZREM, ZREMRANGEBYRANK, ZREMRANGEBYSCORE,
// ZREMRANGEBYLEX.

#include <algorithm>
#include <cmath>
#include <vector>

#include "command/zset_add.h"
#include "command/zset_args.h"
#include "command/zset_handlers.h"

namespace cairn {

using tree::Outcome;
using Element = ZsetValue::Element;
using Span = ZsetValue::Span;

namespace {

// The options of ZADD; *first: the argument behind them.
bool AddOptions(Call& call, size_t* first, AddRules* rules) {
  for (*first = 2; *first < call.argv.size(); ++*first) {
    const std::string_view arg = call.argv[*first];
    if (Is(arg, "nx")) {
      rules->only_new = true;
    } else if (Is(arg, "xx")) {
      rules->only_present = true;
    } else if (Is(arg, "gt")) {
      rules->only_greater = true;
    } else if (Is(arg, "lt")) {
      rules->only_less = true;
    } else if (Is(arg, "ch")) {
      rules->count_changed = true;
    } else if (Is(arg, "incr")) {
      rules->increment = true;
    } else {
      break;
    }
  }
  const size_t left = call.argv.size() - *first;
  if (left == 0 || left % 2 != 0) return Refuse(call, errors::kSyntax);
  if (rules->only_new && rules->only_present) return Refuse(call, errors::kZaddNxWithXx);
  const bool both = rules->only_greater && rules->only_less;
  const bool either = rules->only_greater || rules->only_less;
  if (both || (rules->only_new && either)) return Refuse(call, errors::kZaddGtLtNx);
  if (rules->increment && left > 2) return Refuse(call, errors::kZaddIncrPairs);
  return true;
}

// What became of one element.
struct Added {
  bool added = false;
  bool changed = false;
  bool kept = false;  // the rules did not let it in
  bool nan = false;
  double score = 0;
};

Outcome AddOne(ZsetValue* zset, const Element& element, const AddRules& rules, Added* added) {
  bool found = false;
  double before = 0;
  *added = Added();
  added->score = element.score;
  if (const Outcome sought = zset->Find(element.member, &found, &before); sought != Outcome::kDone)
    return sought;
  if (!found) {
    added->kept = rules.only_present;
    added->added = !added->kept;
    return added->added ? zset->Put(element, nullptr) : Outcome::kDone;
  }
  if (rules.increment) added->score += before;
  added->nan = std::isnan(added->score);
  added->kept = rules.only_new || (rules.only_greater && added->score <= before) ||
                (rules.only_less && added->score >= before);
  if (added->nan || added->kept || added->score == before) return Outcome::kDone;
  added->changed = true;
  return zset->Put({element.member, added->score}, &before);
}

}  // namespace

void AddAndReply(Call& call, std::string_view key, std::span<const Element> elements,
                 const AddRules& rules) {
  ZsetValue zset = ZsetOf(call, key);
  uint64_t bytes_max = 0;
  for (const Element& element : elements)
    bytes_max = std::max<uint64_t>(bytes_max, element.member.size());
  bool found = false;
  if (!OpenZset(call, &zset, &found)) return;
  if (!found && rules.only_present)
    return rules.increment ? call.reply.Null() : call.reply.Integer(0);
  if (!found) zset.Make(elements.size(), bytes_max);
  uint64_t added = 0, changed = 0;
  Added last;
  for (size_t i = 0; i < elements.size(); ++i) {
    const Outcome outcome = AddOne(&zset, elements[i], rules, &last);
    if (outcome == Outcome::kWait) {
      for (const Element& later : elements.subspan(i + 1)) zset.Want(later.member, &later.score);
      return;
    }
    if (!Done(call, zset, outcome)) return;
    if (last.nan) return call.reply.Error(errors::kScoreNan);
    added += last.added;
    changed += last.changed;
  }
  if (!SaveZset(call, &zset, added + changed, rules.increment ? "zincr" : "zadd")) return;
  if (!rules.increment)
    return call.reply.Integer(static_cast<int64_t>(added + (rules.count_changed ? changed : 0)));
  last.kept ? call.reply.Null() : call.reply.Double(last.score);
}

void HandleZAdd(Call& call) {
  size_t first = 0;
  AddRules rules;
  if (!AddOptions(call, &first, &rules)) return;
  std::vector<Element> elements((call.argv.size() - first) / 2);
  for (size_t i = 0; i < elements.size(); ++i) {
    if (!FloatArg(call, call.argv[first + 2 * i], errors::kNotFloat, &elements[i].score)) return;
    elements[i].member = call.argv[first + 2 * i + 1];
  }
  AddAndReply(call, call.argv[1], elements, rules);
}

void HandleZIncrBy(Call& call) {
  Element element{call.argv[3], 0};
  if (!FloatArg(call, call.argv[2], errors::kNotFloat, &element.score)) return;
  AddRules rules;
  rules.increment = true;
  AddAndReply(call, call.argv[1], {&element, 1}, rules);
}

void HandleZRem(Call& call) {
  ZsetValue zset = ZsetOf(call, call.argv[1]);
  bool found = false;
  if (!OpenZset(call, &zset, &found)) return;
  if (!found) return call.reply.Integer(0);
  uint64_t removed = 0;
  for (size_t i = 2; i < call.argv.size(); ++i) {
    Element element{call.argv[i], 0};
    Outcome outcome = zset.Find(element.member, &found, &element.score);
    if (outcome == Outcome::kDone && found) outcome = zset.Remove(element);
    if (outcome == Outcome::kWait) {
      for (std::string_view later : call.argv.subspan(i + 1)) zset.Want(later, nullptr);
      return;
    }
    if (!Done(call, zset, outcome)) return;
    removed += found;
  }
  if (SaveZset(call, &zset, removed, "zrem")) call.reply.Integer(static_cast<int64_t>(removed));
}

namespace {

// Opens the sorted set, and removes what `resolve` finds.
template <typename Resolve>
void RemoveAndReply(Call& call, std::string_view event, Resolve&& resolve) {
  ZsetValue zset = ZsetOf(call, call.argv[1]);
  bool found = false;
  uint64_t count = 0;
  Span span;
  if (!OpenZset(call, &zset, &found)) return;
  if (!found) return call.reply.Integer(0);
  if (!Done(call, zset, zset.Count(&count)) || !Done(call, zset, resolve(&zset, count, &span)))
    return;
  if (RemoveSpan(call, &zset, span, count, event))
    call.reply.Integer(static_cast<int64_t>(span.count));
}

}  // namespace

void HandleZRemRangeByRank(Call& call) {
  int64_t start = 0, end = 0;
  if (!IntegerArg(call, call.argv[2], &start) || !IntegerArg(call, call.argv[3], &end)) return;
  RemoveAndReply(call, "zremrangebyrank", [&](ZsetValue*, uint64_t count, Span* span) {
    *span = RankSpan(start, end, count);
    return Outcome::kDone;
  });
}

void HandleZRemRangeByScore(Call& call) {
  ScoreRange range;
  if (!ScoreRangeArgs(call, call.argv[2], call.argv[3], &range)) return;
  RemoveAndReply(call, "zremrangebyscore",
                 [&](ZsetValue* zset, uint64_t, Span* span) { return zset->Resolve(range, span); });
}

void HandleZRemRangeByLex(Call& call) {
  LexRange range;
  if (!LexRangeArgs(call, call.argv[2], call.argv[3], &range)) return;
  RemoveAndReply(call, "zremrangebylex", [&](ZsetValue* zset, uint64_t, Span* span) {
    return zset->Resolve(range, false, span);
  });
}

}  // namespace cairn
