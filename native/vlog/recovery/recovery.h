// Recovery: what a start does with a directory before anything new is written to it: the newest
// good checkpoint and the log of all epochs become the index, and the ends of the lanes are made
// fit to go on from. The rules are in docs/format.md.
//
//   RemoveLeftovers, RemoveOldCheckpoints      files that a crash has left, and nothing knows
//   OpenSegments
//   Run       checkpoint --> log behind it --> index, live bytes of segments, ends of the lanes
//   ReadRetained, DropExpired                  only memory; until here nothing has been written
//   Secure    what Run has accepted becomes durable for good
//   SealLane  the log of a lane ends here
//
// It owns what only the way through a start needs: survivors without a trailer, checkpoints that
// are no good, segments that were never begun. What it fills is the caller's, which leaves that
// alone meanwhile.
//
// Threads: one, which starts workers of its own. Lives as long as a start takes.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <set>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "engine/recovery_report.h"
#include "io/disk.h"
#include "vlog/checkpoint/checkpoint_codec.h"
#include "vlog/index/shard_index.h"
#include "vlog/log/manifest.h"
#include "vlog/log/segment.h"
#include "vlog/recovery/replay.h"
#include "vlog/vlog_options.h"

namespace cairn::vlog {

class Recovery {
 public:
  static constexpr uint32_t kThreadsMax = 8;

  // Where all goes; all set. The manifest is the one of the directory.
  struct Target {
    Disk* disk = nullptr;
    const VlogOptions* options = nullptr;
    const Clock* clock = nullptr;  // of expiries
    uint32_t threads = 0;          // 0: from the cores
    Manifest* manifest = nullptr;
    SegmentTable* segments = nullptr;
    std::unique_ptr<ShardIndex[]>* shards = nullptr;
    std::atomic<uint16_t>* tree_of = nullptr;  // by namespace
    uint64_t* swap_sequence = nullptr;
    std::vector<CheckpointInfo>* retained = nullptr;
  };

  explicit Recovery(const Target& target) : to_(target) {}
  Recovery(const Recovery&) = delete;
  Recovery& operator=(const Recovery&) = delete;

  // Segments whose creation or removal was cut off: files that no manifest names. One that holds
  // commits is no such thing, but damage.
  Status RemoveLeftovers(std::vector<std::string>* damage);
  Status RemoveOldCheckpoints();
  // Those of the manifest. One that is damaged or missing is an error; with salvage it is told, and
  // one that is missing leaves the manifest.
  Status OpenSegments(std::vector<std::string>* damage);

  // From the newest checkpoint that is whole, or else from the log alone, if that is still enough.
  Status Run(RecoveryReport* report, std::vector<LaneEnd>* ends);
  // What the checkpoints that the manifest names cover. Those that are no good are given up for
  // good: what they name may be removed from now on.
  void ReadRetained();
  // Returns how many expired keys stay in the index, for the sweep.
  uint64_t DropExpired();
  // kBusy when whoever opens the engine wants that to end early.
  Status Stopped() const;

  // After a crash: makes durable for good what Run has accepted, and marks where it has cut.
  // incarnation: of this start, as the manifest on disk says.
  Status Secure(std::vector<LaneEnd>* ends, bool was_clean, uint32_t incarnation);
  // Ends the log of a lane with a trailer; what was to come behind it is not needed.
  Status SealLane(LaneEnd* end);
  // Segments that were never begun, and are not needed. They may go when all lanes are cut.
  const std::set<uint32_t>& surplus() const { return surplus_; }
  // Segments keep their block for life; what is written must be whole blocks of the device.
  static uint64_t DeviceBlock(const Segment& segment);

 private:
  class IndexSink;
  class LoadingSink;

  Status ReplayFrom(uint32_t checkpoint_id, RecoveryReport* report, std::vector<LaneEnd>* ends,
                    bool* usable);
  Status ReplayEpochs(const CheckpointInfo* known, IndexSink* sink, RecoveryReport* report,
                      std::vector<LaneEnd>* ends);
  Status ReplayEpoch(uint32_t epoch, const CheckpointInfo* known, IndexSink* sink,
                     RecoveryReport* report, std::vector<LaneEnd>* ends);
  void DropDangling(IndexSink* sink, RecoveryReport* report);
  void ForgetIndex();
  uint32_t ThreadCount() const;
  void Retire(const Pointer& old);

  // recovery_ends.cc
  Status RewriteTail(const LaneEnd& end, uint32_t lane);
  Status RewriteRange(Segment* segment, uint64_t from, uint64_t to);
  Status WritePart(Segment* segment, uint64_t from, const char* data, uint64_t bytes);
  Status SealLoose(const LooseEnd& loose);
  Status AppendBlocks(LaneEnd* end, bool commit, bool trailer);
  static bool Outdated(const Segment& segment);

  const Target to_;
  uint32_t incarnation_ = 0;  // from Secure on
  std::mutex swap_mutex_;     // of the workers, for tree_of and swap_sequence
  std::vector<LooseEnd> loose_;
  std::vector<uint32_t> unusable_;  // checkpoints
  std::set<uint32_t> surplus_;
};

}  // namespace cairn::vlog
