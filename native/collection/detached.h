// Detached: a collection that is made in memory, by as many passes as it takes, and becomes the
// value of a key at once. Nobody sees it before.
//
//   Detached made(ordered);                     one bool for each tree
//   tree::Tree tree(shape, made.pager(), 0);    as often as wanted; nothing has to be waited for
//   made.PutInto(&txn, key, ...);               in the last pass
//
// Memory: all of its pages. One unit takes kPagesMax of them.
//
// One thread at a time.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "base/status.h"
#include "collection/root.h"
#include "tree/tree.h"
#include "txn/txn.h"

namespace cairn {

class Detached {
 public:
  // With room for the ops on keys that stand in the same unit.
  static constexpr size_t kPagesMax = kPageOpsMax - 64;

  explicit Detached(std::span<const bool> ordered);
  Detached(const Detached&) = delete;
  Detached& operator=(const Detached&) = delete;

  tree::Pager* pager() { return &pager_; }
  uint8_t trees() const { return trees_; }
  size_t pages() const { return pager_.change_count(); }

  // In place of whatever the key has. `lasts`: until the pass is committed; else its pages are
  // copied. kBusy: the pass is pending. kTooLarge: more than one unit takes.
  Status PutInto(Txn* txn, std::string_view key, ValueType type, Encoding encoding,
                 std::string_view state, uint64_t expire_at_ms, bool lasts);

 private:
  class MemoryPager final : public tree::Pager {
   public:
    std::string roots[kTreesMax];  // before the first change
    uint8_t trees = 0;

   protected:
    tree::Outcome Find(uint64_t page, std::string_view* image) override;
  };

  MemoryPager pager_;
  uint8_t trees_;
};

}  // namespace cairn
