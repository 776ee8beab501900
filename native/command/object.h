// What Redis calls types, and ways to hold them. Pure.
#pragma once

#include <string_view>

#include "engine/read.h"

namespace cairn {

inline constexpr std::string_view kUnknownType = "unknown";
std::string_view TypeName(ValueType type);
// "int", "embstr" or "raw".
std::string_view StringEncoding(std::string_view value);

}  // namespace cairn
