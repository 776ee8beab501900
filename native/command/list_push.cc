// List commands at the ends of a list, of one key: LPUSH, RPUSH, LPUSHX, RPUSHX, LPOP, RPOP, LLEN.
#include <algorithm>

#include "command/handlers.h"
#include "command/list_args.h"
#include "command/many_changes.h"

namespace cairn {
namespace {

// Of many, so many at a time.
constexpr size_t kPushedAtOnce = 256;

bool PushInPieces(Call& call, ListChange* list, bool front, ManyChanges* many) {
  const auto values = call.argv.subspan(2);
  const auto push = [&](size_t i) {
    const size_t first = i * kPushedAtOnce;
    const size_t count = std::min(kPushedAtOnce, values.size() - first);
    call.txn.Charge(static_cast<uint32_t>(count - 1) * ManyChanges::kCost);
    return (*list)->Push(front, values.subspan(first, count));
  };
  if (many->done == 0) (*list)->Expect(values);
  const size_t pieces = (values.size() + kPushedAtOnce - 1) / kPushedAtOnce;
  return many->ChangeEach(call, &(*list)->collection(), (*list)->status(), pieces, push);
}

void Push(Call& call, bool front, bool only_existing) {
  const auto values = call.argv.subspan(2);
  ListChange list(call, call.argv[1]);
  ManyChanges local;
  ManyChanges* const many = ManyChanges::For(call, values.size(), &local);
  many->GoOnWith(call, &list->collection());
  if (!(only_existing ? list.Open() : list.OpenOrMake())) return;
  if (list.missing()) return call.reply.Integer(0);
  if (many->sliced()) {
    if (!PushInPieces(call, &list, front, many)) return;
  } else if (!list.Done(list->Push(front, values))) {
    return;
  }
  if (!list.Write(static_cast<int64_t>(values.size()))) return;
  list.Tell(PushEvent(front));
  call.reply.Integer(static_cast<int64_t>(list.count()));
  many->KeepUntilCommit(&list->collection());
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
