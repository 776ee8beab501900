#include "vlog/gc/garbage_collector.h"

#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>

namespace cairn::vlog {
namespace {

constexpr int kGcNice = 5;
// ioprio_set(2): the lowest priority of the class "best effort", for one thread. Spelled out, for
// some editions of <linux/ioprio.h> name a parameter `class` and are no C++.
constexpr int kIoPriorityOfProcess = 1;
constexpr int kIoPriorityClassShift = 13;
constexpr int kIoPriorityBestEffort = 2;
constexpr int kIoPriorityLowest = 7;
constexpr uint64_t kRetryMs = 1000;  // after a failed collection, doubling
constexpr uint64_t kRetryMsMax = 60000;

}  // namespace

// ---- life ----

void GarbageCollector::Open(const GcContext& context) {
  context_ = context;
  figures_.lanes.reset(new GcLane[context.lanes()]);
  picker_ = std::make_unique<VictimPicker>(context_, figures_, &pace_);
  pace_.Begin();
  collectors_.clear();
  while (collectors_.size() < kGcParallelMax)
    collectors_.push_back(std::make_unique<Collector>(context_, &gate_, &pace_, &figures_));
}

std::string GarbageCollector::ProbeIsolation() {
  std::string allowed;
  if (!context_.has_thread || !context_.enabled) return allowed;
  Threads one;  // there is no way back
  (void)one.Start([this, &allowed] { allowed = IsolateThread(GcMode::kLazy); });
  one.Join();
  return allowed;
}

bool GarbageCollector::Start() {
  return !context_.has_thread || !context_.enabled || thread_.Start([this] { Loop(); });
}

void GarbageCollector::Stop() {
  pace_.Stop();
  thread_.Join();
}

void GarbageCollector::SealSurvivors() {
  for (const auto& collector : collectors_) (void)collector->SealAll();
}

void GarbageCollector::Close() {
  collectors_.clear();
  picker_.reset();
}

// The kernel's controller of I/O weights takes whole processes only (cgroup v2, "domain"
// controllers), so a thread is set apart by its I/O priority.
const char* GarbageCollector::IsolateThread(GcMode mode) {
  constexpr int kPriority = (kIoPriorityBestEffort << kIoPriorityClassShift) | kIoPriorityLowest;
  const bool io = syscall(SYS_ioprio_set, kIoPriorityOfProcess, 0, kPriority) == 0;
  const bool cpu = pace_.Gentle(mode) &&
                   setpriority(PRIO_PROCESS, static_cast<id_t>(syscall(SYS_gettid)), kGcNice) == 0;
  const char* isolation = io && cpu ? "ioprio+nice" : io ? "ioprio" : cpu ? "nice" : "none";
  isolation_.store(isolation, std::memory_order_relaxed);
  return isolation;
}

// ---- settings ----

void GarbageCollector::SetLimits(uint32_t iops, uint32_t parallel) {
  pace_.SetIops(std::max(1u, iops));
  parallel_.store(std::clamp(parallel, 1u, kGcParallelMax), std::memory_order_relaxed);
}

void GarbageCollector::SetMode(uint32_t lane, GcMode mode) {
  figures_.lanes[lane].mode.store(mode, std::memory_order_relaxed);
}

void GarbageCollector::Pause(bool pause) { pace_.Pause(pause); }

// ---- collecting ----

void GarbageCollector::Loop() {
  while (!pace_.stopped()) {
    if (!pace_.paused() && CollectSome()) continue;
    pace_.Idle();
  }
}

void GarbageCollector::Step() {
  if (context_.enabled && !pace_.paused()) (void)CollectSome();
}

// Collects what is due, as many segments at once as may be. False: nothing was done.
bool GarbageCollector::CollectSome() {
  std::vector<Victim> victims;
  picker_->Pick(context_.has_thread ? parallel() : 1, &victims);
  if (victims.empty()) return false;
  std::vector<Status> results(victims.size());
  std::vector<uint8_t> swept(victims.size(), 0);
  CollectAtOnce(victims, &results, &swept);
  bool any = false;
  for (size_t i = 0; i < victims.size(); ++i) {
    any = any || results[i].ok();
    Conclude(victims[i], results[i], swept[i] != 0);
  }
  context_.host->WakeMaintenance();  // what was emptied can go
  return any;
}

// A thread for each: how it is set apart depends on the mode, and cannot be taken back. What there
// is no thread for is done here, one after the other and not set apart.
void GarbageCollector::CollectAtOnce(const std::vector<Victim>& victims,
                                     std::vector<Status>* results, std::vector<uint8_t>* swept) {
  const auto collect = [&](size_t i) {
    bool empty = false;
    (*results)[i] = collectors_[i]->Collect(victims[i].segment, victims[i].mode, &empty);
    (*swept)[i] = empty ? 1 : 0;
  };
  if (!context_.has_thread) return collect(0);
  Threads workers;
  while (workers.count() < victims.size() &&
         workers.Start([this, &victims, &collect, i = workers.count()] {
           IsolateThread(victims[i].mode);
           collect(i);
         })) {
  }
  const bool refused = workers.count() < victims.size();
  if (refused && !threads_refused_) {
    context_.host->Notice(
        "garbage collection: the system refuses another thread; going on with fewer");
  }
  threads_refused_ = refused;
  for (size_t i = workers.count(); i < victims.size(); ++i) collect(i);
  workers.Join();
}

void GarbageCollector::Conclude(const Victim& victim, const Status& status, bool swept) {
  Segment* segment = victim.segment;
  const bool damaged = status.code() == Code::kCorruption;
  if (status.ok()) {
    if (swept)
      figures_.lanes[context_.LaneOf(*segment)].segments.fetch_add(1, std::memory_order_relaxed);
  } else if (damaged) {
    context_.host->CountDamage();
    context_.host->Notice("garbage collection leaves a damaged segment alone: " + status.message());
  } else if (status.code() != Code::kBusy) {
    context_.host->Notice("garbage collection: " + status.message());
  }
  std::lock_guard<std::mutex> lock(context_.catalog->mutex());
  segment->Become(damaged ? SegmentState::kDamaged
                  : swept ? SegmentState::kSwept
                          : SegmentState::kSealed);
  if (status.ok() || (status.code() == Code::kBusy && !context_.has_thread)) {
    segment->retry_pause_ms = 0;
  } else {  // something else is tried meanwhile
    segment->retry_pause_ms = std::clamp(segment->retry_pause_ms * 2, kRetryMs, kRetryMsMax);
  }
  segment->retry_ms =
      segment->retry_pause_ms == 0
          ? 0
          : context_.shared->now_ms.load(std::memory_order_relaxed) + segment->retry_pause_ms;
}

// ---- checkpoints ----

void GarbageCollector::CloseGate() {
  gate_.Close();
  SealSurvivors();
}

LogAmount GarbageCollector::Written() const {
  return {figures_.written_bytes.load(std::memory_order_relaxed),
          figures_.written_records.load(std::memory_order_relaxed)};
}

// ---- figures ----

void GarbageCollector::AddStats(VlogStats* out) const {
  out->gc_reads = figures_.reads.load(std::memory_order_relaxed);
  out->gc_read_bytes = figures_.read_bytes.load(std::memory_order_relaxed);
  out->gc_writes = figures_.writes.load(std::memory_order_relaxed);
  out->gc_written_bytes = figures_.written_bytes.load(std::memory_order_relaxed);
  out->gc_paused = pace_.paused();
  out->gc_isolation = isolation_.load(std::memory_order_relaxed);
  for (size_t id = 0; id < out->lanes.size(); ++id) {
    LaneStats& lane = out->lanes[id];
    const GcLane& of = figures_.lanes[id];
    lane.gc_mode = NameOf(of.mode.load(std::memory_order_relaxed));
    lane.gc_segments = of.segments.load(std::memory_order_relaxed);
    lane.gc_moved_bytes = of.moved_bytes.load(std::memory_order_relaxed);
    lane.gc_reclaimed_segments = of.reclaimed_segments.load(std::memory_order_relaxed);
    lane.gc_reclaimed_bytes = of.reclaimed_bytes.load(std::memory_order_relaxed);
  }
}

}  // namespace cairn::vlog
