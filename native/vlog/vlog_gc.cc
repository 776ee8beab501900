// Garbage collection around the collectors: which segments, when, how fast, and the segments of
// survivors.
#include <sys/resource.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <utility>

#include "base/check.h"
#include "base/clock.h"
#include "base/threads.h"
#include "vlog/vlog_collect.h"

namespace cairn {

using vlog::AlignUp;
using vlog::GcLane;
using vlog::Lane;
using vlog::Segment;
using vlog::SegmentEntry;
using vlog::SegmentSpace;
using vlog::SegmentState;

namespace {

constexpr uint32_t kGcPollMs = 100;
constexpr uint64_t kGainPercentMin = 5;    // of a segment that must be dead to collect it
constexpr uint64_t kIoBytes = 128u << 10;  // what counts as one I/O under gc-iops
constexpr uint64_t kRollBytesMin = 256u
                                   << 10;  // dead in the active segment before it is ended early
constexpr uint64_t kSurvivorStep = 16u << 20;  // allocated ahead
constexpr int kGcNice = 5;
// ioprio_set(2): the lowest priority of the class "best effort", for one thread. Spelled out, for
// some editions of <linux/ioprio.h> name a parameter `class` and are no C++.
constexpr int kIoPriorityOfProcess = 1;
constexpr int kIoPriorityClassShift = 13;
constexpr int kIoPriorityBestEffort = 2;
constexpr int kIoPriorityLowest = 7;
constexpr uint32_t kOvershootFar = 150;  // log bytes per 100 allowed
constexpr uint64_t kNanosPerSecond = 1000000000;
constexpr uint64_t kPauseNanosMax = kNanosPerSecond / 5;
constexpr uint64_t kAmplificationFull = 103;
constexpr uint64_t kBrakePercent = 104;  // log bytes per 100 allowed from which writers are held up
constexpr uint64_t kBrakeBytesMin = 64u << 20;
constexpr uint64_t kRetryMsMax = 60000;
constexpr uint64_t kDebtNanosMax = 10 * kNanosPerSecond;
constexpr uint64_t kLetBeSegmentsMax = 64;
constexpr uint64_t kLetBeShare = 8;  // of the free bytes
constexpr uint64_t kLetBeMs = 5000;  // after the last write
constexpr uint64_t kRetryMs = 1000;  // after a failed collection

}  // namespace

void VlogEngine::At(GcPoint point) {
  if (CAIRN_UNLIKELY(tuning_.gc_hook != nullptr)) tuning_.gc_hook(tuning_.gc_context, point);
}

GcLane& VlogEngine::GcOf(const Segment& segment) { return gc_lanes_[segment.lane % lanes_.size()]; }

// ---- the thread ----

// Returns what the system allows to keep the thread out of the way.
std::string VlogEngine::PrepareGc() {
  gc_.stop.store(false);
  gc_.collectors.clear();
  while (gc_.collectors.size() < kGcParallelMax)
    gc_.collectors.push_back(std::make_unique<Collector>(this));
  std::string allowed;
  if (tuning_.inline_maintenance || !tuning_.gc) return allowed;
  Threads one;  // there is no way back
  (void)one.Start([this, &allowed] { allowed = IsolateGc(GcMode::kLazy); });
  one.Join();
  return allowed;
}

bool VlogEngine::StartGc() {
  return tuning_.inline_maintenance || !tuning_.gc || gc_.thread.Start([this] { GcLoop(); });
}

void VlogEngine::WakeGc() {
  std::lock_guard<std::mutex> lock(gc_.mutex);
  gc_.wake.notify_all();
}

void VlogEngine::StopGc() {
  {
    std::lock_guard<std::mutex> lock(gc_.mutex);
    gc_.stop.store(true);
    gc_.wake.notify_all();
  }
  gc_.thread.Join();
}

// The kernel's controller of I/O weights takes whole processes only (cgroup v2, "domain"
// controllers), so a thread is set apart by its I/O priority.
const char* VlogEngine::IsolateGc(GcMode mode) {
  constexpr int kPriority = (kIoPriorityBestEffort << kIoPriorityClassShift) | kIoPriorityLowest;
  const bool io = syscall(SYS_ioprio_set, kIoPriorityOfProcess, 0, kPriority) == 0;
  const bool cpu = Gentle(mode) &&
                   setpriority(PRIO_PROCESS, static_cast<id_t>(syscall(SYS_gettid)), kGcNice) == 0;
  const char* isolation = io && cpu ? "ioprio+nice" : io ? "ioprio" : cpu ? "nice" : "none";
  gc_.isolation.store(isolation, std::memory_order_relaxed);
  return isolation;
}

// Who falls far behind takes the processor like everybody else.
bool VlogEngine::Gentle(GcMode mode) const {
  return mode != GcMode::kAggressive &&
         gc_.overshoot.load(std::memory_order_relaxed) < kOvershootFar;
}

void VlogEngine::GcLoop() {
  while (!gc_.stop.load(std::memory_order_relaxed)) {
    if (!gc_.paused.load(std::memory_order_relaxed) && CollectSome()) continue;
    std::unique_lock<std::mutex> lock(gc_.mutex);
    if (gc_.stop.load()) return;
    gc_.wake.wait_for(lock, std::chrono::milliseconds(kGcPollMs));
  }
}

// Collects what is due, as many segments at once as may be. False: nothing was done.
bool VlogEngine::CollectSome() {
  std::vector<Victim> victims;
  PickVictims(tuning_.inline_maintenance ? 1 : gc_.parallel.load(std::memory_order_relaxed),
              &victims);
  if (victims.empty()) return false;
  std::vector<Status> results(victims.size());
  std::vector<uint8_t> swept(victims.size(), 0);
  const auto collect = [&](size_t i) {
    bool empty = false;
    results[i] = gc_.collectors[i]->Collect(victims[i].segment, victims[i].mode, &empty);
    swept[i] = empty ? 1 : 0;
  };
  if (tuning_.inline_maintenance) {
    collect(0);
  } else {
    // A thread for each: how it is set apart depends on the mode, and cannot be taken back. What
    // there is no thread for is done here, one after the other and not set apart.
    Threads workers;
    while (workers.count() < victims.size() &&
           workers.Start([this, &victims, &collect, i = workers.count()] {
             IsolateGc(victims[i].mode);
             collect(i);
           })) {
    }
    const bool refused = workers.count() < victims.size();
    if (refused && !gc_.threads_refused)
      Notice("garbage collection: the system refuses another thread; going on with fewer");
    gc_.threads_refused = refused;
    for (size_t i = workers.count(); i < victims.size(); ++i) collect(i);
    workers.Join();
  }
  bool any = false;
  for (size_t i = 0; i < victims.size(); ++i) {
    Segment* segment = victims[i].segment;
    const Status& status = results[i];
    if (status.ok()) {
      any = true;
      if (swept[i] != 0) GcOf(*segment).segments.fetch_add(1, std::memory_order_relaxed);
    } else if (status.code() == Code::kCorruption) {
      checksum_errors_.fetch_add(1, std::memory_order_relaxed);
      Notice("garbage collection leaves a damaged segment alone: " + status.message());
    } else if (status.code() != Code::kBusy) {
      Notice("garbage collection: " + status.message());
    }
    std::lock_guard<std::mutex> lock(catalog_.mutex());
    segment->Become(status.code() == Code::kCorruption ? SegmentState::kDamaged
                    : swept[i] != 0                    ? SegmentState::kSwept
                                                       : SegmentState::kSealed);
    if (status.ok() || (status.code() == Code::kBusy && tuning_.inline_maintenance)) {
      segment->retry_pause_ms = 0;
    } else {  // something else is tried meanwhile
      segment->retry_pause_ms = std::clamp(segment->retry_pause_ms * 2, kRetryMs, kRetryMsMax);
    }
    segment->retry_ms =
        segment->retry_pause_ms == 0
            ? 0
            : shared_.now_ms.load(std::memory_order_relaxed) + segment->retry_pause_ms;
  }
  WakeMaintenance();  // what was emptied can go
  return any;
}

// ---- which segments ----

bool VlogEngine::RemovalsDroppable(const Segment& segment, bool* first) {
  std::lock_guard<std::mutex> lock(catalog_.mutex());
  *first = catalog_.FirstInLogLocked(segment);
  return retained_.Droppable(segment, *first);
}

// Whether no checkpoint is kept or being written.
bool VlogEngine::NoCheckpoint() {
  std::lock_guard<std::mutex> lock(catalog_.mutex());
  return retained_.none();
}

void VlogEngine::PickVictims(uint32_t most, std::vector<Victim>* victims) {
  struct Sum {
    uint64_t used = 0;
    uint64_t live = 0;
    uint64_t active_dead = 0;
    std::vector<Victim> choice;
  };
  const uint64_t now_ms = shared_.now_ms.load(std::memory_order_relaxed);
  const uint64_t free_bytes = space_.free_bytes();
  // A disk that is about full: whatever can be had.
  const uint64_t least = space_.kept_back_bytes();
  const bool full = free_bytes != 0 && free_bytes < 2 * least;
  const uint64_t amplification =
      std::min<uint64_t>(catalog_.amplification(), full ? kAmplificationFull : UINT32_MAX);
  const uint64_t let_be = LetBeBytes(full ? 0 : free_bytes - std::min(free_bytes, least), now_ms);
  std::vector<Sum> sums(lanes_.size());
  std::lock_guard<std::mutex> lock(catalog_.mutex());
  const vlog::Manifest& manifest = catalog_.ManifestLocked();
  std::vector<uint8_t> has_older(lanes_.size(), 0);  // of the lane: something before in the log
  uint32_t first_epoch = manifest.epoch;
  for (const SegmentEntry& entry : manifest.segments)
    first_epoch = std::min(first_epoch, entry.epoch);
  for (const SegmentEntry& entry : vlog::InReadingOrder(manifest)) {
    Segment* segment = segments_.Get(entry.id);
    if (segment == nullptr) continue;
    const uint32_t lane = segment->lane % static_cast<uint32_t>(lanes_.size());
    Sum& sum = sums[lane];
    const uint64_t live = segment->live_bytes.load(std::memory_order_acquire);
    const bool first = entry.epoch == first_epoch && has_older[lane] == 0;
    if (segment->state() == SegmentState::kPendingDeletion) continue;
    if (!catalog_.SettledLocked(*segment)) {
      if (entry.epoch == first_epoch) has_older[lane] = 1;
      const uint64_t used = catalog_.UsedBytes(*segment);
      sum.used += used;
      sum.live += live;
      if (!segment->survivors() && used > live) sum.active_dead += used - live;
      continue;
    }
    const bool droppable = retained_.Droppable(*segment, first);
    const uint64_t removals =
        droppable ? 0 : segment->removal_bytes.load(std::memory_order_relaxed);
    const uint64_t size = segment->data_end;
    const bool swept = segment->state() == SegmentState::kSwept;
    const bool free = live == 0 && ((droppable && !segment->owes_deletes) || swept ||
                                    (removals == 0 && !segment->unread && !segment->owes_deletes &&
                                     !segment->flushes.load(std::memory_order_relaxed)));
    if (free) continue;  // on its way out
    if (entry.epoch == first_epoch) has_older[lane] = 1;
    sum.used += size;
    sum.live += std::min(live, size);
    if (segment->state() != SegmentState::kSealed || now_ms < segment->retry_ms ||
        segment->pins.load() > kPinsMax || BeingIndexed(segment->id) ||
        (!droppable && segment->flushes.load(std::memory_order_relaxed)))
      continue;
    const uint64_t kept = std::min(size, live + removals);
    if ((size - kept) * 100 < size * kGainPercentMin) continue;
    // What lives there must fit somewhere before its space comes back.
    if (free_bytes != 0 && kept + SegmentSpace::kLastBytes > free_bytes + space_.spare_bytes())
      continue;
    // Benefit over cost, as log-structured file systems weigh it: what is gained, for how long it
    // will stay gained, against reading all and writing what lives.
    const double u = static_cast<double>(kept) / static_cast<double>(size);
    const double age = 1.0 + static_cast<double>(manifest.next_segment_id - segment->id);
    sum.choice.push_back(
        {segment, gc_lanes_[lane].mode.load(std::memory_order_relaxed), (1 - u) * age / (1 + u)});
  }
  uint32_t overshoot = 0;
  for (uint32_t lane = 0; lane < lanes_.size(); ++lane) {
    Sum& sum = sums[lane];
    const bool aggressive =
        gc_lanes_[lane].mode.load(std::memory_order_relaxed) == GcMode::kAggressive;
    const uint64_t allowed =
        std::max(sum.live / 100 * amplification, sum.live + (aggressive ? 0 : let_be));
    // Enforced means that who writes faster than can be collected has to wait.
    const bool enforced =
        aggressive && !gc_.paused.load(std::memory_order_relaxed) && sum.used > kBrakeBytesMin;
    lanes_[lane]->SetBrake(enforced && !sum.choice.empty() &&
                           sum.used * 100 > allowed * kBrakePercent);
    if (sum.used <= allowed) continue;
    overshoot = std::max<uint32_t>(
        overshoot,
        static_cast<uint32_t>(std::min<uint64_t>(
            1000, allowed == 0 ? 1000 : sum.used * 100 / std::max<uint64_t>(1, allowed))));
    if (sum.choice.empty()) {
      // Only the segment that is written to has anything dead.
      if (sum.active_dead >= std::max(kRollBytesMin, (sum.used - allowed) / 2))
        lanes_[lane]->RequestRoll();
      continue;
    }
    std::sort(sum.choice.begin(), sum.choice.end(),
              [](const Victim& a, const Victim& b) { return a.score > b.score; });
    uint64_t excess = sum.used - allowed;
    for (const Victim& victim : sum.choice) {
      victims->push_back(victim);
      const uint64_t gain = victim.segment->data_end -
                            std::min(victim.segment->data_end, victim.segment->live_bytes.load());
      if (gain >= excess) break;
      excess -= gain;
    }
  }
  gc_.overshoot.store(overshoot, std::memory_order_relaxed);
  std::stable_sort(victims->begin(), victims->end(),
                   [](const Victim& a, const Victim& b) { return a.score > b.score; });
  if (victims->size() > most) victims->resize(most);
  for (const Victim& victim : *victims) victim.segment->Become(SegmentState::kCollecting);
}

// What may be dead in a lane in any case, while somebody writes: where little lives, segments die
// by themselves before long, and to collect them would be to read, over and over, as much as is
// written. Less with many lanes, or where disk space is short.
uint64_t VlogEngine::LetBeBytes(uint64_t room, uint64_t now_ms) {
  if (gc_.quiescence.Ms(RecordsSoFar(), now_ms) > kLetBeMs) return 0;
  const uint64_t unit = catalog_.segment_bytes_min();
  // All lanes together.
  const uint64_t most = std::min(kLetBeSegmentsMax * unit, room / kLetBeShare);
  return std::min(tuning_.gc_segments_let_be * unit, most / lanes_.size());
}

// ---- how fast ----

// After a batch. False: garbage collection was told to stop.
bool VlogEngine::PaceGc(GcMode mode, uint64_t read_bytes, uint64_t written_bytes) {
  if (tuning_.inline_maintenance) return true;
  const uint64_t now = MonotonicNanos();
  uint64_t pause = 0;
  if (mode == GcMode::kThrottled) {
    const uint64_t ios = (read_bytes + kIoBytes - 1) / kIoBytes +
                         (written_bytes + kIoBytes - 1) / kIoBytes + (written_bytes != 0 ? 1 : 0);
    const uint64_t cost = ios * kNanosPerSecond / gc_.iops.load(std::memory_order_relaxed);
    // Shared by all collectors: each takes its turn in time.
    uint64_t due = gc_.throttle_ns.load(std::memory_order_relaxed);
    const auto next = [&] { return std::min(std::max(due, now) + cost, now + kDebtNanosMax); };
    while (!gc_.throttle_ns.compare_exchange_weak(due, next())) {
    }
    pause = next() - now;
  } else if (mode == GcMode::kLazy) {
    // In small helpings while there is not much more than allowed, without a break from a quarter
    // too much on.
    const uint32_t overshoot = gc_.overshoot.load(std::memory_order_relaxed);
    const uint64_t took = now - std::min(now, gc_.batch_ended_ns.load(std::memory_order_relaxed));
    if (overshoot < 125) pause = std::min(took, kPauseNanosMax / 4) * (125 - overshoot) / 8;
  }
  pause = std::min(pause, kNanosPerSecond * 10);
  if (pause != 0) {
    std::unique_lock<std::mutex> lock(gc_.mutex);
    gc_.wake.wait_for(lock, std::chrono::nanoseconds(pause), [this] { return gc_.stop.load(); });
  }
  while (gc_.paused.load(std::memory_order_relaxed) && !gc_.stop.load()) {
    std::unique_lock<std::mutex> lock(gc_.mutex);
    gc_.wake.wait_for(lock, std::chrono::milliseconds(kGcPollMs));
  }
  gc_.batch_ended_ns.store(MonotonicNanos(), std::memory_order_relaxed);
  return !gc_.stop.load(std::memory_order_relaxed);
}

void VlogEngine::Notice(const std::string& text) {
  std::lock_guard<std::mutex> lock(notices_mutex_);
  if (notices_.size() < kNoticesMax) notices_.push_back(text);
}

std::vector<std::string> VlogEngine::TakeNotices() {
  std::lock_guard<std::mutex> lock(notices_mutex_);
  return std::exchange(notices_, {});
}

// ---- segments of survivors ----

Status VlogEngine::CreateSurvivors(uint32_t lane, uint64_t bytes, const Segment& victim,
                                   Segment** segment) {
  uint32_t before = 0;
  {
    std::lock_guard<std::mutex> lock(catalog_.mutex());
    const vlog::Manifest& manifest = catalog_.ManifestLocked();
    const bool related = victim.epoch == manifest.epoch && victim.lane == lane;
    for (const SegmentEntry& entry : manifest.segments) {
      if (entry.epoch != manifest.epoch || entry.lane != lane || entry.before != 0) continue;
      if (before != 0 && entry.id > before) continue;
      if (related && vlog::RankOf(entry.id, 0) <= victim.rank()) continue;
      const Segment* log = segments_.Get(entry.id);
      if (log != nullptr && !catalog_.SettledLocked(*log)) before = entry.id;
    }
  }
  CAIRN_CHECK(before != 0);
  Status status = space_.LeavesEnough(bytes);
  if (!status.ok()) return status;
  Result<std::unique_ptr<Segment>> created = catalog_.Create(lane, bytes, before, true);
  if (!created.ok()) return created.status();
  return catalog_.List(std::move(created.value()), segment);
}

Status VlogEngine::GrowSurvivors(Segment* segment, uint64_t room_end) {
  if (room_end <= segment->room_end) return Status();
  Status status = space_.LeavesEnough(room_end - segment->room_end);
  if (!status.ok()) return status;
  const uint64_t wish = std::max(room_end, segment->room_end + kSurvivorStep);
  uint64_t end = std::min(AlignUp(wish, segment->block_bytes), segment->capacity);
  if (!space_.LeavesEnough(end - segment->room_end).ok())  // a full disk: as little as will do
    end = AlignUp(room_end, segment->block_bytes);
  status = space_.Reserve(segment, end);
  if (!status.ok()) return status;
  LatchGuard guard(lanes_[segment->lane]->latch());
  segment->room_end = end;
  return status;
}

// Nothing will be written to it any more.
void VlogEngine::EndSurvivors(Segment* segment) {
  const uint64_t block = segment->block_bytes;
  const uint64_t end = std::min(
      AlignUp(std::max<uint64_t>(segment->proven.load(), block), block) + block, segment->room_end);
  // First this: once it is sealed, it may be reclaimed at any moment.
  space_.Shorten(segment->file->path(), end);
  LatchGuard guard(lanes_[segment->lane]->latch());
  segment->data_end = end;
  segment->Become(SegmentState::kSealed);
}

}  // namespace cairn
