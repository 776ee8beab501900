// What a serialised value can be, and what there is to say about it.
#pragma once

#include <compare>
#include <cstdint>
#include <string_view>

namespace cairn::rdb {

// The first byte of a payload, and what stands before a key in an RDB file. The numbers are
// Redis's.
enum class Type : uint8_t {
  kString = 0,
  kList = 1,             // count, items
  kSet = 2,              // count, members
  kZset = 3,             // count, members with scores as text
  kHash = 4,             // count, fields with values
  kZset2 = 5,            // count, members with scores as doubles
  kModuleRc = 6,         // not decoded
  kModule = 7,           // not decoded
  kHashZipmap = 9,       // from here on: strings that are nodes, see node.h
  kListZiplist = 10,     //
  kSetIntset = 11,       //
  kZsetZiplist = 12,     //
  kHashZiplist = 13,     //
  kListQuicklist = 14,   // count, ziplists
  kStream = 15,          // see decode_stream.cc
  kHashListpack = 16,    //
  kZsetListpack = 17,    //
  kListQuicklist2 = 18,  // count; each a kind of node, then an item by itself or a listpack
  kStream2 = 19,         // and what of a stream was deleted
  kSetListpack = 20,     // from version 11 on (Redis 7.2)
  kStream3 = 21,         // and when consumers were active; the same
  kHashExpiryRc = 22,    // not decoded: Redis 7.4 before its release, and something else in Valkey
  kHashListpackExpiryRc = 23,  // not decoded
  kHashExpiry = 24,            // from version 12 on (Redis 7.4): fields that expire
  kHashListpackExpiry = 25,    // the same
};
inline constexpr uint8_t kTypeMax = 63;  // with room for those of newer versions

enum class Kind : uint8_t { kString, kList, kSet, kZset, kHash, kStream };

// Expiry times of fields, in ms since 1970, are below this.
inline constexpr uint64_t kFieldExpiryEnd = (uint64_t{1} << 48) - 1;

struct StreamId {
  uint64_t ms = 0;
  uint64_t seq = 0;
  friend auto operator<=>(const StreamId&, const StreamId&) = default;
};

struct StreamState {
  uint64_t length = 0;
  StreamId last_id;
  StreamId first_id;  // of the entries that are there; 0-0 without any
  StreamId max_deleted_id;
  uint64_t entries_added = 0;
};

struct StreamGroup {
  std::string_view name;
  StreamId last_id;
  int64_t entries_read = -1;  // -1: not known
  uint64_t pending = 0;       // entries, of all consumers
};

struct StreamConsumer {
  std::string_view name;
  int64_t seen_ms = 0;     // since 1970
  int64_t active_ms = -1;  // -1: never
  uint64_t pending = 0;    // entries
};

struct StreamPending {
  StreamId id;
  int64_t delivered_ms = 0;  // since 1970
  uint64_t deliveries = 0;
};

}  // namespace cairn::rdb
