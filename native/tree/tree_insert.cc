// Elements that come or change: their bytes, the counts and due times above them.
#include "tree/tree.h"
#include "tree/try.h"

namespace cairn::tree {
namespace {

// A payload of so many bytes takes no more inside than what names it outside.
constexpr size_t kPayloadInsideMin = 32;

}  // namespace

Outcome Tree::FreeOutside(bool outside, const Outside& out) {
  return outside ? blobs_.Remove(out.blob) : Outcome::kDone;
}

// The entry of a new element; what is too large for it goes outside.
Outcome Tree::Encode(const Key& key, const Value& value, std::string* entry, bool* outside) {
  if (value.due > kNumber48Max) return pager_.Refuse(Code::kInvalid, "a due time of 2^48 or more");
  if (key.rest.size() + value.payload.size() > kOutsideBytesMax)
    return pager_.Refuse(Code::kTooLarge, "an element of more than 2 GiB");
  const size_t here = shape_.key_bytes_max;
  LeafEntry made;
  made.head = key.head;
  made.rest = ordered_ ? key.rest.substr(0, here) : std::string_view();
  made.due = value.due;
  const bool key_out = ordered_ && key.rest.size() > here;
  const size_t bytes = (ordered_ ? 8 + 2 : 0) + made.rest.size() + 2 + (value.due != 0 ? 6 : 0);
  const bool payload_out = value.payload.size() > kPayloadInsideMin &&
                           bytes + value.payload.size() > shape_.entry_bytes_max();
  if (!payload_out) made.payload = value.payload;
  *outside = made.outside = key_out || payload_out;
  if (made.outside) {
    made.out.blob = NewBlob(shape_.chunk_log2);
    if (key_out) {
      TREE_TRY(blobs_.Append(&made.out.blob, key.rest.substr(here)));
      made.out.key_bytes = made.out.blob.bytes;
    }
    if (payload_out) TREE_TRY(blobs_.Append(&made.out.blob, value.payload));
  }
  AppendLeafEntry(LeafKind(), made, entry);
  return Outcome::kDone;
}

// The entry of an element that gets another payload and due time.
Outcome Tree::EncodeAgain(const LeafEntry& old, const Value& value, std::string* entry,
                          bool* outside) {
  if (value.due > kNumber48Max) return pager_.Refuse(Code::kInvalid, "a due time of 2^48 or more");
  if (old.rest.size() + (old.outside ? old.out.key_bytes : 0) + value.payload.size() >
      kOutsideBytesMax) {
    return pager_.Refuse(Code::kTooLarge, "an element of more than 2 GiB");
  }
  LeafEntry made = old;
  made.due = value.due;
  const bool key_out = old.outside && old.out.key_bytes > 0;
  const size_t bytes = (ordered_ ? 8 + 2 : 0) + old.rest.size() + 2 + (value.due != 0 ? 6 : 0);
  const bool payload_out = value.payload.size() > kPayloadInsideMin &&
                           bytes + value.payload.size() > shape_.entry_bytes_max();
  if (!key_out) {
    TREE_TRY(FreeOutside(old.outside, old.out));
    made.out = Outside();
    made.out.blob = NewBlob(shape_.chunk_log2);
  } else if (old.payload_outside()) {
    TREE_TRY(blobs_.Truncate(&made.out.blob, old.out.key_bytes));
  }
  if (payload_out) TREE_TRY(blobs_.Append(&made.out.blob, value.payload));
  made.payload = payload_out ? std::string_view() : value.payload;
  *outside = made.outside = key_out || payload_out;
  AppendLeafEntry(LeafKind(), made, entry);
  return Outcome::kDone;
}

// As Settle, if only the count has changed.
Outcome Tree::SettleCount(const Path& path, uint32_t level, int64_t count) {
  Pager::Change* change = nullptr;
  const bool inner = level > 0;
  while (level > 1) {
    const Path::Step& step = path.at[--level];
    TREE_TRY(pager_.Edit(step.page, InnerKind(), &change));
    Editor editor(&change->staging, false);
    if (CAIRN_UNLIKELY(!editor.Bump(step.index, count))) return Wrong(step.page, "miscounts");
  }
  TREE_TRY(pager_.Edit(root_, PageKind::kRoot, &change));
  Editor editor(&change->staging, true);
  if (inner)
    return editor.Bump(path.at[0].index, count) ? Outcome::kDone : Wrong(root_, "miscounts");
  RootHead head;
  if (!LoadRootHead(change->staging.image, &head)) return Wrong(root_);
  head.count += static_cast<uint64_t>(count);
  return editor.SetHead(head) ? Outcome::kDone : Wrong(root_, "miscounts");
}

// Tells the nodes above the one at `level` what has become of it.
Outcome Tree::Settle(const Path& path, uint32_t level, const Settled& settled) {
  if (settled.added_due == 0 && !settled.lost_due && !settled.outside)
    return SettleCount(path, level, settled.count);
  const auto become = [&](uint64_t old, const Node& below, uint64_t* due) {
    *due = old;
    Child now;
    if (settled.lost_due && old != 0) {
      if (!below.Summary(&now)) return false;
      *due = now.due;
    }
    if (settled.added_due != 0 && (*due == 0 || settled.added_due < *due)) *due = settled.added_due;
    return true;
  };
  Node below;
  bool counted = false;  // the root has been told, with its child
  if (settled.lost_due) TREE_TRY(NodeOf(path, level, &below));
  while (level-- > 0) {
    const Path::Step& step = path.at[level];
    Node node;
    Child old;
    TREE_TRY(NodeOf(path, level, &node));
    if (step.index >= node.count() || !node.ChildAt(step.index, &old)) return Wrong(step.page);
    Child now = old;
    now.count += static_cast<uint64_t>(settled.count);
    now.outside_below |= settled.outside;
    if (!become(old.due, below, &now.due)) return Wrong(step.page);
    Pager::Change* change = nullptr;
    TREE_TRY(EditorOf(step.page, InnerKind(), &change));
    Editor editor(&change->staging, step.page == root_);
    if (now.due == old.due && now.outside_below == old.outside_below) {
      // Then nothing changes farther up either.
      if (settled.count == 0) return Outcome::kDone;
      if (!editor.Bump(step.index, settled.count)) return Wrong(step.page, "miscounts");
      counted = level == 0;
    } else {
      if (now.due != 0 && !node.wide() && !editor.Widen()) return Wrong(step.page);
      if (!editor.SetChild(step.index, now)) return Wrong(step.page, "miscounts");
    }
    if (settled.lost_due) TREE_TRY(NodeOf(path, level, &below));
  }
  RootHead head;
  Node root;
  TREE_TRY(Root(&head, &root));
  const RootHead old = head;
  if (!counted) head.count += static_cast<uint64_t>(settled.count);
  if (!become(old.due, root, &head.due)) return Wrong(root_);
  return head.count == old.count && head.due == old.due ? Outcome::kDone : SetHead(head);
}

// Puts an entry, which the nodes above count already, at the path's place.
Outcome Tree::InsertEntry(Path* path, std::string_view entry) {
  Node node;
  TREE_TRY(NodeOf(*path, path->height, &node));
  if (path->height == 0 && !Fits(node, entry.size(), shape_.root_leaf_bytes)) {
    const bool outside = (entry[ordered_ ? 8 : 0] & kHasOutside) != 0;
    TREE_TRY(GrowRoot(path, outside));
    TREE_TRY(NodeOf(*path, path->height, &node));
  }
  const Path::Step& step = path->leaf();
  const uint32_t limit = path->height == 0 ? shape_.root_leaf_bytes : shape_.leaf_bytes;
  if (CAIRN_LIKELY(Fits(node, entry.size(), limit))) {
    Pager::Change* change = nullptr;
    TREE_TRY(EditorOf(step.page, LeafKind(), &change));
    Editor editor(&change->staging, step.page == root_);
    return editor.Insert(step.index, entry) ? Outcome::kDone : Wrong(step.page);
  }
  Halves halves;
  TREE_TRY(SplitLeaf(*path, entry, &halves));
  return AddSibling(path, path->height, std::move(halves));
}

Outcome Tree::ReplaceEntry(const Cursor& cursor, std::string_view entry, uint64_t due,
                           bool outside) {
  const LeafEntry old = cursor.entry;
  const size_t old_bytes = old.bytes.size();
  Path path = cursor.path;
  const Path::Step step = path.leaf();
  Settled settled;
  settled.added_due = due == old.due ? 0 : due;
  settled.lost_due = old.due != 0 && due != old.due;
  settled.outside = outside;
  const bool report = settled.added_due != 0 || settled.lost_due || (outside && !old.outside);
  Node node;
  TREE_TRY(NodeOf(path, path.height, &node));
  const uint32_t limit = path.height == 0 ? shape_.root_leaf_bytes : shape_.leaf_bytes;
  const bool fits = entry.size() <= old_bytes || node.count() < 2 ||
                    node.bytes() - old_bytes + entry.size() <= limit;
  const uint32_t bytes_after = node.bytes() - static_cast<uint32_t>(old_bytes - entry.size());
  const uint8_t flags =
      static_cast<uint8_t>((due != 0 ? kHasDue : 0) | (outside ? kHasOutside : 0));
  const size_t tail = old.tail;
  Pager::Change* change = nullptr;
  TREE_TRY(EditorOf(step.page, LeafKind(), &change));
  Editor editor(&change->staging, step.page == root_);
  if (fits) {
    if (!editor.ReplaceTail(step.index, ordered_ ? flags : 0, entry.substr(tail)))
      return Wrong(step.page);
    if (report) TREE_TRY(Settle(path, path.height, settled));
    if (entry.size() >= old_bytes || bytes_after >= shape_.leaf_bytes / 4) return Outcome::kDone;
    return Fix(path, path.height);
  }
  if (!editor.Remove(step.index, 1)) return Wrong(step.page);
  if (report) TREE_TRY(Settle(path, path.height, settled));
  return InsertEntry(&path, entry);
}

Outcome Tree::Put(const Key& key, const Value& value, bool* existed) {
  CAIRN_CHECK(ordered_);
  Cursor cursor;
  Node leaf;
  TREE_TRY(Descend(key, &cursor.path, &leaf, existed));
  if (*existed) {
    TREE_TRY(Take(leaf, &cursor));
    return Replace(cursor, value);
  }
  return Add(&cursor, key, value);
}

Outcome Tree::Add(Cursor* cursor, const Key& key, const Value& value) {
  CAIRN_CHECK(ordered_ && !cursor->found);
  Settled settled;
  entry_.clear();
  TREE_TRY(Encode(key, value, &entry_, &settled.outside));
  settled.count = 1;
  settled.added_due = value.due;
  TREE_TRY(Settle(cursor->path, cursor->path.height, settled));
  return InsertEntry(&cursor->path, entry_);
}

Outcome Tree::Insert(uint64_t rank, const Value& value) {
  CAIRN_CHECK(!ordered_);
  RootHead head;
  Node leaf;
  Path path;
  TREE_TRY(Root(&head, &leaf));
  CAIRN_CHECK(rank <= head.count);
  if (head.count == 0) {
    path.height = head.height;
    path.at[0] = {root_, 0};
    if (head.height != 0) return Wrong(root_, "is empty, and not a leaf");
  } else {
    TREE_TRY(DescendFrom(head, rank == 0 ? 0 : rank - 1, &path, &leaf));
    if (rank != 0) ++path.leaf().index;
  }
  Settled settled;
  entry_.clear();
  TREE_TRY(Encode(Key(), value, &entry_, &settled.outside));
  settled.count = 1;
  settled.added_due = value.due;
  TREE_TRY(Settle(path, path.height, settled));
  return InsertEntry(&path, entry_);
}

Outcome Tree::Replace(const Cursor& cursor, const Value& value) {
  CAIRN_CHECK(cursor.found);
  const LeafEntry& old = cursor.entry;
  if (!old.outside && value.due == old.due && value.payload.size() == old.payload.size()) {
    // What was not too large is not now.
    const Path::Step& step = cursor.path.leaf();
    Pager::Change* change = nullptr;
    TREE_TRY(EditorOf(step.page, LeafKind(), &change));
    Editor editor(&change->staging, step.page == root_);
    return editor.ReplacePayload(step.index, value.payload) ? Outcome::kDone : Wrong(step.page);
  }
  bool outside = false;
  entry_.clear();
  TREE_TRY(EncodeAgain(old, value, &entry_, &outside));
  return ReplaceEntry(cursor, entry_, value.due, outside);
}

Outcome Tree::SetDue(const Cursor& cursor, uint64_t due) {
  CAIRN_CHECK(cursor.found);
  if (due > kNumber48Max) return pager_.Refuse(Code::kInvalid, "a due time of 2^48 or more");
  if (due == cursor.entry.due) return Outcome::kDone;
  LeafEntry made = cursor.entry;
  made.due = due;
  std::string entry;
  AppendLeafEntry(LeafKind(), made, &entry);
  return ReplaceEntry(cursor, entry, due, made.outside);
}

}  // namespace cairn::tree
