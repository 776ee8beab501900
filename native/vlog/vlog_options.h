// The options of this engine: those that every engine has, and its own.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <string_view>

#include "base/status.h"
#include "cache/cache_policy.h"
#include "engine/options.h"

namespace cairn {

// How garbage collection goes about it.
//   kLazy        collects what pays most; keeps to the space amplification when it can
//   kThrottled   the same, with at most gc_iops reads and writes per second
//   kAggressive  enforces the space amplification, several segments in parallel
enum class GcMode : uint8_t { kLazy = 0, kThrottled = 1, kAggressive = 2 };

inline constexpr uint32_t kLanesMax = kShardCount;
inline constexpr uint64_t kSegmentBytesMin = 64u << 10;  // tests have smaller ones than operators
inline constexpr uint64_t kSegmentBytesMax = 16ull << 30;
inline constexpr uint64_t kCommitBatchBytesMin = 64u << 10;
inline constexpr uint64_t kCommitBatchBytesMax = 64u << 20;
inline constexpr uint32_t kCommitsPerRingMin = 4;
inline constexpr uint32_t kGcParallelMax = 64;

// Not publicly EngineOptions: handed on as those, it would silently lose what is its own.
struct VlogOptions : private EngineOptions {
  using EngineOptions::any_value;
  using EngineOptions::cache_bytes;
  using EngineOptions::databases;
  using EngineOptions::dir;
  using EngineOptions::fsync;
  using EngineOptions::min_free_bytes;
  using EngineOptions::reactors;
  using EngineOptions::salvage;
  using EngineOptions::stop;

  VlogOptions();  // the defaults of the rows
  // With options.own taken in. kInvalid: one is unknown, or has no such value.
  static Result<VlogOptions> From(const EngineOptions& options);
  // One of them, or one that every engine has. *row: which.
  Status Set(std::string_view name, std::string_view value, const OptionRow** row);

  uint32_t lanes = 1;
  bool lanes_auto = false;      // `lanes` is only for a new directory: an old one keeps its number
  uint64_t segment_bytes = 0;   // at most; where little lives they are smaller
  uint64_t wal_ring_bytes = 0;  // staged and in-flight bytes per lane
  uint64_t commit_batch_bytes = 0;  // upper bound of one commit; without `always` also the
                                    // write-out threshold
  uint32_t commit_delay_us = 0;
  CachePolicy cache_policy = CachePolicy::kS3Fifo;
  uint32_t cache_small_value_bytes = 0;      // values up to this size that proved hot stay longer
  GcMode gc_mode = GcMode::kLazy;            // of lanes for which nothing else is set
  uint32_t gc_iops = 0;                      // kThrottled: reads and writes per second, all lanes
  uint32_t gc_max_parallel = 0;              // segments collected at once, all lanes
  uint32_t gc_space_amplification = 0;       // log bytes allowed per 100 live ones
  uint32_t segment_recycle_max = 0;          // files kept for reuse; 0: by what lives
  uint64_t checkpoint_bytes_per_second = 0;  // rate at which checkpoints are written
};

std::span<const BoundOption<VlogOptions>> VlogOptionTable();
std::string_view NameOf(GcMode mode);
std::string_view NameOf(CachePolicy policy);

// What commit_batch_bytes comes to: a ring holds at least four commits, and a commit of every lane
// together takes at most kCommitBatchBytesMax of memory.
inline uint64_t CommitBatchBytes(const VlogOptions& options) {
  const uint64_t ring = std::max(options.wal_ring_bytes, kCommitsPerRingMin * kCommitBatchBytesMin);
  const uint64_t share = std::max(kCommitBatchBytesMin, kCommitBatchBytesMax / options.lanes);
  const uint64_t wanted =
      std::clamp(options.commit_batch_bytes, kCommitBatchBytesMin, kCommitBatchBytesMax);
  return std::min({wanted, share, ring / kCommitsPerRingMin}) / 4096 * 4096;
}

}  // namespace cairn
