// RetainedCheckpoints: the checkpoints that a start could go by, and the one that is being written.
// What they know must stay readable, so they decide which removals are needed still.
//
// Guarded by the mutex of the catalog, under which the manifest names them; a start, which is
// alone, does without.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "vlog/checkpoint/checkpoint_codec.h"
#include "vlog/log/format.h"
#include "vlog/log/manifest.h"
#include "vlog/log/segment.h"

namespace cairn::vlog {

// Whether the checkpoint knows all of a segment, so that a start from it does not read that.
inline bool Covers(const CheckpointInfo& info, const SegmentEntry& entry) {
  if (entry.before != 0) return entry.id < info.next_segment_id;
  if (entry.epoch != info.epoch) return entry.epoch < info.epoch;
  return entry.lane < info.log_from.size() && entry.id < SegmentOf(info.log_from[entry.lane]);
}

class RetainedCheckpoints {
 public:
  // Whether no recovery can read anything that the removals in the segment concern. Each checkpoint
  // that is kept is a way to recover, and may name what was removed after it; so is the log alone,
  // as long as there are not checkpoints enough. `first`: nothing of the lane lies before the
  // segment.
  bool Droppable(const Segment& segment, bool first) const {
    const SegmentEntry entry = EntryOf(segment);
    for (const CheckpointInfo& info : kept_) {
      if (!Covers(info, entry)) return false;
    }
    if (underway_ && !Covers(*underway_, entry)) return false;
    return first || kept_.size() >= kCheckpointsKept;
  }
  // No checkpoint is kept or being written.
  bool none() const { return kept_.empty() && !underway_; }
  const CheckpointInfo* newest() const { return kept_.empty() ? nullptr : &kept_.back(); }

  // One is being written from here on, until End.
  void Begin(const CheckpointInfo& info) { underway_ = info; }
  void End() { underway_.reset(); }
  // The manifest names it from now on, and so many in all.
  void Add(const CheckpointInfo& info, size_t named) {
    kept_.push_back(info);
    while (kept_.size() > named) kept_.erase(kept_.begin());
  }

  std::vector<CheckpointInfo>* AtStart() { return &kept_; }  // what recovery fills
  void Clear() {
    kept_.clear();
    underway_.reset();
  }

 private:
  std::vector<CheckpointInfo> kept_;  // the newest last
  std::optional<CheckpointInfo> underway_;
};

}  // namespace cairn::vlog
