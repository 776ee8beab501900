// KeyedHash: where a field or a member stands in its tree. SipHash-1-3 (Aumasson and Bernstein,
// "SipHash: a fast short-input PRF"), so that nobody can choose fields of equal hashes without the
// seed, which each collection keeps in its root. Pure; results are on disk.
#pragma once

#include <cstdint>
#include <string_view>

namespace cairn {

uint64_t KeyedHash(uint64_t seed, std::string_view bytes);

}  // namespace cairn
