// HSET and other commands that change named fields of a hash.

#include <cmath>

#include "command/handlers.h"
#include "command/hash_args.h"

namespace cairn {
namespace {

bool SetPairs(Call& call, std::string_view command, uint64_t* added) {
  if (call.argv.size() % 2 != 0) return Refuse(call, errors::WrongArity(command));
  HashValue hash = HashAt(call);
  if (!Ready(call, hash.OpenOrMake(), hash)) return false;
  *added = 0;
  for (size_t i = 2; i < call.argv.size(); i += 2) {
    bool existed;
    if (!Done(call, hash.Set(call.argv[i], call.argv[i + 1], &existed), hash)) return false;
    *added += !existed;
  }
  return SaveHash(call, &hash, (call.argv.size() - 2) / 2, "hset");
}

// Sets a field that keeps its end.
bool SetNumber(Call& call, HashValue* hash, std::string_view value, uint64_t due,
               std::string_view event) {
  bool existed;
  return Done(call, hash->Set(call.argv[2], value, &existed, due), *hash) &&
         SaveHash(call, hash, 1, event);
}

}  // namespace

void HandleHSet(Call& call) {
  uint64_t added;
  if (SetPairs(call, "hset", &added)) call.reply.Integer(static_cast<int64_t>(added));
}

void HandleHMSet(Call& call) {
  uint64_t added;
  if (SetPairs(call, "hmset", &added)) call.reply.Ok();
}

void HandleHSetNx(Call& call) {
  HashValue hash = HashAt(call);
  if (!Ready(call, hash.OpenOrMake(), hash)) return;
  bool found, existed;
  HashValue::Field field;
  if (!Done(call, hash.Get(call.argv[2], &found, &field), hash)) return;
  if (found) return call.reply.Integer(0);
  if (!Done(call, hash.Set(call.argv[2], call.argv[3], &existed), hash)) return;
  if (SaveHash(call, &hash, 1, "hset")) call.reply.Integer(1);
}

void HandleHDel(Call& call) {
  HashValue hash = HashAt(call);
  const Opened opened = hash.OpenToChange();
  if (!Ready(call, opened, hash)) return;
  if (opened == Opened::kMissing) return call.reply.Integer(0);
  const auto names = call.argv.subspan(2);
  if (!Done(call, hash.Want(names), hash)) return;
  uint64_t removed = 0;
  for (const std::string_view name : names) {
    bool existed;
    if (!Done(call, hash.Remove(name, &existed), hash)) return;
    removed += existed;
  }
  if (removed == 0) return call.reply.Integer(0);
  uint64_t left = 0;
  if (!Done(call, hash.CountAll(&left), hash)) return;
  if (!SaveHash(call, &hash, removed, "hdel")) return;
  if (left == 0) call.txn.Notify(kNotifyGeneric, "del", call.argv[1]);
  call.reply.Integer(static_cast<int64_t>(removed));
}

void HandleHIncrBy(Call& call) {
  int64_t step;
  if (!IntegerArg(call, call.argv[3], &step)) return;
  HashValue hash = HashAt(call);
  if (!Ready(call, hash.OpenOrMake(), hash)) return;
  bool found;
  HashValue::Field field;
  if (!Done(call, hash.Get(call.argv[2], &found, &field), hash)) return;
  int64_t number = 0;
  if (found && !IntegerArg(call, field.value, {.not_integer = errors::kHashNotInteger}, &number))
    return;
  if (__builtin_add_overflow(number, step, &number)) return call.reply.Error(errors::kOverflow);
  char digits[kInt64TextBytes];
  const std::string_view text(digits, FormatInt64(number, digits));
  if (SetNumber(call, &hash, text, found ? field.due : 0, "hincrby")) call.reply.Integer(number);
}

void HandleHIncrByFloat(Call& call) {
  long double step;
  if (!ParseLongDouble(call.argv[3], &step)) return call.reply.Error(errors::kNotFloat);
  if (std::isnan(step) || std::isinf(step)) return call.reply.Error(errors::kIsNanOrInfinity);
  HashValue hash = HashAt(call);
  if (!Ready(call, hash.OpenOrMake(), hash)) return;
  bool found;
  HashValue::Field field;
  if (!Done(call, hash.Get(call.argv[2], &found, &field), hash)) return;
  long double number = 0;
  if (found && !ParseLongDouble(field.value, &number))
    return call.reply.Error(errors::kHashNotFloat);
  number += step;
  if (std::isnan(number) || std::isinf(number)) return call.reply.Error(errors::kNanOrInfinity);
  char digits[kLongDoubleTextBytes];
  const std::string_view text(digits, FormatLongDouble(number, digits));
  if (SetNumber(call, &hash, text, found ? field.due : 0, "hincrbyfloat")) call.reply.Bulk(text);
}

}  // namespace cairn
