// How Redis would hold a string: "int", "embstr" or "raw". Pure.
#pragma once

#include <string_view>

namespace cairn {

std::string_view StringEncoding(std::string_view value);

}  // namespace cairn
