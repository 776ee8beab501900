#include "rdb/coding.h"

#include "base/lzf.h"
#include "base/number.h"

namespace cairn::rdb {
namespace {

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

template <typename T>
bool TakeInteger(Reader* reader, int64_t* out) {
  T value;
  if (!reader->TakeLittle(&value)) return false;
  *out = value;
  return true;
}

DumpResult TakeLzf(Reader* reader, uint64_t value_bytes_max, DumpedString* out) {
  uint64_t coded;
  out->form = DumpedString::Form::kLzf;
  if (!reader->TakeLength(&coded) || !reader->TakeLength(&out->value_bytes) ||
      !reader->TakeBytes(coded, &out->bytes) || out->value_bytes / kLzfExpansionMax > coded) {
    return DumpResult::kBadFormat;
  }
  return out->value_bytes <= value_bytes_max ? DumpResult::kOk : DumpResult::kTooLong;
}

}  // namespace

size_t PutLength(uint64_t length, char* out) {
  if (length < 64) return PutBig(static_cast<uint8_t>(length), out);
  if (length < 16384) return PutBig(static_cast<uint16_t>(kLength14 << 8 | length), out);
  bool is_short = length <= UINT32_MAX;
  out[0] = static_cast<char>(is_short ? kLength32 : kLength64);
  return 1 + (is_short ? PutBig(static_cast<uint32_t>(length), out + 1) : PutBig(length, out + 1));
}

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

// The coded bytes go where they would stand behind two lengths of the largest size and are then
// moved up to the lengths as they are.
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

bool Reader::TakeLengthBehind(uint8_t first, uint64_t* out) {
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

DumpResult TakeString(Reader* reader, uint64_t value_bytes_max, DumpedString* out) {
  uint8_t first;
  if (!reader->TakeByte(&first)) return DumpResult::kBadFormat;
  if (first == kLzf) return TakeLzf(reader, value_bytes_max, out);
  if (first == kInt8 || first == kInt16 || first == kInt32) {
    out->form = DumpedString::Form::kInteger;
    bool whole = first == kInt8    ? TakeInteger<int8_t>(reader, &out->integer)
                 : first == kInt16 ? TakeInteger<int16_t>(reader, &out->integer)
                                   : TakeInteger<int32_t>(reader, &out->integer);
    return whole ? DumpResult::kOk : DumpResult::kBadFormat;
  }
  out->form = DumpedString::Form::kRaw;
  if (!reader->TakeLengthBehind(first, &out->value_bytes) ||
      !reader->TakeBytes(out->value_bytes, &out->bytes)) {
    return DumpResult::kBadFormat;
  }
  return out->value_bytes <= value_bytes_max ? DumpResult::kOk : DumpResult::kTooLong;
}

}  // namespace cairn::rdb
