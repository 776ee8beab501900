#include "lsm/version_tree.h"

#include <algorithm>
#include <new>
#include <type_traits>

#include "base/check.h"
#include "base/prefetch.h"
#include "lsm/version_node.h"

namespace cairn::lsm {

namespace {

// Memory is taken in pieces that grow with the tree: memtables may be small.
constexpr size_t kPieceMin = 2 << 10;
constexpr size_t kPieceMax = 64 << 10;
constexpr size_t kPieceShare = 16;  // of what was taken so far
constexpr size_t kCacheLine = 64;

}  // namespace

char* VersionTree::Take(Room* room, size_t bytes, size_t alignment) {
  bytes = (bytes + alignment - 1) / alignment * alignment;
  if (bytes > room->bytes) {
    const size_t piece = std::clamp(taken_ / kPieceShare, kPieceMin, kPieceMax);
    const bool alone = bytes > piece / 4;
    Room fresh;
    fresh.bytes = alone ? bytes + alignment - 1 : piece;
    fresh.at = memory_->Take(fresh.bytes);
    taken_ += fresh.bytes;
    const size_t skip = -reinterpret_cast<uintptr_t>(fresh.at) % alignment;
    fresh.at += skip;
    fresh.bytes -= skip;
    if (alone) return fresh.at;
    *room = fresh;
  }
  char* const taken = room->at;
  room->at += bytes;
  room->bytes -= bytes;
  return taken;
}

template <typename T>
T* VersionTree::NewNode(uint32_t depth, const char* sample) {
  static_assert(std::is_trivially_destructible_v<T>);
  return new (Take(&nodes_, sizeof(T), kCacheLine)) T(depth, sample);
}

char* VersionTree::Allocate(size_t bytes) {
  static_assert(std::is_trivially_destructible_v<Version>);
  static_assert(offsetof(Version, number_) + sizeof(uint32_t) == Version::kEntryOffset);
  return Take(&versions_, Version::kEntryOffset + bytes, alignof(Version)) + Version::kEntryOffset;
}

// A copy with room for more.
VersionTree::Node* VersionTree::Larger(const Node* node) {
  Node* copy = nullptr;
  switch (node->kind) {
    case Node::Kind::k4:
      copy = NewNode<Node16>(node->depth, node->sample);
      break;
    case Node::Kind::k16:
      copy = NewNode<Node48>(node->depth, node->sample);
      break;
    case Node::Kind::k48:
    case Node::Kind::k256:
      copy = NewNode<Node256>(node->depth, node->sample);
      break;
  }
  int branch = kEnd - 1;
  Link link;
  while (node->Next(&branch, &link)) CAIRN_CHECK(copy->Put(branch, link));
  return copy;
}

void VersionTree::AddBranch(Slot* slot, Node* node, int branch, Link link) {
  if (node->Put(branch, link)) return;
  Node* const copy = Larger(node);
  CAIRN_CHECK(copy->Put(branch, link));
  slot->store(reinterpret_cast<Link>(copy), std::memory_order_release);
}

// Puts a node above all that agrees with the key in `common` bytes, and no more, and has
// `other_branch` there.
void VersionTree::Split(std::string_view key, size_t common, int other_branch, Link link) {
  Slot* slot = &root_;
  for (;;) {
    const Link at = slot->load(std::memory_order_relaxed);
    if (IsVersion(at) || To<Node>(at)->depth > common) break;
    const Node* node = To<Node>(at);
    CAIRN_CHECK(node->depth < common);
    slot = node->Find(BranchOf(key, node->depth));
    CAIRN_CHECK(slot != nullptr);
  }
  static_assert(sizeof(Node4) == kCacheLine);
  Node* const node = NewNode<Node4>(static_cast<uint32_t>(common), key.data());
  node->Put(other_branch, slot->load(std::memory_order_relaxed));
  node->Put(BranchOf(key, common), link);
  slot->store(reinterpret_cast<Link>(node), std::memory_order_release);
}

bool VersionTree::Insert(char* entry) {
  auto* const version = new (entry - Version::kEntryOffset) Version;
  version->PutBefore(nullptr);
  const Link link = LinkTo(version);
  const std::string_view key = ParseEntry(entry).key;
  Slot* slot = &root_;
  for (;;) {
    const Link at = slot->load(std::memory_order_relaxed);
    if (at == 0) {  // the first of all
      slot->store(link, std::memory_order_release);
      return true;
    }
    if (IsVersion(at)) {
      auto* const newest = To<Version>(at);
      const std::string_view other = ParseEntry(newest->entry()).key;
      if (other == key) return AddVersion(slot, newest, version);
      const size_t common = CommonBytes(key, other);
      Split(key, common, BranchOf(other, common), link);
      return true;
    }
    auto* const node = To<Node>(at);
    const size_t depth = node->depth;
    if (key.size() >= depth) {
      const int branch = BranchOf(key, depth);
      if (Slot* next = node->Find(branch)) {
        slot = next;
        continue;
      }
    }
    const std::string_view sample(node->sample, depth);
    const size_t common = CommonBytes(key, sample);
    if (common == depth) {
      AddBranch(slot, node, BranchOf(key, depth), link);
    } else {
      Split(key, common, BranchOf(sample, common), link);
    }
    return true;
  }
}

void VersionTree::Prefetch(std::span<const std::string_view> keys) const {
  CAIRN_CHECK(keys.size() <= kPrefetchMax);
  Link at[kPrefetchMax];  // 0: the way ends
  const Slot* slots[kPrefetchMax];
  std::fill_n(at, keys.size(), root_.load(std::memory_order_acquire));
  bool more = true;
  while (more) {
    more = false;
    for (size_t i = 0; i < keys.size(); ++i) {
      if (at[i] == 0) continue;
      if (IsVersion(at[i]) || keys[i].size() < To<const Node>(at[i])->depth) {
        at[i] = 0;
        continue;
      }
      const auto* node = To<const Node>(at[i]);
      node->PrefetchSlot(BranchOf(keys[i], node->depth));
    }
    for (size_t i = 0; i < keys.size(); ++i) {
      if (at[i] == 0) continue;
      const auto* node = To<const Node>(at[i]);
      slots[i] = node->Find(BranchOf(keys[i], node->depth));
      if (slots[i] == nullptr) {
        at[i] = 0;
      } else {
        cairn::Prefetch(slots[i]);
      }
    }
    for (size_t i = 0; i < keys.size(); ++i) {
      if (at[i] == 0) continue;
      at[i] = slots[i]->load(std::memory_order_acquire);
      more = true;
      if (IsVersion(at[i])) {
        Version::Prefetch(To<const Version>(at[i]));
      } else {
        cairn::Prefetch(To<const Node>(at[i]));
      }
    }
  }
}

bool VersionTree::AddVersion(Slot* slot, Version* newest, Version* version) {
  const uint64_t sequence = version->Sequence();
  Version* newer = nullptr;
  Version* older = newest;
  // Sequences ascend, or nearly so.
  while (older != nullptr && older->Sequence() > sequence) {
    newer = older;
    older = older->older_.load(std::memory_order_relaxed);
  }
  if (older != nullptr && older->Sequence() == sequence) return false;
  version->PutBefore(older);
  if (newer == nullptr) {
    slot->store(LinkTo(version), std::memory_order_release);
  } else {
    newer->older_.store(version, std::memory_order_release);
  }
  return true;
}

const VersionTree::Version* VersionTree::Find(std::string_view key, uint64_t sequence) const {
  Link at = root_.load(std::memory_order_acquire);
  while (at != 0 && !IsVersion(at)) {
    const auto* node = To<const Node>(at);
    if (key.size() < node->depth) return nullptr;
    const Slot* slot = node->Find(BranchOf(key, node->depth));
    if (slot == nullptr) return nullptr;
    at = slot->load(std::memory_order_acquire);
  }
  if (at == 0) return nullptr;
  const auto* newest = To<const Version>(at);
  return ParseEntry(newest->entry()).key == key ? newest->UpTo(sequence) : nullptr;
}

// Knuth, "Estimating the efficiency of backtrack programs" (1975): a way down that takes any of n
// branches counts n times what it finds.
uint64_t VersionTree::EstimateEntries(std::string_view from, std::string_view to) const {
  constexpr int kWays = 64;
  uint64_t found = 0;
  uint64_t random = 0x9e3779b97f4a7c15;
  for (int way = 0; way < kWays; ++way) {
    uint64_t weight = 1;
    Link at = root_.load(std::memory_order_acquire);
    while (at != 0 && !IsVersion(at)) {
      random ^= random << 13, random ^= random >> 7, random ^= random << 17;
      const int branches = To<const Node>(at)->Within(from, to, random, &at);
      weight *= static_cast<unsigned>(branches);
    }
    if (at == 0) continue;
    const auto* newest = To<const Version>(at);
    const std::string_view key = ParseEntry(newest->entry()).key;
    if (from <= key && key < to) found += weight * (newest->number_ + uint64_t{1});
  }
  return found / kWays;
}

void VersionTree::Version::Prefetch(const Version* version) {
  constexpr size_t kLines = 2;
  for (size_t i = 0; i < kLines; ++i)
    cairn::Prefetch(reinterpret_cast<const char*>(version) + i * kCacheLine);
}

void VersionTree::Version::PutBefore(Version* older) {
  older_.store(older, std::memory_order_relaxed);
  number_ = older == nullptr ? 0 : older->number_ + 1;
  jump_ = older == nullptr || older->number_ % kStride == 0 ? older : older->jump_;
}

const VersionTree::Version* VersionTree::Version::UpTo(uint64_t sequence) const {
  const Version* at = this;
  while (at != nullptr && at->Sequence() > sequence) {
    const Version* jump = at->jump_;
    at = jump != nullptr && jump->Sequence() > sequence ? jump : at->Older();
  }
  return at;
}

const VersionTree::Version* VersionTree::Version::NewerThan(const Version* version) const {
  const uint64_t sequence = version->Sequence();
  const Version* at = this;
  for (;;) {
    const Version* jump = at->jump_;
    if (jump != nullptr && jump->Sequence() > sequence) {
      at = jump;
      continue;
    }
    const Version* older = at->Older();
    CAIRN_CHECK(older != nullptr, "each version is reached from the newest of its key");
    if (older->Sequence() <= sequence) return at;
    at = older;
  }
}

const VersionTree::Version* VersionTree::Version::Oldest() const {
  const Version* at = this;
  while (at->jump_ != nullptr) at = at->jump_;
  while (const Version* older = at->Older()) at = older;
  return at;
}

}  // namespace cairn::lsm
