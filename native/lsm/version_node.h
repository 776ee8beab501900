// Inside of version_tree.h: the nodes, and what leads to them.
#pragma once

#include <algorithm>
#include <atomic>
#include <bit>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "lsm/version_tree.h"

namespace cairn::lsm {

inline constexpr int kEnd = 0;  // branch of a key that ends; that of a byte is the byte + 1
inline constexpr int kBranches = 257;

inline int BranchOf(std::string_view key, size_t depth) {
  return depth == key.size() ? kEnd : static_cast<uint8_t>(key[depth]) + 1;
}

inline size_t CommonBytes(const char* a, const char* b, size_t bytes) {
  size_t common = 0;
  for (; common + sizeof(uint64_t) <= bytes; common += sizeof(uint64_t)) {
    uint64_t x, y;
    std::memcpy(&x, a + common, sizeof(x));
    std::memcpy(&y, b + common, sizeof(y));
    if (x != y) return common + static_cast<size_t>(std::countr_zero(x ^ y)) / 8;
  }
  while (common < bytes && a[common] == b[common]) ++common;
  return common;
}

inline size_t CommonBytes(std::string_view a, std::string_view b) {
  return CommonBytes(a.data(), b.data(), std::min(a.size(), b.size()));
}

inline constexpr uintptr_t kVersionBit = 1;

template <typename Version>
uintptr_t LinkTo(const Version* version) {
  return reinterpret_cast<uintptr_t>(version) | kVersionBit;
}
inline bool IsVersion(uintptr_t link) { return (link & kVersionBit) != 0; }
template <typename T>
T* To(uintptr_t link) {
  return reinterpret_cast<T*>(link & ~kVersionBit);
}

// What all kinds of nodes begin with.
struct VersionTree::Node {
  enum class Kind : uint8_t { k4, k16, k48, k256 };

  Node(Kind its_kind, uint32_t its_depth, const char* its_sample)
      : depth(its_depth), kind(its_kind), sample(its_sample) {}

  // nullptr if there is nothing. The writer may store into it.
  Slot* Find(int branch) const;
  // The next branch behind, or before, another, and what is there; false if there is none.
  bool Next(int* branch, Link* link) const;
  bool Prev(int* branch, Link* link) const;
  // How many branches may lead to keys from `from` on, before `to`; with one of them, or 0.
  int Within(std::string_view from, std::string_view to, uint64_t random, Link* link) const;
  // Starts loading what Find reads behind the first line, which is there already.
  void PrefetchSlot(int branch) const;
  // The writer's, for a branch that is free; false if the node is full.
  bool Put(int branch, Link link);

  const uint32_t depth;
  std::atomic<uint16_t> count = 0;  // of bytes, but for k256
  const Kind kind;
  const char* const sample;
  mutable Slot end = 0;
};

// Bytes in the order they came, eight to a word; a word is stored as a whole, then the count.
struct VersionTree::Small : Node {
  using Node::Node;
  static constexpr unsigned kWordBytes = 8;

  std::atomic<uint64_t>* Words() const;
  Slot* Slots() const;
  unsigned Capacity() const { return kind == Kind::k4 ? 4 : 16; }

  uint8_t ByteAt(unsigned i) const {
    const uint64_t word = Words()[i / kWordBytes].load(std::memory_order_relaxed);
    return static_cast<uint8_t>(word >> i % kWordBytes * 8);
  }
  Slot* FindByte(uint8_t byte) const {
    constexpr uint64_t kLow = 0x0101010101010101;
    const unsigned have = count.load(std::memory_order_acquire);
    for (unsigned first = 0; first < have; first += kWordBytes) {
      const uint64_t word = Words()[first / kWordBytes].load(std::memory_order_relaxed);
      const uint64_t differ = word ^ kLow * byte;
      // The lowest bit is that of the first byte that is zero; what is above may be wrong.
      const uint64_t zero = (differ - kLow) & ~differ & kLow << 7;
      if (zero == 0) continue;
      const unsigned i = first + static_cast<unsigned>(std::countr_zero(zero)) / 8;
      return i < have ? Slots() + i : nullptr;
    }
    return nullptr;
  }
};

struct VersionTree::Node4 : Small {
  Node4(uint32_t its_depth, const char* its_sample) : Small(Kind::k4, its_depth, its_sample) {}
  mutable std::atomic<uint64_t> words[1] = {};
  mutable Slot slots[4] = {};
};

struct VersionTree::Node16 : Small {
  Node16(uint32_t its_depth, const char* its_sample) : Small(Kind::k16, its_depth, its_sample) {}
  mutable std::atomic<uint64_t> words[2] = {};
  mutable Slot slots[16] = {};
};

struct VersionTree::Node48 : Node {
  static constexpr unsigned kCapacity = 48;
  Node48(uint32_t its_depth, const char* its_sample) : Node(Kind::k48, its_depth, its_sample) {}
  std::atomic<uint8_t> places[256] = {};  // of the slot, + 1
  mutable Slot slots[kCapacity] = {};
};

struct VersionTree::Node256 : Node {
  Node256(uint32_t its_depth, const char* its_sample) : Node(Kind::k256, its_depth, its_sample) {}
  mutable Slot slots[256] = {};
};

}  // namespace cairn::lsm
