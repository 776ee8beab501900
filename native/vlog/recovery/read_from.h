// What of the log a start from a checkpoint has to read. Pure.
#pragma once

#include <algorithm>
#include <cstdint>

#include "vlog/checkpoint/checkpoint_codec.h"
#include "vlog/recovery/replay.h"

namespace cairn::vlog {

// Of an epoch's lanes.
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
