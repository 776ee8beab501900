// VictimPicker: which segments garbage collection reads next. By lane: as soon as the log is larger
// than allowed, those first that gain most, longest, for what they cost:
//
//   (1 - u) age / (1 + u)     u: the part that has to be copied; age: segments begun since
//
// as log-structured file systems weigh it (Rosenblum and Ousterhout, 1992). It also says how far
// behind collection is: to the pace, and to lanes that somebody writes to faster than can be
// collected.
//
// Threads: one, that of garbage collection. Pick takes the catalog's mutex, and latches of lanes
// one at a time.
#pragma once

#include <cstdint>
#include <vector>

#include "vlog/gc/gc_figures.h"
#include "vlog/gc/gc_host.h"
#include "vlog/gc/gc_pace.h"
#include "vlog/space/quiescence.h"

namespace cairn::vlog {

struct Victim {
  Segment* segment;
  GcMode mode;
  double score;
};

class VictimPicker {
 public:
  static constexpr uint32_t kPinsMax = 1u << 20;  // of a segment that is worth reading

  VictimPicker(const GcContext& context, const GcFigures& figures, GcPace* pace)
      : in_(context), figures_(figures), pace_(*pace) {}

  // At most so many; they are kCollecting from now on.
  void Pick(uint32_t most, std::vector<Victim>* victims);

 private:
  struct Terms {  // of one look
    uint64_t now_ms;
    uint64_t free_bytes;  // 0: not known
    uint64_t amplification;
    uint64_t let_be;
  };
  struct LaneSum {
    uint64_t used = 0;
    uint64_t live = 0;
    uint64_t active_dead = 0;
    std::vector<Victim> choice;
  };

  Terms LookAround();
  uint64_t LetBeBytes(uint64_t room, uint64_t now_ms);
  std::vector<LaneSum> SumUpLocked(const Terms& terms);
  bool EligibleLocked(const Segment& segment, bool droppable, uint64_t kept,
                      const Terms& terms) const;
  uint32_t Choose(uint32_t lane, const Terms& terms, LaneSum* sum, std::vector<Victim>* victims);

  const GcContext& in_;
  const GcFigures& figures_;
  GcPace& pace_;
  Quiescence quiescence_;
};

}  // namespace cairn::vlog
