// Sorted set commands that wait until there is something: BZPOPMIN, BZPOPMAX, BZMPOP. What waiting
// means: txn/waiters.h.
#include "command/blocking.h"
#include "command/zset_handlers.h"
#include "command/zset_pop.h"

namespace cairn {
namespace {

void PopOrWait(Call& call, std::span<const std::string_view> keys, const PopRequest& request,
               std::string_view timeout) {
  WaitTerms terms;
  terms.type = ValueType::kZset;
  bool popped = false;
  if (!DeadlineArg(call, timeout, &terms.deadline_ms)) return;
  if (!PopFirst(call, keys, request, &popped) || popped) return;
  if (!call.txn.MayWait()) return call.reply.NullArray();
  call.txn.WaitFor(keys, terms);
}

void PopOne(Call& call, bool greatest) {
  PopRequest request;
  request.greatest = greatest;
  request.with_key = true;
  PopOrWait(call, call.argv.subspan(1, call.argv.size() - 2), request, call.argv.back());
}

}  // namespace

void HandleBZPopMin(Call& call) { PopOne(call, false); }
void HandleBZPopMax(Call& call) { PopOne(call, true); }

void HandleBZMPop(Call& call) {
  PopRequest request;
  std::span<const std::string_view> keys;
  if (MPopArgs(call, 2, &request, &keys)) PopOrWait(call, keys, request, call.argv[1]);
}

}  // namespace cairn
