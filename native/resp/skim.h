// SkimCommand: finds the end of a whole command and its first argument (the key of most commands)
// without checking what it says. For prefetching only: the parser decides what a command is. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace cairn {

namespace skim {

constexpr uint32_t kDigitsMax = 9;

// A length line "<mark><digits>\r\n" at *at; moves *at behind it. False: not such a line, or not
// whole.
inline bool Length(const char** at, const char* end, char mark, uint32_t* value) {
  const char* p = *at;
  if (p >= end || *p != mark) return false;
  ++p;
  uint32_t number = 0, digits = 0;
  while (p < end && *p >= '0' && *p <= '9' && digits < kDigitsMax) {
    number = number * 10 + static_cast<uint32_t>(*p++ - '0');
    ++digits;
  }
  if (digits == 0 || end - p < 2) return false;
  *at = p + 2;
  *value = number;
  return true;
}

}  // namespace skim

// Returns the byte after the command at [data, end), or null if it is not a whole array of a few
// bulks. *key: its second bulk, or a null view.
inline const char* SkimCommand(const char* data, const char* end, std::string_view* key) {
  constexpr uint32_t kArgumentsMax = 8;
  uint32_t arguments = 0;
  if (!skim::Length(&data, end, '*', &arguments) || arguments == 0 || arguments > kArgumentsMax)
    return nullptr;
  for (uint32_t i = 0; i < arguments; ++i) {
    uint32_t bytes = 0;
    if (!skim::Length(&data, end, '$', &bytes)) return nullptr;
    if (static_cast<size_t>(end - data) < size_t{bytes} + 2) return nullptr;
    if (i == 1) *key = {data, bytes};
    data += size_t{bytes} + 2;
  }
  return data;
}

}  // namespace cairn
