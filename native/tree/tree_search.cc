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

// Of a separator against a key. One of 8 bytes or less that begins the key's head is not greater.
Outcome Tree::CompareSeparator(const Node& node, uint64_t page, uint32_t i, const Key& key,
                               int* order) {
  InnerEntry entry;
  if (!node.Inner(i, &entry) || entry.separator.empty()) return Wrong(page);
  const uint64_t head = Big64(entry.separator.data());  // with zeros
  *order = head <= key.head ? -1 : 1;
  if (head != key.head || entry.separator.size() <= kSeparatorHeadBytes) return Outcome::kDone;
  const std::string_view rest = entry.separator.substr(kSeparatorHeadBytes);
  if (entry.outside) return CompareCut(rest, entry.out, key.rest, order);
  *order = OrderOf(rest, key.rest);
  return Outcome::kDone;
}

// The general form of the two searches below, from an entry on that they cannot tell by a look.
// The first entry of [low, high) that is not less than the key.
Outcome Tree::SearchRests(std::string_view image, uint64_t page, const Key& key, uint32_t low,
                          uint32_t* index, bool* equal) {
  Node leaf;
  if (!leaf.OpenAs(PageKind::kOrderedLeaf, image)) return Wrong(page);
  uint32_t high = leaf.count();
  while (low < high) {
    const uint32_t middle = (low + high) / 2;
    const char* at = leaf.At(middle, 8);
    if (CAIRN_UNLIKELY(at == nullptr)) return Wrong(page);
    const uint64_t head = Big64(at);
    int order = head < key.head ? -1 : 1;
    if (head == key.head) TREE_TRY(CompareRest(leaf, page, middle, key, &order));
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

// The last child of those before `high` whose separator is not greater than the key; `low` at
// least.
Outcome Tree::SearchSeparators(std::string_view image, uint64_t page, const Key& key, uint32_t low,
                               uint32_t high, uint32_t* index) {
  Node node;
  if (!node.OpenAs(PageKind::kOrderedInner, image)) return Wrong(page);
  for (++low; low < high;) {
    const uint32_t middle = (low + high) / 2;
    int order = 0;
    TREE_TRY(CompareSeparator(node, page, middle, key, &order));
    (order <= 0 ? low : high) = order <= 0 ? middle + 1 : middle;
  }
  *index = low - 1;
  return Outcome::kDone;
}

namespace {

// What a descent holds of a page, in registers.
struct Look {
  const char* data;
  uint32_t count;
  uint32_t heap_end;
  std::string_view image() const { return {data, heap_end + 2 * count}; }
  uint32_t fixed() const { return data[1] & kWide ? 18 : 12; }
};

[[gnu::always_inline]] inline bool OpenLook(PageKind kind, std::string_view image, Look* look) {
  Node node;
  if (CAIRN_UNLIKELY(!node.OpenAs(kind, image))) return false;
  *look = {image.data(), node.count(), node.heap_end()};
  return true;
}

// As SearchSeparators, of all children, as far as heads of separators tell: that is among those of
// [*low, *high). False: a slot makes no sense.
[[gnu::always_inline]] inline bool LookForChild(const Look& node, uint32_t fixed, uint64_t wanted,
                                                uint32_t* low, uint32_t* high) {
  const char* const slots = node.data + node.heap_end;
  const char* const lengths = node.data + kNodeHeadBytes + fixed;
  const auto entry = static_cast<uint32_t>(fixed + kLengthBytes + kSeparatorHeadBytes);
  const uint32_t heap = node.heap_end - static_cast<uint32_t>(kNodeHeadBytes);
  if (CAIRN_UNLIKELY(heap < entry && node.count > 1)) return false;
  const uint32_t room = heap - entry;
  const char* slot = slots;
  uint32_t left = node.count;
  while (left > 1) {
    const uint32_t half = left / 2;
    const char* const middle = slot + 2 * static_cast<size_t>(half);
    const uint32_t offset = Load16(middle) - static_cast<uint32_t>(kNodeHeadBytes);
    if (CAIRN_UNLIKELY(offset > room)) return false;
    const uint64_t head = Big64(lengths + offset + kLengthBytes);
    // Of one that begins the key's head, no more than eight bytes are not greater.
    if (CAIRN_UNLIKELY(head == wanted) && Load16(lengths + offset) >= (kSeparatorHeadBytes + 1)
                                                                          << 2) {
      break;
    }
    left -= half;
    slot = head <= wanted ? middle : slot;
  }
  *low = static_cast<uint32_t>(slot - slots) / 2;
  *high = *low + left;
  return true;
}

// The last entry whose head is less than wanted, or the first. Null: a slot makes no sense.
[[gnu::always_inline]] inline const char* LookForHead(const Look& leaf, uint64_t wanted,
                                                      const char** slot) {
  const char* at = leaf.data + leaf.heap_end;
  const char* const heap = leaf.data + kNodeHeadBytes;
  // How far from there on a head may begin.
  const uint32_t room = leaf.heap_end - static_cast<uint32_t>(kNodeHeadBytes);
  const uint32_t last = room < 8 ? 0 : room - 8;
  for (uint32_t left = leaf.count; left > 1;) {
    const uint32_t half = left / 2;
    const char* const middle = at + 2 * static_cast<size_t>(half);
    const uint32_t offset = Load16(middle - 2) - static_cast<uint32_t>(kNodeHeadBytes);
    left -= half;
    if (CAIRN_UNLIKELY(offset > last)) return nullptr;
    at = Big64(heap + offset) < wanted ? middle : at;
  }
  *slot = at;
  const uint32_t offset = Load16(at) - static_cast<uint32_t>(kNodeHeadBytes);
  return CAIRN_LIKELY(offset <= last && room >= 8) ? heap + offset : nullptr;
}

}  // namespace

// To where the key is, or would be, in its leaf. With `less`: how many elements are less.
template <bool kCounts>
[[gnu::always_inline]] inline Outcome Tree::DescendBy(const Key& key, Path* path, Node* leaf,
                                                      bool* equal, uint64_t* less) {
  std::string_view image;
  Look look;
  TREE_TRY(pager_.Read(root_, &image));
  RootHead head;
  if (CAIRN_UNLIKELY(!LoadRootHead(image, &head))) return WrongRoot();
  uint64_t page = root_, total = head.count, sum = 0;
  uint32_t above = head.height;
  Path::Step* step = nullptr;
  if (!kCounts) {
    path->height = above;
    step = path->at.data();
  }
  image.remove_prefix(kRootHeadBytes);
  for (;;) {
    if (above == 0) break;
    if (CAIRN_UNLIKELY(!OpenLook(PageKind::kOrderedInner, image, &look))) return WrongPage(page);
    const uint64_t here = page;
    const uint32_t fixed = look.fixed();
    uint32_t index = 0, high = 0;
    if (CAIRN_UNLIKELY(look.count == 0)) return Wrong(page, "has no children");
    if (CAIRN_UNLIKELY(!LookForChild(look, fixed, key.head, &index, &high))) return Wrong(page);
    if (CAIRN_UNLIKELY(high - index > 1))
      TREE_TRY(SearchSeparators(look.image(), page, key, index, high, &index));
    const uint32_t offset = Load16(look.data + look.heap_end + 2 * static_cast<size_t>(index));
    if (CAIRN_UNLIKELY(offset < kNodeHeadBytes || offset + fixed > look.heap_end))
      return Wrong(page);
    page = Load48(look.data + offset + 6) & kPageIdMax;
    if (kCounts) {
      uint64_t before = 0;
      Node node;
      (void)node.OpenAs(PageKind::kOrderedInner, look.image());
      TREE_TRY(Before(node, here, index, total, &before));
      sum += before;
      total = LoadLow48(look.data + offset);
    } else {
      *step++ = {here, index};
    }
    --above;
    TREE_TRY(pager_.Read(page, &image));
  }
  if (CAIRN_UNLIKELY(!OpenLook(PageKind::kOrderedLeaf, image, &look))) return WrongPage(page);
  if (!kCounts) (void)leaf->OpenAs(PageKind::kOrderedLeaf, image);
  *equal = false;
  uint32_t index = 0;
  if (CAIRN_LIKELY(look.count != 0)) {
    const char* slot = nullptr;
    const char* const at = LookForHead(look, key.head, &slot);
    if (CAIRN_UNLIKELY(at == nullptr)) return Wrong(page);
    index = static_cast<uint32_t>(slot - (look.data + look.heap_end)) / 2;
    const uint64_t found = Big64(at);
    if (found < key.head) {
      ++index;
    } else if (found == key.head) {
      // All of the rest is here, and it is the same: most are.
      const char* const end = look.data + look.heap_end;
      const size_t rest = key.rest.size();
      if (CAIRN_LIKELY(rest < 32 && at + 8 < end &&
                       static_cast<uint8_t>(at[8] & ~kHasDue) == rest << 2 &&
                       at + 9 + rest <= end &&
                       (rest == 0 || std::memcmp(at + 9, key.rest.data(), rest) == 0))) {
        *equal = true;
      } else {
        TREE_TRY(SearchRests(look.image(), page, key, index, &index, equal));
      }
    }
  }
  if (kCounts) {
    *less = sum + index;
  } else {
    *step = {page, index};
  }
  return Outcome::kDone;
}

Outcome Tree::Descend(const Key& key, Path* path, Node* leaf, bool* equal) {
  return DescendBy<false>(key, path, leaf, equal, nullptr);
}

Outcome Tree::Rank(const Key& key, uint64_t* less) {
  bool equal = false;
  return DescendBy<true>(key, nullptr, nullptr, &equal, less);
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
