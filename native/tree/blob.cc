#include "tree/blob.h"

#include <algorithm>
#include <array>
#include <vector>

#include "tree/try.h"

namespace cairn::tree {
namespace {

constexpr uint64_t kAheadChunks = 16;  // fetched together where it is open how far one will go
constexpr size_t kZerosBytes = 4096;
constexpr char kZeros[kZerosBytes] = {};

// Chunks below one child of an index page of that height.
uint64_t Span(uint8_t height) {
  uint64_t span = 1;
  for (uint8_t level = 1; level < height; ++level) span *= kBlobFanout;
  return span;
}

uint64_t Chunks(const Blob& blob, uint64_t bytes) {
  return (bytes + ChunkBytes(blob) - 1) / ChunkBytes(blob);
}

// Of an index page of that height, below which so many bytes are.
uint64_t Children(const Blob& blob, uint8_t height, uint64_t bytes) {
  return (Chunks(blob, bytes) + Span(height) - 1) / Span(height);
}

uint64_t IdAt(std::string_view ids, uint64_t index) {
  return index < ids.size() / 6 ? Load48(ids.data() + 6 * index) : 0;
}

}  // namespace

bool IsBlob(const Blob& blob) {
  return blob.chunk_log2 >= kChunkLog2Min && blob.chunk_log2 <= kChunkLog2Max &&
         blob.height <= kBlobHeightMax && blob.bytes <= kNumber48Max && blob.page <= kPageIdMax &&
         Chunks(blob, blob.bytes) <= Span(static_cast<uint8_t>(blob.height + 1));
}

Outcome Blobs::ReadRaw(PageKind kind, uint64_t page, std::string_view* bytes) {
  std::string_view image;
  TREE_TRY(pager_.Read(page, &image));
  if (!RawBytes(kind, image, bytes)) return pager_.FailAs(page, image, "is no such raw page");
  return Outcome::kDone;
}

Outcome Blobs::EditRaw(PageKind kind, uint64_t page, Pager::Change** change) {
  std::string_view bytes;
  TREE_TRY(ReadRaw(kind, page, &bytes));
  return pager_.Edit(page, kind, change);
}

Outcome Blobs::Locate(const Blob& blob, uint64_t chunk, uint64_t* page) {
  *page = blob.page;
  for (uint8_t height = blob.height; height > 0 && *page != 0; --height) {
    std::string_view ids;
    TREE_TRY(ReadRaw(PageKind::kRawIndex, *page, &ids));
    *page = IdAt(ids, chunk / Span(height) % kBlobFanout);
  }
  return Outcome::kDone;
}

Outcome Blobs::Piece(const Blob& blob, uint64_t offset, std::string_view* piece) {
  if (!IsBlob(blob)) return pager_.Fail(blob.page, "cannot be that of a blob");
  uint64_t page = 0;
  TREE_TRY(Locate(blob, offset / ChunkBytes(blob), &page));
  const uint64_t at = offset % ChunkBytes(blob);
  const uint64_t left = std::min(ChunkBytes(blob) - at, blob.bytes - offset);
  std::string_view bytes;
  if (page != 0) TREE_TRY(ReadRaw(PageKind::kRaw, page, &bytes));
  if (at < bytes.size()) {
    *piece = bytes.substr(at, left);
  } else if (!sparse_) {
    return pager_.Fail(page, "ends before its blob does");
  } else {
    *piece = std::string_view(kZeros, std::min<uint64_t>(left, kZerosBytes));
  }
  return Outcome::kDone;
}

Outcome Blobs::Want(const Blob& blob, uint64_t offset, uint64_t bytes) {
  if (!IsBlob(blob)) return pager_.Fail(blob.page, "cannot be that of a blob");
  if (bytes == 0) return Outcome::kDone;
  bool waiting = false;
  const uint64_t last = (offset + bytes - 1) / ChunkBytes(blob);
  for (uint64_t chunk = offset / ChunkBytes(blob); chunk <= last; ++chunk) {
    uint64_t page = 0;
    const Outcome located = Locate(blob, chunk, &page);
    if (located == Outcome::kFailed) return located;
    if (located == Outcome::kDone && page == 0 && !sparse_)
      return pager_.Fail(blob.page, "ends before its blob does");
    if (located == Outcome::kWait || (page != 0 && !pager_.Want(page))) waiting = true;
    if (waiting && pager_.missing().size() >= Pager::kMissingMax) break;
  }
  return waiting ? Outcome::kWait : Outcome::kDone;
}

// For who goes through a blob from the beginning, up to `end`.
Outcome Blobs::WantAhead(const Blob& blob, uint64_t at, uint64_t end, uint64_t ahead,
                         uint64_t* wanted) {
  const uint64_t bytes = std::min(ahead, end - at);
  *wanted = at + bytes;
  return Want(blob, at, bytes);
}

Outcome Blobs::Read(const Blob& blob, uint64_t offset, uint64_t bytes, std::string* to) {
  if (!IsBlob(blob)) return pager_.Fail(blob.page, "cannot be that of a blob");
  if (bytes > ChunkBytes(blob)) TREE_TRY(Want(blob, offset, bytes));
  while (bytes > 0) {
    std::string_view piece;
    TREE_TRY(Piece(blob, offset, &piece));
    piece = piece.substr(0, bytes);
    to->append(piece);
    offset += piece.size();
    bytes -= piece.size();
  }
  return Outcome::kDone;
}

Outcome Blobs::Compare(const Blob& blob, uint64_t bytes, std::string_view with, int* order) {
  const uint64_t both = std::min<uint64_t>(bytes, with.size());
  // If they are equally long they are the same, most likely.
  const uint64_t ahead = bytes == with.size() ? both : kAheadChunks * ChunkBytes(blob);
  for (uint64_t at = 0, wanted = 0; at < both;) {
    if (at >= wanted) TREE_TRY(WantAhead(blob, at, both, ahead, &wanted));
    std::string_view piece;
    TREE_TRY(Piece(blob, at, &piece));
    piece = piece.substr(0, both - at);
    *order = std::memcmp(piece.data(), with.data() + at, piece.size());
    if (*order != 0) {
      *order = *order < 0 ? -1 : 1;
      return Outcome::kDone;
    }
    at += piece.size();
  }
  *order = bytes < with.size() ? -1 : bytes > with.size() ? 1 : 0;
  return Outcome::kDone;
}

Outcome Blobs::CommonBytes(const Blob& a, const Blob& b, uint64_t most, uint64_t* bytes) {
  uint64_t wanted_a = 0, wanted_b = 0;
  for (*bytes = 0; *bytes < most;) {
    if (*bytes >= wanted_a)
      TREE_TRY(WantAhead(a, *bytes, most, kAheadChunks * ChunkBytes(a), &wanted_a));
    if (*bytes >= wanted_b)
      TREE_TRY(WantAhead(b, *bytes, most, kAheadChunks * ChunkBytes(b), &wanted_b));
    std::string_view one, other;
    TREE_TRY(Piece(a, *bytes, &one));
    TREE_TRY(Piece(b, *bytes, &other));
    const auto room =
        static_cast<size_t>(std::min<uint64_t>({one.size(), other.size(), most - *bytes}));
    const auto differ = std::mismatch(one.begin(), one.begin() + room, other.begin());
    const auto same = static_cast<size_t>(differ.first - one.begin());
    *bytes += same;
    if (same < room) break;
  }
  return Outcome::kDone;
}

Outcome Blobs::Extend(Blob* blob, uint64_t bytes) {
  if (!IsBlob(*blob)) return pager_.Fail(blob->page, "cannot be that of a blob");
  if (bytes <= blob->bytes) return Outcome::kDone;
  if (bytes > kNumber48Max) return pager_.Refuse(Code::kTooLarge, "a blob of 2^48 bytes");
  while (Chunks(*blob, bytes) > Span(static_cast<uint8_t>(blob->height + 1))) {
    if (blob->height == kBlobHeightMax)
      return pager_.Refuse(Code::kTooLarge, "a blob of too many chunks");
    ++blob->height;
    if (blob->page == 0) continue;
    std::string image = NewRaw(PageKind::kRawIndex);
    Append48(&image, blob->page);
    TREE_TRY(pager_.New(PageKind::kRawIndex, std::move(image), &blob->page));
  }
  blob->bytes = bytes;
  return Outcome::kDone;
}

Outcome Blobs::PutId(uint64_t page, uint64_t index, uint64_t id) {
  Pager::Change* change = nullptr;
  TREE_TRY(EditRaw(PageKind::kRawIndex, page, &change));
  std::string number;
  const uint64_t have = (change->staging.image.size() - kNodeHeadBytes) / 6;
  if (index > have) number.append(6 * (index - have), '\0');
  Append48(&number, id);
  Editor editor(&change->staging, false);
  const bool done = index < have ? editor.Overwrite(6 * index, number) : editor.Append(number);
  return done ? Outcome::kDone : pager_.Fail(page, "is no such raw page");
}

// The raw page of a chunk; what is not there on the way is made.
Outcome Blobs::MakeWay(Blob* blob, uint64_t chunk, uint64_t* page) {
  const auto make = [this](uint8_t height, uint64_t* made) {
    const PageKind kind = height == 0 ? PageKind::kRaw : PageKind::kRawIndex;
    return pager_.New(kind, NewRaw(kind), made);
  };
  if (blob->page == 0) TREE_TRY(make(blob->height, &blob->page));
  *page = blob->page;
  for (uint8_t height = blob->height; height > 0; --height) {
    std::string_view ids;
    TREE_TRY(ReadRaw(PageKind::kRawIndex, *page, &ids));
    const uint64_t index = chunk / Span(height) % kBlobFanout;
    uint64_t below = IdAt(ids, index);
    if (below == 0) {
      TREE_TRY(make(static_cast<uint8_t>(height - 1), &below));
      TREE_TRY(PutId(*page, index, below));
    }
    *page = below;
  }
  return Outcome::kDone;
}

Outcome Blobs::WriteChunk(Blob* blob, uint64_t chunk, uint64_t at, std::string_view bytes) {
  uint64_t page = 0;
  TREE_TRY(MakeWay(blob, chunk, &page));
  Pager::Change* change = nullptr;
  TREE_TRY(EditRaw(PageKind::kRaw, page, &change));
  Editor editor(&change->staging, false);
  const uint64_t have = change->staging.image.size() - kNodeHeadBytes;
  const uint64_t inside = at < have ? std::min<uint64_t>(have - at, bytes.size()) : 0;
  bool done = true;
  if (inside > 0) done = editor.Overwrite(at, bytes.substr(0, inside));
  if (at > have) done = editor.Append(std::string(at - have, '\0'));
  if (done && inside < bytes.size()) done = editor.Append(bytes.substr(inside));
  return done ? Outcome::kDone : pager_.Fail(page, "is longer than a chunk");
}

Outcome Blobs::Write(Blob* blob, uint64_t offset, std::string_view bytes) {
  if (bytes.empty()) return Outcome::kDone;
  if (!IsBlob(*blob)) return pager_.Fail(blob->page, "cannot be that of a blob");
  if (offset > kNumber48Max || bytes.size() > kNumber48Max - offset)
    return pager_.Refuse(Code::kTooLarge, "a blob of 2^48 bytes");
  if (offset < blob->bytes)
    TREE_TRY(Want(*blob, offset, std::min<uint64_t>(bytes.size(), blob->bytes - offset)));
  TREE_TRY(Extend(blob, std::max(blob->bytes, offset + bytes.size())));
  while (!bytes.empty()) {
    const uint64_t at = offset % ChunkBytes(*blob);
    const std::string_view piece = bytes.substr(0, ChunkBytes(*blob) - at);
    TREE_TRY(WriteChunk(blob, offset / ChunkBytes(*blob), at, piece));
    bytes.remove_prefix(piece.size());
    offset += piece.size();
  }
  return Outcome::kDone;
}

// A page that was read or is a raw one, with all below. Each page goes once, or the pager says so:
// damage cannot make this run in circles.
Outcome Blobs::RemoveBelow(uint64_t page, uint8_t height) {
  struct Step {
    uint64_t page;
    uint8_t height;
  };
  std::vector<Step> open{{page, height}};  // at most kBlobHeightMax * kBlobFanout
  bool waiting = false;
  while (!open.empty()) {
    const Step step = open.back();
    open.pop_back();
    if (step.page == 0) continue;
    if (step.height > 0) {
      std::string_view ids;
      const Outcome read = ReadRaw(PageKind::kRawIndex, step.page, &ids);
      if (read == Outcome::kFailed) return read;
      if (read == Outcome::kWait) {
        waiting = true;
        continue;
      }
      const uint64_t count = std::min<uint64_t>(ids.size() / 6, kBlobFanout);
      for (uint64_t i = 0; i < count; ++i)
        open.push_back({IdAt(ids, i), static_cast<uint8_t>(step.height - 1)});
    }
    TREE_TRY(pager_.Remove(step.page, step.height > 0 ? PageKind::kRawIndex : PageKind::kRaw));
  }
  return waiting ? Outcome::kWait : Outcome::kDone;
}

Outcome Blobs::Remove(const Blob& blob) {
  if (!IsBlob(blob)) return pager_.Fail(blob.page, "cannot be that of a blob");
  return RemoveBelow(blob.page, blob.height);
}

// Level by level: a page is looked at once, however often others name it.
Outcome Blobs::Check(const Blob& blob, std::unordered_set<uint64_t>* seen) {
  if (!IsBlob(blob)) return pager_.Fail(blob.page, "cannot be that of a blob");
  std::vector<uint64_t> level{blob.page}, below;
  bool waiting = false;
  for (uint8_t height = blob.height;; --height) {
    const uint64_t each = ChunkBytes(blob) * Span(height) * (height > 0 ? kBlobFanout : 1);
    below.clear();
    for (size_t i = 0; i < level.size(); ++i) {
      const uint64_t page = level[i];
      if (page == 0 && sparse_) continue;
      if (!seen->insert(page).second) return pager_.Fail(page, "is named twice");
      std::string_view bytes;
      const Outcome read = ReadRaw(height > 0 ? PageKind::kRawIndex : PageKind::kRaw, page, &bytes);
      if (read == Outcome::kFailed) return read;
      waiting |= read == Outcome::kWait;
      if (read == Outcome::kWait) continue;
      const uint64_t covered = std::min(each, blob.bytes - std::min(blob.bytes, i * each));
      const uint64_t size = height == 0 ? covered : 6 * Children(blob, height, covered);
      if (bytes.size() > size || (bytes.size() < size && !sparse_))
        return pager_.Fail(page, "is not as long as its blob has it");
      for (uint64_t at = 0; height > 0 && at < size / 6; ++at) below.push_back(IdAt(bytes, at));
    }
    if (height == 0 || waiting) break;
    level.swap(below);
  }
  return waiting ? Outcome::kWait : Outcome::kDone;
}

// The raw page that is cut in two ends with the blob, so that what comes behind begins with zeros.
Outcome Blobs::CutChunk(const Blob& blob, uint64_t bytes) {
  const uint64_t keep = bytes % ChunkBytes(blob);
  uint64_t page = 0;
  if (keep == 0) return Outcome::kDone;
  TREE_TRY(Locate(blob, bytes / ChunkBytes(blob), &page));
  if (page == 0) return Outcome::kDone;
  std::string_view have;
  TREE_TRY(ReadRaw(PageKind::kRaw, page, &have));
  if (have.size() <= keep) return Outcome::kDone;
  Pager::Change* change = nullptr;
  TREE_TRY(pager_.Edit(page, PageKind::kRaw, &change));
  Editor editor(&change->staging, false);
  return editor.Truncate(keep) ? Outcome::kDone : pager_.Fail(page, "is no such raw page");
}

Outcome Blobs::Truncate(Blob* blob, uint64_t bytes) {
  if (!IsBlob(*blob)) return pager_.Fail(blob->page, "cannot be that of a blob");
  if (bytes >= blob->bytes) return Outcome::kDone;
  const uint64_t keep = Chunks(*blob, bytes);
  if (keep == 0) {
    TREE_TRY(RemoveBelow(blob->page, blob->height));
    *blob = NewBlob(blob->chunk_log2);
    return Outcome::kDone;
  }
  TREE_TRY(CutChunk(*blob, bytes));
  // Down along the last chunk that stays: what is behind it in each index page goes.
  uint64_t page = blob->page;
  for (uint8_t height = blob->height; height > 0 && page != 0; --height) {
    std::string_view ids;
    TREE_TRY(ReadRaw(PageKind::kRawIndex, page, &ids));
    const uint64_t index = (keep - 1) / Span(height) % kBlobFanout;
    const uint64_t count = std::min<uint64_t>(ids.size() / 6, kBlobFanout);
    std::vector<uint64_t> gone;
    for (uint64_t i = index + 1; i < count; ++i) gone.push_back(IdAt(ids, i));
    const uint64_t below = IdAt(ids, index);
    for (const uint64_t id : gone) TREE_TRY(RemoveBelow(id, static_cast<uint8_t>(height - 1)));
    if (!gone.empty()) {
      Pager::Change* change = nullptr;
      TREE_TRY(pager_.Edit(page, PageKind::kRawIndex, &change));
      Editor editor(&change->staging, false);
      if (!editor.Truncate(6 * (index + 1))) return pager_.Fail(page, "is no such raw page");
    }
    page = below;
  }
  // Index pages of which only the first child is left.
  while (blob->height > 0 && keep <= Span(blob->height)) {
    if (blob->page != 0) {
      std::string_view ids;
      TREE_TRY(ReadRaw(PageKind::kRawIndex, blob->page, &ids));
      const uint64_t top = blob->page;
      blob->page = IdAt(ids, 0);
      TREE_TRY(pager_.Remove(top, PageKind::kRawIndex));
    }
    --blob->height;
  }
  blob->bytes = bytes;
  return Outcome::kDone;
}

}  // namespace cairn::tree
