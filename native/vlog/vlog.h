// The door of this engine: what its users outside include, next to vlog/check.h.
#pragma once

#include <cstdint>
#include <memory>

namespace cairn {

class Engine;

// Keys in RAM, values in an append-only log; see docs/architecture.md.
std::unique_ptr<Engine> NewVlogEngine();

// Free space that is left for garbage collection whatever min-free-bytes says.
inline constexpr uint64_t kGcFreeBytesMin = 16u << 20;

}  // namespace cairn
