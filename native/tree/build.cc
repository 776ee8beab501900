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

void Builder::Note(const Value& value, bool outside, Tree::Settled* added) {
  ++added->count;
  added->outside |= outside;
  if (value.due != 0 && (added->added_due == 0 || value.due < added->added_due))
    added->added_due = value.due;
}

// As single insertions do it, as long as there is room; the nodes above are told once, see Tell.
Outcome Builder::AddToLast(std::string_view entry, const Value& value, bool outside) {
  if (last_ == nullptr) {
    Node leaf;
    TREE_TRY(LastPath(&path_, &leaf));
    TREE_TRY(tree_.EditorOf(path_.leaf().page, tree_.LeafKind(), &last_));
  }
  const TreeShape& shape = tree_.shape_;
  const bool root = path_.height == 0;
  std::string_view image = last_->staging.image;
  if (root) image.remove_prefix(kRootHeadBytes);
  Node leaf;
  if (!leaf.OpenAs(tree_.LeafKind(), image)) return tree_.Wrong(last_->page);
  const uint32_t limit = root ? shape.root_leaf_bytes : shape.leaf_bytes;
  filling_ = Tree::Fits(leaf, entry.size(), limit);
  if (!filling_) return Tell();
  Editor editor(&last_->staging, root);
  if (!editor.Insert(leaf.count(), entry)) return tree_.Wrong(last_->page);
  Note(value, outside, &added_);
  return Outcome::kDone;
}

// What has come to the last leaf, to the nodes above.
Outcome Builder::Tell() {
  last_ = nullptr;
  const Tree::Settled added = std::exchange(added_, Tree::Settled());
  return added.count == 0 ? Outcome::kDone : tree_.Settle(path_, path_.height, added);
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
  Note(value, outside, &made_);
  return Outcome::kDone;
}

Outcome Builder::Finish() {
  TREE_TRY(Tell());
  return leaf_.count() > 0 ? Hang() : Outcome::kDone;
}

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
  TREE_TRY(tree_.pager_.New(tree_.LeafKind(), leaf.Finish(), &halves.right.page));
  TREE_TRY(tree_.NodeAt(halves.right.page, 0, &made));
  Node parent;
  TREE_TRY(tree_.NodeOf(path, path.height - 1, &parent));
  const uint64_t left_page = halves.left.page;
  if (!parent.ChildAt(path.at[path.height - 1].index, &halves.left)) return tree_.Wrong(left_page);
  const Tree::Settled settled = std::exchange(made_, Tree::Settled());
  halves.right.count = static_cast<uint64_t>(settled.count);
  halves.right.due = settled.added_due;
  halves.right.outside_below = settled.outside;
  if (tree_.ordered_) {
    LeafEntry before, first;
    if (!last.Leaf(last.count() - 1, &before) || !made.Leaf(0, &first))
      return tree_.Wrong(halves.left.page);
    TREE_TRY(tree_.Separate(before, first, &halves));
  }
  TREE_TRY(tree_.Settle(path, path.height, settled));
  return tree_.AddSibling(&path, path.height, std::move(halves));
}

}  // namespace cairn::tree
