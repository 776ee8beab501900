// VlogEngine: keys in RAM (one Art per shard and namespace), values where they were laid in the
// log. Implements engine/engine.h; the contract there is the contract here.
//
//   Apply -> Lane (log position, bytes) -> index -> cache          Find -> cache | staged bytes |
//   Fetch from a segment
//
// Namespaces and trees. A record names the tree it belongs to; the map from namespaces to trees is
// what SWAPDB changes, so no record ever needs to be renamed. Beside each tree of keys stands one
// of pages (engine/keyed_spaces.h, index/tree_number.h); to logs, checkpoints and garbage
// collection it is a tree like any other.
//
// Threads: index and cache of a shard under the shard's latch (the caller's, by contract); lanes by
// their own latches; the manifest by the catalog's mutex; the maintenance thread does everything
// that blocks. Order of latches: shard, then lanes in ascending order; the cache only ever tries a
// second shard's latch.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
#include <set>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/threads.h"
#include "cache/value_cache.h"
#include "engine/engine.h"
#include "engine/keyed_spaces.h"
#include "vlog/checkpoint/checkpoint_file.h"
#include "vlog/checkpoint/checkpointer.h"
#include "vlog/checkpoint/retained_checkpoints.h"
#include "vlog/gc/garbage_collector.h"
#include "vlog/gc/gc_host.h"
#include "vlog/gc/reclaimer.h"
#include "vlog/index/shard_index.h"
#include "vlog/log/fetch.h"
#include "vlog/log/lane.h"
#include "vlog/log/manifest.h"
#include "vlog/log/read_window.h"
#include "vlog/log/segment.h"
#include "vlog/log/unit_image.h"
#include "vlog/recovery/recovery.h"
#include "vlog/recovery/replay.h"
#include "vlog/space/catalog.h"
#include "vlog/space/segment_space.h"
#include "vlog/vlog.h"
#include "vlog/vlog_options.h"
#include "vlog/vlog_stats.h"

namespace cairn {

using vlog::GcPoint;

// What tests change; the server leaves it alone.
struct VlogTuning {
  bool inline_maintenance =
      false;  // no thread: Tick of reactor 0 does the maintenance, so that runs are reproducible
  uint32_t recovery_threads = 0;           // 0: from the cores
  uint64_t allocate_step = 0;              // 0: from the segment size
  uint64_t segment_bytes_min = 64u << 20;  // of a lane in which little lives
  uint32_t gc_segments_let_be = 4;         // as many bytes as those may be dead while writes go on
  uint64_t reserve_bytes = 0;              // 0: from the segment size
  uint64_t prepare_bytes = vlog::Lane::kPrepareBytesMax;
  uint64_t prepare_gap = 256u << 10;
  uint64_t idle_room_bytes = 4u << 20;  // what a lane keeps that nobody writes to
  uint64_t overlap_bytes = 0;           // 0: the lane's default
  uint32_t read_window = 0;  // 0: found by trying; runs that are to be reproducible have a few
  bool reclaim = true;
  bool gc = true;
  uint64_t expired_for_ms = 5000;      // keys that expired longer ago are dropped by garbage
                                       // collection: the sweep has had the time to remove them
  const Clock* clock = &kSystemClock;  // of expiries and of commit delays; outlives the engine
  bool checkpoints = true;  // by themselves and at the end; those asked for are written anyway
  void (*gc_hook)(void* context, GcPoint point) = nullptr;
  void* gc_context = nullptr;
  uint64_t free_bytes_min = kGcFreeBytesMin;
  uint32_t salt = 0;                // of all segments; 0: random ones
  void (*after_stage)() = nullptr;  // called between a record's staging and its entry in the index
  uint64_t space_numbers = KeyedSpaces::kNumbersAside;  // set aside at a time
  uint32_t pages_per_slice = KeyedSpaces::kPagesPerSlice;
};

class VlogEngine final : public Engine {
 public:
  static constexpr size_t kNoticesMax = 64;              // that wait to be logged
  static constexpr uint64_t kUnitBytesMax = 4ull << 30;  // of one atomic unit in one lane
  static constexpr uint64_t kMaintenanceMs = 1000;

  explicit VlogEngine(const VlogTuning& tuning = VlogTuning());
  ~VlogEngine() override;

  Result<RecoveryReport> Open(const EngineOptions& options, Disk* disk,
                              DurabilityListener* listener) override;
  Result<RecoveryReport> Open(const VlogOptions& options, Disk* disk, DurabilityListener* listener);
  void AttachReactor(uint32_t reactor, IoQueue* queue, CompletionPort* port) override;
  void DetachReactor(uint32_t reactor) override;
  Status Close() override;
  void AbandonForTest();  // as if the process had died; all reactors detached
  // Counts again what is live in each segment, and whether the cache keeps to its budget. Empty:
  // all is as it should be. No other thread may be at work.
  std::string CheckAccountsForTest();

