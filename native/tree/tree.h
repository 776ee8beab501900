// Tree: a counted B+-tree of pages, on which collections stand. One element is a sort key and a
// payload (ordered trees), or a payload alone (lists); it may have a due time.
//
//   root: height 2, 31 elements, in the value of the client's key
//     |   inner node: | 12, page 20 | 19, page 27, "m" |          counts of elements, separators
//     v
//   inner pages       | 5, p 16 | 7, p 18, "f" |   ...
//     v
//   leaves            | elements in order |                        all equally deep
//
// A collection that fits one page is its root, a leaf. Keys are unique. They are ordered by `head`,
// then by the bytes of `rest`:
//
//   hash, set, member index   head: keyed hash of the field         rest: field
//   sorted set                head: score, made sortable            rest: member
//   stream                    head: ms of the id                    rest: 8 bytes, sequence number
//
// A scan whose cursor has 64 bits goes by head: LowerBound(Key{cursor, ""}) is the first element
// whose head is not below the cursor. Elements of equal heads lie side by side, and there is no
// cursor between them: whoever scans takes all of them, and goes on at head + 1.
//
// Large elements. An element of more than a quarter of a leaf has its payload outside, in a blob;
// the end of a key beyond 128 bytes lies there, too, and keys alike up to there are compared by
// reading. So is the end of a separator between two such keys, in a blob of its own.
//
// Costs. Everything takes O(log n) page accesses but where it says otherwise. A descent finds out
// level by level what to read next; inner pages are few (about one in 50) and stay in memory, so
// that it waits for a leaf at most, and an erasure that empties it for its neighbours.
//
// Fill. A page that is full is split in the middle, but at the ends of the tree at the end, so that
// appending leaves full pages. A page that loses something and is then below a quarter is merged
// with a neighbour, if the two leave a quarter free. Empty pages go.
//
// Every operation ends in kDone, or in kWait or kFailed (see Pager): then the pass, with what the
// tree has made of its pages, is thrown away. One thread; cursors and views are good until the next
// change of any tree of the pager.
#pragma once

#include <array>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "tree/blob.h"
#include "tree/page.h"
#include "tree/pager.h"

namespace cairn::tree {

struct Key {
  uint64_t head = 0;
  std::string_view rest;
};

struct Value {
  std::string_view payload;
  uint64_t due = 0;  // ms since 1970, below 2^48; 0: none
};

inline constexpr uint32_t kTargetBytesMin = 256;
inline constexpr uint32_t kTargetBytesMax = 8u << 10;
inline constexpr uint64_t kElementsMax = kNumber48Max;

// How large pages get. Sizes of pages may differ from one opening of a tree to the next.
struct TreeShape {
  bool ordered = true;
  uint32_t leaf_bytes = 1024;
  uint32_t inner_bytes = 2048;
  uint32_t root_leaf_bytes = 1024;
  uint32_t root_inner_bytes = 512;  // written with each change of the count
  uint8_t chunk_log2 = kChunkLog2Max;

  // Of the rest of a key, in its page. Never changes in the life of a tree.
  uint32_t key_bytes_max = 128;

  uint32_t entry_bytes_max() const { return leaf_bytes / 4; }
};

struct Path {
  struct Step {
    uint64_t page;
    uint32_t index;
  };
  uint32_t height = 0;
  // The root first, the leaf at `height`. What is behind it was never set.
  std::array<Step, kHeightMax + 1> at;
  Step& leaf() { return at[height]; }
  const Step& leaf() const { return at[height]; }
};

// A place in a tree; on an element if `found`.
struct Cursor {
  bool found = false;
  LeafEntry entry;  // a view
  Path path;
};

class Tree {
 public:
  // `root` < kRootPages.
  Tree(const TreeShape& shape, Pager* pager, uint64_t root = 0);
  // Of a tree without elements.
  static std::string EmptyRoot(const TreeShape& shape);

