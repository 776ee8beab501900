// What blocks: room for lanes, and the memory of flushed trees. The rest of what maintenance does
// now and then is in the rooms.
#include <algorithm>
#include <chrono>

#include "base/check.h"
#include "base/clock.h"
#include "vlog/vlog_engine.h"

namespace cairn {

using vlog::AlignUp;
using vlog::Art;
using vlog::Lane;
using vlog::Pointer;
using vlog::Segment;
using vlog::SegmentSpace;

namespace {

constexpr uint64_t kDeleteTreesMs = 20;   // at a time
constexpr uint64_t kStepMin = 64u << 10;  // by which a segment grows at the least

}  // namespace

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

void VlogEngine::WakeMaintenance() {
  std::lock_guard<std::mutex> lock(maintenance_mutex_);
  maintenance_poke_ = true;
  maintenance_wake_.notify_one();
}

void VlogEngine::MaintenanceLoop() {
  std::unique_lock<std::mutex> lock(maintenance_mutex_);
  uint64_t wait_ms = kMaintenanceMs;
  while (!maintenance_stop_) {
    if (!maintenance_poke_) maintenance_wake_.wait_for(lock, std::chrono::milliseconds(wait_ms));
    if (maintenance_stop_) return;
    const uint64_t now_ms = MonotonicMillis();
    const bool due = maintenance_poke_ || now_ms >= serviced_ms_ + kMaintenanceMs;
    maintenance_poke_ = false;
    lock.unlock();
    if (due) Service(now_ms);
    wait_ms = std::min(space_.Step(now_ms), kMaintenanceMs);
    lock.lock();
    if (FlushedTreesLeft()) maintenance_poke_ = true;
  }
}

void VlogEngine::Service(uint64_t now_ms) {
  serviced_ms_ = now_ms;
  space_.LookAtFree(now_ms);
  shared_.service_wanted.store(false, std::memory_order_release);
  for (auto& lane : lanes_) ServiceLane(lane.get(), now_ms);
  GiveBackSlack(now_ms);
  DeleteFlushedTrees(tuning_.inline_maintenance ? UINT64_MAX : kDeleteTreesMs);
  if (tuning_.reclaim) reclaimer_.Service();
  if (spaces_.wants_numbers()) (void)SetNumbersAside();  // else again, when somebody wants some
  if (!tuning_.inline_maintenance) return;
  if (space_.Step(now_ms) != SegmentSpace::kIdle)
    shared_.service_wanted.store(true, std::memory_order_release);
  gc_.Step();
  checkpointer_.Service();
}

// When nobody writes, room taken ahead and files kept for reuse are of no use.
void VlogEngine::GiveBackSlack(uint64_t now_ms) {
  for (auto& lane : lanes_) {
    for (const Lane::Slack& slack : lane->TakeSlack(now_ms))
      space_.Shorten(slack.segment->file->path(), slack.room_end);
  }
  space_.GiveUpIdleSpare(RecordsSoFar(), now_ms);
}

// ---- room for lanes ----

void VlogEngine::ServiceLane(Lane* lane, uint64_t now_ms) {
  const Lane::ReservationRequest request = lane->TakeReservationRequest(now_ms);
  // Bytes behind the trailer mean nothing.
  if (request.trim != nullptr) space_.Shorten(request.trim->file->path(), request.trim->data_end);
  if (request.relief) lane->Relieve(space_.MakeRoom());
  if (request.extend == nullptr && request.next_bytes == 0 && !request.rejected) return;
  uint64_t room = 0;
  Status status = space_.FreeForWriters(&room);
  if (request.rejected) {
    if (status.ok()) lane->EndRejection();
    return;
  }
  // Deletes make room, so they may go on: as much as the reserve is, at a time.
  const bool sparing =
      !status.ok() && request.urgent && space_.LeavesEnough(2 * SegmentSpace::kSparingBytes).ok();
  const Status why = status;
  if (sparing) status = Status();
  if (status.ok() && request.extend != nullptr) {
    Segment* active = request.extend;
    const uint64_t step = sparing ? std::min(shared_.reserve_bytes, SegmentSpace::kSparingBytes)
                                  : std::min(shared_.allocate_step, std::max(room, kStepMin));
    status = ExtendSegment(lane, active, active->room_end + step, active->capacity, sparing);
  }
  if (status.ok() && request.next_bytes != 0 && request.next == nullptr) {
    Segment* next = nullptr;
    Result<std::unique_ptr<Segment>> created =
        catalog_.Create(lane->id(), request.next_bytes, 0, sparing || room < shared_.allocate_step);
    status = created.ok() ? catalog_.List(std::move(created.value()), &next) : created.status();
    if (status.ok()) lane->GrantNextSegment(next, sparing);
  } else if (status.ok() && request.next_bytes != 0) {
    Segment* next = request.next;
    const uint64_t room_end = space_.RoomFor(request.next_bytes, next->block_bytes);
    status = ExtendSegment(lane, next, room_end, std::max(next->capacity, room_end), sparing);
  }
  if (!status.ok()) lane->RejectReservation(sparing ? why : status, request, now_ms);
}

Status VlogEngine::ExtendSegment(Lane* lane, Segment* segment, uint64_t room_end, uint64_t capacity,
                                 bool sparing) {
  const uint64_t end = std::min(AlignUp(room_end, segment->block_bytes), capacity);
  if (end <= segment->room_end) return Status();
  Status status = space_.Reserve(segment, end);
  if (status.ok()) lane->GrantReservation(segment, end, capacity, sparing);
  return status;
}

// ---- memory of flushed trees ----

// One shard's tree after the other, and not for long at a time: lanes may want room meanwhile.
void VlogEngine::DeleteFlushedTrees(uint64_t millis) {
  const uint64_t started = MonotonicMillis();
  for (;;) {
    Art tree;
    {
      std::lock_guard<std::mutex> lock(flushed_trees_mutex_);
      if (flushed_trees_.empty()) return;
      tree = std::move(flushed_trees_.back());
      flushed_trees_.pop_back();
    }
    tree.Scan({}, [this](std::string_view, Pointer& pointer, uint64_t) {
      Retire(pointer);
      return true;
    });
    tree.Clear();
    if (MonotonicMillis() - started >= millis) return;
  }
}

bool VlogEngine::FlushedTreesLeft() {
  std::lock_guard<std::mutex> lock(flushed_trees_mutex_);
  return !flushed_trees_.empty();
}

}  // namespace cairn
