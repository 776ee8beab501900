// How the pages of spaces are keys to an engine that keeps them beside its own (keyed_spaces.h).
// Pure.
//
//   namespace of pages: 0x8000 | the namespace whose values have the spaces
//
//    0                 8                 16
//   +-----------------+-----------------+
//   | space           | page            |   a page; its value is the image
//   +-----------------+-----------------+
//   | 0               | space           |   the mark of a space that was dropped
//   +-----------------+-----------------+
//
// Integers are big-endian, so that a space is a range, and the marks come before all pages: no
// space has the id 0. Both lie in the shard that the id of the space names, wherever a hash of the
// bytes would lead. Numbers on disk: they never change their meaning.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/coding.h"
#include "engine/limits.h"
#include "engine/spaces.h"

namespace cairn {

inline constexpr uint16_t kPagesBit = 0x8000;
static_assert(kDatabasesMax <= kPagesBit / 2);
inline constexpr uint16_t PagesOf(uint16_t ns) { return static_cast<uint16_t>(ns | kPagesBit); }
inline constexpr bool IsOfPages(uint16_t ns) { return (ns & kPagesBit) != 0; }
inline constexpr uint16_t KeysOf(uint16_t ns) { return static_cast<uint16_t>(ns & ~kPagesBit); }

inline constexpr size_t kPageKeyBytes = 16;

class PageKey {
 public:
  PageKey(SpaceId space, uint64_t page) {
    PutBig64(bytes_, space);
    PutBig64(bytes_ + 8, page);
  }
  static PageKey OfMark(SpaceId space) { return PageKey(0, space); }
  std::string_view view() const { return {bytes_, sizeof(bytes_)}; }
  // What the keys of all pages of the space begin with.
  std::string_view space_prefix() const { return {bytes_, 8}; }

 private:
  char bytes_[kPageKeyBytes];
};
static_assert(sizeof(PageKey) == kPageKeyBytes);

// What a mark's key begins with.
inline constexpr std::string_view kMarkPrefix = std::string_view("\0\0\0\0\0\0\0\0", 8);

// Of bytes that come from a disk, whatever they are.
inline bool IsPageKey(std::string_view key) { return key.size() == kPageKeyBytes; }
inline bool IsMark(std::string_view key) { return IsPageKey(key) && key.starts_with(kMarkPrefix); }
// The space of a page, or the one that a mark names.
inline SpaceId SpaceOfPageKey(std::string_view key) {
  return Big64(key.data() + (IsMark(key) ? 8 : 0));
}
inline uint16_t HomeOfPageKey(std::string_view key) {
  return IsPageKey(key) ? HomeOf(SpaceOfPageKey(key)) : uint16_t{0};
}

}  // namespace cairn
