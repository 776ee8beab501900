#include "vlog/gc/survivor_segments.h"

#include <algorithm>
#include <utility>

#include "base/check.h"

namespace cairn::vlog {
namespace {

constexpr uint64_t kSurvivorStep = 16u << 20;  // allocated ahead

}  // namespace

Status SurvivorSegments::Create(uint32_t lane, uint64_t bytes, const Segment& victim,
                                Segment** segment) {
  uint32_t before = 0;
  {
    std::lock_guard<std::mutex> lock(in_.catalog->mutex());
    const Manifest& manifest = in_.catalog->ManifestLocked();
    const bool related = victim.epoch == manifest.epoch && victim.lane == lane;
    for (const SegmentEntry& entry : manifest.segments) {
      if (entry.epoch != manifest.epoch || entry.lane != lane || entry.before != 0) continue;
      if (before != 0 && entry.id > before) continue;
      if (related && RankOf(entry.id, 0) <= victim.rank()) continue;
      const Segment* log = in_.segments->Get(entry.id);
      if (log != nullptr && !in_.catalog->SettledLocked(*log)) before = entry.id;
    }
  }
  CAIRN_CHECK(before != 0);
  Status status = in_.space->LeavesEnough(bytes);
  if (!status.ok()) return status;
  Result<std::unique_ptr<Segment>> created = in_.catalog->Create(lane, bytes, before, true);
  if (!created.ok()) return created.status();
  return in_.catalog->List(std::move(created.value()), segment);
}

Status SurvivorSegments::Grow(Segment* segment, uint64_t room_end) {
  if (room_end <= segment->room_end) return Status();
  Status status = in_.space->LeavesEnough(room_end - segment->room_end);
  if (!status.ok()) return status;
  const uint64_t wish = std::max(room_end, segment->room_end + kSurvivorStep);
  uint64_t end = std::min(AlignUp(wish, segment->block_bytes), segment->capacity);
  if (!in_.space->LeavesEnough(end - segment->room_end).ok())  // a full disk: as little as will do
    end = AlignUp(room_end, segment->block_bytes);
  status = in_.space->Reserve(segment, end);
  if (!status.ok()) return status;
  LatchGuard guard(in_.lane(segment->lane).latch());
  segment->room_end = end;
  return status;
}

void SurvivorSegments::End(Segment* segment) {
  const uint64_t block = segment->block_bytes;
  const uint64_t end = std::min(
      AlignUp(std::max<uint64_t>(segment->proven.load(), block), block) + block, segment->room_end);
  // First this: once it is sealed, it may be reclaimed at any moment.
  in_.space->Shorten(segment->file->path(), end);
  LatchGuard guard(in_.lane(segment->lane).latch());
  segment->data_end = end;
  segment->Become(SegmentState::kSealed);
}

}  // namespace cairn::vlog