  // A lane is a stream.
  uint32_t lane_count() const { return static_cast<uint32_t>(lanes_.size()); }
  uint32_t LaneOf(uint32_t shard) const { return shard % static_cast<uint32_t>(lanes_.size()); }
  uint64_t DurablePosition(uint32_t lane) const { return lanes_[lane]->durable(); }
  uint32_t streams() const override { return lane_count(); }
  bool Durable(const Ticket& ticket) const override {
    return lanes_[ticket.stream]->durable() >= ticket.position;
  }
  Ticket LatestTicket(uint32_t stream) const override {
    return {stream, lanes_[stream]->staged_end()};
  }
  StreamState State(uint32_t stream, std::string* reason = nullptr) const override;
  bool Stopped(uint32_t stream, std::string* reason = nullptr) const override;
  void RequestSync(uint32_t reactor) override;

  void Find(uint16_t ns, uint16_t shard, std::string_view key, bool want_value,
            Entry* entry) override;
  Owner Pin(uint16_t ns, uint16_t shard, std::string_view key, const Entry& entry) override;
  void Prefetch(uint16_t ns, std::span<const KeyHint> keys) override;
  void Fetch(uint32_t reactor, uint16_t ns, uint16_t shard, std::string_view key,
             FetchRequest* request) override;
  // A part is a shard.
  uint32_t parts() const override { return kShardCount; }
  uint32_t PartOf(uint16_t shard) const override { return shard; }
  void ReadRange(uint32_t reactor, RangeRequest* request) override;
  void RandomKey(uint32_t reactor, uint64_t random, RangeRequest* request) override;
  uint64_t KeyCount(uint16_t ns) const override;
  uint64_t ExpiringCount(uint16_t ns) const override;
  uint64_t MeanTtlMillis(uint16_t ns, uint64_t now_ms) const override;
  bool SweepExpired(uint16_t ns, uint16_t shard, uint64_t now_ms, size_t* visits,
                    KeyVisitor* visitor) override;

  Status Apply(uint32_t reactor, std::span<const WriteOp> ops, Ticket* tickets,
               uint32_t* ticket_count, PreparedUnit* prepared = nullptr) override;
  std::unique_ptr<PreparedUnit> Prepare(uint32_t reactor, std::span<const WriteOp> ops) override;
  void TurnEnd(uint32_t reactor) override;
  void Tick(uint32_t reactor, uint64_t monotonic_ms) override;
  SpaceStore* spaces() override { return &spaces_; }

  uint64_t RequestSave() override;
  void SkipFinalSave() override { checkpointer_.SkipFinal(); }
  SaveStats Saves() const override;
  Status SetOption(std::string_view name, std::string_view value) override;
  // gc status, gc pause, gc resume, gc mode <lane> <mode>.
  Status Command(std::span<const std::string_view> words, std::string* reply) override;
  uint64_t FilesAhead() const override;
  void PauseGc(bool pause);
  void SetGcMode(uint32_t lane, GcMode mode);  // of one lane
  std::vector<std::string> TakeNotices() override;
  void Stats(EngineStats* out) const override;
  void Stats(VlogStats* out) const;
  void Figures(const FigureInput& input, FigureList* list) const override;
  void Look(const FigureInput& input, EngineStats* stats, FigureList* list) const override;
  void ResetFigures() override;
  uint64_t EntryMemoryBytes(uint16_t ns, uint16_t shard, std::string_view key) override;

 private:
  class CheckpointSource;
  class GcSource;
  struct Part {  // of a transaction, in one lane
    uint64_t bytes = 0;
    uint32_t records = 0;
    bool frees = true;  // only removes
    vlog::Placement place;
    uint64_t at = 0;  // of the next record, from place.data
  };
  struct alignas(64) Reactor {
    std::atomic<IoQueue*> queue{nullptr};  // set by the reactor; Stats looks at it from elsewhere
    vlog::FetchPool* pool = nullptr;
    std::vector<uint32_t> dirty;    // lanes to look at when the turn ends
    std::vector<uint8_t> is_dirty;  // by lane
    std::vector<Part> parts;        // by lane; only those in `touched` are in use
    std::vector<uint32_t> touched;
    // Segment of a record that is staged but not in the index yet; 0: none. Set while the lane's
    // latch, or the place's filler, keeps the segment from being sealed.
    std::atomic<uint32_t> staged_in{0};
    std::atomic<uint64_t> records{0};     // applied; written by the reactor only, like all here
    std::atomic<uint64_t> user_bytes{0};  // of their keys and values
    vlog::ReadWindow read_window;
    uint32_t reads_at_disk = 0;
    uint32_t reads_unflushed = 0;
    std::deque<vlog::FetchOp*> waiting_reads;
    std::atomic<uint64_t> disk_reads{0};  // begun, or waiting for their turn
    std::atomic<uint64_t> disk_read_bytes{0};
    std::atomic<uint64_t> disk_reads_done{0};
    std::atomic<uint64_t> disk_read_nanos{0};
    std::atomic<uint64_t> read_nanos[Log2Histogram::kBuckets] = {};
  };
  struct alignas(16) TreeCount {
    std::atomic<uint64_t> keys{0};
    std::atomic<uint64_t> expiring{0};
  };
  // What operators have set while the engine was open.
  struct Settings {
    VlogOptions options;                    // as they are now
    std::map<uint32_t, GcMode> lane_modes;  // of lanes that differ; also over Close and Open
  };

