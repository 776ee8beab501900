// Seeds and numbers of runs that whoever runs the tests may set.
#pragma once

#include <cstdint>
#include <cstdlib>

namespace cairn::testing {

inline uint64_t FromEnvironment(const char* name, uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

}  // namespace cairn::testing
