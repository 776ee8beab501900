// Bits and integer fields against bit-by-bit models.
#include <doctest/doctest.h>

#include <cstdint>
#include <random>
#include <string>

#include "command/bit_ops.h"

namespace cairn {
namespace {

bool BitAt(const std::string& bytes, uint64_t bit) {
  return bit / 8 < bytes.size() && (static_cast<uint8_t>(bytes[bit / 8]) >> (7 - bit % 8) & 1) != 0;
}

std::string RandomBytes(std::mt19937* random, size_t bytes) {
  std::string text(bytes, '\0');
  uint32_t kind = (*random)() % 3;  // zeros, ones, mixed
  for (char& c : text) {
    c = static_cast<char>(kind == 0 ? 0 : kind == 1 ? 0xff : (*random)());
  }
  if (bytes > 0 && kind != 2 && (*random)() % 2 == 0) {
    text[(*random)() % bytes] ^= static_cast<char>(1 << ((*random)() % 8));
  }
  return text;
}

TEST_CASE("bits: counting and finding in any range") {
  std::mt19937 random(1);
  for (int round = 0; round < 3000; ++round) {
    std::string text = RandomBytes(&random, 1 + random() % 120);
    uint64_t first = random() % (text.size() * 8);
    uint64_t last = first + random() % (text.size() * 8 - first);
    uint64_t count = 0;
    int64_t found[2] = {-1, -1};
    for (uint64_t bit = last + 1; bit-- > first;) {
      count += BitAt(text, bit);
      found[BitAt(text, bit)] = static_cast<int64_t>(bit);
    }
    CHECK(CountBits(text, first, last) == count);
    CHECK(FindBit(text, false, first, last) == found[0]);
    CHECK(FindBit(text, true, first, last) == found[1]);
  }
}

TEST_CASE("bits: fields of every width at every place") {
  std::mt19937_64 random(2);
  for (uint32_t bits = 1; bits <= 64; ++bits) {
    for (uint64_t offset = 0; offset < 20; ++offset) {
      std::string text(12, '\0');
      for (char& c : text) c = static_cast<char>(random());
      std::string before = text;
      uint64_t value = random() & (bits == 64 ? ~uint64_t{0} : (uint64_t{1} << bits) - 1);
      WriteField(text.data(), offset, bits, value);
      CHECK(ReadField(text, offset, bits) == value);
      for (uint64_t bit = 0; bit < 96; ++bit) {
        bool inside = bit >= offset && bit < offset + bits;
        bool expected = inside ? (value >> (offset + bits - 1 - bit) & 1) != 0 : BitAt(before, bit);
        CHECK(BitAt(text, bit) == expected);
      }
    }
  }
}

TEST_CASE("bits: beyond the end fields read as zeros") {
  CHECK(ReadField("\xff", 4, 8) == 0xf0);
  CHECK(ReadField("\xff", 8, 64) == 0);
  CHECK(ReadField("", 1000, 5) == 0);
}

TEST_CASE("bits: types") {
  FieldType type;
  for (const char* good : {"u1", "u63", "i1", "i64"}) CHECK(ParseFieldType(good, &type));
  CHECK((ParseFieldType("i33", &type) && type.is_signed && type.bits == 33));
  for (const char* bad : {"", "u", "i", "u0", "u64", "i65", "i0", "8", "U8", "u08", "u-1", "u8 ",
                          "x8", "i4294967297"}) {
    CAPTURE(bad);
    CHECK_FALSE(ParseFieldType(bad, &type));
  }
}

int64_t Add(FieldType type, int64_t base, int64_t step, Overflow policy) {
  int64_t out = 12345;
  return AddToField(type, base, step, policy, &out) ? out : -99999;
}

TEST_CASE("bits: overflow policies") {
  FieldType i8{true, 8};
  FieldType u8{false, 8};
  FieldType i64{true, 64};
  FieldType u63{false, 63};
  constexpr auto kW = Overflow::kWrap;
  constexpr auto kS = Overflow::kSaturate;
  constexpr auto kF = Overflow::kFail;
  CHECK(Add(i8, 127, 0, kF) == 127);
  CHECK(Add(i8, 127, 1, kW) == -128);
  CHECK(Add(i8, 127, 1, kS) == 127);
  CHECK(Add(i8, 127, 1, kF) == -99999);
  CHECK(Add(i8, -128, -1, kW) == 127);
  CHECK(Add(i8, -128, -1, kS) == -128);
  CHECK(Add(i8, 0, 1000, kW) == -24);
  CHECK(Add(i8, -1, 1, kF) == 0);
  CHECK(Add(u8, 255, 1, kW) == 0);
  CHECK(Add(u8, 255, 1, kS) == 255);
  CHECK(Add(u8, 0, -1, kW) == 255);
  CHECK(Add(u8, 0, -1, kS) == 0);
  CHECK(Add(u8, 0, -1, kF) == -99999);
  CHECK(Add(u8, 0, INT64_MIN, kS) == 0);
  CHECK(Add(u8, 255, INT64_MAX, kS) == 255);
  CHECK(Add(u8, -1, 0, kW) == 255);  // SET: negative means huge
  CHECK(Add(u8, -1, 0, kS) == 255);
  CHECK(Add(u8, -1, 0, kF) == -99999);
  CHECK(Add(u8, 300, 0, kW) == 44);
  CHECK(Add(i64, INT64_MAX, 1, kW) == INT64_MIN);
  CHECK(Add(i64, INT64_MAX, 1, kS) == INT64_MAX);
  CHECK(Add(i64, INT64_MIN, -1, kW) == INT64_MAX);
  CHECK(Add(i64, INT64_MIN, -1, kS) == INT64_MIN);
  CHECK(Add(i64, INT64_MIN, INT64_MAX, kF) == -1);
  CHECK(Add(u63, INT64_MAX, 1, kW) == 0);
  CHECK(Add(u63, INT64_MAX, 1, kS) == INT64_MAX);
}

TEST_CASE("bits: signed fields of every width") {
  for (uint32_t bits = 1; bits <= 64; ++bits) {
    FieldType type{true, bits};
    uint64_t ones = bits == 64 ? ~uint64_t{0} : (uint64_t{1} << bits) - 1;
    CHECK(FieldToInteger(type, ones) == -1);
    CHECK(FieldToInteger(type, ones >> 1) ==
          static_cast<int64_t>(bits == 1 ? 0 : (uint64_t{1} << (bits - 1)) - 1));
    CHECK(Add(type, static_cast<int64_t>(ones >> 1), 1, Overflow::kWrap) ==
          FieldToInteger(type, (ones >> 1) + 1));
  }
}

}  // namespace
}  // namespace cairn
