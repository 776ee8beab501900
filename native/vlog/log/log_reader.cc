#include "vlog/log/log_reader.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"

namespace cairn::vlog {

const char* Unknown(const RecordHeader& header, const char* record) {
  if (TypeOf(header) > kLastKnownType) return "a record of a kind that this server does not know";
  if (IsPut(TypeOf(header)) && header.value_type > Pointer::kTypeMask)
    return "a value of a type that this server does not know";
  if (CAIRN_LIKELY((header.type & kExtended) == 0)) return nullptr;
  const RecordExtension extension = ExtensionOf(header, record);
  if (extension.workspace != 0 || extension.zero != 0)
    return "a record of a workspace, which this server does not know";
  return nullptr;
}

SegmentReader::SegmentReader(const Segment* segment, uint64_t file_bytes, uint64_t window_bytes,
                             IoQueue* ahead)
    : segment_(segment), file_bytes_(file_bytes), queue_(ahead) {
  const IoAlignment alignment = segment->file->alignment();
  io_block_ = std::max<uint64_t>({alignment.offset, alignment.memory, 4096});
  window_bytes_ = AlignUp(window_bytes, io_block_);
}

SegmentReader::~SegmentReader() { (void)AwaitAhead(); }

Status SegmentReader::View(uint64_t offset, uint64_t bytes, const char** data) {
  *data = nullptr;
  if (bytes > file_bytes_ || offset > file_bytes_ - bytes) return Status();
  if (offset >= begin_ && offset + bytes <= end_) {
    *data = window_ + (offset - begin_);
    return Status();
  }
  const uint64_t from = AlignDown(offset, io_block_);
  const auto kept_bytes = [&] {  // of the window
    return from >= begin_ && from < end_ ? AlignDown(end_ - from, io_block_) : 0;
  };
  const bool onwards = begin_ != end_ && from <= end_ && from >= begin_;
  if (queue_ != nullptr && TakeAhead(from, kept_bytes()) && offset + bytes <= end_) {
    ReadAhead();
    *data = window_ + (offset - begin_);
    return Status();
  }
  const uint64_t kept = kept_bytes();  // what was taken may not be enough
  const uint64_t want = std::max(AlignUp(offset + bytes, io_block_) - from, window_bytes_);
  const char* at = kept == 0 ? nullptr : window_ + (from - begin_);
  if (want > buffer_bytes_ || (buffer_bytes_ > 4 * want && buffer_bytes_ > 4 * window_bytes_)) {
    AlignedBuffer larger = NewAligned(want);
    if (kept != 0) std::memcpy(larger.get(), at, kept);
    buffer_ = std::move(larger);
    buffer_bytes_ = want;
  } else if (kept != 0) {
    std::memmove(buffer_.get(), at, kept);
  }
  window_ = buffer_.get();
  begin_ = end_ = from;
  Result<size_t> got = segment_->file->ReadAt(from + kept, window_ + kept, want - kept);
  if (!got.ok()) return got.status();
  end_ = from + kept + got.value();
  if (queue_ != nullptr && onwards) ReadAhead();
  if (offset + bytes <= end_) *data = window_ + (offset - begin_);
  return Status();
}

// ---- reading ahead ----

void SegmentReader::ReadAhead() {
  if (ahead_.wanted && !AwaitAhead()) return;
  ahead_.wanted = false;
  if (end_ >= file_bytes_ || end_ % io_block_ != 0) return;
  if (ahead_.buffer == nullptr) ahead_.buffer = NewAligned(kHeadBytes + window_bytes_);
  ahead_.from = end_;
  ahead_.iov = {ahead_.buffer.get() + kHeadBytes, window_bytes_};
  ahead_.request.op = IoOp::kRead;
  ahead_.request.file = segment_->file.get();
  ahead_.request.offset = end_;
  ahead_.request.iov = &ahead_.iov;
  ahead_.request.iov_count = 1;
  ahead_.request.owner = &ahead_;
  ahead_.request.done = [](IoRequest* request, int64_t result) {
    auto* ahead = static_cast<Ahead*>(request->owner);
    ahead->result = result;
    ahead->done = true;
  };
  ahead_.wanted = true;
  ahead_.done = false;
  queue_->Submit(&ahead_.request);
  queue_->Flush();
}

// False: nothing was on its way.
bool SegmentReader::AwaitAhead() {
  constexpr uint32_t kWaitMs = 100;
  if (!ahead_.wanted) return false;
  while (!ahead_.done) (void)queue_->Wait(kWaitMs);
  return true;
}

// Makes what was read ahead the window, with the last `kept` bytes of the old one in front of it.
// False: it is something else, or not whole (whoever reads it then finds out why).
bool SegmentReader::TakeAhead(uint64_t from, uint64_t kept) {
  if (!ahead_.wanted || ahead_.from != from + kept || kept > kHeadBytes) return false;
  (void)AwaitAhead();
  ahead_.wanted = false;
  const uint64_t got = ahead_.result < 0 ? 0 : static_cast<uint64_t>(ahead_.result);
  if (got != window_bytes_ && ahead_.from + got < file_bytes_) return false;
  char* window = ahead_.buffer.get() + kHeadBytes - kept;
  if (kept != 0) std::memcpy(window, window_ + (from - begin_), kept);
  std::swap(buffer_, ahead_.buffer);
  window_ = window;
  begin_ = from;
  end_ = from + kept + got;
  // The other buffer becomes the next one to read into, if it is as large.
  if (buffer_bytes_ != kHeadBytes + window_bytes_) ahead_.buffer.reset();
  buffer_bytes_ = kHeadBytes + window_bytes_;
  return true;
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
  const char* unknown = Unknown(*header, at);
  if (CAIRN_UNLIKELY(unknown != nullptr)) {
    return Status(Code::kInvalid, segment_->file->path() + " at offset " + std::to_string(offset) +
                                      ": " + unknown + " (type " +
                                      std::to_string(header->type & kRecordTypeMask) +
                                      "): written by a newer server");
  }
  *why = nullptr;
  *data = at;
  return Status();
}

const char* SegmentReader::AtHand(uint64_t offset, RecordHeader* header) const {
  if (offset < begin_ || offset > end_ || end_ - offset < sizeof(RecordHeader)) return nullptr;
  const char* record = window_ + (offset - begin_);
  *header = LoadHeader(record);
  if (!Plausible(*header) || header->segment_id != segment_->id) return nullptr;
  return BytesOf(*header) <= end_ - offset ? record : nullptr;
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
