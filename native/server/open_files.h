// The system's limit of open files. It is shared out at the start: what the server needs itself is
// kept back, so that no client ever takes the descriptor that a segment or a checkpoint needs, and
// accepting never meets the limit.
#pragma once

#include <cstdint>

namespace cairn {

uint64_t FileLimit();

// Raises the limit to at least `wanted` if the system lets us, else as far as it does. Returns the
// limit in force.
uint64_t RaiseFileLimit(uint64_t wanted);

// Files that this process has open now; if that cannot be told, kOpenFilesUnknown.
inline constexpr uint64_t kOpenFilesUnknown = 64;
uint64_t CountOpenFiles();

}  // namespace cairn
