// Pages that are full: splits, from a leaf up, and roots that grow.
#include <algorithm>

#include "tree/tree.h"
#include "tree/try.h"

namespace cairn::tree {
namespace {

// The entries of a page as they would be with one more. Its promise: whoever asks stays in range.
class With {
 public:
  With(const Node& node, uint32_t at, std::string_view entry)
      : node_(node), at_(at), entry_(entry) {}
  uint32_t count() const { return node_.count() + 1; }
  bool Bytes(uint32_t i, std::string_view* bytes) const {
    if (i == at_) {
      *bytes = entry_;
      return true;
    }
    const uint32_t old = i < at_ ? i : i - 1;
    LeafEntry leaf;
    InnerEntry inner;
    if (!(IsLeaf(node_.kind()) ? node_.Leaf(old, &leaf) : node_.Inner(old, &inner))) return false;
    *bytes = IsLeaf(node_.kind()) ? leaf.bytes : inner.bytes;
    return true;
  }
  // How many of them make half of the bytes: at least one, not all.
  bool Half(uint32_t* left) const {
    const size_t half = (node_.bytes() - kNodeHeadBytes + entry_.size() + 2) / 2;
    size_t sum = 0;
    for (*left = 0; *left + 1 < count() && sum < half; ++*left) {
      std::string_view bytes;
      if (!Bytes(*left, &bytes)) return false;
      sum += bytes.size() + 2;
    }
    return true;
  }
  bool Copy(uint32_t from, uint32_t to, NodeBuilder* builder) const {
    for (uint32_t i = from; i < to; ++i) {
      std::string_view bytes;
      if (!Bytes(i, &bytes) || builder->bytes() + bytes.size() + 2 > kNodeBytesMax) return false;
      builder->Add(bytes);
    }
    return true;
  }

