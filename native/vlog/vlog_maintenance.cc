// What blocks: space for segments, the memory of flushed trees, and reclaiming segments without
// live records.
#include <algorithm>
#include <cerrno>
#include <chrono>
#include <set>

#include "base/check.h"
#include "base/clock.h"
#include "vlog/vlog_engine.h"

namespace cairn {

using vlog::AlignDown;
using vlog::AlignUp;
using vlog::Lane;
using vlog::Segment;
using vlog::SegmentEntry;
using vlog::SegmentSpace;
using vlog::SegmentState;

namespace {

constexpr uint64_t kDeleteTreesMs = 20;   // at a time
constexpr uint64_t kStepMin = 64u << 10;  // by which a segment grows at the least

}  // namespace

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
    if (WorkLeft()) maintenance_poke_ = true;
  }
}

void VlogEngine::Service(uint64_t now_ms) {
  serviced_ms_ = now_ms;
  space_.LookAtFree(now_ms);
  shared_.service_wanted.store(false, std::memory_order_release);
  for (auto& lane : lanes_) ServiceLane(lane.get(), now_ms);
  GiveBackSlack(now_ms);
  DeleteFlushedTrees(tuning_.inline_maintenance ? UINT64_MAX : kDeleteTreesMs);
  if (tuning_.reclaim) {
    Reclaim();
    ChooseForDeletion();
  }
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

bool VlogEngine::WorkLeft() {
  std::lock_guard<std::mutex> lock(flushed_trees_mutex_);
  return !flushed_trees_.empty();
}

// ---- reclaiming ----
// A sealed segment without live records may go when nothing else in it has a meaning any more
// (removals, expiries): because garbage collection has moved that on, or because no recovery can
// read anything older. It is dead for good only when what killed it is durable.

void VlogEngine::ChooseForDeletion() {
  {
    std::lock_guard<std::mutex> lock(flushed_trees_mutex_);
    if (!flushed_trees_.empty()) return;
  }
  PendingDeletion empty;
  LookAtTrees(&empty.swap_sequence, &empty.trees);
  std::map<uint32_t, PendingDeletion> found;
  {
    std::lock_guard<std::mutex> lock(catalog_.mutex());
    const vlog::Manifest& manifest = catalog_.ManifestLocked();
    const std::vector<SegmentEntry> entries = vlog::InReadingOrder(manifest);
    const uint32_t first_epoch = entries.empty() ? 0 : entries[0].epoch;
    std::vector<uint8_t> stays(kLanesMax, 0);  // of the lane: something before this one
    for (const SegmentEntry& entry : entries) {
      const uint32_t group = entry.epoch == manifest.epoch ? entry.lane : kEarlierEpochs;
      if (pending_deletions_.count(group) != 0) continue;  // that comes first
      const bool first = entry.epoch == first_epoch && stays[entry.lane] == 0;
      bool needs_checkpoint = false;
      if (!Dead(entry, first, &needs_checkpoint)) {
        stays[entry.lane] = 1;
        continue;
      }
      PendingDeletion& pending = found.try_emplace(group, empty).first->second;
      pending.segments.insert(entry.id);
      pending.needs_checkpoint = pending.needs_checkpoint || needs_checkpoint;
      segments_.Get(entry.id)->Become(SegmentState::kPendingDeletion);
    }
  }
  // What kills a record of this epoch lies in the same lane; and a transaction there is durable
  // only together with its parts elsewhere.
  for (auto& [group, pending] : found) {
    for (uint32_t lane = 0; lane < lanes_.size(); ++lane) {
      if (group != kEarlierEpochs && group != lane) continue;
      pending.barrier.push_back(lanes_[lane]->staged_end());
      if (lanes_[lane]->durable() < pending.barrier.back())
        lanes_[lane]->WantSync(pending.barrier.back());
    }
    pending_deletions_.emplace(group, std::move(pending));
  }
}

// Which trees namespaces stand for, but for those of their own number, and the swap that made it
// so.
void VlogEngine::LookAtTrees(uint64_t* swap_sequence, std::vector<vlog::TreeEntry>* trees) {
  std::lock_guard<std::mutex> lock(swap_mutex_);
  *swap_sequence = swap_sequence_;
  for (uint32_t ns = 0; ns < kDatabasesMax; ++ns) {
    const uint16_t tree = tree_of_[ns].load(std::memory_order_relaxed);
    if (tree != ns) trees->push_back({static_cast<uint16_t>(ns), tree});
  }
}

bool VlogEngine::Due(uint32_t group, const PendingDeletion& pending) {
  size_t at = 0;
  for (uint32_t lane = 0; lane < lanes_.size(); ++lane) {
    if (group != kEarlierEpochs && group != lane) continue;
    if (lanes_[lane]->durable() < pending.barrier[at++]) return false;
  }
  return true;
}

bool VlogEngine::Dead(const SegmentEntry& entry, bool first, bool* needs_checkpoint) {
  Segment* segment = segments_.Get(entry.id);
  // In this order: nothing is staged in a sealed segment, what was staged there is counted before
  // its reactor says that it is done, and only then do the live bytes tell the truth.
  if (segment == nullptr || segment->state() == SegmentState::kCollecting ||
      !catalog_.SettledLocked(*segment) || BeingIndexed(entry.id) ||
      segment->pins.load(std::memory_order_acquire) != 0 ||
      segment->live_bytes.load(std::memory_order_acquire) != 0) {
    return false;
  }
  if (segment->state() == SegmentState::kSwept) {
    *needs_checkpoint = *needs_checkpoint || segment->needs_checkpoint;
    return true;
  }
  if (!segment->unread && !segment->owes_deletes &&
      segment->removal_bytes.load(std::memory_order_relaxed) == 0 &&
      !segment->flushes.load(std::memory_order_relaxed))
    return true;
  if (segment->owes_deletes || !retained_.Droppable(*segment, first)) return false;
  if (!first) *needs_checkpoint = true;
  return true;
}

// A reactor has staged a record in the segment and has not counted it as live yet.
bool VlogEngine::BeingIndexed(uint32_t segment_id) const {
  for (uint32_t i = 0; i < kReactorsMax; ++i) {
    if (reactors_[i].staged_in.load(std::memory_order_acquire) == segment_id) return true;
  }
  return false;
}

void VlogEngine::Reclaim() {
  std::vector<std::unique_ptr<Segment>> gone;
  {
    std::lock_guard<std::mutex> lock(catalog_.mutex());
    vlog::Manifest changed = catalog_.ManifestLocked();
    std::set<uint32_t> leave;
    for (auto it = pending_deletions_.begin(); it != pending_deletions_.end();) {
      const PendingDeletion& pending = it->second;
      if (!Due(it->first, pending)) {
        ++it;
        continue;
      }
      bool pinned = false;
      for (uint32_t id : pending.segments) {
        Segment* segment = segments_.Get(id);
        pinned = pinned || segment->pins.load(std::memory_order_acquire) != 0;
      }
      // One may be superfluous only because another, which lies before it, goes as well.
      if (pinned) {
        for (uint32_t id : pending.segments) segments_.Get(id)->CallOffDeletion();
      } else {
        leave.insert(pending.segments.begin(), pending.segments.end());
        if (pending.swap_sequence >= changed.swap_sequence) {
          changed.swap_sequence = pending.swap_sequence;
          changed.trees = pending.trees;
        }
        changed.needs_checkpoint = changed.needs_checkpoint || pending.needs_checkpoint;
      }
      it = pending_deletions_.erase(it);
    }
    if (leave.empty()) return;
    std::erase_if(changed.segments,
                  [&](const SegmentEntry& entry) { return leave.count(entry.id) != 0; });
    if (!catalog_.ReplaceLocked(std::move(changed)).ok()) {
      // They stay listed; tried again by and by.
      for (uint32_t id : leave) segments_.Get(id)->CallOffDeletion();
      return;
    }
    for (uint32_t id : leave) {
      CAIRN_CHECK(segments_.Get(id)->live_bytes.load(std::memory_order_acquire) == 0);
      gone.push_back(segments_.Remove(id));
    }
  }
  At(GcPoint::kUnlisted);
  for (std::unique_ptr<Segment>& segment : gone) {
    const std::string path = segment->file->path();
    const Result<uint64_t> size = segment->file->Size();
    const uint32_t lane = segment->lane % options_.lanes;
    vlog::GcLane& figures = gc_.figures()->lanes[lane];
    figures.reclaimed_segments.fetch_add(1, std::memory_order_relaxed);
    figures.reclaimed_bytes.fetch_add(segment->data_end, std::memory_order_relaxed);
    segment.reset();
    catalog_.TakeBack(lane, path, size.ok() ? size.value() : 0);
  }
}

}  // namespace cairn
