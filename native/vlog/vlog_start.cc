// A start once the log is read: a new incarnation, and lanes that go on where it ends.
#include <algorithm>
#include <cerrno>
#include <utility>

#include "vlog/vlog_engine.h"

namespace cairn {

using vlog::AlignDown;
using vlog::AlignUp;
using vlog::Lane;
using vlog::LaneEnd;
using vlog::Manifest;
using vlog::Segment;
using vlog::SegmentEntry;

namespace {

constexpr uint64_t kManifestRoom = 64u << 10;  // what it takes is rounded up to this
constexpr uint64_t kStartBlocks = 8;
// More than any starts since the latest page can have set aside.
constexpr uint64_t kNumbersLeftOut = 1024 * KeyedSpaces::kNumbersAside;

}  // namespace

// What a small disk says to lanes that begin: with figures, and what makes them smaller. What was
// created so far is removed by the next start.
Status VlogEngine::NoFirstSegment(const Status& status, uint64_t bytes,
                                  const Result<uint64_t>& free) const {
  if (status.code() != Code::kNoSpace) return status;
  const std::string there = free.ok() ? std::to_string(free.value()) + " bytes" : "less";
  return Status(Code::kNoSpace,
                status.message() + ". The first segments of " + std::to_string(options_.lanes) +
                    (options_.lanes == 1 ? " lane" : " lanes") + " need " + std::to_string(bytes) +
                    " bytes, and " + there + " were free in the file system of " + options_.dir +
                    ": make room there, or lower segment-size or lanes",
                ENOSPC);
}

// From here on new bytes carry a new number, so what older starts left behind is told from them.
Status VlogEngine::BeginIncarnation(const std::vector<LaneEnd>& ends) {
  Manifest& manifest = *catalog_.AtStart();
  uint32_t highest = manifest.incarnation;
  for (const LaneEnd& end : ends) highest = std::max(highest, end.incarnation);
  manifest.incarnation = highest + 1;
  manifest.clean = false;
  manifest.clean_ends.clear();
  manifest.databases = options_.databases;
  shared_.incarnation = manifest.incarnation;
  // Of a manifest that was rebuilt, nothing tells which spaces there were.
  uint64_t numbers = manifest.space_numbers;
  if (rebuilt_) numbers = HighestSpaceNumber() + kNumbersLeftOut;
  manifest.space_numbers = numbers + tuning_.space_numbers;
  if (manifest.space_numbers >= KeyedSpaces::kNumbersMax)
    return Status(Code::kInvalid, options_.dir + ": the numbers of spaces are used up");
  spaces_.BeginNumbers(numbers, manifest.space_numbers);
  std::lock_guard<std::mutex> lock(catalog_.mutex());
  Status status = catalog_.SaveLocked();
  const uint64_t bytes = AlignUp(vlog::EncodeManifest(manifest).size(), kManifestRoom);
  for (size_t i = 0; status.code() == Code::kNoSpace && i < ends.size(); ++i) {
    if (GiveUpRoom(ends[i], bytes)) status = catalog_.SaveLocked();
  }
  if (status.code() != Code::kNoSpace) return status;
  return Status(Code::kNoSpace,
                status.message() + ". A start needs " + std::to_string(bytes) +
                    " bytes in the file system of " + options_.dir +
                    ": delete something else there. Spare segments are gone already; no other file "
                    "of this directory may be deleted",
                ENOSPC);
}

// On a full disk: of the room that a lane has reserved behind its log, as much as the manifest
// takes. The lane does without, as it must when it finds no room later. With salvage all stays as
// it is. False: there is not so much.
bool VlogEngine::GiveUpRoom(const LaneEnd& end, uint64_t bytes) {
  if (options_.salvage) return false;
  for (Segment* segment : {end.next, end.active}) {
    if (segment == nullptr) continue;
    const uint64_t block = vlog::Recovery::DeviceBlock(*segment);
    // The start itself still writes some blocks behind the log.
    const uint64_t front = (segment == end.active ? end.tail : block) + kStartBlocks * block;
    const Result<uint64_t> size = segment->file->Size();
    if (!size.ok() || size.value() < front + bytes) continue;
    const uint64_t room_end = AlignDown(size.value() - bytes, block);
    if (!segment->file->Truncate(room_end).ok()) continue;
    segment->data_end = room_end;
    return true;
  }
  return false;
}

// Gives every lane a segment to go on in, a new epoch's lanes if their number changed, and lets
// them start.
Status VlogEngine::StartLanes(vlog::Recovery* recovery, std::vector<LaneEnd>* ends) {
  Manifest& manifest = *catalog_.AtStart();
  if (manifest.lanes != options_.lanes) {
    for (LaneEnd& end : *ends) {
      if (end.active == nullptr) continue;
      Status status = recovery->SealLane(&end);
      if (!status.ok()) return status;
    }
  }
  // Only now that all lanes are cut: a transaction with a part in a segment that is not named would
  // count as whole.
  RemoveSurplus(recovery->surplus());
  if (manifest.lanes != options_.lanes) {
    manifest.lanes = options_.lanes;
    manifest.epoch += 1;
    ends->assign(options_.lanes, LaneEnd());
  }
  manifest.units.clear();
  for (const LaneEnd& end : *ends) manifest.units.push_back(end.next_unit);
  for (uint32_t id = 0; id < options_.lanes; ++id)
    lanes_.push_back(std::make_unique<Lane>(id, &shared_));
  std::vector<uint64_t> wanted;  // by lane
  {
    std::lock_guard<std::mutex> lock(catalog_.mutex());
    for (const uint64_t live : catalog_.LiveBytesLocked())
      wanted.push_back(catalog_.WantedBytesLocked(live));
  }
  uint64_t first_bytes = 0;  // that lanes without a segment take
  for (uint32_t id = 0; id < options_.lanes; ++id)
    if ((*ends)[id].active == nullptr) first_bytes += std::min(wanted[id], shared_.allocate_step);
  const Result<uint64_t> free = disk_->FreeBytes(options_.dir);
  bool created = false;
  for (uint32_t id = 0; id < options_.lanes; ++id) {
    LaneEnd& end = (*ends)[id];
    if (end.active == nullptr) {
      Result<std::unique_ptr<Segment>> segment = catalog_.Create(id, 0, 0, false);
      if (!segment.ok()) return NoFirstSegment(segment.status(), first_bytes, free);
      end.active = segment.value().get();
      end.tail = end.active->block_bytes;
      end.chain = 0;
      end.records = 0;
      end.chain_whole = true;
      std::lock_guard<std::mutex> lock(catalog_.mutex());
      manifest.segments.push_back(vlog::EntryOf(*end.active));
      segments_.Add(std::move(segment.value()));
      created = true;
    }
    for (Segment* segment : {end.active, end.next}) {
      if (segment == nullptr || segment->room_end != 0) continue;
      Result<uint64_t> size = segment->file->Size();
      if (!size.ok()) return size.status();
      segment->room_end = std::max(AlignDown(size.value(), segment->block_bytes),
                                   uint64_t{2} * segment->block_bytes);
      if (segment == end.active)
        segment->room_end = std::max(segment->room_end, end.tail + segment->block_bytes);
      segment->capacity = std::max(AlignUp(wanted[id], segment->block_bytes), segment->room_end);
      segment->worn_end = segment->recycled ? segment->room_end : 0;
    }
  }
  std::lock_guard<std::mutex> lock(catalog_.mutex());
  if (created) {
    Status status = catalog_.SaveLocked();
    if (!status.ok()) return status;
  }
  for (uint32_t id = 0; id < options_.lanes; ++id) {
    const LaneEnd& end = (*ends)[id];
    lanes_[id]->Begin({end.active, end.next, end.tail, end.end, end.next_unit, end.chain,
                       end.records, end.chain_whole});
  }
  return Status();
}

// On a full disk, what is to be created may need their room.
void VlogEngine::RemoveSurplus(const std::set<uint32_t>& surplus) {
  if (surplus.empty()) return;
  std::erase_if(catalog_.AtStart()->segments,
                [&surplus](const SegmentEntry& entry) { return surplus.count(entry.id) != 0; });
  std::lock_guard<std::mutex> lock(catalog_.mutex());
  if (!catalog_.SaveLocked().ok()) return;  // the next start sees to them
  for (uint32_t id : surplus) {
    const std::string path = vlog::SegmentPath(options_.dir, id);
    segments_.Remove(id).reset();
    (void)disk_->Remove(path);
  }
}

}  // namespace cairn
