// ShardIndex: the trees of one shard, of keys and of pages (tree_number.h), one per namespace that
// was ever used, and the positions that reads of the shard may have to wait for. Guarded by the
// shard's latch.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "vlog/index/art.h"
#include "vlog/index/tree_number.h"

namespace cairn::vlog {

class alignas(64) ShardIndex {
 public:
  static constexpr uint32_t kGroupTrees = 16;

  Art* Tree(uint16_t tree) const {
    return CAIRN_LIKELY(!IsPageTree(tree)) ? keys_.Tree(tree) : pages_.Tree(KeyTree(tree));
  }
  Art& MakeTree(uint16_t tree) {
    return CAIRN_LIKELY(!IsPageTree(tree)) ? keys_.MakeTree(tree) : pages_.MakeTree(KeyTree(tree));
  }
  // Nothing: also if the tree was never used.
  EntryRef Find(uint16_t tree, std::string_view key) const {
    const Art* found = Tree(tree);
    return found == nullptr ? EntryRef() : found->Find(key);
  }
  // visit(uint16_t number, Art& tree) for every tree that is not empty, numbers ascending.
  template <typename Visit>
  void ForEach(Visit&& visit) const {
    keys_.ForEach(visit);
    pages_.ForEach([&](uint16_t number, Art& tree) { visit(PageTree(number), tree); });
  }

  // Ends of the latest records of this shard: of any kind; that removed keys; that changed what is
  // said of a key without writing its value (expiry, swap).
  uint64_t last_write = 0;
  uint64_t last_removal = 0;
  uint64_t last_change = 0;

  uint64_t ring_reads = 0;  // values of this shard that were read from the WAL ring

 private:
  // Trees by number, in groups of neighbours.
  class Trees {
   public:
    Art* Tree(uint16_t tree) const {
      if (CAIRN_LIKELY(tree < kGroupTrees)) return first_ == nullptr ? nullptr : &(*first_)[tree];
      const size_t group = tree / kGroupTrees;
      return group < groups_.size() && groups_[group] != nullptr
                 ? &(*groups_[group])[tree % kGroupTrees]
                 : nullptr;
    }
    Art& MakeTree(uint16_t tree) {
      if (CAIRN_LIKELY(tree < kGroupTrees && first_ != nullptr)) return (*first_)[tree];
      const size_t group = tree / kGroupTrees;
      if (group >= groups_.size()) groups_.resize(group + 1);
      if (groups_[group] == nullptr) groups_[group] = std::make_unique<Group>();
      if (group == 0) first_ = groups_[0].get();
      return (*groups_[group])[tree % kGroupTrees];
    }
    template <typename Visit>
    void ForEach(Visit&& visit) const {
      for (size_t group = 0; group < groups_.size(); ++group) {
        if (groups_[group] == nullptr) continue;
        for (uint32_t i = 0; i < kGroupTrees; ++i) {
          Art& tree = (*groups_[group])[i];  // the owner's latch decides, not const
          if (!tree.empty()) visit(static_cast<uint16_t>(group * kGroupTrees + i), tree);
        }
      }
    }

   private:
    using Group = std::array<Art, kGroupTrees>;
    std::vector<std::unique_ptr<Group>> groups_;
    Group* first_ = nullptr;  // groups_[0], without the way through the vector
  };

  Trees keys_;
  Trees pages_;
};

}  // namespace cairn::vlog
