// Page: the image of a node of a tree, which is what lies on disk and what is searched in memory;
// nothing is decoded. docs/pages.md has the bytes by example.
//
//   slotted page (leaf or inner node)
//
//    0        1       2       4          6        8                heap end            size
//    +--------+-------+-------+----------+--------+----------------+-------------------+
//    | format | flags | count | heap end | zeros  | heap: entries, | slots: offsets of |
//    | u8     | u8    | u16   | u16      | u16    | without gaps   | entries, u16 each |
//    +--------+-------+-------+----------+--------+----------------+-------------------+
//
// Slot i is the offset of entry i from the beginning of the page. Only slots are in order: an entry
// that comes is added at the end of the heap, one that goes is cut out of it. So a page is never
// fragmented, and takes what its entries take.
//
//   entry of an ordered leaf
//    | head, 8 big-endian | rest << 2 + flags, varint | rest of the key | payload, varint |
//    | [due, 6] | [outside] | payload |
//   entry of a list leaf
//    | payload << 2 + flags, varint | [due, 6] | [outside] | payload |
//   entry of an inner node
//    | count, 6 | page, 6 | [due, 6, if the page is wide] |
//    | separator << 2 + flags, 2 | separator, zeros up to 8 bytes | [outside] |  (ordered only)
//   outside
//    | key bytes, varint | bytes, varint | page, varint | geometry, u8 |
//
// Flags: bit 0 there is a due time, bit 1 a part lies outside. What lies outside is a blob
// (blob.h): first the end of the key (key bytes of it), then the payload, unless that is in the
// entry. In an inner entry, bit 47 of `page` says that something outside may lie below. The
// separator of entry i is at most each key below, and greater than each key before; entry 0 has
// none.
//
//   raw page: 8 bytes as above (count, heap end: 0), then bytes
//   raw index page: 8 bytes, then page ids, 6 bytes each; 0: zeros, of which there is no page
//   root: format u8, height u8, elements u48, soonest due u48, next page id u48, then a slotted
//   page
//
// Whatever bytes come: nothing here reads beyond an image, and every access says whether it made
// sense. Validate alone looks at all of it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/status.h"
#include "engine/spaces.h"
#include "tree/bytes.h"

