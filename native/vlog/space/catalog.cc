#include "vlog/space/catalog.h"

#include <algorithm>
#include <numeric>
#include <random>

namespace cairn::vlog {
namespace {

constexpr size_t kSegmentsForGc = 256;     // of those that a manifest can name
constexpr uint64_t kSegmentsOfSlack = 12;  // that make up what may be dead
constexpr uint64_t kSpareShare = 7;        // of what lives, unless their number is set

uint32_t RandomSalt() {
  std::random_device device;
  return device();
}

}  // namespace

void Catalog::Begin(const Config& config) { config_ = config; }

void Catalog::End() { manifest_ = Manifest(); }

// ---- the manifest ----

Status Catalog::SaveLocked(Manifest* manifest) {
  const auto& lanes = *config_.lanes;
  for (size_t i = 0; i < lanes.size() && i < manifest->units.size(); ++i)
    manifest->units[i] = std::max(manifest->units[i], lanes[i]->written_mark().next_unit);
  for (SegmentEntry& entry : manifest->segments) {
    const Segment* segment = entry.before == 0 ? nullptr : config_.segments->Get(entry.id);
    if (segment != nullptr) entry = EntryOf(*segment);
  }
  Status status = SaveManifest(config_.dir, config_.disk, *manifest);
  while (status.code() == Code::kNoSpace && config_.space->MakeRoom())
    status = SaveManifest(config_.dir, config_.disk, *manifest);
  return status;
}

Status Catalog::ReplaceLocked(Manifest changed) {
  Status status = SaveLocked(&changed);
  if (status.ok()) manifest_ = std::move(changed);
  return status;
}

Status Catalog::SaveClean(std::vector<uint64_t> clean_ends) {
  std::lock_guard<std::mutex> lock(mutex_);
  manifest_.clean = true;
  manifest_.clean_ends = std::move(clean_ends);
  return SaveLocked();
}

// ---- segments ----

Result<std::unique_ptr<Segment>> Catalog::Create(uint32_t lane, uint64_t unit_bytes,
                                                 uint32_t before, bool sparing) {
  auto segment = std::make_unique<Segment>();
  uint64_t wanted = 0;
  uint32_t incarnation = 0;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    const size_t kept = before == 0 ? kSegmentsForGc : 0;
    if (manifest_.segments.size() + kept >= kManifestSegmentsMax ||
        manifest_.next_segment_id >= SegmentTable::kIdsMax) {
      return Status(Code::kNoSpace, "too many segments; raise segment-size");
    }
    segment->id = NextIdLocked();
    segment->epoch = manifest_.epoch;
    wanted = WantedBytesLocked(LiveBytesLocked()[lane]);
    incarnation = manifest_.incarnation;
  }
  segment->lane = lane;
  segment->before = before;
  segment->salt = config_.salt != 0 ? config_.salt : RandomSalt();
  Status status =
      config_.space->CreateFile(segment.get(), {wanted, unit_bytes, incarnation, sparing});
  if (!status.ok()) return status;
  return segment;
}

Status Catalog::List(std::unique_ptr<Segment> segment, Segment** listed) {
  std::lock_guard<std::mutex> lock(mutex_);
  manifest_.segments.push_back(EntryOf(*segment));
  Status status = SaveLocked();
  if (!status.ok()) {
    // The new manifest may or may not be the one on disk; only one of the two names the file, and
    // it is empty.
    manifest_.segments.pop_back();
    return status;
  }
  *listed = segment.get();
  config_.segments->Add(std::move(segment));
  return status;
}

void Catalog::TakeBack(uint32_t lane, const std::string& path, uint64_t bytes) {
  uint64_t wanted, spare_bytes_max;
  {
    std::lock_guard<std::mutex> lock(mutex_);
    const std::vector<uint64_t> live = LiveBytesLocked();
    wanted = WantedBytesLocked(live[lane]);
    spare_bytes_max =
        std::max(std::accumulate(live.begin(), live.end(), uint64_t{0}) / kSpareShare, wanted);
  }
  config_.space->TakeBack(path, bytes, wanted, spare_bytes_max);
}

bool Catalog::SettledLocked(const Segment& segment) const {
  if (segment.epoch != manifest_.epoch) return true;
  Lane& lane = *(*config_.lanes)[segment.lane];
  if (!lane.Sealed(&segment)) return false;
  if (segment.survivors()) return true;
  // To the last record: the last commit may hold the part of a transaction that is not whole yet.
  return lane.durable() >= segment.log_end;
}

bool Catalog::FirstInLogLocked(const Segment& segment) const {
  for (const SegmentEntry& entry : manifest_.segments) {
    if (entry.epoch < segment.epoch) return false;
    if (entry.epoch == segment.epoch && entry.lane == segment.lane &&
        RankOf(entry.id, entry.before) < segment.rank())
      return false;
  }
  return true;
}

uint64_t Catalog::UsedBytes(const Segment& segment) const {
  Lane& lane = LaneFor(segment);
  {
    LatchGuard guard(lane.latch());
    if (segment.sealed()) return segment.data_end;
  }
  if (segment.survivors())
    return std::max<uint64_t>(segment.proven.load(std::memory_order_relaxed), segment.block_bytes);
  const uint64_t end = lane.staged_end();
  return SegmentOf(end) == segment.id ? OffsetOf(end) : segment.block_bytes;
}

// ---- sizes ----

std::vector<uint64_t> Catalog::LiveBytesLocked() const {
  std::vector<uint64_t> bytes(manifest_.lanes, 0);
  for (const SegmentEntry& entry : manifest_.segments) {
    const Segment* segment = config_.segments->Get(entry.id);
    if (segment != nullptr)
      bytes[entry.lane % manifest_.lanes] += segment->live_bytes.load(std::memory_order_relaxed);
  }
  return bytes;
}

// What is dead in the one that is written to cannot be collected, so several of them make up what
// may be dead. Many segments, and they are as large as they may be.
uint64_t Catalog::WantedBytesLocked(uint64_t live_bytes) const {
  const uint64_t most = config_.segment_bytes;
  const uint64_t least = config_.segment_bytes_min;
  if (least == most || manifest_.segments.size() > kManifestSegmentsMax / 4) return most;
  const uint64_t dead = live_bytes / 100 * (amplification() - 100);
  return std::clamp(dead / kSegmentsOfSlack, least, most);
}

}  // namespace cairn::vlog
