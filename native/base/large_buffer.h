// LargeBuffer: page-aligned memory of a large value, shared by all who use the value: the commit
// that writes it, the cache, the replies that show it. So nobody has to copy it, and nobody has to
// wait for the others. The last one to let go gives it back in the background (release.h).
//
// Threads: who makes one fills it; from when it is shared on, the bytes do not change.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>

// Sanitizer builds take small values for large ones, so that every test runs into them.
#ifndef CAIRN_LARGE_VALUE_BYTES
#define CAIRN_LARGE_VALUE_BYTES (256 << 10)
#endif
#ifndef CAIRN_LARGE_UNIT_BYTES
#define CAIRN_LARGE_UNIT_BYTES (1 << 20)
#endif

namespace cairn {

// Values from this size on are shared instead of being copied under a latch.
inline constexpr uint64_t kLargeValueBytes = CAIRN_LARGE_VALUE_BYTES;
// Writes from this size on are copied ahead, in pieces, before they are applied.
inline constexpr uint64_t kLargeUnitBytes = CAIRN_LARGE_UNIT_BYTES;
// Of such a write: smaller values are copied when it is applied.
inline constexpr uint64_t kPreparedValueBytes = kLargeUnitBytes / 256;

class LargeBuffer {
 public:
  // Zeros, of which only what is touched takes memory.
  static std::shared_ptr<LargeBuffer> New(size_t bytes);
  ~LargeBuffer();
  LargeBuffer(const LargeBuffer&) = delete;
  LargeBuffer& operator=(const LargeBuffer&) = delete;

  char* data() const { return data_; }
  size_t bytes() const { return bytes_; }

 private:
  LargeBuffer(char* data, size_t bytes, bool mapped)
      : data_(data), bytes_(bytes), mapped_(mapped) {}

  char* const data_;
  const size_t bytes_;
  const bool mapped_;  // by itself, not of the heap
};

// Keeps bytes alive that somebody else owns.
using Owner = std::shared_ptr<const void>;

// Knows who owns large values, so that replies need not copy them.
class Lender {
 public:
  virtual ~Lender() = default;
  // Null: the bytes do not outlive the command, or nobody knows.
  virtual Owner OwnerOf(std::string_view bytes) = 0;
};

}  // namespace cairn
