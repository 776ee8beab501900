// SurvivorSegments: segments for what garbage collection copies. They take free space that is kept
// back from those who write, for it is garbage collection that makes room.
//
//   Create --> Grow, Grow, ... as far as is written --> End: sealed, the rest of the room goes back
//
// A segment that is ended may be reclaimed at any moment.
//
// Threads: any; a segment belongs to one collector until it is ended. It takes the catalog's mutex
// and latches of lanes, and may block.
#pragma once

#include <cstdint>

#include "base/status.h"
#include "vlog/gc/gc_host.h"

namespace cairn::vlog {

class SurvivorSegments {
 public:
  explicit SurvivorSegments(const GcContext& context) : in_(context) {}

  // With room for so many bytes, behind the victim in the order of reading, and before all that a
  // crash could still cut.
  Status Create(uint32_t lane, uint64_t bytes, const Segment& victim, Segment** segment);
  Status Grow(Segment* segment, uint64_t room_end);
  void End(Segment* segment);

 private:
  const GcContext& in_;
};

}  // namespace cairn::vlog
