// KeptChanges: what a command that goes in slices has changed of one collection so far, from one of
// its passes to the next.
//
//   collection.KeepIn(&kept);    before Open, which then goes on from what is kept, if anything is
//   ... changes, Save ...
//   collection.Keep();           the last thing; not if a change was left half done
//
// Good as long as nobody else changes the key: whoever keeps it has a KeyGuard, and says Forget.
// Memory: the pages that were changed, and the roots. One thread.
#pragma once

#include <cstdint>
#include <string>

#include "collection/root.h"
#include "collection/txn_pager.h"

namespace cairn {

// What a Collection knows of its value, beside the pages and the state.
struct CollectionFacts {
  Encoding encoding = Encoding::kListpack;
  uint64_t expire_at_ms = 0;
  bool exists = false;
  bool replaces = false;  // what is stored there goes, with its space
  bool changed = false;   // the root is to be written, whatever its trees say
  bool keep_empty = false;
};

class KeptChanges {
 public:
  KeptChanges() = default;
  KeptChanges(const KeptChanges&) = delete;
  KeptChanges& operator=(const KeptChanges&) = delete;

  bool any() const { return any_; }
  void Forget() { any_ = false; }

 private:
  friend class Collection;

  bool any_ = false;
  TxnPager pager_;                // of no pass: it only holds changes
  std::string roots_[kTreesMax];  // before any change
  SpaceId space_ = 0;
  uint8_t trees_ = 0;
  CollectionFacts facts_;
  std::string state_;
};

}  // namespace cairn
