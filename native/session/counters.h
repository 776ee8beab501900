// Counters of one reactor. One thread writes, any thread reads: relaxed loads and stores, no locked
// instruction.
#pragma once

#include <atomic>
#include <bit>
#include <cstdint>
#include <memory>
#include <vector>

namespace cairn {

class Counter {
 public:
  void Add(uint64_t n) {
    value_.store(value_.load(std::memory_order_relaxed) + n, std::memory_order_relaxed);
  }
  void Sub(uint64_t n) { Add(~n + 1); }
  uint64_t Get() const { return value_.load(std::memory_order_relaxed); }
  void Set(uint64_t n) { value_.store(n, std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> value_{0};
};

// Durations in nanoseconds, eight buckets per power of two (at most 12.5 % wide).
class LatencyHistogramCounts {
 public:
  static constexpr uint32_t kSubBits = 3;
  static constexpr uint32_t kBuckets = 41 << kSubBits;  // up to 2^43 ns, about two hours

  void Record(uint64_t nanos) { ++counts_[BucketOf(nanos)]; }
  void Record(uint64_t nanos, uint32_t times) { counts_[BucketOf(nanos)] += times; }
  static uint32_t BucketOf(uint64_t nanos) {
    if (nanos < (1u << kSubBits)) return static_cast<uint32_t>(nanos);
    uint32_t log = 63 - static_cast<uint32_t>(std::countl_zero(nanos));
    uint32_t bucket = ((log - kSubBits + 1) << kSubBits) +
                      static_cast<uint32_t>((nanos >> (log - kSubBits)) & ((1u << kSubBits) - 1));
    return bucket < kBuckets ? bucket : kBuckets - 1;
  }
  static uint64_t UpperNanos(uint32_t bucket) {
    if (bucket < (1u << kSubBits)) return bucket;
    uint32_t log = (bucket >> kSubBits) + kSubBits - 1;
    uint64_t sub = bucket & ((1u << kSubBits) - 1);
    return ((((1ull << kSubBits) | sub) + 1) << (log - kSubBits)) - 1;
  }
  uint32_t count(uint32_t bucket) const { return counts_[bucket]; }
  void Clear() { std::fill(counts_, counts_ + kBuckets, 0u); }

 private:
  uint32_t counts_[kBuckets] = {};
};

// What one run of a command has found and done to keys.
struct PassFigures {
  uint32_t hits = 0;
  uint32_t misses = 0;
  uint32_t expired = 0;
  uint64_t changes = 0;
};

struct CommandCounters {
  Counter calls;
  Counter nanos;
  Counter rejected;
  Counter failed;
  // Made at the first call. Read by the main thread for reports only: a torn count is harmless
  // there.
  std::atomic<LatencyHistogramCounts*> histogram{nullptr};
  ~CommandCounters() { delete histogram.load(); }
};

struct alignas(64) ReactorCounters {
  Counter commands;
  Counter net_in;
  Counter net_out;
  Counter reads;
  Counter writes;
  Counter hits;
  Counter misses;
  Counter expired;
  Counter changes;  // to keys; not zeroed with the statistics
  Counter clients;
  Counter connections;
  Counter rejected_connections;
  Counter blocked;
  Counter auth_failures;
  Counter error_replies;
  Counter output_limit_disconnections;
  Counter query_limit_disconnections;
  Counter query_bytes;
  Counter output_bytes;
  Counter turns;
  Counter longest_turn_nanos;  // since the statistics were zeroed
  Counter max_query;
  Counter max_output;
  std::vector<CommandCounters> per_command;
};

}  // namespace cairn
