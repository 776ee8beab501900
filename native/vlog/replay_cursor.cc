#include "vlog/replay_cursor.h"

#include <algorithm>
#include <cstring>

#include "base/check.h"

namespace cairn::vlog {

std::string LaneCursor::Where(uint64_t offset, const std::string& what) const {
  return segments_[index_].segment->file->path() + " at offset " + std::to_string(offset) + ": " +
         what;
}

void LaneCursor::OpenSegment(size_t index) {
  index_ = index;
  const File& file = segments_[index];
  reader_ =
      std::make_unique<SegmentReader>(file.segment, file.bytes, replay_->options_.window_bytes);
  pos_ = file.segment->block_bytes;
  commit_end_ = 0;
  chain_ = 0;
  chain_records_ = 0;
  chain_whole_ = true;
}

Status LaneCursor::Step(bool* progressed) {
  *progressed = false;
  if (state_ == State::kEnded) return Status();
  if (!started_) {
    started_ = true;
    *progressed = true;
    if (segments_.empty()) {
      state_ = State::kEnded;
      progress_.store(UINT64_MAX, std::memory_order_release);
      return Status();
    }
    OpenSegment(0);
    Status status = FindBeginning();
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
  if (state_ != State::kEnded) progress_.store(Here(), std::memory_order_release);
  return Status();
}

// Older segments may have been reclaimed: then the log begins with what its first commit says.
Status LaneCursor::FindBeginning() {
  const std::vector<uint64_t>& clean = replay_->options_.clean_ends;
  if (!clean.empty() && SegmentOf(clean[lane_]) < segment_id()) last_end_ = clean[lane_];
  RecordHeader header;
  const char* data = nullptr;
  const char* why = nullptr;
  Status status = reader_->Record(pos_, pos_ + kCommitRecordBytes, &header, &data, &why);
  if (!status.ok() || data == nullptr || TypeOf(header) != RecordType::kCommit) return status;
  const CommitPayload payload = LoadPayload<CommitPayload>(header, data);
  if (SegmentOf(payload.prev_end) < segment_id()) last_end_ = payload.prev_end;
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
  if (!clean.empty() && last_end_ == clean[lane_]) return End(false, pos_, "");
  if (valid && TypeOf(header) == RecordType::kCommit) {
    const CommitPayload payload = LoadPayload<CommitPayload>(header, data);
    if (payload.prev_end == last_end_) return EnterCommit(header, data);
    why = "commit does not follow the one before";
  }
  return Bad(pos_, why == nullptr ? "no commit begins here" : why);
}

Status LaneCursor::EnterCommit(const RecordHeader& header, const char* data) {
  const CommitPayload payload = LoadPayload<CommitPayload>(header, data);
  CAIRN_CHECK(payload.bytes >= kCommitRecordBytes);
  incarnation_ = header.incarnation;
  seen_incarnation_.store(incarnation_, std::memory_order_release);
  proven_ = std::max(proven_, payload.synced);
  commit_end_ = pos_ + payload.bytes;
  Passed(header, pos_);
  return Status();
}

// Moves past a record that counts.
void LaneCursor::Passed(const RecordHeader& header, uint64_t offset) {
  const uint64_t bytes = BytesOf(header);
  chain_ = Crc32cExtend(chain_, &header.crc, sizeof(header.crc));
  ++chain_records_;
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
  if (chain_whole_ && (payload.records != chain_records_ || payload.chain != chain_))
    return Status();
  bool zeros = false;
  uint64_t at = 0;
  Status status = reader_->Zeros(pos_ + kTrailerRecordBytes, pos_ + block(), &zeros, &at);
  if (!status.ok()) return status;
  *why = "padding of the trailer is not zero";
  if (!zeros) return Status();
  *why = nullptr;
  incarnation_ = header.incarnation;
  return NextSegment();
}

// The segment ends with a trailer.
Status LaneCursor::NextSegment() {
  if (!last_segment()) {
    OpenSegment(index_ + 1);
    return Status();
  }
  end_.active = nullptr;
  end_.end = last_end_;
  end_.proven = last_end_;
  end_.incarnation = incarnation_;
  const std::vector<uint64_t>& clean = replay_->options_.clean_ends;
  state_ = State::kEnded;
  progress_.store(UINT64_MAX, std::memory_order_release);
  if (!clean.empty() && clean[lane_] != last_end_) {
    return replay_->Damage(Where(pos_, "the log ends before the place where it was closed"));
  }
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

void LaneCursor::Apply(const RecordHeader& header, const char* data, uint64_t offset) {
  switch (TypeOf(header)) {
    case RecordType::kFlush:
      replay_->sink_->OnFlush(lane_, replay_->options_.lanes, header.ns);
      return;
    case RecordType::kSwap:
      replay_->sink_->OnSwap(LoadPayload<SwapPayload>(header, data));
      return;
    default:
      replay_->sink_->OnRecord(header, data, MakePointer(header, offset));
      return;
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
    return Status();
  }
  if (!replay_->options_.last_epoch) {
    return replay_->Damage(
        Where(pos_, "transaction without its parts in other lanes, in a sealed log"));
  }
  return End(true, pos_, "transaction without its parts in other lanes");
}

// ---- bad spots ----

Status LaneCursor::Bad(uint64_t offset, const std::string& why) {
  bool resumed = false;
  Status status = TryResume(&resumed);
  if (!status.ok() || resumed) return status;
  Beyond beyond;
  status = LookBeyond(&beyond);
  if (!status.ok()) return status;
  if (beyond.acknowledged) {
    status = replay_->Damage(Where(offset, why + "; " + beyond.proof));
    return status.ok() ? SkipDamage(beyond) : status;
  }
  bool cut = commit_end_ != 0 || beyond.commits;
  if (!cut) {
    status = Begun(&cut);
    if (!status.ok()) return status;
  }
  return End(cut, offset, why);
}

// Whether the block at pos_, which is no commit, looks as if one had been begun there. In a
// recycled segment it may hold anything, but hardly this segment's number where a record has it.
Status LaneCursor::Begun(bool* begun) {
  *begun = false;
  if (pos_ >= reader_->file_bytes()) return Status();
  if (segments_[index_].segment->recycled) {
    const char* data = nullptr;
    Status status = reader_->View(pos_, sizeof(RecordHeader), &data);
    if (status.ok() && data != nullptr) *begun = LoadHeader(data).segment_id == segment_id();
    return status;
  }
  bool zeros = false;
  uint64_t at = 0;
  const uint64_t end = std::min(pos_ + block(), reader_->file_bytes());
  Status status = reader_->Zeros(pos_, end, &zeros, &at);
  *begun = !zeros;
  return status;
}

// A later start of the server found this bad spot before, cut the log here and went on behind it:
// its first commit says so.
Status LaneCursor::TryResume(bool* resumed) {
  *resumed = false;
  if (SegmentOf(last_end_) == segment_id()) {
    Status status = ResumeAt(index_, AlignUp(OffsetOf(last_end_), block()), resumed);
    if (!status.ok() || *resumed) return status;
  }
  if (last_segment()) return Status();
  return ResumeAt(index_ + 1, segments_[index_ + 1].segment->block_bytes, resumed);
}

Status LaneCursor::ResumeAt(size_t index, uint64_t offset, bool* resumed) {
  SegmentReader probe(segments_[index].segment, segments_[index].bytes, kBlockBytesMax);
  RecordHeader header;
  const char* data = nullptr;
  const char* why = nullptr;
  Status status = probe.Record(offset, offset + kCommitRecordBytes, &header, &data, &why);
  if (!status.ok()) return status;
  if (data == nullptr || header.incarnation <= incarnation_) return Status();
  if (TypeOf(header) != RecordType::kCommit) return Status();
  if (LoadPayload<CommitPayload>(header, data).prev_end != last_end_) return Status();
  *resumed = true;
  if (index != index_) {
    OpenSegment(index);
  } else {
    pos_ = offset;
    commit_end_ = 0;
  }
  return Status();
}

Status LaneCursor::LookBeyond(Beyond* beyond) {
  if (!replay_->options_.last_epoch) {
    beyond->acknowledged = true;
    beyond->proof = "the log of an earlier epoch is sealed";
  }
  const std::vector<uint64_t>& clean = replay_->options_.clean_ends;
  if (!clean.empty() && clean[lane_] > last_end_) {
    beyond->acknowledged = true;
    beyond->proof = "the log was closed in order further on";
  }
  const uint64_t from =
      SegmentOf(last_end_) == segment_id() ? AlignUp(OffsetOf(last_end_) + 1, block()) : block();
  Status status = ScanCommits(index_, from, beyond);
  for (size_t i = index_ + 1; status.ok() && i < segments_.size(); ++i) {
    status = ScanCommits(i, segments_[i].segment->block_bytes, beyond);
  }
  return status;
}

// Looks for commits that prove that the log went on past the bad spot and was durable there.
Status LaneCursor::ScanCommits(size_t index, uint64_t from, Beyond* beyond) {
  const Segment* segment = segments_[index].segment;
  // A lane that has no log yet calls itself durable up to the first block of its first segment.
  const uint64_t known =
      last_end_ != 0 ? last_end_
                     : LogPosition(segments_[0].segment->id, segments_[0].segment->block_bytes);
  SegmentReader probe(segment, segments_[index].bytes, replay_->options_.window_bytes);
  for (uint64_t at = from; at + kCommitRecordBytes <= segments_[index].bytes;
       at += segment->block_bytes) {
    const char* block = nullptr;
    Status status = probe.View(at, sizeof(RecordHeader), &block);
    if (!status.ok()) return status;
    if (block == nullptr) break;
    if (TypeOf(LoadHeader(block)) != RecordType::kCommit) continue;
    RecordHeader header;
    const char* data = nullptr;
    const char* why = nullptr;
    status = probe.Record(at, at + kCommitRecordBytes, &header, &data, &why);
    if (!status.ok()) return status;
    if (data == nullptr || header.incarnation < incarnation_) continue;
    const CommitPayload payload = LoadPayload<CommitPayload>(header, data);
    if (!beyond->commits) {
      beyond->commits = true;
      beyond->first_commit = LogPosition(segment->id, at);
      beyond->first_prev_end = payload.prev_end;
    }
    // Padding and trailer are as durable as the last record before them.
    const bool behind_data = (commit_end_ != 0 && pos_ == commit_end_) || index != index_;
    const bool proof = behind_data ? payload.synced >= known : payload.synced > known;
    if (!proof) continue;
    if (!beyond->acknowledged) {
      beyond->acknowledged = true;
      beyond->proof = "the commit in " + segment->file->path() + " at offset " +
                      std::to_string(at) + " proves that it was written whole";
    }
    return Status();
  }
  return Status();
}

// Salvage: goes on with the next thing that can be read. Everything between is lost.
Status LaneCursor::SkipDamage(const Beyond& beyond) {
  chain_whole_ = false;
  if (commit_end_ != 0) {
    for (uint64_t at = pos_ + 8; at < commit_end_; at += 8) {
      RecordHeader header;
      const char* data = nullptr;
      const char* why = nullptr;
      Status status = reader_->Record(at, commit_end_, &header, &data, &why);
      if (!status.ok()) return status;
      if (data == nullptr || header.incarnation != incarnation_) continue;
      if ((header.type & kGroupMember) != 0) continue;  // its group is not whole
      pos_ = at;
      last_end_ = Here();
      return Status();
    }
    if (pos_ <= commit_end_ && AlignUp(commit_end_, block()) <= reader_->file_bytes()) {
      pos_ = commit_end_;
      last_end_ = Here();
      pos_ = AlignUp(pos_, block());
      commit_end_ = 0;
      return Status();
    }
  }
  if (beyond.commits) {
    for (size_t i = index_; i < segments_.size(); ++i) {
      if (segments_[i].segment->id != SegmentOf(beyond.first_commit)) continue;
      if (i != index_) OpenSegment(i);
      pos_ = OffsetOf(beyond.first_commit);
      commit_end_ = 0;
      chain_whole_ = false;
      last_end_ = beyond.first_prev_end;
      return Status();
    }
  }
  if (!last_segment()) {
    OpenSegment(index_ + 1);
    return Status();
  }
  return End(true, pos_, "");
}

Status LaneCursor::End(bool cut, uint64_t offset, const std::string& why) {
  if (cut && !why.empty()) {
    replay_->Torn({segments_[index_].segment->file->path(), offset, why});
  }
  state_ = State::kEnded;
  end_.active = segments_[index_].segment;
  end_.next = last_segment() ? nullptr : segments_[index_ + 1].segment;
  const bool begun = SegmentOf(last_end_) == segment_id();
  end_.tail = begun ? AlignUp(OffsetOf(last_end_), block()) : block();
  end_.end = last_end_;
  end_.proven = proven_;
  end_.cut = cut;
  end_.chain = chain_;
  end_.records = chain_records_;
  end_.incarnation = incarnation_;
  progress_.store(UINT64_MAX, std::memory_order_release);
  return Status();
}

}  // namespace cairn::vlog
