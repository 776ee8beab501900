// GcPace: how fast garbage collection goes, and what makes it pause and stop.
//
//   aggressive   goes on at once
//   lazy         in small helpings while there is not much more than allowed
//   throttled    all collectors take turns in one budget of reads and writes per second
//
// Threads: any. Who waits here for something to do is woken by Wake, and everybody by Stop; a rest
// between helpings lasts as long as it was meant to. The mutex guards nothing but that.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>

#include "vlog/vlog_options.h"

namespace cairn::vlog {

class GcPace {
 public:
  static constexpr uint32_t kPollMs = 100;

  void Begin() { stop_.store(false); }
  void Stop();
  bool stopped() const { return stop_.load(); }
  void Pause(bool pause) { paused_.store(pause, std::memory_order_relaxed); }
  bool paused() const { return paused_.load(std::memory_order_relaxed); }
  void Wake();
  void SetIops(uint32_t iops) { iops_.store(iops, std::memory_order_relaxed); }
  // Log bytes per 100 allowed, of the worst lane; 0: none has more than allowed.
  void SetOvershoot(uint32_t percent) { overshoot_.store(percent, std::memory_order_relaxed); }
  // Whether to keep out of the way. Who falls far behind takes the processor like everybody else.
  bool Gentle(GcMode mode) const;

  void Idle();  // there is nothing to do: until somebody wakes, for kPollMs at most
  // After a batch, with no latch held and the gate open. False: told to stop.
  bool AfterBatch(GcMode mode, uint64_t read_bytes, uint64_t written_bytes);

 private:
  uint64_t PauseNanos(GcMode mode, uint64_t read_bytes, uint64_t written_bytes);

  std::mutex mutex_;  // for wake_
  std::condition_variable wake_;
  std::atomic<bool> stop_{false};
  std::atomic<bool> paused_{false};
  std::atomic<uint32_t> iops_{1000};
  std::atomic<uint32_t> overshoot_{0};
  std::atomic<uint64_t> throttle_ns_{0};  // when the budget is paid off
  std::atomic<uint64_t> batch_ended_ns_{0};
};

}  // namespace cairn::vlog
