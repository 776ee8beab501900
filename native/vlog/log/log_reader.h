// SegmentReader: a window over a segment file for reading it front to back. Blocking; one thread at
// a time.
//
// Records are looked at where they lie in the window; a view stays valid until the next View call.
// With a queue, the next window is on its way from the disk while this one is worked on.
// Memory: the window (two and a little with a queue), or as much as the largest view asked for.
#pragma once

#include <cstdint>
#include <string>

#include "base/status.h"
#include "io/disk.h"
#include "vlog/log/format.h"
#include "vlog/log/segment.h"

namespace cairn::vlog {

// What is in a whole record that only a newer server can have written; null: nothing. A log with
// such a record is refused: without it, it would say something else.
const char* Unknown(const RecordHeader& header, const char* record);

class SegmentReader {
 public:
  // `ahead`, the calling thread's queue, or null, must outlive the reader.
  SegmentReader(const Segment* segment, uint64_t file_bytes, uint64_t window_bytes,
                IoQueue* ahead = nullptr);
  ~SegmentReader();
  SegmentReader(const SegmentReader&) = delete;
  SegmentReader& operator=(const SegmentReader&) = delete;

  const Segment& segment() const { return *segment_; }
  uint64_t file_bytes() const { return file_bytes_; }

  // Bytes [offset, offset + bytes) of the file. *data null: the file ends before. An error: the
  // disk failed.
  Status View(uint64_t offset, uint64_t bytes, const char** data);

  // What seems to be a record and lies whole in the window, or null: not verified, nothing is read.
  const char* AtHand(uint64_t offset, RecordHeader* header) const;

  // One whole, verified record that ends at `limit` or before. *data null: there is none, *why says
  // what is wrong with it. kInvalid: it is Unknown.
  Status Record(uint64_t offset, uint64_t limit, RecordHeader* header, const char** data,
                const char** why);

  // Whether all bytes in [offset, end) are zero; *at is the first that is not, or the end of the
  // file.
  Status Zeros(uint64_t offset, uint64_t end, bool* zeros, uint64_t* at);

 private:
  static constexpr uint64_t kHeadBytes = 64u << 10;  // of a record in two windows, in front of one

  // What is read ahead of the window, into `buffer` behind kHeadBytes.
  struct Ahead {
    IoRequest request;
    iovec iov = {};
    AlignedBuffer buffer;
    uint64_t from = 0;
    int64_t result = 0;
    bool wanted = false;  // it is on its way, or there
    bool done = false;
  };

  void ReadAhead();
  bool AwaitAhead();
  bool TakeAhead(uint64_t from, uint64_t kept);

  const Segment* segment_;
  uint64_t file_bytes_;
  uint64_t window_bytes_;
  uint64_t io_block_;
  IoQueue* queue_;
  AlignedBuffer buffer_;
  uint64_t buffer_bytes_ = 0;
  char* window_ = nullptr;  // in the buffer
  uint64_t begin_ = 0;      // file range in the window
  uint64_t end_ = 0;
  Ahead ahead_;
};

}  // namespace cairn::vlog
