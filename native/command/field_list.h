// FIELDS numfields field [field ...], and times of fields. For native/command only.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "command/args.h"
#include "command/expiry.h"

namespace cairn {

// The latest end that Redis takes for a field, in ms since 1970.
inline constexpr int64_t kFieldEndMax = 0x3fffffffffff;

// From argv[at] on, up to the end. False: answered.
bool FieldListArg(Call& call, size_t at, std::string_view not_positive,
                  std::span<const std::string_view>* names);
// When a field is to end, which may be past.
bool FieldTimeArg(Call& call, std::string_view arg, TimeForm form, std::string_view command,
                  uint64_t* due);

}  // namespace cairn
