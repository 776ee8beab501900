// HSET and other commands that change named fields of a hash.

#include <cmath>
#include <vector>

#include "command/handlers.h"
#include "command/hash_args.h"
#include "command/many_changes.h"

namespace cairn {
namespace {

using tree::Outcome;

// Of some words, every `step`-th of which is a field.
void WantNames(HashValue* hash, std::span<const std::string_view> words, size_t step) {
  std::vector<std::string_view> names;
  for (size_t i = 0; i < words.size() && names.size() < ManyChanges::kAhead; i += step)
    names.push_back(words[i]);
  (void)hash->Want(names);  // what is damaged is met again
}

bool SetPairs(Call& call, std::string_view command, uint64_t* added) {
  if (call.argv.size() % 2 != 0) return Refuse(call, errors::WrongArity(command));
  const auto words = call.argv.subspan(2);
  HashValue hash = HashAt(call);
  ManyChanges local;
  ManyChanges* const many = ManyChanges::For(call, words.size() / 2, &local);
  many->GoOnWith(call, &hash.collection());
  if (!Ready(call, hash.OpenOrMake(), hash)) return false;
  const auto set = [&](size_t i) {
    bool existed = false;
    const Outcome outcome = hash.Set(words[2 * i], words[2 * i + 1], &existed);
    // What those behind it will read is fetched along with that.
    if (outcome == Outcome::kWait) WantNames(&hash, words.subspan(2 * i), 2);
    many->added += outcome == Outcome::kDone && !existed;
    return outcome;
  };
  if (!many->ChangeEach(call, &hash.collection(), hash.status(), words.size() / 2, set))
    return false;
  *added = many->added;
  if (!SaveHash(call, &hash, words.size() / 2, "hset")) return false;
  many->KeepUntilCommit(&hash.collection());
  return true;
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
  const auto names = call.argv.subspan(2);
  HashValue hash = HashAt(call);
  ManyChanges local;
  ManyChanges* const many = ManyChanges::For(call, names.size(), &local);
  many->GoOnWith(call, &hash.collection());
  const Opened opened = hash.OpenToChange();
  if (!Ready(call, opened, hash)) return;
  if (opened == Opened::kMissing) return call.reply.Integer(0);
  const auto remove = [&](size_t i) {
    bool existed = false;
    Outcome outcome = hash.Want(many->Ahead(names, i));
    if (outcome == Outcome::kDone) outcome = hash.Remove(names[i], &existed);
    many->added += outcome == Outcome::kDone && existed;
    return outcome;
  };
  if (!many->ChangeEach(call, &hash.collection(), hash.status(), names.size(), remove)) return;
  const uint64_t removed = many->added;
  if (removed == 0) return call.reply.Integer(0);
  uint64_t left = 0;
  if (!Done(call, hash.CountAll(&left), hash)) return;
  if (!SaveHash(call, &hash, removed, "hdel")) return;
  if (left == 0) call.txn.Notify(kNotifyGeneric, "del", call.argv[1]);
  call.reply.Integer(static_cast<int64_t>(removed));
  many->KeepUntilCommit(&hash.collection());
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
