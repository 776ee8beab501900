// SHA-1 (FIPS 180-4): the name of a script, never a proof of anything. Pure.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace cairn {

inline constexpr size_t kSha1HexBytes = 40;

std::array<uint8_t, 20> Sha1(std::string_view bytes);
// 40 lower-case digits; no NUL is added.
std::array<char, kSha1HexBytes> Sha1Hex(std::string_view bytes);

}  // namespace cairn
