// Whole checks of single pages, for cairn check and for what may be damaged.
#include <algorithm>
#include <vector>

#include "tree/blob.h"
#include "tree/page.h"

namespace cairn::tree {
namespace {

Status Wrong(const std::string& what) { return Status(Code::kCorruption, what); }
Status WrongEntry(uint32_t i, const char* what) {
  return Wrong("entry " + std::to_string(i) + ": " + what);
}

bool SoundBlob(const Blob& blob) {
  return blob.page >= kFirstPage && blob.bytes != 0 && IsBlob(blob);
}
Status Newer(std::string_view image) {
  return Status(Code::kInvalid, "of format " + std::to_string(static_cast<uint8_t>(image[0]) >> 4) +
                                    ": written by a newer server");
}

Status CheckLeaf(const Node& node, uint32_t i, LeafEntry* before) {
  LeafEntry entry;
  if (!node.Leaf(i, &entry)) return WrongEntry(i, "cut off");
  if (entry.bytes.size() != 0 && entry.outside) {
    if (!SoundBlob(entry.out.blob)) return WrongEntry(i, "no such blob");
    if (entry.payload_outside() && !entry.payload.empty())
      return WrongEntry(i, "its payload lies at two places");
    if (!IsOrdered(node.kind()) && entry.out.key_bytes != 0) return WrongEntry(i, "has a key");
  }
  if (IsOrdered(node.kind()) && i > 0) {
    const bool after = entry.head != before->head   ? entry.head > before->head
                       : entry.rest != before->rest ? entry.rest > before->rest
                                                    // The same as far as it is here.
                                                    : entry.outside && entry.out.key_bytes > 0;
    if (!after) return WrongEntry(i, "out of order");
  }
  *before = entry;
  return Status();
}

Status CheckInner(const Node& node, uint32_t i, InnerEntry* before) {
  InnerEntry entry;
  if (!node.Inner(i, &entry)) return WrongEntry(i, "cut off");
  if (entry.child.page < kFirstPage) return WrongEntry(i, "names no page");
  if (entry.child.count == 0) return WrongEntry(i, "counts nothing");
  if (IsOrdered(node.kind())) {
    if (entry.outside && !SoundBlob(entry.out.blob)) return WrongEntry(i, "no such blob");
    if (entry.outside && entry.out.key_bytes != entry.out.blob.bytes)
      return WrongEntry(i, "more than a separator lies outside");
    if (i == 0 && (!entry.separator.empty() || entry.outside))
      return WrongEntry(i, "the first has a separator");
    if (i > 0 && entry.separator.empty()) return WrongEntry(i, "has no separator");
    const bool after = entry.separator > before->separator ||
                       (entry.separator == before->separator && entry.outside);
    if (i > 0 && !after) return WrongEntry(i, "out of order");
  }
  *before = entry;
  return Status();
}

Status ValidateNode(std::string_view image) {
  Node node;
  if (!node.Open(image)) return Wrong("not a page of a tree");
  LeafEntry leaf;
  InnerEntry inner;
  struct Piece {
    uint32_t offset, end;
  };
  std::vector<Piece> pieces;
  pieces.reserve(node.count());
  for (uint32_t i = 0; i < node.count(); ++i) {
    Status status = IsLeaf(node.kind()) ? CheckLeaf(node, i, &leaf) : CheckInner(node, i, &inner);
    if (!status.ok()) return status;
    const std::string_view bytes = IsLeaf(node.kind()) ? leaf.bytes : inner.bytes;
    const auto offset = static_cast<uint32_t>(bytes.data() - image.data());
    pieces.push_back({offset, offset + static_cast<uint32_t>(bytes.size())});
  }
  std::sort(pieces.begin(), pieces.end(),
            [](const Piece& a, const Piece& b) { return a.offset < b.offset; });
  uint32_t at = kNodeHeadBytes;
  for (const Piece& piece : pieces) {
    if (piece.offset != at) return Wrong("offset " + std::to_string(at) + ": not one entry");
    at = piece.end;
  }
  if (at != node.heap_end()) return Wrong("offset " + std::to_string(at) + ": no entry");
  return Status();
}

Status ValidateRoot(std::string_view image) {
  RootHead head;
  if (!LoadRootHead(image, &head)) return Wrong("not a root");
  image.remove_prefix(kRootHeadBytes);
  if (IsNewer(image)) return Newer(image);
  Status status = ValidateNode(image);
  if (!status.ok()) return status;
  Node node;
  Child below;
  CAIRN_CHECK(node.Open(image));
  if (IsLeaf(node.kind()) != (head.height == 0)) return Wrong("not of its height");
  if (!node.Summary(&below) || below.count != head.count || below.due != head.due)
    return Wrong("count or due time is not that of the entries");
  return Status();
}

}  // namespace

Status Validate(PageKind kind, std::string_view image) {
  if (IsNewer(image)) return Newer(image);
  if (image.size() > kPageBytesMax) return Wrong("longer than a page may be");
  if (kind == PageKind::kRoot) return ValidateRoot(image);
  if (IsRaw(kind)) {
    std::string_view bytes;
    if (!RawBytes(kind, image, &bytes)) return Wrong("not a raw page");
    if (kind == PageKind::kRaw) return Status();
    if (bytes.empty() || bytes.size() % 6 != 0) return Wrong("not whole page ids");
    for (size_t at = 0; at < bytes.size(); at += 6) {
      if (Load48(&bytes[at]) > kPageIdMax) return Wrong("no page id at " + std::to_string(at));
    }
    return Status();
  }
  Status status = ValidateNode(image);
  if (status.ok() && static_cast<uint8_t>(image[0]) != FormatByte(kind))
    return Wrong("not a page of its kind");
  return status;
}

}  // namespace cairn::tree
