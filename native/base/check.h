// CAIRN_CHECK: what our own code promises. A violated promise stops the process at once, because
// going on could acknowledge or serve wrong data. Never used for what a client or a disk did: those
// are errors, see status.h.
#pragma once

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

namespace cairn {

[[noreturn]] inline void CheckFailed(const char* what, const char* file, int line) {
  // Nobody may be reading there: the end must not wait for that.
  char text[512];
  const int bytes =
      std::snprintf(text, sizeof(text), "cairn: check failed: %s at %s:%d\n", what, file, line);
  pollfd ready{STDERR_FILENO, POLLOUT, 0};
  if (poll(&ready, 1, 0) == 1 && bytes > 0)
    (void)!write(STDERR_FILENO, text, std::min(sizeof(text) - 1, static_cast<size_t>(bytes)));
  std::abort();
}

}  // namespace cairn

#define CAIRN_CHECK(cond) \
  (__builtin_expect(!(cond), 0) ? ::cairn::CheckFailed(#cond, __FILE__, __LINE__) : (void)0)

#define CAIRN_LIKELY(x) __builtin_expect(!!(x), 1)
#define CAIRN_UNLIKELY(x) __builtin_expect(!!(x), 0)
