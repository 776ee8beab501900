// A connection as CLIENT LIST and CLIENT INFO show it. On its reactor's thread.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "session/connection.h"
#include "session/shared.h"

namespace cairn {

ClientKind KindOf(const Connection& conn);
// "normal", "replica", "pubsub".
std::string_view KindName(ClientKind kind);
// Without the end of the line. now_ms: wall clock.
std::string ClientLine(const Connection& conn, uint64_t now_ms);

}  // namespace cairn
