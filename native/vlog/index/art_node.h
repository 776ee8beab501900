// Node: the inner node of the index tree (art.h). Internal to native/vlog/art*; guarded by the
// owner of the tree.
//
//   0        8                8 + Pad8(cap - 1)
//   +--------+----------------+----------------+------------------------+-------------------+
//   | header | lower bounds   | prefix, padded | children, 8 bytes each | due, 4 bytes each |
//   +--------+----------------+----------------+------------------------+-------------------+
//                                                                         if kDue
//
// Below the node all keys go on with the prefix; the next symbol, the end of the key or a byte,
// chooses the child. Child i serves bytes from bound i - 1 on (inclusive) up to bound i
// (exclusive); child 0 also serves the end. So `bounds` has count - 1 strictly ascending values,
// and the child for byte b is the number of bounds <= b, which SSE2 counts 16 at a time. A child is
// null (no keys in its range), a bucket (its suffixes begin with the symbol), or, if it serves
// exactly one byte, a node (below that byte). Capacity adapts in the steps of kCapacities.
//
// due[i]: no entry below child i is due (art_block.h) before that second. Writes only lower it; a
// sweep that finds nothing left to do below raises it. Only nodes above entries with an expiry have
// it.
#pragma once

#include <cstdint>
#include <string_view>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "vlog/index/art_block.h"

namespace cairn::vlog::art {

struct Node {
  static constexpr uint16_t kCapacities[] = {3, 5, 9, 17, 33, 49, 65, 97, 129, 193, 257};
  static constexpr uint8_t kSizes = sizeof(kCapacities) / sizeof(kCapacities[0]);

  static constexpr uint8_t kDue = 1;

  uint8_t tag;         // Block::kNodeTag, with kDue
  uint8_t size_class;  // index into kCapacities
  uint16_t count;      // children in use, nulls included; at least 1
  uint32_t prefix_len;

  uint32_t capacity() const { return kCapacities[size_class]; }
  size_t prefix_at() const { return sizeof(Node) + Pad8(capacity() - 1u); }
  size_t children_at() const { return prefix_at() + Pad8(prefix_len); }
  size_t due_at() const { return children_at() + sizeof(Block*) * capacity(); }
  bool has_due() const { return (tag & kDue) != 0; }
  size_t usable() const {
    return UsableBytes(due_at() + (has_due() ? sizeof(uint32_t) * capacity() : 0));
  }

  char* base() { return reinterpret_cast<char*>(this); }
  const char* base() const { return reinterpret_cast<const char*>(this); }
  uint8_t* bounds() { return reinterpret_cast<uint8_t*>(base()) + sizeof(Node); }
  const uint8_t* bounds() const { return reinterpret_cast<const uint8_t*>(base()) + sizeof(Node); }
  std::string_view prefix() const { return {base() + prefix_at(), prefix_len}; }
  Block** children() { return reinterpret_cast<Block**>(base() + children_at()); }
  Block* const* children() const { return reinterpret_cast<Block* const*>(base() + children_at()); }

  uint32_t* due() { return reinterpret_cast<uint32_t*>(base() + due_at()); }  // if has_due()
  const uint32_t* due() const { return reinterpret_cast<const uint32_t*>(base() + due_at()); }
  uint32_t DueOf(uint32_t i) const { return has_due() ? due()[i] : kNeverDue; }
  uint32_t EarliestDue() const {
    uint32_t earliest = kNeverDue;
    for (uint32_t i = 0; has_due() && i < count; ++i) {
      earliest = due()[i] < earliest ? due()[i] : earliest;
    }
    return earliest;
  }

  // The range of child i, in symbols: -1 is the end of the key.
  int LowSymbol(uint32_t i) const { return i == 0 ? -1 : bounds()[i - 1]; }
  int HighSymbol(uint32_t i) const { return i + 1u == count ? 255 : bounds()[i] - 1; }

  uint32_t ChildFor(uint8_t byte) const {
    const uint32_t n = count - 1u;
#if defined(__SSE2__)
    // Reads up to 16 bytes at a time, at most 15 past the bounds: within the block, as two children
    // follow.
    const __m128i wanted = _mm_set1_epi8(static_cast<char>(byte));
    for (uint32_t i = 0; i < n; i += 16) {
      const __m128i v = _mm_loadu_si128(reinterpret_cast<const __m128i*>(bounds() + i));
      const __m128i below_or_equal = _mm_cmpeq_epi8(_mm_min_epu8(v, wanted), v);
      const uint32_t above = ~static_cast<uint32_t>(_mm_movemask_epi8(below_or_equal)) & 0xffffu;
      if (above != 0) {
        const uint32_t found = i + static_cast<uint32_t>(__builtin_ctz(above));
        return found < n ? found : n;
      }
    }
    return n;
#else
    uint32_t i = 0;
    while (i < n && bounds()[i] <= byte) ++i;
    return i;
#endif
  }
};
static_assert(sizeof(Node) == 8);

inline Node* AsNode(Block* block) { return reinterpret_cast<Node*>(block); }
inline const Node* AsNode(const Block* block) { return reinterpret_cast<const Node*>(block); }
inline Block* AsBlock(Node* node) { return reinterpret_cast<Block*>(node); }

// A node with one child that serves everything.
Node* NewNode(std::string_view prefix, Block* child, size_t* charged, uint32_t due = kNeverDue);
void FreeNode(Node* node, size_t* charged);

// Inserts a child at position i >= 1 with the given lower bound. The result replaces the node.
[[nodiscard]] Node* InsertChild(Node* node, uint32_t i, uint8_t low, Block* child, size_t* charged,
                                uint32_t due = kNeverDue);
// Removes child i; its range goes to the left or to the right neighbour, which must exist and not
// be a node. The result replaces the node.
enum class Heir : uint8_t { kLeft, kRight };
[[nodiscard]] Node* RemoveChild(Node* node, uint32_t i, Heir heir, size_t* charged);
// Sets due[i]. The result replaces the node.
[[nodiscard]] Node* SetDue(Node* node, uint32_t i, uint32_t due, size_t* charged);
// Gives back the memory of due, all of which must be kNeverDue. The result replaces the node.
[[nodiscard]] Node* DropDue(Node* node, size_t* charged);
// Same children, another prefix (a + b; either may lie in the node itself). The result replaces the
// node.
[[nodiscard]] Node* ReplacePrefix(Node* node, std::string_view a, std::string_view b,
                                  size_t* charged);

}  // namespace cairn::vlog::art
