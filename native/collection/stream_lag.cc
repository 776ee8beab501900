#include "collection/stream_lag.h"

namespace cairn {
namespace {

bool DeletedFrom(const StreamHead& state, uint64_t length, StreamId id) {
  return length > 0 && !state.max_deleted_id.zero() && id <= state.max_deleted_id;
}

}  // namespace

int64_t EntriesUpTo(const StreamHead& state, uint64_t length, StreamId id) {
  const auto added = static_cast<int64_t>(state.entries_added);
  if (added == 0) return 0;
  if (id == state.last_id || (length == 0 && id < state.last_id)) return added;
  if (id > state.last_id) return StreamGroup::kUnknown;
  const bool whole = state.max_deleted_id.zero() || state.max_deleted_id < state.first_id;
  if (!whole || id > state.first_id) return StreamGroup::kUnknown;
  return added - static_cast<int64_t>(length) + (id == state.first_id ? 1 : 0);
}

void NoteRead(const StreamHead& state, uint64_t length, StreamId id, StreamGroup* group) {
  if (group->entries_read != StreamGroup::kUnknown && !DeletedFrom(state, length, id)) {
    group->entries_read = static_cast<int64_t>(static_cast<uint64_t>(group->entries_read) +
                                               1);  // it may be any number
  } else if (state.entries_added != 0) {
    group->entries_read = EntriesUpTo(state, length, id);
  }
  group->last_id = id;
}

std::optional<int64_t> LagOf(const StreamHead& state, uint64_t length, const StreamGroup& group) {
  if (state.entries_added == 0) return 0;
  int64_t read = group.entries_read;
  if (read == StreamGroup::kUnknown || DeletedFrom(state, length, group.last_id))
    read = EntriesUpTo(state, length, group.last_id);
  if (read == StreamGroup::kUnknown) return std::nullopt;
  return static_cast<int64_t>(state.entries_added - static_cast<uint64_t>(read));
}

}  // namespace cairn
