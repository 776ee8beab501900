// Blobs: bytes in raw pages, for elements that are too large for a leaf, and for long strings that
// change in place (up to 2^48 bytes; page ids need that they are written by and by).
//
//   Blob {bytes, page, height 2} -> raw index page -> raw index pages -> raw pages
//                                    512 page ids each                   2^chunk_log2 - 8 bytes
//                                    each
//
// Byte n is in raw page n / chunk, and its page is found by the digits of that number in base 512:
// nothing is counted, and nothing but the end ever moves. A page id of 0, an index page or a raw
// page that is too short stand for zeros: a bit that is set far behind the end writes one raw page
// and the index pages above.
//
// Whoever has the Blob (an entry of a leaf, the value of a client's key) writes it down again after
// Write, Extend and Truncate. O(height) per chunk. kFailed: a page makes no sense, see Pager.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_set>

#include "tree/page.h"
#include "tree/pager.h"

namespace cairn::tree {

inline constexpr uint64_t kBlobFanout = 512;
inline constexpr uint8_t kBlobHeightMax = 5;
inline constexpr uint8_t kChunkLog2Min = 5;
inline constexpr uint8_t kChunkLog2Max = 16;

inline constexpr uint64_t ChunkBytes(const Blob& blob) {
  return (uint64_t{1} << blob.chunk_log2) - kNodeHeadBytes;
}
inline Blob NewBlob(uint8_t chunk_log2) {
  Blob blob;
  blob.chunk_log2 = chunk_log2;
  return blob;
}
// Whether these numbers can be those of a blob.
bool IsBlob(const Blob& blob);

class Blobs {
 public:
  // Not `sparse`: what is not there is damage and no zeros.
  explicit Blobs(Pager* pager, bool sparse = true) : pager_(*pager), sparse_(sparse) {}

  // Some bytes from `offset` < blob.bytes on: at least one, at most the rest of its chunk.
  Outcome Piece(const Blob& blob, uint64_t offset, std::string_view* piece);
  // Notes what is missing of a range: all of it at once, but for what lies below a missing index.
  Outcome Want(const Blob& blob, uint64_t offset, uint64_t bytes);
  // Appends a range, which lies in the blob, to *to.
  Outcome Read(const Blob& blob, uint64_t offset, uint64_t bytes, std::string* to);
  // Of the blob's first `bytes` and `with`, as memcmp with lengths: -1, 0, 1.
  Outcome Compare(const Blob& blob, uint64_t bytes, std::string_view with, int* order);
  // How many bytes two blobs have in common at their beginnings, `most` at most.
  Outcome CommonBytes(const Blob& a, const Blob& b, uint64_t most, uint64_t* bytes);

  // The blob becomes longer if need be; between its end and `offset` are zeros then.
  Outcome Write(Blob* blob, uint64_t offset, std::string_view bytes);
  Outcome Append(Blob* blob, std::string_view bytes) { return Write(blob, blob->bytes, bytes); }
  // Makes it at least so long.
  Outcome Extend(Blob* blob, uint64_t bytes);
  // Makes it at most so long. Reads the index pages of what goes, and the raw page that is cut.
  Outcome Truncate(Blob* blob, uint64_t bytes);
  // Reads index pages only.
  Outcome Remove(const Blob& blob);
  // Every page of it: once, and as long as it has to be. *seen: pages of other blobs and trees, and
  // these from now on. Not linear where bytes are zeros that have no pages.
  Outcome Check(const Blob& blob, std::unordered_set<uint64_t>* seen);

 private:
  Outcome WantAhead(const Blob& blob, uint64_t at, uint64_t end, uint64_t ahead, uint64_t* wanted);
  Outcome Locate(const Blob& blob, uint64_t chunk, uint64_t* page);
  Outcome ReadRaw(PageKind kind, uint64_t page, std::string_view* bytes);
  Outcome EditRaw(PageKind kind, uint64_t page, Pager::Change** change);
  Outcome WriteChunk(Blob* blob, uint64_t chunk, uint64_t at, std::string_view bytes);
  Outcome MakeWay(Blob* blob, uint64_t chunk, uint64_t* page);
  Outcome PutId(uint64_t page, uint64_t index, uint64_t id);
  Outcome RemoveBelow(uint64_t page, uint8_t height);
  Outcome CutChunk(const Blob& blob, uint64_t bytes);

  Pager& pager_;
  const bool sparse_;
};

}  // namespace cairn::tree
