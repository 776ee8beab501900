// CRC-32C (Castagnoli, RFC 3720 appendix B.4) with the SSE4.2 instruction where the processor has
// it. Thread-safe, no state. Extend(Extend(0, a), b) == Extend(0, ab).
#pragma once

#include <cstddef>
#include <cstdint>

namespace cairn {

uint32_t Crc32cExtend(uint32_t crc, const void* data, size_t bytes);
inline uint32_t Crc32c(const void* data, size_t bytes) { return Crc32cExtend(0, data, bytes); }

// The checksum of a and b together, from Extend(seed, a), Extend(0, b) and the length of b: for
// bytes that were checksummed before it was known what stands before them. Takes about a
// microsecond.
uint32_t Crc32cCombine(uint32_t crc_a, uint32_t crc_b, uint64_t bytes_b);

// The implementations behind Crc32cExtend, which picks the best one supported: for tests, which
// hold them against each other.
enum class Crc32cKind : uint8_t { kPortable, kSse42, kInterleaved };
bool Crc32cSupports(Crc32cKind kind);
uint32_t Crc32cExtendWith(Crc32cKind kind, uint32_t crc, const void* data, size_t bytes);

}  // namespace cairn
