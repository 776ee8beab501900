// Start and end of an engine's life: options, directory, lanes.
#include <algorithm>
#include <cerrno>

#include "base/check.h"
#include "base/clock.h"
#include "vlog/vlog_gc.h"

namespace cairn {

using vlog::AlignDown;
using vlog::AlignUp;
using vlog::Lane;
using vlog::LaneEnd;
using vlog::Manifest;
using vlog::Segment;
using vlog::SegmentEntry;

namespace {

constexpr uint64_t kAheadBytesAll = 512u << 20;  // allocated ahead, one step of every lane
constexpr uint64_t kPrepareBytesAll = 128u << 20;
constexpr uint64_t kAheadBytesMin = 256u << 10;
static_assert(cairn::kSegmentBytesMax <= vlog::kSegmentBytesMax / 2);
constexpr uint64_t kSmallSegment = 8u << 20;  // allocated as a whole
constexpr uint64_t kLargeBytes = 64u << 20;
constexpr uint64_t kManifestRoom = 64u << 10;  // what it takes is rounded up to this
constexpr uint64_t kStartBlocks = 8;

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
  report.keys = CountKeys() - expired_left_;
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
  status = RemoveLeftovers(&report->damage);
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
  if (status.ok()) status = RemoveOldCheckpoints();
  if (status.ok()) status = OpenSegments(&report->damage);
  std::vector<LaneEnd> ends;
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

// Files that no manifest names: segments whose creation or removal was cut off. One that holds
// commits is no such thing.
Status VlogEngine::RemoveLeftovers(std::vector<std::string>* damage) {
  const Manifest& manifest = *catalog_.AtStart();
  Result<std::vector<std::string>> names = disk_->List(options_.dir);
  if (!names.ok()) return names.status();
  for (const std::string& name : names.value()) {
    uint32_t id;
    if (!vlog::ParseSegmentName(name, &id)) continue;
    const bool listed = std::any_of(manifest.segments.begin(), manifest.segments.end(),
                                    [id](const SegmentEntry& entry) { return entry.id == id; });
    if (listed) continue;
    const std::string path = vlog::SegmentPath(options_.dir, id);
    if (id >= manifest.next_segment_id) {
      Segment probe;
      probe.id = id;
      Result<std::unique_ptr<File>> file = disk_->OpenDirect(path, Disk::Mode::kRead);
      if (!file.ok()) return file.status();
      probe.file = std::move(file.value());
      Result<vlog::SegmentHeader> header = vlog::ReadSegmentHeader(probe.file.get());
      Result<uint64_t> size = probe.file->Size();
      if (header.ok() && size.ok()) {
        probe.salt = header.value().salt;
        vlog::SegmentReader reader(&probe, size.value(), vlog::kBlockBytesMax);
        vlog::RecordHeader record;
        const char* data = nullptr;
        const char* why = nullptr;
        const uint64_t block = header.value().block_bytes;
        Status status =
            reader.Record(block, block + vlog::kCommitRecordBytes, &record, &data, &why);
        if (!status.ok()) return status;
        if (data != nullptr) {
          const std::string what =
              path + " at offset " + std::to_string(block) +
              ": the manifest does not know this segment, but it holds records";
          if (!options_.salvage) return Status(Code::kCorruption, what);
          damage->push_back(what);
          continue;
        }
      }
    }
    Status status = disk_->Remove(path);
    if (!status.ok()) return status;
  }
  return Status();
}

// Checkpoints that no manifest names: left over from a crash.
Status VlogEngine::RemoveOldCheckpoints() {
  const Manifest& manifest = *catalog_.AtStart();
  Result<std::vector<std::string>> names = disk_->List(options_.dir);
  if (!names.ok()) return names.status();
  for (const std::string& name : names.value()) {
    uint32_t id;
    if (!vlog::ParseCheckpointName(name, &id)) continue;
    const bool listed =
        std::any_of(manifest.checkpoints.begin(), manifest.checkpoints.end(),
                    [id](const vlog::CheckpointEntry& entry) { return entry.id == id; });
    if (listed) continue;
    Status status = disk_->Remove(vlog::CheckpointPath(options_.dir, id));
    if (!status.ok()) return status;
  }
  return Status();
}

Status VlogEngine::OpenSegments(std::vector<std::string>* damage) {
  Manifest& manifest = *catalog_.AtStart();
  std::vector<SegmentEntry> kept;
  for (const SegmentEntry& entry : manifest.segments) {
    const std::string path = vlog::SegmentPath(options_.dir, entry.id);
    std::unique_ptr<Segment> segment = vlog::NewSegment(entry);
    Status status;
    Result<bool> exists = disk_->Exists(path);
    if (!exists.ok()) return exists.status();
    if (!exists.value()) {
      status = Status(Code::kCorruption, path + " at offset 0: the segment is missing");
    } else {
      Result<std::unique_ptr<File>> file = disk_->OpenDirect(path, Disk::Mode::kReadWrite);
      if (!file.ok()) return file.status();
      segment->file = std::move(file.value());
      Result<vlog::SegmentHeader> header = vlog::ReadSegmentHeader(segment->file.get());
      if (!header.ok()) {
        status = header.status();
        if (status.code() != Code::kCorruption) return status;
        segment->block_bytes = std::max(segment->file->alignment().offset, vlog::kBlockBytesMin);
      } else if (!vlog::Matches(header.value(), entry)) {
        status = Status(Code::kCorruption, path + " at offset 0: header of another segment");
        segment->block_bytes = header.value().block_bytes;
      } else {
        segment->version = header.value().version;
        segment->block_bytes = header.value().block_bytes;
        segment->recycled = header.value().recycled != 0;
      }
    }
    if (!status.ok()) {
      if (!options_.salvage) return status;
      damage->push_back(status.message());
      if (segment->file == nullptr) continue;
    }
    kept.push_back(entry);
    segments_.Add(std::move(segment));
  }
  manifest.segments = std::move(kept);
  return Status();
}

// What a small disk says to lanes that begin: with figures, and what makes them smaller. What was
// created so far is removed by the next start.
Status VlogEngine::NoFirstSegment(const Status& status, uint64_t bytes,
                                  const Result<uint64_t>& free) const {
  if (status.code() != Code::kNoSpace) return status;
  const std::string there = free.ok() ? std::to_string(free.value()) + " bytes" : "less";
  return Status(Code::kNoSpace,
                status.message() + ". The first segments of " + std::to_string(options_.lanes) +
                    (options_.lanes == 1 ? " lane" : " lanes") + " need " + std::to_string(bytes) +
                    " bytes, and " + there + " were free in the file system of " + options_.dir +
                    ": make room there, or lower segment-size or lanes",
                ENOSPC);
}

// From here on new bytes carry a new number, so what older starts left behind is told from them.
Status VlogEngine::BeginIncarnation(const std::vector<LaneEnd>& ends) {
  Manifest& manifest = *catalog_.AtStart();
  uint32_t highest = manifest.incarnation;
  for (const LaneEnd& end : ends) highest = std::max(highest, end.incarnation);
  manifest.incarnation = highest + 1;
  manifest.clean = false;
  manifest.clean_ends.clear();
  manifest.databases = options_.databases;
  shared_.incarnation = manifest.incarnation;
  std::lock_guard<std::mutex> lock(catalog_.mutex());
  Status status = catalog_.SaveLocked();
  const uint64_t bytes = AlignUp(vlog::EncodeManifest(manifest).size(), kManifestRoom);
  for (size_t i = 0; status.code() == Code::kNoSpace && i < ends.size(); ++i) {
    if (GiveUpRoom(ends[i], bytes)) status = catalog_.SaveLocked();
  }
  if (status.code() != Code::kNoSpace) return status;
  return Status(Code::kNoSpace,
                status.message() + ". A start needs " + std::to_string(bytes) +
                    " bytes in the file system of " + options_.dir +
                    ": delete something else there. Spare segments are gone already; no other file "
                    "of this directory may be deleted",
                ENOSPC);
}

// On a full disk: of the room that a lane has reserved behind its log, as much as the manifest
// takes. The lane does without, as it must when it finds no room later. With salvage all stays as
// it is. False: there is not so much.
bool VlogEngine::GiveUpRoom(const LaneEnd& end, uint64_t bytes) {
  if (options_.salvage) return false;
  for (Segment* segment : {end.next, end.active}) {
    if (segment == nullptr) continue;
    const uint64_t block = vlog::Recovery::DeviceBlock(*segment);
    // The start itself still writes some blocks behind the log.
    const uint64_t front = (segment == end.active ? end.tail : block) + kStartBlocks * block;
    const Result<uint64_t> size = segment->file->Size();
    if (!size.ok() || size.value() < front + bytes) continue;
    const uint64_t room_end = AlignDown(size.value() - bytes, block);
    if (!segment->file->Truncate(room_end).ok()) continue;
    segment->data_end = room_end;
    return true;
  }
  return false;
}

// Gives every lane a segment to go on in, a new epoch's lanes if their number changed, and lets
// them start.
Status VlogEngine::StartLanes(vlog::Recovery* recovery, std::vector<LaneEnd>* ends) {
  Manifest& manifest = *catalog_.AtStart();
  if (manifest.lanes != options_.lanes) {
    for (LaneEnd& end : *ends) {
      if (end.active == nullptr) continue;
      Status status = recovery->SealLane(&end);
      if (!status.ok()) return status;
    }
  }
  // Only now that all lanes are cut: a transaction with a part in a segment that is not named would
  // count as whole.
  RemoveSurplus(recovery->surplus());
  if (manifest.lanes != options_.lanes) {
    manifest.lanes = options_.lanes;
    manifest.epoch += 1;
    ends->assign(options_.lanes, LaneEnd());
  }
  manifest.units.clear();
  for (const LaneEnd& end : *ends) manifest.units.push_back(end.next_unit);
  for (uint32_t id = 0; id < options_.lanes; ++id)
    lanes_.push_back(std::make_unique<Lane>(id, &shared_));
  std::vector<uint64_t> wanted;  // by lane
  {
    std::lock_guard<std::mutex> lock(catalog_.mutex());
    for (const uint64_t live : catalog_.LiveBytesLocked())
      wanted.push_back(catalog_.WantedBytesLocked(live));
  }
  uint64_t first_bytes = 0;  // that lanes without a segment take
  for (uint32_t id = 0; id < options_.lanes; ++id)
    if ((*ends)[id].active == nullptr) first_bytes += std::min(wanted[id], shared_.allocate_step);
  const Result<uint64_t> free = disk_->FreeBytes(options_.dir);
  bool created = false;
  for (uint32_t id = 0; id < options_.lanes; ++id) {
    LaneEnd& end = (*ends)[id];
    if (end.active == nullptr) {
      Result<std::unique_ptr<Segment>> segment = catalog_.Create(id, 0, 0, false);
      if (!segment.ok()) return NoFirstSegment(segment.status(), first_bytes, free);
      end.active = segment.value().get();
      end.tail = end.active->block_bytes;
      end.chain = 0;
      end.records = 0;
      end.chain_whole = true;
      std::lock_guard<std::mutex> lock(catalog_.mutex());
      manifest.segments.push_back(vlog::EntryOf(*end.active));
      segments_.Add(std::move(segment.value()));
      created = true;
    }
    for (Segment* segment : {end.active, end.next}) {
      if (segment == nullptr || segment->room_end != 0) continue;
      Result<uint64_t> size = segment->file->Size();
      if (!size.ok()) return size.status();
      segment->room_end = std::max(AlignDown(size.value(), segment->block_bytes),
                                   uint64_t{2} * segment->block_bytes);
      if (segment == end.active)
        segment->room_end = std::max(segment->room_end, end.tail + segment->block_bytes);
      segment->capacity = std::max(AlignUp(wanted[id], segment->block_bytes), segment->room_end);
      segment->worn_end = segment->recycled ? segment->room_end : 0;
    }
  }
  std::lock_guard<std::mutex> lock(catalog_.mutex());
  if (created) {
    Status status = catalog_.SaveLocked();
    if (!status.ok()) return status;
  }
  for (uint32_t id = 0; id < options_.lanes; ++id) {
    const LaneEnd& end = (*ends)[id];
    lanes_[id]->Begin({end.active, end.next, end.tail, end.end, end.next_unit, end.chain,
                       end.records, end.chain_whole});
  }
  return Status();
}

// On a full disk, what is to be created may need their room.
void VlogEngine::RemoveSurplus(const std::set<uint32_t>& surplus) {
  if (surplus.empty()) return;
  std::erase_if(catalog_.AtStart()->segments,
                [&surplus](const SegmentEntry& entry) { return surplus.count(entry.id) != 0; });
  std::lock_guard<std::mutex> lock(catalog_.mutex());
  if (!catalog_.SaveLocked().ok()) return;  // the next start sees to them
  for (uint32_t id : surplus) {
    const std::string path = vlog::SegmentPath(options_.dir, id);
    segments_.Remove(id).reset();
    (void)disk_->Remove(path);
  }
}

uint64_t VlogEngine::CountKeys() {
  uint64_t keys = 0;
  for (uint32_t shard = 0; shard < kShardCount; ++shard) {
    shards_[shard].ForEach([&](uint16_t number, Art& tree) {
      counts_[number].keys.fetch_add(tree.size(), std::memory_order_relaxed);
      counts_[number].expiring.fetch_add(tree.expiring(), std::memory_order_relaxed);
      keys += tree.size();
    });
  }
  return keys;
}

bool VlogEngine::StartMaintenance() {
  {
    // Garbage collection may be running, and wake maintenance, before that does.
    std::lock_guard<std::mutex> lock(maintenance_mutex_);
    maintenance_stop_ = false;
    maintenance_poke_ = true;
  }
  return tuning_.inline_maintenance || maintenance_.Start([this] { MaintenanceLoop(); });
}

void VlogEngine::StopMaintenance() {
  {
    std::lock_guard<std::mutex> lock(maintenance_mutex_);
    maintenance_stop_ = true;
    maintenance_wake_.notify_one();
  }
  maintenance_.Join();
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
  counts_.reset(new TreeCount[kDatabasesMax]);
  for (uint32_t ns = 0; ns < kDatabasesMax; ++ns) tree_of_[ns].store(static_cast<uint16_t>(ns));
  swap_sequence_ = 0;
  cache_.reset();
  segments_.Clear();
  catalog_.End();
  shared_.service_wanted.store(false);
  lock_.reset();
}

}  // namespace cairn
