// What the measuring programs have in common: numbers that look random, and CPU time.
#pragma once

#include <time.h>

#include <cstdint>

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

}  // namespace measuring
