// DUMP payloads of strings, as Redis 7 writes and reads them. Pure functions, safe from any thread.
// Payloads of every version are read: strings are the same in all of them, and what a newer one
// might do differently shows as an unknown type or form. The checksum always counts.
//
//   type (0: string) | string | version, 2 bytes | CRC-64 of all before it, 8 bytes (little-endian)
//
// A string is a length and that many bytes, or a special form:
//   00llllll                       length below 64
//   01llllll llllllll              length below 16384, big-endian
//   10000000 + 4 bytes             length, big-endian
//   10000001 + 8 bytes             length, big-endian
//   11000000 + 1, 11000001 + 2, 11000010 + 4 bytes      the decimal text of this integer,
//   little-endian 11000011 + length c + length n + c bytes            LZF-coded, n bytes when
//   decoded
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace cairn {

inline constexpr uint16_t kDumpVersionWritten = 10;  // what 7.0 writes; 7.2 reads it, too
inline constexpr size_t kDumpFooterBytes = 10;

// Room that EncodeDump needs for a value.
inline constexpr size_t kDumpOverheadBytes = 1 + 9 + kDumpFooterBytes;
inline size_t DumpBytesMax(size_t value_bytes) { return value_bytes + kDumpOverheadBytes; }
size_t EncodeDump(std::string_view value, char* out);

enum class DumpResult : uint8_t {
  kOk,
  kBadFooter,  // too short, or the checksum does not match
  kBadFormat,  // the checksum matches and yet this is no payload
  kOtherType,  // a type of Redis that is not a string
  kTooLong,    // the value would exceed the limit
};

// Where the value stands in a payload that was verified.
struct DumpedString {
  enum class Form : uint8_t { kRaw, kInteger, kLzf };
  Form form = Form::kRaw;
  std::string_view bytes;  // kRaw: the value; kLzf: the coded bytes
  int64_t integer = 0;
  uint64_t value_bytes = 0;  // kLzf: after decoding
};

// Verifies footer and structure. A claimed length is held against the bytes that are there before
// anything is allocated.
DumpResult ParseDump(std::string_view payload, uint64_t value_bytes_max, DumpedString* out);

}  // namespace cairn
