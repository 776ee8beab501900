// SplitMix64 (Steele, Lea and Flood, "Fast splittable pseudorandom number generators", OOPSLA
// 2014).
#pragma once

#include <cstdint>

namespace cairn {

struct SplitMix {
  uint64_t state = 0;

  uint64_t Next() {
    state += kStep;
    return Mix(state);
  }
  // A number of [0, end), by the high half of a product: Lemire, "Fast random integer generation in
  // an interval", ACM TOMACS 29:1, 2019, without the rejection, so that some numbers are likelier,
  // by end / 2^64 of what they are.
  uint64_t Below(uint64_t end) {
    return static_cast<uint64_t>(static_cast<unsigned __int128>(Next()) * end >> 64);
  }
  // The n-th number from a seed on, n >= 1.
  static uint64_t At(uint64_t seed, uint64_t n) { return Mix(seed + n * kStep); }

 private:
  static constexpr uint64_t kStep = 0x9e3779b97f4a7c15u;
  static uint64_t Mix(uint64_t z) {
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
    return z ^ (z >> 31);
  }
};

}  // namespace cairn
