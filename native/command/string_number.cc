// INCR and its kin, and INCRBYFLOAT.

#include <cmath>

#include "command/args.h"
#include "command/handlers.h"

namespace cairn {
namespace {

void AddInteger(Call& call, int64_t step) {
  std::string_view key = call.argv[1];
  std::string_view text;
  KeyMeta meta;
  if (!ReadString(call, key, &text, &meta)) return;
  int64_t number = 0;
  if (meta.found && !IntegerArg(call, text, &number)) return;
  if (__builtin_add_overflow(number, step, &number)) return call.reply.Error(errors::kOverflow);
  char* made = call.txn.Alloc(kInt64TextBytes);
  size_t bytes = FormatInt64(number, made);
  call.txn.Put(key, {made, bytes}, meta.found ? meta.expire_at_ms : 0);
  call.txn.Notify(kNotifyString, "incrby", key);
  call.reply.Integer(number);
}

}  // namespace

void HandleIncr(Call& call) { AddInteger(call, 1); }

void HandleDecr(Call& call) { AddInteger(call, -1); }

void HandleIncrBy(Call& call) {
  int64_t step;
  if (IntegerArg(call, call.argv[2], &step)) AddInteger(call, step);
}

void HandleDecrBy(Call& call) {
  int64_t step;
  if (!IntegerArg(call, call.argv[2], &step)) return;
  if (step == INT64_MIN) return call.reply.Error(errors::kDecrementOverflow);
  AddInteger(call, -step);
}

void HandleIncrByFloat(Call& call) {
  std::string_view key = call.argv[1];
  std::string_view text;
  KeyMeta meta;
  if (!ReadString(call, key, &text, &meta)) return;
  long double number = 0;
  long double step;
  if ((meta.found && !ParseLongDouble(text, &number)) || !ParseLongDouble(call.argv[2], &step)) {
    return call.reply.Error(errors::kNotFloat);
  }
  number += step;
  if (std::isnan(number) || std::isinf(number)) return call.reply.Error(errors::kNanOrInfinity);
  char digits[kLongDoubleTextBytes];
  size_t bytes = FormatLongDouble(number, digits);
  std::string_view made = call.txn.Copy({digits, bytes});
  call.txn.Put(key, made, meta.found ? meta.expire_at_ms : 0);
  call.txn.Notify(kNotifyString, "incrbyfloat", key);
  call.reply.Bulk(made);
}

}  // namespace cairn
