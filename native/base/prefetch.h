// Prefetch: starts loading a cache line without waiting for it.
//
// Use this and not __builtin_prefetch: GCC takes a function that does nothing but prefetch for one
// without effect, and drops calls of it together with the loads that led to the address.
#pragma once

namespace cairn {

inline void Prefetch(const void* line) {
  __builtin_prefetch(line);
  asm volatile("" : : "r"(line));
}
inline void PrefetchForWrite(const void* line) {
  __builtin_prefetch(line, 1);
  asm volatile("" : : "r"(line));
}

}  // namespace cairn
