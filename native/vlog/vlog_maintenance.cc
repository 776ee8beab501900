// What blocks: space for segments, the memory of flushed trees, and reclaiming segments without
// live records.
#include <algorithm>
#include <chrono>
#include <random>

#include "base/check.h"
#include "base/clock.h"
#include "vlog/vlog_engine.h"

namespace cairn {

using vlog::AlignDown;
using vlog::AlignUp;
using vlog::Lane;
using vlog::Segment;
using vlog::SegmentEntry;

namespace {

uint32_t RandomSalt() {
  std::random_device device;
  return device();
}

}  // namespace

void VlogEngine::WakeMaintenance() {
  std::lock_guard<std::mutex> lock(maintenance_mutex_);
  maintenance_poke_ = true;
  maintenance_wake_.notify_one();
}

void VlogEngine::MaintenanceLoop() {
  std::unique_lock<std::mutex> lock(maintenance_mutex_);
  while (!maintenance_stop_) {
    if (!maintenance_poke_) {
      maintenance_wake_.wait_for(lock, std::chrono::milliseconds(kMaintenanceMs));
    }
    if (maintenance_stop_) return;
    maintenance_poke_ = false;
    lock.unlock();
    Service(MonotonicMillis());
    lock.lock();
  }
}

void VlogEngine::Service(uint64_t now_ms) {
  serviced_ms_ = now_ms;
  shared_.service_wanted.store(false, std::memory_order_release);
  for (auto& lane : lanes_) ServiceLane(lane.get(), now_ms);
  BuryTrees();
  if (tuning_.reclaim) {
    Reclaim();
    Condemn();
  }
}

// ---- room for lanes ----

// Size of a segment that can take a unit: header, padding and trailer, and what is kept back for
// deletes.
uint64_t VlogEngine::RoomFor(uint64_t unit_bytes, uint64_t block) const {
  return AlignUp(unit_bytes + shared_.reserve_bytes, block) + 4 * block;
}

void VlogEngine::ServiceLane(Lane* lane, uint64_t now_ms) {
  const Lane::Wants wants = lane->TakeWants(now_ms);
  if (wants.trim != nullptr) {
    // Best effort: bytes behind the trailer mean nothing.
    (void)wants.trim->file->Truncate(wants.trim->data_end);
  }
  Status status;
  if (wants.extend != nullptr) {
    Segment* active = wants.extend;
    status =
        ExtendSegment(lane, active, active->room_end + shared_.allocate_step, active->capacity);
  }
  if (status.ok() && wants.next_bytes != 0 && wants.next == nullptr) {
    Segment* next = nullptr;
    Result<std::unique_ptr<Segment>> created = CreateSegment(lane->id(), wants.next_bytes);
    status = created.ok() ? ListSegment(std::move(created.value()), &next) : created.status();
    if (status.ok()) lane->GrantNext(next);
  } else if (status.ok() && wants.next_bytes != 0) {
    Segment* next = wants.next;
    const uint64_t room_end = RoomFor(wants.next_bytes, next->block_bytes);
    status = ExtendSegment(lane, next, room_end, std::max(next->capacity, room_end));
  }
  if (!status.ok()) lane->DenyRoom(status, wants, now_ms);
}

Status VlogEngine::ExtendSegment(Lane* lane, Segment* segment, uint64_t room_end,
                                 uint64_t capacity) {
  const uint64_t end = std::min(AlignUp(room_end, segment->block_bytes), capacity);
  if (end <= segment->room_end) return Status();
  Status status = AllocateOrDropSpares(segment, end);
  if (status.ok()) lane->GrantRoom(segment, end, capacity);
  return status;
}

// Reserves [room_end, end). Spares are there to save time; on a full disk they give way.
Status VlogEngine::AllocateOrDropSpares(Segment* segment, uint64_t end) {
  for (;;) {
    Status status = segment->file->Allocate(segment->room_end, end - segment->room_end);
    if (status.code() != Code::kNoSpace || !spares_.DropOne()) return status;
  }
}

// A new segment file, complete on disk but in no manifest yet.
Result<std::unique_ptr<Segment>> VlogEngine::CreateSegment(uint32_t lane, uint64_t unit_bytes) {
  auto segment = std::make_unique<Segment>();
  {
    std::lock_guard<std::mutex> lock(manifest_mutex_);
    if (manifest_.segments.size() >= vlog::kManifestSegmentsMax ||
        manifest_.next_segment_id >= vlog::SegmentTable::kIdsMax) {
      return Status(Code::kNoSpace, "too many segments; raise segment-size");
    }
    segment->id = manifest_.next_segment_id++;
    segment->epoch = manifest_.epoch;
  }
  segment->lane = lane;
  segment->salt = tuning_.salt != 0 ? tuning_.salt : RandomSalt();
  const std::string path = vlog::SegmentPath(options_.dir, segment->id);
  Status status;
  if (!RecycleFile(segment.get(), path, unit_bytes))
    status = NewFile(segment.get(), path, unit_bytes);
  if (status.ok()) status = disk_->SyncDir(options_.dir);
  if (status.ok()) return segment;
  segment->file.reset();
  (void)disk_->Remove(path);
  return status;
}

// What follows from the file: the block, and how far the segment may grow.
void VlogEngine::SizeSegment(Segment* segment, uint64_t unit_bytes) {
  segment->block_bytes = std::max(segment->file->alignment().offset, vlog::kBlockBytesMin);
  segment->capacity = std::max(AlignUp(options_.segment_bytes, segment->block_bytes),
                               RoomFor(unit_bytes, segment->block_bytes));
}

Status VlogEngine::NewFile(Segment* segment, const std::string& path, uint64_t unit_bytes) {
  Result<std::unique_ptr<File>> file = disk_->OpenDirect(path, Disk::Mode::kCreate);
  if (!file.ok()) return file.status();
  segment->file = std::move(file.value());
  SizeSegment(segment, unit_bytes);
  const uint64_t block = segment->block_bytes;
  const uint64_t end = std::min(segment->capacity, std::max(AlignUp(shared_.allocate_step, block),
                                                            RoomFor(unit_bytes, block)));
  Status status = AllocateOrDropSpares(segment, end);
  if (!status.ok()) return status;
  segment->room_end = end;
  return vlog::WriteSegmentHeader(*segment, static_cast<uint32_t>(manifest_.lanes),
                                  shared_.incarnation);
}

// The same out of a spare. False: there is none, or it would not do; then it is gone. The header is
// written under the old name: under the new one the file is never anything but the new segment.
bool VlogEngine::RecycleFile(Segment* segment, const std::string& path, uint64_t unit_bytes) {
  const std::string spare = spares_.Take();
  if (spare.empty()) return false;
  Result<std::unique_ptr<File>> file = disk_->OpenDirect(spare, Disk::Mode::kReadWrite);
  bool good = file.ok();
  if (good) {
    segment->file = std::move(file.value());
    SizeSegment(segment, unit_bytes);
    Result<uint64_t> size = segment->file->Size();
    if (size.ok()) {
      segment->room_end =
          std::min(AlignDown(size.value(), segment->block_bytes), segment->capacity);
    }
    good = segment->room_end >= RoomFor(unit_bytes, segment->block_bytes);
  }
  segment->recycled = true;
  good = good && vlog::WriteSegmentHeader(*segment, static_cast<uint32_t>(manifest_.lanes),
                                          shared_.incarnation)
                     .ok();
  segment->file.reset();
  if (good && disk_->Rename(spare, path).ok()) {
    file = disk_->OpenDirect(path, Disk::Mode::kReadWrite);
    if (file.ok()) {
      segment->file = std::move(file.value());
      segment->worn_end = segment->room_end;
      segments_recycled_.fetch_add(1, std::memory_order_relaxed);
      return true;
    }
    (void)disk_->Remove(path);
  } else {
    (void)disk_->Remove(spare);
  }
  segment->room_end = 0;
  segment->recycled = false;
  return false;
}

// Makes a created segment part of the directory.
Status VlogEngine::ListSegment(std::unique_ptr<Segment> segment, Segment** listed) {
  std::lock_guard<std::mutex> lock(manifest_mutex_);
  manifest_.segments.push_back({segment->id, segment->lane, segment->epoch, segment->salt});
  Status status = vlog::SaveManifest(options_.dir, disk_, manifest_);
  if (!status.ok()) {
    // The new manifest may or may not be the one on disk; only one of the two names the file, and
    // it is empty.
    manifest_.segments.pop_back();
    return status;
  }
  *listed = segment.get();
  segments_.Add(std::move(segment));
  return status;
}

// ---- memory of flushed trees ----

void VlogEngine::BuryTrees() {
  std::vector<Art> trees;
  {
    std::lock_guard<std::mutex> lock(graveyard_mutex_);
    trees.swap(graveyard_);
  }
  for (Art& tree : trees) {
    tree.Scan({}, [this](std::string_view, Pointer& pointer, uint64_t) {
      Retire(pointer);
      return true;
    });
    tree.Clear();
  }
}

// ---- reclaiming ----
// The oldest segments of a lane that hold no live record may go: whatever in them still has a
// meaning (removals, expiries) concerns only records that are gone with them, as they lie before.
// An epoch's segments may go once no older epoch has any, for its removals concern those, too. A
// segment is dead for good only when what killed it is durable.

void VlogEngine::Condemn() {
  if (!condemned_.empty()) return;
  std::vector<SegmentEntry> entries;
  std::vector<vlog::TreeEntry> trees;
  uint64_t swaps;
  uint32_t current_epoch;
  {
    std::lock_guard<std::mutex> lock(manifest_mutex_);
    entries = manifest_.segments;
    current_epoch = manifest_.epoch;
  }
  uint32_t oldest_epoch = current_epoch;
  for (const SegmentEntry& entry : entries) oldest_epoch = std::min(oldest_epoch, entry.epoch);
  {
    std::lock_guard<std::mutex> lock(graveyard_mutex_);
    if (!graveyard_.empty()) return;
  }
  {
    std::lock_guard<std::mutex> lock(swap_mutex_);
    swaps = swap_sequence_;
    for (uint32_t ns = 0; ns < kDatabasesMax; ++ns) {
      const uint16_t tree = tree_of_[ns].load(std::memory_order_relaxed);
      if (tree != ns) trees.push_back({static_cast<uint16_t>(ns), tree});
    }
  }
  std::vector<uint8_t> blocked;  // lanes whose oldest segment lives
  for (const SegmentEntry& entry : entries) {
    if (entry.epoch != oldest_epoch) continue;
    if (entry.lane >= blocked.size()) blocked.resize(entry.lane + 1, 0);
    if (blocked[entry.lane] != 0) continue;
    Segment* segment = segments_.Get(entry.id);
    const bool current = entry.epoch == current_epoch;
    // In this order: nothing is staged in a sealed segment, what was staged there is counted before
    // its reactor says that it is done, and only then do the live bytes tell the truth.
    const bool dead = segment != nullptr && !(current && (!lanes_[entry.lane]->Sealed(segment))) &&
                      !BeingIndexed(entry.id) &&
                      segment->pins.load(std::memory_order_acquire) == 0 &&
                      segment->live_bytes.load(std::memory_order_acquire) == 0;
    if (dead) {
      condemned_.push_back({entry.id, {}, swaps, trees});
    } else {
      blocked[entry.lane] = 1;
    }
  }
  if (condemned_.empty()) return;
  std::vector<uint64_t> barrier;
  for (auto& lane : lanes_) barrier.push_back(lane->staged_end());
  for (Condemned& condemned : condemned_) condemned.barrier = barrier;
}

// A reactor has staged a record in the segment and has not counted it as live yet.
bool VlogEngine::BeingIndexed(uint32_t segment_id) const {
  for (uint32_t i = 0; i < kReactorsMax; ++i) {
    if (reactors_[i].staged_in.load(std::memory_order_acquire) == segment_id) return true;
  }
  return false;
}

void VlogEngine::Reclaim() {
  if (condemned_.empty()) return;
  for (uint32_t lane = 0; lane < lanes_.size(); ++lane) {
    if (lanes_[lane]->durable() < condemned_[0].barrier[lane]) return;
  }
  for (const Condemned& condemned : condemned_) {
    if (!RemoveSegment(condemned).ok()) break;  // it stays listed; tried again by and by
  }
  condemned_.clear();
}

Status VlogEngine::RemoveSegment(const Condemned& condemned) {
  Segment* segment = segments_.Get(condemned.segment_id);
  if (segment->pins.load(std::memory_order_acquire) != 0) return Status(Code::kBusy, "");
  CAIRN_CHECK(segment->live_bytes.load(std::memory_order_acquire) == 0);
  {
    std::lock_guard<std::mutex> lock(manifest_mutex_);
    vlog::Manifest changed = manifest_;
    std::erase_if(changed.segments,
                  [&](const SegmentEntry& entry) { return entry.id == segment->id; });
    changed.swap_sequence = condemned.swap_sequence;
    changed.trees = condemned.trees;
    Status status = vlog::SaveManifest(options_.dir, disk_, changed);
    if (!status.ok()) return status;
    manifest_ = std::move(changed);
  }
  const std::string path = segment->file->path();
  const Result<uint64_t> size = segment->file->Size();
  std::unique_ptr<Segment> gone = segments_.Remove(segment->id);
  gone.reset();
  if (size.ok() && spares_.Keep(path, size.value())) return Status();
  (void)disk_->Remove(path);  // if it stays, the next start removes it
  return Status();
}

}  // namespace cairn
