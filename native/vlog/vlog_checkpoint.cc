// Index checkpoints: when, and the writing of one while everything goes on.
//
// A checkpoint is a fuzzy picture. It begins with a position C per lane, the end of a commit, and
// then walks the index, a few keys per hold of a latch. So it contains the effect of every record
// before C, and of some behind it; replay from C on brings it to what the log says, for what a
// record does to a key does not depend on what was there before. Survivors are told the same way:
// those in segments that were ended before the walk began are known to the checkpoint, all others
// are read again. It counts only when all that it may have seen is durable.
#include <algorithm>
#include <chrono>
#include <functional>
#include <utility>

#include "base/check.h"
#include "base/clock.h"
#include "vlog/vlog_collect.h"

namespace cairn {

using vlog::CheckpointEntry;
using vlog::CheckpointInfo;
using vlog::Lane;
using vlog::Segment;
using vlog::SegmentEntry;

namespace {

constexpr uint32_t kKeysPerHold = 128;
constexpr uint64_t kCheckpointPollMs = 1000;
constexpr uint64_t kDurablePollMs = 5;
// What replaying the log costs, roughly, and how long a start may take because of it.
constexpr uint64_t kReplayBytesPerMs = 2u << 20;
constexpr uint64_t kReplayRecordsPerMs = 2500;
constexpr uint64_t kReplayMsMax = 2800;
constexpr uint64_t kCheckpointBytesPerKey = 16;
// A checkpoint must spare the next start at least this many times its own size of log.
constexpr uint64_t kLogPerCheckpoint = 4;
constexpr uint64_t kRemovalBytesMin = 16u << 20;
constexpr uint64_t kRetryMs = 1000;  // after a failure, doubling
constexpr uint64_t kRetryMsMax = 60000;
constexpr uint64_t kKeyBytesPerHold = 64u << 10;
constexpr uint64_t kRemovalPauseMs = 5000;  // between checkpoints for the sake of removals
constexpr uint64_t kRateMin = 1u << 20;     // bytes per second
constexpr uint64_t kReadsPerWrite = 4;      // what was written is read again that much faster

class VerifyingSink final : public vlog::CheckpointSink {
 public:
  explicit VerifyingSink(std::function<Status(uint64_t bytes)> pace) : pace_(std::move(pace)) {}
  void OnEntry(uint16_t, uint16_t, std::string_view, const Pointer&, uint64_t) override {
    entries.fetch_add(1, std::memory_order_relaxed);
  }
  Status OnRead(uint64_t bytes) override { return pace_(bytes); }
  std::atomic<uint64_t> entries{0};

