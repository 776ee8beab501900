#include "collection/stream_head.h"

#include "base/coding.h"

namespace cairn {
namespace {

constexpr char kFormat = 1;

}  // namespace

std::string EncodeStreamHead(const StreamHead& state) {
  std::string bytes(1, kFormat);
  for (const StreamId& id : {state.last_id, state.max_deleted_id, state.first_id}) {
    AppendVarint(&bytes, id.ms);
    AppendVarint(&bytes, id.seq);
  }
  for (const uint64_t number : {state.entries_added, state.dead, state.next_number, state.doomed})
    AppendVarint(&bytes, number);
  return bytes.append(state.names);
}

bool DecodeStreamHead(std::string_view bytes, StreamHead* state) {
  if (bytes.empty() || bytes[0] != kFormat) return false;
  bytes.remove_prefix(1);
  for (StreamId* id : {&state->last_id, &state->max_deleted_id, &state->first_id}) {
    if (!TakeVarint(&bytes, &id->ms) || !TakeVarint(&bytes, &id->seq)) return false;
  }
  for (uint64_t* number :
       {&state->entries_added, &state->dead, &state->next_number, &state->doomed}) {
    if (!TakeVarint(&bytes, number)) return false;
  }
  if (bytes.size() > kNamesBytesMax) return false;
  state->names.assign(bytes);
  return true;
}

}  // namespace cairn
