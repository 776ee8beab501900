#include "tree/build.h"

#include <utility>

#include "tree/try.h"

namespace cairn::tree {

// To the last leaf, behind its last entry.
Outcome Builder::LastPath(Path* path, Node* leaf) {
  RootHead head;
  TREE_TRY(tree_.Root(&head, leaf));
  path->height = head.height;
  path->at[0] = {tree_.root_, UINT32_MAX};
  if (head.height > 0) TREE_TRY(tree_.DescendEdge(path, 0, false, leaf));
  path->leaf().index = leaf->count();
  return Outcome::kDone;
}

Outcome Builder::Start() {
  started_ = true;
  Path path;
  Node leaf;
  TREE_TRY(LastPath(&path, &leaf));
  any_ = leaf.count() > 0;
  if (!any_ || !tree_.ordered_) return Outcome::kDone;
  LeafEntry last;
  std::string buffer;
  std::string_view rest;
  if (!leaf.Leaf(leaf.count() - 1, &last)) return tree_.Wrong(path.leaf().page);
  TREE_TRY(tree_.KeyRest(last, &buffer, &rest));
  last_head_ = last.head;
  last_rest_.assign(rest);
  return Outcome::kDone;
}

Outcome Builder::CheckOrder(const Key& key) {
  const bool after = key.head != last_head_ ? key.head > last_head_ : key.rest > last_rest_;
  if (any_ && !after) return tree_.pager_.Refuse(Code::kInvalid, "keys are not in order");
  any_ = true;
  last_head_ = key.head;
  last_rest_.assign(key.rest);
  return Outcome::kDone;
}

// As a single insertion does it, as long as there is room.
Outcome Builder::AddToLast(std::string_view entry, const Value& value, bool outside) {
  Path path;
  Node leaf;
  TREE_TRY(LastPath(&path, &leaf));
  const TreeShape& shape = tree_.shape_;
  const uint32_t limit = path.height == 0 ? shape.root_leaf_bytes : shape.leaf_bytes;
  filling_ = Tree::Fits(leaf, entry.size(), limit);
  if (!filling_) return Outcome::kDone;
  Tree::Settled settled;
  settled.count = 1;
  settled.added_due = value.due;
  settled.outside = outside;
  TREE_TRY(tree_.Settle(path, path.height, settled));
  return tree_.InsertEntry(&path, entry);
}

Outcome Builder::Add(const Key& key, const Value& value) {
  if (!started_) TREE_TRY(Start());
  if (tree_.ordered_) TREE_TRY(CheckOrder(key));
  bool outside = false;
  entry_.clear();
  TREE_TRY(tree_.Encode(key, value, &entry_, &outside));
  if (filling_) {
    TREE_TRY(AddToLast(entry_, value, outside));
    if (filling_) return Outcome::kDone;
  }
  const bool fits = leaf_.bytes() + entry_.size() + 2 <= tree_.shape_.leaf_bytes;
  if (leaf_.count() > 0 && !fits) TREE_TRY(Hang());
  leaf_.Add(entry_);
  return Outcome::kDone;
}

Outcome Builder::Finish() { return leaf_.count() > 0 ? Hang() : Outcome::kDone; }

// The leaf becomes the last one of the tree, which is not empty.
Outcome Builder::Hang() {
  Path path;
  Node last, made;
  TREE_TRY(LastPath(&path, &last));
  if (path.height == 0) {
    TREE_TRY(tree_.GrowRoot(&path, false));
    TREE_TRY(LastPath(&path, &last));
  }
  Tree::Halves halves;
  NodeBuilder leaf = std::exchange(leaf_, NodeBuilder(tree_.LeafKind(), false));
  halves.left.page = path.leaf().page;
  halves.right.page = tree_.pager_.New(tree_.LeafKind(), leaf.Finish())->page;
  TREE_TRY(tree_.NodeAt(halves.right.page, 0, &made));
  if (!last.Summary(&halves.left) || !made.Summary(&halves.right))
    return tree_.Wrong(halves.left.page);
  if (tree_.ordered_) {
    LeafEntry before, first;
    if (!last.Leaf(last.count() - 1, &before) || !made.Leaf(0, &first))
      return tree_.Wrong(halves.left.page);
    TREE_TRY(tree_.Separate(before, first, &halves));
  }
  Tree::Settled settled;
  settled.count = static_cast<int64_t>(halves.right.count);
  settled.added_due = halves.right.due;
  settled.outside = halves.right.outside_below;
  TREE_TRY(tree_.Settle(path, path.height, settled));
  return tree_.AddSibling(&path, path.height, std::move(halves));
}

}  // namespace cairn::tree
