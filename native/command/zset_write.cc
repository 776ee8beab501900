// Commands that change a sorted set: ZADD, ZINCRBY, ZREM, ZREMRANGEBYRANK, ZREMRANGEBYSCORE,
// ZREMRANGEBYLEX.

#include <algorithm>
#include <cmath>
#include <vector>

#include "command/many_changes.h"
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

void AddAndReply(Call& call, size_t first, size_t elements, ReadElement read,
                 const AddRules& rules) {
  ManyChanges local;
  ManyChanges* const many = ManyChanges::For(call, elements, &local);
  std::vector<Element> few(many->sliced() ? 0 : elements);  // of many, each is read again
  const auto check = [&](size_t i) {
    Element element;
    if (!read(call, first, i, &element)) return false;
    many->bytes_max = std::max<uint64_t>(many->bytes_max, element.member.size());
    if (!many->sliced()) few[i] = element;
    return true;
  };
  if (!many->CheckEach(call, elements, check)) return;
  const auto at = [&](size_t i) {
    if (!many->sliced()) return few[i];
    Element element;
    CAIRN_CHECK(read(call, first, i, &element), "it was read before");
    return element;
  };
  ZsetValue zset = ZsetOf(call, call.argv[1]);
  many->GoOnWith(call, &zset.collection());
  bool found = false;
  if (!OpenZset(call, &zset, &found)) return;
  if (!found && rules.only_present)
    return rules.increment ? call.reply.Null() : call.reply.Integer(0);
  if (!found) zset.Make(elements, many->bytes_max);
  Added last;
  const auto add = [&](size_t i) {
    const Outcome outcome = AddOne(&zset, at(i), rules, &last);
    ManyChanges::WantBehind(outcome, i, elements, [&](size_t j) {
      const Element later = at(j);
      zset.Want(later.member, &later.score);
    });
    if (outcome != Outcome::kDone) return outcome;
    many->added += last.added;
    many->changed += last.changed;
    return outcome;
  };
  if (!many->ChangeEach(call, &zset.collection(), zset.status(), elements, add)) return;
  if (last.nan) return call.reply.Error(errors::kScoreNan);
  const uint64_t both = many->added + many->changed;
  if (!SaveZset(call, &zset, both, rules.increment ? "zincr" : "zadd")) return;
  many->KeepUntilCommit(&zset.collection());
  if (!rules.increment)
    return call.reply.Integer(static_cast<int64_t>(rules.count_changed ? both : many->added));
  last.kept ? call.reply.Null() : call.reply.Double(last.score);
}

namespace {

bool ReadScoreAndMember(Call& call, size_t first, size_t i, Element* element) {
  element->member = call.argv[first + 2 * i + 1];
  return FloatArg(call, call.argv[first + 2 * i], errors::kNotFloat, &element->score);
}

}  // namespace

void HandleZAdd(Call& call) {
  size_t first = 0;
  AddRules rules;
  if (!AddOptions(call, &first, &rules)) return;
  AddAndReply(call, first, (call.argv.size() - first) / 2, ReadScoreAndMember, rules);
}

void HandleZIncrBy(Call& call) {
  AddRules rules;
  rules.increment = true;
  AddAndReply(call, 2, 1, ReadScoreAndMember, rules);
}

void HandleZRem(Call& call) {
  const auto members = call.argv.subspan(2);
  ManyChanges local;
  ManyChanges* const many = ManyChanges::For(call, members.size(), &local);
  ZsetValue zset = ZsetOf(call, call.argv[1]);
  many->GoOnWith(call, &zset.collection());
  bool found = false;
  if (!OpenZset(call, &zset, &found)) return;
  if (!found) return call.reply.Integer(0);
  const auto remove = [&](size_t i) {
    Element element{members[i], 0};
    Outcome outcome = zset.Find(element.member, &found, &element.score);
    if (outcome == Outcome::kDone && found) outcome = zset.Remove(element);
    ManyChanges::WantBehind(outcome, i, members.size(),
                            [&](size_t j) { zset.Want(members[j], nullptr); });
    many->added += outcome == Outcome::kDone && found;
    return outcome;
  };
  if (!many->ChangeEach(call, &zset.collection(), zset.status(), members.size(), remove)) return;
  if (!SaveZset(call, &zset, many->added, "zrem")) return;
  call.reply.Integer(static_cast<int64_t>(many->added));
  many->KeepUntilCommit(&zset.collection());
}

namespace {

// Elements of a range go some at a time.
constexpr uint64_t kRemovedAtOnce = 256;

bool RemoveInPieces(Call& call, ZsetValue* zset, ManyChanges* many) {
  const auto remove = [&](size_t i) {
    const uint64_t part = std::min(kRemovedAtOnce, many->count - i * kRemovedAtOnce);
    const Outcome outcome = zset->RemoveSpan({many->first, part});
    call.txn.Charge(static_cast<uint32_t>(part - 1) * ManyChanges::kCost);
    return outcome;
  };
  const uint64_t pieces = (many->count + kRemovedAtOnce - 1) / kRemovedAtOnce;
  return many->ChangeEach(call, &zset->collection(), zset->status(), pieces, remove);
}

// Opens the sorted set, and removes what `resolve` finds.
template <typename Resolve>
void RemoveAndReply(Call& call, std::string_view event, Resolve&& resolve) {
  ZsetValue zset = ZsetOf(call, call.argv[1]);
  ManyChanges local;
  ManyChanges* many = ManyChanges::SoFar(call, &local);
  const bool begins = many->GoOnWith(call, &zset.collection());
  bool found = false;
  uint64_t count = 0;
  if (!OpenZset(call, &zset, &found)) return;
  if (!found) return call.reply.Integer(0);
  if (begins) {
    Span span;
    if (!Done(call, zset, zset.Count(&count)) || !Done(call, zset, resolve(&zset, count, &span)))
      return;
    if (span.count == count || span.count <= ManyChanges::kAtOnce) {
      if (RemoveSpan(call, &zset, span, count, event))
        call.reply.Integer(static_cast<int64_t>(span.count));
      return;
    }
    if (!many->sliced()) {
      many = ManyChanges::For(call, span.count, &local);
      (void)many->GoOnWith(call, &zset.collection());
    }
    many->first = span.rank;
    many->count = span.count;
  }
  if (!RemoveInPieces(call, &zset, many) || !SaveZset(call, &zset, many->count, event)) return;
  call.reply.Integer(static_cast<int64_t>(many->count));
  many->KeepUntilCommit(&zset.collection());
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
