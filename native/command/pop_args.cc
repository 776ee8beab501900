#include "command/pop_args.h"

#include "command/args.h"

namespace cairn {

bool ReadPopArgs(Call& call, size_t at, std::string_view first_end, std::string_view last_end,
                 PopArgs* args) {
  const IntegerRule keys_rule{1, INT64_MAX, errors::kNumkeys};
  const IntegerRule count_rule{1, INT64_MAX, errors::kCountPositive};
  const auto argv = call.argv;
  int64_t keys = 0;
  if (!IntegerArg(call, argv[at], keys_rule, &keys)) return false;
  const size_t behind = argv.size() - at - 1;
  if (static_cast<uint64_t>(keys) >= behind) return Refuse(call, errors::kSyntax);
  args->keys = argv.subspan(at + 1, static_cast<size_t>(keys));
  size_t next = at + 1 + args->keys.size();
  args->first = Is(argv[next], first_end);
  if (!args->first && !Is(argv[next], last_end)) return Refuse(call, errors::kSyntax);
  bool counted = false;
  while (++next < argv.size()) {
    if (counted || !Is(argv[next], "count") || next + 1 == argv.size())
      return Refuse(call, errors::kSyntax);
    int64_t count = 0;
    if (!IntegerArg(call, argv[++next], count_rule, &count)) return false;
    args->count = static_cast<uint64_t>(count);
    counted = true;
  }
  return true;
}

}  // namespace cairn
