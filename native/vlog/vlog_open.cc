// Start and end of an engine's life: options, directory, lanes.
#include <algorithm>

#include "base/check.h"
#include "base/clock.h"
#include "vlog/vlog_gc.h"

namespace cairn {

using vlog::AlignDown;
using vlog::Art;
using vlog::Lane;
using vlog::LaneEnd;
using vlog::Manifest;

namespace {

constexpr uint64_t kAheadBytesAll = 512u << 20;  // allocated ahead, one step of every lane
constexpr uint64_t kPrepareBytesAll = 128u << 20;
constexpr uint64_t kAheadBytesMin = 256u << 10;
static_assert(cairn::kSegmentBytesMax <= vlog::kSegmentBytesMax / 2);
constexpr uint64_t kSmallSegment = 8u << 20;  // allocated as a whole
constexpr uint64_t kLargeBytes = 64u << 20;

}  // namespace

Status VlogEngine::Configure(const VlogOptions& options) {
  if (options.lanes < 1 || options.lanes > kLanesMax)
    return Status(Code::kInvalid, "lanes must be 1 to 1024");
  if (options.reactors < 1 || options.reactors > kReactorsMax)
    return Status(Code::kInvalid, "too many reactors");
  if (options.databases < 1 || options.databases > kDatabasesMax) {
    return Status(Code::kInvalid, "databases must be 1 to " + std::to_string(kDatabasesMax));
  }
  if (options.segment_bytes < kSegmentBytesMin || options.segment_bytes > cairn::kSegmentBytesMax) {
    return Status(Code::kInvalid, "segment-size must be 64 KiB to 16 GiB");
  }
  options_ = options;
  catalog_.SetAmplification(std::max(101u, options_.gc_space_amplification));
  const uint64_t chunk = CommitBatchBytes(options);
  const uint64_t ring = std::max(options.wal_ring_bytes, kCommitsPerRingMin * kCommitBatchBytesMin);
  shared_.chunk_bytes = chunk;
  shared_.chunks = static_cast<uint32_t>(std::max<uint64_t>(kCommitsPerRingMin, ring / chunk));
  shared_.large_bytes_max = std::max(ring, kLargeBytes);
  shared_.segment_bytes = options.segment_bytes;
  shared_.allocate_step = options.segment_bytes <= kSmallSegment
                              ? options.segment_bytes
                              : std::max(kSmallSegment / 2, options.segment_bytes / 16);
  // Many lanes must not hold much of the disk or of memory by merely being there.
  shared_.allocate_step =
      std::min(shared_.allocate_step, std::max(kAheadBytesMin, kAheadBytesAll / options.lanes));
  if (tuning_.allocate_step != 0) shared_.allocate_step = tuning_.allocate_step;
  shared_.reserve_bytes =
      std::min(std::max<uint64_t>(1u << 20, options.segment_bytes / 64), options.segment_bytes / 8);
  shared_.reserve_bytes = std::min(shared_.reserve_bytes, shared_.allocate_step / 4);
  if (tuning_.reserve_bytes != 0) shared_.reserve_bytes = tuning_.reserve_bytes;
  shared_.reserve_bytes = AlignDown(shared_.reserve_bytes, vlog::kBlockBytesMax) != 0
                              ? AlignDown(shared_.reserve_bytes, vlog::kBlockBytesMax)
                              : AlignDown(shared_.reserve_bytes, vlog::kBlockBytesMin);
  shared_.commit_delay_us = options.commit_delay_us;
  shared_.clock = tuning_.clock;
  shared_.prepare_bytes =
      std::min({tuning_.prepare_bytes, Lane::kPrepareBytesMax, kPrepareBytesAll / options.lanes});
  shared_.prepare_gap = tuning_.prepare_gap;
  shared_.idle_room_bytes = tuning_.idle_room_bytes;
  if (tuning_.overlap_bytes != 0) shared_.overlap_bytes = tuning_.overlap_bytes;
  shared_.fsync.store(options.fsync);
  shared_.lanes = &lanes_;
  return Status();
}

// isolation: what keeps garbage collection out of the way; empty: there is none, or nobody asked.
void VlogEngine::Remark(const std::string& isolation, RecoveryReport* report) const {
  const uint64_t wanted = options_.commit_batch_bytes;
  const uint64_t used = CommitBatchBytes(options_);
  if (used != wanted) {
    report->remarks.push_back(
        "commit-batch-bytes " + std::to_string(wanted) + " comes to " + std::to_string(used) +
        ": at most a quarter of wal-ring-size, and 64 MiB for all lanes together");
  }
  if (isolation == "none") {
    report->notices.push_back(
        "garbage collection has nothing that keeps it out of the way of users: the system refuses "
        "I/O priorities and nice");
  } else if (!isolation.empty()) {
    report->remarks.push_back("garbage collection is kept out of the way of users by " + isolation +
                              " (I/O weights of cgroup v2 are for whole processes)");
  }
}

Result<RecoveryReport> VlogEngine::Open(const EngineOptions& options, Disk* disk,
                                        DurabilityListener* listener) {
  const Result<VlogOptions> all = VlogOptions::From(options);
  return all.ok() ? Open(all.value(), disk, listener) : Result<RecoveryReport>(all.status());
}

Result<RecoveryReport> VlogEngine::Open(const VlogOptions& options, Disk* disk,
                                        DurabilityListener* listener) {
  CAIRN_CHECK(!open_);
  const uint64_t started = MonotonicMillis();
  Status status = Configure(options);
  if (!status.ok()) return status;
  disk_ = disk;
  shared_.listener = listener;
  shared_.now_ms.store(0);  // until the first Tick: everything staged counts as old
  cache_ = std::make_unique<ValueCache>(
      options.cache_bytes,
      ValueCache::Options{options.cache_policy, options.cache_small_value_bytes});
  RecoveryReport report;
  status = OpenDirectory(&report);
  if (!status.ok()) {
    Reset();
    return status;
  }
  CountKeys(&report);
  report.millis = MonotonicMillis() - started;
  open_ = true;
  const vlog::GcContext context = {.host = gc_source_.get(),
                                   .catalog = &catalog_,
                                   .retained = &retained_,
                                   .space = &space_,
                                   .segments = &segments_,
                                   .shared = &shared_,
                                   .cache = cache_.get(),
                                   .clock = tuning_.clock,
                                   .expired_for_ms = tuning_.expired_for_ms,
                                   .segments_let_be = tuning_.gc_segments_let_be,
                                   .enabled = tuning_.gc,
                                   .has_thread = !tuning_.inline_maintenance};
  gc_.Open(context);
  reclaimer_.Open(context, gc_.figures());
  {
    std::lock_guard<std::mutex> lock(settings_mutex_);
    settings_.options = options_;
    ApplySettings();
  }
  checkpointer_.Open({.dir = options_.dir,
                      .disk = disk_,
                      .space = &space_,
                      .clock = tuning_.clock,
                      .bytes_per_second = options_.checkpoint_bytes_per_second,
                      .by_itself = tuning_.checkpoints,
                      .has_thread = !tuning_.inline_maintenance,
                      .replayed = replayed_},
                     retained_.newest());
  Remark(gc_.ProbeIsolation(), &report);
  if (gc_.Start() && checkpointer_.Start() && StartMaintenance()) return report;
  gc_.Stop();
  checkpointer_.Stop();
  open_ = false;
  Reset();
  return Status(Code::kBusy, Threads::kRefused);
}

Status VlogEngine::OpenDirectory(RecoveryReport* report) {
  Status status = disk_->CreateDir(options_.dir);
  if (!status.ok()) return status;
  Result<std::unique_ptr<FileLock>> lock = disk_->LockFile(vlog::LockPath(options_.dir));
  if (!lock.ok()) return lock.status();
  lock_ = std::move(lock.value());

  bool found = false;
  Result<Manifest> loaded = vlog::LoadManifest(options_.dir, disk_, &found);
  if (!loaded.ok() && loaded.status().code() == Code::kCorruption && options_.salvage) {
    report->damage.push_back(loaded.status().message());
    loaded = vlog::RebuildManifest(options_.dir, disk_, &report->damage);
    found = loaded.ok() && !loaded.value().segments.empty();
    rebuilt_ = found;
  }
  if (!loaded.ok()) return loaded.status();
  Manifest& manifest = *catalog_.AtStart();
  manifest = std::move(loaded.value());
  if (found && options_.lanes_auto) options_.lanes = manifest.lanes;
  if (!found) {
    manifest = Manifest();
    manifest.lanes = options_.lanes;
    manifest.epoch = 1;
    manifest.databases = options_.databases;
  }
  const uint64_t segment_bytes_min = std::min(options_.segment_bytes, tuning_.segment_bytes_min);
  catalog_.Begin({.dir = options_.dir,
                  .disk = disk_,
                  .space = &space_,
                  .segments = &segments_,
                  .lanes = &lanes_,
                  .segment_bytes = options_.segment_bytes,
                  .segment_bytes_min = segment_bytes_min,
                  .salt = tuning_.salt});
  vlog::Recovery recovery({.disk = disk_,
                           .options = &options_,
                           .clock = tuning_.clock,
                           .threads = tuning_.recovery_threads,
                           .manifest = &manifest,
                           .segments = &segments_,
                           .shards = &shards_,
                           .tree_of = tree_of_.get(),
                           .swap_sequence = &swap_sequence_,
                           .retained = retained_.AtStart()});
  status = recovery.RemoveLeftovers(&report->damage);
  if (status.ok()) {
    status = space_.Begin({.dir = options_.dir,
                           .disk = disk_,
                           .lanes = options_.lanes,
                           .segment_bytes = options_.segment_bytes,
                           .segment_bytes_min = segment_bytes_min,
                           .allocate_step = shared_.allocate_step,
                           .reserve_bytes = shared_.reserve_bytes,
                           .free_bytes_min = tuning_.free_bytes_min,
                           .spares_max = options_.segment_recycle_max});
  }
  if (status.ok()) status = recovery.RemoveOldCheckpoints();
  if (status.ok()) status = recovery.OpenSegments(&report->damage);
  std::vector<LaneEnd> ends;
  if (status.ok()) status = recovery.Run(report, &ends);
  if (!status.ok()) return status;
  recovery.ReadRetained();
  replayed_ = {report->bytes, report->records};
  expired_left_ = recovery.DropExpired();
  status = recovery.Stopped();  // the last moment at which nothing has been written yet
  if (!status.ok()) return status;
  const bool was_clean = manifest.clean;
  status = BeginIncarnation(ends);
  if (status.ok()) status = recovery.Secure(&ends, was_clean, shared_.incarnation);
  if (status.ok()) status = StartLanes(&recovery, &ends);
  return status;
}

void VlogEngine::CountKeys(RecoveryReport* report) {
  uint64_t keys = 0;
  uint64_t pages = 0;
  for (uint32_t shard = 0; shard < kShardCount; ++shard) {
    shards_[shard].ForEach([&](uint16_t number, Art& tree) {
      CountOf(number).keys.fetch_add(tree.size(), std::memory_order_relaxed);
      CountOf(number).expiring.fetch_add(tree.expiring(), std::memory_order_relaxed);
      (vlog::IsPageTree(number) ? pages : keys) += tree.size();
    });
  }
  report->keys = keys - expired_left_;
  if (pages == 0) return;
  spaces_.FoundPages();
  FindMarks();
}

void VlogEngine::AbandonForTest() {
  StopMaintenance();
  gc_.Stop();
  checkpointer_.Stop();
  open_ = false;
  Reset();
}

Status VlogEngine::Close() {
  if (!open_) return Status();
  // Garbage collection first: a checkpoint may wait for one of its batches, which waits for syncs
  // that nobody starts any more.
  gc_.Stop();
  checkpointer_.Stop();
  StopMaintenance();
  Status status;
  for (auto& lane : lanes_) {
    Status closed = lane->CloseBlocking();
    if (!closed.ok() && status.ok()) status = closed;
  }
  if (status.ok()) {
    // Without it the next start reads more of the log: no reason to fail.
    Status written = checkpointer_.WriteFinal();
    gc_.SealSurvivors();
    (void)written;
  }
  if (status.ok()) {
    std::vector<uint64_t> ends;
    for (auto& lane : lanes_) ends.push_back(lane->log_end());
    status = catalog_.SaveClean(std::move(ends));
  }
  space_.RemoveAll();
  open_ = false;
  Reset();
  return status;
}

void VlogEngine::Reset() {
  for (uint32_t i = 0; i < kReactorsMax; ++i) DetachReactor(i);
  lanes_.clear();
  reclaimer_.Close();
  gc_.Close();
  space_.End();
  retained_.Clear();
  checkpointer_.Close();
  flushed_trees_.clear();
  shards_.reset(new vlog::ShardIndex[kShardCount]);
  counts_.reset(new TreeCount[vlog::kTreesMax]);
  for (uint32_t ns = 0; ns < kDatabasesMax; ++ns) tree_of_[ns].store(static_cast<uint16_t>(ns));
  swap_sequence_ = 0;
  spaces_.Reset();
  rebuilt_ = false;
  cache_.reset();
  segments_.Clear();
  catalog_.End();
  shared_.service_wanted.store(false);
  lock_.reset();
}

}  // namespace cairn
