#include "command/scan_cursors.h"

#include "base/check.h"

namespace cairn {

uint64_t ScanCursors::Add(uint16_t db, uint16_t shard, std::string_view position) {
  CAIRN_CHECK(position.size() <= kPositionBytesMax && shard < kShardCount, "SCAN cuts it");
  LatchGuard guard(latch_);
  uint32_t at = TakeEntry();
  constexpr uint64_t kStampMask = (uint64_t{1} << kStampBits) - 1;
  stamp_ = (stamp_ + 1) & kStampMask;
  if (stamp_ == 0) stamp_ = 1;
  Entry& entry = entries_[at];
  entry.cursor = stamp_ << (kShardBits + kEntryBits) | uint64_t{at} << kShardBits | shard;
  entry.db = db;
  entry.position.assign(position);
  Append(kLive, at);
  return entry.cursor;
}

bool ScanCursors::Find(uint64_t cursor, uint16_t db, std::string* position) {
  LatchGuard guard(latch_);
  uint32_t at = Lookup(cursor);
  if (at == kNone || entries_[at].db != db) return false;
  position->assign(entries_[at].position);
  return true;
}

void ScanCursors::Retire(uint64_t cursor) {
  LatchGuard guard(latch_);
  uint32_t at = Lookup(cursor);
  if (at == kNone) return;
  Unlink(at);
  Append(kRetired, at);
}

uint32_t ScanCursors::Lookup(uint64_t cursor) const {
  uint32_t at = cursor >> kShardBits & (kEntriesMax - 1);
  return at < entries_.size() && entries_[at].cursor == cursor ? at : kNone;
}

uint32_t ScanCursors::TakeEntry() {
  if (entries_.size() < kEntriesMax) {
    entries_.emplace_back();
    return static_cast<uint32_t>(entries_.size() - 1);
  }
  uint32_t at = ends_[kRetired].first != kNone ? ends_[kRetired].first : ends_[kLive].first;
  Unlink(at);
  return at;
}

void ScanCursors::Unlink(uint32_t at) {
  Entry& entry = entries_[at];
  Ends& ends = ends_[entry.list];
  (entry.previous != kNone ? entries_[entry.previous].next : ends.first) = entry.next;
  (entry.next != kNone ? entries_[entry.next].previous : ends.last) = entry.previous;
}

void ScanCursors::Append(List list, uint32_t at) {
  Entry& entry = entries_[at];
  Ends& ends = ends_[list];
  entry.list = list;
  entry.previous = ends.last;
  entry.next = kNone;
  (ends.last != kNone ? entries_[ends.last].next : ends.first) = at;
  ends.last = at;
}

}  // namespace cairn
