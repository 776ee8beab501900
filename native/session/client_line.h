// A connection as CLIENT LIST and CLIENT INFO show it. On its reactor's thread.
#pragma once

#include <cstdint>
#include <string>

#include "session/connection.h"

namespace cairn {

// Without the end of the line. now_ms: wall clock.
std::string ClientLine(const Connection& conn, uint64_t now_ms);

}  // namespace cairn
