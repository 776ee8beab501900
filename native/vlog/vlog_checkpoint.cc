// What a checkpoint is a picture of: lanes, index, manifest.
#include "vlog/vlog_checkpoint.h"

#include <utility>

namespace cairn {

using vlog::Art;
using vlog::CheckpointInfo;
using vlog::Lane;
using vlog::LogAmount;
using vlog::Pointer;
using vlog::Segment;
using vlog::SegmentEntry;

namespace {

constexpr uint32_t kKeysPerHold = 128;
constexpr uint64_t kKeyBytesPerHold = 64u << 10;

}  // namespace

uint64_t VlogEngine::RequestSave() { return checkpointer_.Request(); }

SaveStats VlogEngine::Saves() const { return checkpointer_.Stats(); }

// ---- when ----

uint64_t VlogEngine::RecordsSoFar() const {
  uint64_t records = 0;
  for (uint32_t i = 0; i < kReactorsMax; ++i)
    records += reactors_[i].records.load(std::memory_order_relaxed);
  return records;
}

uint64_t VlogEngine::CheckpointSource::Keys() const {
  uint64_t keys = 0;
  for (uint32_t tree = 0; tree < vlog::kTreesMax; ++tree)
    keys += engine_.counts_[tree].keys.load(std::memory_order_relaxed);
  return keys;
}

LogAmount VlogEngine::CheckpointSource::LogSoFar() const {
  LogAmount so_far;
  for (const auto& lane : engine_.lanes_) so_far.bytes += lane->record_bytes();
  so_far.records = engine_.RecordsSoFar();
  // Survivors are read, too.
  const LogAmount survivors = engine_.gc_.Written();
  so_far.bytes += survivors.bytes;
  so_far.records += survivors.records;
  return so_far;
}

bool VlogEngine::CheckpointSource::AnyLaneStopped() const {
  for (const auto& lane : engine_.lanes_) {
    if (lane->stopped()) return true;
  }
  return false;
}

vlog::CheckpointHost::Removals VlogEngine::CheckpointSource::RemovalsKept() {
  Removals kept;
  const vlog::Catalog& catalog = engine_.catalog_;
  std::lock_guard<std::mutex> lock(catalog.mutex());
  for (const SegmentEntry& entry : catalog.ManifestLocked().segments) {
    const Segment* segment = engine_.segments_.Get(entry.id);
    if (segment == nullptr) continue;
    kept.live_bytes += segment->live_bytes.load(std::memory_order_relaxed);
    if (!catalog.SettledLocked(*segment) || engine_.retained_.Droppable(*segment, false)) continue;
    kept.bytes += segment->removal_bytes.load(std::memory_order_relaxed);
    if (segment->flushes.load(std::memory_order_relaxed)) kept.bytes += segment->data_end / 2;
  }
  return kept;
}

bool VlogEngine::CheckpointSource::NewestIsOfNow() {
  std::lock_guard<std::mutex> lock(engine_.catalog_.mutex());
  const vlog::Manifest& manifest = engine_.catalog_.ManifestLocked();
  const CheckpointInfo* newest = engine_.retained_.newest();
  if (newest == nullptr || newest->epoch != manifest.epoch) return false;
  const CheckpointInfo& last = *newest;
  bool same = last.swap_sequence == engine_.swap_sequence_;
  for (uint32_t lane = 0; same && lane < engine_.lanes_.size(); ++lane)
    same = last.log_from[lane] == engine_.lanes_[lane]->written();
  for (const SegmentEntry& entry : manifest.segments)
    same = same && (entry.before == 0 || entry.id < last.next_segment_id);
  return same;
}

// ---- the walk ----

LogAmount VlogEngine::CheckpointSource::Begin(CheckpointInfo* info) {
  engine_.gc_.CloseGate();
  for (const auto& lane : engine_.lanes_) {
    const Lane::Written written = lane->written_mark();
    info->log_from.push_back(written.position);
    info->units.push_back(written.next_unit);
  }
  const LogAmount at = LogSoFar();
  {
    vlog::Catalog& catalog = engine_.catalog_;
    std::lock_guard<std::mutex> lock(catalog.mutex());
    const vlog::Manifest& manifest = catalog.ManifestLocked();
    info->id = catalog.NextIdLocked();
    info->next_segment_id = info->id;
    info->epoch = manifest.epoch;
    info->lanes = manifest.lanes;
    info->incarnation = manifest.incarnation;
    engine_.retained_.Begin(*info);
  }
  engine_.gc_.OpenGate();
  return at;
}

std::vector<uint16_t> VlogEngine::CheckpointSource::TreesOf(uint16_t shard) {
  std::vector<uint16_t> trees;
  LatchGuard guard(engine_.latches_[shard].latch);
  engine_.Shard(shard).ForEach([&](uint16_t number, Art&) { trees.push_back(number); });
  return trees;
}

bool VlogEngine::CheckpointSource::Walk(uint16_t shard, uint16_t number, std::string* from,
                                        vlog::CheckpointWriter* out) {
  bool more = false;
  {
    LatchGuard guard(engine_.latches_[shard].latch);
    const Art* tree = engine_.Shard(shard).Tree(number);
    uint32_t keys = 0;
    uint64_t bytes = 0;
    tree->Scan(*from, [&](std::string_view key, Pointer& entry, uint64_t expire_at_ms) {
      Pointer pointer = entry;
      if (pointer.resident()) {
        pointer.checksum = engine_.cache_->Peek(shard, pointer.checksum).checksum;
        pointer.flags &= ~Pointer::kResident;
      }
      out->Add(shard, number, key, pointer, expire_at_ms);
      bytes += key.size();
      if (++keys < kKeysPerHold && bytes < kKeyBytesPerHold) return true;
      from->assign(key);
      from->push_back('\0');
      more = true;
      return false;
    });
  }
  engine_.At(GcPoint::kWalking);
  return more;
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

void VlogEngine::CheckpointSource::LookAtTrees(uint64_t* swap_sequence,
                                               std::vector<vlog::TreeEntry>* trees) {
  engine_.LookAtTrees(swap_sequence, trees);
}

// ---- making it count ----

std::vector<uint64_t> VlogEngine::CheckpointSource::StagedEnds() const {
  std::vector<uint64_t> ends;
  for (const auto& lane : engine_.lanes_) ends.push_back(lane->staged_end());
  return ends;
}

bool VlogEngine::CheckpointSource::Durable(const std::vector<uint64_t>& ends, Status* status) {
  bool durable = true;
  for (uint32_t id = 0; id < engine_.lanes_.size(); ++id) {
    Lane* lane = engine_.lanes_[id].get();
    if (lane->durable() >= ends[id]) continue;
    durable = false;
    lane->WantSync(ends[id]);
    if (lane->stopped())
      *status = Status(Code::kReadOnly,
                       "lane " + std::to_string(id) + " takes no writes: " + lane->reason());
  }
  return durable && status->ok();
}

Status VlogEngine::CheckpointSource::Name(const CheckpointInfo& info, std::vector<uint32_t>* old) {
  std::lock_guard<std::mutex> lock(engine_.catalog_.mutex());
  vlog::Manifest changed = engine_.catalog_.ManifestLocked();
  changed.checkpoints.push_back({info.id, 0});
  while (changed.checkpoints.size() > vlog::kCheckpointsKept) {
    old->push_back(changed.checkpoints.front().id);
    changed.checkpoints.erase(changed.checkpoints.begin());
  }
  const size_t named = changed.checkpoints.size();
  Status status = engine_.catalog_.ReplaceLocked(std::move(changed));
  if (status.ok()) engine_.retained_.Add(info, named);
  return status;
}

void VlogEngine::CheckpointSource::End() {
  std::lock_guard<std::mutex> lock(engine_.catalog_.mutex());
  engine_.retained_.End();
}

}  // namespace cairn
