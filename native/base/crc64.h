// CRC-64/Jones: polynomial 0xad93d23594c935a9, reflected, initial value and final xor 0. It seals
// DUMP payloads. Thread-safe, no state. Extend(Extend(0, a), b) == Extend(0, ab) ==
// Combine(Extend(0, a), Extend(0, b), bytes of b).
#pragma once

#include <cstddef>
#include <cstdint>

namespace cairn {

uint64_t Crc64Extend(uint64_t crc, const void* data, size_t bytes);
uint64_t Crc64Combine(uint64_t first, uint64_t second, uint64_t second_bytes);
inline uint64_t Crc64(const void* data, size_t bytes) { return Crc64Extend(0, data, bytes); }

}  // namespace cairn
