// The door of this engine: what its users outside include, next to vlog/check.h.
#pragma once

#include <memory>

namespace cairn {

class Engine;

// Keys in RAM, values in an append-only log; see docs/architecture.md.
std::unique_ptr<Engine> NewVlogEngine();

}  // namespace cairn
