// LaneCursor: reads one lane's log in order; see replay.h. Internal to replay. One thread at a
// time, except progress().
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "vlog/recovery/replay.h"

namespace cairn::vlog {

class LaneCursor {
 public:
  enum class State : uint8_t { kRunning, kBlocked, kEnded };
  static constexpr uint32_t kRecordsPerStep = 4096;

  LaneCursor(Replay* replay, uint32_t lane) : replay_(replay), lane_(lane) {}
  void AddSegment(Segment* segment, uint64_t file_bytes) {
    segments_.push_back({segment, file_bytes});
  }
  void Sort();  // after the last AddSegment
  // What lies before is not read.
  uint64_t from() const {
    return replay_->options_.from.empty() ? 0 : replay_->options_.from[lane_];
  }

  // In the thread that steps it, before and after. `ahead`: its queue, to read ahead with, or null.
  void BeginReading(IoQueue* ahead) { queue_ = ahead; }
  void EndReading() {
    reader_.reset();
    queue_ = nullptr;
  }
  // Goes on for a while. *progressed: something changed since the last call.
  Status Step(bool* progressed);
  State state() const { return state_; }
  // Everything before this position has been decided; UINT64_MAX at the end.
  uint64_t progress() const { return progress_.load(std::memory_order_acquire); }
  // No record of an older start of the server is yet to come.
  uint32_t incarnation() const { return seen_incarnation_.load(std::memory_order_acquire); }
  const LaneEnd& end() const { return end_; }

 private:
  struct File {
    Segment* segment;
    uint64_t bytes;
  };
  // What lies beyond a bad spot.
  struct Beyond {
    bool acknowledged = false;  // proof that the bad spot was durable
    std::string proof;
    bool commits = false;       // commits that do not count any more
    uint64_t first_commit = 0;  // position of the first valid one, for salvage
    uint64_t first_prev_end = 0;
  };

  // What a lane's own log is up to; survivors are read in between and have a chain of their own.
  struct Chain {
    uint64_t last_end = 0;  // position of the end of the last record that counts
    uint32_t incarnation = 0;
  };
  // Salvage: where the log goes on, in a segment further on.
  struct Jump {
    uint32_t segment_id = 0;
    uint64_t offset = 0;
    uint64_t prev_end = 0;
  };

  size_t NextLog() const;  // index of the next segment of the log; segments_.size(): none
  bool in_survivors() const { return segments_[index_].segment->survivors(); }
  bool Listed(uint32_t segment_id) const;
  uint32_t segment_id() const { return segments_[index_].segment->id; }
  uint64_t block() const { return segments_[index_].segment->block_bytes; }
  uint64_t Here() const { return LogPosition(segment_id(), pos_); }
  std::string Where(uint64_t offset, const std::string& what) const;
  uint64_t NextUnit() const {
    const std::vector<uint64_t>& least = replay_->options_.units;
    return least.empty() ? next_unit_ : std::max(next_unit_, least[lane_]);
  }

  void OpenSegment(size_t index);
  Status OpenNext();
  Status FindBeginning();
  Status Boundary();
  Status EnterCommit(const RecordHeader& header, const char* data);
  void Number(const CommitPayload& payload);
  Status TakeTrailer(const RecordHeader& header, const char* data, const char** why);
  Status InCommit();
  void LookAhead();
  Status TakeGroup(const RecordHeader& header, const char* data);
  Status ResolveGroup();
  Status ApplyGroup();
  void Apply(const RecordHeader& header, const char* data, uint64_t offset);
  void Passed(const RecordHeader& header, uint64_t offset);
  Status Bad(uint64_t offset, const std::string& why);
  Status BadSurvivors(uint64_t offset, const std::string& why);
  Status EndSurvivors();
  Status Begun(bool* begun);
  Status BadGroupFate();
  Status TryResume(bool* resumed);
  Status ResumeAt(size_t index, uint64_t offset, bool* resumed);
  Status LookBeyond(Beyond* beyond);
  Status ScanCommits(size_t index, uint64_t from, Beyond* beyond);
  Status SkipDamage(const Beyond& beyond);
  Status NextSegment();
  Status End(bool cut, uint64_t offset, const std::string& why);
  Status Finish();

  Replay* const replay_;
  const uint32_t lane_;
  std::vector<File> segments_;
  State state_ = State::kRunning;
  bool started_ = false;
  size_t index_ = 0;
  IoQueue* queue_ = nullptr;  // its worker's, to read ahead
  std::unique_ptr<SegmentReader> reader_;
  uint64_t pos_ = 0;         // next byte to look at
  uint64_t looked_to_ = 0;   // the sink knows the keys before
  uint64_t commit_end_ = 0;  // 0: at a commit boundary
  uint32_t incarnation_ = 0;
  uint64_t last_end_ = 0;  // position of the end of the last record that counts
  // Of the log: number of its next unit; at least, if units_known_ is false. Counted if the commit
  // that is being read has numbers.
  uint64_t next_unit_ = 1;
  bool units_known_ = false;
  bool numbered_ = false;
  uint32_t units_incarnation_ = 0;  // of the commit that said so
  uint32_t chain_ = 0;
  uint64_t chain_records_ = 0;
  bool chain_whole_ = true;  // nothing was skipped in this segment
  uint64_t proven_ = 0;
  Chain log_;  // of the log, while survivors are read
  uint64_t survivors_proven_ = 0;
  bool log_ended_ = false;
  Jump jump_;
  uint64_t group_bytes_ = 0;  // of the blocked group, its record included
  Replay::TxnKey group_key_;
  std::vector<uint64_t> group_parts_;
  LaneEnd end_;
  std::atomic<uint64_t> progress_{0};
  std::atomic<uint32_t> seen_incarnation_{0};
};

}  // namespace cairn::vlog
