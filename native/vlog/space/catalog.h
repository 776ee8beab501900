// Catalog: what a data directory consists of. It owns the manifest, is the only one that writes it
// while the engine is open, and gives segments their numbers and their sizes.
//
//   Create --> file with a header --List--> named by the manifest --ReplaceLocked--> not any more
//                                                                                      |
//                                                            TakeBack <-- the file <---+
//
// A change of the manifest counts when it is saved. Who changes much does so on a copy, which
// becomes the manifest if it could be saved; if not, either may be the one on disk.
//
// Threads: any, but Begin, End and AtStart, which are for a start and an end that are alone. The
// manifest is guarded by mutex(); methods named ...Locked need that held. It comes before the latch
// of a lane and never with one of a shard; it is held while the manifest is written. The segments
// that the manifest names are in the table, but for a start that has not opened them yet, and stay
// there as long as the mutex is held.
#pragma once

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "base/status.h"
#include "io/disk.h"
#include "vlog/log/lane.h"
#include "vlog/log/manifest.h"
#include "vlog/log/segment.h"
#include "vlog/space/segment_space.h"

namespace cairn::vlog {

class Catalog {
 public:
  struct Config {
    std::string dir;
    Disk* disk = nullptr;
    SegmentSpace* space = nullptr;
    SegmentTable* segments = nullptr;
    // Until they are there the manifest is saved as it is.
    const std::vector<std::unique_ptr<Lane>>* lanes = nullptr;
    uint64_t segment_bytes = 0;      // of a segment at most, unless a unit needs more
    uint64_t segment_bytes_min = 0;  // of a lane in which little lives
    uint32_t salt = 0;               // of all segments; 0: random ones
  };

  void Begin(const Config& config);
  void End();  // forgets all; the files stay
  // Of a start, for itself and for recovery.
  Manifest* AtStart() { return &manifest_; }

  std::mutex& mutex() const { return mutex_; }
  const Manifest& ManifestLocked() const { return manifest_; }
  // Saves it as it stands now. Says of survivors how far they are durable by now, and of lanes
  // which numbers of units they have given away: what is removed may have been all that told.
  Status SaveLocked() { return SaveLocked(&manifest_); }
  // `changed` is saved, and is the manifest from then on. An error: all is as before.
  Status ReplaceLocked(Manifest changed);
  // In order; clean_ends: where each lane ends.
  Status SaveClean(std::vector<uint64_t> clean_ends);
  uint32_t NextIdLocked() { return manifest_.next_segment_id++; }

  // --- segments ---
  // A new segment file, complete on disk but in no manifest yet. before: not 0 for survivors.
  Result<std::unique_ptr<Segment>> Create(uint32_t lane, uint64_t unit_bytes, uint32_t before,
                                          bool sparing);
  // Makes a created segment part of the directory.
  Status List(std::unique_ptr<Segment> segment, Segment** listed);
  // The file of a segment of the lane that no manifest names any more; 0 bytes: nobody knows.
  void TakeBack(uint32_t lane, const std::string& path, uint64_t bytes);
  // Sealed, and all that lies in it is durable and settled: no crash can cut it any more.
  bool SettledLocked(const Segment& segment) const;
  // Nothing of its lane lies before it, nor anything of an earlier epoch.
  bool FirstInLogLocked(const Segment& segment) const;
  // Written so far; of the segment that a lane writes to, up to the end of what is staged.
  uint64_t UsedBytes(const Segment& segment) const;

  // --- sizes ---
  std::vector<uint64_t> LiveBytesLocked() const;  // by lane
  // How large a segment should be in a lane with so many live bytes.
  uint64_t WantedBytesLocked(uint64_t live_bytes) const;
  uint64_t segment_bytes_min() const { return config_.segment_bytes_min; }
  // Log bytes allowed per 100 live ones: more than 100.
  void SetAmplification(uint32_t percent) {
    amplification_.store(percent, std::memory_order_relaxed);
  }
  uint32_t amplification() const { return amplification_.load(std::memory_order_relaxed); }

 private:
  Status SaveLocked(Manifest* manifest);
  Lane& LaneFor(const Segment& segment) const {
    return *(*config_.lanes)[segment.lane % config_.lanes->size()];
  }

  Config config_;  // set by Begin, constant until End
  mutable std::mutex mutex_;
  Manifest manifest_;  // mutex_
  std::atomic<uint32_t> amplification_{140};
};

}  // namespace cairn::vlog
