// What an engine is told when it is opened.
#pragma once

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <string>

#include "base/slot.h"
#include "engine/limits.h"

namespace cairn {

enum class FsyncPolicy : uint8_t { kAlways, kEverySecond, kNo };
// Which values leave the cache first; see vlog/cache_policy.h.
enum class CachePolicy : uint8_t { kS3Fifo, kLirs, kLru };
// How garbage collection goes about it.
//   kLazy        collects what pays most; keeps to the space amplification when it can
//   kThrottled   the same, with at most gc_iops reads and writes per second
//   kAggressive  enforces the space amplification, several segments in parallel
enum class GcMode : uint8_t { kLazy = 0, kThrottled = 1, kAggressive = 2 };

inline constexpr uint32_t kLanesMax = kShardCount;
inline constexpr uint64_t kSegmentBytesMin = 64u << 10;
inline constexpr uint64_t kSegmentBytesMax = 16ull << 30;
inline constexpr uint64_t kCommitBatchBytesMin = 64u << 10;
inline constexpr uint64_t kCommitBatchBytesMax = 64u << 20;
inline constexpr uint32_t kCommitsPerRingMin = 4;

struct EngineOptions {
  std::string dir;
  uint32_t reactors = 1;
  uint32_t lanes = 1;
  bool lanes_auto =
      false;  // `lanes` is only for a new directory: an existing one keeps its own number
  uint32_t databases = 16;
  uint64_t segment_bytes = 1ull << 30;    // at most; where little lives they are smaller
  uint64_t wal_ring_bytes = 16ull << 20;  // staged and in-flight bytes per lane
  uint64_t commit_batch_bytes =
      1ull << 20;  // upper bound of one commit; without `always` also the write-out threshold
  uint32_t commit_delay_us = 0;
  uint64_t cache_bytes = 0;
  CachePolicy cache_policy = CachePolicy::kS3Fifo;
  uint32_t cache_small_value_bytes = 256;  // values up to this size that proved hot stay longer
  FsyncPolicy fsync = FsyncPolicy::kAlways;
  bool salvage = false;                   // go on past damage: report it, drop what cannot be read
  GcMode gc_mode = GcMode::kLazy;         // of lanes for which nothing else is set
  uint32_t gc_iops = 1000;                // kThrottled: reads and writes per second, all lanes
  uint32_t gc_max_parallel = 1;           // segments collected at once, all lanes; 1 to 64
  uint32_t gc_space_amplification = 140;  // log bytes allowed per 100 live ones
  uint32_t segment_recycle_max = 0;       // files kept for reuse; 0: by what lives
  uint64_t min_free_bytes = 0;            // of the file system; below, writes are refused
  uint64_t checkpoint_bytes_per_second = 128ull << 20;  // rate at which checkpoints are written
  // Open gives up with kBusy soon after it turns true, and leaves a directory as a crash would.
  const std::atomic<bool>* stop = nullptr;
};

// What commit_batch_bytes comes to: a ring holds at least four commits, and a commit of every lane
// together takes at most kCommitBatchBytesMax of memory.
inline uint64_t CommitBatchBytes(const EngineOptions& options) {
  const uint64_t ring = std::max(options.wal_ring_bytes, kCommitsPerRingMin * kCommitBatchBytesMin);
  const uint64_t share = std::max(kCommitBatchBytesMin, kCommitBatchBytesMax / options.lanes);
  const uint64_t wanted =
      std::clamp(options.commit_batch_bytes, kCommitBatchBytesMin, kCommitBatchBytesMax);
  return std::min({wanted, share, ring / kCommitsPerRingMin}) / 4096 * 4096;
}

}  // namespace cairn
