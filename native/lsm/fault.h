// FormatFault: what is wrong with bytes that were read, and where. Pure; texts are static, so that
// finding a fault costs nothing and can be done for every key of a compaction.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace cairn::lsm {

struct [[nodiscard]] FormatFault {
  const char* what = nullptr;  // null: nothing is wrong
  size_t offset = 0;           // of the first byte that is wrong, in what was looked at

  explicit operator bool() const { return what != nullptr; }
  std::string Text() const { return std::string(what) + " at byte " + std::to_string(offset); }
};

// Bytes as a text for operators: printable ASCII as it is, all else as \xNN; at most `bytes_max`
// of them, then "... (N bytes)".
std::string Printable(std::string_view bytes, size_t bytes_max);

}  // namespace cairn::lsm
