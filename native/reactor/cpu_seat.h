// CpuSeat: keeps a thread on one processor as long as the thread gets to run there. Being there has
// an advantage (see io/completion_cpu.h), but a processor that somebody else keeps busy is worse
// than any other: then the seat is given up for a while.
#pragma once

#include <sched.h>

#include <cstdint>

namespace cairn {

class CpuSeat {
 public:
  static constexpr uint64_t kWaitPercentMax = 40;  // of a second, spent waiting to run
  static constexpr uint64_t kAwayMs = 10'000;

  // Of the calling thread, as are all calls.
  void Take(int cpu, uint64_t now_ms);
  // About once a second.
  void Check(uint64_t now_ms);

 private:
  bool Sit();
  static uint64_t WaitedNanos();  // for a processor, so far

  int cpu_ = -1;
  bool seated_ = false;
  cpu_set_t everywhere_;
  uint64_t checked_ms_ = 0;
  uint64_t waited_nanos_ = 0;
  uint64_t back_ms_ = 0;
};

}  // namespace cairn
