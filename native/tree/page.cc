#include "tree/page.h"

#include <algorithm>

namespace cairn::tree {

void AppendOutside(std::string* to, const Outside& outside) {
  AppendVarint(to, outside.key_bytes);
  AppendVarint(to, outside.blob.bytes);
  AppendVarint(to, outside.blob.page);
  to->push_back(static_cast<char>(outside.blob.height | (outside.blob.chunk_log2 - 1) << 4));
}

bool TakeOutside(Reader* from, Outside* outside) {
  uint8_t geometry = 0;
  if (!from->Varint(&outside->key_bytes) || !from->Varint(&outside->blob.bytes) ||
      !from->Varint(&outside->blob.page) || !from->Byte(&geometry)) {
    return false;
  }
  outside->blob.height = geometry & 15;
  outside->blob.chunk_log2 = static_cast<uint8_t>((geometry >> 4) + 1);
  return outside->key_bytes <= outside->blob.bytes && outside->blob.bytes <= kOutsideBytesMax &&
         outside->blob.page <= kPageIdMax;
}

namespace {

uint8_t FlagsOf(const LeafEntry& entry) {
  return static_cast<uint8_t>((entry.due != 0 ? kHasDue : 0) | (entry.outside ? kHasOutside : 0));
}

bool TakeLeaf(bool ordered, Reader* from, LeafEntry* entry) {
  const char* begin = from->at;
  uint64_t first = 0, payload_bytes = 0;
  if (ordered) {
    if (from->left() < 8) return false;
    entry->head = Big64(from->at);
    from->at += 8;
    if (!from->Varint(&first) || !from->Bytes(first >> 2, &entry->rest)) return false;
    entry->tail = static_cast<size_t>(from->at - begin);
    if (!from->Varint(&payload_bytes)) return false;
  } else {
    entry->rest = {};
    entry->tail = 0;
    if (!from->Varint(&first)) return false;
    payload_bytes = first >> 2;
  }
  entry->due = 0;
  if ((first & kHasDue) != 0 && !from->Number48(&entry->due)) return false;
  entry->outside = (first & kHasOutside) != 0;
  if (entry->outside && !TakeOutside(from, &entry->out)) return false;
  if (!from->Bytes(payload_bytes, &entry->payload)) return false;
  entry->bytes = {begin, static_cast<size_t>(from->at - begin)};
  return true;
}

bool TakeInner(bool ordered, bool wide, Reader* from, InnerEntry* entry) {
  const char* begin = from->at;
  const size_t fixed = wide ? 18 : 12;
  if (from->left() < fixed) return false;
  entry->child.count = Load48(begin);
  const uint64_t page = Load48(begin + 6);
  entry->child.page = page & kPageIdMax;
  entry->child.outside_below = (page & kOutsideBelow) != 0;
  entry->child.due = wide ? Load48(begin + 12) : 0;
  from->at += fixed;
  entry->separator = {};
  entry->outside = false;
  if (ordered) {
    if (from->left() < kLengthBytes) return false;
    const uint32_t first = Load16(from->at), bytes = first >> 2;
    from->at += kLengthBytes;
    if ((first & kHasDue) != 0) return false;
    const size_t padded = bytes == 0 ? 0 : std::max<size_t>(bytes, kSeparatorHeadBytes);
    if (!from->Bytes(padded, &entry->separator)) return false;
    for (size_t i = bytes; i < padded; ++i) {
      if (entry->separator[i] != 0) return false;
    }
    entry->separator = entry->separator.substr(0, bytes);
    entry->outside = (first & kHasOutside) != 0;
    if (entry->outside && !TakeOutside(from, &entry->out)) return false;
  }
  entry->bytes = {begin, static_cast<size_t>(from->at - begin)};
  return true;
}

}  // namespace

void AppendLeafEntry(PageKind kind, const LeafEntry& entry, std::string* to) {
  char head[8 + kVarintBytesMax];  // before the key's rest
  char tail[kVarintBytesMax + 6];  // behind it
  char *head_end = head, *tail_end = tail;
  if (IsOrdered(kind)) {
    PutBig64(head, entry.head);
    head_end = PutVarint(head + 8, entry.rest.size() << 2 | FlagsOf(entry));
    tail_end = PutVarint(tail, entry.payload.size());
  } else {
    head_end = PutVarint(head, entry.payload.size() << 2 | FlagsOf(entry));
  }
  if (entry.due != 0) {
    Store48(tail_end, entry.due);
    tail_end += 6;
  }
  const auto head_bytes = static_cast<size_t>(head_end - head);
  const auto tail_bytes = static_cast<size_t>(tail_end - tail);
  const std::string_view rest = IsOrdered(kind) ? entry.rest : std::string_view();
  const std::string_view payload = entry.payload;
  if (CAIRN_UNLIKELY(entry.outside)) {
    to->append(head, head_bytes).append(rest).append(tail, tail_bytes);
    AppendOutside(to, entry.out);
    to->append(payload);
    return;
  }
  const size_t before = to->size();
  to->resize(before + head_bytes + rest.size() + tail_bytes + payload.size());
  char* at = to->data() + before;
  std::memcpy(at, head, head_bytes);
  at += head_bytes;
  if (!rest.empty()) std::memcpy(at, rest.data(), rest.size());
  at += rest.size();
  std::memcpy(at, tail, tail_bytes);
  at += tail_bytes;
  if (!payload.empty()) std::memcpy(at, payload.data(), payload.size());
}

void AppendInnerEntry(PageKind kind, bool wide, const InnerEntry& entry, std::string* to) {
  Append48(to, entry.child.count);
  Append48(to, entry.child.page | (entry.child.outside_below ? kOutsideBelow : 0));
  if (wide) Append48(to, entry.child.due);
  if (!IsOrdered(kind)) return;
  CAIRN_CHECK(entry.separator.size() <= kSeparatorBytesMax);
  char length[kLengthBytes];
  Store16(length,
          static_cast<uint16_t>(entry.separator.size() << 2 | (entry.outside ? kHasOutside : 0)));
  to->append(length, kLengthBytes);
  to->append(entry.separator);
  const size_t bytes = entry.separator.size();
  if (bytes > 0 && bytes < kSeparatorHeadBytes) to->append(kSeparatorHeadBytes - bytes, '\0');
  if (entry.outside) AppendOutside(to, entry.out);
}

bool IsEntry(PageKind kind, bool wide, std::string_view bytes) {
  Reader from{bytes.data(), bytes.data() + bytes.size()};
  if (IsLeaf(kind)) {
    LeafEntry entry;
    return TakeLeaf(IsOrdered(kind), &from, &entry) && from.left() == 0;
  }
  InnerEntry entry;
  return TakeInner(IsOrdered(kind), wide, &from, &entry) && from.left() == 0;
}

bool Node::Leaf(uint32_t i, LeafEntry* entry) const {
  const char* at = At(i, 10);
  const char* const end = data_ + heap_end_;
  if (CAIRN_LIKELY(at != nullptr && kind_ == PageKind::kOrderedLeaf)) {
    // Short, all of it here, without a due time: most are.
    const auto first = static_cast<uint8_t>(at[8]);
    const char* const tail = at + 9 + (first >> 2);
    if (CAIRN_LIKELY((first & (0x80 | kHasDue | kHasOutside)) == 0 && tail < end)) {
      const auto bytes = static_cast<uint8_t>(*tail);
      if (CAIRN_LIKELY(bytes < 0x80 && tail + 1 + bytes <= end)) {
        entry->head = Big64(at);
        entry->rest = {at + 9, static_cast<size_t>(first >> 2)};
        entry->payload = {tail + 1, bytes};
        entry->due = 0;
        entry->outside = false;
        entry->bytes = {at, static_cast<size_t>(tail + 1 + bytes - at)};
        entry->tail = static_cast<size_t>(tail - at);
        return true;
      }
    }
  }
  at = At(i, 1);
  if (at == nullptr) return false;
  Reader from{at, end};
  return TakeLeaf(kind_ == PageKind::kOrderedLeaf, &from, entry);
}

bool Node::Inner(uint32_t i, InnerEntry* entry) const {
  const char* at = At(i, 1);
  if (at == nullptr) return false;
  Reader from{at, data_ + heap_end_};
  return TakeInner(kind_ == PageKind::kOrderedInner, wide_, &from, entry);
}

bool Node::Sum(uint32_t from, uint32_t to, uint64_t* count) const {
  constexpr uint64_t kEach = 0x0001000100010001;
  if (from == to) {
    *count = 0;
    return true;
  }
  // The greatest offset that an entry may have.
  const uint64_t last = heap_end_ >= 12 + kNodeHeadBytes ? heap_end_ - 12 : 0;
  if (last == 0) return false;
  const char* slots = data_ + heap_end_ + 2 * from;
  const char* const end = data_ + heap_end_ + 2 * to;
  uint64_t sum = 0;
  for (; end - slots >= 8; slots += 8) {
    // Four offsets at a time: of the first one that is out of range, bit 15 is set.
    uint64_t offsets;
    std::memcpy(&offsets, slots, 8);
    const uint64_t wrong = offsets | (kEach * last - offsets) | (offsets - kEach * kNodeHeadBytes);
    if (CAIRN_UNLIKELY((wrong & kEach << 15) != 0)) return false;
    const char* const four[] = {data_ + Load16(slots), data_ + Load16(slots + 2),
                                data_ + Load16(slots + 4), data_ + Load16(slots + 6)};
    sum += LoadLow48(four[0]) + LoadLow48(four[1]) + LoadLow48(four[2]) + LoadLow48(four[3]);
  }
  for (; slots != end; slots += 2) {
    const uint32_t offset = Load16(slots);
    if (CAIRN_UNLIKELY(offset < kNodeHeadBytes || offset > last)) return false;
    sum += LoadLow48(data_ + offset);
  }
  *count = sum;
  return true;
}

bool Node::Summary(Child* child) const {
  child->count = IsLeaf(kind_) ? count_ : 0;
  child->due = 0;
  child->outside_below = false;
  const auto soonest = [child](uint64_t due) {
    if (due != 0 && (child->due == 0 || due < child->due)) child->due = due;
  };
  for (uint32_t i = 0; i < count_; ++i) {
    if (IsLeaf(kind_)) {
      LeafEntry entry;
      if (!Leaf(i, &entry)) return false;
      soonest(entry.due);
      child->outside_below |= entry.outside;
    } else {
      Child below;
      if (!ChildAt(i, &below)) return false;
      child->count += below.count;
      soonest(below.due);
      child->outside_below |= below.outside_below;
    }
  }
  return true;
}

NodeBuilder::NodeBuilder(PageKind kind, bool wide) : heap_(kNodeHeadBytes, '\0') {
  heap_[0] = static_cast<char>(FormatByte(kind));
  heap_[1] = static_cast<char>(wide ? kWide : 0);
}

void NodeBuilder::Add(std::string_view entry) {
  char slot[2];
  Store16(slot, static_cast<uint16_t>(heap_.size()));
  slots_.append(slot, 2);
  heap_.append(entry);
  CAIRN_CHECK(bytes() <= kNodeBytesMax);
}

std::string NodeBuilder::Finish() {
  Store16(heap_.data() + 2, static_cast<uint16_t>(count()));
  Store16(heap_.data() + 4, static_cast<uint16_t>(heap_.size()));
  return std::move(heap_.append(slots_));
}

void StoreRootHead(const RootHead& head, char* to) {
  to[0] = static_cast<char>(FormatByte(PageKind::kRoot));
  to[1] = static_cast<char>(head.height);
  Store48(to + 2, head.count);
  Store48(to + 8, head.due);
  Store48(to + 14, head.next_page);
}

std::string RootImage(const RootHead& head, std::string_view node) {
  std::string image(kRootHeadBytes, '\0');
  StoreRootHead(head, image.data());
  return image.append(node);
}

std::string NewRaw(PageKind kind) {
  std::string image(kNodeHeadBytes, '\0');
  image[0] = static_cast<char>(FormatByte(kind));
  return image;
}

bool RawBytes(PageKind kind, std::string_view image, std::string_view* bytes) {
  static constexpr char kZeros[kNodeHeadBytes] = {};
  if (image.size() < kNodeHeadBytes || image.size() > kPageBytesMax ||
      static_cast<uint8_t>(image[0]) != FormatByte(kind) ||
      image.substr(1, kNodeHeadBytes - 1) != std::string_view(kZeros, kNodeHeadBytes - 1)) {
    return false;
  }
  *bytes = image.substr(kNodeHeadBytes);
  return true;
}

}  // namespace cairn::tree
