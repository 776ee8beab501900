#include "command/dump_format.h"

#include <cstring>

#include "base/check.h"
#include "base/crc64.h"
#include "base/lzf.h"
#include "resp/number.h"

namespace cairn {
namespace {

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__, "integers are stored as they lie");

inline constexpr uint8_t kTypeString = 0;
inline constexpr uint8_t kTypeMax = 63;  // with room for those of newer versions
inline constexpr uint8_t kLength14 = 0x40;
inline constexpr uint8_t kLength32 = 0x80;
inline constexpr uint8_t kLength64 = 0x81;
inline constexpr uint8_t kInt8 = 0xc0;
inline constexpr uint8_t kInt16 = 0xc1;
inline constexpr uint8_t kInt32 = 0xc2;
inline constexpr uint8_t kLzf = 0xc3;
inline constexpr size_t kIntegerTextBytesMax = 11;  // longer texts do not fit 32 bits
inline constexpr size_t kCompressBytesMin = 21;
inline constexpr size_t kCompressGainMin = 4;
inline constexpr size_t kLengthBytesMax = 9;

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

size_t PutLength(uint64_t length, char* out) {
  if (length < 64) return PutBig(static_cast<uint8_t>(length), out);
  if (length < 16384) return PutBig(static_cast<uint16_t>(kLength14 << 8 | length), out);
  bool is_short = length <= UINT32_MAX;
  out[0] = static_cast<char>(is_short ? kLength32 : kLength64);
  return 1 + (is_short ? PutBig(static_cast<uint32_t>(length), out + 1) : PutBig(length, out + 1));
}

// Returns 0 if the text is not that of a 32-bit integer.
size_t PutInteger(std::string_view text, char* out) {
  int64_t number;
  if (text.size() > kIntegerTextBytesMax || !ParseInt64(text, &number)) return 0;
  if (number == static_cast<int8_t>(number)) {
    out[0] = static_cast<char>(kInt8);
    return 1 + PutLittle(static_cast<int8_t>(number), out + 1);
  }
  if (number == static_cast<int16_t>(number)) {
    out[0] = static_cast<char>(kInt16);
    return 1 + PutLittle(static_cast<int16_t>(number), out + 1);
  }
  if (number != static_cast<int32_t>(number)) return 0;
  out[0] = static_cast<char>(kInt32);
  return 1 + PutLittle(static_cast<int32_t>(number), out + 1);
}

// Returns 0 if coding does not pay. The coded bytes go where they would stand behind two lengths of
// the largest size and are then moved up to the lengths as they are.
size_t PutLzf(std::string_view text, char* out) {
  if (text.size() < kCompressBytesMin || text.size() > kLzfInputBytesMax) return 0;
  size_t capacity = text.size() - kCompressGainMin;
  char lengths[1 + 2 * kLengthBytesMax];
  constexpr size_t kAhead =
      kLengthBytesMax;  // room before the coded bytes: the overhead of a raw string
  size_t coded = LzfCompress(text.data(), text.size(), out + kAhead, capacity);
  if (coded == 0) return 0;
  lengths[0] = static_cast<char>(kLzf);
  size_t n = 1;
  n += PutLength(coded, lengths + n);
  n += PutLength(text.size(), lengths + n);
  std::memmove(out + n, out + kAhead, coded);
  std::memcpy(out, lengths, n);
  return n + coded;
}

size_t PutRaw(std::string_view text, char* out) {
  size_t n = PutLength(text.size(), out);
  if (!text.empty()) std::memcpy(out + n, text.data(), text.size());
  return n + text.size();
}

// Takes bytes from the front of a payload; every Take* returns false when they are not there.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : left_(bytes) {}

  bool empty() const { return left_.empty(); }

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
  bool TakeLittle(int64_t* out) {
    std::string_view bytes;
    if (!TakeBytes(sizeof(T), &bytes)) return false;
    T value;
    std::memcpy(&value, bytes.data(), sizeof(value));
    *out = value;
    return true;
  }

