#include "lsm/fault.h"

#include <algorithm>

#include "base/text.h"

namespace cairn::lsm {

std::string Printable(std::string_view bytes, size_t bytes_max) {
  std::string text;
  for (const char c : bytes.substr(0, std::min(bytes.size(), bytes_max))) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte >= 0x20 && byte < 0x7f && byte != '\\') {
      text += c;
    } else {
      text += "\\x";
      text += kHexDigits[byte >> 4];
      text += kHexDigits[byte & 15];
    }
  }
  if (bytes.size() > bytes_max) text += "... (" + std::to_string(bytes.size()) + " bytes)";
  return text;
}

}  // namespace cairn::lsm
