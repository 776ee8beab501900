// Bytes as digits, sixteen bytes to a line, as docs/format.md shows them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace cairn::testing {

inline std::string Hex(std::string_view bytes) {
  static const char* const kDigits = "0123456789abcdef";
  std::string out;
  for (size_t i = 0; i < bytes.size(); ++i) {
    if (i != 0 && i % 16 == 0) out += '\n';
    out += kDigits[static_cast<uint8_t>(bytes[i]) >> 4];
    out += kDigits[static_cast<uint8_t>(bytes[i]) & 15];
  }
  return out;
}

}  // namespace cairn::testing
