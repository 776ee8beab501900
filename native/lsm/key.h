// Keys as the lsm engine stores them: a prefix of 14 bytes, then the user key. Pure.
//
//   0      1          2               6          10             14
//   +------+----------+---------------+----------+--------------+------------
//   | type | category | collection id | index id | workspace id | user key
//   | u8   | u8       | u32           | u32      | u32          | any bytes
//   +------+----------+---------------+----------+--------------+------------
//
// Integers are big-endian: keys that belong together lie together, and by collection first, so that
// one range holds a database and a shorter one each of its indexes.
//
//   type        what kind of database this is; there is one so far
//   category    system: what the engine keeps about itself; key-value: what clients keep; document:
//               reserved
//   collection  a database. FLUSHDB begins a new one and SWAPDB exchanges two: which number of
//               SELECT stands for which collection is metadata. Ids are never used again
//   index       what the user keys of the collection are, see below
//   workspace   a tenant; 0 for now
//
// Indexes of the key-value category, and their user keys:
//
//   0 keys    the client's key, as it is
//   1 pages   space id u64 | page id u64: the pages of collections and of large values that change
//             in place. The ids of spaces are never used again either. Or 0 u64 | space id u64: the
//             mark of a space that was dropped (engine/page_key.h)
//   2 expiry  expires at u64, ms since 1970 | the client's key: keys that expire, soonest
//             first. Values are empty
//
// Indexes of the system category:
//
//   0 metadata  a name: "format", "engine", "options", ...; collection 0
//   1 counters  a name: what is counted of the collection
//
// Numbers on disk: they never change their meaning.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "lsm/fault.h"

namespace cairn::lsm {

enum class DatabaseType : uint8_t { kServer = 1 };
enum class Category : uint8_t { kSystem = 0, kKeyValue = 1, kDocument = 2 };

namespace key_value_index {
inline constexpr uint32_t kKeys = 0;
inline constexpr uint32_t kPages = 1;
inline constexpr uint32_t kExpiry = 2;
}  // namespace key_value_index
namespace system_index {
inline constexpr uint32_t kMetadata = 0;
inline constexpr uint32_t kCounters = 1;
}  // namespace system_index

inline constexpr size_t kTypeOffset = 0;
inline constexpr size_t kCategoryOffset = 1;
inline constexpr size_t kCollectionOffset = 2;
inline constexpr size_t kIndexOffset = 6;
inline constexpr size_t kWorkspaceOffset = 10;
inline constexpr size_t kPrefixBytes = 14;
// How much of a key names its collection, and its index.
inline constexpr size_t kCollectionPrefixBytes = kIndexOffset;
inline constexpr size_t kIndexPrefixBytes = kWorkspaceOffset;
inline constexpr size_t kPageKeyBytes = 16;  // of the user key of a page
inline constexpr size_t kExpiryBytes = 8;    // at the front of the user key of an expiry

struct KeyPrefix {
  DatabaseType type = DatabaseType::kServer;
  Category category = Category::kKeyValue;
  uint32_t collection = 0;
  uint32_t index = key_value_index::kKeys;
  uint32_t workspace = 0;
  bool operator==(const KeyPrefix&) const = default;
};

struct ParsedKey {
  KeyPrefix prefix;
  std::string_view user_key;  // of the bytes that were parsed
};

void EncodePrefix(const KeyPrefix& prefix, char to[kPrefixBytes]);
// *key becomes the stored key; its memory is used again.
void EncodeKey(const KeyPrefix& prefix, std::string_view user_key, std::string* key);
void EncodePageKey(KeyPrefix prefix, uint64_t space, uint64_t page, std::string* key);
void EncodeExpiryKey(KeyPrefix prefix, uint64_t expire_at_ms, std::string_view user_key,
                     std::string* key);

// What is wrong with the structure of a stored key, and at which byte. Everything that the parts
// below read without a check of their own is checked here.
FormatFault CheckKey(std::string_view stored);
// Of a key without fault.
ParsedKey ParseKey(std::string_view stored);

// Of the user key of a page, and of an expiry, without fault.
uint64_t SpaceOf(std::string_view page_user_key);
uint64_t PageOf(std::string_view page_user_key);
uint64_t ExpireAtOf(std::string_view expiry_user_key);

// The smallest string of bytes greater than all that begin with `prefix`: upper bound of a range.
// Empty: there is none, all bytes are 0xff.
std::string PrefixSuccessor(std::string_view prefix);

// A key for operators: "collection 3, keys, \"user:1\"", or its bytes and what is wrong with them.
std::string DescribeKey(std::string_view stored);

}  // namespace cairn::lsm