namespace cairn::tree {

// Numbers on disk, for PageOp::kind and in each image. Never used again for something else.
enum class PageKind : uint8_t {
  kOrderedLeaf = 1,
  kListLeaf = 2,
  kOrderedInner = 3,
  kListInner = 4,
  kRaw = 5,
  kRawIndex = 6,
  kRoot = 7,
};
inline constexpr uint8_t kPageFormat = 1;
// A page of a newer format: nothing else of it can be said. Whoever adds a flag, or gives the spare
// bytes a meaning, makes a newer format.
inline bool IsNewer(std::string_view image) {
  return !image.empty() && static_cast<uint8_t>(image[0]) >> 4 > kPageFormat;
}
inline constexpr uint8_t FormatByte(PageKind kind) {
  return static_cast<uint8_t>(kPageFormat << 4 | static_cast<uint8_t>(kind));
}
inline constexpr bool IsLeaf(PageKind kind) {
  return kind == PageKind::kOrderedLeaf || kind == PageKind::kListLeaf;
}
inline constexpr bool IsInner(PageKind kind) {
  return kind == PageKind::kOrderedInner || kind == PageKind::kListInner;
}
inline constexpr bool IsOrdered(PageKind kind) {
  return kind == PageKind::kOrderedLeaf || kind == PageKind::kOrderedInner;
}
inline constexpr bool IsRaw(PageKind kind) {
  return kind == PageKind::kRaw || kind == PageKind::kRawIndex;
}

inline constexpr size_t kNodeHeadBytes = 8;
inline constexpr size_t kRootHeadBytes = 20;
inline constexpr size_t kRootCountAt = 2;           // the number of elements
inline constexpr size_t kNodeBytesMax = 32u << 10;  // of a slotted page: offsets have 15 bits
inline constexpr uint8_t kWide = 1;                 // in a page's flags: inner entries have a due
inline constexpr uint8_t kHasDue = 1;               // in an entry's flags
inline constexpr uint8_t kHasOutside = 2;
// Of an ordered inner entry, behind its fixed part: the length, and the head of the separator.
inline constexpr size_t kLengthBytes = 2;
inline constexpr size_t kSeparatorHeadBytes = 8;
inline constexpr size_t kSeparatorBytesMax = UINT16_MAX >> 2;
inline constexpr uint64_t kOutsideBelow = uint64_t{1} << 47;
inline constexpr uint64_t kPageIdMax = kOutsideBelow - 1;
inline constexpr uint64_t kRootPages = 16;  // ids below are no pages but roots
inline constexpr uint64_t kFirstPage = kRootPages;
inline constexpr uint64_t kHeightMax = 20;  // of a tree: levels above the leaves
inline constexpr uint64_t kOutsideBytesMax = uint64_t{1} << 31;  // of an element
static_assert(kNodeBytesMax + kRootHeadBytes <= kPageBytesMax);

// Bytes that lie in pages of their own, see blob.h. height 0: `page` is a raw page (0: no bytes).
struct Blob {
  uint64_t bytes = 0;
  uint64_t page = 0;
  uint8_t height = 0;
  uint8_t chunk_log2 = 0;  // a full raw page, with its head, has 2^chunk_log2 bytes
};
struct Outside {
  uint64_t key_bytes = 0;
  Blob blob;
};
void AppendOutside(std::string* to, const Outside& outside);
bool TakeOutside(Reader* from, Outside* outside);

struct LeafEntry {
  uint64_t head = 0;         // ordered: the first 8 bytes of the key
  std::string_view rest;     // of the key, as far as it is here
  std::string_view payload;  // empty if it lies outside
  uint64_t due = 0;          // ms since 1970; 0: none
  bool outside = false;
  Outside out;
  std::string_view bytes;  // all of the entry
  size_t tail = 0;         // in `bytes`: where what follows the key begins

  bool payload_outside() const { return outside && out.blob.bytes > out.key_bytes; }
  uint64_t payload_bytes() const {
    return payload_outside() ? out.blob.bytes - out.key_bytes : payload.size();
  }
};

// What an inner entry says of its child.
struct Child {
  uint64_t count = 0;
  uint64_t page = 0;
  uint64_t due = 0;
  bool outside_below = false;
};
struct InnerEntry {
  Child child;
  std::string_view separator;  // as far as it is here
  bool outside = false;        // the end of the separator: out.blob, all of it
  Outside out;
  std::string_view bytes;
};

void AppendLeafEntry(PageKind kind, const LeafEntry& entry, std::string* to);
void AppendInnerEntry(PageKind kind, bool wide, const InnerEntry& entry, std::string* to);

// A look at a slotted page.
class Node {
 public:
  // False: these are no such bytes. Look at the head only.
  bool Open(std::string_view image) {
    if (image.empty()) return false;
    const auto kind = static_cast<PageKind>(static_cast<uint8_t>(image[0]) & 15);
    return (IsLeaf(kind) || IsInner(kind)) && OpenAs(kind, image);
  }
  bool OpenAs(PageKind kind, std::string_view image) {
    if (image.size() - kNodeHeadBytes > kNodeBytesMax - kNodeHeadBytes) return false;
    data_ = image.data();
    kind_ = kind;
    uint64_t head;
    std::memcpy(&head, data_, sizeof(head));
    wide_ = (head & kWideInHead) != 0;
    count_ = static_cast<uint16_t>(head >> 16);
    heap_end_ = static_cast<uint16_t>(head >> 32);
    // The format, flags that no such page has, and the spare bytes.
    const uint64_t fixed = head & (IsInner(kind) ? kFixedInHead & ~kWideInHead : kFixedInHead);
    return fixed == FormatByte(kind) && heap_end_ >= kNodeHeadBytes &&
           heap_end_ + 2 * count_ == image.size();
  }