  // --- reading ---
  Outcome Head(RootHead* head);
  Outcome Find(const Key& key, Cursor* cursor);
  // The first element that is not less.
  Outcome LowerBound(const Key& key, Cursor* cursor);
  // The element of this rank, from 0 on. So one at random, too.
  Outcome Seek(uint64_t rank, Cursor* cursor);
  // From a cursor that was found; nothing is found beyond the ends.
  Outcome Next(Cursor* cursor);
  Outcome Prev(Cursor* cursor);
  Outcome RankOf(const Cursor& cursor, uint64_t* rank);
  // How many elements are less; between two keys: the difference. In one descent.
  Outcome Rank(const Key& key, uint64_t* less);
  // Notes the missing leaves of a range by rank, kWantMax at most; kWait if there are any.
  Outcome Want(uint64_t rank, uint64_t count);
  static constexpr uint64_t kWantMax = 128;
  // The first element that is due by then, in the order of the tree; and the next one.
  Outcome FirstDue(uint64_t by, Cursor* cursor);
  Outcome NextDue(uint64_t by, Cursor* cursor);
  // Views into the page, or into *buffer if it has to be read from outside.
  Outcome Payload(const LeafEntry& entry, std::string* buffer, std::string_view* payload);
  Outcome KeyRest(const LeafEntry& entry, std::string* buffer, std::string_view* rest);

  // --- changing ---
  // Ordered: the element is there afterwards, with this payload and due time.
  Outcome Put(const Key& key, const Value& value, bool* existed);
  // The same for a key that Find has looked for and not found, by the place where the cursor is,
  // which is of no use afterwards.
  Outcome Add(Cursor* cursor, const Key& key, const Value& value);
  // Lists: the element gets this rank, at most the count.
  Outcome Insert(uint64_t rank, const Value& value);
  // The element that a cursor has found.
  Outcome Replace(const Cursor& cursor, const Value& value);
  Outcome SetDue(const Cursor& cursor, uint64_t due);
  Outcome Erase(const Cursor& cursor);
  Outcome Erase(const Key& key, bool* existed);
  // Elements [rank, rank + count), as far as there are. Leaves in which all goes are not read, but
  // where elements below may lie outside. Removes about count / elements per leaf pages: a long
  // range is erased in slices.
  Outcome EraseRange(uint64_t rank, uint64_t count);

  // Everything: each page by Validate, order, separators, counts, due times; and no page is named
  // twice, so that it is O(n) of whatever there is, with 8 bytes of memory or a few more per page.
  // kFailed: the pager's status says what is wrong.
  Outcome Check();

 private:
  friend class Builder;

  // What a split has made of a node.
  struct Halves {
    Child left, right;
    std::string separator;
    bool outside = false;
    Outside out;
  };
  struct Settled {
    int64_t count = 0;
    uint64_t added_due = 0;
    bool lost_due = false;  // the soonest may be gone
    bool outside = false;   // something lies outside now
  };

  PageKind LeafKind() const { return ordered_ ? PageKind::kOrderedLeaf : PageKind::kListLeaf; }
  PageKind InnerKind() const { return ordered_ ? PageKind::kOrderedInner : PageKind::kListInner; }
  PageKind KindAt(uint32_t above) const { return above == 0 ? LeafKind() : InnerKind(); }
  Outcome Wrong(uint64_t page);
  Outcome Wrong(uint64_t page, std::string_view what) { return pager_.Fail(page, what); }

  // tree.cc
  Outcome Root(RootHead* head, Node* node) {
    std::string_view image;
    const Outcome read = pager_.Read(root_, &image);
    if (CAIRN_UNLIKELY(read != Outcome::kDone)) return read;
    const bool opened = LoadRootHead(image, head) &&
                        node->OpenAs(KindAt(head->height), image.substr(kRootHeadBytes));
    return CAIRN_LIKELY(opened) ? Outcome::kDone : WrongRoot();
  }
  // `above`: how high over the leaves it is.
  Outcome NodeAt(uint64_t page, uint32_t above, Node* node) {
    return page == root_ ? RootNode(above, node) : PageAt(page, KindAt(above), node);
  }
  // A page below the root. (What names the root is damaged, and the root no such page.)
  Outcome PageAt(uint64_t page, PageKind kind, Node* node) {
    std::string_view image;
    const Outcome read = pager_.Read(page, &image);
    if (CAIRN_UNLIKELY(read != Outcome::kDone)) return read;
    return CAIRN_LIKELY(node->OpenAs(kind, image)) ? Outcome::kDone : WrongPage(page);
  }
  Outcome RootNode(uint32_t above, Node* node);
  Outcome WrongRoot();
  Outcome WrongPage(uint64_t page);
  Outcome NodeOf(const Path& path, uint32_t level, Node* node) {
    return NodeAt(path.at[level].page, path.height - level, node);
  }
  Outcome EditorOf(uint64_t page, PageKind kind, Pager::Change** change);
  Outcome SetHead(const RootHead& head);
  Outcome IsEdge(const Path& path, uint32_t level, bool right, bool* edge);

