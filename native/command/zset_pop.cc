#include "command/zset_pop.h"

#include <algorithm>
#include <utility>

#include "command/pop_args.h"
#include "command/zset_handlers.h"

namespace cairn {

using tree::Outcome;
using Element = ZsetValue::Element;
using Span = ZsetValue::Span;

namespace {

void ReplyPopHead(Call& call, std::string_view key, const PopRequest& request, uint64_t count) {
  if (request.with_key) {
    call.reply.ArrayHeader(request.nested ? 2 : 3);
    call.reply.Bulk(key);
  }
  if (request.nested) return call.reply.ArrayHeader(count);
  if (!request.with_key) call.reply.ArrayHeader(2 * count);
}

// As many as wanted, from an end; saves.
bool PopFrom(Call& call, ZsetValue* zset, const PopRequest& request) {
  uint64_t count = 0;
  if (!Done(call, *zset, zset->Count(&count))) return false;
  const uint64_t taken = std::min(count, request.count);
  const Span span{request.greatest ? count - taken : 0, taken};
  OutBuffer elements;
  ReplyWriter shown(&elements, call.reply.version());
  ZsetValue::Walk walk(span, request.greatest);
  const Outcome outcome = zset->Go(&walk, taken, [&](const Element& element) {
    if (request.nested) shown.ArrayHeader(2);
    shown.Bulk(element.member);
    shown.Double(element.score);
  });
  if (!Done(call, *zset, outcome) ||
      !RemoveSpan(call, zset, span, count, request.greatest ? "zpopmax" : "zpopmin"))
    return false;
  ReplyPopHead(call, zset->collection().key(), request, taken);
  call.reply.out().Append(&elements);
  return true;
}

}  // namespace

bool PopFirst(Call& call, std::span<const std::string_view> keys, const PopRequest& request,
              bool* popped) {
  *popped = false;
  for (std::string_view key : keys) {
    if (!call.txn.Awake(key)) continue;
    ZsetValue zset = ZsetOf(call, key);
    bool found = false;
    if (!OpenZset(call, &zset, &found)) return false;
    if (!found) continue;
    *popped = true;
    if (request.count == 0) return call.reply.ArrayHeader(0), true;
    return PopFrom(call, &zset, request);
  }
  return true;
}

bool MPopArgs(Call& call, size_t at, PopRequest* request, std::span<const std::string_view>* keys) {
  PopArgs args;
  if (!ReadPopArgs(call, at, "min", "max", &args)) return false;
  *keys = args.keys;
  request->greatest = !args.first;
  request->count = args.count;
  request->with_key = request->nested = true;
  return true;
}

namespace {

void Pop(Call& call, bool greatest) {
  const IntegerRule rule{0, INT64_MAX, errors::kNotPositive};
  PopRequest request;
  int64_t count = 1;
  request.greatest = greatest;
  if (call.argv.size() > 3) return call.reply.Error(errors::kSyntax);
  if (call.argv.size() == 3 && !IntegerArg(call, call.argv[2], rule, &count)) return;
  request.count = static_cast<uint64_t>(count);
  request.nested = call.argv.size() == 3 && call.reply.version() >= 3;
  bool popped = false;
  if (PopFirst(call, call.argv.subspan(1, 1), request, &popped) && !popped)
    call.reply.ArrayHeader(0);
}

}  // namespace

void HandleZPopMin(Call& call) { Pop(call, false); }
void HandleZPopMax(Call& call) { Pop(call, true); }

void HandleZMPop(Call& call) {
  PopRequest request;
  std::span<const std::string_view> keys;
  bool popped = false;
  if (MPopArgs(call, 1, &request, &keys) && PopFirst(call, keys, request, &popped) && !popped)
    call.reply.NullArray();
}

}  // namespace cairn
