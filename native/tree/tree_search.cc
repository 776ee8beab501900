// Descents by key. Heads are compared first, as numbers; what follows only where they are equal.
#include "tree/tree.h"
#include "tree/try.h"

namespace cairn::tree {
namespace {

int OrderOf(std::string_view a, std::string_view b) {
  const int order = a.compare(b);
  return order < 0 ? -1 : order > 0;
}

}  // namespace

// What lies here and then outside, against the rest of a key.
Outcome Tree::CompareCut(std::string_view here, const Outside& out, std::string_view rest,
                         int* order) {
  *order = OrderOf(here, rest.substr(0, here.size()));
  if (*order != 0) return Outcome::kDone;
  return blobs_.Compare(out.blob, out.key_bytes, rest.substr(here.size()), order);
}

// Equal heads.
Outcome Tree::CompareRest(const Node& leaf, uint64_t page, uint32_t i, const Key& key, int* order) {
  if (const char* at = leaf.At(i, 9); at != nullptr) {
    // Less than 32 bytes, and all of them here: most are.
    const auto first = static_cast<uint8_t>(at[8]);
    const uint32_t bytes = first >> 2;
    if (CAIRN_LIKELY(first < 0x80 && (first & kHasOutside) == 0 &&
                     leaf.At(i, 9 + bytes) != nullptr)) {
      *order = OrderOf({at + 9, bytes}, key.rest);
      return Outcome::kDone;
    }
  }
  LeafEntry entry;
  if (!leaf.Leaf(i, &entry)) return Wrong(page);
  if (CAIRN_UNLIKELY(entry.outside && entry.out.key_bytes > 0))
    return CompareCut(entry.rest, entry.out, key.rest, order);
  *order = OrderOf(entry.rest, key.rest);
  return Outcome::kDone;
}

// Of a separator against a key, wherever a look at the head does not tell. One of 8 bytes or less
// that begins the key's head is not greater.
Outcome Tree::CompareSeparator(const Node& node, uint64_t page, uint32_t i, const Key& key,
                               int* order) {
  InnerEntry entry;
  if (!node.Inner(i, &entry)) return Wrong(page);
  uint64_t head = 0;
  for (size_t at = 0; at < 8; ++at) {
    const bool has = at < entry.separator.size();
    head = head << 8 | (has ? static_cast<uint8_t>(entry.separator[at]) : 0);
  }
  *order = head <= key.head ? -1 : 1;
  if (head != key.head || entry.separator.size() <= 8) return Outcome::kDone;
  const std::string_view rest = entry.separator.substr(8);
  if (entry.outside) return CompareCut(rest, entry.out, key.rest, order);
  *order = OrderOf(rest, key.rest);
  return Outcome::kDone;
}

// The first entry that is not less than the key.
Outcome Tree::SearchLeaf(const Node& leaf, uint64_t page, const Key& key, uint32_t* index,
                         bool* equal) {
  uint32_t low = 0, high = leaf.count();
  const char* const data = leaf.image().data();
  const char* const slots = data + leaf.heap_end();
  // Offsets of heads that lie in the heap, from the page's head on.
  const uint32_t room = leaf.heap_end() - static_cast<uint32_t>(kNodeHeadBytes);
  *equal = false;
  if (room < 8 && high > 0) return Wrong(page);
  while (low < high) {
    const uint32_t middle = (low + high) / 2;
    const uint32_t offset = Load16(slots + 2 * middle) - static_cast<uint32_t>(kNodeHeadBytes);
    if (CAIRN_UNLIKELY(offset > room - 8)) return Wrong(page);
    const uint64_t head = LoadBig64(data + kNodeHeadBytes + offset);
    if (CAIRN_LIKELY(head != key.head)) {
      const bool after = head < key.head;
      low = after ? middle + 1 : low;
      high = after ? high : middle;
      continue;
    }
    int order = 0;
    TREE_TRY(CompareRest(leaf, page, middle, key, &order));
    if (order < 0) {
      low = middle + 1;
    } else {
      high = middle;
      *equal = order == 0;
      if (order == 0) low = middle;
    }
  }
  *index = low;
  return Outcome::kDone;
}

// The last child whose separator is not greater than the key.
Outcome Tree::SearchInner(const Node& node, uint64_t page, const Key& key, uint32_t* index) {
  uint32_t low = 1, high = node.count();
  if (CAIRN_UNLIKELY(high == 0)) return Wrong(page, "has no children");
  const auto fixed = static_cast<uint32_t>(node.fixed_bytes());
  const char* const data = node.image().data();
  const char* const slots = data + node.heap_end();
  // Of entries whose separators lie in the heap if they have at most 8 bytes.
  const uint32_t heap = node.heap_end() - static_cast<uint32_t>(kNodeHeadBytes);
  const uint32_t room = heap > fixed + 9 ? heap - fixed - 9 : 0;
  while (low < high) {
    const uint32_t middle = (low + high) / 2;
    const uint32_t offset = Load16(slots + 2 * middle) - static_cast<uint32_t>(kNodeHeadBytes);
    bool after;
    const char* at = data + kNodeHeadBytes + offset + fixed;
    // Of 1 to 8 bytes: the varint is 4 to 35.
    if (CAIRN_LIKELY(offset < room && static_cast<uint8_t>(*at - 4) < 32)) {
      const uint32_t bytes = static_cast<uint8_t>(*at) >> 2;
      // Ends where the separator does: what is before it is shifted out.
      after = LoadBig64(at + 1 + bytes - 8) << (8 * (8 - bytes)) <= key.head;
    } else {
      int order = 0;
      TREE_TRY(CompareSeparator(node, page, middle, key, &order));
      after = order <= 0;
    }
    low = after ? middle + 1 : low;
    high = after ? high : middle;
  }
  *index = low - 1;
  return Outcome::kDone;
}

// To where the key is, or would be, in its leaf.
Outcome Tree::Descend(const Key& key, Path* path, Node* leaf, bool* equal) {
  RootHead head;
  TREE_TRY(Root(&head, leaf));
  uint64_t page = root_;
  path->height = head.height;
  for (uint32_t level = 0; level < head.height; ++level) {
    Path::Step& step = path->at[level];
    step.page = page;
    TREE_TRY(SearchInner(*leaf, page, key, &step.index));
    Child child;
    if (CAIRN_UNLIKELY(!leaf->ChildAt(step.index, &child))) return Wrong(page);
    page = child.page;
    TREE_TRY(NodeAt(page, head.height - level - 1, leaf));
  }
  path->leaf().page = page;
  return SearchLeaf(*leaf, page, key, &path->leaf().index, equal);
}

Outcome Tree::Take(const Node& leaf, Cursor* cursor) {
  if (!leaf.Leaf(cursor->path.leaf().index, &cursor->entry)) return Wrong(cursor->path.leaf().page);
  cursor->found = true;
  return Outcome::kDone;
}

Outcome Tree::Find(const Key& key, Cursor* cursor) {
  Node leaf;
  bool equal = false;
  cursor->found = false;
  TREE_TRY(Descend(key, &cursor->path, &leaf, &equal));
  return equal ? Take(leaf, cursor) : Outcome::kDone;
}

Outcome Tree::LowerBound(const Key& key, Cursor* cursor) {
  Node leaf;
  bool equal = false;
  cursor->found = false;
  TREE_TRY(Descend(key, &cursor->path, &leaf, &equal));
  if (cursor->path.leaf().index < leaf.count()) return Take(leaf, cursor);
  if (cursor->path.leaf().index == 0) return Outcome::kDone;  // an empty tree
  --cursor->path.leaf().index;
  return Step(cursor, true);
}

}  // namespace cairn::tree
