#include "reactor/cpu_seat.h"

#include <fcntl.h>
#include <unistd.h>

#include <cinttypes>
#include <cstdio>

namespace cairn {

void CpuSeat::Take(int cpu, uint64_t now_ms) {
  if (cpu < 0 || cpu >= CPU_SETSIZE) return;
  if (sched_getaffinity(0, sizeof(everywhere_), &everywhere_) != 0) return;
  if (!CPU_ISSET(cpu, &everywhere_)) return;
  cpu_ = cpu;
  seated_ = Sit();
  checked_ms_ = now_ms;
  waited_nanos_ = WaitedNanos();
}

bool CpuSeat::Sit() {
  cpu_set_t one;
  CPU_ZERO(&one);
  CPU_SET(cpu_, &one);
  return sched_setaffinity(0, sizeof(one), &one) == 0;
}

void CpuSeat::Check(uint64_t now_ms) {
  if (cpu_ < 0 || now_ms <= checked_ms_) return;
  const uint64_t waited = WaitedNanos();
  if (waited < waited_nanos_) return;  // it could not be read
  const uint64_t percent = (waited - waited_nanos_) / 10'000 / (now_ms - checked_ms_);
  waited_nanos_ = waited;
  checked_ms_ = now_ms;
  if (seated_ && percent > kWaitPercentMax) {
    seated_ = sched_setaffinity(0, sizeof(everywhere_), &everywhere_) != 0;
    back_ms_ = now_ms + kAwayMs;
  } else if (!seated_ && now_ms >= back_ms_) {
    seated_ = Sit();
  }
}

uint64_t CpuSeat::WaitedNanos() {
  char text[128];
  const int fd = open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC);
  if (fd < 0) return 0;
  const ssize_t bytes = read(fd, text, sizeof(text) - 1);
  close(fd);
  if (bytes <= 0) return 0;
  text[bytes] = '\0';
  uint64_t ran = 0;
  uint64_t waited = 0;
  return std::sscanf(text, "%" SCNu64 " %" SCNu64, &ran, &waited) == 2 ? waited : 0;
}

}  // namespace cairn
