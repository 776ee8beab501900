// Integers as bytes of pages and deltas, beside those of base/coding.h: of 16 and 48 bits,
// little-endian; and who takes them from the front of some bytes. Pure.
#pragma once

#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>

#include "base/coding.h"

namespace cairn::tree {

inline constexpr uint64_t kNumber48Max = (uint64_t{1} << 48) - 1;

inline uint16_t Load16(const char* from) {
  uint16_t value;
  std::memcpy(&value, from, sizeof(value));
  return value;
}
inline void Store16(char* to, uint16_t value) { std::memcpy(to, &value, sizeof(value)); }
inline uint64_t Load48(const char* from) {
  uint32_t low;
  std::memcpy(&low, from, sizeof(low));
  return low | uint64_t{Load16(from + 4)} << 32;
}
// As Load48, where two bytes more can be read.
inline uint64_t LoadLow48(const char* from) {
  uint64_t value;
  std::memcpy(&value, from, sizeof(value));
  return value & kNumber48Max;
}
inline void Store48(char* to, uint64_t value) { std::memcpy(to, &value, 6); }
inline void Append48(std::string* to, uint64_t value) {
  to->append(reinterpret_cast<const char*>(&value), 6);
}

// Signed numbers near zero take one byte.
inline uint64_t ZigZag(int64_t value) {
  return (static_cast<uint64_t>(value) << 1) ^ static_cast<uint64_t>(value >> 63);
}
inline int64_t UnZigZag(uint64_t value) {
  return static_cast<int64_t>(value >> 1) ^ -static_cast<int64_t>(value & 1);
}

// Takes from the front of some bytes, never beyond their end. After a false nothing can be said of
// where it stands.
struct Reader {
  const char* at;
  const char* end;

  size_t left() const { return static_cast<size_t>(end - at); }
  bool Byte(uint8_t* value) {
    if (at == end) return false;
    *value = static_cast<uint8_t>(*at++);
    return true;
  }
  bool Varint(uint64_t* value) {
    if (at < end && static_cast<uint8_t>(*at) < 0x80) {
      *value = static_cast<uint8_t>(*at++);
      return true;
    }
    if (left() >= 2 && static_cast<int8_t>(at[1]) > 0) {
      *value = (static_cast<uint8_t>(at[0]) & 0x7fu) | static_cast<uint64_t>(at[1]) << 7;
      at += 2;
      return true;
    }
    return LongVarint(value);
  }
  bool Number48(uint64_t* value) {
    if (left() < 6) return false;
    *value = Load48(at);
    at += 6;
    return true;
  }
  bool Bytes(uint64_t count, std::string_view* bytes) {
    if (left() < count) return false;
    *bytes = {at, static_cast<size_t>(count)};
    at += count;
    return true;
  }

 private:
  bool LongVarint(uint64_t* value) {
    std::string_view rest(at, left());
    if (!TakeVarint(&rest, value)) return false;
    at = rest.data();
    return true;
  }
};

}  // namespace cairn::tree
