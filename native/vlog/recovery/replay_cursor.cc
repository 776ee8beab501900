#include "vlog/recovery/replay_cursor.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"
#include "base/slot.h"

namespace cairn::vlog {

std::string LaneCursor::Where(uint64_t offset, const std::string& what) const {
  return segments_[index_].segment->file->path() + " at offset " + std::to_string(offset) + ": " +
         what;
}

void LaneCursor::Sort() {
  std::sort(segments_.begin(), segments_.end(),
            [](const File& a, const File& b) { return a.segment->rank() < b.segment->rank(); });
}

size_t LaneCursor::NextLog() const {
  size_t next = index_ + 1;
  while (next < segments_.size() && segments_[next].segment->survivors()) ++next;
  return next;
}

bool LaneCursor::Listed(uint32_t segment_id) const {
  return std::any_of(segments_.begin(), segments_.end(),
                     [&](const File& file) { return file.segment->id == segment_id; });
}

void LaneCursor::OpenSegment(size_t index) {
  const bool were_survivors = reader_ != nullptr && in_survivors();
  index_ = index;
  const File& file = segments_[index];
  if (in_survivors() && !were_survivors) log_ = {last_end_, incarnation_};
  if (in_survivors()) {
    last_end_ = 0;
    incarnation_ = 0;
    survivors_proven_ = 0;
  } else if (were_survivors) {
    last_end_ = log_.last_end;
    incarnation_ = log_.incarnation;
  }
  reader_ = std::make_unique<SegmentReader>(file.segment, file.bytes,
                                            replay_->options_.window_bytes, queue_);
  pos_ = file.segment->block_bytes;
  looked_to_ = 0;
  commit_end_ = 0;
  chain_ = 0;
  chain_records_ = 0;
  chain_whole_ = true;
  if (in_survivors()) return;
  if (jump_.segment_id == segment_id()) {
    units_known_ = false;
    pos_ = jump_.offset;
    last_end_ = jump_.prev_end;
    chain_whole_ = false;
    jump_ = Jump();
  } else if (SegmentOf(from()) == segment_id() && OffsetOf(from()) > block()) {
    pos_ = AlignUp(OffsetOf(from()), block());
    last_end_ = from();
    chain_whole_ = false;
  }
}

// Whatever is to be read after this segment.
Status LaneCursor::OpenNext() {
  for (size_t next = index_ + 1; next < segments_.size(); ++next) {
    const Segment* segment = segments_[next].segment;
    if (!segment->survivors() && (log_ended_ || segment->id < jump_.segment_id)) continue;
    OpenSegment(next);
    return segment->survivors() ? Status() : FindBeginning();
  }
  return Finish();
}

Status LaneCursor::Step(bool* progressed) {
  *progressed = false;
  if (state_ == State::kEnded) return Status();
  if (!started_) {
    started_ = true;
    *progressed = true;
    if (segments_.empty()) return Finish();
    proven_ = from();
    if (!replay_->options_.units.empty()) next_unit_ = replay_->options_.units[lane_];
    // The segment that holds it may be gone.
    if (from() != 0 && !Listed(SegmentOf(from()))) last_end_ = from();
    OpenSegment(0);
    Status status = in_survivors() ? Status() : FindBeginning();
    if (!status.ok()) return status;
  }
  if (state_ == State::kBlocked) {
    Status status = ResolveGroup();
    if (!status.ok() || state_ == State::kBlocked) return status;
  }
  *progressed = true;
  for (uint32_t i = 0; i < kRecordsPerStep && state_ == State::kRunning; ++i) {
    Status status = commit_end_ == 0 ? Boundary() : InCommit();
    if (!status.ok()) return status;
  }
  if (state_ != State::kEnded && !in_survivors())
    progress_.store(Here(), std::memory_order_release);
  return Status();
}

// The segments before this one may have been reclaimed: then the log goes on with what its first
// commit here says.
Status LaneCursor::FindBeginning() {
  if (pos_ != block()) return Status();
  const auto goes_on = [&](uint64_t end) {
    return end > last_end_ && SegmentOf(end) < segment_id() && !Listed(SegmentOf(end));
  };
  const std::vector<uint64_t>& clean = replay_->options_.clean_ends;
  const auto go_on = [&](uint64_t end) {
    if (!goes_on(end)) return;
    last_end_ = end;
    units_known_ = false;
  };
  if (!clean.empty()) go_on(clean[lane_]);
  RecordHeader header;
  const char* data = nullptr;
  const char* why = nullptr;
  Status status = reader_->Record(pos_, pos_ + kCommitRecordBytes, &header, &data, &why);
  if (!status.ok() || data == nullptr || TypeOf(header) != RecordType::kCommit) return status;
  const CommitPayload payload = LoadCommit(header, data);
  go_on(payload.prev_end);
  // Or it begins with it, at a place behind the one that a checkpoint has noted: the lane went on
  // to this segment before it had written anything to one that is gone.
  if (payload.prev_end == 0 && last_end_ == from()) last_end_ = 0;
  return Status();
}

// ---- between commits ----

Status LaneCursor::Boundary() {
  RecordHeader header;
  const char* data = nullptr;
  const char* why = nullptr;
  Status status = reader_->Record(pos_, pos_ + kCommitRecordBytes, &header, &data, &why);
  if (!status.ok()) return status;
  const bool valid = data != nullptr && header.incarnation >= incarnation_;
  if (valid && TypeOf(header) == RecordType::kTrailer) {
    status = TakeTrailer(header, data, &why);
    if (!status.ok() || why == nullptr) return status;
  }
  const std::vector<uint64_t>& clean = replay_->options_.clean_ends;
  if (!in_survivors() && !clean.empty() && last_end_ == clean[lane_]) return End(false, pos_, "");
  if (valid && TypeOf(header) == RecordType::kCommit) {
    const CommitPayload payload = LoadCommit(header, data);
    why = payload.prev_end != last_end_     ? "commit does not follow the one before"
          : payload.bytes < BytesOf(header) ? "commit is shorter than its own record"
                                            : nullptr;
    if (why == nullptr) return EnterCommit(header, data);
  }
  return Bad(pos_, why == nullptr ? "no commit begins here" : why);
}

Status LaneCursor::EnterCommit(const RecordHeader& header, const char* data) {
  const CommitPayload payload = LoadCommit(header, data);
  incarnation_ = header.incarnation;
  Number(payload);
  if (in_survivors()) {
    survivors_proven_ = payload.synced;
  } else {
    seen_incarnation_.store(incarnation_, std::memory_order_release);
    proven_ = std::max(proven_, payload.synced);
  }
  commit_end_ = pos_ + payload.bytes;
  Passed(header, pos_);
  return Status();
}

// A start goes on with a higher number than the last one where it cannot tell how many a crash has
// taken back; within a start none is left out.
void LaneCursor::Number(const CommitPayload& payload) {
  numbered_ = payload.first_unit != 0;
  if (!numbered_) return;
  if (units_known_ && (units_incarnation_ == incarnation_ ? payload.first_unit != next_unit_
                                                          : payload.first_unit < next_unit_)) {
    replay_->Misnumbered(Where(pos_, "its first unit has number " +
                                         std::to_string(payload.first_unit) + ", not " +
                                         std::to_string(next_unit_)));
    next_unit_ = std::max(next_unit_, payload.first_unit);
  } else {
    next_unit_ = payload.first_unit;
  }
  units_known_ = true;
  units_incarnation_ = incarnation_;
}

// Moves past a record that counts.
void LaneCursor::Passed(const RecordHeader& header, uint64_t offset) {
  const uint64_t bytes = BytesOf(header);
  chain_ = Crc32cExtend(chain_, &header.crc, sizeof(header.crc));
  ++chain_records_;
  if (numbered_ && OpensUnit(header) && TypeOf(header) != RecordType::kCommit) ++next_unit_;
  pos_ = offset + bytes;
  last_end_ = Here();
  replay_->records_.fetch_add(1, std::memory_order_relaxed);
  replay_->bytes_.fetch_add(bytes, std::memory_order_relaxed);
}

// *why: what is wrong with it, if it is not taken.
Status LaneCursor::TakeTrailer(const RecordHeader& header, const char* data, const char** why) {
  const TrailerPayload payload = LoadPayload<TrailerPayload>(header, data);
  const uint64_t data_end = SegmentOf(last_end_) == segment_id() ? OffsetOf(last_end_) : block();
  *why = "trailer contradicts the records before it";
  if (payload.data_end != data_end) return Status();
  if (chain_whole_ && payload.unchained == 0 &&
      (payload.records != chain_records_ || payload.chain != chain_))
    return Status();
  bool zeros = false;
  uint64_t at = 0;
  Status status = reader_->Zeros(pos_ + kTrailerRecordBytes, pos_ + block(), &zeros, &at);
  if (!status.ok()) return status;
  *why = "padding of the trailer is not zero";
  if (!zeros) return Status();
  *why = nullptr;
  incarnation_ = header.incarnation;
  if (in_survivors()) {  // nothing is sealed before it is durable
    segments_[index_].segment->proven.store(payload.data_end, std::memory_order_relaxed);
  }
  return NextSegment();
}

// The segment ends with a trailer.
Status LaneCursor::NextSegment() {
  if (in_survivors() || NextLog() < segments_.size()) return OpenNext();
  log_ended_ = true;
  end_.active = nullptr;
  end_.end = last_end_;
  end_.next_unit = NextUnit();
  end_.proven = last_end_;
  end_.incarnation = incarnation_;
  const std::vector<uint64_t>& clean = replay_->options_.clean_ends;
  if (!clean.empty() && clean[lane_] != last_end_) {
    Status status =
        replay_->Damage(Where(pos_, "the log ends before the place where it was closed"));
    if (!status.ok()) return status;
  }
  return OpenNext();
}

Status LaneCursor::Finish() {
  // Of an older epoch, only survivors may be left.
  if (!log_ended_ && !segments_.empty()) {
    end_.end = end_.proven = in_survivors() ? log_.last_end : last_end_;
    end_.incarnation = in_survivors() ? log_.incarnation : incarnation_;
  }
  if (!log_ended_) end_.next_unit = NextUnit();
  log_ended_ = true;
  state_ = State::kEnded;
  progress_.store(UINT64_MAX, std::memory_order_release);
  return Status();
}

// ---- inside a commit ----

Status LaneCursor::InCommit() {
  if (pos_ == commit_end_) {
    const uint64_t end = AlignUp(pos_, block());
    bool zeros = false;
    uint64_t at = 0;
    Status status = reader_->Zeros(pos_, end, &zeros, &at);
    if (!status.ok()) return status;
    if (!zeros)
      return Bad(at,
                 at >= reader_->file_bytes() ? "the file ends in padding" : "padding is not zero");
    pos_ = end;
    commit_end_ = 0;
    return Status();
  }
  LookAhead();
  RecordHeader header;
  const char* data = nullptr;
  const char* why = nullptr;
  Status status = reader_->Record(pos_, commit_end_, &header, &data, &why);
  if (!status.ok()) return status;
  if (data == nullptr) return Bad(pos_, why);
  if (header.incarnation != incarnation_) return Bad(pos_, "record of another start of the server");
  const RecordType type = TypeOf(header);
  if (type == RecordType::kCommit || type == RecordType::kTrailer)
    return Bad(pos_, "commit inside a commit");
  if (type == RecordType::kGroup) return TakeGroup(header, data);
  if ((header.type & kGroupMember) != 0) return Bad(pos_, "member of a group that does not begin");
  const uint64_t offset = pos_;
  Passed(header, offset);
  Apply(header, data, offset);
  return Status();
}

// Tells the sink the keys of the records from here on, as far as they are at hand. A key of another
// lane's, which only damage brings here, would lead to what another thread is changing.
void LaneCursor::LookAhead() {
  if (pos_ < looked_to_) return;
  ReplaySink::KeyAhead keys[ReplaySink::kKeysAheadMax];
  size_t count = 0;
  uint64_t at = pos_;
  RecordHeader header;
  while (count < ReplaySink::kKeysAheadMax) {
    const char* record = reader_->AtHand(at, &header);
    if (record == nullptr) break;
    at += BytesOf(header);
    const std::string_view key = KeyOf(header, record);
    const uint16_t shard = ShardIn(header.ns, key);
    if (!key.empty() && shard % replay_->options_.lanes == lane_)
      keys[count++] = {header.ns, shard, key};
  }
  looked_to_ = std::max(at, pos_ + 1);
  if (count > 1) replay_->sink_->OnAhead(std::span(keys, count));
}

void LaneCursor::Apply(const RecordHeader& header, const char* data, uint64_t offset) {
  switch (TypeOf(header)) {
    case RecordType::kFlush:
      replay_->sink_->OnFlush(segment_id(), lane_, replay_->options_.lanes, header.ns);
      return;
    case RecordType::kSwap:
      replay_->sink_->OnSwap(LoadPayload<SwapPayload>(header, data));
      return;
    default: {
      Pointer pointer = MakePointer(header, offset);
      if (in_survivors()) pointer.flags |= kSurvivor;
      replay_->sink_->OnRecord(header, data, pointer);
      return;
    }
  }
}

// A group is verified as a whole before anything of it is applied.
Status LaneCursor::TakeGroup(const RecordHeader& group, const char* data) {
  const GroupPayload payload = LoadPayload<GroupPayload>(group, data);
  const uint64_t own_bytes = BytesOf(group);
  if (group.value_bytes != sizeof(GroupPayload) + uint64_t{8} * payload.parts ||
      payload.bytes > commit_end_ - pos_ - own_bytes) {
    return Bad(pos_, "group contradicts itself");
  }
  group_parts_.resize(payload.parts);
  if (payload.parts != 0) {
    std::memcpy(group_parts_.data(), ValueOf(group, data).data() + sizeof(payload),
                8 * size_t{payload.parts});
  }
  uint64_t at = pos_ + own_bytes;
  const uint64_t end = at + payload.bytes;
  for (uint32_t i = 0; i < payload.records; ++i) {
    RecordHeader header;
    const char* member = nullptr;
    const char* why = nullptr;
    Status status = reader_->Record(at, end, &header, &member, &why);
    if (!status.ok()) return status;
    if (member == nullptr) return Bad(at, why);
    if (header.incarnation != incarnation_ || (header.type & kGroupMember) == 0) {
      return Bad(at, "not a member of the group it lies in");
    }
    at += BytesOf(header);
  }
  if (at != end) return Bad(at, "group contradicts itself");
  group_bytes_ = own_bytes + payload.bytes;
  group_key_ = {group.incarnation, payload.txn_id};
  if (payload.parts == 0) return ApplyGroup();
  state_ = State::kBlocked;
  progress_.store(Here(), std::memory_order_release);
  return ResolveGroup();
}

Status LaneCursor::ResolveGroup() {
  switch (replay_->Judge(lane_, group_key_, group_parts_)) {
    case Replay::Fate::kWait:
      return Status();
    case Replay::Fate::kWholeOrCut: {
      // Either the missing part was durable and its segment has been reclaimed since, or the part
      // was missing and an earlier recovery has cut here.
      state_ = State::kRunning;
      bool resumed = false;
      Status status = TryResume(&resumed);
      return !status.ok() || resumed ? status : ApplyGroup();
    }
    case Replay::Fate::kWhole:
      state_ = State::kRunning;
      return ApplyGroup();
    case Replay::Fate::kDead:
      state_ = State::kRunning;
      return BadGroupFate();
  }
  return Status();
}

Status LaneCursor::ApplyGroup() {
  const uint64_t end = pos_ + group_bytes_;
  bool first = true;
  while (pos_ < end) {
    LookAhead();
    RecordHeader header;
    const char* data = nullptr;
    const char* why = nullptr;
    Status status = reader_->Record(pos_, end, &header, &data, &why);
    if (!status.ok()) return status;
    if (data == nullptr) return Bad(pos_, why);  // it was whole a moment ago: the disk lies
    const uint64_t offset = pos_;
    Passed(header, offset);
    if (!first) Apply(header, data, offset);
    first = false;
  }
  return Status();
}

// This lane's part is whole, another lane's is missing: the transaction never was acknowledged, and
// neither was anything behind it.
Status LaneCursor::BadGroupFate() {
  bool resumed = false;
  Status status = TryResume(&resumed);
  if (!status.ok() || resumed) return status;
  if (replay_->options_.salvage && replay_->damaged_.load()) {
    pos_ += group_bytes_;
    last_end_ = Here();
    chain_whole_ = false;
    ++next_unit_;
    return Status();
  }
  if (!replay_->options_.last_epoch) {
    return replay_->Damage(
        Where(pos_, "transaction without its parts in other lanes, in a sealed log"));
  }
  return End(true, pos_, "transaction without its parts in other lanes");
}

}  // namespace cairn::vlog
