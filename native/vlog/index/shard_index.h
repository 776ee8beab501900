// ShardIndex: the trees of one shard, one per namespace that was ever used, and the positions that
// reads of the shard may have to wait for. Guarded by the shard's latch.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "vlog/index/art.h"

namespace cairn::vlog {

class alignas(64) ShardIndex {
 public:
  static constexpr uint32_t kPageTrees = 16;

  Art* Tree(uint16_t tree) const {
    if (CAIRN_LIKELY(tree < kPageTrees)) return first_ == nullptr ? nullptr : &(*first_)[tree];
    const size_t page = tree / kPageTrees;
    return page < pages_.size() && pages_[page] != nullptr ? &(*pages_[page])[tree % kPageTrees]
                                                           : nullptr;
  }
  Art& MakeTree(uint16_t tree) {
    if (CAIRN_LIKELY(tree < kPageTrees && first_ != nullptr)) return (*first_)[tree];
    const size_t page = tree / kPageTrees;
    if (page >= pages_.size()) pages_.resize(page + 1);
    if (pages_[page] == nullptr) pages_[page] = std::make_unique<Page>();
    if (page == 0) first_ = pages_[0].get();
    return (*pages_[page])[tree % kPageTrees];
  }
  // Nothing: also if the tree was never used.
  EntryRef Find(uint16_t tree, std::string_view key) const {
    const Art* found = Tree(tree);
    return found == nullptr ? EntryRef() : found->Find(key);
  }
  // visit(uint16_t number, Art& tree) for every tree with keys.
  template <typename Visit>
  void ForEach(Visit&& visit) const {
    for (size_t page = 0; page < pages_.size(); ++page) {
      if (pages_[page] == nullptr) continue;
      for (uint32_t i = 0; i < kPageTrees; ++i) {
        Art& tree = (*pages_[page])[i];  // the owner's latch decides, not const
        if (!tree.empty()) visit(static_cast<uint16_t>(page * kPageTrees + i), tree);
      }
    }
  }

  // Ends of the latest records of this shard: of any kind; that removed keys; that changed what is
  // said of a key without writing its value (expiry, swap).
  uint64_t last_write = 0;
  uint64_t last_removal = 0;
  uint64_t last_change = 0;

  uint64_t ring_reads = 0;  // values of this shard that were read from the WAL ring

 private:
  using Page = std::array<Art, kPageTrees>;
  std::vector<std::unique_ptr<Page>> pages_;
  Page* first_ = nullptr;  // pages_[0], without the way through the vector
};

}  // namespace cairn::vlog