  // vlog_pages.cc
  Status SetNumbersAside();
  uint64_t HighestSpaceNumber() const;
  void FindMarks();
  uint64_t PageCount() const;

  // vlog_open.cc
  Status Configure(const VlogOptions& options);
  void Remark(const std::string& isolation, RecoveryReport* report) const;
  Status OpenDirectory(RecoveryReport* report);
  void CountKeys(RecoveryReport* report);
  void Reset();

  // vlog_start.cc
  Status BeginIncarnation(const std::vector<vlog::LaneEnd>& ends);
  Status NoFirstSegment(const Status& status, uint64_t bytes, const Result<uint64_t>& free) const;
  bool GiveUpRoom(const vlog::LaneEnd& end, uint64_t bytes);
  void RemoveSurplus(const std::set<uint32_t>& surplus);
  Status StartLanes(vlog::Recovery* recovery, std::vector<vlog::LaneEnd>* ends);

  // vlog_write.cc
  Status ApplyOne(uint32_t reactor, const WriteOp& op, Ticket* ticket);
  Status ApplyMany(uint32_t reactor, std::span<const WriteOp> ops, const vlog::UnitImage* image,
                   Ticket* tickets, uint32_t* ticket_count);
  Code PlanParts(Reactor& me, std::span<const WriteOp> ops);
  Code PlaceParts(Reactor& me, const vlog::UnitImage* image, uint32_t* refusing_lane);
  void WriteParts(Reactor& me, std::span<const WriteOp> ops, const vlog::UnitImage* image);
  void WriteEverywhere(Reactor& me, const WriteOp& op, bool grouped);
  vlog::RecordHeader HeaderOf(const WriteOp& op, const vlog::Placement& place) const;
  vlog::EntryRef Look(const WriteOp& op);
  void Index(const WriteOp& op, uint16_t tree, const vlog::RecordHeader& header, uint64_t offset,
             const vlog::EntryRef& old);
  void IndexLarge(const WriteOp& op, const vlog::RecordHeader& header, const Part& part,
                  const char* record, uint64_t offset);
  // shared: where the record may stay. admit: it may enter the cache at all.
  void IndexPut(const WriteOp& op, uint16_t tree, const vlog::RecordHeader& header,
                const vlog::Pointer& pointer, const vlog::EntryRef& found,
                const ValueCache::SharedRecord* shared = nullptr, bool admit = true);
  void DropEntry(uint16_t tree_number, uint16_t shard, std::string_view key);
  void IndexExpire(const WriteOp& op, uint16_t tree);
  void FlushShard(uint16_t shard, uint16_t tree);
  void DropTree(uint16_t shard, uint16_t number, vlog::Art* tree);
  void SwapTrees(uint16_t a, uint16_t b, uint64_t sequence);
  void Account(const vlog::Pointer& added, const vlog::Pointer* old);
  void Retire(const vlog::Pointer& old);
  void CountRemoval(const vlog::RecordHeader& header);
  static void Count(Reactor& me, uint64_t records, uint64_t user_bytes);
  void MarkDirty(Reactor& me, uint32_t lane);
  void ShrinkCache(uint32_t held_shard);
  void OnEvict(std::span<const ValueCache::Victim> victims);

  // vlog_prefetch.cc
  void PrefetchGroup(uint16_t tree, std::span<const KeyHint> keys);

  // vlog_fetch.cc
  static void ReadDone(IoRequest* request, int64_t result);
  void OnRead(vlog::FetchOp* op, int64_t result);
  void StartRead(Reactor* me, vlog::FetchOp* op, uint64_t now_ns);
  void NextReads(Reactor* me, uint64_t now_ns);
  static void CheckPiece(vlog::FetchOp* op, uint64_t bytes);
  Status VerifyRead(vlog::FetchOp* op, std::string_view* value);
  void CacheRead(vlog::FetchOp* op, std::string_view record);

