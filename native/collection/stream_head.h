// StreamHead: what the root of a stream keeps besides its trees.
//
//   format, 1: 1
//   varints: last id (ms, seq) | greatest deleted id | first id | entries added | dead | next
//   number
//     | doomed
//   names, to the end: see stream_fields.h
//
// Pure. Whatever bytes come, nothing reads beyond them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "collection/stream_id.h"

namespace cairn {

struct StreamHead {
  StreamId last_id;
  StreamId max_deleted_id;
  StreamId first_id;  // of the entries that are there; 0-0 without any
  uint64_t entries_added = 0;
  uint64_t dead = 0;         // entries that were trimmed and lie in the tree still, in front
  uint64_t next_number = 1;  // for a group or a consumer
  uint64_t doomed = 0;       // groups and consumers that are gone, and not all that was theirs
  std::string names;         // that most entries have, at most kNamesBytesMax; empty: none
};
inline constexpr size_t kNamesBytesMax = 256;

std::string EncodeStreamHead(const StreamHead& state);
// False: it is none, or one of a newer format.
[[nodiscard]] bool DecodeStreamHead(std::string_view bytes, StreamHead* state);

}  // namespace cairn
