// SET and its kin: commands that put a whole value.

#include "command/args.h"
#include "command/expiry.h"
#include "command/handlers.h"

namespace cairn {
namespace {

enum class Condition : uint8_t { kAlways, kIfMissing, kIfPresent };

struct SetOptions {
  Condition condition = Condition::kAlways;
  bool get = false;
  bool keep_ttl = false;
  TimeForm form = TimeForm::kNone;
  std::string_view amount;
};

TimeForm TimeFormOf(std::string_view arg) {
  if (Is(arg, "ex")) return TimeForm::kSeconds;
  if (Is(arg, "px")) return TimeForm::kMillis;
  if (Is(arg, "exat")) return TimeForm::kAtSeconds;
  if (Is(arg, "pxat")) return TimeForm::kAtMillis;
  return TimeForm::kNone;
}

// Takes a time option and its amount; the same option may come again, another one may not.
bool TakeTime(std::span<const std::string_view> argv, size_t* at, TimeForm* form,
              std::string_view* amount) {
  TimeForm given = TimeFormOf(argv[*at]);
  if (given == TimeForm::kNone || *at + 1 == argv.size()) return false;
  if (*form != TimeForm::kNone && *form != given) return false;
  *form = given;
  *amount = argv[++*at];
  return true;
}

bool TakeCondition(std::string_view arg, Condition* condition) {
  Condition given = Is(arg, "nx")   ? Condition::kIfMissing
                    : Is(arg, "xx") ? Condition::kIfPresent
                                    : Condition::kAlways;
  if (given == Condition::kAlways) return false;
  if (*condition != Condition::kAlways && *condition != given) return false;
  *condition = given;
  return true;
}

bool ParseSetOptions(std::span<const std::string_view> argv, SetOptions* options) {
  for (size_t i = 3; i < argv.size(); ++i) {
    if (TakeCondition(argv[i], &options->condition)) continue;
    if (Is(argv[i], "get")) {
      options->get = true;
    } else if (Is(argv[i], "keepttl") && options->form == TimeForm::kNone) {
      options->keep_ttl = true;
    } else if (options->keep_ttl || !TakeTime(argv, &i, &options->form, &options->amount)) {
      return false;
    }
  }
  return true;
}

// A value that is expired from the start leaves no key; those who are told hear of both.
void PutUntil(Call& call, std::string_view key, std::string_view value, uint64_t expire_at_ms,
              bool expires) {
  const bool expired = expire_at_ms != 0 && expire_at_ms <= call.txn.now_ms();
  if (!expired) {
    call.txn.Put(key, value, expire_at_ms);
  } else if (!call.txn.Delete(key)) {
    call.txn.Notify(kNotifyNew, "new", key);
  }
  call.txn.Notify(kNotifyString, "set", key);
  if (expires) call.txn.Notify(kNotifyGeneric, "expire", key);
  if (expired) call.txn.Notify(kNotifyExpired, "expired", key);
}

void SetWithOptions(Call& call) {
  SetOptions options;
  if (!ParseSetOptions(call.argv, &options)) return call.reply.Error(errors::kSyntax);
  uint64_t expire_at_ms = 0;
  if (options.form != TimeForm::kNone &&
      !PositiveTimeArg(call, options.amount, options.form, "set", &expire_at_ms)) {
    return;
  }
  std::string_view key = call.argv[1];
  KeyMeta meta;
  if (options.get) {
    std::string_view old;
    if (!ReadStringCounted(call, key, &old, &meta)) return;
    meta.found ? call.reply.Bulk(old) : call.reply.Null();
  } else if (options.condition != Condition::kAlways || options.keep_ttl) {
    meta = call.txn.Meta(key);
  }
  if (options.condition != Condition::kAlways &&
      meta.found != (options.condition == Condition::kIfPresent)) {
    if (!options.get) call.reply.Null();
    return;
  }
  if (options.keep_ttl && meta.found) expire_at_ms = meta.expire_at_ms;
  PutUntil(call, key, call.argv[2], expire_at_ms, options.form != TimeForm::kNone);
  if (!options.get) call.reply.Ok();
}

// SET key value
void Store(Call& call) {
  call.txn.Put(call.argv[1], call.argv[2], 0);
  call.txn.Notify(kNotifyString, "set", call.argv[1]);
}

void SetWithTime(Call& call, TimeForm form, std::string_view command) {
  uint64_t expire_at_ms;
  if (!PositiveTimeArg(call, call.argv[2], form, command, &expire_at_ms)) return;
  PutUntil(call, call.argv[1], call.argv[3], expire_at_ms, true);
  call.reply.Ok();
}

}  // namespace

void HandleSet(Call& call) {
  if (CAIRN_UNLIKELY(call.argv.size() > 3)) return SetWithOptions(call);
  Store(call);
  call.reply.Ok();
}

void HandleSetNx(Call& call) {
  if (call.txn.Exists(call.argv[1])) return call.reply.Integer(0);
  Store(call);
  call.reply.Integer(1);
}

void HandleSetEx(Call& call) { SetWithTime(call, TimeForm::kSeconds, "setex"); }

void HandlePSetEx(Call& call) { SetWithTime(call, TimeForm::kMillis, "psetex"); }

void HandleGetSet(Call& call) {
  std::string_view old;
  KeyMeta meta;
  if (!ReadStringCounted(call, call.argv[1], &old, &meta)) return;
  meta.found ? call.reply.Bulk(old) : call.reply.Null();
  Store(call);
}

void HandleGetEx(Call& call) {
  bool persist = false;
  TimeForm form = TimeForm::kNone;
  std::string_view amount;
  for (size_t i = 2; i < call.argv.size(); ++i) {
    if (Is(call.argv[i], "persist") && form == TimeForm::kNone) {
      persist = true;
    } else if (persist || !TakeTime(call.argv, &i, &form, &amount)) {
      return call.reply.Error(errors::kSyntax);
    }
  }
  std::string_view key = call.argv[1];
  std::string_view value;
  KeyMeta meta;
  if (!ReadStringCounted(call, key, &value, &meta)) return;
  if (!meta.found) return call.reply.Null();
  uint64_t expire_at_ms = 0;
  if (form != TimeForm::kNone && !PositiveTimeArg(call, amount, form, "getex", &expire_at_ms))
    return;
  call.reply.Bulk(value);
  if (form == TimeForm::kNone && (!persist || meta.expire_at_ms == 0)) return;
  call.txn.SetExpire(key, expire_at_ms);
  const bool past = expire_at_ms != 0 && expire_at_ms <= call.txn.now_ms();
  call.txn.Notify(kNotifyGeneric, past ? "del" : persist ? "persist" : "expire", key);
}

}  // namespace cairn
