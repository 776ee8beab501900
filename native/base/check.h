// CAIRN_CHECK: what our own code promises. A violated promise stops the process at once, because
// going on could acknowledge or serve wrong data. Never used for what a client or a disk did: those
// are errors, see status.h.
#pragma once

#include <cstdio>
#include <cstdlib>

namespace cairn {

[[noreturn]] inline void CheckFailed(const char* what, const char* file, int line) {
  std::fprintf(stderr, "cairn: check failed: %s at %s:%d\n", what, file, line);
  std::abort();
}

}  // namespace cairn

#define CAIRN_CHECK(cond) \
  (__builtin_expect(!(cond), 0) ? ::cairn::CheckFailed(#cond, __FILE__, __LINE__) : (void)0)

#define CAIRN_LIKELY(x) __builtin_expect(!!(x), 1)
#define CAIRN_UNLIKELY(x) __builtin_expect(!!(x), 0)
