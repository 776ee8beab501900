#include "tree/tree.h"

#include <algorithm>

#include "tree/try.h"

namespace cairn::tree {

Tree::Tree(const TreeShape& shape, Pager* pager, uint64_t root)
    : shape_(shape), ordered_(shape.ordered), pager_(*pager), blobs_(pager, false), root_(root) {
  const auto sound = [](uint32_t bytes) {
    return bytes >= kTargetBytesMin && bytes <= kTargetBytesMax;
  };
  CAIRN_CHECK(sound(shape.leaf_bytes) && sound(shape.inner_bytes) && sound(shape.root_leaf_bytes) &&
              sound(shape.root_inner_bytes));
  CAIRN_CHECK(8 * shape.key_bytes_max <= std::min(shape.leaf_bytes, shape.inner_bytes));
  CAIRN_CHECK(shape.chunk_log2 >= kChunkLog2Min && shape.chunk_log2 <= kChunkLog2Max);
  CAIRN_CHECK(root < kRootPages);
}

std::string Tree::EmptyRoot(const TreeShape& shape) {
  RootHead head;
  head.next_page = kFirstPage;
  const PageKind kind = shape.ordered ? PageKind::kOrderedLeaf : PageKind::kListLeaf;
  return RootImage(head, NodeBuilder(kind, false).Finish());
}

Outcome Tree::Wrong(uint64_t page) { return pager_.Fail(page, "makes no sense"); }
Outcome Tree::WrongRoot() {
  std::string_view image;
  TREE_TRY(pager_.Read(root_, &image));
  // Of either: the head, or the page behind it.
  if (!IsNewer(image)) image.remove_prefix(std::min(kRootHeadBytes, image.size()));
  return pager_.FailAs(root_, image, "is not that of such a tree");
}
Outcome Tree::WrongPage(uint64_t page) {
  std::string_view image;
  TREE_TRY(pager_.Read(page, &image));
  return pager_.FailAs(page, image, "is not a page of such a tree");
}

Outcome Tree::RootNode(uint32_t above, Node* node) {
  std::string_view image;
  TREE_TRY(pager_.Read(root_, &image));
  image.remove_prefix(std::min(kRootHeadBytes, image.size()));
  return node->OpenAs(KindAt(above), image) ? Outcome::kDone : WrongRoot();
}

Outcome Tree::EditorOf(uint64_t page, PageKind kind, Pager::Change** change) {
  return pager_.Edit(page, page == root_ ? PageKind::kRoot : kind, change);
}

Outcome Tree::Head(RootHead* head) {
  Node node;
  return Root(head, &node);
}

Outcome Tree::SetHead(const RootHead& head) {
  Pager::Change* change = nullptr;
  TREE_TRY(EditorOf(root_, PageKind::kRoot, &change));
  Editor editor(&change->staging, true);
  return editor.SetHead(head) ? Outcome::kDone : Wrong(root_);
}

Outcome Tree::IsEdge(const Path& path, uint32_t level, bool right, bool* edge) {
  *edge = true;
  for (uint32_t l = 0; l < level && *edge; ++l) {
    Node node;
    TREE_TRY(NodeOf(path, l, &node));
    *edge = right ? path.at[l].index + 1 == node.count() : path.at[l].index == 0;
  }
  return Outcome::kDone;
}

Outcome Tree::Payload(const LeafEntry& entry, std::string* buffer, std::string_view* payload) {
  if (!entry.payload_outside()) {
    *payload = entry.payload;
    return Outcome::kDone;
  }
  buffer->clear();
  TREE_TRY(blobs_.Read(entry.out.blob, entry.out.key_bytes, entry.payload_bytes(), buffer));
  *payload = *buffer;
  return Outcome::kDone;
}

Outcome Tree::KeyRest(const LeafEntry& entry, std::string* buffer, std::string_view* rest) {
  if (!entry.outside || entry.out.key_bytes == 0) {
    *rest = entry.rest;
    return Outcome::kDone;
  }
  buffer->assign(entry.rest);
  TREE_TRY(blobs_.Read(entry.out.blob, 0, entry.out.key_bytes, buffer));
  *rest = *buffer;
  return Outcome::kDone;
}

Outcome ReadHead(Pager* pager, uint64_t root, RootHead* head) {
  std::string_view image;
  TREE_TRY(pager->Read(root, &image));
  return LoadRootHead(image, head) ? Outcome::kDone : pager->Fail(root, "is no root");
}

Outcome ReadKind(Pager* pager, uint64_t root, RootHead* head, bool* ordered) {
  std::string_view image;
  Node node;
  TREE_TRY(ReadHead(pager, root, head));
  TREE_TRY(pager->Read(root, &image));
  image.remove_prefix(kRootHeadBytes);
  if (!node.Open(image)) return pager->FailAs(root, image, "is no root");
  *ordered = IsOrdered(node.kind());
  return Outcome::kDone;
}

Outcome Seal(Pager* pager) {
  RootHead head;
  TREE_TRY(ReadHead(pager, 0, &head));
  if (head.next_page == pager->next_page()) return Outcome::kDone;
  head.next_page = pager->next_page();
  Pager::Change* change = nullptr;
  TREE_TRY(pager->Edit(0, PageKind::kRoot, &change));
  return Editor(&change->staging, true).SetHead(head) ? Outcome::kDone
                                                      : pager->Fail(0, "is no root");
}

}  // namespace cairn::tree
