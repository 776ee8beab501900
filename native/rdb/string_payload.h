// DUMP payloads of strings, as Redis 7 writes and reads them. Pure functions, safe from any thread.
// Payloads of every version are read: strings are the same in all of them, and what a newer one
// might do differently shows as an unknown type or form. The checksum always counts.
//
//   type (0: string) | string | version, 2 bytes | CRC-64 of all before it, 8 bytes (little-endian)
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "rdb/coding.h"

namespace cairn::rdb {

// Room that EncodeDump needs for a value.
inline size_t DumpBytesMax(size_t value_bytes) {
  return 1 + StringRoom(value_bytes) + kDumpFooterBytes;
}
size_t EncodeDump(std::string_view value, char* out, uint16_t version = kDumpVersion);

// By its first byte; what cannot be any payload is taken for one of a string, too.
inline bool IsDumpedString(std::string_view payload) { return payload.empty() || payload[0] == 0; }

// Verifies footer and structure. A claimed length is held against the bytes that are there before
// anything is allocated.
DumpResult ParseDump(std::string_view payload, uint64_t value_bytes_max, DumpedString* out);

}  // namespace cairn::rdb
