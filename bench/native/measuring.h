// What the measuring programs have in common: numbers that look random, CPU time, instructions.
#pragma once

#include <linux/perf_event.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>

namespace measuring {

// Each number has another one, so that those of a range are all different. SplitMix64's.
inline uint64_t Mix(uint64_t z) {
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

// Of this thread: other programs on the machine do not count (but for what they do to the caches).
inline uint64_t CpuNanos() {
  timespec ts;
  clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
  return static_cast<uint64_t>(ts.tv_sec) * 1000000000u + static_cast<uint64_t>(ts.tv_nsec);
}

// Instructions of this thread in user mode.
class Instructions {
 public:
  Instructions() {
    perf_event_attr attr = {};
    attr.type = PERF_TYPE_HARDWARE;
    attr.size = sizeof(attr);
    attr.config = PERF_COUNT_HW_INSTRUCTIONS;
    attr.exclude_kernel = 1;
    attr.exclude_hv = 1;
    file_ = static_cast<int>(syscall(SYS_perf_event_open, &attr, 0, -1, -1, 0));
  }
  ~Instructions() {
    if (file_ >= 0) close(file_);
  }
  bool counted() const { return file_ >= 0; }
  uint64_t Now() const {
    uint64_t count = 0;
    if (file_ >= 0 && read(file_, &count, sizeof(count)) != sizeof(count)) std::abort();
    return count;
  }

 private:
  int file_ = -1;
};

}  // namespace measuring
