// An entry of a memtable. RocksDB does not change its layout, and does not export what reads it.
//
//   +------------+----------+------------------------+--------------+-------+
//   | key bytes  | user key | sequence << 8 | type   | value bytes  | value |
//   | varint32   |          | u64, little-endian     | varint32     |       |
//   +------------+----------+------------------------+--------------+-------+
//                \-------- internal key -----------/
//   key bytes: of the internal key
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/check.h"
#include "base/coding.h"

namespace cairn::lsm {

struct EntryKey {
  std::string_view key;  // of the user
  uint64_t sequence;
  uint8_t type;
};
inline constexpr size_t kTrailerBytes = 8;  // sequence and type
inline constexpr uint8_t kTypeValue = 1;

inline EntryKey ParseInternalKey(std::string_view internal_key) {
  const size_t bytes = internal_key.size() - kTrailerBytes;
  const uint64_t trailer = Little64(internal_key.data() + bytes);
  return {internal_key.substr(0, bytes), trailer >> 8, static_cast<uint8_t>(trailer)};
}

// What begins with its length. Whoever wrote it is to be trusted, for its end is not known.
inline std::string_view LengthPrefixed(const char* at) {
  std::string_view text(at, kVarintBytesMax);
  uint64_t bytes = 0;
  CAIRN_CHECK(TakeVarint(&text, &bytes), "RocksDB writes a length");
  return {text.data(), bytes};
}
inline EntryKey ParseEntry(const char* entry) { return ParseInternalKey(LengthPrefixed(entry)); }
// Of the entry that the key is in.
inline std::string_view ValueOf(const EntryKey& key) {
  return LengthPrefixed(key.key.data() + key.key.size() + kTrailerBytes);
}

}  // namespace cairn::lsm
