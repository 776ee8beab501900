// Versions that clients see.
#pragma once

#include <string_view>

namespace cairn {

// The Redis version whose commands and replies this server follows.
inline constexpr std::string_view kRedisVersion = "7.2.4";

}  // namespace cairn
