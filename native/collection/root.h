// Root: the value of a key that holds a collection.
//
//    0   space id, 8, little-endian; 0: everything is in this value
//    8   format, 1
//    9   encoding, 1
//   10   number of trees, 1
//   11   flags, 1: 0
//   12   for each tree the bytes of its root, varint
//        bytes of state, varint
//        roots, one behind the other: images of tree/page.h's kRoot
//        state, what the type keeps besides its trees
//
// The space id is first, so that whoever drops the key need know nothing else (txn/txn.h). Pure.
// Whatever bytes come, nothing reads beyond them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "engine/spaces.h"
#include "tree/pager.h"

namespace cairn {

// What OBJECT ENCODING says of a collection: never becomes a smaller one again, as in Redis.
// Numbers on disk.
enum class Encoding : uint8_t {
  kListpack = 1,
  kHashtable = 2,
  kQuicklist = 3,
  kIntset = 4,
  kSkiplist = 5,
  kStream = 6,
};
std::string_view EncodingName(Encoding encoding);

inline constexpr uint8_t kRootFormat = 1;
inline constexpr size_t kTreesMax = tree::kRootPages - 1;
inline constexpr size_t kStateBytesMax = 4096;

struct RootValue {
  SpaceId space = 0;
  Encoding encoding = Encoding::kListpack;
  uint8_t trees = 0;
  std::string_view roots[kTreesMax];
  std::string_view state;
};

// 0: none, or no root.
SpaceId SpaceOfRoot(std::string_view value);
// False: it is no root, or one of a newer format. Views into `value`.
[[nodiscard]] bool DecodeRoot(std::string_view value, RootValue* root);
size_t EncodedBytes(const RootValue& root);
// Writes so many bytes.
void EncodeRoot(const RootValue& root, char* to);

}  // namespace cairn
