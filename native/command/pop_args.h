// Arguments of commands that pop from the first of several keys that has something: LMPOP and
// BLMPOP, ZMPOP and BZMPOP.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "command/command.h"

namespace cairn {

struct PopArgs {
  std::span<const std::string_view> keys;
  bool first = true;  // from the first end, not the last
  uint64_t count = 1;
};

// numkeys key [key ...] <end> [COUNT count], the number of keys at argv[at]; there is an argument
// behind it. The names of the ends consist of lower-case letters. False: answered with an error.
bool ReadPopArgs(Call& call, size_t at, std::string_view first_end, std::string_view last_end,
                 PopArgs* args);

}  // namespace cairn
