// Keys and records of the directory of a stream: see stream_groups.h. Pure; leaves of its.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/coding.h"
#include "collection/stream_groups.h"

namespace cairn {

inline constexpr uint64_t kConsumerHead = uint64_t{1} << 62;
inline constexpr uint64_t kNameHead = uint64_t{2} << 62;
inline constexpr uint64_t kDoomedHead = uint64_t{3} << 62;

inline tree::Key GroupKey(std::string_view name) { return {0, name}; }
inline tree::Key ConsumerKey(uint64_t group, std::string_view name) {
  return {kConsumerHead | group, name};
}
inline tree::Key NameKey(uint64_t consumer) { return {kNameHead | consumer, {}}; }
inline tree::Key DoomedKey(uint64_t number) { return {kDoomedHead | number, {}}; }

// Signed numbers that are -1 or more are small as what they are plus one.
inline void AppendFromMinusOne(int64_t value, std::string* to) {
  AppendVarint(to, static_cast<uint64_t>(value) + 1);
}
inline bool TakeFromMinusOne(std::string_view* from, int64_t* value) {
  uint64_t more;
  if (!TakeVarint(from, &more)) return false;
  *value = static_cast<int64_t>(more - 1);
  return true;
}

inline void AppendGroup(const StreamGroup& group, std::string* to) {
  for (const uint64_t number : {group.number, group.last_id.ms, group.last_id.seq})
    AppendVarint(to, number);
  AppendFromMinusOne(group.entries_read, to);
}
inline bool DecodeGroup(std::string_view from, StreamGroup* group) {
  return TakeVarint(&from, &group->number) && TakeVarint(&from, &group->last_id.ms) &&
         TakeVarint(&from, &group->last_id.seq) && TakeFromMinusOne(&from, &group->entries_read);
}

inline void AppendConsumer(const StreamConsumer& consumer, std::string* to) {
  AppendVarint(to, consumer.number);
  AppendVarint(to, static_cast<uint64_t>(consumer.seen_ms));
  AppendFromMinusOne(consumer.active_ms, to);
}
inline bool DecodeConsumer(std::string_view from, StreamConsumer* consumer) {
  uint64_t seen;
  if (!TakeVarint(&from, &consumer->number) || !TakeVarint(&from, &seen)) return false;
  consumer->seen_ms = static_cast<int64_t>(seen);
  return TakeFromMinusOne(&from, &consumer->active_ms);
}

inline void AppendPending(const StreamPending& pending, std::string* to) {
  AppendVarint(to, pending.consumer);
  AppendVarint(to, static_cast<uint64_t>(pending.delivered_ms));
  AppendVarint(to, pending.deliveries);
}
inline bool DecodePending(std::string_view from, StreamPending* pending) {
  uint64_t delivered;
  if (!TakeVarint(&from, &pending->consumer) || !TakeVarint(&from, &delivered)) return false;
  pending->delivered_ms = static_cast<int64_t>(delivered);
  return TakeVarint(&from, &pending->deliveries);
}

}  // namespace cairn
