#include "base/slot.h"

#include <array>
#include <cstring>

namespace cairn {
namespace {

// CRC-16/XMODEM: polynomial x^16 + x^12 + x^5 + 1, initial value 0, most significant bit first.
inline constexpr uint16_t kPolynomial = 0x1021;
inline constexpr size_t kStride = 8;

// kTables[k][b]: the remainder that byte b leaves once k more bytes have followed it. Table 0 is
// the classic 256-entry table; the others let eight bytes be looked up independently of each other
// (slicing-by-8).
constexpr std::array<std::array<uint16_t, 256>, kStride> MakeTables() {
  std::array<std::array<uint16_t, 256>, kStride> tables{};
  for (uint32_t byte = 0; byte < 256; ++byte) {
    uint16_t crc = static_cast<uint16_t>(byte << 8);
    for (int bit = 0; bit < 8; ++bit) {
      crc = static_cast<uint16_t>((crc & 0x8000) != 0 ? (crc << 1) ^ kPolynomial : crc << 1);
    }
    tables[0][byte] = crc;
  }
  for (size_t k = 1; k < kStride; ++k) {
    for (uint32_t byte = 0; byte < 256; ++byte) {
      const uint16_t crc = tables[k - 1][byte];
      tables[k][byte] = static_cast<uint16_t>((crc << 8) ^ tables[0][crc >> 8]);
    }
  }
  return tables;
}

constexpr auto kTables = MakeTables();

}  // namespace

uint16_t Crc16(std::string_view bytes) {
  const auto* p = reinterpret_cast<const uint8_t*>(bytes.data());
  size_t left = bytes.size();
  uint32_t crc = 0;
  for (; left >= kStride; left -= kStride, p += kStride) {
    crc = static_cast<uint32_t>(kTables[7][p[0] ^ (crc >> 8)] ^ kTables[6][p[1] ^ (crc & 0xff)] ^
                                kTables[5][p[2]] ^ kTables[4][p[3]] ^ kTables[3][p[4]] ^
                                kTables[2][p[5]] ^ kTables[1][p[6]] ^ kTables[0][p[7]]);
  }
  for (; left > 0; --left, ++p) {
    crc = ((crc << 8) & 0xffff) ^ kTables[0][(crc >> 8) ^ *p];
  }
  return static_cast<uint16_t>(crc);
}

std::string_view HashTag(std::string_view key) {
  const void* open = key.empty() ? nullptr : std::memchr(key.data(), '{', key.size());
  if (open == nullptr) return key;
  const size_t begin = static_cast<size_t>(static_cast<const char*>(open) - key.data()) + 1;
  const size_t end = key.find('}', begin);
  if (end == std::string_view::npos || end == begin) return key;
  return key.substr(begin, end - begin);
}

}  // namespace cairn