  // vlog_maintenance.cc
  void MaintenanceLoop();
  bool StartMaintenance();  // false here and below: the system refuses another thread
  void StopMaintenance();
  void WakeMaintenance();
  void Service(uint64_t now_ms);
  void ServiceLane(vlog::Lane* lane, uint64_t now_ms);
  void GiveBackSlack(uint64_t now_ms);
  Status ExtendSegment(vlog::Lane* lane, vlog::Segment* segment, uint64_t room_end,
                       uint64_t capacity, bool sparing);
  void DeleteFlushedTrees(uint64_t millis);
  bool FlushedTreesLeft();

  // vlog_checkpoint.cc
  uint64_t RecordsSoFar() const;
  void LookAtTrees(uint64_t* swap_sequence, std::vector<vlog::TreeEntry>* trees);

  // vlog_settings.cc; settings_mutex_ held by whoever calls ApplySettings
  std::string GcStatus() const;
  Status SetLaneMode(std::string_view lane, std::string_view mode);
  void ApplySettings();

  // vlog_engine.cc
  void At(GcPoint point);
  void Notice(const std::string& text);

  // vlog_stats.cc, vlog_figures.cc
  void AddSegmentStats(VlogStats* out) const;
  void TellFigures(VlogStats stats, const FigureInput& input, FigureList* list) const;
  VlogStats SinceReset(VlogStats stats) const;

  // Of a namespace of clients, or of pages.
  uint16_t TreeOf(uint16_t ns) const {
    return static_cast<uint16_t>(tree_of_[KeysOf(ns)].load(std::memory_order_relaxed) |
                                 (ns & kPagesBit));
  }
  TreeCount& CountOf(uint16_t tree) const { return counts_[vlog::TreeIndex(tree)]; }

  // The way to the index of a shard while the engine is open: only the start, when nobody else is
  // there, goes by shards_ itself.
  vlog::ShardIndex& Shard(uint32_t shard) const {
    CAIRN_ASSERT_LATCHED(latches_[shard].latch);
    return shards_[shard];
  }

  const VlogTuning tuning_;
  VlogOptions options_;  // of the start, as what it does not change while it runs
  Disk* disk_ = nullptr;
  std::unique_ptr<FileLock> lock_;
  bool open_ = false;

  vlog::LaneShared shared_;
  std::vector<std::unique_ptr<vlog::Lane>> lanes_;
  vlog::SegmentTable segments_;
  std::unique_ptr<vlog::ShardIndex[]> shards_;
  std::unique_ptr<ValueCache> cache_;
  std::unique_ptr<std::atomic<uint16_t>[]> tree_of_;  // by namespace
  std::unique_ptr<TreeCount[]> counts_;               // by vlog::TreeIndex
  std::unique_ptr<Reactor[]> reactors_;
  std::atomic<uint64_t> next_txn_id_{1};
  std::atomic<uint64_t> checksum_errors_{0};

  KeyedSpaces spaces_{this, tuning_.pages_per_slice};
  bool rebuilt_ = false;  // the manifest, by this start

  std::mutex swap_mutex_;  // tree_of_ as a whole, with swap_sequence_
  uint64_t swap_sequence_ = 0;

  std::mutex flushed_trees_mutex_;
  std::vector<vlog::Art> flushed_trees_;  // trees of flushed namespaces

  Threads maintenance_;
  std::mutex maintenance_mutex_;
  std::condition_variable maintenance_wake_;
  bool maintenance_stop_ = false;
  bool maintenance_poke_ = false;
  uint64_t serviced_ms_ = 0;
  vlog::SegmentSpace space_;
  vlog::Catalog catalog_;
  vlog::RetainedCheckpoints retained_;  // catalog_.mutex()
  uint64_t expired_left_ = 0;
  vlog::LogAmount replayed_;  // by the start, behind the newest checkpoint
  std::unique_ptr<CheckpointSource> checkpoint_source_;
  vlog::Checkpointer checkpointer_;
  std::unique_ptr<GcSource> gc_source_;
  vlog::GarbageCollector gc_;
  vlog::Reclaimer reclaimer_;  // maintenance only
  mutable std::mutex reset_mutex_;
  VlogStats reset_at_;  // reset_mutex_; of whoever looks at figures
  mutable std::mutex settings_mutex_;
  Settings settings_;
  // Of the process, when the engine was made.
  const uint64_t read_errors_before_ = IoErrors::All().reads();
  const uint64_t write_errors_before_ = IoErrors::All().writes();
  mutable std::mutex notices_mutex_;
  std::vector<std::string> notices_;
};

}  // namespace cairn
