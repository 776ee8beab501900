// SHA-256 (FIPS 180-4): passwords of users are kept as this. Pure.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace cairn {

inline constexpr size_t kSha256HexBytes = 64;

std::array<uint8_t, 32> Sha256(std::string_view bytes);
// 64 lower-case digits; no NUL is added.
std::array<char, kSha256HexBytes> Sha256Hex(std::string_view bytes);

}  // namespace cairn
