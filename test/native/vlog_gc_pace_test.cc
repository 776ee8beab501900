// How fast garbage collection goes.
#include <doctest/doctest.h>

#include <atomic>
#include <thread>

#include "base/clock.h"
#include "vlog/gc/gc_pace.h"

using namespace cairn;
using vlog::GcPace;

namespace {

constexpr uint64_t kMiB = 1u << 20;

uint64_t MillisOf(GcPace* pace, GcMode mode, uint64_t read_bytes, uint64_t written_bytes) {
  const uint64_t started = MonotonicMillis();
  CHECK(pace->AfterBatch(mode, read_bytes, written_bytes));
  return MonotonicMillis() - started;
}

}  // namespace

TEST_CASE("vlog gc pace: throttled pays for reads, writes and syncs") {
  GcPace pace;
  pace.SetIops(100);
  // 8 reads of 128 KiB; then 8 writes and their sync.
  CHECK(MillisOf(&pace, GcMode::kThrottled, kMiB, 0) >= 79);
  CHECK(MillisOf(&pace, GcMode::kThrottled, 0, kMiB) >= 89);
  pace.SetIops(1'000'000);
  CHECK(MillisOf(&pace, GcMode::kAggressive, 100 * kMiB, 100 * kMiB) < 1000);
}

TEST_CASE("vlog gc pace: whoever waits goes on when it is told to stop") {
  for (const bool paused : {false, true}) {
    GcPace pace;
    pace.SetIops(1);
    pace.Pause(paused);
    std::atomic<bool> went_on{true};
    std::thread waits([&] {
      // A minute's worth, which is cut to ten seconds, or a pause that nobody ends.
      const uint64_t bytes = paused ? 0 : 8 * kMiB;
      went_on.store(pace.AfterBatch(paused ? GcMode::kAggressive : GcMode::kThrottled, bytes, 0));
    });
    const uint64_t started = MonotonicMillis();
    pace.Stop();
    waits.join();
    CHECK(!went_on.load());
    CHECK(MonotonicMillis() - started < 5000);
    pace.Idle();  // does not wait any more
    pace.Begin();
    CHECK(!pace.stopped());
  }
}

TEST_CASE("vlog gc pace: who falls far behind is not gentle any more") {
  GcPace pace;
  CHECK(pace.Gentle(GcMode::kLazy));
  CHECK(pace.Gentle(GcMode::kThrottled));
  CHECK(!pace.Gentle(GcMode::kAggressive));
  pace.SetOvershoot(149);
  CHECK(pace.Gentle(GcMode::kLazy));
  pace.SetOvershoot(150);
  CHECK(!pace.Gentle(GcMode::kLazy));
}
