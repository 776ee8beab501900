// Builder: many elements at the end of a tree, for COPY, RESTORE, or RPUSH of many. Leaves are made
// whole and full, and hung in one by one: O(1) per element, and inner pages are touched once per
// leaf. The last leaf that was there is filled up first.
//
// In slices: Finish at the end of each pass, before the tree is used for anything else; the next
// one has a builder of its own.
//
// Errors: kInvalid (Pager::Refuse) if a key is not greater than all before it, which is what a
// damaged or a made-up dump has.
#pragma once

#include <cstdint>
#include <string>

#include "tree/tree.h"

namespace cairn::tree {

class Builder {
 public:
  explicit Builder(Tree* tree) : tree_(*tree), leaf_(tree->LeafKind(), false) {}

  Outcome Add(const Key& key, const Value& value);
  Outcome Finish();

 private:
  Outcome Start();
  Outcome CheckOrder(const Key& key);
  Outcome AddToLast(std::string_view entry, const Value& value, bool outside);
  static void Note(const Value& value, bool outside, Tree::Settled* added);
  Outcome Tell();
  Outcome Hang();
  Outcome LastPath(Path* path, Node* leaf);

  Tree& tree_;
  bool started_ = false;
  bool filling_ = true;  // the leaf that was the last one has room
  // The last leaf that was there, if something was added to it, and what the nodes above it have
  // not been told of that.
  Pager::Change* last_ = nullptr;
  Path path_;
  Tree::Settled added_;
  bool any_ = false;  // there is a last key
  uint64_t last_head_ = 0;
  std::string last_rest_;
  std::string entry_;
  NodeBuilder leaf_;
  Tree::Settled made_;  // of leaf_
};

}  // namespace cairn::tree
