// Reclaimer: lets dead segments go. A sealed segment without live records may go when nothing else
// in it has a meaning any more (removals, expiries): because garbage collection has moved that on,
// or because no recovery can read anything older. It is dead for good only when what killed it is
// durable: until then its deletion is pending.
//
//   dead --Choose--> kPendingDeletion --what is staged now is durable--> unlisted --> SegmentSpace
//                          |
//                          +--a reader has it pinned, or the manifest cannot be saved--> called off
//
// The state it owns are the pending deletions: at most one group of segments for each lane, and one
// for all earlier epochs.
//
// Threads: one, that of maintenance; Open and Close while nobody else is there. It takes the
// catalog's mutex, and latches of lanes with it.
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <vector>

#include "vlog/gc/gc_figures.h"
#include "vlog/gc/gc_host.h"

namespace cairn::vlog {

class Reclaimer {
 public:
  void Open(const GcContext& context, GcFigures* figures);
  void Close();
  // Unlists what was chosen before and is dead for good, gives its files back, and chooses anew.
  void Service();

 private:
  static constexpr uint32_t kEarlierEpochs = UINT32_MAX;
  struct Pending {
    std::set<uint32_t> segments;
    std::vector<uint64_t> barrier;  // of the lane, or of all: durable up to there, they may go
    bool needs_checkpoint = false;  // without one, what they removed would come back
    uint64_t swap_sequence = 0;
    std::vector<TreeEntry> trees;
  };

  void Choose();
  bool DeadLocked(const SegmentEntry& entry, bool first, bool* needs_checkpoint) const;
  bool Due(uint32_t group, const Pending& pending) const;
  void Reclaim();
  std::vector<std::unique_ptr<Segment>> Unlist();
  void TakeDueLocked(Manifest* changed, std::set<uint32_t>* leave);

  GcContext in_;  // set by Open
  GcFigures* figures_ = nullptr;
  std::map<uint32_t, Pending> pending_;  // by lane, or kEarlierEpochs for segments of those
};

}  // namespace cairn::vlog
