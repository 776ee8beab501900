// ReadWindow: how many reads of one reactor the device has at once. The others wait in memory, and
// each that completes lets the next one go while the rest of its batch is still being worked on.
// With all reads at the device, they come back together, and device and processor take turns
// instead of working side by side (docs/architecture.md, "Reads").
//
// How many are best differs from device to device, so it is tried out: while reads wait, a size is
// measured, then a neighbouring one, then the first again; the neighbour stays if it completed more
// reads per second. Nothing is learned from times in which no read had to wait.
//
// Threads: the reactor's; size() from any.
#pragma once

#include <atomic>
#include <cstdint>

namespace cairn::vlog {

class ReadWindow {
 public:
  static constexpr uint32_t kFirst = 20;
  static constexpr uint32_t kMin = 8;
  static constexpr uint32_t kMax = 256;

  // Stays at this size.
  void Fix(uint32_t size);
  uint32_t size() const { return size_.load(std::memory_order_relaxed); }
  // A read has completed; `waiting`: another one had been waiting for that.
  void Completed(bool waiting, uint64_t now_ns);

 private:
  static constexpr uint64_t kSpanNanos = 100'000'000;  // of a measurement at the least
  static constexpr uint32_t kSpanReads = 512;
  static constexpr uint64_t kGapNanos = 20'000'000;  // without a read: nothing is measured
  static constexpr uint32_t kIdleShare = 8;          // one read in so many may find nothing waiting
  static constexpr uint32_t kStepPercent = 25;       // to a neighbour
  static constexpr double kGain = 1.04;              // that a neighbour must bring
  static constexpr uint32_t kRestMax = 64;  // measurements between trials that lead nowhere
  enum class Phase : uint8_t { kBefore, kTrial, kAfter, kRest };

  void Measured(double per_second);
  void Use(uint32_t size) { size_.store(size, std::memory_order_relaxed); }

  std::atomic<uint32_t> size_{kFirst};
  bool fixed_ = false;
  uint32_t reads_ = 0;  // of the measurement under way
  uint32_t idle_ = 0;   // of them, with nothing waiting
  uint64_t began_ns_ = 0;
  uint64_t last_ns_ = 0;

  Phase phase_ = Phase::kBefore;
  uint32_t settled_ = kFirst;
  uint32_t tried_ = kFirst;
  bool up_ = true;
  double before_ = 0;  // reads per second with settled_
  double trial_ = 0;   // and with tried_
  uint32_t rest_ = 1;
  uint32_t rested_ = 0;
};

}  // namespace cairn::vlog
