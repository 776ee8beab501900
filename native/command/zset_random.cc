// ZRANDMEMBER: elements at random are those of random ranks.

#include <algorithm>
#include <utility>
#include <vector>

#include "command/random_ranks.h"
#include "command/zset_args.h"
#include "command/zset_handlers.h"

namespace cairn {

using tree::Outcome;
using Element = ZsetValue::Element;
using Span = ZsetValue::Span;

namespace {

// What was chosen and shown so far.
struct Picking {
  bool begun = false;
  // From a number of the pass on: each pass of a command chooses the same ranks, so that one that
  // runs again finds what was read for it.
  SplitMix random;
  uint64_t left = 0;            // to be chosen
  std::vector<uint64_t> ranks;  // chosen, not shown yet
  OutBuffer found;
  uint64_t count = 0;
  bool many = false;
  // Where so many are wanted that all are walked through instead, and each is taken or not.
  ZsetValue::Walk walk;
};

constexpr uint64_t kPicksAtATime = 512;
constexpr uint64_t kDescentCost = 4;  // of elements that a walk shows

// Different ones, in random order.
void ChooseDifferent(uint64_t count, uint64_t wanted, SplitMix* random,
                     std::vector<uint64_t>* chosen) {
  for (DifferentRanks ranks(count, wanted); !ranks.at_end();) chosen->push_back(ranks.Next(random));
  for (size_t i = chosen->size(); i > 1; --i)
    std::swap((*chosen)[i - 1], (*chosen)[random->Below(i)]);
}

// Shows the elements of the next chosen ranks. False: pending, or refused.
bool ShowChosen(Call& call, ZsetValue* zset, uint64_t count, bool scores, Picking* picking) {
  ReplyWriter found(&picking->found, call.reply.version());
  const uint64_t most = std::min<uint64_t>(picking->ranks.size(), kPicksAtATime);
  const size_t mark = picking->found.size();
  bool waiting = false;
  for (uint64_t i = 0; i < most; ++i) {
    Element element;
    // Others may have removed some meanwhile.
    const uint64_t rank = picking->ranks[picking->ranks.size() - 1 - i] % count;
    const Outcome outcome = zset->At(rank, &element);
    if (outcome == Outcome::kFailed) return Done(call, *zset, outcome);
    waiting |= outcome == Outcome::kWait;
    if (!waiting) ReplyElement(found, element, scores);
  }
  if (waiting) {
    picking->found.Truncate(mark);
    return false;
  }
  picking->ranks.resize(picking->ranks.size() - most);
  picking->count += most;
  return true;
}

// Any, as often as wanted.
bool PickRepeated(Call& call, ZsetValue* zset, uint64_t count, bool scores, Picking* picking) {
  while (picking->left > 0 || !picking->ranks.empty()) {
    if (call.txn.SliceOver()) return call.txn.Again(), false;
    if (picking->ranks.empty()) {
      const uint64_t some = std::min(picking->left, kPicksAtATime);
      for (uint64_t i = 0; i < some; ++i) picking->ranks.push_back(picking->random.Below(count));
      picking->left -= some;
    }
    call.txn.Charge(static_cast<uint32_t>(kPicksAtATime * kDescentCost));
    if (!ShowChosen(call, zset, count, scores, picking)) return false;
  }
  return true;
}

// Different ones, so many that it is best to look at all (selection sampling: Knuth, volume 2,
// 3.4.2, algorithm S).
bool PickMany(Call& call, ZsetValue* zset, bool scores, Picking* picking) {
  ReplyWriter found(&picking->found, call.reply.version());
  while (picking->left > 0 && picking->walk.left > 0) {
    if (call.txn.SliceOver()) return call.txn.Again(), false;
    call.txn.Charge(static_cast<uint32_t>(kPicksAtATime));
    uint64_t ahead = picking->walk.left;
    const Outcome outcome = zset->Go(&picking->walk, kPicksAtATime, [&](const Element& element) {
      if (picking->random.Below(ahead--) >= picking->left) return;
      ReplyElement(found, element, scores);
      ++picking->count;
      --picking->left;
    });
    if (!Done(call, *zset, outcome)) return false;
  }
  return true;
}

void ReplyPicks(Call& call, ZsetValue* zset, uint64_t wanted, bool repeated, bool scores) {
  uint64_t count = 0;
  if (!Done(call, *zset, zset->Count(&count))) return;
  if (!repeated && wanted >= count && count <= kElementsAtOnce)
    return ReplySpan(call, zset, {0, count}, false, scores);
  Picking local;
  Picking* picking = call.txn.Progress<Picking>();
  if (picking == nullptr) picking = &local;
  if (!std::exchange(picking->begun, true)) {
    picking->random = SplitMix{call.txn.Random()};
    picking->many = !repeated && wanted > kElementsAtOnce;
    picking->left = repeated ? wanted : std::min(wanted, count);
    picking->walk = ZsetValue::Walk(Span{0, count}, false);
    picking->walk.keep = true;
    if (!repeated && !picking->many) {
      ChooseDifferent(count, wanted, &picking->random, &picking->ranks);
      picking->left = 0;
    }
  }
  if (!(picking->many ? PickMany(call, zset, scores, picking)
                      : PickRepeated(call, zset, count, scores, picking))) {
    return;
  }
  ReplyElements(call.reply, picking->count, scores);
  call.reply.out().Append(&picking->found);
}

void ReplyPick(Call& call) {
  ZsetValue zset = ZsetOf(call, call.argv[1]);
  bool found = false;
  uint64_t count = 0;
  if (!OpenZset(call, &zset, &found)) return;
  if (!found) return call.reply.Null();
  if (!Done(call, zset, zset.Count(&count))) return;
  Element element;
  if (Done(call, zset, zset.At(call.txn.Random() % count, &element)))
    call.reply.Bulk(element.member);
}

}  // namespace

void HandleZRandMember(Call& call) {
  if (call.argv.size() == 2) return ReplyPick(call);
  const IntegerRule rule{-INT64_MAX, INT64_MAX, errors::kNotInteger, errors::kCountRange};
  int64_t count = 0;
  if (!IntegerArg(call, call.argv[2], rule, &count)) return;
  const bool scores = call.argv.size() == 4 && Is(call.argv[3], "withscores");
  if (call.argv.size() > 3 && !scores) return call.reply.Error(errors::kSyntax);
  if (scores && (count < -INT64_MAX / 2 || count > INT64_MAX / 2))
    return call.reply.Error(errors::kOutOfRange);
  ZsetValue zset = ZsetOf(call, call.argv[1]);
  bool found = false;
  if (!OpenZset(call, &zset, &found)) return;
  if (!found || count == 0) return call.reply.ArrayHeader(0);
  ReplyPicks(call, &zset, static_cast<uint64_t>(count < 0 ? -count : count), count < 0, scores);
}

}  // namespace cairn
