#include "vlog/gc/survivor_writer.h"

#include <algorithm>
#include <chrono>
#include <cstring>
#include <thread>

#include "base/check.h"

namespace cairn::vlog {

SurvivorWriter::SurvivorWriter(Segment* segment, uint32_t incarnation)
    : segment_(segment),
      incarnation_(incarnation),
      tail_(segment->block_bytes),
      synced_(LogPosition(segment->id, segment->block_bytes)) {
  CAIRN_CHECK(segment->survivors() && !segment->sealed());
}

uint64_t SurvivorWriter::RoomFor(uint64_t bytes) const {
  const uint64_t used = std::max(used_, kCommitRecordBytes) + bytes;
  return AlignUp(tail_ + used, segment_->block_bytes) + segment_->block_bytes;
}

void SurvivorWriter::Reserve(uint64_t bytes) {
  const uint64_t want = AlignUp(bytes, segment_->block_bytes) + segment_->block_bytes;
  if (want <= data_bytes_) return;
  const uint64_t size = std::max(want, kBatchBytes + kBlockBytesMax);
  AlignedBuffer larger = NewAligned(size);
  if (data_ != nullptr && used_ != 0) std::memcpy(larger.get(), data_.get(), used_);
  data_ = std::move(larger);
  data_bytes_ = size;
}

Pointer SurvivorWriter::Add(RecordHeader header, uint64_t expire_at_ms, std::string_view key,
                            std::string_view value) {
  const uint64_t bytes = PlainBytesOf(header);
  if (used_ == 0) {
    used_ = kCommitRecordBytes;
    data_at_ = tail_;
    if (data_bytes_ > 2 * kBatchBytes) {  // one large record needed it
      data_.reset();
      data_bytes_ = 0;
    }
  }
  Reserve(used_ + bytes);
  const uint64_t offset = tail_ + used_;
  header.incarnation = incarnation_;
  header.segment_id = segment_->id;
  header.crc = EncodeRecord(data_.get() + used_, CrcSeed(offset, segment_->salt), header,
                            expire_at_ms, key, value);
  used_ += bytes;
  Pointer pointer = PlainPointer(header, offset);
  pointer.flags |= kSurvivor;
  return pointer;
}

Status SurvivorWriter::Write(uint32_t pause_us, uint64_t* written) {
  *written = 0;
  if (staged() == 0) {
    used_ = 0;
    return Status();
  }
  char* data = data_.get();
  RecordHeader header = {};
  header.type = static_cast<uint8_t>(RecordType::kCommit);
  header.value_bytes = sizeof(CommitPayload);
  header.incarnation = incarnation_;
  header.segment_id = segment_->id;
  const CommitPayload payload = {used_, prev_end_, synced_, 0};
  EncodeRecord(data, CrcSeed(tail_, segment_->salt), header, 0, {},
               {reinterpret_cast<const char*>(&payload), sizeof(payload)});
  uint32_t chain = chain_;
  uint64_t records = records_;
  for (uint64_t at = 0; at < used_;) {
    const RecordHeader record = LoadHeader(data + at);
    chain = Crc32cExtend(chain, &record.crc, sizeof(record.crc));
    ++records;
    at += PlainBytesOf(record);
  }
  const uint64_t bytes = AlignUp(used_, segment_->block_bytes);
  std::memset(data + used_, 0, bytes - used_);
  Status status;
  const uint64_t piece = pause_us == 0 ? bytes : kPieceBytes;
  for (uint64_t at = 0; status.ok() && at < bytes; at += piece) {
    if (at != 0) std::this_thread::sleep_for(std::chrono::microseconds(pause_us));
    status = segment_->file->WriteAt(tail_ + at, data + at, std::min(piece, bytes - at));
  }
  if (status.ok()) status = segment_->file->Sync();
  if (!status.ok()) return status;
  *written = bytes;
  chain_ = chain;
  records_ = records;
  prev_end_ = synced_ = LogPosition(segment_->id, tail_ + used_);
  segment_->proven.store(tail_ + used_, std::memory_order_release);
  tail_ += bytes;
  used_ = 0;
  return Status();
}

Status SurvivorWriter::Seal() {
  CAIRN_CHECK(used_ == 0);
  const uint64_t block = segment_->block_bytes;
  Reserve(block);
  std::memset(data_.get(), 0, block);
  RecordHeader header = {};
  header.type = static_cast<uint8_t>(RecordType::kTrailer);
  header.value_bytes = sizeof(TrailerPayload);
  header.incarnation = incarnation_;
  header.segment_id = segment_->id;
  const uint64_t data_end = prev_end_ != 0 ? OffsetOf(prev_end_) : block;
  const TrailerPayload payload = {data_end, records_, chain_, 0};
  EncodeRecord(data_.get(), CrcSeed(tail_, segment_->salt), header, 0, {},
               {reinterpret_cast<const char*>(&payload), sizeof(payload)});
  Status status = segment_->file->WriteAt(tail_, data_.get(), block);
  if (status.ok()) status = segment_->file->Sync();
  if (!status.ok()) return status;
  tail_ += block;
  return status;
}

}  // namespace cairn::vlog
