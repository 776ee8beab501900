#include "base/check.h"
#include "lsm/version_node.h"
#include "lsm/version_tree.h"

namespace cairn::lsm {

void VersionTree::Cursor::Clear() {
  path_.clear();
  newest_ = version_ = nullptr;
}

void VersionTree::Cursor::GoTo(const Version* newest, const Version* version) {
  newest_ = newest;
  version_ = version;
}

void VersionTree::Cursor::First(Link link) {
  while (!IsVersion(link)) {
    path_.push_back({To<const Node>(link), kEnd - 1});
    Step& step = path_.back();
    CAIRN_CHECK(step.node->Next(&step.branch, &link));
  }
  GoTo(To<const Version>(link), To<const Version>(link));
  PrefetchNext();
}

void VersionTree::Cursor::Last(Link link) {
  while (!IsVersion(link)) {
    path_.push_back({To<const Node>(link), kBranches});
    Step& step = path_.back();
    CAIRN_CHECK(step.node->Prev(&step.branch, &link));
  }
  const auto* newest = To<const Version>(link);
  GoTo(newest, newest->Oldest());
}

void VersionTree::Cursor::NextKey() {
  Link link;
  while (!path_.empty()) {
    Step& step = path_.back();
    if (step.node->Next(&step.branch, &link)) return First(link);
    path_.pop_back();
  }
  Clear();
}

// Whoever goes on does something with this entry first.
void VersionTree::Cursor::PrefetchNext() const {
  if (const Version* older = version_->Older()) Version::Prefetch(older);
  if (path_.empty()) return;
  int branch = path_.back().branch;
  Link link;
  if (path_.back().node->Next(&branch, &link) && IsVersion(link))
    Version::Prefetch(To<const Version>(link));
}

void VersionTree::Cursor::PrevKey() {
  Link link;
  while (!path_.empty()) {
    Step& step = path_.back();
    if (step.node->Prev(&step.branch, &link)) return Last(link);
    path_.pop_back();
  }
  Clear();
}

void VersionTree::Cursor::Next() {
  if (const Version* older = version_->Older()) {
    version_ = older;
    if (const Version* next = older->Older()) Version::Prefetch(next);
  } else {
    NextKey();
  }
}

void VersionTree::Cursor::Prev() {
  if (version_ != newest_) {
    version_ = newest_->NewerThan(version_);
  } else {
    PrevKey();
  }
}

void VersionTree::Cursor::SeekToFirst() {
  Clear();
  const Link root = tree_->root_.load(std::memory_order_acquire);
  if (root != 0) First(root);
}

void VersionTree::Cursor::SeekToLast() {
  Clear();
  const Link root = tree_->root_.load(std::memory_order_acquire);
  if (root != 0) Last(root);
}

VersionTree::Cursor::Where VersionTree::Cursor::Locate(std::string_view key, Link* link) {
  Clear();
  Link at = tree_->root_.load(std::memory_order_acquire);
  if (at == 0) return Where::kBetween;
  // Down by branches alone, to some key that begins as all keys do below what is on the path.
  std::string_view other;
  bool leaf = false;
  for (;;) {
    if (IsVersion(at)) {
      other = ParseEntry(To<const Version>(at)->entry()).key;
      leaf = true;
      break;
    }
    const auto* node = To<const Node>(at);
    const size_t depth = node->depth;
    other = {node->sample, depth};
    path_.push_back({node, kEnd - 1});
    if (key.size() < depth) break;
    const int branch = path_.back().branch = BranchOf(key, depth);
    const Slot* slot = node->Find(branch);
    if (slot == nullptr) break;
    at = slot->load(std::memory_order_acquire);
  }
  // Up again to where it begins as the key does.
  const size_t common = CommonBytes(key, other);
  *link = leaf ? at : 0;
  while (!path_.empty() && path_.back().node->depth > common) {
    *link = reinterpret_cast<Link>(path_.back().node);
    path_.pop_back();
  }
  if (*link == 0) return Where::kBetween;
  if (IsVersion(*link) && key.size() == other.size() && common == key.size()) return Where::kLeaf;
  return BranchOf(key, common) < BranchOf(other, common) ? Where::kBefore : Where::kBehind;
}

void VersionTree::Cursor::Seek(std::string_view key, uint64_t sequence) {
  Link link = 0;
  switch (Locate(key, &link)) {
    case Where::kLeaf: {
      const auto* newest = To<const Version>(link);
      const Version* version = newest->UpTo(sequence);
      if (version == nullptr) return NextKey();
      return GoTo(newest, version);
    }
    case Where::kBefore:
      return First(link);
    case Where::kBehind:
    case Where::kBetween:
      return NextKey();
  }
}

void VersionTree::Cursor::SeekForPrev(std::string_view key, uint64_t sequence) {
  Link link = 0;
  switch (Locate(key, &link)) {
    case Where::kLeaf: {
      const auto* newest = To<const Version>(link);
      if (newest->Sequence() < sequence) return PrevKey();
      const Version* version = newest->UpTo(sequence);
      if (version == nullptr) return GoTo(newest, newest->Oldest());
      if (version->Sequence() < sequence) version = newest->NewerThan(version);
      return GoTo(newest, version);
    }
    case Where::kBehind:
      return Last(link);
    case Where::kBefore:
    case Where::kBetween:
      return PrevKey();
  }
}

}  // namespace cairn::lsm