 private:
  const Node& node_;
  const uint32_t at_;
  const std::string_view entry_;
};

size_t CommonBytes(std::string_view a, std::string_view b) {
  const auto room = static_cast<std::ptrdiff_t>(std::min(a.size(), b.size()));
  return static_cast<size_t>(std::mismatch(a.begin(), a.begin() + room, b.begin()).first -
                             a.begin());
}

}  // namespace

// The root's node becomes a page of its own, and the root has it as its only child. `outside`: so
// is a part of what will be added below, which is counted already.
Outcome Tree::GrowRoot(Path* path, bool outside) {
  RootHead head;
  Node node;
  TREE_TRY(Root(&head, &node));
  if (head.height == kHeightMax) return pager_.Refuse(Code::kTooLarge, "a tree of 20 levels");
  InnerEntry only;
  if (!node.Summary(&only.child)) return Wrong(root_);
  only.child.outside_below |= outside;
  only.child.count = head.count;
  only.child.due = head.due;
  TREE_TRY(pager_.New(node.kind(), std::string(node.image()), &only.child.page));
  const bool wide = head.due != 0;
  std::string entry;
  AppendInnerEntry(InnerKind(), wide, only, &entry);
  NodeBuilder builder(InnerKind(), wide);
  builder.Add(entry);
  ++head.height;
  Pager::Change* change = nullptr;
  TREE_TRY(EditorOf(root_, PageKind::kRoot, &change));
  Editor editor(&change->staging, true);
  if (!editor.SetImage(RootImage(head, builder.Finish()))) return Wrong(root_);
  ++path->height;
  for (uint32_t level = path->height; level > 0; --level) path->at[level] = path->at[level - 1];
  path->at[1].page = only.child.page;
  path->at[0] = {root_, 0};
  return Outcome::kDone;
}

// The left page of a split keeps `keep` of the entries that it would have with one more at `at`.
Outcome Tree::KeepLeft(uint64_t page, const Node& node, uint32_t keep, uint32_t at,
                       std::string_view entry) {
  const uint32_t old = at < keep ? keep - 1 : keep;
  const uint32_t gone = node.count() - old;
  Pager::Change* change = nullptr;
  if (gone == 0 && at >= keep) return Outcome::kDone;
  TREE_TRY(EditorOf(page, node.kind(), &change));
  Editor editor(&change->staging, page == root_);
  if (gone > 0 && !editor.Remove(old, gone)) return Wrong(page);
  if (at < keep && !editor.Insert(at, entry)) return Wrong(page);
  return Outcome::kDone;
}

Outcome Tree::SplitLeaf(const Path& path, std::string_view entry, Halves* halves) {
  const Path::Step step = path.leaf();
  Node node;
  TREE_TRY(NodeOf(path, path.height, &node));
  bool edge = false;
  if (step.index == node.count() || step.index == 0)
    TREE_TRY(IsEdge(path, path.height, step.index != 0, &edge));
  halves->left.page = halves->right.page = step.page;
  NodeBuilder builder(LeafKind(), false);
  const With with(node, step.index, entry);
  if (edge) {
    builder.Add(entry);
    Child& made = step.index == 0 ? halves->left : halves->right;
    TREE_TRY(pager_.New(LeafKind(), builder.Finish(), &made.page));
  } else {
    uint32_t left = 0;
    if (!with.Half(&left) || !with.Copy(left, with.count(), &builder)) return Wrong(step.page);
    TREE_TRY(pager_.New(LeafKind(), builder.Finish(), &halves->right.page));
    TREE_TRY(KeepLeft(step.page, node, left, step.index, entry));
  }
  Node left, right;
  TREE_TRY(NodeAt(halves->left.page, 0, &left));
  TREE_TRY(NodeAt(halves->right.page, 0, &right));
  if (!left.Summary(&halves->left) || !right.Summary(&halves->right)) return Wrong(step.page);
  if (!ordered_) return Outcome::kDone;
  LeafEntry last, first;
  if (left.count() == 0 || right.count() == 0 || !left.Leaf(left.count() - 1, &last) ||
      !right.Leaf(0, &first)) {
    return Wrong(step.page);
  }
  return Separate(last, first, halves);
}

// The shortest bytes that are greater than one key and not greater than the other.
Outcome Tree::Separate(const LeafEntry& last, const LeafEntry& first, Halves* halves) {
  char a[8], b[8];
  PutBig64(a, last.head);
  PutBig64(b, first.head);
  halves->outside = false;
  const size_t same = CommonBytes({a, 8}, {b, 8});
  halves->separator.assign(b, std::min<size_t>(same + 1, 8));
  if (same < 8) return Outcome::kDone;
  const size_t rest = CommonBytes(last.rest, first.rest);
  halves->separator.append(first.rest.substr(0, rest + 1));
  return rest < first.rest.size() ? Outcome::kDone : SeparateOutside(last, first, halves);
}

// The two are alike as far as they are in their leaves.
Outcome Tree::SeparateOutside(const LeafEntry& last, const LeafEntry& first, Halves* halves) {
  const uint64_t a = last.outside ? last.out.key_bytes : 0;
  const uint64_t b = first.outside ? first.out.key_bytes : 0;
  uint64_t same = 0;
  if (a > 0) TREE_TRY(blobs_.CommonBytes(last.out.blob, first.out.blob, std::min(a, b), &same));
  if (same >= b) return pager_.Refuse(Code::kCorruption, "two keys of a leaf are out of order");
  halves->outside = true;
  halves->out.blob = NewBlob(shape_.chunk_log2);
  for (uint64_t at = 0; at <= same;) {
    std::string_view piece;
    TREE_TRY(blobs_.Piece(first.out.blob, at, &piece));
    piece = piece.substr(0, same + 1 - at);
    TREE_TRY(blobs_.Append(&halves->out.blob, piece));
    at += piece.size();
  }
  halves->out.key_bytes = halves->out.blob.bytes;
  return Outcome::kDone;
}

// The first separator of the right page goes up.
Outcome Tree::SplitInner(const Path& path, uint32_t level, uint32_t at, std::string_view entry,
                         Halves* halves) {
  const uint64_t page = path.at[level].page;
  Node node;
  TREE_TRY(NodeOf(path, level, &node));
  const With with(node, at, entry);
  bool right_edge = false, left_edge = false;
  uint32_t left = 0;
  if (at == node.count()) TREE_TRY(IsEdge(path, level, true, &right_edge));
  if (at == 1) TREE_TRY(IsEdge(path, level, false, &left_edge));
  if (right_edge) {
    left = node.count();
  } else if (left_edge) {
    left = 1;
  } else if (!with.Half(&left)) {
    return Wrong(page);
  }
  std::string_view bytes;
  if (!with.Bytes(left, &bytes)) return Wrong(page);
  NodeBuilder one(InnerKind(), node.wide());
  one.Add(bytes);
  const std::string image = one.Finish();
  Node single;
  InnerEntry first;
  if (!single.Open(image) || !single.Inner(0, &first)) return Wrong(page);
  halves->separator.assign(first.separator);
  halves->outside = first.outside;
  halves->out = first.out;
  first.separator = {};
  first.outside = false;
  std::string stripped;
  AppendInnerEntry(InnerKind(), node.wide(), first, &stripped);
  NodeBuilder builder(InnerKind(), node.wide());
  builder.Add(stripped);
  if (!with.Copy(left + 1, with.count(), &builder)) return Wrong(page);
  halves->left.page = page;
  TREE_TRY(pager_.New(InnerKind(), builder.Finish(), &halves->right.page));
  TREE_TRY(KeepLeft(page, node, left, at, entry));
  Node lower, upper;
  TREE_TRY(NodeOf(path, level, &lower));
  TREE_TRY(NodeAt(halves->right.page, path.height - level, &upper));
  const bool summed = lower.Summary(&halves->left) && upper.Summary(&halves->right);
  return summed ? Outcome::kDone : Wrong(page);
}

// Tells the nodes above that the one at `level` was split.
Outcome Tree::AddSibling(Path* path, uint32_t level, Halves halves) {
  while (level > 0) {
    --level;
    Node node;
    TREE_TRY(NodeOf(*path, level, &node));
    Pager::Change* change = nullptr;
    TREE_TRY(EditorOf(path->at[level].page, InnerKind(), &change));
    {
      Editor editor(&change->staging, level == 0);
      const bool due = halves.left.due != 0 || halves.right.due != 0;
      if ((due && !node.wide() && !editor.Widen()) ||
          !editor.SetChild(path->at[level].index, halves.left)) {
        return Wrong(path->at[level].page);
      }
    }
    TREE_TRY(NodeOf(*path, level, &node));
    std::string entry;
    const InnerEntry right{halves.right, halves.separator, halves.outside, halves.out, {}};
    AppendInnerEntry(InnerKind(), node.wide(), right, &entry);
    if (level == 0 && !Fits(node, entry.size(), shape_.root_inner_bytes)) {
      TREE_TRY(GrowRoot(path, halves.right.outside_below));
      level = 1;
      TREE_TRY(NodeOf(*path, level, &node));
    }
    const Path::Step step = path->at[level];
    const uint32_t limit = level == 0 ? shape_.root_inner_bytes : shape_.inner_bytes;
    if (Fits(node, entry.size(), limit)) {
      TREE_TRY(EditorOf(step.page, InnerKind(), &change));
      Editor editor(&change->staging, level == 0);
      return editor.Insert(step.index + 1, entry) ? Outcome::kDone : Wrong(step.page);
    }
    Halves above;
    TREE_TRY(SplitInner(*path, level, step.index + 1, entry, &above));
    halves = std::move(above);
  }
  return Wrong(root_);
}

}  // namespace cairn::tree
