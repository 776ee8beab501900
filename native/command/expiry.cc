#include "command/expiry.h"

#include "command/args.h"

namespace cairn {

bool ToWallMillis(int64_t amount, TimeForm form, uint64_t now_ms, int64_t* at_ms) {
  if (IsSeconds(form) && __builtin_mul_overflow(amount, int64_t{1000}, &amount)) return false;
  if (!IsAbsolute(form) && __builtin_add_overflow(amount, static_cast<int64_t>(now_ms), &amount)) {
    return false;
  }
  *at_ms = amount;
  return true;
}

bool PositiveTimeArg(Call& call, std::string_view arg, TimeForm form, std::string_view command,
                     uint64_t* at_ms) {
  int64_t amount;
  if (!IntegerArg(call, arg, &amount)) return false;
  int64_t at;
  if (amount <= 0 || !ToWallMillis(amount, form, call.txn.now_ms(), &at)) {
    return Refuse(call, errors::InvalidExpire(command));
  }
  *at_ms = static_cast<uint64_t>(at);
  return true;
}

}  // namespace cairn
