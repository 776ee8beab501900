// ScanCursors: where unfinished SCANs stand. A client holds a cursor; the key at which its scan
// goes on is kept here.
//
//   bits 0..9    shard
//   bits 10..23  entry of this table   \ both zero: the start of the shard, nothing is kept for it
//   bits 24..52  stamp, never zero     /
//
// 53 bits, because JavaScript clients turn cursors into doubles.
//
// The table is bounded and lives as long as the process; a cursor that it does not know (evicted,
// from before a restart, invented) is answered by Find with false, and the caller gives the whole
// shard again, so that a scan always advances. Stamps start at random, so that a cursor from before
// a restart is not taken for another scan's.
//
// Replacement: entries whose cursor was used to go on are kept for clients that repeat a call, and
// replaced first, oldest first; then the least recently made of the others.
//
// Thread-safe: one latch, held for a lookup and a copy of at most kPositionBytesMax bytes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/latch.h"
#include "base/slot.h"

namespace cairn {

class ScanCursors {
 public:
  static constexpr uint32_t kEntriesMax = 16384;
  static constexpr size_t kPositionBytesMax = 1024;

  explicit ScanCursors(uint64_t seed) : stamp_(seed) {}
  ScanCursors(const ScanCursors&) = delete;
  ScanCursors& operator=(const ScanCursors&) = delete;

  static uint16_t ShardOfCursor(uint64_t cursor) {
    return static_cast<uint16_t>(cursor % kShardCount);
  }
  static bool IsShardStart(uint64_t cursor) { return cursor < kShardCount; }

  // A cursor for going on in `shard` at the first key >= position, of which at most
  // kPositionBytesMax bytes are given.
  uint64_t Add(uint16_t db, uint16_t shard, std::string_view position);
  bool Find(uint64_t cursor, uint16_t db, std::string* position);
  // The cursor was used to go on; its entry may be replaced.
  void Retire(uint64_t cursor);

 private:
  static constexpr uint32_t kShardBits = 10;
  static constexpr uint32_t kEntryBits = 14;
  static constexpr uint32_t kStampBits = 29;
  static constexpr uint32_t kNone = UINT32_MAX;
  static_assert(kShardCount == 1u << kShardBits);
  static_assert(kEntriesMax == 1u << kEntryBits);
  static_assert(kShardBits + kEntryBits + kStampBits == 53, "cursors are exact as doubles");

  enum List : uint8_t { kLive, kRetired, kListCount };
  struct Entry {
    uint64_t cursor = 0;
    std::string position;
    uint32_t previous = kNone;
    uint32_t next = kNone;
    uint16_t db = 0;
    List list = kLive;
  };
  struct Ends {
    uint32_t first = kNone;
    uint32_t last = kNone;
  };

  uint32_t Lookup(uint64_t cursor) const;  // kNone: unknown
  uint32_t TakeEntry();
  void Unlink(uint32_t at);
  void Append(List list, uint32_t at);

  Latch latch_;
  uint64_t stamp_;
  std::vector<Entry> entries_;  // grows to kEntriesMax
  Ends ends_[kListCount];
};

}  // namespace cairn
