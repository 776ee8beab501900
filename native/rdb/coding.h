// What every serialised value is made of: lengths, strings, and the seal of a payload. Pure
// functions, safe from any thread. Nothing here allocates.
//
// A string is a length and that many bytes, or a special form:
//   00llllll                       length below 64
//   01llllll llllllll              length below 16384, big-endian
//   10000000 + 4 bytes             length, big-endian
//   10000001 + 8 bytes             length, big-endian
//   11000000 + 1 byte              the decimal text of this integer, little-endian
//   11000001 + 2 bytes             the same
//   11000010 + 4 bytes             the same
//   11000011, length c, length n, c bytes      LZF-coded, n bytes when decoded
// Counts are written as lengths.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

namespace cairn::rdb {

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "integers are stored as they lie");

// What is wrong with a payload.
enum class DumpResult : uint8_t {
  kOk,
  kBadFooter,  // too short, or the checksum does not match
  kBadFormat,  // the checksum matches and yet this is no payload
  kOtherType,  // a type of Redis that is not wanted here
  kTooLong,    // a string would exceed the limit
};

inline constexpr uint16_t kDumpVersion = 11;  // what Redis 7.2 writes

// A payload ends in its version, 2 bytes, and the CRC-64 of all before it, 8 bytes (little-endian).
inline constexpr size_t kDumpVersionBytes = 2;
inline constexpr size_t kDumpFooterBytes = kDumpVersionBytes + 8;

// The Put* functions write to `out`, which has room for the named number of bytes, and return how
// many they wrote.
template <typename T>
size_t PutLittle(T value, char* out) {
  std::memcpy(out, &value, sizeof(value));
  return sizeof(value);
}

template <typename T>
size_t PutBig(T value, char* out) {
  for (size_t i = 0; i < sizeof(T); ++i) {
    out[i] = static_cast<char>(value >> (8 * (sizeof(T) - 1 - i)));
  }
  return sizeof(T);
}

inline constexpr size_t kLengthBytesMax = 9;
size_t PutLength(uint64_t length, char* out);

// Room for a string of so many bytes in any of its forms, and while it is made.
inline constexpr size_t StringRoom(size_t bytes) { return bytes + kLengthBytesMax; }
// The first two return 0 if the text is not that of a 32-bit integer, or if coding does not pay.
size_t PutInteger(std::string_view text, char* out);
size_t PutLzf(std::string_view text, char* out);
size_t PutRaw(std::string_view text, char* out);

// Takes bytes from the front; every Take* returns false when they are not there, and has then taken
// some of them or none.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : begin_(bytes.data()), left_(bytes) {}

  bool empty() const { return left_.empty(); }
  std::string_view rest() const { return left_; }
  // From the beginning.
  size_t position() const { return static_cast<size_t>(left_.data() - begin_); }

  bool TakeBytes(uint64_t count, std::string_view* out) {
    if (count > left_.size()) return false;
    *out = left_.substr(0, count);
    left_.remove_prefix(count);
    return true;
  }

  bool TakeByte(uint8_t* out) {
    std::string_view byte;
    if (!TakeBytes(1, &byte)) return false;
    *out = static_cast<uint8_t>(byte[0]);
    return true;
  }

  template <typename T>
  bool TakeLittle(T* out) {
    std::string_view bytes;
    if (!TakeBytes(sizeof(T), &bytes)) return false;
    std::memcpy(out, bytes.data(), sizeof(T));
    return true;
  }

  bool TakeBig(size_t bytes, uint64_t* out) {
    std::string_view digits;
    if (!TakeBytes(bytes, &digits)) return false;
    *out = 0;
    for (char c : digits) *out = *out << 8 | static_cast<uint8_t>(c);
    return true;
  }

  bool TakeLength(uint64_t* out) {
    uint8_t first;
    return TakeByte(&first) && TakeLengthBehind(first, out);
  }

  // A length whose first byte was taken.
  bool TakeLengthBehind(uint8_t first, uint64_t* out);

 private:
  const char* begin_;
  std::string_view left_;
};

// Where a string stands in bytes that hold it.
struct DumpedString {
  enum class Form : uint8_t { kRaw, kInteger, kLzf };
  Form form = Form::kRaw;
  std::string_view bytes;  // kRaw: the value; kLzf: the coded bytes
  int64_t integer = 0;
  uint64_t value_bytes = 0;  // kLzf: after decoding
};

// A claimed length is held against the bytes that are there. kOk, kBadFormat or kTooLong.
DumpResult TakeString(Reader* reader, uint64_t value_bytes_max, DumpedString* out);

}  // namespace cairn::rdb
