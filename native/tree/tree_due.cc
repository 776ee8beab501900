// Elements by due time: down wherever the soonest one below is due.
#include "tree/tree.h"
#include "tree/try.h"

namespace cairn::tree {
namespace {

bool IsDue(uint64_t due, uint64_t by) { return due != 0 && due <= by; }

}  // namespace

// From the node at `level` on, entry `from` and those behind, then those behind each node above.
Outcome Tree::DescendDue(uint64_t by, uint32_t level, uint32_t from, Cursor* cursor) {
  Path& path = cursor->path;
  cursor->found = false;
  bool promised = false;  // the entry above says that something is due here
  for (;;) {
    Node node;
    TREE_TRY(NodeOf(path, level, &node));
    Path::Step& step = path.at[level];
    const bool leaf = level == path.height;
    uint32_t i = from;
    for (; i < node.count(); ++i) {
      Child child;
      if (leaf ? !node.Leaf(i, &cursor->entry) : !node.ChildAt(i, &child)) return Wrong(step.page);
      if (!IsDue(leaf ? cursor->entry.due : child.due, by)) continue;
      step.index = i;
      if (leaf) {
        cursor->found = true;
        return Outcome::kDone;
      }
      path.at[++level] = {child.page, 0};
      from = 0;
      promised = true;
      break;
    }
    if (i < node.count()) continue;
    if (promised) return Wrong(step.page, "is not as due as the page above it says");
    if (level == 0) return Outcome::kDone;
    from = path.at[--level].index + 1;
  }
}

Outcome Tree::FirstDue(uint64_t by, Cursor* cursor) {
  RootHead head;
  Node node;
  cursor->found = false;
  TREE_TRY(Root(&head, &node));
  if (!IsDue(head.due, by)) return Outcome::kDone;
  cursor->path.height = head.height;
  cursor->path.at[0] = {root_, 0};
  return DescendDue(by, 0, 0, cursor);
}

Outcome Tree::NextDue(uint64_t by, Cursor* cursor) {
  return DescendDue(by, cursor->path.height, cursor->path.leaf().index + 1, cursor);
}

}  // namespace cairn::tree