 private:
  const std::function<Status(uint64_t bytes)> pace_;
};

}  // namespace

// ---- the thread ----

bool VlogEngine::StartCheckpoints() {
  checkpoints_.stop.store(false);
  checkpoints_.skip_final.store(false);
  return tuning_.inline_maintenance || checkpoints_.thread.Start([this] { CheckpointLoop(); });
}

void VlogEngine::StopCheckpoints() {
  {
    std::lock_guard<std::mutex> lock(checkpoints_.mutex);
    checkpoints_.stop.store(true);
    checkpoints_.wake.notify_all();
  }
  checkpoints_.thread.Join();
}

uint64_t VlogEngine::RequestSave() {
  std::lock_guard<std::mutex> lock(checkpoints_.mutex);
  checkpoints_.wake.notify_all();
  return ++checkpoints_.requested;
}

SaveStats VlogEngine::Saves() const {
  std::lock_guard<std::mutex> lock(checkpoints_.mutex);
  SaveStats stats = checkpoints_.stats;
  if (stats.running) stats.running_millis = MonotonicMillis() - checkpoints_.started_ms;
  return stats;
}

void VlogEngine::CheckpointLoop() {
  IsolateGc(GcMode::kLazy);
  for (;;) {
    {
      std::unique_lock<std::mutex> lock(checkpoints_.mutex);
      checkpoints_.wake.wait_for(lock, std::chrono::milliseconds(kCheckpointPollMs), [this] {
        return checkpoints_.stop.load() || checkpoints_.requested > checkpoints_.stats.done;
      });
      if (checkpoints_.stop.load()) return;
    }
    if (!CheckpointWanted()) continue;
    BeginCheckpoint();
    Status status = WriteCheckpoint(true);
    while (status.ok() && !CheckpointDurable(&status)) {
      std::unique_lock<std::mutex> lock(checkpoints_.mutex);
      if (checkpoints_.stop.load()) status = Status(Code::kBusy, "the server is shutting down");
      checkpoints_.wake.wait_for(lock, std::chrono::milliseconds(kDurablePollMs));
    }
    if (status.ok()) status = PublishCheckpoint(true);
    EndCheckpoint(status);
  }
}

// The same in steps, for runs that are to be reproducible.
void VlogEngine::ServiceCheckpointInline() {
  if (!checkpoints_.pending) {
    if (!CheckpointWanted()) return;
    BeginCheckpoint();
    Status status = WriteCheckpoint(false);
    if (!status.ok()) return EndCheckpoint(status);
    checkpoints_.pending = true;
    return;
  }
  Status status;
  if (!CheckpointDurable(&status) && status.ok()) return;
  if (status.ok()) status = PublishCheckpoint(false);
  EndCheckpoint(status);
}

void VlogEngine::BeginCheckpoint() {
  std::lock_guard<std::mutex> lock(checkpoints_.mutex);
  checkpoints_.serving = checkpoints_.requested;
  checkpoints_.stats.running = true;
  checkpoints_.started_ms = MonotonicMillis();
}

void VlogEngine::EndCheckpoint(const Status& status) {
  checkpoints_.pending = false;
  {
    std::lock_guard<std::mutex> lock(manifest_mutex_);
    underway_.reset();
  }
  checkpoints_.writer.reset();
  // Once the manifest may name it, the file stays; if it does not, the next start removes it.
  if (!status.ok() && checkpoints_.info.id != 0 && !checkpoints_.named) {
    space_.Remove(vlog::CheckpointPath(options_.dir, checkpoints_.info.id));
  }
  std::lock_guard<std::mutex> lock(checkpoints_.mutex);
  SaveStats& stats = checkpoints_.stats;
  stats.done = checkpoints_.serving;
  stats.running = false;
  stats.last_ok = status.ok();
  stats.last_error = status.message();
  stats.last_millis = MonotonicMillis() - checkpoints_.started_ms;
  checkpoints_.ended_ms = MonotonicMillis();
  checkpoints_.retry_pause_ms =
      status.ok() ? 0 : std::clamp(2 * checkpoints_.retry_pause_ms, kRetryMs, kRetryMsMax);
  checkpoints_.retry_ms = checkpoints_.ended_ms + checkpoints_.retry_pause_ms;
  if (status.ok()) {
    checkpoints_.took_ms = stats.last_millis;
    stats.last_wall_ms = checkpoints_.info.created_ms;
    stats.last_bytes = checkpoints_.info.bytes;
    stats.last_keys = checkpoints_.info.entries;
    stats.written += 1;
  } else {
    Notice("checkpoint: " + status.message());
  }
  checkpoints_.wake.notify_all();
}

// ---- when ----

bool VlogEngine::CheckpointWanted() {
  {
    std::lock_guard<std::mutex> lock(checkpoints_.mutex);
    if (checkpoints_.requested > checkpoints_.stats.done) return true;
  }
  return tuning_.checkpoints && CheckpointDue();
}

uint64_t VlogEngine::ReplayMs(const LogSince& log) {
  return log.bytes / kReplayBytesPerMs + log.records / kReplayRecordsPerMs;
}

uint64_t VlogEngine::RecordsSoFar() const {
  uint64_t records = 0;
  for (uint32_t i = 0; i < kReactorsMax; ++i)
    records += reactors_[i].records.load(std::memory_order_relaxed);
  return records;
}

VlogEngine::LogSince VlogEngine::LogSoFar() const {
  LogSince so_far;
  for (const auto& lane : lanes_) so_far.bytes += lane->record_bytes();
  so_far.records = RecordsSoFar();
  // Survivors are read, too.
  so_far.bytes += gc_.written_bytes.load(std::memory_order_relaxed);
  so_far.records += gc_.written_records.load(std::memory_order_relaxed);
  return so_far;
}

// What is written while a checkpoint of about so many bytes is, at the pace of late, in
// milliseconds of replay. Called once per look.
uint64_t VlogEngine::GrowthMs(const LogSince& now, uint64_t now_ms, uint64_t bytes) {
  const LogSince seen = std::exchange(checkpoints_.seen, now);
  const uint64_t seen_ms = std::exchange(checkpoints_.seen_ms, now_ms);
  if (tuning_.inline_maintenance || seen_ms == 0 || now_ms <= seen_ms) return 0;
  const uint64_t rate = std::max(kRateMin, options_.checkpoint_bytes_per_second);
  const uint64_t takes_ms =
      std::max((bytes + bytes / kReadsPerWrite) * 1000 / rate, checkpoints_.took_ms);
  const LogSince grown = {now.bytes - seen.bytes, now.records - seen.records};
  return std::min(ReplayMs(grown) * takes_ms / (now_ms - seen_ms), kReplayMsMax / 2);
}

// By bytes and records: whether replaying what was written since the last one costs more than a
// checkpoint does. And for the sake of removals, which garbage collection carries along until
// checkpoints make them superfluous.
bool VlogEngine::CheckpointDue() {
  uint64_t keys = 0;
  for (uint32_t ns = 0; ns < kDatabasesMax; ++ns)
    keys += counts_[ns].keys.load(std::memory_order_relaxed);
  const uint64_t cost = keys * kCheckpointBytesPerKey;
  const uint64_t now_ms = MonotonicMillis();
  if (now_ms < checkpoints_.retry_ms) return false;
  for (const auto& lane : lanes_) {
    if (lane->stopped()) return false;  // what it may see would not become durable
  }
  if (!space_.LeavesEnough(cost).ok()) return false;
  const LogSince now = LogSoFar();
  const LogSince since = {now.bytes - checkpoints_.at.bytes + checkpoints_.replayed.bytes,
                          now.records - checkpoints_.at.records + checkpoints_.replayed.records};
  const uint64_t growth_ms = GrowthMs(now, now_ms, cost);
  if (ReplayMs(since) + growth_ms >= kReplayMsMax && since.bytes >= kLogPerCheckpoint * cost)
    return true;
  if (now_ms < checkpoints_.ended_ms + kRemovalPauseMs) return false;
  uint64_t removals = 0;
  uint64_t live = 0;
  std::lock_guard<std::mutex> lock(manifest_mutex_);
  for (const SegmentEntry& entry : manifest_.segments) {
    const Segment* segment = segments_.Get(entry.id);
    if (segment == nullptr) continue;
    live += segment->live_bytes.load(std::memory_order_relaxed);
    if (!Settled(*segment) || DroppableLocked(*segment, false)) continue;
    removals += segment->removal_bytes.load(std::memory_order_relaxed);
    if (segment->flushes.load(std::memory_order_relaxed)) removals += segment->data_end / 2;
  }
  return removals >= std::max({kRemovalBytesMin, cost / 2, live / 20});
}

// ---- the walk ----

Status VlogEngine::WriteCheckpoint(bool paced) {
  CheckpointInfo& info = checkpoints_.info;
  info = CheckpointInfo();
  checkpoints_.writer.reset();
  checkpoints_.named = false;
  gc_.gate.Close();
  for (const auto& collector : gc_.collectors) (void)collector->SealAll();
  for (const auto& lane : lanes_) {
    const Lane::Written written = lane->written_mark();
    info.log_from.push_back(written.position);
    info.units.push_back(written.next_unit);
  }
  const LogSince at = LogSoFar();
  {
    std::lock_guard<std::mutex> lock(manifest_mutex_);
    info.id = manifest_.next_segment_id++;
    info.next_segment_id = info.id;
    info.epoch = manifest_.epoch;
    info.lanes = manifest_.lanes;
    info.incarnation = manifest_.incarnation;
    underway_ = info;
  }
  gc_.gate.Open();
  checkpoints_.next_at = at;
  info.created_ms = tuning_.clock->WallMillis();
  Result<std::unique_ptr<vlog::CheckpointWriter>> created =
      vlog::CheckpointWriter::Create(disk_, vlog::CheckpointPath(options_.dir, info.id), info.id);
  if (!created.ok()) return created.status();
  checkpoints_.writer = std::move(created.value());
  Status status;
  for (uint32_t shard = 0; status.ok() && shard < kShardCount; ++shard) {
    std::vector<uint16_t> trees;
    {
      LatchGuard guard(latches_[shard].latch);
      Shard(shard).ForEach([&](uint16_t number, Art&) { trees.push_back(number); });
    }
    for (uint16_t tree : trees) {
      if (status.ok()) status = WalkTree(static_cast<uint16_t>(shard), tree, paced);
    }
  }
  if (!status.ok()) return status;
  LookAtTrees(&info.swap_sequence, &info.trees);
  checkpoints_.barrier.clear();
  for (const auto& lane : lanes_) checkpoints_.barrier.push_back(lane->staged_end());
  status = checkpoints_.writer->Finish(&info);
  if (status.ok()) {
    checkpoints_.writer.reset();
    std::lock_guard<std::mutex> lock(checkpoints_.mutex);
    checkpoints_.stats.written_bytes += info.bytes;
  }
  return status;
}

Status VlogEngine::WalkTree(uint16_t shard, uint16_t number, bool paced) {
  std::string from;
  for (bool more = true; more;) {
    more = false;
    {
      LatchGuard guard(latches_[shard].latch);
      const Art* tree = Shard(shard).Tree(number);
      uint32_t keys = 0;
      uint64_t bytes = 0;
      tree->Scan(from, [&](std::string_view key, Pointer& entry, uint64_t expire_at_ms) {
        Pointer pointer = entry;
        if (pointer.resident()) {
          pointer.checksum = cache_->Peek(shard, pointer.checksum).checksum;
          pointer.flags &= ~Pointer::kResident;
        }
        checkpoints_.writer->Add(shard, number, key, pointer, expire_at_ms);
        bytes += key.size();
        if (++keys < kKeysPerHold && bytes < kKeyBytesPerHold) return true;
        from.assign(key);
        from.push_back('\0');
        more = true;
        return false;
      });
    }
    At(GcPoint::kWalking);
    Status status = WriteWalked(paced);
    if (!status.ok()) return status;
  }
  return Status();
}

Status VlogEngine::WriteWalked(bool paced) {
  while (checkpoints_.writer->pending() >= 2 * vlog::kCheckpointBufferBytes) {
    uint64_t bytes = 0;
    Status status = checkpoints_.writer->Write(&bytes);
    if (!status.ok() || bytes == 0) return status;
    if (paced) status = PaceCheckpoint(bytes);
    if (!status.ok()) return status;
  }
  return Status();
}

// Waits as long as so many bytes may take. An error: told to stop.
Status VlogEngine::PaceCheckpoint(uint64_t bytes) {
  const uint64_t rate = std::max(kRateMin, options_.checkpoint_bytes_per_second);
  std::unique_lock<std::mutex> lock(checkpoints_.mutex);
  checkpoints_.wake.wait_for(lock, std::chrono::microseconds(bytes * 1000000 / rate),
                             [this] { return checkpoints_.stop.load(); });
  return checkpoints_.stop.load() ? Status(Code::kBusy, "the server is shutting down") : Status();
}

// ---- making it count ----

bool VlogEngine::CheckpointDurable(Status* status) {
  bool durable = true;
  for (uint32_t lane = 0; lane < lanes_.size(); ++lane) {
    if (lanes_[lane]->durable() >= checkpoints_.barrier[lane]) continue;
    durable = false;
    lanes_[lane]->WantSync(checkpoints_.barrier[lane]);
    if (lanes_[lane]->stopped())
      *status = Status(Code::kReadOnly, "lane " + std::to_string(lane) +
                                            " takes no writes: " + lanes_[lane]->reason());
  }
  return durable && status->ok();
}

// It is read once as a whole before the one that it replaces goes.
Status VlogEngine::PublishCheckpoint(bool paced) {
  CheckpointInfo& info = checkpoints_.info;
  const std::string path = vlog::CheckpointPath(options_.dir, info.id);
  Status status = disk_->SyncDir(options_.dir);
  if (!status.ok()) return status;
  VerifyingSink sink([this, paced](uint64_t bytes) {
    return paced ? PaceCheckpoint(bytes / kReadsPerWrite) : Status();
  });
  status = vlog::LoadCheckpoint(disk_, path, info, 1, &sink);
  if (status.ok() && sink.entries.load() != info.entries)
    status = Status(Code::kCorruption, path + " at offset 0: entries are missing");
  if (!status.ok()) return status;
  std::vector<uint32_t> old;
  {
    std::lock_guard<std::mutex> lock(manifest_mutex_);
    vlog::Manifest changed = manifest_;
    changed.checkpoints.push_back({info.id, 0});
    while (changed.checkpoints.size() > vlog::kCheckpointsKept) {
      old.push_back(changed.checkpoints.front().id);
      changed.checkpoints.erase(changed.checkpoints.begin());
    }
    checkpoints_.named = true;
    status = SaveManifestLocked(&changed);
    if (!status.ok()) return status;
    manifest_ = std::move(changed);
    retained_.push_back(info);
    while (retained_.size() > manifest_.checkpoints.size()) retained_.erase(retained_.begin());
  }
  checkpoints_.at = checkpoints_.next_at;
  checkpoints_.replayed = LogSince();
  for (uint32_t id : old) space_.Remove(vlog::CheckpointPath(options_.dir, id));
  WakeMaintenance();  // segments may have become superfluous
  return Status();
}

// At the end, with everything written: what the next start would have to read otherwise.
Status VlogEngine::FinalCheckpoint() {
  if (!tuning_.checkpoints || checkpoints_.skip_final.load()) return Status();
  {
    std::lock_guard<std::mutex> lock(manifest_mutex_);
    if (!retained_.empty() && retained_.back().epoch == manifest_.epoch) {
      const CheckpointInfo& last = retained_.back();
      bool same = last.swap_sequence == swap_sequence_;
      for (uint32_t lane = 0; same && lane < lanes_.size(); ++lane)
        same = last.log_from[lane] == lanes_[lane]->written();
      for (const SegmentEntry& entry : manifest_.segments)
        same = same && (entry.before == 0 || entry.id < last.next_segment_id);
      if (same) return Status();
    }
  }
  BeginCheckpoint();
  Status status = WriteCheckpoint(false);
  if (status.ok()) status = PublishCheckpoint(false);
  EndCheckpoint(status);
  return status;
}

}  // namespace cairn
