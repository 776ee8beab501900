// List commands that wait until there is something: BLPOP, BRPOP, BLMOVE, BRPOPLPUSH, BLMPOP. What
// waiting means: txn/waiters.h.
#include "command/blocking.h"
#include "command/handlers.h"
#include "command/list_args.h"

namespace cairn {
namespace {

void PopOrWait(Call& call, bool front) {
  const auto keys = call.argv.subspan(1, call.argv.size() - 2);
  WaitTerms terms;
  if (!DeadlineArg(call, call.argv.back(), &terms.deadline_ms)) return;
  for (const std::string_view key : keys) {
    if (!call.txn.Awake(key)) continue;
    ListChange list(call, key);
    if (!list.Open()) return;
    if (list.missing()) continue;
    call.reply.ArrayHeader(2);
    call.reply.Bulk(key);
    if (!list.ReplyPopped(front, 1) || !list.EraseAt(front, 1) || !list.Write(1)) return;
    return list.Tell(PopEvent(front));
  }
  if (!call.txn.MayWait()) return call.reply.NullArray();
  call.txn.WaitFor(keys, terms);
}

void MoveOrWait(Call& call, const MoveArgs& args, std::string_view timeout) {
  WaitTerms terms;
  bool missing = false;
  if (!DeadlineArg(call, timeout, &terms.deadline_ms)) return;
  if (!call.txn.Awake(args.from)) return call.txn.WaitFor({&args.from, 1}, terms);
  // In the pass of somebody who writes to the other list.
  if (!call.txn.NeedLatch(ShardOf(args.to))) return;
  if (!MoveElement(call, args, &missing) || !missing) return;
  if (!call.txn.MayWait()) return call.reply.Null();
  call.txn.WaitFor({&args.from, 1}, terms);
}

}  // namespace

void HandleBLPop(Call& call) { PopOrWait(call, true); }
void HandleBRPop(Call& call) { PopOrWait(call, false); }

void HandleBLMove(Call& call) {
  MoveArgs args{call.argv[1], call.argv[2]};
  if (!EndArg(call, call.argv[3], &args.from_front) || !EndArg(call, call.argv[4], &args.to_front))
    return;
  MoveOrWait(call, args, call.argv[5]);
}

void HandleBRPopLPush(Call& call) { MoveOrWait(call, {call.argv[1], call.argv[2]}, call.argv[3]); }

void HandleBLMPop(Call& call) {
  WaitTerms terms;
  PopArgs args;
  bool missing = false;
  if (!ReadPopArgs(call, 2, "left", "right", &args) ||
      !DeadlineArg(call, call.argv[1], &terms.deadline_ms))
    return;
  if (!PopFromFirst(call, args, &missing) || !missing) return;
  if (!call.txn.MayWait()) return call.reply.NullArray();
  call.txn.WaitFor(args.keys, terms);
}

}  // namespace cairn
