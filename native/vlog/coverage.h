// Which segments a checkpoint knows as a whole, so that a start from it does not read them. Pure.
#pragma once

#include <cstdint>

#include "vlog/checkpoint_codec.h"
#include "vlog/format.h"
#include "vlog/manifest.h"

namespace cairn::vlog {

inline bool Covers(const CheckpointInfo& info, const SegmentEntry& entry) {
  if (entry.before != 0) return entry.id < info.next_segment_id;
  if (entry.epoch != info.epoch) return entry.epoch < info.epoch;
  return entry.lane < info.log_from.size() && entry.id < SegmentOf(info.log_from[entry.lane]);
}

}  // namespace cairn::vlog
