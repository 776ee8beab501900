// StreamId: the id of an entry, and its neighbours. Pure.
#pragma once

#include <compare>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "base/coding.h"
#include "tree/tree.h"

namespace cairn {

struct StreamId {
  uint64_t ms = 0;
  uint64_t seq = 0;
  friend auto operator<=>(const StreamId&, const StreamId&) = default;
  bool zero() const { return ms == 0 && seq == 0; }
};
inline constexpr StreamId kStreamIdMax{UINT64_MAX, UINT64_MAX};

// False: there is none, and *id stays as it is.
inline bool StepUp(StreamId* id) {
  if (*id == kStreamIdMax) return false;
  if (++id->seq == 0) ++id->ms;
  return true;
}
inline bool StepDown(StreamId* id) {
  if (id->zero()) return false;
  if (id->seq-- == 0) --id->ms;
  return true;
}

// The id of the next entry, by the clock if that goes forwards. `last` is not the greatest one.
inline StreamId NextStreamId(StreamId last, uint64_t now_ms) {
  if (now_ms > last.ms) return {now_ms, 0};
  StepUp(&last);
  return last;
}

// Keys of trees, with the bytes that they show. An entry: head: ms   rest: seq, 8.
class EntryKey {
 public:
  explicit EntryKey(StreamId id) : ms_(id.ms) { PutBig64(seq_, id.seq); }
  operator tree::Key() const { return {ms_, {seq_, sizeof(seq_)}}; }

 private:
  uint64_t ms_;
  char seq_[8];
};

// A pending entry: head: whose it is   rest: id, 16.
class PendingKey {
 public:
  PendingKey(uint64_t owner, StreamId id) : owner_(owner) {
    PutBig64(id_, id.ms);
    PutBig64(id_ + 8, id.seq);
  }
  operator tree::Key() const { return {owner_, {id_, sizeof(id_)}}; }

 private:
  uint64_t owner_;
  char id_[16];
};

}  // namespace cairn
