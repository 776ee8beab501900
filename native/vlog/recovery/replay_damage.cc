// LaneCursor where a log does not go on as it should: what a crash has torn, what an earlier start
// has cut, and what is damaged. The rules are in docs/format.md, "Bad spots".
#include <algorithm>

#include "vlog/recovery/replay_cursor.h"

namespace cairn::vlog {

// ---- bad spots ----

Status LaneCursor::Bad(uint64_t offset, const std::string& why) {
  if (in_survivors()) return BadSurvivors(offset, why);
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

// Where survivors end, nothing is missing if it was the crash that ended them: what they were
// copied from is removed only when they are durable, and then the manifest says how far that was.
Status LaneCursor::BadSurvivors(uint64_t offset, const std::string& why) {
  const Segment* segment = segments_[index_].segment;
  const uint64_t from =
      SegmentOf(last_end_) == segment_id() ? AlignUp(OffsetOf(last_end_) + 1, block()) : block();
  // An earlier recovery ended them here.
  const uint64_t tail =
      SegmentOf(last_end_) == segment_id() ? AlignUp(OffsetOf(last_end_), block()) : block();
  if (commit_end_ != 0 || pos_ != tail) {
    SegmentReader probe(segment, segments_[index_].bytes, kBlockBytesMax);
    RecordHeader header;
    const char* data = nullptr;
    const char* reason = nullptr;
    Status found = probe.Record(tail, tail + kTrailerRecordBytes, &header, &data, &reason);
    if (!found.ok()) return found;
    if (data != nullptr && TypeOf(header) == RecordType::kTrailer) {
      pos_ = tail;
      commit_end_ = 0;
      return Status();
    }
  }
  Beyond beyond;
  Status status = ScanCommits(index_, from, &beyond);
  if (!status.ok()) return status;
  if (segment->proven.load(std::memory_order_relaxed) > pos_) {
    beyond.acknowledged = true;
    beyond.proof = "the manifest says that it was written whole";
  }
  if (!beyond.acknowledged) return EndSurvivors();
  status = replay_->Damage(Where(offset, why + "; " + beyond.proof));
  return status.ok() ? SkipDamage(beyond) : status;
}

Status LaneCursor::EndSurvivors() {
  LooseEnd loose;
  loose.segment = segments_[index_].segment;
  loose.tail =
      SegmentOf(last_end_) == segment_id() ? AlignUp(OffsetOf(last_end_), block()) : block();
  loose.end = last_end_;
  loose.proven = survivors_proven_;
  loose.chain = chain_;
  loose.records = chain_records_;
  end_.loose.push_back(loose);
  return OpenNext();
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
  const size_t next = NextLog();
  if (next == segments_.size()) return Status();
  return ResumeAt(next, segments_[next].segment->block_bytes, resumed);
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
  if (LoadCommit(header, data).prev_end != last_end_) return Status();
  *resumed = true;
  if (index != index_) return OpenNext();
  pos_ = offset;
  commit_end_ = 0;
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
    if (segments_[i].segment->survivors()) continue;
    status = ScanCommits(i, segments_[i].segment->block_bytes, beyond);
  }
  return status;
}

// Looks for commits that prove that the log went on past the bad spot and was durable there.
Status LaneCursor::ScanCommits(size_t index, uint64_t from, Beyond* beyond) {
  const Segment* segment = segments_[index].segment;
  // A lane that has no log yet calls itself durable up to the first block of its first segment, and
  // so do survivors.
  const Segment* first = segments_[index_].segment;
  for (const File& file : segments_) {
    if (in_survivors() || file.segment->survivors()) continue;
    first = file.segment;
    break;
  }
  const uint32_t oldest =
      in_survivors() ? incarnation_ : std::max(incarnation_, replay_->options_.from_incarnation);
  const uint64_t known = last_end_ != 0 ? last_end_ : LogPosition(first->id, first->block_bytes);
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
    if (data == nullptr || header.incarnation < oldest) continue;
    const CommitPayload payload = LoadCommit(header, data);
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
  // Of the units that are lost at least the numbers are not given away again.
  next_unit_ += (std::max(pos_, commit_end_) - pos_) / sizeof(RecordHeader);
  units_known_ = false;
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
      if (i != index_) {
        jump_ = {SegmentOf(beyond.first_commit), OffsetOf(beyond.first_commit),
                 beyond.first_prev_end};
        return OpenNext();
      }
      pos_ = OffsetOf(beyond.first_commit);
      commit_end_ = 0;
      chain_whole_ = false;
      last_end_ = beyond.first_prev_end;
      return Status();
    }
  }
  if (in_survivors()) return EndSurvivors();
  if (NextLog() < segments_.size()) return OpenNext();
  return End(true, pos_, "");
}

Status LaneCursor::End(bool cut, uint64_t offset, const std::string& why) {
  if (cut && !why.empty()) {
    replay_->Torn({segments_[index_].segment->file->path(), offset, why});
  }
  log_ended_ = true;
  end_.active = segments_[index_].segment;
  end_.next = NextLog() < segments_.size() ? segments_[NextLog()].segment : nullptr;
  const bool begun = SegmentOf(last_end_) == segment_id();
  end_.tail = begun ? AlignUp(OffsetOf(last_end_), block()) : block();
  end_.end = last_end_;
  end_.next_unit = NextUnit();
  end_.proven = proven_;
  end_.cut = cut;
  end_.chain = chain_;
  end_.chain_whole = chain_whole_;
  end_.records = chain_records_;
  end_.incarnation = incarnation_;
  progress_.store(UINT64_MAX, std::memory_order_release);
  return OpenNext();
}

}  // namespace cairn::vlog
