// Collection: the value of one key that is not a string, in a pass: found or made, its trees read
// and changed, and saved. What the types (hash.h, list.h, set.h, zset.h, stream.h) have in common;
// it knows no elements.
//
//   Collection c(&txn, key, ValueType::kHash);
//   Opened opened = c.Open();                        one look-up
//   if (opened == Opened::kMissing) c.Make(...);     only to write
//   tree::Tree tree(shape, c.pager(), 0);            as often as wanted
//   ... tree operations, each kDone, kWait or kFailed ...
//   Outcome saved = c.Save();                        one put
//
// After kPending and kWait the pass is pending, and the handler just returns; whatever it has
// written does not count. After kFailed it answers with an error (c.status()), and must not have
// saved anything: who changes several collections saves them when all have been changed. Save is
// the last thing done to a collection that was changed.
//
// An empty collection deletes its key (KeepEmpty: streams do not). The expiry stays as it is. A
// space is made for the first page that is not a root, and goes with the key.
//
// One pass, one thread. Views that trees give are valid until the next change, and until the
// Collection goes.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "collection/kept_changes.h"
#include "collection/root.h"
#include "collection/txn_pager.h"
#include "tree/tree.h"
#include "txn/txn.h"

namespace cairn {

enum class [[nodiscard]] Opened : uint8_t{
    kFound,  kMissing, kPending, kWrongType,
    kFailed,  // damaged: see status()
};

class Collection {
 public:
  Collection(Txn* txn, std::string_view key, ValueType type) : txn_(*txn), key_(key), type_(type) {}
  Collection(const Collection&) = delete;
  Collection& operator=(const Collection&) = delete;

  // For a command in slices, before Open: see kept_changes.h.
  void KeepIn(KeptChanges* kept) { kept_ = kept; }
  void Keep();

  // Looks the key up; counts a hit or a miss if the command only reads (Txn::Get).
  Opened Open();
  // After kMissing, or to put another one in the place of what is there, whatever its type: empty
  // trees 0, 1, ..., one for each shape.
  void Make(Encoding encoding, std::span<const tree::TreeShape> shapes, uint64_t expire_at_ms = 0);

  tree::Pager* pager() { return pager_.get(); }
  Txn& txn() { return txn_; }
  std::string_view key() const { return key_; }
  uint64_t expire_at_ms() const { return facts_.expire_at_ms; }
  void set_expire_at_ms(uint64_t expire_at_ms) {
    facts_.changed |= expire_at_ms != facts_.expire_at_ms;
    facts_.expire_at_ms = expire_at_ms;
  }
  // Whether elements may lie in pages besides the roots.
  bool has_space() const { return pager_->space() != 0; }

  Encoding encoding() const { return facts_.encoding; }
  void set_encoding(Encoding encoding) {
    facts_.changed |= encoding != facts_.encoding;
    facts_.encoding = encoding;
  }
  std::string_view state() const { return state_; }
  void set_state(std::string state);  // at most kStateBytesMax
  uint8_t trees() const { return pager_->root_.trees; }
  // Another tree, the next number. It can go again, if it is the last one and was emptied.
  uint64_t AddTree(const tree::TreeShape& shape);
  void RemoveLastTree();
  void KeepEmpty() { facts_.keep_empty = true; }

  // Of tree 0.
  tree::Outcome Count(uint64_t* count);
  // What was changed goes into the Txn. kWait: it has to come again.
  tree::Outcome Save();

  // What a type finds wrong. Always kFailed.
  Opened Fail(std::string_view what);
  // The reason after kFailed.
  const Status& status() const { return failed_.ok() ? pager_->status() : failed_; }

 private:
  Opened TakeKept();
  tree::Outcome PutPages(RootValue* root, bool* root_changed);
  void PutRoot(RootValue* root);

  Txn& txn_;
  const std::string_view key_;
  const ValueType type_;
  PagerLoan pager_;
  CollectionFacts facts_;
  std::string_view state_;
  std::string own_state_;
  KeptChanges* kept_ = nullptr;
  Status failed_;
};

}  // namespace cairn
