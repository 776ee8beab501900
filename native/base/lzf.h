// LZF, the byte-oriented LZ77 coding inside DUMP payloads. Pure functions, safe from any thread.
//
// A stream is a sequence of items:
//   000LLLLL                      then L+1 literal bytes
//   LLLooooo oooooooo             copy L+2 bytes from o+1 bytes back            (L = 1..6)
//   111ooooo LLLLLLLL oooooooo    copy L+9 bytes from o+1 bytes back
// A copy may overlap its own output.
#pragma once

#include <cstddef>

namespace cairn {

// No stream of n bytes decodes to more than this many times n: the longest copy makes 264 bytes out
// of three.
inline constexpr size_t kLzfExpansionMax = 88;
inline constexpr size_t kLzfInputBytesMax = size_t{1} << 31;

// Returns the coded length, or 0 if it would exceed `capacity`. At most kLzfInputBytesMax bytes.
size_t LzfCompress(const char* in, size_t in_bytes, char* out, size_t capacity);
// True if the stream is well-formed and decodes to exactly `out_bytes` bytes.
bool LzfDecompress(const char* in, size_t in_bytes, char* out, size_t out_bytes);

}  // namespace cairn
