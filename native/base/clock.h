// Clocks. Wall time (milliseconds since the epoch) decides expiry; monotonic time measures
// durations.
#pragma once

#include <time.h>

#include <cstdint>

namespace cairn {

inline uint64_t WallMicros() {
  timespec ts;
  clock_gettime(CLOCK_REALTIME, &ts);
  return static_cast<uint64_t>(ts.tv_sec) * 1000000u + static_cast<uint64_t>(ts.tv_nsec) / 1000u;
}
inline uint64_t WallMillis() { return WallMicros() / 1000u; }

inline uint64_t MonotonicNanos() {
  timespec ts;
  clock_gettime(CLOCK_MONOTONIC, &ts);
  return static_cast<uint64_t>(ts.tv_sec) * 1000000000u + static_cast<uint64_t>(ts.tv_nsec);
}
inline uint64_t MonotonicMillis() { return MonotonicNanos() / 1000000u; }

// Whom an engine asks for the time where the answer decides something, so that a test can bring its
// own. Asked by any thread. Wall time may be set, forwards and backwards; monotonic time never is.
class Clock {
 public:
  virtual uint64_t WallMillis() const { return cairn::WallMillis(); }
  virtual uint64_t MonotonicNanos() const { return cairn::MonotonicNanos(); }

 protected:
  ~Clock() = default;
};
class SystemClock final : public Clock {};
inline constexpr SystemClock kSystemClock;

}  // namespace cairn
