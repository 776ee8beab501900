// List commands that move an element from one list to another, or pop from the first of several:
// LMOVE, RPOPLPUSH, LMPOP.
#include "command/handlers.h"
#include "command/list_args.h"

namespace cairn {
namespace {

// Of one list: what goes at one end comes at the other.
bool Rotate(Call& call, ListChange* list, const MoveArgs& args) {
  std::string_view value;
  if (!list->Done((*list)->At(args.from_front ? 0 : list->count() - 1, &value))) return false;
  value = call.txn.Copy(value);
  call.reply.Bulk(value);
  if (args.from_front != args.to_front) {
    if (!list->Done((*list)->EraseOne(args.from_front ? 0 : list->count() - 1))) return false;
    if (!list->Done((*list)->Push(args.to_front, {&value, 1}))) return false;
    if (!list->Done((*list)->Shrunk())) return false;
  }
  if (!list->Write(1)) return false;
  list->Tell(PushEvent(args.to_front));
  list->Tell(PopEvent(args.from_front));
  return true;
}

}  // namespace

bool MoveElement(Call& call, const MoveArgs& args, bool* missing) {
  ListChange from(call, args.from);
  if (!from.Open()) return false;
  *missing = from.missing();
  if (*missing) return true;
  if (args.from == args.to) return Rotate(call, &from, args);
  ListChange to(call, args.to);
  if (!to.OpenOrMake()) return false;
  std::string_view value;
  if (!from.Done(from->At(args.from_front ? 0 : from.count() - 1, &value))) return false;
  call.reply.Bulk(value);
  if (!to.Done(to->Push(args.to_front, {&value, 1})) || !from.EraseAt(args.from_front, 1))
    return false;
  // One change, as Redis counts them.
  if (!to.Write(0) || !from.Write(1)) return false;
  to.Tell(PushEvent(args.to_front));
  from.Tell(PopEvent(args.from_front));
  return true;
}

bool PopFromFirst(Call& call, const PopArgs& args, bool* missing) {
  *missing = true;
  for (const std::string_view key : args.keys) {
    if (!call.txn.Awake(key)) continue;
    ListChange list(call, key);
    if (!list.Open()) return false;
    if (list.missing()) continue;
    *missing = false;
    const uint64_t popped = std::min(args.count, list.count());
    call.reply.ArrayHeader(2);
    call.reply.Bulk(key);
    call.reply.ArrayHeader(popped);
    if (!list.ReplyPopped(args.first, popped) || !list.EraseAt(args.first, popped)) return false;
    if (!list.Write(static_cast<int64_t>(popped))) return false;
    list.Tell(PopEvent(args.first));
    return true;
  }
  return true;
}

void HandleLMove(Call& call) {
  MoveArgs args{call.argv[1], call.argv[2]};
  bool missing = false;
  if (!EndArg(call, call.argv[3], &args.from_front) || !EndArg(call, call.argv[4], &args.to_front))
    return;
  if (MoveElement(call, args, &missing) && missing) call.reply.Null();
}

void HandleRPopLPush(Call& call) {
  bool missing = false;
  if (MoveElement(call, {call.argv[1], call.argv[2]}, &missing) && missing) call.reply.Null();
}

void HandleLMPop(Call& call) {
  PopArgs args;
  bool missing = false;
  if (!ReadPopArgs(call, 1, "left", "right", &args)) return;
  if (PopFromFirst(call, args, &missing) && missing) call.reply.NullArray();
}

}  // namespace cairn
