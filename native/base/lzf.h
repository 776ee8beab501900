// LZF, the byte-oriented LZ77 coding inside DUMP payloads. Pure functions, safe from any thread.
//
// A stream is a sequence of items:
//   000LLLLL                      then L+1 literal bytes
//   LLLooooo oooooooo             copy L+2 bytes from o+1 bytes back            (L = 1..6)
//   111ooooo LLLLLLLL oooooooo    copy L+9 bytes from o+1 bytes back
// A copy may overlap its own output.
#pragma once

#include <cstddef>
#include <cstdint>

namespace cairn {

// No stream of n bytes decodes to more than this many times n: the longest copy makes 264 bytes out
// of three.
inline constexpr size_t kLzfExpansionMax = 88;
inline constexpr size_t kLzfInputBytesMax = size_t{1} << 31;

// Returns the coded length, or 0 if it would exceed `capacity`. At most kLzfInputBytesMax bytes.
size_t LzfCompress(const char* in, size_t in_bytes, char* out, size_t capacity);
// True if the stream is well-formed and decodes to exactly `out_bytes` bytes.
bool LzfDecompress(const char* in, size_t in_bytes, char* out, size_t out_bytes);

// LzfDecompress a piece at a time. `in` and all of `out` stay where they are until it is done:
// copies reach back into what was decoded.
class LzfDecoder {
 public:
  enum class State : uint8_t { kMore, kDone, kBad };

  LzfDecoder() = default;
  LzfDecoder(const char* in, size_t in_bytes, char* out, size_t out_bytes)
      : in_(in), end_(in + in_bytes), out_(out), out_bytes_(out_bytes) {}

  // Decodes about `bytes` more: at least one, at most the length of one copy above.
  State Step(size_t bytes);

 private:
  const char* in_ = nullptr;
  const char* end_ = nullptr;
  char* out_ = nullptr;
  size_t out_bytes_ = 0;
  size_t made_ = 0;
};

}  // namespace cairn
