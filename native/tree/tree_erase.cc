// Elements that go, pages that are merged or removed for it, and roots that shrink.
#include <algorithm>
#include <vector>

#include "tree/tree.h"
#include "tree/try.h"

namespace cairn::tree {
namespace {

// A page is light below a quarter of its target; two become one if that leaves a quarter free.
bool IsLight(uint32_t bytes, uint32_t target) { return bytes < target / 4; }
bool FitTogether(uint32_t a, uint32_t b, uint32_t target) {
  return a + b - kNodeHeadBytes <= target - target / 4;
}

}  // namespace

// Takes children out of an inner node, with their separators. What becomes the first one loses its
// own.
Outcome Tree::RemoveChildren(uint64_t page, uint32_t above, uint32_t index, uint32_t n) {
  Node node;
  TREE_TRY(NodeAt(page, above, &node));
  if (index + n > node.count()) return Wrong(page);
  const bool strip = index == 0 && n < node.count();
  std::string stripped;
  for (uint32_t i = index; i < index + n + (strip ? 1 : 0); ++i) {
    InnerEntry entry;
    if (!node.Inner(i, &entry)) return Wrong(page);
    TREE_TRY(FreeOutside(entry.outside, entry.out));
    if (i < index + n || !ordered_) continue;
    entry.separator = {};
    entry.outside = false;
    AppendInnerEntry(InnerKind(), node.wide(), entry, &stripped);
  }
  Pager::Change* change = nullptr;
  TREE_TRY(EditorOf(page, InnerKind(), &change));
  Editor editor(&change->staging, page == root_);
  if (!editor.Remove(index, n)) return Wrong(page);
  if (stripped.empty()) return Outcome::kDone;
  return editor.Remove(0, 1) && editor.Insert(0, stripped) ? Outcome::kDone : Wrong(page);
}

// Child `left` + 1 of the node at `level` - 1 goes into child `left`.
Outcome Tree::Merge(const Path& path, uint32_t level, uint32_t left) {
  const uint64_t parent_page = path.at[level - 1].page;
  const uint32_t above = path.height - level;
  Node parent, lower, upper;
  InnerEntry one, other;
  TREE_TRY(NodeOf(path, level - 1, &parent));
  if (!parent.Inner(left, &one) || !parent.Inner(left + 1, &other)) return Wrong(parent_page);
  TREE_TRY(NodeAt(one.child.page, above, &lower));
  TREE_TRY(NodeAt(other.child.page, above, &upper));
  if (one.child.page == other.child.page) return Wrong(one.child.page, "is named twice");
  Pager::Change* change = nullptr;
  TREE_TRY(EditorOf(one.child.page, lower.kind(), &change));
  Editor editor(&change->staging, false);
  bool wide = lower.wide();
  if (upper.wide() && !wide) {
    if (!editor.Widen()) return Wrong(one.child.page);
    wide = true;
  }
  const uint32_t count = lower.count();
  bool separator_moves = false;
  for (uint32_t i = 0; i < upper.count(); ++i) {
    std::string entry;
    if (above == 0) {
      LeafEntry leaf;
      if (!upper.Leaf(i, &leaf)) return Wrong(other.child.page);
      entry.assign(leaf.bytes);
    } else {
      InnerEntry inner;
      if (!upper.Inner(i, &inner)) return Wrong(other.child.page);
      if (i == 0) {
        inner.separator = other.separator;
        inner.outside = other.outside;
        inner.out = other.out;
        separator_moves = true;
      }
      AppendInnerEntry(InnerKind(), wide, inner, &entry);
    }
    if (!editor.Insert(count + i, entry)) return Wrong(one.child.page);
  }
  if (!separator_moves) TREE_TRY(FreeOutside(other.outside, other.out));
  Child both = one.child;
  both.count += other.child.count;
  both.outside_below |= other.child.outside_below;
  if (both.due == 0 || (other.child.due != 0 && other.child.due < both.due))
    both.due = other.child.due;
  TREE_TRY(pager_.Remove(other.child.page, KindAt(above)));
  TREE_TRY(EditorOf(parent_page, InnerKind(), &change));
  Editor parent_editor(&change->staging, parent_page == root_);
  if (!parent_editor.SetChild(left, both) || !parent_editor.Remove(left + 1, 1))
    return Wrong(parent_page);
  return Outcome::kDone;
}

Outcome Tree::TryMerge(const Path& path, uint32_t level, const Node& node, bool* merged) {
  const uint32_t above = path.height - level;
  const uint32_t target = above == 0 ? shape_.leaf_bytes : shape_.inner_bytes;
  const uint32_t index = path.at[level - 1].index;
  const uint32_t bytes = node.bytes();
  Node parent;
  Child before, after;
  TREE_TRY(NodeOf(path, level - 1, &parent));
  const bool has_before = index > 0, has_after = index + 1 < parent.count();
  if ((has_before && !parent.ChildAt(index - 1, &before)) ||
      (has_after && !parent.ChildAt(index + 1, &after))) {
    return Wrong(path.at[level - 1].page);
  }
  // Both at once, if they are to be fetched.
  if (has_before) (void)pager_.Want(before.page);
  if (has_after) (void)pager_.Want(after.page);
  Node neighbour;
  *merged = true;
  if (has_before) {
    TREE_TRY(NodeAt(before.page, above, &neighbour));
    if (FitTogether(neighbour.bytes(), bytes, target)) return Merge(path, level, index - 1);
  }
  if (has_after) {
    TREE_TRY(NodeAt(after.page, above, &neighbour));
    if (FitTogether(neighbour.bytes(), bytes, target)) return Merge(path, level, index);
  }
  *merged = false;
  return Outcome::kDone;
}

// From a node that has lost something, up as far as nodes do.
Outcome Tree::Fix(const Path& path, uint32_t level) {
  for (; level > 0; --level) {
    Node node;
    TREE_TRY(NodeOf(path, level, &node));
    const Path::Step& parent = path.at[level - 1];
    const uint32_t above = path.height - level;
    if (node.count() == 0) {
      TREE_TRY(pager_.Remove(path.at[level].page, KindAt(above)));
      TREE_TRY(RemoveChildren(parent.page, above + 1, parent.index, 1));
      continue;
    }
    const uint32_t target = above == 0 ? shape_.leaf_bytes : shape_.inner_bytes;
    if (!IsLight(node.bytes(), target)) {
      // What is below the root may be so small that it goes into it.
      if (level > 1) return Outcome::kDone;
      break;
    }
    bool merged = false;
    TREE_TRY(TryMerge(path, level, node, &merged));
    if (!merged) break;
  }
  return Collapse();
}

// A root of one small child becomes that child. One without children is an empty leaf.
Outcome Tree::Collapse() {
  for (uint32_t round = 0; round <= kHeightMax; ++round) {
    RootHead head;
    Node node;
    TREE_TRY(Root(&head, &node));
    if (head.height == 0 || node.count() > 1) return Outcome::kDone;
    std::string image;
    if (node.count() == 0) {
      if (head.count != 0) return Wrong(root_, "counts elements, and has no children");
      head.height = 0;
      image = NodeBuilder(LeafKind(), false).Finish();
    } else {
      Child only;
      Node child;
      if (!node.ChildAt(0, &only)) return Wrong(root_);
      const uint32_t above = head.height - 1u;
      TREE_TRY(NodeAt(only.page, above, &child));
      const uint32_t room = above == 0 ? shape_.root_leaf_bytes : shape_.root_inner_bytes;
      if (child.bytes() > room / 2) return Outcome::kDone;
      image.assign(child.image());
      TREE_TRY(pager_.Remove(only.page, KindAt(above)));
      --head.height;
    }
    Pager::Change* change = nullptr;
    TREE_TRY(EditorOf(root_, PageKind::kRoot, &change));
    Editor editor(&change->staging, true);
    if (!editor.SetImage(RootImage(head, image))) return Wrong(root_);
  }
  return Wrong(root_);
}

// A child that has left its node, with all below. Each page goes once, or the pager says so.
Outcome Tree::RemoveSubtree(const Child& child, uint32_t above) {
  struct Open {
    uint64_t page;
    uint32_t above;
    bool outside_below;
  };
  std::vector<Open> open{{child.page, above, child.outside_below}};  // a node's children per level
  bool waiting = false;
  while (!open.empty()) {
    const Open one = open.back();
    open.pop_back();
    if (one.above > 0 || one.outside_below) {
      Node node;
      const Outcome read = NodeAt(one.page, one.above, &node);
      if (read == Outcome::kFailed) return read;
      if (read == Outcome::kWait) {
        waiting = true;
        continue;
      }
      for (uint32_t i = 0; i < node.count(); ++i) {
        LeafEntry leaf;
        InnerEntry inner;
        if (!(one.above == 0 ? node.Leaf(i, &leaf) : node.Inner(i, &inner))) return Wrong(one.page);
        const bool outside = one.above == 0 ? leaf.outside : inner.outside;
        const Outcome freed = FreeOutside(outside, one.above == 0 ? leaf.out : inner.out);
        if (freed == Outcome::kFailed) return freed;
        if (freed == Outcome::kWait) waiting = true;
        if (one.above > 0)
          open.push_back({inner.child.page, one.above - 1, inner.child.outside_below});
      }
    }
    TREE_TRY(pager_.Remove(one.page, KindAt(one.above)));
  }
  return waiting ? Outcome::kWait : Outcome::kDone;
}

Outcome Tree::DropChildren(const Path& path, uint32_t level, uint32_t index, uint32_t n,
                           uint64_t elements) {
  const uint64_t page = path.at[level].page;
  Node node;
  bool waiting = false;
  for (uint32_t i = index; i < index + n; ++i) {
    Child child;
    TREE_TRY(NodeOf(path, level, &node));
    if (!node.ChildAt(i, &child)) return Wrong(page);
    const Outcome removed = RemoveSubtree(child, path.height - level - 1);
    if (removed == Outcome::kFailed) return removed;
    waiting |= removed == Outcome::kWait;
  }
  if (waiting) return Outcome::kWait;
  TREE_TRY(RemoveChildren(page, path.height - level, index, n));
  Settled settled;
  settled.count = -static_cast<int64_t>(elements);
  settled.lost_due = true;
  TREE_TRY(Settle(path, level, settled));
  return Fix(path, level);
}

Outcome Tree::DropEntries(const Path& path, const Node& leaf, uint32_t n) {
  const Path::Step step = path.leaf();
  Settled settled;
  bool waiting = false;
  for (uint32_t i = step.index; i < step.index + n; ++i) {
    LeafEntry entry;
    if (!leaf.Leaf(i, &entry)) return Wrong(step.page);
    settled.lost_due |= entry.due != 0;
    const Outcome freed = FreeOutside(entry.outside, entry.out);
    if (freed == Outcome::kFailed) return freed;
    waiting |= freed == Outcome::kWait;
  }
  if (waiting) return Outcome::kWait;
  Pager::Change* change = nullptr;
  TREE_TRY(EditorOf(step.page, LeafKind(), &change));
  Editor editor(&change->staging, step.page == root_);
  if (!editor.Remove(step.index, n)) return Wrong(step.page);
  settled.count = -static_cast<int64_t>(n);
  TREE_TRY(Settle(path, path.height, settled));
  return Fix(path, path.height);
}

// As much from `rank` on as goes in one step: children of one node, or entries of one leaf.
Outcome Tree::EraseSome(uint64_t rank, uint64_t count, uint64_t* erased) {
  RootHead head;
  Node node;
  Path path;
  TREE_TRY(Root(&head, &node));
  uint64_t total = head.count;
  path.height = head.height;
  path.at[0] = {root_, 0};
  for (uint32_t level = 0; level < head.height; ++level) {
    Path::Step& step = path.at[level];
    Child child;
    TREE_TRY(ChildOf(node, step.page, total, &rank, &step.index, &child));
    uint32_t n = 0;
    *erased = 0;
    while (rank == 0 && step.index + n < node.count()) {
      Child next;
      if (!node.ChildAt(step.index + n, &next)) return Wrong(step.page);
      if (next.count > count - *erased) break;
      *erased += next.count;
      ++n;
    }
    if (n > 0) return DropChildren(path, level, step.index, n, *erased);
    total = child.count;
    path.at[level + 1] = {child.page, 0};
    TREE_TRY(NodeAt(child.page, head.height - level - 1, &node));
  }
  if (rank >= node.count()) return Wrong(path.leaf().page, "has fewer elements than are counted");
  path.leaf().index = static_cast<uint32_t>(rank);
  *erased = std::min<uint64_t>(count, node.count() - rank);
  return DropEntries(path, node, static_cast<uint32_t>(*erased));
}

Outcome Tree::EraseRange(uint64_t rank, uint64_t count) {
  RootHead head;
  TREE_TRY(Head(&head));
  if (rank >= head.count) return Outcome::kDone;
  count = std::min(count, head.count - rank);
  while (count > 0) {
    uint64_t erased = 0;
    TREE_TRY(EraseSome(rank, count, &erased));
    if (erased == 0 || erased > count) return Wrong(root_, "miscounts");
    count -= erased;
  }
  return Outcome::kDone;
}

Outcome Tree::Erase(const Cursor& cursor) {
  CAIRN_CHECK(cursor.found);
  Node leaf;
  TREE_TRY(NodeOf(cursor.path, cursor.path.height, &leaf));
  return DropEntries(cursor.path, leaf, 1);
}

Outcome Tree::Erase(const Key& key, bool* existed) {
  Cursor cursor;
  TREE_TRY(Find(key, &cursor));
  *existed = cursor.found;
  return cursor.found ? Erase(cursor) : Outcome::kDone;
}

}  // namespace cairn::tree
