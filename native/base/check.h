// CAIRN_CHECK: what our own code promises. A violated promise stops the process at once, because
// going on could acknowledge or serve wrong data. Never used for what a client, a disk or the
// system did: those are errors, see status.h. Where the condition does not say it, a text names the
// promise.
//
// OutOfMemory: the one refusal of the system that ends the process, with a message of its own.
// Standard containers cannot go on without memory either, and what was acknowledged is on disk as
// appendfsync has it.
#pragma once

#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>

namespace cairn {

// `bytes` of what snprintf made of `text`. Nobody may be reading there: the end must not wait for
// that.
inline void LastWords(const char* text, size_t room, int bytes) {
  pollfd ready{STDERR_FILENO, POLLOUT, 0};
  if (poll(&ready, 1, 0) == 1 && bytes > 0)
    (void)!write(STDERR_FILENO, text, std::min(room - 1, static_cast<size_t>(bytes)));
}

[[noreturn]] inline void CheckFailed(const char* what, const char* promise, const char* file,
                                     int line) {
  char text[512];
  const char* colon = *promise == 0 ? "" : ": ";
  LastWords(text, sizeof(text),
            std::snprintf(text, sizeof(text), "cairn: check failed: %s%s%s at %s:%d\n", what, colon,
                          promise, file, line));
  std::abort();
}

[[noreturn]] inline void OutOfMemory(size_t bytes) {
  char text[128];
  LastWords(text, sizeof(text),
            std::snprintf(text, sizeof(text),
                          "cairn: out of memory: the system refuses %zu bytes\n", bytes));
  _exit(1);
}

// What an allocator gave for so many bytes.
template <typename T>
T* Allocated(T* memory, size_t bytes) {
  if (__builtin_expect(memory == nullptr, 0)) OutOfMemory(bytes);
  return memory;
}

}  // namespace cairn

#define CAIRN_CHECK(cond, ...)                                                                    \
  (__builtin_expect(!(cond), 0) ? ::cairn::CheckFailed(#cond, "" __VA_ARGS__, __FILE__, __LINE__) \
                                : (void)0)

#define CAIRN_LIKELY(x) __builtin_expect(!!(x), 1)
#define CAIRN_UNLIKELY(x) __builtin_expect(!!(x), 0)