  PageKind kind() const { return kind_; }
  bool wide() const { return wide_; }
  uint32_t count() const { return count_; }
  uint32_t bytes() const { return heap_end_ + 2 * count_; }
  uint32_t heap_end() const { return heap_end_; }
  std::string_view image() const { return {data_, bytes()}; }
  size_t fixed_bytes() const { return wide_ ? 18 : 12; }  // of an inner entry, before the separator

  // The first bytes of entry i < count, at least so many. Null: they would not lie in the heap.
  const char* At(uint32_t i, size_t bytes) const {
    const uint32_t offset = Load16(data_ + heap_end_ + 2 * i);
    if (CAIRN_UNLIKELY(offset < kNodeHeadBytes || offset + bytes > heap_end_)) return nullptr;
    return data_ + offset;
  }
  bool EndsInHeap(const char* end) const { return end <= data_ + heap_end_; }
  // False: the entry makes no sense. i < count.
  bool Leaf(uint32_t i, LeafEntry* entry) const;
  bool Inner(uint32_t i, InnerEntry* entry) const;
  bool ChildAt(uint32_t i, Child* child) const {
    const char* at = At(i, fixed_bytes());
    if (at == nullptr) return false;
    child->count = LoadLow48(at);
    const uint64_t page = Load48(at + 6);
    child->page = page & kPageIdMax;
    child->outside_below = (page & kOutsideBelow) != 0;
    child->due = wide_ ? Load48(at + 12) : 0;
    return true;
  }
  // Of the elements below children [from, to).
  bool Sum(uint32_t from, uint32_t to, uint64_t* count) const;
  // What an inner entry for this page has to say; `page` is left alone.
  bool Summary(Child* child) const;

 private:
  // Of the first 8 bytes, as one number.
  static constexpr uint64_t kWideInHead = uint64_t{kWide} << 8;
  static constexpr uint64_t kFixedInHead = 0xffff00000000ffff;

  const char* data_ = nullptr;
  PageKind kind_ = PageKind::kOrderedLeaf;
  bool wide_ = false;
  uint32_t count_ = 0;
  uint32_t heap_end_ = 0;
};

// Bytes that are to become an entry of such a page: do they make one, and nothing else?
bool IsEntry(PageKind kind, bool wide, std::string_view bytes);

// Makes the image of a slotted page of encoded entries.
class NodeBuilder {
 public:
  NodeBuilder(PageKind kind, bool wide);
  void Add(std::string_view entry);
  uint32_t count() const { return static_cast<uint32_t>(slots_.size() / 2); }
  size_t bytes() const { return heap_.size() + slots_.size(); }
  std::string Finish();

 private:
  std::string heap_;
  std::string slots_;
};

struct RootHead {
  uint8_t height = 0;  // 0: the root is a leaf
  uint64_t count = 0;
  uint64_t due = 0;
  uint64_t next_page = 0;  // of root 0: at least kFirstPage; of others: not used, and 0 or such
};
void StoreRootHead(const RootHead& head, char* to);
// False: it is no root, or one of a newer format (IsNewer).
inline bool LoadRootHead(std::string_view image, RootHead* head) {
  if (image.size() < kRootHeadBytes) return false;
  const char* from = image.data();
  head->height = static_cast<uint8_t>(from[1]);
  head->count = Load48(from + 2);
  head->due = Load48(from + 8);
  head->next_page = Load48(from + 14);
  const bool pages = head->next_page - kFirstPage <= kPageIdMax - kFirstPage;
  return static_cast<uint8_t>(from[0]) == FormatByte(PageKind::kRoot) &&
         head->height <= kHeightMax && (pages || head->next_page == 0);
}
std::string RootImage(const RootHead& head, std::string_view node);

std::string NewRaw(PageKind kind);
// The bytes behind the head. False: it is no such page.
bool RawBytes(PageKind kind, std::string_view image, std::string_view* bytes);

// A whole image: every entry, the heap without gaps, order, counts that can be. kCorruption says
// what and where. Keys that differ only outside are not compared.
Status Validate(PageKind kind, std::string_view image);

}  // namespace cairn::tree
