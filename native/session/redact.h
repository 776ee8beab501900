// Passwords are not for other eyes: what MONITOR and the slow log show instead.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "command/registry.h"

namespace cairn {

// argv with its passwords replaced, as Redis does. Points to argv, or to *copy where something had
// to be replaced.
std::span<const std::string_view> Redacted(const Command& command,
                                           std::span<const std::string_view> argv,
                                           std::vector<std::string_view>* copy);

}  // namespace cairn
