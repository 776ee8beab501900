#include "vlog/checkpoint/checkpointer.h"

#include <algorithm>
#include <chrono>
#include <functional>
#include <utility>

#include "base/slot.h"

namespace cairn::vlog {
namespace {

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
constexpr uint64_t kRemovalPauseMs = 5000;  // between checkpoints for the sake of removals
constexpr uint64_t kRateMin = 1u << 20;     // bytes per second
constexpr uint64_t kReadsPerWrite = 4;      // what was written is read again that much faster

class VerifyingSink final : public CheckpointSink {
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

// ---- life ----

void Checkpointer::Open(const Config& config, const CheckpointInfo* newest) {
  config_ = config;
  replayed_ = config.replayed;
  at_ = host_.LogSoFar();
  if (newest == nullptr) return;
  std::lock_guard<std::mutex> lock(mutex_);
  stats_.last_wall_ms = newest->created_ms;
  stats_.last_bytes = newest->bytes;
  stats_.last_keys = newest->entries;
}

void Checkpointer::Close() {
  writer_.reset();
  pending_ = false;
  at_ = replayed_ = seen_ = LogAmount();
  seen_ms_ = took_ms_ = ended_ms_ = 0;
  retry_ms_ = retry_pause_ms_ = 0;
  std::lock_guard<std::mutex> lock(mutex_);
  stats_ = SaveStats();
  requested_ = 0;
}

bool Checkpointer::Start() {
  stop_.store(false);
  skip_final_.store(false);
  return !config_.has_thread || thread_.Start([this] { Loop(); });
}

void Checkpointer::Stop() {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    stop_.store(true);
    wake_.notify_all();
  }
  thread_.Join();
}

uint64_t Checkpointer::Request() {
  std::lock_guard<std::mutex> lock(mutex_);
  wake_.notify_all();
  return ++requested_;
}

SaveStats Checkpointer::Stats() const {
  std::lock_guard<std::mutex> lock(mutex_);
  SaveStats stats = stats_;
  if (stats.running) stats.running_millis = MonotonicMillis() - started_ms_;
  return stats;
}

void Checkpointer::Loop() {
  host_.IsolateThread();
  for (;;) {
    {
      std::unique_lock<std::mutex> lock(mutex_);
      wake_.wait_for(lock, std::chrono::milliseconds(kCheckpointPollMs),
                     [this] { return stop_.load() || requested_ > stats_.done; });
      if (stop_.load()) return;
    }
    if (!Wanted()) continue;
    BeginOne();
    Status status = Write(true);
    while (status.ok() && !host_.Durable(staged_ends_, &status)) {
      std::unique_lock<std::mutex> lock(mutex_);
      if (stop_.load()) status = Status(Code::kBusy, "the server is shutting down");
      wake_.wait_for(lock, std::chrono::milliseconds(kDurablePollMs));
    }
    if (status.ok()) status = Publish(true);
    EndOne(status);
  }
}

// The same in steps, for runs that are to be reproducible.
void Checkpointer::Service() {
  if (!pending_) {
    if (!Wanted()) return;
    BeginOne();
    Status status = Write(false);
    if (!status.ok()) return EndOne(status);
    pending_ = true;
    return;
  }
  Status status;
  if (!host_.Durable(staged_ends_, &status) && status.ok()) return;
  if (status.ok()) status = Publish(false);
  EndOne(status);
}

void Checkpointer::BeginOne() {
  std::lock_guard<std::mutex> lock(mutex_);
  serving_ = requested_;
  stats_.running = true;
  started_ms_ = MonotonicMillis();
}

void Checkpointer::EndOne(const Status& status) {
  pending_ = false;
  host_.End();
  writer_.reset();
  // Once the manifest may name it, the file stays; if it does not, the next start removes it.
  if (!status.ok() && info_.id != 0 && !named_) {
    config_.space->Remove(CheckpointPath(config_.dir, info_.id));
  }
  std::lock_guard<std::mutex> lock(mutex_);
  SaveStats& stats = stats_;
  stats.done = serving_;
  stats.running = false;
  stats.last_ok = status.ok();
  stats.last_error = status.message();
  stats.last_millis = MonotonicMillis() - started_ms_;
  ended_ms_ = MonotonicMillis();
  retry_pause_ms_ = status.ok() ? 0 : std::clamp(2 * retry_pause_ms_, kRetryMs, kRetryMsMax);
  retry_ms_ = ended_ms_ + retry_pause_ms_;
  if (status.ok()) {
    took_ms_ = stats.last_millis;
    stats.last_wall_ms = info_.created_ms;
    stats.last_bytes = info_.bytes;
    stats.last_keys = info_.entries;
    stats.written += 1;
  } else {
    host_.Notice("checkpoint: " + status.message());
  }
  wake_.notify_all();
}

// ---- when ----

bool Checkpointer::Wanted() {
  {
    std::lock_guard<std::mutex> lock(mutex_);
    if (requested_ > stats_.done) return true;
  }
  return config_.by_itself && Due();
}

uint64_t Checkpointer::ReplayMs(const LogAmount& log) {
  return log.bytes / kReplayBytesPerMs + log.records / kReplayRecordsPerMs;
}

// What is written while a checkpoint of about so many bytes is, at the pace of late, in
// milliseconds of replay. Called once per look.
uint64_t Checkpointer::GrowthMs(const LogAmount& now, uint64_t now_ms, uint64_t bytes) {
  const LogAmount seen = std::exchange(seen_, now);
  const uint64_t seen_ms = std::exchange(seen_ms_, now_ms);
  if (!config_.has_thread || seen_ms == 0 || now_ms <= seen_ms) return 0;
  const uint64_t rate = std::max(kRateMin, config_.bytes_per_second);
  const uint64_t takes_ms = std::max((bytes + bytes / kReadsPerWrite) * 1000 / rate, took_ms_);
  const LogAmount grown = {now.bytes - seen.bytes, now.records - seen.records};
  return std::min(ReplayMs(grown) * takes_ms / (now_ms - seen_ms), kReplayMsMax / 2);
}

// By bytes and records: whether replaying what was written since the last one costs more than a
// checkpoint does. And for the sake of removals, which garbage collection carries along until
// checkpoints make them superfluous.
bool Checkpointer::Due() {
  const uint64_t cost = host_.Keys() * kCheckpointBytesPerKey;
  const uint64_t now_ms = MonotonicMillis();
  if (now_ms < retry_ms_) return false;
  if (host_.AnyLaneStopped()) return false;  // what it may see would not become durable
  if (!config_.space->LeavesEnough(cost).ok()) return false;
  const LogAmount now = host_.LogSoFar();
  const LogAmount since = {now.bytes - at_.bytes + replayed_.bytes,
                           now.records - at_.records + replayed_.records};
  const uint64_t growth_ms = GrowthMs(now, now_ms, cost);
  if (ReplayMs(since) + growth_ms >= kReplayMsMax && since.bytes >= kLogPerCheckpoint * cost)
    return true;
  if (now_ms < ended_ms_ + kRemovalPauseMs) return false;
  const CheckpointHost::Removals kept = host_.RemovalsKept();
  return kept.bytes >= std::max({kRemovalBytesMin, cost / 2, kept.live_bytes / 20});
}

// ---- the walk ----

Status Checkpointer::Write(bool paced) {
  CheckpointInfo& info = info_;
  info = CheckpointInfo();
  writer_.reset();
  named_ = false;
  next_at_ = host_.Begin(&info);
  info.created_ms = config_.clock->WallMillis();
  Result<std::unique_ptr<CheckpointWriter>> created =
      CheckpointWriter::Create(config_.disk, CheckpointPath(config_.dir, info.id), info.id);
  if (!created.ok()) return created.status();
  writer_ = std::move(created.value());
  Status status;
  for (uint32_t shard = 0; status.ok() && shard < kShardCount; ++shard) {
    for (const uint16_t tree : host_.TreesOf(static_cast<uint16_t>(shard))) {
      if (status.ok()) status = WalkTree(static_cast<uint16_t>(shard), tree, paced);
    }
  }
  if (!status.ok()) return status;
  host_.LookAtTrees(&info.swap_sequence, &info.trees);
  staged_ends_ = host_.StagedEnds();
  status = writer_->Finish(&info);
  if (status.ok()) {
    writer_.reset();
    std::lock_guard<std::mutex> lock(mutex_);
    stats_.written_bytes += info.bytes;
  }
  return status;
}

Status Checkpointer::WalkTree(uint16_t shard, uint16_t tree, bool paced) {
  std::string from;
  for (bool more = true; more;) {
    more = host_.Walk(shard, tree, &from, writer_.get());
    Status status = WriteWalked(paced);
    if (!status.ok()) return status;
  }
  return Status();
}

Status Checkpointer::WriteWalked(bool paced) {
  while (writer_->pending() >= 2 * kCheckpointBufferBytes) {
    uint64_t bytes = 0;
    Status status = writer_->Write(&bytes);
    if (!status.ok() || bytes == 0) return status;
    if (paced) status = Pace(bytes);
    if (!status.ok()) return status;
  }
  return Status();
}

// Waits as long as so many bytes may take. An error: told to stop.
Status Checkpointer::Pace(uint64_t bytes) {
  const uint64_t rate = std::max(kRateMin, config_.bytes_per_second);
  std::unique_lock<std::mutex> lock(mutex_);
  wake_.wait_for(lock, std::chrono::microseconds(bytes * 1000000 / rate),
                 [this] { return stop_.load(); });
  return stop_.load() ? Status(Code::kBusy, "the server is shutting down") : Status();
}

// ---- making it count ----

// It is read once as a whole before the one that it replaces goes.
Status Checkpointer::Publish(bool paced) {
  CheckpointInfo& info = info_;
  const std::string path = CheckpointPath(config_.dir, info.id);
  Status status = config_.disk->SyncDir(config_.dir);
  if (!status.ok()) return status;
  VerifyingSink sink(
      [this, paced](uint64_t bytes) { return paced ? Pace(bytes / kReadsPerWrite) : Status(); });
  status = LoadCheckpoint(config_.disk, path, info, 1, &sink);
  if (status.ok() && sink.entries.load() != info.entries)
    status = Status(Code::kCorruption, path + " at offset 0: entries are missing");
  if (!status.ok()) return status;
  std::vector<uint32_t> old;
  named_ = true;
  status = host_.Name(info, &old);
  if (!status.ok()) return status;
  at_ = next_at_;
  replayed_ = LogAmount();
  for (uint32_t id : old) config_.space->Remove(CheckpointPath(config_.dir, id));
  host_.WakeMaintenance();  // segments may have become superfluous
  return Status();
}

Status Checkpointer::WriteFinal() {
  if (!config_.by_itself || skip_final_.load()) return Status();
  if (host_.NewestIsOfNow()) return Status();
  BeginOne();
  Status status = Write(false);
  if (status.ok()) status = Publish(false);
  EndOne(status);
  return status;
}

}  // namespace cairn::vlog
