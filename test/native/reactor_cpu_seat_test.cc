// The seat of a thread on a processor. Time is what the calls are told, so how much of it was spent
// waiting is decided here: hardly any of a long time, or most of a millisecond.
#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <fstream>
#include <thread>

#include "reactor/cpu_seat.h"

namespace cairn {
namespace {

constexpr uint64_t kStartMs = 1'000'000;
constexpr uint64_t kLongMs = 1'000'000'000;

cpu_set_t Affinity() {
  cpu_set_t mask;
  REQUIRE(sched_getaffinity(0, sizeof(mask), &mask) == 0);
  return mask;
}

cpu_set_t Only(int cpu) {
  cpu_set_t mask;
  CPU_ZERO(&mask);
  CPU_SET(cpu, &mask);
  return mask;
}

bool RunsOn(const cpu_set_t& mask) {
  const cpu_set_t now = Affinity();
  return CPU_EQUAL(&now, &mask);
}

uint64_t WaitedNanos() {
  std::ifstream file("/proc/thread-self/schedstat");
  uint64_t ran = 0;
  uint64_t waited = 0;
  file >> ran >> waited;
  return waited;
}

// Runs beside another busy thread on the processor that this thread has its seat on, until this one
// has waited for `nanos`. False: the kernel does not count that, or nobody got to wait.
bool WaitForProcessor(uint64_t nanos) {
  std::atomic<bool> stop{false};
  std::thread other([&stop] {  // inherits the seat
    while (!stop.load(std::memory_order_relaxed)) {
    }
  });
  const uint64_t before = WaitedNanos();
  const auto end = std::chrono::steady_clock::now() + std::chrono::seconds(10);
  bool waited = false;
  while (!waited && std::chrono::steady_clock::now() < end) {
    waited = WaitedNanos() - before >= nanos;
  }
  stop.store(true);
  other.join();
  return waited;
}

// Gives the calling thread its affinity back.
struct Seated {
  const cpu_set_t everywhere = Affinity();
  int first = 0;
  CpuSeat seat;
  Seated() {
    while (!CPU_ISSET(first, &everywhere)) ++first;
  }
  ~Seated() { sched_setaffinity(0, sizeof(everywhere), &everywhere); }
};

TEST_CASE_FIXTURE(Seated, "cpu seat: without a preferred processor nothing happens") {
  int cpu = -1;
  SUBCASE("none") { cpu = -1; }
  SUBCASE("beyond any") { cpu = CPU_SETSIZE; }
  seat.Take(cpu, kStartMs);
  CHECK(RunsOn(everywhere));
  seat.Check(kStartMs + 1000);
  seat.Check(kStartMs + kLongMs);
  CHECK(RunsOn(everywhere));
}

TEST_CASE_FIXTURE(Seated, "cpu seat: a processor that the thread may not use is not taken") {
  int other = CPU_SETSIZE - 1;
  for (int cpu = first + 1; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(cpu, &everywhere)) other = cpu;
  }
  const cpu_set_t allowed = Only(first);
  REQUIRE(sched_setaffinity(0, sizeof(allowed), &allowed) == 0);
  seat.Take(other, kStartMs);
  CHECK(RunsOn(allowed));
  seat.Check(kStartMs + kLongMs);
  CHECK(RunsOn(allowed));
}

TEST_CASE_FIXTURE(Seated, "cpu seat: taken, and kept by a thread that does not wait") {
  seat.Take(first, kStartMs);
  CHECK(RunsOn(Only(first)));
  seat.Check(kStartMs);  // no time has passed
  CHECK(RunsOn(Only(first)));
  for (uint64_t i = 1; i <= 3; ++i) {
    seat.Check(kStartMs + i * kLongMs);
    CHECK(RunsOn(Only(first)));
  }
}

TEST_CASE_FIXTURE(Seated, "cpu seat: given up by a thread that waits, taken again later") {
  seat.Take(first, kStartMs);
  REQUIRE(RunsOn(Only(first)));
  if (!WaitForProcessor(2'000'000)) {
    MESSAGE("no waiting is counted here");
    return;
  }
  const uint64_t up_ms = kStartMs + 1;
  seat.Check(up_ms);  // waited two milliseconds of one
  CHECK(RunsOn(everywhere));
  seat.Check(up_ms + 1);
  CHECK(RunsOn(everywhere));
  seat.Check(up_ms + CpuSeat::kAwayMs - 1);
  CHECK(RunsOn(everywhere));
  seat.Check(up_ms + CpuSeat::kAwayMs);
  CHECK(RunsOn(Only(first)));
  seat.Check(up_ms + CpuSeat::kAwayMs + kLongMs);
  CHECK(RunsOn(Only(first)));
}

TEST_CASE_FIXTURE(Seated, "cpu seat: waiting that is a small part of the time costs nothing") {
  seat.Take(first, kStartMs);
  REQUIRE(RunsOn(Only(first)));
  if (!WaitForProcessor(2'000'000)) return;
  seat.Check(kStartMs + kLongMs);
  CHECK(RunsOn(Only(first)));
}

}  // namespace
}  // namespace cairn
