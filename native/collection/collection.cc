#include "collection/collection.h"

#include <utility>

#include "tree/edit.h"
#include "tree/try.h"

namespace cairn {

using tree::Outcome;
using tree::PageKind;
using tree::Pager;

namespace {

std::string_view EmptyRoot(const tree::TreeShape& shape) {
  static const std::string ordered = tree::Tree::EmptyRoot(tree::TreeShape{});
  static const std::string list = tree::Tree::EmptyRoot(tree::TreeShape{.ordered = false});
  return shape.ordered ? ordered : list;
}

}  // namespace

// The key has not changed, and need not be looked at.
Opened Collection::TakeKept() {
  RootValue root;
  root.space = kept_->space_;
  root.trees = kept_->trees_;
  for (size_t i = 0; i < root.trees; ++i) root.roots[i] = kept_->roots_[i];
  pager_->Open(&txn_, root, tree::kFirstPage);
  pager_->SwapChanges(&kept_->pager_);
  facts_ = kept_->facts_;
  own_state_ = kept_->state_;
  state_ = own_state_;
  kept_->any_ = false;
  return Opened::kFound;
}

void Collection::Keep() {
  if (kept_ == nullptr) return;
  const RootValue& root = pager_->root_;
  kept_->space_ = root.space;
  kept_->trees_ = root.trees;
  for (size_t i = 0; i < root.trees; ++i) {
    if (root.roots[i].data() != kept_->roots_[i].data()) kept_->roots_[i].assign(root.roots[i]);
  }
  kept_->pager_.SwapChanges(pager_.get());
  kept_->facts_ = facts_;
  kept_->state_.assign(state_);
  kept_->any_ = true;
}

Opened Collection::Open() {
  if (CAIRN_UNLIKELY(kept_ != nullptr && kept_->any())) return TakeKept();
  std::string_view value;
  KeyMeta meta;
  const ReadState state = txn_.Get(key_, &value, &meta);
  if (CAIRN_UNLIKELY(state != ReadState::kFound))
    return state == ReadState::kMissing ? Opened::kMissing : Opened::kPending;
  facts_.exists = true;
  facts_.replaces = true;
  facts_.expire_at_ms = meta.expire_at_ms;
  if (meta.type != type_) return Opened::kWrongType;
  RootValue root;
  tree::RootHead head;
  if (!DecodeRoot(value, &root) || root.trees == 0 || !LoadRootHead(root.roots[0], &head)) {
    return Fail("the root of a collection makes no sense");
  }
  facts_.replaces = false;
  facts_.encoding = root.encoding;
  state_ = root.state;
  pager_->Open(&txn_, root, head.next_page);
  return Opened::kFound;
}

Opened Collection::Fail(std::string_view what) {
  if (failed_.ok()) failed_ = Status(Code::kCorruption, std::string(what));
  return Opened::kFailed;
}

void Collection::Make(Encoding encoding, std::span<const tree::TreeShape> shapes,
                      uint64_t expire_at_ms) {
  CAIRN_CHECK(!shapes.empty() && shapes.size() <= kTreesMax);
  RootValue root;
  root.trees = static_cast<uint8_t>(shapes.size());
  for (size_t i = 0; i < shapes.size(); ++i) root.roots[i] = EmptyRoot(shapes[i]);
  facts_.encoding = encoding;
  facts_.expire_at_ms = expire_at_ms;
  state_ = {};
  facts_.changed = true;
  facts_.replaces = true;
  pager_->Open(&txn_, root, tree::kFirstPage);
}

void Collection::set_state(std::string state) {
  CAIRN_CHECK(state.size() <= kStateBytesMax);
  own_state_ = std::move(state);
  state_ = own_state_;
  facts_.changed = true;
}

uint64_t Collection::AddTree(const tree::TreeShape& shape) {
  RootValue& root = pager_->root_;
  CAIRN_CHECK(root.trees < kTreesMax);
  root.roots[root.trees] = EmptyRoot(shape);
  facts_.changed = true;
  return root.trees++;
}

void Collection::RemoveLastTree() {
  CAIRN_CHECK(pager_->root_.trees > 1);
  --pager_->root_.trees;
  facts_.changed = true;
}

Outcome Collection::Count(uint64_t* count) {
  tree::RootHead head;
  TREE_TRY(tree::ReadHead(pager_.get(), 0, &head));
  *count = head.count;
  return Outcome::kDone;
}

Outcome Collection::PutPages(RootValue* root, bool* root_changed) {
  for (size_t i = 0; i < pager_->change_count(); ++i) {
    const Pager::Change& change = pager_->change(i);
    if (change.root()) {
      *root_changed = true;
      if (change.page < root->trees) root->roots[change.page] = change.staging.image;
      continue;
    }
    if (change.what == Pager::Change::What::kNothing) continue;
    if (root->space == 0) {
      failed_ = txn_.NewSpace(key_, &root->space);
      if (!failed_.ok()) return txn_.pending() ? Outcome::kWait : Outcome::kFailed;
      *root_changed = true;
    }
    const auto kind = static_cast<uint8_t>(change.kind);
    if (change.what == Pager::Change::What::kRemoved) {
      txn_.RemovePage(root->space, change.page, kind);
    } else {
      txn_.PutPage(root->space, change.page, kind, txn_.Copy(change.staging.image),
                   change.what == Pager::Change::What::kMade);
    }
  }
  return Outcome::kDone;
}

void Collection::PutRoot(RootValue* root) {
  root->encoding = facts_.encoding;
  root->state = state_;
  const size_t bytes = EncodedBytes(*root);
  char* const to = txn_.Alloc(bytes);
  EncodeRoot(*root, to);
  if (facts_.replaces) {
    txn_.Put(key_, {to, bytes}, facts_.expire_at_ms, type_);
  } else {
    txn_.PutRoot(key_, {to, bytes}, facts_.expire_at_ms, type_);
  }
}

Outcome Collection::Save() {
  uint64_t count = 0;
  TREE_TRY(Count(&count));
  if (count == 0 && !facts_.keep_empty) {
    if (facts_.exists) txn_.Delete(key_);
    return Outcome::kDone;
  }
  TREE_TRY(tree::Seal(pager_.get()));
  RootValue root = pager_->root_;
  bool root_changed = facts_.changed;
  TREE_TRY(PutPages(&root, &root_changed));
  if (CAIRN_LIKELY(root_changed)) {
    PutRoot(&root);
  } else if (pager_->change_count() != 0) {
    txn_.Touch(key_);
  }
  return Outcome::kDone;
}

}  // namespace cairn
