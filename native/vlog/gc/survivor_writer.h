// SurvivorWriter: appends to one segment of survivors, the records that garbage collection copies
// out of others. The bytes are those of a log segment (format.h): commits of records, a trailer.
//
//   Add, Add, ...   into a batch in memory; each gets the place it will have
//   Write           one commit: written and synced. Only now may the index point there
//   Seal            the trailer
//
// Blocking; one thread at a time.
#pragma once

#include <cstdint>
#include <string_view>

#include "base/status.h"
#include "vlog/log/format.h"
#include "vlog/log/segment.h"

namespace cairn::vlog {

class SurvivorWriter {
 public:
  static constexpr uint64_t kBatchBytes = 2u << 20;    // of a commit; a larger record has one alone
  static constexpr uint64_t kPieceBytes = 128u << 10;  // of a write, with pauses

  SurvivorWriter(Segment* segment, uint32_t incarnation);

  Segment* segment() const { return segment_; }
  // Where the file must be allocated up to before `bytes` more of records can be written and the
  // segment sealed behind them.
  uint64_t RoomFor(uint64_t bytes) const;
  bool Fits(uint64_t bytes) const { return RoomFor(bytes) <= segment_->capacity; }
  // header: type, value_type, ns, key_bytes and value_bytes; the rest follows from the segment.
  // Returns the record's place; its bytes are at record(pointer) until the first Add behind a
  // Write.
  Pointer Add(RecordHeader header, uint64_t expire_at_ms, std::string_view key,
              std::string_view value);
  std::string_view record(const Pointer& pointer) const {
    return {data_.get() + (pointer.offset - data_at_), pointer.length};
  }
  uint64_t staged() const { return used_ == 0 ? 0 : used_ - kCommitRecordBytes; }
  // In pieces with a pause between them, if there is one, so that the commits of lanes do not have
  // to wait behind megabytes. *written: bytes, padding included. After an error the segment takes
  // no more; what was written before stays good.
  Status Write(uint32_t pause_us, uint64_t* written);
  // Forgets what was added since the last Write.
  void Drop() { used_ = 0; }
  Status Seal();

 private:
  void Reserve(uint64_t bytes);

  Segment* const segment_;
  const uint32_t incarnation_;
  AlignedBuffer data_;
  uint64_t data_bytes_ = 0;
  uint64_t used_ = 0;     // of the batch, commit record included; 0: empty
  uint64_t tail_ = 0;     // offset of the batch
  uint64_t data_at_ = 0;  // of data_[0]
  uint64_t prev_end_ = 0;
  uint64_t synced_ = 0;
  uint32_t chain_ = 0;
  uint64_t records_ = 0;
};

}  // namespace cairn::vlog
