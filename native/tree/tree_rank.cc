// By rank: descents, sums, and cursors that go from leaf to leaf.
#include "tree/tree.h"
#include "tree/try.h"

namespace cairn::tree {

// The child that has the element of this rank < total, which becomes its rank there. Counts from
// the nearer end.
Outcome Tree::ChildOf(const Node& node, uint64_t page, uint64_t total, uint64_t* rank,
                      uint32_t* index, Child* child) {
  const uint32_t children = node.count();
  uint64_t left = *rank;
  if (left < total / 2) {
    for (uint32_t i = 0; i < children; ++i) {
      const char* at = node.At(i, 12);
      if (CAIRN_UNLIKELY(at == nullptr)) return Wrong(page);
      const uint64_t count = Load48(at);
      if (left < count) {
        *index = i;
        *rank = left;
        return node.ChildAt(i, child) ? Outcome::kDone : Wrong(page);
      }
      left -= count;
    }
  } else {
    uint64_t behind = total - left;  // it, and those after it
    for (uint32_t i = children; i-- > 0;) {
      const char* at = node.At(i, 12);
      if (CAIRN_UNLIKELY(at == nullptr)) return Wrong(page);
      const uint64_t count = Load48(at);
      if (behind <= count) {
        *index = i;
        *rank = count - behind;
        return node.ChildAt(i, child) ? Outcome::kDone : Wrong(page);
      }
      behind -= count;
    }
  }
  return Wrong(page, "counts fewer elements than the page above it");
}

// From the root, which `leaf` is, to the element of this rank < count.
Outcome Tree::DescendFrom(const RootHead& head, uint64_t rank, Path* path, Node* leaf) {
  uint64_t page = root_, total = head.count;
  Node node = *leaf;
  path->height = head.height;
  Path::Step* step = path->at.data();
  for (uint32_t above = head.height; above > 0; ++step) {
    Child child;
    step->page = page;
    TREE_TRY(ChildOf(node, page, total, &rank, &step->index, &child));
    page = child.page;
    total = child.count;
    --above;
    TREE_TRY(PageAt(page, KindAt(above), &node));
  }
  step->page = page;
  if (rank >= node.count()) return Wrong(page, "has fewer elements than are counted");
  step->index = static_cast<uint32_t>(rank);
  *leaf = node;
  return Outcome::kDone;
}

Outcome Tree::Seek(uint64_t rank, Cursor* cursor) {
  Node leaf;
  RootHead head;
  cursor->found = false;
  TREE_TRY(Root(&head, &leaf));
  if (rank >= head.count) return Outcome::kDone;
  TREE_TRY(DescendFrom(head, rank, &cursor->path, &leaf));
  return Take(leaf, cursor);
}

// How many elements lie below the children before this one; `total`: below all of them.
Outcome Tree::Before(const Node& node, uint64_t page, uint32_t index, uint64_t total,
                     uint64_t* sum) {
  if (index <= node.count() / 2) return node.Sum(0, index, sum) ? Outcome::kDone : Wrong(page);
  if (!node.Sum(index, node.count(), sum)) return Wrong(page);
  if (*sum > total) return Wrong(page, "counts more elements than the page above it");
  *sum = total - *sum;
  return Outcome::kDone;
}

Outcome Tree::RankOf(const Cursor& cursor, uint64_t* rank) {
  RootHead head;
  Node node;
  TREE_TRY(Root(&head, &node));
  uint64_t total = head.count;
  *rank = cursor.path.leaf().index;
  for (uint32_t level = 0; level < cursor.path.height; ++level) {
    const Path::Step& step = cursor.path.at[level];
    uint64_t sum = 0;
    Child child;
    TREE_TRY(NodeOf(cursor.path, level, &node));
    if (step.index >= node.count() || !node.ChildAt(step.index, &child)) return Wrong(step.page);
    TREE_TRY(Before(node, step.page, step.index, total, &sum));
    *rank += sum;
    total = child.count;
  }
  return Outcome::kDone;
}

// From the node at `level` down, along its first or last children from that at the path's index on.
Outcome Tree::DescendEdge(Path* path, uint32_t level, bool first, Node* leaf) {
  for (;; ++level) {
    TREE_TRY(NodeOf(*path, level, leaf));
    Path::Step& step = path->at[level];
    if (leaf->count() == 0) return Wrong(step.page, "is empty");
    if (step.index == UINT32_MAX) step.index = first ? 0 : leaf->count() - 1;
    if (level == path->height) return Outcome::kDone;
    Child child;
    if (step.index >= leaf->count() || !leaf->ChildAt(step.index, &child)) return Wrong(step.page);
    path->at[level + 1] = {child.page, UINT32_MAX};
  }
}

Outcome Tree::Step(Cursor* cursor, bool forward) {
  Path& path = cursor->path;
  cursor->found = false;
  Node node;
  for (uint32_t level = path.height + 1; level-- > 0;) {
    TREE_TRY(NodeOf(path, level, &node));
    uint32_t& index = path.at[level].index;
    if (forward ? index + 1 < node.count() : index > 0) {
      index = forward ? index + 1 : index - 1;
      if (level < path.height) TREE_TRY(DescendEdge(&path, level, forward, &node));
      return Take(node, cursor);
    }
  }
  return Outcome::kDone;
}

Outcome Tree::Next(Cursor* cursor) { return Step(cursor, true); }
Outcome Tree::Prev(Cursor* cursor) { return Step(cursor, false); }

Outcome Tree::Want(uint64_t rank, uint64_t count) {
  RootHead head;
  Node node;
  TREE_TRY(Root(&head, &node));
  if (head.height == 0 || rank >= head.count || count == 0) return Outcome::kDone;
  const uint64_t end = count < head.count - rank ? rank + count : head.count;
  uint64_t leaves = 0;
  bool waiting = false;
  while (rank < end && leaves < kWantMax) {
    // Down to the node above the leaves; then along its children.
    uint64_t page = root_, total = head.count, inside = rank;
    uint32_t index = 0;
    Child child;
    for (uint32_t level = 0; level < head.height; ++level) {
      TREE_TRY(NodeAt(page, head.height - level, &node));
      TREE_TRY(ChildOf(node, page, total, &inside, &index, &child));
      if (level + 1 == head.height) break;
      page = child.page;
      total = child.count;
    }
    rank -= inside;
    for (; index < node.count() && rank < end && leaves < kWantMax; ++index, ++leaves) {
      if (!node.ChildAt(index, &child) || child.count == 0) return Wrong(page);
      if (!pager_.Want(child.page)) waiting = true;
      rank += child.count;
    }
  }
  return waiting ? Outcome::kWait : Outcome::kDone;
}

}  // namespace cairn::tree
