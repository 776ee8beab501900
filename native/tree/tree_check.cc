// The whole of a tree: each page by itself, and what pages say of each other.
#include <unordered_set>
#include <vector>

#include "tree/tree.h"
#include "tree/try.h"

namespace cairn::tree {

// A page to look at, and what the one above says of it.
struct Tree::CheckStep {
  Child child;
  uint32_t above = 0;
  std::string from;  // no key below is less
};
struct Tree::Checking {
  std::vector<CheckStep> open;  // a node's children per level
  std::string last;             // the greatest key so far, empty: none
  std::unordered_set<uint64_t> seen;
};

namespace {

std::string WholeKey(const Key& key) {
  std::string bytes(8, '\0');
  PutBig64(bytes.data(), key.head);
  return bytes.append(key.rest);
}

}  // namespace

Outcome Tree::CheckLeafOrder(const Node& leaf, const CheckStep& step, Checking* checking) {
  const uint64_t page = step.child.page;
  std::string* const last = &checking->last;
  for (uint32_t i = 0; i < leaf.count(); ++i) {
    LeafEntry entry;
    std::string buffer;
    std::string_view rest;
    if (!leaf.Leaf(i, &entry)) return Wrong(page);
    if (entry.outside) TREE_TRY(blobs_.Check(entry.out.blob, &checking->seen));
    if (!ordered_) continue;
    const size_t here = shape_.key_bytes_max;
    const bool cut = entry.outside && entry.out.key_bytes > 0;
    if (cut ? entry.rest.size() != here : entry.rest.size() > here)
      return Wrong(page, "has a key that is cut elsewhere");
    TREE_TRY(KeyRest(entry, &buffer, &rest));
    std::string key = WholeKey({entry.head, rest});
    if (!last->empty() && key <= *last) return Wrong(page, "has keys out of order");
    if (key < step.from) return Wrong(page, "has a key below its separator");
    *last = std::move(key);
  }
  return Outcome::kDone;
}

Outcome Tree::CheckPage(const CheckStep& step, Checking* checking) {
  const uint64_t page = step.child.page;
  if (!checking->seen.insert(page).second) return Wrong(page, "is named twice");
  Node node;
  TREE_TRY(NodeAt(page, step.above, &node));
  if (page != root_) {
    const Status status = Validate(KindAt(step.above), node.image());
    if (!status.ok()) return Wrong(page, status.message());
    if (node.count() == 0) return Wrong(page, "is empty");
  }
  Child sum;
  if (!node.Summary(&sum)) return Wrong(page);
  if (sum.count != step.child.count) return Wrong(page, "has not the elements that are counted");
  if (sum.due != step.child.due) return Wrong(page, "is not as due as the page above it says");
  if (sum.outside_below && !step.child.outside_below)
    return Wrong(page, "has elements outside of which the page above it does not know");
  if (step.above == 0) return CheckLeafOrder(node, step, checking);
  for (uint32_t i = node.count(); i-- > 0;) {
    InnerEntry entry;
    if (!node.Inner(i, &entry)) return Wrong(page);
    CheckStep below{entry.child, step.above - 1, step.from};
    if (i > 0 && ordered_) {
      below.from.assign(entry.separator);
      if (entry.outside) {
        TREE_TRY(blobs_.Check(entry.out.blob, &checking->seen));
        TREE_TRY(blobs_.Read(entry.out.blob, 0, entry.out.key_bytes, &below.from));
      }
      if (below.from < step.from) return Wrong(page, "has a separator below its own");
    }
    checking->open.push_back(std::move(below));
  }
  return Outcome::kDone;
}

Outcome Tree::Check() {
  RootHead head;
  Node root;
  std::string_view image;
  TREE_TRY(Root(&head, &root));
  TREE_TRY(pager_.Read(root_, &image));
  const Status status = Validate(PageKind::kRoot, image);
  if (!status.ok()) return Wrong(root_, status.message());
  Checking checking;
  std::vector<CheckStep>& open = checking.open;
  const std::string& last = checking.last;
  open.push_back({{head.count, root_, head.due, true}, head.height, {}});
  // Depth first and in order: a separator lies between what was seen and what comes.
  while (!open.empty()) {
    const CheckStep step = std::move(open.back());
    open.pop_back();
    if (!last.empty() && !step.from.empty() && step.from <= last && step.above == 0)
      return Wrong(step.child.page, "has a separator that is not above the page before");
    TREE_TRY(CheckPage(step, &checking));
  }
  return Outcome::kDone;
}

}  // namespace cairn::tree
