// Numbers of trees. A namespace stands for a tree of keys; beside each of those is a tree of pages
// (engine/page_key.h), whose number has one bit more, so that whatever is done to the one by its
// number is easily done to the other. Pure.
//
//   0 .. 0x3fff        keys        as many as there can be namespaces
//   0x8000 .. 0xbfff   pages       of the values whose keys are in tree number & 0x3fff
//   0xffff             all of them, in a flush
//
// Numbers on disk.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/slot.h"
#include "engine/limits.h"
#include "engine/page_key.h"

namespace cairn::vlog {

inline constexpr uint16_t kAllTrees = 0xffff;

inline constexpr uint16_t KeyTree(uint16_t tree) { return KeysOf(tree); }
inline constexpr uint16_t PageTree(uint16_t tree) { return PagesOf(tree); }
inline constexpr bool IsPageTree(uint16_t tree) { return IsOfPages(tree); }
// Of bytes that come from a disk. False also of kAllTrees.
inline constexpr bool IsTree(uint16_t tree) { return KeyTree(tree) < kDatabasesMax; }
static_assert(!IsTree(kAllTrees) && IsTree(0xbfff) && IsPageTree(0x8000));

// All trees, one after the other.
inline constexpr uint32_t kTreesMax = 2 * kDatabasesMax;
inline constexpr uint32_t TreeIndex(uint16_t tree) {
  return KeyTree(tree) + (IsPageTree(tree) ? kDatabasesMax : 0);
}

// Whether the tree can have such a key. Of bytes that come from a disk.
inline bool IsKeyIn(uint16_t tree, std::string_view key) {
  return IsTree(tree) && (!IsPageTree(tree) || IsPageKey(key));
}
// Where a key of the tree lies: its bytes tell.
inline uint16_t ShardIn(uint16_t tree, std::string_view key) {
  return IsPageTree(tree) ? HomeOfPageKey(key) : ShardOf(key);
}

}  // namespace cairn::vlog
