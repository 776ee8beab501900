// Latch: a spin lock for critical sections well under a microsecond that never wait for I/O. After
// a bounded spin the waiter sleeps for a moment, so that a preempted holder can run. It does not
// yield: recent kernels take the rest of the time slice for that, and a reactor's is long. Not
// recursive. Sized to share a cache line with what it guards.
#pragma once

#include <time.h>

#include <atomic>
#include <cstdint>

namespace cairn {

class Latch {
 public:
  void Lock() {
    if (!locked_.exchange(true, std::memory_order_acquire)) return;
    LockSlow();
  }
  bool TryLock() { return !locked_.exchange(true, std::memory_order_acquire); }
  void Unlock() { locked_.store(false, std::memory_order_release); }

 private:
  static constexpr uint32_t kSpinsBeforeSleep = 512;
  static constexpr timespec kSleep = {0, 20'000};

  void LockSlow() {
    for (uint32_t spins = 0;; ++spins) {
      if (!locked_.load(std::memory_order_relaxed) &&
          !locked_.exchange(true, std::memory_order_acquire)) {
        return;
      }
      if (spins % kSpinsBeforeSleep == kSpinsBeforeSleep - 1) {
        nanosleep(&kSleep, nullptr);
      } else {
        __builtin_ia32_pause();
      }
    }
  }

  std::atomic<bool> locked_{false};
};

class LatchGuard {
 public:
  explicit LatchGuard(Latch& latch) : latch_(latch) { latch_.Lock(); }
  ~LatchGuard() { latch_.Unlock(); }
  LatchGuard(const LatchGuard&) = delete;
  LatchGuard& operator=(const LatchGuard&) = delete;

 private:
  Latch& latch_;
};

}  // namespace cairn
