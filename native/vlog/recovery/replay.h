// Replay: reads the log of one epoch, lane by lane, verifies every byte of it, and hands the
// records that count to a sink. Recovery and `cairn check` share it. The rules are in
// docs/format.md, "How the log is read".
//
// Threads: lanes are spread over `threads` workers (fewer if the system refuses more); the sink is
// called from the worker of the lane. A lane that reaches its part of a transaction waits there
// until all other lanes have reached theirs, or one is seen not to have it.
#pragma once

#include <algorithm>
#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/status.h"
#include "engine/recovery_report.h"
#include "vlog/log/log_reader.h"

namespace cairn::vlog {

class ReplaySink {
 public:
  // Of a record further on, in a shard of the lane; nothing else about it has been verified.
  struct KeyAhead {
    uint16_t ns;
    uint16_t shard;  // of the key
    std::string_view key;
  };
  static constexpr size_t kKeysAheadMax = 16;

  virtual ~ReplaySink() = default;
  // What is likely to come next, so that the memory it leads to can be asked for all at once.
  virtual void OnAhead(std::span<const KeyAhead>) {}
  // kPut, kPutExpire, kDelete, kSetExpire.
  virtual void OnRecord(const RecordHeader& header, const char* record, const Pointer& pointer) = 0;
  virtual void OnFlush(uint32_t segment_id, uint32_t lane, uint32_t lanes, uint16_t tree) = 0;
  virtual void OnSwap(const SwapPayload& swap) = 0;  // once per lane
};

// Memory to read with, per lane; at most kWindowsBytesMax for all lanes, or kWindowBytesMin each.
inline constexpr uint64_t kWindowBytesMax = 1u << 20;
inline constexpr uint64_t kWindowBytesMin = 64u << 10;
inline constexpr uint64_t kWindowsBytesMax = 64u << 20;
// With more lanes nothing is read ahead, which takes twice the memory.
inline constexpr uint32_t kAheadLanesMax = 16;
inline constexpr uint64_t WindowBytes(uint32_t lanes) {
  return std::clamp(kWindowsBytesMax / lanes, kWindowBytesMin, kWindowBytesMax);
}

struct ReplayOptions {
  bool salvage = false;    // go on past damage
  bool last_epoch = true;  // else every lane must end with a trailer
  uint32_t threads = 1;
  uint32_t lanes = 1;
  uint64_t window_bytes = kWindowBytesMax;
  std::vector<uint64_t> clean_ends;  // per lane, empty: not closed in order
  // Per lane: all before this position is known from elsewhere (a checkpoint) and is not read.
  // Empty: everything is read. Segments that lie before it are not added.
  std::vector<uint64_t> from;
  // Per lane: number of its next unit, at least. Empty: not known.
  std::vector<uint64_t> units;
  // Of the start that said so: what was committed behind those positions is not older.
  uint32_t from_incarnation = 0;
  Disk* ahead = nullptr;  // whose queues read ahead of what is worked on; null: nothing does
  const std::atomic<bool>* stop = nullptr;  // Run gives up with kBusy soon after it turns true
  // For tests: called by a worker between finding nothing to do and saying so.
  std::function<void(uint32_t worker)> on_idle;
};

// Windows of all lanes together within their bound; and reading ahead, if the lanes are few.
inline void ReadWith(Disk* disk, ReplayOptions* options) {
  options->window_bytes = WindowBytes(options->lanes);
  if (options->lanes <= kAheadLanesMax) options->ahead = disk;
}

// A segment of survivors that ends without a trailer: a crash came while it was written.
struct LooseEnd {
  Segment* segment = nullptr;
  uint64_t tail = 0;    // first free block
  uint64_t end = 0;     // position of the end of the last record; 0: there is none
  uint64_t proven = 0;  // what a later commit says was durable
  uint32_t chain = 0;
  uint64_t records = 0;
};

// Where a lane's log ends.
struct LaneEnd {
  Segment* active =
      nullptr;  // where writing goes on; null: the lane has no segment that could take more
  Segment* next = nullptr;  // empty one behind it
  uint64_t tail = 0;        // first free block of `active`
  uint64_t end = 0;         // position of the end of the last record; 0: none in this epoch
  uint64_t next_unit = 1;   // number of the unit behind it
  uint64_t proven = 0;      // what a later commit says was durable
  bool cut = false;         // bytes behind the end must never count: write a commit that says so
  uint32_t chain = 0;
  bool chain_whole = true;
  uint64_t records = 0;
  uint32_t incarnation = 0;  // highest seen
  std::vector<LooseEnd> loose;
};

class LaneCursor;

class Replay {
 public:
  Replay(const ReplayOptions& options, ReplaySink* sink);
  ~Replay();
  void AddSegment(uint32_t lane, Segment* segment, uint64_t file_bytes);
  Status Run();

  const LaneEnd& end(uint32_t lane) const;
  const std::vector<TornTail>& torn_tails() const { return torn_; }
  const std::vector<std::string>& damage() const { return damage_; }
  // Commits whose units have numbers that were taken, or that leave some out. What is read does not
  // depend on them.
  const std::vector<std::string>& misnumbered() const { return misnumbered_; }
  uint64_t records() const { return records_.load(); }
  uint64_t bytes() const { return bytes_.load(); }

 private:
  friend class LaneCursor;
  static constexpr size_t kMisnumberedMax = 16;
  enum class Fate : uint8_t {
    kWait,
    kWhole,
    kWholeOrCut /* a part's segment was reclaimed */,
    kDead
  };
  struct Parts {
    std::vector<uint64_t> positions;
    std::vector<uint32_t> arrived;  // lanes
    uint32_t taken = 0;             // lanes that were told it is whole
  };
  using TxnKey = std::pair<uint32_t, uint64_t>;  // incarnation, id

  void Work(uint32_t worker);
  void StepLanes(uint32_t worker, uint32_t stride);
  Fate Judge(uint32_t lane, const TxnKey& key, const std::vector<uint64_t>& positions);
  // Non-salvage: the error that stops everything. Salvage: noted, Ok.
  Status Damage(const std::string& where);
  void Torn(TornTail tail);
  void Misnumbered(const std::string& where);

  const ReplayOptions options_;
  ReplaySink* const sink_;
  std::vector<std::unique_ptr<LaneCursor>> cursors_;
  std::unordered_map<uint32_t, uint32_t> lane_of_segment_;
  std::atomic<uint64_t> records_{0};
  std::atomic<uint64_t> bytes_{0};
  std::atomic<bool> damaged_{false};

  std::mutex mutex_;  // guards what follows
  std::condition_variable changed_;
  uint64_t version_ = 0;
  uint32_t workers_ = 0;
  uint32_t working_ = 0;  // of them
  uint32_t idle_ = 0;     // workers that found nothing to do since version_ changed
  Status failure_;
  std::map<TxnKey, Parts> txns_;
  std::vector<TornTail> torn_;
  std::vector<std::string> damage_;
  std::vector<std::string> misnumbered_;  // the first kMisnumberedMax
};

}  // namespace cairn::vlog
