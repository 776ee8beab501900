#include "vlog/gc/gc_pace.h"

#include <algorithm>
#include <chrono>

#include "base/clock.h"

namespace cairn::vlog {
namespace {

constexpr uint32_t kOvershootFar = 150;    // log bytes per 100 allowed
constexpr uint64_t kIoBytes = 128u << 10;  // what counts as one I/O under gc-iops
constexpr uint64_t kNanosPerSecond = 1000000000;
constexpr uint64_t kPauseNanosMax = kNanosPerSecond / 5;
constexpr uint64_t kDebtNanosMax = 10 * kNanosPerSecond;

}  // namespace

void GcPace::Stop() {
  std::lock_guard<std::mutex> lock(mutex_);
  stop_.store(true);
  wake_.notify_all();
}

void GcPace::Wake() {
  std::lock_guard<std::mutex> lock(mutex_);
  wake_.notify_all();
}

bool GcPace::Gentle(GcMode mode) const {
  return mode != GcMode::kAggressive && overshoot_.load(std::memory_order_relaxed) < kOvershootFar;
}

void GcPace::Idle() {
  std::unique_lock<std::mutex> lock(mutex_);
  if (stop_.load()) return;
  wake_.wait_for(lock, std::chrono::milliseconds(kPollMs));
}

bool GcPace::AfterBatch(GcMode mode, uint64_t read_bytes, uint64_t written_bytes) {
  const uint64_t pause = PauseNanos(mode, read_bytes, written_bytes);
  if (pause != 0) {
    std::unique_lock<std::mutex> lock(mutex_);
    wake_.wait_for(lock, std::chrono::nanoseconds(pause), [this] { return stop_.load(); });
  }
  while (paused_.load(std::memory_order_relaxed) && !stop_.load()) {
    std::unique_lock<std::mutex> lock(mutex_);
    wake_.wait_for(lock, std::chrono::milliseconds(kPollMs));
  }
  batch_ended_ns_.store(MonotonicNanos(), std::memory_order_relaxed);
  return !stop_.load(std::memory_order_relaxed);
}

uint64_t GcPace::PauseNanos(GcMode mode, uint64_t read_bytes, uint64_t written_bytes) {
  const uint64_t now = MonotonicNanos();
  uint64_t pause = 0;
  if (mode == GcMode::kThrottled) {
    const uint64_t ios = (read_bytes + kIoBytes - 1) / kIoBytes +
                         (written_bytes + kIoBytes - 1) / kIoBytes + (written_bytes != 0 ? 1 : 0);
    const uint64_t cost = ios * kNanosPerSecond / iops_.load(std::memory_order_relaxed);
    // Shared by all collectors: each takes its turn in time.
    uint64_t due = throttle_ns_.load(std::memory_order_relaxed);
    const auto next = [&] { return std::min(std::max(due, now) + cost, now + kDebtNanosMax); };
    while (!throttle_ns_.compare_exchange_weak(due, next())) {
    }
    pause = next() - now;
  } else if (mode == GcMode::kLazy) {
    // Without a break from a quarter too much on.
    const uint32_t overshoot = overshoot_.load(std::memory_order_relaxed);
    const uint64_t took = now - std::min(now, batch_ended_ns_.load(std::memory_order_relaxed));
    if (overshoot < 125) pause = std::min(took, kPauseNanosMax / 4) * (125 - overshoot) / 8;
  }
  return std::min(pause, kNanosPerSecond * 10);
}

}  // namespace cairn::vlog
