// KeyedHash: where a field or a member stands in its tree. SipHash-1-3 (Aumasson and Bernstein,
// "SipHash: a fast short-input PRF"), so that nobody can choose fields of equal hashes without the
// seed, which each collection keeps in its root. Pure; results are on disk.
//
// The uppermost 52 bits, as a number: it is the cursor of scans, and clients of which numbers are
// doubles have to bring it back. Elements of one hash are in order of their bytes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace cairn {

inline constexpr uint32_t kKeyedHashBits = 52;

uint64_t KeyedHash(uint64_t seed, std::string_view bytes);

// The state of a collection that keeps nothing but its seed.
std::string SeedState(uint64_t seed);

}  // namespace cairn
