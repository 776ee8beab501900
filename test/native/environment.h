// Seeds and numbers of runs that whoever runs the tests may set.
#pragma once

#include <cstdint>
#include <cstdlib>

namespace cairn::testing {

inline uint64_t FromEnvironment(const char* name, uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

// What a test does many times it does less often in a build with a sanitizer, which takes three
// times as long or more: the release build looks for wrong results, the others for wrong steps, and
// those are soon taken.
inline uint64_t Runs(uint64_t in_release) {
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
  return (in_release + 2) / 3;
#else
  return in_release;
#endif
}

}  // namespace cairn::testing
