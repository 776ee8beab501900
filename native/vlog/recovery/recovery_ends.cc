// The second half of recovery: the ends of the lanes made fit to go on from.
#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "vlog/recovery/recovery.h"

namespace cairn::vlog {

// After a crash: makes durable for good what replay has accepted, and marks where it has cut. What
// it leaves behind is whole for every later start, whatever lanes, block and file system that one
// has: format.md, "Making the end fit to go on from". Until all lanes are cut, the manifest names
// every segment that a part of a transaction may lie in.
Status Recovery::Secure(std::vector<LaneEnd>* ends, bool was_clean, uint32_t incarnation) {
  incarnation_ = incarnation;
  for (const LooseEnd& loose : loose_) {
    Status status = SealLoose(loose);
    if (!status.ok()) return status;
  }
  loose_.clear();
  for (uint32_t lane = 0; lane < ends->size(); ++lane) {
    LaneEnd& end = (*ends)[lane];
    if (!was_clean) {
      Status status = RewriteTail(end, lane);
      if (!status.ok()) return status;
    }
    if (end.active == nullptr) continue;
    if (end.cut) {
      Status status = AppendBlocks(&end, true, false);
      if (!status.ok()) return status;
    }
    if (Outdated(*end.active)) {
      Status status = SealLane(&end);
      if (!status.ok()) return status;
    } else if (end.next != nullptr && Outdated(*end.next)) {
      surplus_.insert(end.next->id);
      end.next = nullptr;
    }
  }
  return Status();
}

// The log goes on in a new segment: this one was made for smaller blocks than the device's, or by a
// server with an older format.
bool Recovery::Outdated(const Segment& segment) {
  return segment.version < kFormatVersion || DeviceBlock(segment) > segment.block_bytes;
}

// Ends the log of a lane with a trailer; what was to come behind it is not needed.
Status Recovery::SealLane(LaneEnd* end) {
  Status status = AppendBlocks(end, false, true);
  if (!status.ok()) return status;
  (void)end->active->file->Truncate(end->active->data_end);  // best effort
  if (end->next != nullptr) surplus_.insert(end->next->id);
  end->active = end->next = nullptr;
  return status;
}

// Segments keep their block for life; what is written must be whole blocks of the device.
uint64_t Recovery::DeviceBlock(const Segment& segment) {
  return std::max<uint64_t>(segment.block_bytes, segment.file->alignment().offset);
}

// The last commits may have reached only the device's cache, or come from writes whose sync failed.
// They count from now on, so they are written once more, the same bytes to the same place, and
// synced.
Status Recovery::RewriteTail(const LaneEnd& end, uint32_t lane) {
  if (end.end == 0) return Status();
  for (const SegmentEntry& entry : to_.manifest->segments) {
    if (entry.epoch != to_.manifest->epoch || entry.lane != lane || entry.before != 0 ||
        entry.id > SegmentOf(end.end) || (end.proven != 0 && entry.id < SegmentOf(end.proven))) {
      continue;
    }
    Segment* segment = to_.segments->Get(entry.id);
    uint64_t from = segment->block_bytes;
    if (SegmentOf(end.proven) == entry.id)
      from = std::max(from, AlignUp(OffsetOf(end.proven), segment->block_bytes));
    Result<uint64_t> size = segment->file->Size();
    if (!size.ok()) return size.status();
    uint64_t to = size.value();
    if (SegmentOf(end.end) == entry.id) {
      to = std::min(to,
                    AlignUp(OffsetOf(end.end), segment->block_bytes) + 2 * DeviceBlock(*segment));
    }
    Status status = RewriteRange(segment, from, to);
    if (!status.ok()) return status;
  }
  return Status();
}

// The device's blocks that hold the range. A file that ends within one gets zeros behind its end.
Status Recovery::RewriteRange(Segment* segment, uint64_t from, uint64_t to) {
  const uint64_t block = DeviceBlock(*segment);
  from = AlignDown(from, block);
  to = AlignUp(to, block);
  AlignedBuffer buffer = NewAligned(kWindowBytesMax);
  while (from < to) {
    const uint64_t bytes = std::min(kWindowBytesMax, to - from);
    Result<size_t> got = segment->file->ReadAt(from, buffer.get(), bytes);
    if (!got.ok()) return got.status();
    if (got.value() == 0) break;
    const uint64_t whole = AlignUp(got.value(), block);
    std::memset(buffer.get() + got.value(), 0, whole - got.value());
    Status status = segment->file->WriteAt(from, buffer.get(), whole);
    if (!status.ok()) return status;
    from += whole;
  }
  return segment->file->Sync();
}

// Writes and syncs a part of a segment. What shares a block of the device with it is written once
// more, the same bytes: torn, it is as it was.
Status Recovery::WritePart(Segment* segment, uint64_t from, const char* data, uint64_t bytes) {
  const uint64_t block = DeviceBlock(*segment);
  const uint64_t start = AlignDown(from, block);
  const uint64_t end = AlignUp(from + bytes, block);
  AlignedBuffer buffer = NewAligned(end - start);
  uint64_t known = 0;
  if (end - start != bytes) {
    Result<size_t> got = segment->file->ReadAt(start, buffer.get(), end - start);
    if (!got.ok()) return got.status();
    known = got.value();
  }
  std::memset(buffer.get() + known, 0, end - start - known);
  std::memcpy(buffer.get() + (from - start), data, bytes);
  Status status = segment->file->WriteAt(start, buffer.get(), end - start);
  return status.ok() ? segment->file->Sync() : status;
}

// Survivors that a crash ended: what replay has accepted is made durable for good, and sealed.
Status Recovery::SealLoose(const LooseEnd& loose) {
  Segment* segment = loose.segment;
  const uint64_t from = SegmentOf(loose.proven) == segment->id
                            ? AlignUp(OffsetOf(loose.proven), segment->block_bytes)
                            : segment->block_bytes;
  Status status = RewriteRange(segment, from, std::max(from, loose.tail));
  if (!status.ok()) return status;
  LaneEnd end;
  end.active = segment;
  end.tail = loose.tail;
  end.end = loose.end;
  end.chain = loose.chain;
  end.records = loose.records;
  status = AppendBlocks(&end, false, true);
  if (!status.ok()) return status;
  if (loose.end != 0) segment->proven.store(OffsetOf(loose.end));
  (void)segment->file->Truncate(segment->data_end);  // best effort
  return status;
}

// Appends to a lane that is not running: an empty commit (which says where the log went on from), a
// trailer, or both.
Status Recovery::AppendBlocks(LaneEnd* end, bool commit, bool trailer) {
  Segment* segment = end->active;
  const uint64_t block = segment->block_bytes;
  std::string image(2 * block, '\0');
  const uint64_t from = end->tail;
  RecordHeader header = {};
  header.incarnation = incarnation_;
  header.segment_id = segment->id;
  uint64_t bytes = 0;
  if (commit) {
    header.type = static_cast<uint8_t>(RecordType::kCommit);
    header.value_bytes = segment->version < 3 ? kCommitPayload2Bytes : sizeof(CommitPayload);
    const uint64_t commit_bytes = BytesOf(header);
    const CommitPayload payload = {commit_bytes, end->end, end->end, end->next_unit};
    const uint32_t crc =
        EncodeRecord(image.data(), CrcSeed(end->tail, segment->salt), header, 0, {},
                     {reinterpret_cast<const char*>(&payload), header.value_bytes});
    end->end = LogPosition(segment->id, end->tail + commit_bytes);
    end->chain = Crc32cExtend(end->chain, &crc, sizeof(crc));
    end->records += 1;
    end->tail += block;
    bytes += block;
  }
  if (trailer) {
    header.type = static_cast<uint8_t>(RecordType::kTrailer);
    header.value_bytes = sizeof(TrailerPayload);
    const bool has_data = end->end != 0 && SegmentOf(end->end) == segment->id;
    const TrailerPayload payload = {has_data ? OffsetOf(end->end) : block,
                                    end->chain_whole ? end->records : 0,
                                    end->chain_whole ? end->chain : 0, end->chain_whole ? 0u : 1u};
    EncodeRecord(image.data() + bytes, CrcSeed(end->tail, segment->salt), header, 0, {},
                 {reinterpret_cast<const char*>(&payload), sizeof(payload)});
    end->tail += block;
    bytes += block;
    segment->data_end = end->tail;
    if (!segment->sealed()) segment->Become(SegmentState::kSealed);  // survivors are already
  }
  Status status;
  // What is cut off may have been durable, being part of a transaction. Torn, it would be damage:
  // it stays whole until the commit is there, which takes a single sector.
  if (commit && bytes > kBlockBytesMin)
    status = WritePart(segment, from, image.data(), kBlockBytesMin);
  return status.ok() ? WritePart(segment, from, image.data(), bytes) : status;
}

}  // namespace cairn::vlog
