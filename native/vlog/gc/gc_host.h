// GcHost: what garbage collection needs of the engine around it; and GcContext, where it finds the
// rest: lanes, segments, disk space.
//
// Threads: all of GcHost is called by any thread of garbage collection, and by maintenance.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/clock.h"
#include "base/latch.h"
#include "cache/value_cache.h"
#include "vlog/checkpoint/retained_checkpoints.h"
#include "vlog/index/shard_index.h"
#include "vlog/log/lane.h"
#include "vlog/log/segment.h"
#include "vlog/space/catalog.h"
#include "vlog/space/segment_space.h"

namespace cairn::vlog {

// Where a test may look in while garbage collection is at work, and do something.
enum class GcPoint : uint8_t {
  kJudged,     // a batch of survivors is in memory
  kWritten,    // it is durable, the index does not know it yet
  kPublished,  // the index points to it
  kSwept,      // all of a segment that is needed has moved
  kUnlisted,   // the manifest does not name the segment any more, the file is still there
  kWalking,    // a checkpoint has a part of the index, and no latch is held
};

class GcHost {
 public:
  // --- the index ---
  virtual Latch& LatchOf(uint16_t shard) = 0;
  // With that latch held, both. A key that is dropped leaves the cache as well, and its record does
  // not live any more.
  virtual ShardIndex& Shard(uint16_t shard) = 0;
  virtual void DropEntry(uint16_t tree, uint16_t shard, std::string_view key) = 0;

  // --- who writes ---
  virtual uint64_t RecordsSoFar() const = 0;
  // A reactor has staged a record in the segment and has not counted it as live yet.
  virtual bool BeingIndexed(uint32_t segment_id) const = 0;

  // --- namespaces ---
  // Trees of flushed namespaces wait to be deleted: until then their records count as live.
  virtual bool FlushedTreesLeft() = 0;
  // Which trees namespaces stand for, but for those of their own number, and the swap that made it
  // so.
  virtual void LookAtTrees(uint64_t* swap_sequence, std::vector<TreeEntry>* trees) = 0;

  // --- around ---
  virtual void CountDamage() = 0;
  virtual void WakeMaintenance() = 0;
  virtual void Notice(const std::string& text) = 0;
  virtual void At(GcPoint point) = 0;

 protected:
  ~GcHost() = default;
};

// All set while the engine opens, and constant until it is closed.
struct GcContext {
  GcHost* host = nullptr;
  Catalog* catalog = nullptr;
  const RetainedCheckpoints* retained = nullptr;  // with the catalog's mutex held
  SegmentSpace* space = nullptr;
  SegmentTable* segments = nullptr;
  LaneShared* shared = nullptr;  // with the lanes
  ValueCache* cache = nullptr;   // of a shard, with its latch held
  const Clock* clock = nullptr;  // of expiries
  uint64_t expired_for_ms = 0;   // keys that expired longer ago are dropped
  uint32_t segments_let_be = 0;  // as many bytes as those may be dead while writes go on
  bool enabled = true;
  bool has_thread = true;  // else Step does it, so that runs are reproducible

  uint32_t lanes() const { return static_cast<uint32_t>(shared->lanes->size()); }
  Lane& lane(uint32_t id) const { return *(*shared->lanes)[id]; }
  uint32_t LaneOf(uint32_t shard) const { return shard % lanes(); }
  // Segments of earlier epochs, when there were more lanes or fewer, count with today's lanes.
  uint32_t LaneOf(const Segment& segment) const { return segment.lane % lanes(); }
};

}  // namespace cairn::vlog
