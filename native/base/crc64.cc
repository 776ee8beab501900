#include "base/crc64.h"

#include <array>
#include <cstring>

namespace cairn {
namespace {

inline constexpr size_t kStride = 8;
// The polynomial with its bits in the order in which a reflected CRC shifts them out.
inline constexpr uint64_t kReflectedPolynomial = 0x95ac9329ac4bc9b5u;

// kTables[k][b]: what byte b leaves in the register once k zero bytes have followed it
// (slicing-by-8).
constexpr std::array<std::array<uint64_t, 256>, kStride> MakeTables() {
  std::array<std::array<uint64_t, 256>, kStride> tables{};
  for (uint32_t byte = 0; byte < 256; ++byte) {
    uint64_t crc = byte;
    for (int bit = 0; bit < 8; ++bit) {
      crc = (crc & 1) != 0 ? (crc >> 1) ^ kReflectedPolynomial : crc >> 1;
    }
    tables[0][byte] = crc;
  }
  for (size_t k = 1; k < kStride; ++k) {
    for (uint32_t byte = 0; byte < 256; ++byte) {
      uint64_t crc = tables[k - 1][byte];
      tables[k][byte] = (crc >> 8) ^ tables[0][crc & 0xff];
    }
  }
  return tables;
}

constexpr auto kTables = MakeTables();

// Registers are polynomials over GF(2), the highest bit the coefficient of x^0.
inline constexpr uint64_t kOne = uint64_t{1} << 63;
inline constexpr uint64_t kEightZeroBits = kOne >> 8;  // x^8

uint64_t MultiplyModulo(uint64_t a, uint64_t b) {
  uint64_t product = 0;
  for (uint64_t bit = kOne; bit != 0; bit >>= 1) {
    if ((a & bit) != 0) product ^= b;
    b = (b & 1) != 0 ? (b >> 1) ^ kReflectedPolynomial : b >> 1;
  }
  return product;
}

}  // namespace

uint64_t Crc64Extend(uint64_t crc, const void* data, size_t bytes) {
  static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "words are loaded as they lie");
  const auto* p = static_cast<const uint8_t*>(data);
  for (; bytes >= kStride; bytes -= kStride, p += kStride) {
    uint64_t word;
    std::memcpy(&word, p, sizeof(word));
    word ^= crc;
    crc = kTables[7][word & 0xff] ^ kTables[6][(word >> 8) & 0xff] ^
          kTables[5][(word >> 16) & 0xff] ^ kTables[4][(word >> 24) & 0xff] ^
          kTables[3][(word >> 32) & 0xff] ^ kTables[2][(word >> 40) & 0xff] ^
          kTables[1][(word >> 48) & 0xff] ^ kTables[0][word >> 56];
  }
  for (; bytes > 0; --bytes, ++p) crc = (crc >> 8) ^ kTables[0][(crc ^ *p) & 0xff];
  return crc;
}

// A CRC is linear: that of the first part goes on through as many zero bytes as the second part
// has, which multiplies it by x^8 to that power.
uint64_t Crc64Combine(uint64_t first, uint64_t second, uint64_t second_bytes) {
  uint64_t power = kOne;
  uint64_t square = kEightZeroBits;
  for (; second_bytes != 0; second_bytes >>= 1) {
    if ((second_bytes & 1) != 0) power = MultiplyModulo(power, square);
    square = MultiplyModulo(square, square);
  }
  return MultiplyModulo(power, first) ^ second;
}

}  // namespace cairn