  bool TakeBig(size_t bytes, uint64_t* out) {
    std::string_view digits;
    if (!TakeBytes(bytes, &digits)) return false;
    *out = 0;
    for (char c : digits) *out = *out << 8 | static_cast<uint8_t>(c);
    return true;
  }

  // A length whose first byte was taken.
  bool TakeLengthBehind(uint8_t first, uint64_t* out) {
    if (first < kLength14) {
      *out = first;
      return true;
    }
    if (first < kLength32) {
      uint8_t low;
      if (!TakeByte(&low)) return false;
      *out = uint64_t{first & 0x3fu} << 8 | low;
      return true;
    }
    if (first == kLength32) return TakeBig(4, out);
    return first == kLength64 && TakeBig(8, out);
  }

  bool TakeLength(uint64_t* out) {
    uint8_t first;
    return TakeByte(&first) && TakeLengthBehind(first, out);
  }

 private:
  std::string_view left_;
};

DumpResult ParseLzf(Reader* reader, uint64_t value_bytes_max, DumpedString* out) {
  uint64_t coded;
  out->form = DumpedString::Form::kLzf;
  if (!reader->TakeLength(&coded) || !reader->TakeLength(&out->value_bytes) ||
      !reader->TakeBytes(coded, &out->bytes) || out->value_bytes / kLzfExpansionMax > coded) {
    return DumpResult::kBadFormat;
  }
  return out->value_bytes <= value_bytes_max ? DumpResult::kOk : DumpResult::kTooLong;
}

DumpResult ParseString(Reader* reader, uint64_t value_bytes_max, DumpedString* out) {
  uint8_t first;
  if (!reader->TakeByte(&first)) return DumpResult::kBadFormat;
  if (first == kLzf) return ParseLzf(reader, value_bytes_max, out);
  if (first == kInt8 || first == kInt16 || first == kInt32) {
    out->form = DumpedString::Form::kInteger;
    bool whole = first == kInt8    ? reader->TakeLittle<int8_t>(&out->integer)
                 : first == kInt16 ? reader->TakeLittle<int16_t>(&out->integer)
                                   : reader->TakeLittle<int32_t>(&out->integer);
    return whole ? DumpResult::kOk : DumpResult::kBadFormat;
  }
  out->form = DumpedString::Form::kRaw;
  if (!reader->TakeLengthBehind(first, &out->value_bytes) ||
      !reader->TakeBytes(out->value_bytes, &out->bytes)) {
    return DumpResult::kBadFormat;
  }
  return out->value_bytes <= value_bytes_max ? DumpResult::kOk : DumpResult::kTooLong;
}

}  // namespace

size_t EncodeDump(std::string_view value, char* out) {
  out[0] = static_cast<char>(kTypeString);
  size_t n = PutInteger(value, out + 1);
  if (n == 0) n = PutLzf(value, out + 1);
  if (n == 0) n = PutRaw(value, out + 1);
  n += 1;
  n += PutLittle(kDumpVersionWritten, out + n);
  n += PutLittle(Crc64(out, n), out + n);
  CAIRN_CHECK(n <= DumpBytesMax(value.size()));
  return n;
}

DumpResult ParseDump(std::string_view payload, uint64_t value_bytes_max, DumpedString* out) {
  if (payload.size() < kDumpFooterBytes) return DumpResult::kBadFooter;
  std::string_view body = payload.substr(0, payload.size() - kDumpFooterBytes);
  constexpr size_t kVersionBytes = sizeof(kDumpVersionWritten);
  uint64_t checksum;
  std::memcpy(&checksum, body.data() + body.size() + kVersionBytes, sizeof(checksum));
  if (checksum != Crc64(payload.data(), body.size() + kVersionBytes)) return DumpResult::kBadFooter;
  Reader reader(body);
  uint8_t type;
  if (!reader.TakeByte(&type)) return DumpResult::kBadFormat;
  if (type != kTypeString) {
    return type <= kTypeMax ? DumpResult::kOtherType : DumpResult::kBadFormat;
  }
  DumpResult result = ParseString(&reader, value_bytes_max, out);
  return result == DumpResult::kOk && !reader.empty() ? DumpResult::kBadFormat : result;
}

}  // namespace cairn
