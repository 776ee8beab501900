// What commands on sorted sets have in common: ranges as clients write them, opening a sorted set,
// elements as replies. Those that return bool and take a Call answer the client themselves when
// they return false, or the pass is pending.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "collection/zset.h"
#include "command/collection_args.h"
#include "resp/zset_errors.h"

namespace cairn {

// "5", "(5", "-inf": as strtod reads them, which takes leading blanks, and nothing at all for 0.
bool ScoreRangeArgs(Call& call, std::string_view min, std::string_view max, ScoreRange* range);
// "[a", "(a", "-", "+".
bool LexRangeArgs(Call& call, std::string_view min, std::string_view max, LexRange* range);
// A score or a weight.
bool FloatArg(Call& call, std::string_view arg, std::string_view error, double* out);

// Both ends inclusive; negative ones count from the end.
ZsetValue::Span RankSpan(int64_t start, int64_t end, uint64_t count);

inline ZsetValue ZsetOf(Call& call, std::string_view key) {
  return ZsetValue(&call.txn, key, &call.server.thresholds);
}

// True: *found tells whether there is one.
inline bool OpenZset(Call& call, ZsetValue* zset, bool* found) {
  const Opened opened = zset->Open();
  *found = opened == Opened::kFound;
  return Ready(call, opened, zset->status());
}
// The same for a command that writes elsewhere: counted as a hit or a miss, whatever the type.
inline bool OpenZsetCounted(Call& call, ZsetValue* zset, bool* found) {
  const Opened opened = zset->Open();
  *found = opened == Opened::kFound;
  call.txn.CountRead(opened != Opened::kMissing, zset->collection().key());
  return Ready(call, opened, zset->status());
}
// True: the operation is done. False: it waits, or is refused.
inline bool Done(Call& call, const ZsetValue& zset, tree::Outcome outcome) {
  return Done(call, outcome, zset.status());
}

// Replies with a list of what show(score) or missing() say of each member, argv[2] and on.
template <typename Show, typename Missing>
void ReplyMembers(Call& call, Show&& show, Missing&& missing) {
  ZsetValue zset = ZsetOf(call, call.argv[1]);
  bool there = false;
  if (!OpenZset(call, &zset, &there)) return;
  const std::span<const std::string_view> members = call.argv.subspan(2);
  const size_t mark = call.reply.out().size();
  call.reply.ArrayHeader(members.size());
  for (std::string_view member : members) {
    bool found = false;
    double score = 0;
    const tree::Outcome outcome = there ? zset.Find(member, &found, &score) : tree::Outcome::kDone;
    if (outcome == tree::Outcome::kFailed) {
      call.reply.out().Truncate(mark);
      return (void)Done(call, zset, outcome);
    }
    // One that waits notes what it waits for, and so do those behind it.
    found ? show(score) : missing();
  }
}

// Written, with what Redis counts as changes, and told as `event`, and "del" if nothing is left.
bool SaveZset(Call& call, ZsetValue* zset, uint64_t changes, std::string_view event);
// Removes a part of the elements, or the key with all of them, and saves.
bool RemoveSpan(Call& call, ZsetValue* zset, const ZsetValue::Span& span, uint64_t count,
                std::string_view event);
// In the place of a key, whatever it holds: these elements, in order; of none: nothing.
bool StoreZset(Call& call, std::string_view key, std::span<const ZsetValue::Element> elements,
               std::string_view event);

// An element of a list that holds so many of them: in RESP3 a pair of its own if it has a score.
inline void ReplyElements(ReplyWriter& reply, uint64_t count, bool scores) {
  reply.ArrayHeader(scores && reply.version() < 3 ? 2 * count : count);
}
inline void ReplyElement(ReplyWriter& reply, const ZsetValue::Element& element, bool scores) {
  if (scores && reply.version() >= 3) reply.ArrayHeader(2);
  reply.Bulk(element.member);
  if (scores) reply.Double(element.score);
}

// Commands on as many elements as this run in one pass; those on more keep others waiting no longer
// than this takes, if they only read.
inline constexpr uint64_t kElementsAtOnce = 16 * 1024;

// Replies with the elements of a span.
void ReplySpan(Call& call, ZsetValue* zset, const ZsetValue::Span& span, bool backwards,
               bool scores);

}  // namespace cairn
