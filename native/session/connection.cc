#include "session/connection.h"

namespace cairn {

Owner Connection::PinArguments(std::span<const std::string_view> argv) {
  size_t bytes = 0;
  for (std::string_view argument : argv) bytes += argument.size();
  if (CAIRN_LIKELY(bytes < kLargeUnitBytes)) return nullptr;
  // Not with much more memory than the arguments need.
  if (2 * bytes < in.held()) return nullptr;
  const char* const begin = in.data();
  const char* const end = begin + in.size();
  for (const std::string_view argument : argv) {  // some may stand elsewhere: unquoted, inline
    if (argument.data() < begin || argument.data() + argument.size() > end) return nullptr;
  }
  return in.Pin();
}

}  // namespace cairn