  // tree_search.cc
  Outcome CompareCut(std::string_view here, const Outside& out, std::string_view rest, int* order);
  Outcome CompareRest(const Node& leaf, uint64_t page, uint32_t i, const Key& key, int* order);
  Outcome CompareSeparator(const Node& node, uint64_t page, uint32_t i, const Key& key, int* order);
  Outcome SearchRests(std::string_view image, uint64_t page, const Key& key, uint32_t low,
                      uint32_t* index, bool* equal);
  Outcome SearchSeparators(std::string_view image, uint64_t page, const Key& key, uint32_t low,
                           uint32_t high, uint32_t* index);
  template <bool kCounts>
  Outcome DescendBy(const Key& key, Path* path, Node* leaf, bool* equal, uint64_t* less);
  Outcome Descend(const Key& key, Path* path, Node* leaf, bool* equal);
  Outcome Take(const Node& leaf, Cursor* cursor);

  // tree_rank.cc
  Outcome ChildOf(const Node& node, uint64_t page, uint64_t total, uint64_t* rank, uint32_t* index,
                  Child* child);
  Outcome DescendFrom(const RootHead& head, uint64_t rank, Path* path, Node* leaf);
  Outcome Before(const Node& node, uint64_t page, uint32_t index, uint64_t total, uint64_t* sum);
  Outcome Step(Cursor* cursor, bool forward);
  Outcome DescendEdge(Path* path, uint32_t level, bool first, Node* leaf);

  // tree_due.cc
  Outcome DescendDue(uint64_t by, uint32_t level, uint32_t from, Cursor* cursor);

  // tree_insert.cc
  Outcome Encode(const Key& key, const Value& value, std::string* entry, bool* outside);
  Outcome EncodeAgain(const LeafEntry& old, const Value& value, std::string* entry, bool* outside);
  Outcome FreeOutside(bool outside, const Outside& out);
  Outcome InsertEntry(Path* path, std::string_view entry);
  Outcome ReplaceEntry(const Cursor& cursor, std::string_view entry, uint64_t due, bool outside);
  Outcome Settle(const Path& path, uint32_t level, const Settled& settled);
  Outcome SettleCount(const Path& path, uint32_t level, int64_t count);

  // tree_split.cc
  static bool Fits(const Node& node, size_t bytes, uint32_t limit) {
    return node.count() < 2 || node.bytes() + bytes + 2 <= limit;
  }
  Outcome GrowRoot(Path* path, bool outside);
  Outcome SplitLeaf(const Path& path, std::string_view entry, Halves* halves);
  Outcome SplitInner(const Path& path, uint32_t level, uint32_t at, std::string_view entry,
                     Halves* halves);
  Outcome KeepLeft(uint64_t page, const Node& node, uint32_t keep, uint32_t at,
                   std::string_view entry);
  Outcome Separate(const LeafEntry& last, const LeafEntry& first, Halves* halves);
  Outcome SeparateOutside(const LeafEntry& last, const LeafEntry& first, Halves* halves);
  Outcome AddSibling(Path* path, uint32_t level, Halves halves);

  // tree_erase.cc
  Outcome RemoveChildren(uint64_t page, uint32_t above, uint32_t index, uint32_t n);
  Outcome Merge(const Path& path, uint32_t level, uint32_t left);
  Outcome TryMerge(const Path& path, uint32_t level, const Node& node, bool* merged);
  Outcome Fix(const Path& path, uint32_t level);
  Outcome Collapse();
  Outcome RemoveSubtree(const Child& child, uint32_t above);
  Outcome EraseSome(uint64_t rank, uint64_t count, uint64_t* erased);
  Outcome DropChildren(const Path& path, uint32_t level, uint32_t index, uint32_t n,
                       uint64_t elements);
  Outcome DropEntries(const Path& path, const Node& leaf, uint32_t n);

  // tree_check.cc
  struct CheckStep;
  struct Checking;
  Outcome CheckPage(const CheckStep& step, Checking* checking);
  Outcome CheckLeafOrder(const Node& leaf, const CheckStep& step, Checking* checking);

  const TreeShape shape_;
  const bool ordered_;
  Pager& pager_;
  Blobs blobs_;
  const uint64_t root_;
  std::string entry_;  // that is being put
};

Outcome ReadHead(Pager* pager, uint64_t root, RootHead* head);
// For who does not know the tree: whether its elements have keys, by the node in its root.
Outcome ReadKind(Pager* pager, uint64_t root, RootHead* head, bool* ordered);
// At the end of a pass: root 0 keeps the pager's next page id, for those that were given are never
// given again.
Outcome Seal(Pager* pager);

}  // namespace cairn::tree
