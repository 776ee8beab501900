#include "lsm/version_node.h"

#include "base/prefetch.h"

namespace cairn::lsm {

std::atomic<uint64_t>* VersionTree::Small::Words() const {
  return kind == Kind::k4 ? static_cast<const Node4*>(this)->words
                          : static_cast<const Node16*>(this)->words;
}
VersionTree::Slot* VersionTree::Small::Slots() const {
  return kind == Kind::k4 ? static_cast<const Node4*>(this)->slots
                          : static_cast<const Node16*>(this)->slots;
}

void VersionTree::Node::PrefetchSlot(int branch) const {
  const int byte = std::max(branch - 1, 0);
  switch (kind) {
    case Kind::k4:
      break;
    case Kind::k16:
      cairn::Prefetch(static_cast<const Node16*>(this)->slots);
      break;
    case Kind::k48:
      cairn::Prefetch(static_cast<const Node48*>(this)->places + byte);
      break;
    case Kind::k256:
      cairn::Prefetch(static_cast<const Node256*>(this)->slots + byte);
      break;
  }
}

VersionTree::Slot* VersionTree::Node::Find(int branch) const {
  Slot* slot = &end;
  if (branch != kEnd) {
    const auto byte = static_cast<uint8_t>(branch - 1);
    switch (kind) {
      case Kind::k4:
      case Kind::k16:
        return static_cast<const Small*>(this)->FindByte(byte);
      case Kind::k48: {
        const auto* node = static_cast<const Node48*>(this);
        const uint8_t place = node->places[byte].load(std::memory_order_acquire);
        return place == 0 ? nullptr : node->slots + place - 1;
      }
      case Kind::k256:
        slot = static_cast<const Node256*>(this)->slots + byte;
        break;
    }
  }
  return slot->load(std::memory_order_relaxed) == 0 ? nullptr : slot;
}

bool VersionTree::Node::Next(int* branch, Link* link) const {
  int next = kBranches;
  const Slot* found = nullptr;
  if (*branch < kEnd && (found = Find(kEnd)) != nullptr) {
    next = kEnd;
  } else if (kind == Kind::k4 || kind == Kind::k16) {
    const auto* node = static_cast<const Small*>(this);
    const unsigned have = count.load(std::memory_order_acquire);
    for (unsigned i = 0; i < have; ++i) {
      const int at = node->ByteAt(i) + 1;
      if (at <= *branch || at >= next) continue;
      next = at;
      found = node->Slots() + i;
    }
  } else {
    for (next = std::max(*branch, kEnd) + 1; next < kBranches; ++next) {
      if ((found = Find(next)) != nullptr) break;
    }
  }
  if (found == nullptr) return false;
  *branch = next;
  *link = found->load(std::memory_order_acquire);
  return true;
}

bool VersionTree::Node::Prev(int* branch, Link* link) const {
  int prev = kEnd;
  const Slot* found = nullptr;
  if (kind == Kind::k4 || kind == Kind::k16) {
    const auto* node = static_cast<const Small*>(this);
    const unsigned have = count.load(std::memory_order_acquire);
    for (unsigned i = 0; i < have; ++i) {
      const int at = node->ByteAt(i) + 1;
      if (at >= *branch || at <= prev) continue;
      prev = at;
      found = node->Slots() + i;
    }
  } else {
    for (prev = *branch - 1; prev > kEnd; --prev) {
      if ((found = Find(prev)) != nullptr) break;
    }
  }
  if (found == nullptr) {
    prev = kEnd;
    if (*branch > kEnd) found = Find(kEnd);
  }
  if (found == nullptr) return false;
  *branch = prev;
  *link = found->load(std::memory_order_acquire);
  return true;
}

int VersionTree::Node::Within(std::string_view from, std::string_view to, uint64_t random,
                              Link* link) const {
  const std::string_view begin(sample, depth);
  // A bound that goes on behind what the keys have in common cuts through the branches.
  const int first = from.substr(0, depth) == begin ? BranchOf(from, depth) : kEnd;
  const int last = to.substr(0, depth) == begin ? BranchOf(to, depth) : kBranches - 1;
  *link = 0;
  int branches = 0;
  Link at;
  for (int branch = first - 1; Next(&branch, &at) && branch <= last;) {
    ++branches;
    if (random % static_cast<unsigned>(branches) == 0) *link = at;  // each as likely
    random = random >> 1 | random << 63;
  }
  return branches;
}

bool VersionTree::Node::Put(int branch, Link link) {
  if (branch == kEnd) {
    end.store(link, std::memory_order_release);
    return true;
  }
  const auto byte = static_cast<uint8_t>(branch - 1);
  if (kind == Node::Kind::k256) {
    static_cast<Node256*>(this)->slots[byte].store(link, std::memory_order_release);
    return true;
  }
  const unsigned at = count.load(std::memory_order_relaxed);
  if (kind == Node::Kind::k48) {
    auto* large = static_cast<Node48*>(this);
    if (at == Node48::kCapacity) return false;
    large->slots[at].store(link, std::memory_order_relaxed);
    large->places[byte].store(static_cast<uint8_t>(at + 1), std::memory_order_release);
  } else {
    auto* small = static_cast<Small*>(this);
    if (at == small->Capacity()) return false;
    std::atomic<uint64_t>& word = small->Words()[at / Small::kWordBytes];
    small->Slots()[at].store(link, std::memory_order_relaxed);
    word.store(word.load(std::memory_order_relaxed) | uint64_t{byte} << at % Small::kWordBytes * 8,
               std::memory_order_relaxed);
  }
  count.store(static_cast<uint16_t>(at + 1), std::memory_order_release);
  return true;
}

}  // namespace cairn::lsm
