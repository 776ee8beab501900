// Shared by the commands that address single bits. Reactor thread, inside a handler.
#pragma once

#include <cstdint>
#include <string_view>

#include "command/command.h"

namespace cairn {

// A bit offset below 8 * proto-max-bulk-len. field_bits != 0: "#n" means the n-th field of that
// width. Answers the client when it returns false.
bool BitOffsetArg(Call& call, std::string_view arg, uint32_t field_bits, uint64_t* offset);

// A copy of `value`, extended with zeros to `bytes` (at least its size), that lives until Commit.
// Null: too long for a value, answered.
char* CopyAndGrow(Call& call, std::string_view value, uint64_t bytes);

}  // namespace cairn
