// What SHA-1 and SHA-256 have in common (FIPS 180-4): how a message is cut into blocks of
// big-endian words, and how a digest is written. For native/base/sha*.cc only. Pure.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "base/text.h"

namespace cairn {

inline constexpr size_t kDigestBlockBytes = 64;

inline uint32_t BigEndian32(const uint8_t* p) {
  return uint32_t{p[0]} << 24 | uint32_t{p[1]} << 16 | uint32_t{p[2]} << 8 | uint32_t{p[3]};
}

// state: as the function begins. add_block(block, state): works kDigestBlockBytes into it.
template <size_t Words, typename AddBlock>
std::array<uint8_t, 4 * Words> DigestOf(std::string_view bytes, uint32_t (&state)[Words],
                                        AddBlock add_block) {
  const auto* p = reinterpret_cast<const uint8_t*>(bytes.data());
  size_t left = bytes.size();
  for (; left >= kDigestBlockBytes; left -= kDigestBlockBytes, p += kDigestBlockBytes)
    add_block(p, state);
  // The rest, a one bit, zeros, and the length in bits: one block or two.
  uint8_t tail[2 * kDigestBlockBytes] = {};
  if (left != 0) std::memcpy(tail, p, left);
  tail[left] = 0x80;
  const size_t tail_bytes = left + 9 <= kDigestBlockBytes ? kDigestBlockBytes : sizeof(tail);
  const uint64_t bits = uint64_t{bytes.size()} * 8;
  for (size_t i = 0; i < 8; ++i) tail[tail_bytes - 1 - i] = static_cast<uint8_t>(bits >> (8 * i));
  for (size_t at = 0; at < tail_bytes; at += kDigestBlockBytes) add_block(tail + at, state);
  std::array<uint8_t, 4 * Words> digest;
  for (size_t i = 0; i < digest.size(); ++i)
    digest[i] = static_cast<uint8_t>(state[i / 4] >> (24 - 8 * (i % 4)));
  return digest;
}

template <size_t N>
std::array<char, 2 * N> HexOf(const std::array<uint8_t, N>& digest) {
  std::array<char, 2 * N> hex;
  for (size_t i = 0; i < N; ++i) {
    hex[2 * i] = kHexDigits[digest[i] >> 4];
    hex[2 * i + 1] = kHexDigits[digest[i] & 15];
  }
  return hex;
}

}  // namespace cairn
