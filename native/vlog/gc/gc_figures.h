// GcFigures: what garbage collection counts, and how it goes about each lane. Threads: any,
// while the engine is open: the lanes are made by its opening.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>

#include "vlog/vlog_options.h"

namespace cairn::vlog {

struct GcLane {
  std::atomic<GcMode> mode{GcMode::kLazy};
  std::atomic<uint64_t> segments{0};  // collected
  std::atomic<uint64_t> moved_bytes{0};
  std::atomic<uint64_t> reclaimed_segments{0};
  std::atomic<uint64_t> reclaimed_bytes{0};
};

struct GcFigures {
  std::atomic<uint64_t> reads{0};
  std::atomic<uint64_t> read_bytes{0};
  std::atomic<uint64_t> writes{0};
  std::atomic<uint64_t> written_bytes{0};  // with padding
  std::atomic<uint64_t> written_records{0};
  std::unique_ptr<GcLane[]> lanes;  // one per lane; made when the engine opens
};

}  // namespace cairn::vlog
