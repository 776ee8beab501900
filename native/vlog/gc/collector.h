// Collector: garbage collection of one segment at a time. It reads the victim as recovery would,
// copies what is still needed into segments of survivors, and switches the index over.
//
//   victim --replay--> judge --> batch --write, sync--> publish       per batch, see BatchGate
//                        |                                 |
//                 shard's latch                    shard's latch: only if the index still
//                                                  points to the old place
//
// What is needed:
//   put          the index points to it. If it has expired for a while, it is dropped instead: the
//                key leaves the index, and a delete takes the put's place
//   delete       the key is not in the index, and an older put of it might still be read
//   set expiry   the index says the same of the key, whose own record stands before it
//   flush        an older put might still be read: then the segment stays until that is over
//   swap         never: the manifest knows its effect
// Whether something older might be read is what RetainedCheckpoints::Droppable answers.
//
// Threads: one thread at a time, but SealAll, which a checkpoint calls while the gate is closed.
// Latches of shards are held one at a time and for memory work only, no other lock with them.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <string_view>
#include <vector>

#include "vlog/gc/batch_gate.h"
#include "vlog/gc/gc_figures.h"
#include "vlog/gc/gc_host.h"
#include "vlog/gc/gc_pace.h"
#include "vlog/gc/survivor_segments.h"
#include "vlog/gc/survivor_writer.h"
#include "vlog/recovery/replay.h"

namespace cairn::vlog {

class Collector final : public ReplaySink {
 public:
  Collector(const GcContext& context, BatchGate* gate, GcPace* pace, GcFigures* figures)
      : in_(context), gate_(*gate), pace_(*pace), figures_(*figures), segments_(context) {}

  // Copies all that is needed out of the victim. *swept: nothing that is needed is left in it.
  // kBusy: told to stop. kCorruption: the victim is damaged and has to stay.
  Status Collect(Segment* victim, GcMode mode, bool* swept);
  // Ends the segments of survivors that are being written. With no batch open.
  Status SealAll();

 private:
  enum class Verdict : uint8_t { kDead, kLive, kExpired, kRemoval, kExpiry };
  struct Move {
    Pointer from;
    Pointer to;
    uint64_t expire_at_ms;
    SurvivorWriter* writer;
    uint16_t shard;
    uint16_t tree;
  };

  void OnRecord(const RecordHeader& header, const char* record, const Pointer& pointer) override;
  void OnFlush(uint32_t, uint32_t, uint32_t, uint16_t) override;
  void OnSwap(const SwapPayload&) override {}

  bool RemovalsDroppable(bool* first) const;
  bool NoCheckpoint() const;
  bool Ready(uint32_t lane, uint64_t bytes);
  void Enter();
  Verdict Judge(const RecordHeader& header, const char* record, const Pointer& pointer,
                uint16_t shard, uint64_t* expire_at_ms);
  void Copy(Verdict verdict, const RecordHeader& header, const char* record, const Pointer& from,
            uint16_t shard, uint64_t expire_at_ms);
  Status WriterFor(uint32_t lane, uint64_t bytes, SurvivorWriter** writer);
  bool Behind(const Pointer& key, const Pointer& pointer) const;
  void Rely(uint16_t shard, uint64_t position);
  bool AwaitDurable();
  void Flush();
  void Publish(const Move& move);
  void Abandon(uint32_t lane);
  Status Seal(uint32_t lane);

  const GcContext& in_;
  BatchGate& gate_;
  GcPace& pace_;
  GcFigures& figures_;
  SurvivorSegments segments_;
  std::map<uint32_t, std::unique_ptr<SurvivorWriter>> writers_;  // by lane
  std::vector<Move> moves_;
  Segment* victim_ = nullptr;
  GcMode mode_ = GcMode::kLazy;
  uint64_t now_ms_ = 0;
  uint64_t batch_bytes_ = 0;
  uint64_t batch_records_ = 0;
  std::map<uint32_t, uint64_t> relies_on_;  // by lane: what must be durable before the batch is
  uint64_t read_bytes_ = 0;                 // of the victim, since the last batch
  bool droppable_ = false;                  // removals that lie in the victim
  bool first_ = false;                      // nothing of its lane lies before it
  bool expired_droppable_ = false;  // that expired keys leave, which is a removal of this moment
  bool gentle_ = false;
  uint32_t records_ = 0;
  bool flush_needed_ = false;
  bool dropped_ = false;  // expired keys
  bool inside_ = false;   // of the gate
  std::atomic<bool> stop_{false};
  Status failure_;
};

}  // namespace cairn::vlog
