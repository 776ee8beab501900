// Commands on times to live: EXPIRE and its forms, TTL and its forms, PERSIST. No value is read or
// rewritten.

#include "command/args.h"
#include "command/expiry.h"
#include "command/handlers.h"

namespace cairn {
namespace {

struct ExpireConditions {
  bool nx = false;
  bool xx = false;
  bool gt = false;
  bool lt = false;
};

bool ParseConditions(Call& call, ExpireConditions* conditions) {
  for (std::string_view arg : call.argv.subspan(3)) {
    if (Is(arg, "nx")) {
      conditions->nx = true;
    } else if (Is(arg, "xx")) {
      conditions->xx = true;
    } else if (Is(arg, "gt")) {
      conditions->gt = true;
    } else if (Is(arg, "lt")) {
      conditions->lt = true;
    } else {
      return Refuse(call, errors::UnsupportedOption(arg));
    }
  }
  if (conditions->nx && (conditions->xx || conditions->gt || conditions->lt)) {
    return Refuse(call, errors::kExpireNxWithOthers);
  }
  if (conditions->gt && conditions->lt) {
    return Refuse(call, errors::kExpireGtWithLt);
  }
  return true;
}

// `current` 0: no expiry, which counts as later than any time.
bool Allows(const ExpireConditions& conditions, uint64_t current, int64_t at_ms) {
  bool has = current != 0;
  auto now_set = static_cast<int64_t>(current);
  if (conditions.nx && has) return false;
  if (conditions.xx && !has) return false;
  if (conditions.gt && (!has || at_ms <= now_set)) return false;
  return !conditions.lt || !has || at_ms < now_set;
}

void SetExpiry(Call& call, TimeForm form, std::string_view command) {
  ExpireConditions conditions;
  if (!ParseConditions(call, &conditions)) return;
  int64_t amount;
  if (!IntegerArg(call, call.argv[2], &amount)) return;
  int64_t at_ms;
  if (!ToWallMillis(amount, form, call.txn.now_ms(), &at_ms)) {
    return call.reply.Error(errors::InvalidExpire(command));
  }
  std::string_view key = call.argv[1];
  KeyMeta meta = call.txn.Meta(key);
  if (!meta.found || !Allows(conditions, meta.expire_at_ms, at_ms)) return call.reply.Integer(0);
  const uint64_t expire_at_ms = at_ms <= 0 ? 1 : static_cast<uint64_t>(at_ms);
  call.txn.SetExpire(key, expire_at_ms);  // the past deletes
  call.txn.Notify(kNotifyGeneric, expire_at_ms <= call.txn.now_ms() ? "del" : "expire", key);
  call.reply.Integer(1);
}

inline constexpr int64_t kNoKey = -2;
inline constexpr int64_t kNoExpiry = -1;

void ReplyExpiry(Call& call, TimeForm form) {
  KeyMeta meta = call.txn.Meta(call.argv[1]);
  if (!meta.found) return call.reply.Integer(kNoKey);
  if (meta.expire_at_ms == 0) return call.reply.Integer(kNoExpiry);
  uint64_t time = meta.expire_at_ms;
  if (!IsAbsolute(form)) time = time > call.txn.now_ms() ? time - call.txn.now_ms() : 0;
  if (IsSeconds(form)) time = (time + 500) / 1000;
  call.reply.Integer(static_cast<int64_t>(time));
}

}  // namespace

void HandleExpire(Call& call) { SetExpiry(call, TimeForm::kSeconds, "expire"); }
void HandlePExpire(Call& call) { SetExpiry(call, TimeForm::kMillis, "pexpire"); }
void HandleExpireAt(Call& call) { SetExpiry(call, TimeForm::kAtSeconds, "expireat"); }
void HandlePExpireAt(Call& call) { SetExpiry(call, TimeForm::kAtMillis, "pexpireat"); }

void HandleTtl(Call& call) { ReplyExpiry(call, TimeForm::kSeconds); }
void HandlePTtl(Call& call) { ReplyExpiry(call, TimeForm::kMillis); }
void HandleExpireTime(Call& call) { ReplyExpiry(call, TimeForm::kAtSeconds); }
void HandlePExpireTime(Call& call) { ReplyExpiry(call, TimeForm::kAtMillis); }

void HandlePersist(Call& call) {
  KeyMeta meta = call.txn.Meta(call.argv[1]);
  bool had = meta.found && meta.expire_at_ms != 0;
  if (had) {
    call.txn.SetExpire(call.argv[1], 0);
    call.txn.Notify(kNotifyGeneric, "persist", call.argv[1]);
  }
  call.reply.Integer(had);
}

}  // namespace cairn
