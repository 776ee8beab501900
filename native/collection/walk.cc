#include "collection/walk.h"

#include <algorithm>

#include "tree/try.h"

namespace cairn {

using tree::Outcome;
using tree::PageKind;

Outcome OrderOfRoot(tree::Pager* pager, uint64_t root, bool ordered, RootOrder* order) {
  std::string_view image;
  tree::RootHead head;
  TREE_TRY(pager->Read(root, &image));
  if (!LoadRootHead(image, &head)) return pager->Fail(root, "is no root");
  order->small = head.height == 0;
  order->entries.clear();
  if (!order->small) return Outcome::kDone;
  const PageKind kind = ordered ? PageKind::kOrderedLeaf : PageKind::kListLeaf;
  tree::Node& node = order->node;
  if (!node.OpenAs(kind, image.substr(tree::kRootHeadBytes)))
    return pager->Fail(root, "is not that of such a tree");
  order->entries.resize(node.count());
  for (uint32_t i = 0; i < node.count(); ++i) {
    if (node.At(i, 1) == nullptr) return pager->Fail(root, "makes no sense");
    order->entries[i] = static_cast<uint16_t>(i);
  }
  std::sort(order->entries.begin(), order->entries.end(),
            [&](uint16_t a, uint16_t b) { return node.At(a, 1) < node.At(b, 1); });
  return Outcome::kDone;
}

Outcome WantElements(tree::Pager* pager, tree::Tree* tree, uint64_t rank, uint64_t count) {
  constexpr uint64_t kPiece = 512;  // mostly less than the leaves that one call looks at
  Outcome outcome = Outcome::kDone;
  while (count != 0 && pager->missing().size() < tree::Pager::kMissingMax) {
    const uint64_t piece = std::min(kPiece, count);
    const Outcome wanted = tree->Want(rank, piece);
    if (wanted == Outcome::kFailed) return wanted;
    if (wanted == Outcome::kWait) outcome = wanted;
    rank += piece;
    count -= piece;
  }
  return outcome;
}

}  // namespace cairn
