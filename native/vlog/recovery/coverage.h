// What a checkpoint knows, so that a start from it does not read it. Pure.
#pragma once

#include <algorithm>
#include <cstdint>

#include "vlog/checkpoint/checkpoint_codec.h"
#include "vlog/log/format.h"
#include "vlog/log/manifest.h"
#include "vlog/recovery/replay.h"

namespace cairn::vlog {

// Whether it knows all of a segment.
inline bool Covers(const CheckpointInfo& info, const SegmentEntry& entry) {
  if (entry.before != 0) return entry.id < info.next_segment_id;
  if (entry.epoch != info.epoch) return entry.epoch < info.epoch;
  return entry.lane < info.log_from.size() && entry.id < SegmentOf(info.log_from[entry.lane]);
}

// What a start from the checkpoint reads of an epoch's lanes.
inline void ReadFrom(const CheckpointInfo& info, uint32_t epoch, ReplayOptions* options) {
  if (info.epoch != epoch) return;
  options->lanes = std::max(options->lanes, info.lanes);
  options->from = info.log_from;
  options->from_incarnation = info.incarnation;
  options->from.resize(options->lanes, 0);
  options->units.resize(options->lanes, 1);
  for (size_t i = 0; i < info.units.size() && i < options->units.size(); ++i)
    options->units[i] = std::max(options->units[i], info.units[i]);
}

}  // namespace cairn::vlog
