#include "tree/edit.h"

#include <algorithm>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

namespace cairn::tree {
namespace {

// Numbers on disk.
enum Edit : uint8_t {
  kInsert = 1,
  kRemove = 2,
  kReplaceTail = 3,
  kBump = 4,
  kSetChild = 5,
  kWiden = 6,
  kOverwrite = 7,
  kAppend = 8,
  kTruncate = 9,
  kSetHead = 10,
};

constexpr size_t kArgumentsMax = 1 + 4 * kVarintBytesMax;
constexpr size_t kShortBytes = 128;      // of what follows the arguments
constexpr size_t kDeltaSpareBytes = 64;  // a delta may be longer than its page by so much

// Adds to each of the slots that is greater. Offsets have 15 bits; others are those of a page that
// is not sound, and count as negative.
void ShiftSlots(char* slots, uint32_t count, uint32_t above, int32_t by) {
  uint32_t i = 0;
#if defined(__SSE2__)
  const __m128i limit = _mm_set1_epi16(static_cast<int16_t>(above));
  const __m128i step = _mm_set1_epi16(static_cast<int16_t>(by));
  for (; i + 8 <= count; i += 8) {
    auto* at = reinterpret_cast<__m128i*>(slots + 2 * i);
    const __m128i offsets = _mm_loadu_si128(at);
    const __m128i moved = _mm_and_si128(_mm_cmpgt_epi16(offsets, limit), step);
    _mm_storeu_si128(at, _mm_add_epi16(offsets, moved));
  }
#endif
  for (; i < count; ++i) {
    const uint16_t offset = Load16(slots + 2 * i);
    if (static_cast<int16_t>(offset) > static_cast<int16_t>(above))
      Store16(slots + 2 * i, static_cast<uint16_t>(offset + by));
  }
}

}  // namespace

// An edit with up to four numbers, and what follows them.
template <typename... Numbers>
inline void Editor::Record(uint8_t edit, std::string_view bytes, Numbers... numbers) {
  if (staging_.whole) return;
  std::string* const delta = &staging_.delta;
  const size_t room = std::min<size_t>(image_.size() + kDeltaSpareBytes, kPageBytesMax);
  if (CAIRN_UNLIKELY(delta->size() + bytes.size() + kArgumentsMax > room)) {
    staging_.whole = true;
    delta->clear();
    return;
  }
  if (bytes.empty() && (0u | ... | static_cast<uint64_t>(numbers)) < 0x80) {
    const char few[] = {static_cast<char>(edit), static_cast<char>(numbers)...};
    delta->append(few, sizeof(few));
    return;
  }
  char encoded[kArgumentsMax + kShortBytes];
  char* at = encoded;
  *at++ = static_cast<char>(edit);
  if (CAIRN_LIKELY((0u | ... | static_cast<uint64_t>(numbers)) < 0x80)) {
    ((*at++ = static_cast<char>(numbers)), ...);
  } else {
    ((at = PutVarint(at, numbers)), ...);
  }
  // One piece, where it is short.
  if (bytes.size() <= kShortBytes) {
    if (!bytes.empty()) std::memcpy(at, bytes.data(), bytes.size());
    at += bytes.size();
    bytes = {};
  }
  delta->append(encoded, static_cast<size_t>(at - encoded));
  if (!bytes.empty()) delta->append(bytes);
}

bool Editor::Insert(uint32_t i, std::string_view entry) {
  Node node;
  if (!Open(&node) || i > node.count() || node.bytes() + entry.size() + 2 > kNodeBytesMax ||
      entry.empty()) {
    return false;
  }
  const uint32_t heap_end = node.heap_end(), count = node.count();
  const auto bytes = static_cast<uint32_t>(entry.size());
  image_.resize(image_.size() + bytes + 2);
  char* page = image_.data() + base_;
  char* from = page + heap_end;
  std::memmove(from + bytes + 2 * (i + 1), from + 2 * i, 2 * (count - i));
  std::memmove(from + bytes, from, 2 * i);
  std::memcpy(from, entry.data(), bytes);
  Store16(from + bytes + 2 * i, static_cast<uint16_t>(heap_end));
  Store16(page + 2, static_cast<uint16_t>(count + 1));
  Store16(page + 4, static_cast<uint16_t>(heap_end + bytes));
  Record(kInsert, entry, i, bytes);
  return true;
}

// Makes room for, or closes, a piece of the heap; `at` is within an entry or where one begins.
bool Editor::Splice(uint32_t at, uint32_t old_bytes, uint32_t new_bytes) {
  Node node;
  if (!Open(&node) || node.bytes() - old_bytes + new_bytes > kNodeBytesMax) return false;
  const uint32_t heap_end = node.heap_end(), count = node.count();
  const uint32_t behind = node.bytes() - at - old_bytes;
  if (new_bytes > old_bytes) image_.resize(image_.size() + new_bytes - old_bytes);
  char* page = image_.data() + base_;
  std::memmove(page + at + new_bytes, page + at + old_bytes, behind);
  if (new_bytes < old_bytes) image_.resize(image_.size() - (old_bytes - new_bytes));
  page = image_.data() + base_;
  const auto by = static_cast<int32_t>(new_bytes) - static_cast<int32_t>(old_bytes);
  const uint32_t new_end = heap_end + new_bytes - old_bytes;
  Store16(page + 4, static_cast<uint16_t>(new_end));
  ShiftSlots(page + new_end, count, at, by);
  return true;
}

// The page without entries [without, without + n), in the order of its slots.
bool Editor::Rebuild(const Node& node, uint32_t without, uint32_t n) {
  NodeBuilder builder(node.kind(), node.wide());
  for (uint32_t i = 0; i < node.count(); ++i) {
    if (i >= without && i < without + n) continue;
    LeafEntry leaf;
    InnerEntry inner;
    if (!(IsLeaf(node.kind()) ? node.Leaf(i, &leaf) : node.Inner(i, &inner))) return false;
    const std::string_view bytes = IsLeaf(node.kind()) ? leaf.bytes : inner.bytes;
    // Only where entries lie over each other.
    if (builder.bytes() + bytes.size() + 2 > node.bytes()) return false;
    builder.Add(bytes);
  }
  const std::string made = builder.Finish();
  image_.replace(base_, std::string::npos, made);
  return true;
}

bool Editor::Remove(uint32_t i, uint32_t n) {
  Node node;
  if (!Open(&node) || n == 0 || i > node.count() || n > node.count() - i) return false;
  if (n > 1) {
    if (!Rebuild(node, i, n)) return false;
  } else {
    LeafEntry leaf;
    InnerEntry inner;
    if (!(IsLeaf(node.kind()) ? node.Leaf(i, &leaf) : node.Inner(i, &inner))) return false;
    const std::string_view bytes = IsLeaf(node.kind()) ? leaf.bytes : inner.bytes;
    const auto at = static_cast<uint32_t>(bytes.data() - node.image().data());
    if (!Splice(at, static_cast<uint32_t>(bytes.size()), 0)) return false;
    char* page = image_.data() + base_;
    char* slots = page + Load16(page + 4);
    std::memmove(slots + 2 * i, slots + 2 * (i + 1), 2 * (node.count() - i - 1));
    image_.resize(image_.size() - 2);
    Store16(image_.data() + base_ + 2, static_cast<uint16_t>(node.count() - 1));
  }
  Record(kRemove, {}, i, n);
  return true;
}

bool Editor::ReplaceTail(uint32_t i, uint8_t flags, std::string_view tail) {
  Node node;
  LeafEntry entry;
  if (!Open(&node) || !IsLeaf(node.kind()) || i >= node.count() || !node.Leaf(i, &entry) ||
      tail.empty() || flags > 3) {
    return false;
  }
  const auto begin = static_cast<uint32_t>(entry.bytes.data() - node.image().data());
  const auto at = begin + static_cast<uint32_t>(entry.tail);
  const auto old_bytes = static_cast<uint32_t>(entry.bytes.size() - entry.tail);
  const auto new_bytes = static_cast<uint32_t>(tail.size());
  // `begin` and not `at`: the entry's own slot stays where it is either way.
  if (old_bytes != new_bytes && !Splice(at, old_bytes, new_bytes)) return false;
  char* page = image_.data() + base_;
  std::memcpy(page + at, tail.data(), new_bytes);
  if (IsOrdered(node.kind())) {
    char* first = page + begin + 8;  // the varint whose lowest bits are the flags
    *first = static_cast<char>((static_cast<uint8_t>(*first) & ~3) | flags);
  }
  // Flags and other small numbers are varints of one byte.
  Record(kReplaceTail, tail, i, flags, new_bytes);
  return true;
}

bool Editor::ReplacePayload(uint32_t i, std::string_view payload) {
  Node node;
  LeafEntry entry;
  if (!Open(&node) || !IsLeaf(node.kind()) || i >= node.count() || !node.Leaf(i, &entry) ||
      entry.payload_outside() || entry.payload.size() != payload.size()) {
    return false;
  }
  char* const to = image_.data() + (entry.payload.data() - image_.data());
  if (!payload.empty()) std::memmove(to, payload.data(), payload.size());
  const uint64_t flags = IsOrdered(node.kind()) ? entry.bytes[8] & 3 : 0;
  const std::string_view tail = TailOf(entry);
  Record(kReplaceTail, tail, i, flags, tail.size());
  return true;
}

bool Editor::Bump(uint32_t i, int64_t by) {
  Node node;
  if (!Open(&node) || IsLeaf(node.kind()) || i >= node.count()) return false;
  const char* const found = node.At(i, node.fixed_bytes());
  if (found == nullptr) return false;
  constexpr auto kLimit = static_cast<int64_t>(kNumber48Max);
  const auto change = static_cast<uint64_t>(by);
  // Both from below 2^48, so that one that passes zero is far above.
  const uint64_t count = LoadLow48(found) + change;
  if (by > kLimit || by < -kLimit || count > kNumber48Max) return false;
  char* const image = image_.data();
  if (base_ != 0) {
    char* const all = image + kRootCountAt;
    const uint64_t elements = LoadLow48(all) + change;
    if (elements > kNumber48Max) return false;
    Store48(all, elements);
  }
  Store48(image + (found - image), count);
  Record(kBump, {}, i, ZigZag(by));
  return true;
}

bool Editor::SetChild(uint32_t i, const Child& child) {
  Node node;
  Child old;
  if (!Open(&node) || IsLeaf(node.kind()) || i >= node.count() || !node.ChildAt(i, &old) ||
      child.count > kNumber48Max || child.page > kPageIdMax || child.due > kNumber48Max ||
      (child.due != 0 && !node.wide())) {
    return false;
  }
  char* at = image_.data() + base_ + Load16(node.image().data() + node.heap_end() + 2 * i);
  const uint64_t page = child.page | (child.outside_below ? kOutsideBelow : 0);
  Store48(at, child.count);
  Store48(at + 6, page);
  if (node.wide()) Store48(at + 12, child.due);
  char numbers[12];
  Store48(numbers, page);
  Store48(numbers + 6, child.due);
  Record(kSetChild, {numbers, sizeof(numbers)}, i, child.count);
  return true;
}

bool Editor::Widen() {
  Node node;
  if (!Open(&node) || IsLeaf(node.kind()) || node.wide() ||
      node.bytes() + 6 * node.count() > kNodeBytesMax) {
    return false;
  }
  NodeBuilder builder(node.kind(), true);
  std::string wide;
  for (uint32_t i = 0; i < node.count(); ++i) {
    InnerEntry entry;
    if (!node.Inner(i, &entry)) return false;
    wide.clear();
    AppendInnerEntry(node.kind(), true, entry, &wide);
    if (builder.bytes() + wide.size() + 2 > node.bytes() + 6 * node.count()) return false;
    builder.Add(wide);
  }
  const std::string made = builder.Finish();
  image_.replace(base_, std::string::npos, made);
  Record(kWiden, {});
  return true;
}

bool Editor::Overwrite(uint64_t at, std::string_view bytes) {
  if (!OpenRaw()) return false;
  const size_t size = image_.size() - kNodeHeadBytes;
  if (at > size || bytes.size() > size - at) return false;
  if (!bytes.empty()) std::memcpy(&image_[kNodeHeadBytes + at], bytes.data(), bytes.size());
  Record(kOverwrite, bytes, at, bytes.size());
  return true;
}

bool Editor::Append(std::string_view bytes) {
  if (!OpenRaw() || bytes.size() > kPageBytesMax - image_.size()) return false;
  image_.append(bytes);
  Record(kAppend, bytes, bytes.size());
  return true;
}

bool Editor::Truncate(uint64_t size) {
  if (!OpenRaw() || size > image_.size() - kNodeHeadBytes) return false;
  image_.resize(kNodeHeadBytes + size);
  Record(kTruncate, {}, size);
  return true;
}

bool Editor::SetHead(const RootHead& head) {
  if (base_ == 0 || image_.size() < kRootHeadBytes || head.height > kHeightMax ||
      head.count > kNumber48Max || head.due > kNumber48Max || head.next_page > kPageIdMax) {
    return false;
  }
  StoreRootHead(head, image_.data());
  Record(kSetHead, {}, head.height, head.count, head.due, head.next_page);
  return true;
}

bool Editor::SetImage(std::string_view image) {
  RootHead head;
  Node node;
  if (base_ == 0 || image.size() > kPageBytesMax || !LoadRootHead(image, &head) ||
      !node.Open(image.substr(kRootHeadBytes))) {
    return false;
  }
  image_.assign(image);
  staging_.delta.clear();
  staging_.whole = true;
  return true;
}

bool Editor::Apply(Reader* delta) {
  uint8_t edit = 0, byte = 0;
  uint64_t a = 0, b = 0;
  std::string_view bytes;
  if (!delta->Byte(&edit)) return false;
  if (edit <= kSetChild && (!delta->Varint(&a) || a > UINT32_MAX)) return false;
  const auto i = static_cast<uint32_t>(a);
  switch (edit) {
    case kInsert: {
      Node node;
      return Open(&node) && delta->Varint(&b) && delta->Bytes(b, &bytes) &&
             IsEntry(node.kind(), node.wide(), bytes) && Insert(i, bytes);
    }
    case kRemove:
      return delta->Varint(&b) && b <= UINT32_MAX && Remove(i, static_cast<uint32_t>(b));
    case kReplaceTail: {
      Node node;
      LeafEntry entry;
      return delta->Byte(&byte) && delta->Varint(&b) && delta->Bytes(b, &bytes) &&
             ReplaceTail(i, byte, bytes) && Open(&node) && node.Leaf(i, &entry) &&
             TailOf(entry).size() == bytes.size();
    }
    case kBump:
      return delta->Varint(&b) && Bump(i, UnZigZag(b));
    case kSetChild: {
      Child child;
      uint64_t page = 0;
      if (!delta->Varint(&child.count) || !delta->Number48(&page) || !delta->Number48(&child.due))
        return false;
      child.page = page & kPageIdMax;
      child.outside_below = (page & kOutsideBelow) != 0;
      return SetChild(i, child);
    }
    case kWiden:
      return Widen();
    case kOverwrite:
      return delta->Varint(&a) && delta->Varint(&b) && delta->Bytes(b, &bytes) &&
             Overwrite(a, bytes);
    case kAppend:
      return delta->Varint(&b) && delta->Bytes(b, &bytes) && Append(bytes);
    case kTruncate:
      return delta->Varint(&a) && Truncate(a);
    case kSetHead: {
      RootHead head;
      return delta->Byte(&head.height) && delta->Varint(&head.count) && delta->Varint(&head.due) &&
             delta->Varint(&head.next_page) && SetHead(head);
    }
    default:
      return false;
  }
}

const TreeFolds& TreeFolds::Get() {
  static const TreeFolds folds;
  return folds;
}

Status TreeFolds::Fold(uint8_t kind, std::string_view image, std::string_view delta,
                       std::string* folded) const {
  const auto page = static_cast<PageKind>(kind);
  const auto wrong = [&](const char* what, size_t at) {
    return Status(Code::kCorruption, "page of kind " + std::to_string(kind) + ": " + what +
                                         " at byte " + std::to_string(at) + " of a delta");
  };
  if (kind < 1 || kind > static_cast<uint8_t>(PageKind::kRoot)) return wrong("no such kind", 0);
  if (IsNewer(image)) {
    return Status(Code::kInvalid, "page of kind " + std::to_string(kind) + ": of format " +
                                      std::to_string(static_cast<uint8_t>(image[0]) >> 4) +
                                      ": written by a newer server");
  }
  if (image.size() < kNodeHeadBytes || image.size() > kPageBytesMax ||
      static_cast<uint8_t>(image[0]) != FormatByte(page)) {
    return wrong("not the image of one,", 0);
  }
  Staging staging;
  staging.image.swap(*folded);
  staging.image.assign(image);
  staging.whole = true;
  Editor editor(&staging, page == PageKind::kRoot);
  Reader from{delta.data(), delta.data() + delta.size()};
  while (from.left() != 0) {
    const auto at = static_cast<size_t>(from.at - delta.data());
    if (IsRaw(page) != (*from.at >= kOverwrite && *from.at <= kTruncate))
      return wrong("an edit of another kind", at);
    if (!editor.Apply(&from)) return wrong("an edit that cannot be made", at);
  }
  folded->swap(staging.image);
  return Status();
}

}  // namespace cairn::tree
