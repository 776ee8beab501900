// Segment: one value-log file that is open, with the counters its readers and writers share;
// SegmentTable finds it by id.
//
// Threads: the table's Get and the counters are lock-free and may be used by anyone; Add and Remove
// are called by one thread at a time (start, maintenance). A Segment stays valid while the index
// points into it (live_bytes > 0) or a reader has it pinned; Remove is only called for segments
// that are neither.
//
// States, and what may follow what:
//
//   kOpen ----> kSealed ----> kCollecting ----> kSwept ------+
//     ^           | | ^          |  |                        v
//     +-----------+ | +----------+  +---> kDamaged ---> kPendingDeletion ----> gone
//    a start reads  |  not all moved                         ^
//    the log again  +----------------------------------------+
//                     nothing lives in it
//
// A deletion may be called off: then the segment is again what it was before. Who writes to it
// seals it, under the latch of its lane, or a start does; everything else happens under the mutex
// of the catalog.
#pragma once

#include <atomic>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "io/disk.h"
#include "vlog/log/format.h"

namespace cairn::vlog {

enum class SegmentState : uint8_t {
  kOpen,             // is written to, or will be
  kSealed,           // takes no more
  kCollecting,       // a collector reads it
  kSwept,            // all that anybody may still need has moved to survivors
  kDamaged,          // collecting it met damage: that is not tried again
  kPendingDeletion,  // dead, about to leave the manifest
};
inline constexpr uint32_t kSegmentStates = 6;

// Whether the drawing above has that arrow, or that is how a deletion is called off.
bool MayBecome(SegmentState from, SegmentState to);

struct Segment {
  uint32_t id = 0;
  uint32_t lane = 0;
  uint32_t epoch = 0;
  uint32_t version = kFormatVersion;
  uint32_t block_bytes = kBlockBytesMin;
  uint32_t salt = 0;      // see SegmentHeader
  bool recycled = false;  // likewise
  uint32_t before = 0;    // not 0: survivors, see Rank in format.h
  std::unique_ptr<File> file;

  std::atomic<uint64_t> live_bytes{0};     // of records the index points to
  std::atomic<uint32_t> pins{0};           // reads in flight
  std::atomic<uint64_t> removal_bytes{0};  // of deletes, expiries and flushes, needed or not
  std::atomic<bool> flushes{false};        // it holds a flush
  std::atomic<uint64_t> proven{0};         // survivors: offset up to which the records are durable

  // Guarded by the latch of the segment's lane.
  uint64_t capacity = 0;  // where the trailer must end at the latest
  uint64_t room_end = 0;  // allocated so far, at most capacity
  uint64_t data_end = 0;  // end of the file's content; set when it is sealed
  uint64_t worn_end = 0;  // all blocks below were written in an earlier life of the file
  uint64_t log_end = 0;   // position of the end of the lane's log when it was sealed

  // Garbage collection only.
  bool unread = false;  // a checkpoint told what lives here: its removals were not counted
  bool needs_checkpoint = false;  // sweeping relied on checkpoints to make removals superfluous
  uint64_t retry_ms = 0;          // collecting it failed: not again before
  uint64_t retry_pause_ms = 0;
  bool owes_deletes = false;  // expired keys left the index, and their deletes were not written

  SegmentState state() const { return state_.load(std::memory_order_acquire); }
  bool sealed() const { return state() != SegmentState::kOpen; }
  void Become(SegmentState to);  // stops the server if it may not
  void CallOffDeletion();        // it is again what it was before that was pending

  bool survivors() const { return before != 0; }
  Rank rank() const { return RankOf(id, before); }
  void Pin() { pins.fetch_add(1, std::memory_order_relaxed); }
  void Unpin() { pins.fetch_sub(1, std::memory_order_release); }

 private:
  std::atomic<SegmentState> state_{SegmentState::kOpen};
  SegmentState before_deletion_ = SegmentState::kOpen;
};

class SegmentTable {
 public:
  static constexpr uint32_t kPageBits = 10;
  static constexpr uint32_t kPageEntries = 1u << kPageBits;
  static constexpr uint32_t kPages = 64u << 10;
  static constexpr uint64_t kIdsMax = uint64_t{kPages} << kPageBits;

  SegmentTable();
  ~SegmentTable();
  SegmentTable(const SegmentTable&) = delete;
  SegmentTable& operator=(const SegmentTable&) = delete;

  Segment* Get(uint32_t id) const {
    if (id >= kIdsMax) return nullptr;
    const Page* page = pages_[id >> kPageBits].load(std::memory_order_acquire);
    return page == nullptr ? nullptr
                           : page->entries[id & (kPageEntries - 1)].load(std::memory_order_acquire);
  }
  void Add(std::unique_ptr<Segment> segment);
  std::unique_ptr<Segment> Remove(uint32_t id);
  void Clear();

 private:
  struct Page {
    std::atomic<Segment*> entries[kPageEntries];
  };
  std::unique_ptr<std::atomic<Page*>[]> pages_;
  uint32_t pages_used_ = 0;  // pages below this may exist
};

// Writes the header block of a new segment and syncs the file.
Status WriteSegmentHeader(const Segment& segment, uint32_t lanes, uint32_t incarnation);

// Page-aligned memory that O_DIRECT takes; freed by the deleter.
struct FreeDeleter {
  void operator()(char* data) const { std::free(data); }
};
using AlignedBuffer = std::unique_ptr<char, FreeDeleter>;
AlignedBuffer NewAligned(uint64_t bytes);

}  // namespace cairn::vlog
