// Small things about text. Pure.
#pragma once

#include <strings.h>

#include <string_view>

namespace cairn {

// ASCII letters count as the same in both cases; every other byte only as itself.
inline bool EqualsIgnoreCase(std::string_view a, std::string_view b) {
  return a.size() == b.size() && strncasecmp(a.data(), b.data(), a.size()) == 0;
}

inline constexpr char kHexDigits[] = "0123456789abcdef";

// Of an ASCII letter; every other byte stays.
inline char ToLower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; }

}  // namespace cairn
