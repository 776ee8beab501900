// ArtLoader: fills an empty tree (art.h) with ascending keys, several times faster than Upsert,
// into full buckets without slack. The tree is an ordinary one afterwards.
//
// Only the right edge of a tree grows when keys ascend: a path of open nodes, and the entries that
// go into the next bucket of the last of them. Those wait until it is known where the bucket ends,
// which is where Upsert would have split it.
//
//   open nodes    [key:00 | * * *  ]          closed children *, next child below
//                              [3 | * *  ]
//   waiting                          {key:0037.. key:0038.. key:0038..}
//
// Threads: as for Art, which nobody else may use from Begin to Finish. Memory: the entries of one
// bucket, with their keys.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

#include "vlog/index/art.h"
#include "vlog/index/art_bucket.h"
#include "vlog/index/art_node.h"

namespace cairn::vlog {

class ArtLoader {
 public:
  ArtLoader() = default;
  ~ArtLoader() { Finish(); }
  ArtLoader(const ArtLoader&) = delete;
  ArtLoader& operator=(const ArtLoader&) = delete;

  // Finishes the tree before, if any. A tree that is not empty is filled by Upsert.
  void Begin(Art* tree);
  // As Upsert. From the first key that is not above the one before on, by Upsert.
  void Append(std::string_view key, const Pointer& pointer, uint64_t expire_at_ms);
  void Finish();

 private:
  struct Waiting {
    Pointer pointer;
    uint64_t expire_at_ms;
    size_t key_at;  // in keys_
    size_t key_bytes;
  };
  struct OpenNode {
    art::Node* node;
    size_t depth;     // bytes of the key above and in it
    uint32_t child;   // which one it is of the node before
    bool fresh;       // no child yet
    int last_symbol;  // of its last child, if that is a node; else -1
  };

  std::string_view Key(uint32_t i) const {
    return {keys_.data() + waiting_[i].key_at, waiting_[i].key_bytes};
  }
  size_t Depth() const { return open_.empty() ? 0 : open_.back().depth; }
  int Symbol(uint32_t i) const {
    const std::string_view key = Key(i);
    const size_t depth = Depth();
    return key.size() == depth ? -1 : static_cast<uint8_t>(key[depth]);
  }
  bool Oversized() const;
  void Wait(std::string_view key, const Pointer& pointer, uint64_t expire_at_ms);
  void Relieve();
  void Descend();
  void Emit(uint32_t count);
  void Leave(size_t common);
  void Seal();
  void Replace(art::Node* node);
  void AddChild(int low, art::Block* child);

  Art* tree_ = nullptr;
  bool plain_ = false;  // by Upsert
  std::vector<OpenNode> open_;
  Waiting waiting_[art::Bucket::kMaxEntries + 1];
  uint32_t count_ = 0;
  uint32_t times_ = 0;        // of those that wait: with an expiry
  size_t waiting_bytes_ = 0;  // of their keys
  std::vector<char> keys_;
};

}  // namespace cairn::vlog
