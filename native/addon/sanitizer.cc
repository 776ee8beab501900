// In builds with the sanitizers. The library that reports undefined behaviour writes to stderr,
// whatever it is told, where it is loaded beside a preloaded ASan: a report that nobody may see
// (test/support/sanitizer.ts). An abort is a report of ASan's, with the same stack, and goes where
// all of those go.
#if defined(__SANITIZE_ADDRESS__)

#include <cstdlib>

extern "C" __attribute__((visibility("default"))) void __ubsan_on_report() { std::abort(); }

#endif
