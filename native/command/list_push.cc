// List commands at the ends of a list, of one key: LPUSH, RPUSH, LPUSHX, RPUSHX, LPOP, RPOP, LLEN.
#include "command/handlers.h"
#include "command/list_args.h"

namespace cairn {
namespace {

void Push(Call& call, bool front, bool only_existing) {
  ListChange list(call, call.argv[1]);
  if (!(only_existing ? list.Open() : list.OpenOrMake())) return;
  if (list.missing()) return call.reply.Integer(0);
  const auto values = call.argv.subspan(2);
  if (!list.Done(list->Push(front, values))) return;
  if (!list.Write(static_cast<int64_t>(values.size()))) return;
  list.Tell(PushEvent(front));
  call.reply.Integer(static_cast<int64_t>(list.count()));
}

void Pop(Call& call, bool front, std::string_view name) {
  if (call.argv.size() > 3) return call.reply.Error(errors::WrongArity(name));
  const bool counted = call.argv.size() == 3;
  const IntegerRule rule{0, INT64_MAX, errors::kNotPositive, errors::kNotPositive};
  int64_t count = 1;
  if (counted && !IntegerArg(call, call.argv[2], rule, &count)) return;
  ListChange list(call, call.argv[1]);
  if (!list.Open()) return;
  if (list.missing()) return counted ? call.reply.NullArray() : call.reply.Null();
  if (count == 0) return call.reply.ArrayHeader(0);
  const uint64_t popped = std::min(static_cast<uint64_t>(count), list.count());
  if (counted) call.reply.ArrayHeader(popped);
  if (!list.ReplyPopped(front, popped) || !list.EraseAt(front, popped)) return;
  if (list.Write(static_cast<int64_t>(popped))) list.Tell(PopEvent(front));
}

}  // namespace

void HandleLPush(Call& call) { Push(call, true, false); }
void HandleRPush(Call& call) { Push(call, false, false); }
void HandleLPushX(Call& call) { Push(call, true, true); }
void HandleRPushX(Call& call) { Push(call, false, true); }
void HandleLPop(Call& call) { Pop(call, true, "lpop"); }
void HandleRPop(Call& call) { Pop(call, false, "rpop"); }

void HandleLLen(Call& call) {
  ListChange list(call, call.argv[1]);
  if (!list.Open()) return;
  call.reply.Integer(list.missing() ? 0 : static_cast<int64_t>(list.count()));
}

}  // namespace cairn
