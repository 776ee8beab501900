// Bounds that every engine keeps, and whoever talks to one may rely on.
#pragma once

#include <cstdint>

namespace cairn {

inline constexpr uint32_t kDatabasesMax = 16384;
inline constexpr uint32_t kReactorsMax = 64;
inline constexpr uint64_t kKeyBytesMax = 512ull << 20;
inline constexpr uint64_t kValueBytesMax = 512ull << 20;

}  // namespace cairn
