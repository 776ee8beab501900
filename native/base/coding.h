// Integers as bytes, for what lies on disk. Keys are big-endian, so that their order in bytes is
// their order as numbers; everything else is little-endian. Variable-length integers have 7 bits to
// a byte, the lowest first, bit 7 set in all but the last; there is one encoding per number. Pure.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

namespace cairn {

static_assert(std::endian::native == std::endian::little);

inline void PutBig32(char* to, uint32_t value) {
  value = __builtin_bswap32(value);
  std::memcpy(to, &value, sizeof(value));
}
inline void PutBig64(char* to, uint64_t value) {
  value = __builtin_bswap64(value);
  std::memcpy(to, &value, sizeof(value));
}
inline uint32_t Big32(const char* from) {
  uint32_t value;
  std::memcpy(&value, from, sizeof(value));
  return __builtin_bswap32(value);
}
inline uint64_t Big64(const char* from) {
  uint64_t value;
  std::memcpy(&value, from, sizeof(value));
  return __builtin_bswap64(value);
}

inline void AppendLittle32(std::string* to, uint32_t value) {
  to->append(reinterpret_cast<const char*>(&value), sizeof(value));
}
inline void PutLittle64(char* to, uint64_t value) { std::memcpy(to, &value, sizeof(value)); }
inline void AppendLittle64(std::string* to, uint64_t value) {
  to->append(reinterpret_cast<const char*>(&value), sizeof(value));
}
inline uint32_t Little32(const char* from) {
  uint32_t value;
  std::memcpy(&value, from, sizeof(value));
  return value;
}
inline uint64_t Little64(const char* from) {
  uint64_t value;
  std::memcpy(&value, from, sizeof(value));
  return value;
}

inline constexpr size_t kVarintBytesMax = 10;

inline size_t VarintBytes(uint64_t value) {
  size_t bytes = 1;
  for (; value >= 0x80; value >>= 7) ++bytes;
  return bytes;
}
// Behind what it wrote, at most kVarintBytesMax.
inline char* PutVarint(char* to, uint64_t value) {
  for (; value >= 0x80; value >>= 7) *to++ = static_cast<char>(value | 0x80);
  *to++ = static_cast<char>(value);
  return to;
}
inline void AppendVarint(std::string* to, uint64_t value) {
  for (; value >= 0x80; value >>= 7) to->push_back(static_cast<char>(value | 0x80));
  to->push_back(static_cast<char>(value));
}

// Takes one off the front of *from. False, and *from is as it was: it is cut off, does not fit into
// 64 bits, or is longer than it has to be.
inline bool TakeVarint(std::string_view* from, uint64_t* value) {
  uint64_t result = 0;
  for (size_t i = 0; i < kVarintBytesMax && i < from->size(); ++i) {
    const auto byte = static_cast<uint8_t>((*from)[i]);
    if (i == kVarintBytesMax - 1 && byte > 1) return false;
    result |= uint64_t{byte & 0x7fu} << (7 * i);
    if (byte >= 0x80) continue;
    if (byte == 0 && i > 0) return false;
    *value = result;
    from->remove_prefix(i + 1);
    return true;
  }
  return false;
}

}  // namespace cairn
