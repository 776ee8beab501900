#include "vlog/gc/reclaimer.h"

#include <string>
#include <utility>

#include "base/check.h"

namespace cairn::vlog {

void Reclaimer::Open(const GcContext& context, GcFigures* figures) {
  in_ = context;
  figures_ = figures;
}

void Reclaimer::Close() { pending_.clear(); }

void Reclaimer::Service() {
  Reclaim();
  Choose();
}

// ---- which ----

void Reclaimer::Choose() {
  if (in_.host->FlushedTreesLeft()) return;
  Pending empty;
  in_.host->LookAtTrees(&empty.swap_sequence, &empty.trees);
  std::map<uint32_t, Pending> found;
  {
    std::lock_guard<std::mutex> lock(in_.catalog->mutex());
    const Manifest& manifest = in_.catalog->ManifestLocked();
    const std::vector<SegmentEntry> entries = InReadingOrder(manifest);
    const uint32_t first_epoch = entries.empty() ? 0 : entries[0].epoch;
    std::vector<uint8_t> stays(kLanesMax, 0);  // of the lane: something before this one
    for (const SegmentEntry& entry : entries) {
      const uint32_t group = entry.epoch == manifest.epoch ? entry.lane : kEarlierEpochs;
      if (pending_.count(group) != 0) continue;  // that comes first
      const bool first = entry.epoch == first_epoch && stays[entry.lane] == 0;
      bool needs_checkpoint = false;
      if (!DeadLocked(entry, first, &needs_checkpoint)) {
        stays[entry.lane] = 1;
        continue;
      }
      Pending& pending = found.try_emplace(group, empty).first->second;
      pending.segments.insert(entry.id);
      pending.needs_checkpoint = pending.needs_checkpoint || needs_checkpoint;
      in_.segments->Get(entry.id)->Become(SegmentState::kPendingDeletion);
    }
  }
  // What kills a record of this epoch lies in the same lane; and a transaction there is durable
  // only together with its parts elsewhere.
  for (auto& [group, pending] : found) {
    for (uint32_t id = 0; id < in_.lanes(); ++id) {
      if (group != kEarlierEpochs && group != id) continue;
      Lane& lane = in_.lane(id);
      pending.barrier.push_back(lane.staged_end());
      if (lane.durable() < pending.barrier.back()) lane.WantSync(pending.barrier.back());
    }
    pending_.emplace(group, std::move(pending));
  }
}

bool Reclaimer::DeadLocked(const SegmentEntry& entry, bool first, bool* needs_checkpoint) const {
  const Segment* segment = in_.segments->Get(entry.id);
  // In this order: nothing is staged in a sealed segment, what was staged there is counted before
  // its reactor says that it is done, and only then do the live bytes tell the truth.
  if (segment == nullptr || segment->state() == SegmentState::kCollecting ||
      !in_.catalog->SettledLocked(*segment) || in_.host->BeingIndexed(entry.id) ||
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
  if (segment->owes_deletes || !in_.retained->Droppable(*segment, first)) return false;
  if (!first) *needs_checkpoint = true;
  return true;
}

// ---- out of the directory ----

bool Reclaimer::Due(uint32_t group, const Pending& pending) const {
  size_t at = 0;
  for (uint32_t id = 0; id < in_.lanes(); ++id) {
    if (group != kEarlierEpochs && group != id) continue;
    if (in_.lane(id).durable() < pending.barrier[at++]) return false;
  }
  return true;
}

void Reclaimer::Reclaim() {
  std::vector<std::unique_ptr<Segment>> gone = Unlist();
  if (gone.empty()) return;
  in_.host->At(GcPoint::kUnlisted);
  for (std::unique_ptr<Segment>& segment : gone) {
    const std::string path = segment->file->path();
    const Result<uint64_t> size = segment->file->Size();
    const uint32_t lane = in_.LaneOf(*segment);
    figures_->lanes[lane].reclaimed_segments.fetch_add(1, std::memory_order_relaxed);
    figures_->lanes[lane].reclaimed_bytes.fetch_add(segment->data_end, std::memory_order_relaxed);
    segment.reset();
    in_.catalog->TakeBack(lane, path, size.ok() ? size.value() : 0);
  }
}

// What the manifest has named so far and names no more.
std::vector<std::unique_ptr<Segment>> Reclaimer::Unlist() {
  std::vector<std::unique_ptr<Segment>> gone;
  std::lock_guard<std::mutex> lock(in_.catalog->mutex());
  Manifest changed = in_.catalog->ManifestLocked();
  std::set<uint32_t> leave;
  TakeDueLocked(&changed, &leave);
  if (leave.empty()) return gone;
  std::erase_if(changed.segments,
                [&](const SegmentEntry& entry) { return leave.count(entry.id) != 0; });
  if (!in_.catalog->ReplaceLocked(std::move(changed)).ok()) {
    // They stay listed; tried again by and by.
    for (uint32_t id : leave) in_.segments->Get(id)->CallOffDeletion();
    return gone;
  }
  for (uint32_t id : leave) {
    CAIRN_CHECK(in_.segments->Get(id)->live_bytes.load(std::memory_order_acquire) == 0);
    gone.push_back(in_.segments->Remove(id));
  }
  return gone;
}

// Those whose time has come are not pending any more: they leave, with what the manifest has to say
// in their place, or stay for now.
void Reclaimer::TakeDueLocked(Manifest* changed, std::set<uint32_t>* leave) {
  for (auto it = pending_.begin(); it != pending_.end();) {
    const Pending& pending = it->second;
    if (!Due(it->first, pending)) {
      ++it;
      continue;
    }
    bool pinned = false;
    for (uint32_t id : pending.segments)
      pinned = pinned || in_.segments->Get(id)->pins.load(std::memory_order_acquire) != 0;
    // One may be superfluous only because another, which lies before it, goes as well.
    if (pinned) {
      for (uint32_t id : pending.segments) in_.segments->Get(id)->CallOffDeletion();
    } else {
      leave->insert(pending.segments.begin(), pending.segments.end());
      if (pending.swap_sequence >= changed->swap_sequence) {
        changed->swap_sequence = pending.swap_sequence;
        changed->trees = pending.trees;
      }
      changed->needs_checkpoint = changed->needs_checkpoint || pending.needs_checkpoint;
    }
    it = pending_.erase(it);
  }
}

}  // namespace cairn::vlog
