// An ordered map from keys to their versions, for one writer and any number of readers without
// locks: an adaptive radix tree (Leis et al., ICDE 2013) over the bytes of the keys, with path
// compression as in a Patricia trie.
//
//   Node: the keys below agree in their first `depth` bytes. A branch is the byte that follows, or
//   0 where a key ends there, and so comes first. How the keys agree is not in the node: a look-up
//   goes down by branches only, and compares the whole key with that of the leaf it comes to. What
//   finds no leaf compares with the sample, some key below.
//
//   Leaf: the newest version of a key. Each one leads to the next older one.
//
//      Node depth 1 --- end ---> "a" 9 -> "a" 4
//                   \-- 'b' ---> Node depth 4 --- 'x' ---> "abcdx" 7
//                                             \-- 'y' ---> "abcdy" 8 -> "abcdy" 3 -> "abcdy" 1
//
// Nothing is ever taken out: memory ends with the tree. A change is one store, of a branch that was
// free, of a newer version or of a node's larger copy, and a reader finds either state. As depths
// are absolute, a node is put above another without touching that. A cursor may stand in nodes that
// have been replaced; it then misses what came since, and nothing that was there when it was
// placed.
//
// A version holds an entry of RocksDB's memtables (memtable_entry.h). Versions of a key differ in
// their sequence.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

#include "lsm/memtable_entry.h"

namespace cairn::lsm {

class VersionTree {
 public:
  // Where memory comes from, of any alignment. It outlives the tree.
  class Memory {
   public:
    virtual char* Take(size_t bytes) = 0;

   protected:
    ~Memory() = default;
  };

  class Version;
  class Cursor;

  explicit VersionTree(Memory* memory) : memory_(memory) {}
  VersionTree(const VersionTree&) = delete;
  VersionTree& operator=(const VersionTree&) = delete;

  // The writer's. Room for an entry, to be filled and then inserted.
  char* Allocate(size_t bytes);
  // False if there is such a key of that sequence.
  bool Insert(char* entry);
  // Starts loading the ways to keys that will be inserted, all misses of a step at once.
  static constexpr size_t kPrefetchMax = 16;
  void Prefetch(std::span<const std::string_view> keys) const;

  // Of any thread. The newest version of a key up to that sequence, or nullptr.
  const Version* Find(std::string_view key, uint64_t sequence) const;
  // About how many entries there are from a key on, before another.
  uint64_t EstimateEntries(std::string_view from, std::string_view to) const;

 private:
  struct Node;
  struct Small;
  struct Node4;
  struct Node16;
  struct Node48;
  struct Node256;
  // A node, or a version with the lowest bit set; 0 is neither.
  using Link = uintptr_t;
  using Slot = std::atomic<Link>;

  struct Room {
    char* at = nullptr;
    size_t bytes = 0;
  };

  char* Take(Room* room, size_t bytes, size_t alignment);
  template <typename T>
  T* NewNode(uint32_t depth, const char* sample);
  Node* Larger(const Node* node);
  void AddBranch(Slot* slot, Node* node, int branch, Link link);
  void Split(std::string_view key, size_t common, int other_branch, Link link);
  static bool AddVersion(Slot* slot, Version* newest, Version* version);

  Slot root_ = 0;
  Memory* const memory_;
  size_t taken_ = 0;
  // Apart, so that nodes lie close together.
  Room versions_;
  Room nodes_;
};

// Allocated in front of its entry.
class VersionTree::Version {
 public:
  const char* entry() const { return reinterpret_cast<const char*>(this) + kEntryOffset; }
  const Version* Older() const { return older_.load(std::memory_order_acquire); }
  uint64_t Sequence() const { return ParseEntry(entry()).sequence; }

 private:
  friend class VersionTree;

  static constexpr size_t kEntryOffset = 2 * sizeof(void*) + sizeof(uint32_t);
  static constexpr uint32_t kStride = 64;

  void PutBefore(Version* older);
  // Starts loading it, and what of its entry comes first.
  static void Prefetch(const Version* version);
  // Of this version and those before it: the newest up to a sequence; the one just newer than
  // another; the last.
  const Version* UpTo(uint64_t sequence) const;
  const Version* NewerThan(const Version* version) const;
  const Version* Oldest() const;

  std::atomic<Version*> older_;
  // To one at most kStride steps older, from where the next such jump goes: many versions of a key
  // are passed in few steps.
  const Version* jump_;
  uint32_t number_;
};

// A place among the entries, in the order of the keys, newest versions first. Of one thread at a
// time; begins at no entry.
class VersionTree::Cursor {
 public:
  explicit Cursor(const VersionTree* tree) : tree_(tree) { path_.reserve(kUsualDepth); }

  bool Valid() const { return version_ != nullptr; }
  const char* entry() const { return version_->entry(); }
  void Next();
  void Prev();
  void SeekToFirst();
  void SeekToLast();
  // To the first entry not before that of a key and a sequence; to the last one not behind it.
  void Seek(std::string_view key, uint64_t sequence);
  void SeekForPrev(std::string_view key, uint64_t sequence);

 private:
  // Where a key is, or would be: in the leaf, before or behind all that is below the link, or
  // between two branches of the node on top of the path. The path leads to the link.
  enum class Where : uint8_t { kLeaf, kBefore, kBehind, kBetween };
  Where Locate(std::string_view key, Link* link);

  static constexpr size_t kUsualDepth = 16;
  struct Step {
    const Node* node;
    int branch;
  };

  void Clear();
  void GoTo(const Version* newest, const Version* version);
  void First(Link link);
  void Last(Link link);
  void NextKey();
  void PrevKey();
  void PrefetchNext() const;

  const VersionTree* tree_;
  std::vector<Step> path_;           // as deep as the key has bytes at most
  const Version* newest_ = nullptr;  // of the key
  const Version* version_ = nullptr;
};

}  // namespace cairn::lsm
