// Checkpointer: decides when a checkpoint of the index is due, and writes one while everything goes
// on. It owns the thread that does so, who has asked for one, and what became of it.
//
//   due, or asked for --> Begin --> walk the index --> durable --> verify --> Name in the manifest
//                           |                                                   |
//                      positions of the lanes                   older checkpoints go
//
// A checkpoint is a fuzzy picture. It begins with a position C per lane, the end of a commit, and
// then walks the index, a few keys per hold of a latch. So it contains the effect of every record
// before C, and of some behind it; replay from C on brings it to what the log says, for what a
// record does to a key does not depend on what was there before. Survivors are told the same way:
// those in segments that were ended before the walk began are known to the checkpoint, all others
// are read again. It counts only when all that it may have seen is durable.
//
// Invariant: at most one checkpoint is being written. Until the manifest may name its file, that is
// removed if anything fails.
//
// Threads: Request, Stats and SkipFinal from any, at any time. Open, Start, Stop, WriteFinal and
// Close one after the other. Service instead of the thread, from one thread at a time.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/status.h"
#include "base/threads.h"
#include "engine/stats.h"
#include "vlog/checkpoint/checkpoint_codec.h"
#include "vlog/checkpoint/checkpoint_file.h"
#include "vlog/space/segment_space.h"

namespace cairn::vlog {

struct LogAmount {
  uint64_t bytes = 0;
  uint64_t records = 0;
};

// What a checkpoint is a picture of. All of it is called by whoever writes the checkpoint; Begin is
// always followed by End, with one Name between them at most.
class CheckpointHost {
 public:
  // --- when ---
  virtual uint64_t Keys() const = 0;  // in the index, with pages, about
  virtual LogAmount LogSoFar() const = 0;
  virtual bool AnyLaneStopped() const = 0;
  // What garbage collection carries along until checkpoints make it superfluous, and what lives.
  struct Removals {
    uint64_t bytes = 0;
    uint64_t live_bytes = 0;
  };
  virtual Removals RemovalsKept() = 0;
  // Whether a checkpoint of this moment would say nothing that the newest one does not; with nobody
  // writing.
  virtual bool NewestIsOfNow() = 0;

  // --- what ---
  // Keeps batches of garbage collection out, ends the segments of survivors, and says where the
  // checkpoint begins. From here on what it is going to know stays needed. Returns the log up to
  // there.
  virtual LogAmount Begin(CheckpointInfo* info) = 0;
  virtual std::vector<uint16_t> TreesOf(uint16_t shard) = 0;
  // Hands the next few keys over, from *from on. True: there are more, from *from on.
  virtual bool Walk(uint16_t shard, uint16_t tree, std::string* from, CheckpointWriter* out) = 0;
  virtual void LookAtTrees(uint64_t* swap_sequence, std::vector<TreeEntry>* trees) = 0;
  // By lane: up to there the checkpoint may have seen the log.
  virtual std::vector<uint64_t> StagedEnds() const = 0;
  // Whether the lanes are durable so far; asks them to be. *status: they will not be.
  virtual bool Durable(const std::vector<uint64_t>& ends, Status* status) = 0;
  // Makes it the newest one of the manifest. *old: those that this names no more.
  virtual Status Name(const CheckpointInfo& info, std::vector<uint32_t>* old) = 0;
  virtual void End() = 0;

  // --- around ---
  virtual void IsolateThread() = 0;  // sets the calling one apart
  virtual void WakeMaintenance() = 0;
  virtual void Notice(const std::string& text) = 0;

 protected:
  ~CheckpointHost() = default;
};

class Checkpointer {
 public:
  struct Config {
    std::string dir;
    Disk* disk = nullptr;
    SegmentSpace* space = nullptr;
    const Clock* clock = nullptr;
    uint64_t bytes_per_second = 0;
    bool by_itself = true;    // else only those that are asked for
    bool has_thread = true;   // else Service does it
    LogAmount replayed = {};  // what the start had to read behind the newest one
  };

  explicit Checkpointer(CheckpointHost* host) : host_(*host) {}
  Checkpointer(const Checkpointer&) = delete;
  Checkpointer& operator=(const Checkpointer&) = delete;

  void Open(const Config& config, const CheckpointInfo* newest);  // null: there is none
  bool Start();  // false: the system refuses another thread
  void Stop();   // breaks one off that is being written
  // At the end, with everything written: what the next start would have to read otherwise.
  Status WriteFinal();
  void SkipFinal() { skip_final_.store(true); }
  void Close();

  uint64_t Request();  // returns the number that Stats().done reaches with it
  SaveStats Stats() const;
  void Service();  // a step

 private:
  void Loop();
  void BeginOne();
  void EndOne(const Status& status);
  bool Wanted();
  bool Due();
  static uint64_t ReplayMs(const LogAmount& log);  // what a start takes to read so much, roughly
  uint64_t GrowthMs(const LogAmount& now, uint64_t now_ms, uint64_t bytes);
  Status Write(bool paced);
  Status WalkTree(uint16_t shard, uint16_t tree, bool paced);
  Status WriteWalked(bool paced);
  Status Pace(uint64_t bytes);
  Status Publish(bool paced);

  CheckpointHost& host_;
  Config config_;  // set by Open, constant until Close
  Threads thread_;
  mutable std::mutex mutex_;  // for wake_, requested_, serving_, started_ms_, stats_
  std::condition_variable wake_;
  std::atomic<bool> stop_{false};
  std::atomic<bool> skip_final_{false};
  uint64_t requested_ = 0;
  uint64_t serving_ = 0;
  uint64_t started_ms_ = 0;
  SaveStats stats_;

  // Of who writes: the thread, or who calls Service or WriteFinal.
  std::unique_ptr<CheckpointWriter> writer_;
  CheckpointInfo info_;
  std::vector<uint64_t> staged_ends_;  // that must be durable
  bool named_ = false;                 // the manifest may name it
  bool pending_ = false;               // Service: written, waits to be durable
  LogAmount next_at_;                  // when the one being written began,
  LogAmount at_;                       // and the newest one
  LogAmount replayed_;                 // behind that, by the start
  // When it was last asked whether one is due.
  LogAmount seen_;
  uint64_t seen_ms_ = 0;
  uint64_t took_ms_ = 0;  // the last one that was written
  uint64_t ended_ms_ = 0;
  uint64_t retry_ms_ = 0;
  uint64_t retry_pause_ms_ = 0;
};

}  // namespace cairn::vlog
