#include "vlog/recovery/replay.h"

#include <algorithm>

#include "base/check.h"
#include "base/threads.h"
#include "vlog/recovery/replay_cursor.h"

namespace cairn::vlog {

Replay::Replay(const ReplayOptions& options, ReplaySink* sink) : options_(options), sink_(sink) {
  CAIRN_CHECK(options.lanes >= 1 && options.threads >= 1);
  CAIRN_CHECK(options.clean_ends.empty() || options.clean_ends.size() == options.lanes);
  CAIRN_CHECK(options.units.empty() || options.units.size() == options.lanes);
  CAIRN_CHECK(options.from.empty() || options.from.size() == options.lanes);
  for (uint32_t lane = 0; lane < options.lanes; ++lane) {
    cursors_.push_back(std::make_unique<LaneCursor>(this, lane));
  }
}

Replay::~Replay() = default;

void Replay::AddSegment(uint32_t lane, Segment* segment, uint64_t file_bytes) {
  CAIRN_CHECK(lane < cursors_.size());
  cursors_[lane]->AddSegment(segment, file_bytes);
  lane_of_segment_[segment->id] = lane;
}

const LaneEnd& Replay::end(uint32_t lane) const { return cursors_[lane]->end(); }

Status Replay::Run() {
  for (const auto& cursor : cursors_) cursor->Sort();
  const uint32_t wanted = std::min(options_.threads, options_.lanes);
  Threads helpers;
  {
    std::lock_guard<std::mutex> lock(mutex_);  // none begins before all know how many they are
    workers_ = 1;
    while (workers_ < wanted && helpers.Start([this, i = workers_] { Work(i); })) ++workers_;
    working_ = workers_;
  }
  Work(0);
  helpers.Join();
  for (const auto& cursor : cursors_) {
    CAIRN_CHECK(!failure_.ok() || cursor->state() == LaneCursor::State::kEnded);
  }
  return failure_;
}

void Replay::Work(uint32_t worker) {
  constexpr uint32_t kAheadDepth = 32;
  uint32_t stride;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    stride = workers_;
  }
  std::unique_ptr<IoQueue> queue;
  if (options_.ahead != nullptr) {
    IoQueueOptions depth;
    depth.depth = kAheadDepth;
    depth.threads = 1;
    Result<std::unique_ptr<IoQueue>> made = options_.ahead->NewQueue(depth, nullptr);
    if (made.ok()) queue = std::move(made.value());
  }
  for (uint32_t lane = worker; lane < cursors_.size(); lane += stride)
    cursors_[lane]->BeginReading(queue.get());
  StepLanes(worker, stride);
  for (uint32_t lane = worker; lane < cursors_.size(); lane += stride) cursors_[lane]->EndReading();
}

// Steps a worker's lanes in turn until all have ended. If all workers only wait, transactions wait
// for each other, which no log that was written whole can contain.
void Replay::StepLanes(uint32_t worker, uint32_t stride) {
  for (;;) {
    uint64_t seen;
    {
      std::lock_guard<std::mutex> lock(mutex_);
      if (!failure_.ok()) return;
      seen = version_;
    }
    bool progressed = false;
    bool ended = true;
    Status status;
    if (options_.stop != nullptr && options_.stop->load(std::memory_order_relaxed))
      status = Status(Code::kBusy, "stopped");
    for (uint32_t lane = worker; status.ok() && lane < cursors_.size(); lane += stride) {
      bool moved = false;
      status = cursors_[lane]->Step(&moved);
      progressed = progressed || moved;
      ended = ended && cursors_[lane]->state() == LaneCursor::State::kEnded;
    }
    if (options_.on_idle != nullptr && status.ok() && !progressed && !ended)
      options_.on_idle(worker);
    std::unique_lock<std::mutex> lock(mutex_);
    if (!status.ok() && failure_.ok()) failure_ = status;
    if (progressed || ended || !failure_.ok()) {
      ++version_;
      idle_ = 0;
      if (ended || !failure_.ok()) --working_;
      changed_.notify_all();
      if (ended || !failure_.ok()) return;
      continue;
    }
    if (version_ != seen) continue;  // somebody went on meanwhile; who waits is counted once
    ++idle_;
    while (version_ == seen && failure_.ok() && idle_ < working_) changed_.wait(lock);
    if (version_ == seen && failure_.ok()) {
      failure_ = Status(Code::kCorruption,
                        "the log contradicts itself: transactions wait for each other's parts");
      changed_.notify_all();
    }
  }
}

Replay::Fate Replay::Judge(uint32_t lane, const TxnKey& key,
                           const std::vector<uint64_t>& positions) {
  std::lock_guard<std::mutex> lock(mutex_);
  Parts& parts = txns_[key];
  if (parts.positions.empty()) parts.positions = positions;
  if (std::find(parts.arrived.begin(), parts.arrived.end(), lane) == parts.arrived.end()) {
    parts.arrived.push_back(lane);
  }
  if (parts.positions != positions) return Fate::kDead;
  bool whole = true;
  bool reclaimed = false;
  uint32_t present = 0;
  for (uint64_t position : positions) {
    const auto found = lane_of_segment_.find(SegmentOf(position));
    if (found == lane_of_segment_.end() || position < cursors_[found->second]->from()) {
      reclaimed = true;  // or known from a checkpoint: it was durable
      continue;
    }
    const uint32_t peer = found->second;
    ++present;
    if (std::find(parts.arrived.begin(), parts.arrived.end(), peer) != parts.arrived.end())
      continue;
    whole = false;
    // The peer went past the place, or past everything that was written together with this part.
    if (cursors_[peer]->progress() > position || cursors_[peer]->incarnation() > key.first)
      return Fate::kDead;
  }
  if (!whole) return Fate::kWait;
  if (++parts.taken >= present) txns_.erase(key);
  return reclaimed ? Fate::kWholeOrCut : Fate::kWhole;
}

Status Replay::Damage(const std::string& where) {
  damaged_.store(true);
  std::lock_guard<std::mutex> lock(mutex_);
  damage_.push_back(where);
  return options_.salvage ? Status() : Status(Code::kCorruption, where);
}

void Replay::Misnumbered(const std::string& where) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (misnumbered_.size() < kMisnumberedMax) misnumbered_.push_back(where);
}

void Replay::Torn(TornTail tail) {
  std::lock_guard<std::mutex> lock(mutex_);
  torn_.push_back(std::move(tail));
}

}  // namespace cairn::vlog
