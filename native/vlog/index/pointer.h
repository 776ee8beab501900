// Pointer: where a record lies in the value log. This is what the index keeps for a key; 24 bytes
// in RAM and on disk. On disk the order is segment_id u32, offset u64, length u32, flags u32,
// checksum u32, little-endian, no padding; the order in RAM is chosen for alignment. Plain data: no
// ownership, no thread rules of its own.
#pragma once

#include <cstdint>
#include <type_traits>

namespace cairn::vlog {

struct Pointer {
  // Bits of `flags`. Bits 0-3 hold the value type (0 = string).
  static constexpr uint32_t kTypeMask = 0x0f;
  // The key expires; the index holds the time. The index keeps this bit in step (see art.h).
  static constexpr uint32_t kHasExpiry = 1u << 4;
  // The time in the index is newer than the one in the record, so the record alone does not tell
  // it.
  static constexpr uint32_t kExpiryExternal = 1u << 5;
  // The record is in the value cache: `checksum` holds the cache handle, the cache holds the true
  // checksum. Only in RAM, never written to disk.
  static constexpr uint32_t kResident = 1u << 6;

  uint32_t segment_id = 0;
  uint32_t length = 0;  // bytes of the whole record in the log
  uint64_t offset = 0;  // of the record's first byte in its segment, a multiple of 8
  uint32_t flags = 0;
  uint32_t checksum = 0;  // of the record, or the cache handle if kResident

  uint8_t type() const { return static_cast<uint8_t>(flags & kTypeMask); }
  bool has_expiry() const { return (flags & kHasExpiry) != 0; }
  bool resident() const { return (flags & kResident) != 0; }

  // Same place in the log (whatever the flags say): what a compare-and-swap of a pointer compares.
  bool SamePlace(const Pointer& other) const {
    return segment_id == other.segment_id && offset == other.offset && length == other.length;
  }
};

static_assert(sizeof(Pointer) == 24 && alignof(Pointer) == 8);
static_assert(std::is_trivially_copyable_v<Pointer>);

// Whether the entry may leave when it has expired, without a record that says so: strings may. A
// collection may have a space, which the unit that deletes it drops.
inline bool GoesByItself(const Pointer& pointer) { return pointer.type() == 0; }

// Orders records of one lane by their place in the log: later records have greater positions.
// Offsets are multiples of 8 below 32 GiB.
inline constexpr uint64_t LogPosition(uint32_t segment_id, uint64_t offset) {
  return (static_cast<uint64_t>(segment_id) << 32) | (offset >> 3);
}

}  // namespace cairn::vlog
