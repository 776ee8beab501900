// How far a consumer group has read, in entries: from the counters of the stream where they tell,
// as Redis does it. A deletion in the middle makes entries that nobody can count, so that it is
// known only where no deleted id may lie ahead. Pure.
#pragma once

#include <cstdint>
#include <optional>

#include "collection/stream_groups.h"
#include "collection/stream_head.h"

namespace cairn {

// How many entries were ever added up to this id; StreamGroup::kUnknown.
int64_t EntriesUpTo(const StreamHead& state, uint64_t length, StreamId id);
// The group has read an entry with this id, behind all that it had read.
void NoteRead(const StreamHead& state, uint64_t length, StreamId id, StreamGroup* group);
// Entries that it has not read yet.
std::optional<int64_t> LagOf(const StreamHead& state, uint64_t length, const StreamGroup& group);

}  // namespace cairn
