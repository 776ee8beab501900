// SegmentReader: a window over a segment file for reading it front to back. Blocking; one thread at
// a time.
//
// Records are looked at where they lie in the window; a view stays valid until the next View call.
// Memory: the window, or as much as the largest view asked for.
#pragma once

#include <cstdint>
#include <string>

#include "base/status.h"
#include "io/disk.h"
#include "vlog/format.h"
#include "vlog/segment.h"

namespace cairn::vlog {

class SegmentReader {
 public:
  SegmentReader(const Segment* segment, uint64_t file_bytes, uint64_t window_bytes);

  const Segment& segment() const { return *segment_; }
  uint64_t file_bytes() const { return file_bytes_; }

  // Bytes [offset, offset + bytes) of the file. *data null: the file ends before. An error: the
  // disk failed.
  Status View(uint64_t offset, uint64_t bytes, const char** data);

  // One whole, verified record that ends at `limit` or before. *data null: there is none, *why says
  // what is wrong with it.
  Status Record(uint64_t offset, uint64_t limit, RecordHeader* header, const char** data,
                const char** why);

  // Whether all bytes in [offset, end) are zero; *at is the first that is not, or the end of the
  // file.
  Status Zeros(uint64_t offset, uint64_t end, bool* zeros, uint64_t* at);

 private:
  const Segment* segment_;
  uint64_t file_bytes_;
  uint64_t window_bytes_;
  uint64_t io_block_;
  AlignedBuffer buffer_;
  uint64_t buffer_bytes_ = 0;
  uint64_t begin_ = 0;  // file range in the buffer
  uint64_t end_ = 0;
};

}  // namespace cairn::vlog
