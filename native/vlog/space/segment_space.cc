#include "vlog/space/segment_space.h"

#include <algorithm>
#include <cerrno>
#include <utility>

#include "vlog/log/manifest.h"

namespace cairn::vlog {
namespace {

constexpr uint64_t kSpareIdleMs = 20000;  // without a write

}  // namespace

Status SegmentSpace::Begin(const Config& config) {
  config_ = config;
  Status status = remover_.Begin(config.dir, config.disk);
  if (!status.ok()) return status;
  return spares_.Begin(
      config.dir, config.disk,
      {config.spares_max != 0 ? config.spares_max : 2 * config.lanes, config.segment_bytes_min / 2,
       AlignUp(config.segment_bytes, kBlockBytesMax)});
}

void SegmentSpace::End() {
  remover_.End();
  spares_.End();
  quiescence_ = Quiescence();
}

// ---- reservations ----

uint64_t SegmentSpace::kept_back_bytes() const {
  return std::max(min_free_bytes(), config_.free_bytes_min);
}

Status SegmentSpace::FreeForWriters(uint64_t* room) {
  *room = UINT64_MAX;
  const uint64_t least = kept_back_bytes();
  for (;;) {
    Result<uint64_t> free = config_.disk->FreeBytes(config_.dir);
    if (!free.ok()) return Status();  // the allocation itself will tell
    free_bytes_.store(free.value(), std::memory_order_relaxed);
    *room = free.value() - std::min(free.value(), least);
    if (least == 0 || *room != 0) return Status();
    if (MakeRoom()) continue;
    return Status(Code::kNoSpace,
                  config_.dir + ": " + std::to_string(free.value()) + " bytes free, and " +
                      std::to_string(least) + " are left alone (min-free-bytes)",
                  ENOSPC);
  }
}

Status SegmentSpace::LeavesEnough(uint64_t bytes) {
  if (config_.free_bytes_min == 0) return Status();
  Result<uint64_t> free = config_.disk->FreeBytes(config_.dir);
  while (free.ok() && free.value() < bytes + kLastBytes && MakeRoom())
    free = config_.disk->FreeBytes(config_.dir);
  if (!free.ok() || free.value() >= bytes + kLastBytes) return Status();
  return Status(Code::kNoSpace, config_.dir + ": " + std::to_string(free.value()) + " bytes free",
                ENOSPC);
}

Status SegmentSpace::Reserve(Segment* segment, uint64_t end) {
  remover_.Release(segment->file->path());  // room that was to be given back
  for (;;) {
    Status status = segment->file->Allocate(segment->room_end, end - segment->room_end);
    if (status.code() != Code::kNoSpace || !MakeRoom()) return status;
  }
}

uint64_t SegmentSpace::RoomFor(uint64_t unit_bytes, uint64_t block) const {
  return AlignUp(unit_bytes + config_.reserve_bytes, block) + 4 * block;
}

// ---- files ----

Status SegmentSpace::CreateFile(Segment* segment, const NewFile& file) {
  const std::string path = SegmentPath(config_.dir, segment->id);
  Status status;
  if (!RecycleFile(segment, path, file)) status = NewSegmentFile(segment, path, file);
  if (status.ok()) status = config_.disk->SyncDir(config_.dir);
  if (status.ok()) return status;
  segment->file.reset();
  (void)config_.disk->Remove(path);
  return status;
}

// What follows from the file: the block, and how far the segment may grow.
void SegmentSpace::Size(Segment* segment, const NewFile& file) const {
  segment->block_bytes = std::max(segment->file->alignment().offset, kBlockBytesMin);
  segment->capacity = std::max(AlignUp(file.wanted, segment->block_bytes),
                               RoomFor(file.unit_bytes, segment->block_bytes));
}

Status SegmentSpace::NewSegmentFile(Segment* segment, const std::string& path,
                                    const NewFile& file) {
  Result<std::unique_ptr<File>> opened = config_.disk->OpenDirect(path, Disk::Mode::kCreate);
  if (!opened.ok()) return opened.status();
  segment->file = std::move(opened.value());
  Size(segment, file);
  const uint64_t block = segment->block_bytes;
  const uint64_t least = file.unit_bytes + std::min(config_.reserve_bytes, kSparingBytes);
  const uint64_t end =
      std::min(segment->capacity, file.sparing ? AlignUp(least, block) + 4 * block
                                               : std::max(AlignUp(config_.allocate_step, block),
                                                          RoomFor(file.unit_bytes, block)));
  Status status = Reserve(segment, end);
  if (!status.ok()) return status;
  segment->room_end = end;
  return WriteSegmentHeader(*segment, config_.lanes, file.incarnation);
}

// The same out of a spare. False: there is none, or it would not do; then it is gone. The header is
// written under the old name: under the new one the file is never anything but the new segment.
bool SegmentSpace::RecycleFile(Segment* segment, const std::string& path, const NewFile& file) {
  const std::string spare = spares_.Take(file.wanted);
  if (spare.empty()) {
    GiveUpSpare();  // it does not suit
    return false;
  }
  Result<std::unique_ptr<File>> opened = config_.disk->OpenDirect(spare, Disk::Mode::kReadWrite);
  bool good = opened.ok();
  if (good) {
    segment->file = std::move(opened.value());
    Size(segment, file);
    Result<uint64_t> size = segment->file->Size();
    if (size.ok()) segment->room_end = AlignDown(size.value(), segment->block_bytes);
    segment->capacity = std::max(segment->capacity, segment->room_end);
    good = segment->room_end >= RoomFor(file.unit_bytes, segment->block_bytes);
  }
  segment->recycled = true;
  good = good && WriteSegmentHeader(*segment, config_.lanes, file.incarnation).ok();
  segment->file.reset();
  if (good && config_.disk->Rename(spare, path).ok()) {
    opened = config_.disk->OpenDirect(path, Disk::Mode::kReadWrite);
    if (opened.ok()) {
      segment->file = std::move(opened.value());
      segment->worn_end = segment->room_end;
      recycled_.fetch_add(1, std::memory_order_relaxed);
      return true;
    }
    (void)config_.disk->Remove(path);
  } else {
    (void)config_.disk->Remove(spare);
  }
  segment->room_end = 0;
  segment->recycled = false;
  return false;
}

void SegmentSpace::TakeBack(const std::string& path, uint64_t bytes, uint64_t wanted,
                            uint64_t spare_bytes_max) {
  remover_.Release(path);
  const bool keep = SpareSegments::Suits(bytes, wanted) &&
                    (config_.spares_max != 0 || spares_.bytes() + bytes <= spare_bytes_max);
  if (!keep || !spares_.Keep(path, bytes)) remover_.Add(path);
}

// ---- now and then ----

void SegmentSpace::LookAtFree(uint64_t now_ms) {
  if (now_ms < looked_ms_ + kLookMs) return;
  looked_ms_ = now_ms;
  Result<uint64_t> free = config_.disk->FreeBytes(config_.dir);
  if (free.ok()) free_bytes_.store(free.value(), std::memory_order_relaxed);
}

void SegmentSpace::GiveUpIdleSpare(uint64_t records, uint64_t now_ms) {
  if (quiescence_.Ms(records, now_ms) > kSpareIdleMs) GiveUpSpare();
}

// One, if there is any; unlike MakeRoom, which does not take its time.
void SegmentSpace::GiveUpSpare() {
  const std::string spare = spares_.TakeAny();
  if (!spare.empty()) remover_.Add(spare);
}

void SegmentSpace::RemoveAll() {
  while (remover_.RemoveOne()) {
  }
}

}  // namespace cairn::vlog
