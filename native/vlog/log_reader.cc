#include "vlog/log_reader.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"

namespace cairn::vlog {

SegmentReader::SegmentReader(const Segment* segment, uint64_t file_bytes, uint64_t window_bytes)
    : segment_(segment), file_bytes_(file_bytes) {
  const IoAlignment alignment = segment->file->alignment();
  io_block_ = std::max<uint64_t>({alignment.offset, alignment.memory, 4096});
  window_bytes_ = AlignUp(window_bytes, io_block_);
}

Status SegmentReader::View(uint64_t offset, uint64_t bytes, const char** data) {
  *data = nullptr;
  if (bytes > file_bytes_ || offset > file_bytes_ - bytes) return Status();
  if (offset >= begin_ && offset + bytes <= end_) {
    *data = buffer_.get() + (offset - begin_);
    return Status();
  }
  const uint64_t from = AlignDown(offset, io_block_);
  const uint64_t want = std::max(AlignUp(offset + bytes, io_block_) - from, window_bytes_);
  uint64_t kept = 0;
  if (from >= begin_ && from < end_) kept = AlignDown(end_ - from, io_block_);
  if (want > buffer_bytes_ || (buffer_bytes_ > 4 * want && buffer_bytes_ > 4 * window_bytes_)) {
    AlignedBuffer larger = NewAligned(want);
    if (kept != 0) std::memcpy(larger.get(), buffer_.get() + (from - begin_), kept);
    buffer_ = std::move(larger);
    buffer_bytes_ = want;
  } else if (kept != 0) {
    std::memmove(buffer_.get(), buffer_.get() + (from - begin_), kept);
  }
  begin_ = end_ = from;
  Result<size_t> got = segment_->file->ReadAt(from + kept, buffer_.get() + kept, want - kept);
  if (!got.ok()) return got.status();
  end_ = from + kept + got.value();
  if (offset + bytes <= end_) *data = buffer_.get() + (offset - begin_);
  return Status();
}

Status SegmentReader::Record(uint64_t offset, uint64_t limit, RecordHeader* header,
                             const char** data, const char** why) {
  const char* at = nullptr;
  *data = nullptr;
  Status status = View(offset, sizeof(RecordHeader), &at);
  if (!status.ok()) return status;
  *why = "the file ends in a record header";
  if (at == nullptr) return Status();
  *header = LoadHeader(at);
  *why = "no record header";
  if (!Plausible(*header)) return Status();
  *why = "record of another segment";
  if (header->segment_id != segment_->id) return Status();
  const uint64_t bytes = BytesOf(*header);
  *why = "record is longer than its surroundings";
  if (limit < offset || bytes > limit - offset) return Status();
  status = View(offset, bytes, &at);
  if (!status.ok()) return status;
  *why = "the file ends in a record";
  if (at == nullptr) return Status();
  *why = "record checksum does not match";
  if (RecordCrc(at, bytes, CrcSeed(offset, segment_->salt)) != header->crc) return Status();
  *why = nullptr;
  *data = at;
  return Status();
}

Status SegmentReader::Zeros(uint64_t offset, uint64_t end, bool* zeros, uint64_t* at) {
  constexpr uint64_t kStep = 4096;
  *zeros = false;
  for (uint64_t from = offset; from < end; from += kStep) {
    const uint64_t bytes = std::min(kStep, end - from);
    const char* data = nullptr;
    Status status = View(from, bytes, &data);
    if (!status.ok()) return status;
    *at = file_bytes_;
    if (data == nullptr) return Status();
    for (uint64_t i = 0; i < bytes; ++i) {
      if (data[i] == 0) continue;
      *at = from + i;
      return Status();
    }
  }
  *zeros = true;
  return Status();
}

}  // namespace cairn::vlog
