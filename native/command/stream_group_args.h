// What commands on consumer groups have in common.
#pragma once

#include <cstdint>
#include <string_view>

#include "collection/stream_groups.h"
#include "command/collection_args.h"

namespace cairn {

// Entries that one call delivers or claims, of a stream.
inline constexpr uint64_t kDeliveredMax = 4096;

// When a consumer was seen is written down if something else is, or after so long: who only asks in
// vain, again and again, need not write each time.
inline constexpr int64_t kSeenStepMs = 50;
inline bool SeenLongAgo(const StreamConsumer& consumer, int64_t now_ms) {
  return now_ms - consumer.seen_ms >= kSeenStepMs || now_ms < consumer.seen_ms;
}

// Opens the stream argv[key_at] and looks for the group argv[key_at + 1]. *found: both are there.
// counts: a command that writes, and looks the key up as those do that only read. False: answered,
// or not known yet.
bool OpenGroup(Call& call, size_t key_at, bool counts, StreamValue* stream, bool* found,
               StreamGroup* group);

// The consumer of this name; *created: it was not there.
tree::Outcome SeenConsumer(Call& call, StreamGroups* groups, uint64_t group, std::string_view name,
                           StreamConsumer* consumer, bool* created);

}  // namespace cairn
