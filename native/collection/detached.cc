#include "collection/detached.h"

#include "base/check.h"

namespace cairn {

using tree::Outcome;
using What = tree::Pager::Change::What;

Detached::Detached(std::span<const bool> ordered) : trees_(static_cast<uint8_t>(ordered.size())) {
  CAIRN_CHECK(!ordered.empty() && ordered.size() <= kTreesMax);
  pager_.trees = trees_;
  for (size_t i = 0; i < ordered.size(); ++i)
    pager_.roots[i] = tree::Tree::EmptyRoot({.ordered = ordered[i]});
  pager_.Begin(tree::kFirstPage);
}

Outcome Detached::MemoryPager::Find(uint64_t page, std::string_view* image) {
  if (page >= trees) return Outcome::kFailed;
  *image = roots[page];
  return Outcome::kDone;
}

Status Detached::PutInto(Txn* txn, std::string_view key, ValueType type, Encoding encoding,
                         std::string_view state, uint64_t expire_at_ms, bool lasts) {
  if (pages() > kPagesMax) return {Code::kTooLarge, "a value of too many pages"};
  if (tree::Seal(&pager_) != Outcome::kDone) return pager_.status();
  RootValue root;
  root.encoding = encoding;
  root.trees = trees_;
  root.state = state;
  for (uint8_t i = 0; i < trees_; ++i) root.roots[i] = pager_.roots[i];
  for (size_t i = 0; i < pager_.change_count(); ++i) {
    const tree::Pager::Change& change = pager_.change(i);
    if (change.root()) {
      root.roots[change.page] = change.staging.image;
      continue;
    }
    if (change.what == What::kNothing) continue;
    CAIRN_CHECK(change.what == What::kMade, "there was nothing before");
    if (root.space == 0) {
      const Status made = txn->NewSpace(key, &root.space);
      if (!made.ok()) return made;
    }
    const std::string_view image =
        lasts ? std::string_view(change.staging.image) : txn->Copy(change.staging.image);
    txn->PutPage(root.space, change.page, static_cast<uint8_t>(change.kind), image, true);
  }
  const size_t bytes = EncodedBytes(root);
  char* const to = txn->Alloc(bytes);
  EncodeRoot(root, to);
  txn->Put(key, {to, bytes}, expire_at_ms, type);
  return Status::Ok();
}

}  // namespace cairn
