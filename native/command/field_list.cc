#include "command/field_list.h"

namespace cairn {

bool FieldListArg(Call& call, size_t at, std::string_view not_positive,
                  std::span<const std::string_view>* names) {
  if (at + 1 >= call.argv.size() || !Is(call.argv[at], "fields"))
    return Refuse(call, errors::kNoFieldsWord);
  int64_t count = 0;
  if (!IntegerArg(call, call.argv[at + 1], {1, INT64_MAX, not_positive}, &count)) return false;
  if (static_cast<uint64_t>(count) != call.argv.size() - at - 2)
    return Refuse(call, errors::kNumFieldsMatch);
  *names = call.argv.subspan(at + 2);
  return true;
}

bool FieldTimeArg(Call& call, std::string_view arg, TimeForm form, std::string_view command,
                  uint64_t* due) {
  int64_t amount = 0;
  if (!IntegerArg(call, arg, &amount)) return false;
  if (amount < 0) return Refuse(call, errors::kFieldTimeNegative);
  int64_t at = 0;
  const uint64_t now_ms = call.txn.now_ms();
  if (!ToWallMillis(amount, form, now_ms, &at) || at > kFieldEndMax)
    return Refuse(call, errors::InvalidExpire(command));
  *due = static_cast<uint64_t>(at);
  return true;
}

}  // namespace cairn
