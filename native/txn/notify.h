// Keyspace notifications (notify-keyspace-events): what a pass tells about keys. Handlers say what
// happened (Txn::Notify), the pass keeps it beside its writes, and when it is committed, and only
// then, TxnControl::TellEvents hands it on, once and in order, before the keys' latches are let go:
//
//   Notify -> Txn::events_ -> [commit] -> EventSink::Tell -> channels __keyspace@0__:key and
//                                                            __keyevent@0__:event
//
// A pass that is thrown away tells nothing. What nobody asked for is not kept: Txn tests the class
// before anything else.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "engine/ticket.h"

namespace cairn {

// Classes of events, one letter each of notify-keyspace-events, and the two ways to be told.
enum NotifyClass : uint32_t {
  kNotifyKeyspace = 1u << 0,  // K: channels by key
  kNotifyKeyevent = 1u << 1,  // E: channels by event
  kNotifyGeneric = 1u << 2,   // g: del, expire, rename_from, ...
  kNotifyString = 1u << 3,    // $
  kNotifyList = 1u << 4,      // l
  kNotifySet = 1u << 5,       // s
  kNotifyHash = 1u << 6,      // h
  kNotifyZset = 1u << 7,      // z
  kNotifyExpired = 1u << 8,   // x
  kNotifyEvicted = 1u << 9,   // e
  kNotifyStream = 1u << 10,   // t
  kNotifyKeyMiss = 1u << 11,  // m: not among A
  kNotifyModule = 1u << 12,   // d
  kNotifyNew = 1u << 13,      // n: not among A
  // Not of keys: messages that a pass publishes. Their name is the channel, their key the payload.
  kMessageEvent = 1u << 14,
  kShardMessageEvent = 1u << 15,
};
inline constexpr uint32_t kNotifyWays = kNotifyKeyspace | kNotifyKeyevent;
inline constexpr uint32_t kNotifyAll = kNotifyGeneric | kNotifyString | kNotifyList | kNotifySet |
                                       kNotifyHash | kNotifyZset | kNotifyExpired | kNotifyEvicted |
                                       kNotifyStream | kNotifyModule;  // A

// The letters, in the canonical order; A is short for those behind it.
inline constexpr const char* kNotifyLetters = "A=g$lshzxetd n K E m";

// The classes that such letters name. False: one is none.
bool NotifyClassesOf(std::string_view letters, uint32_t* classes);

struct KeyEvent {
  NotifyClass event_class;
  uint16_t db;
  std::string_view name;  // as Redis calls it; lives as long as the pass, as the key does
  std::string_view key;
};

// What a committed pass has done with keys, in order, for clients that keep copies of them (CLIENT
// TRACKING).
struct KeyTrace {
  enum class Kind : uint8_t { kRead, kChanged, kExpired, kWhole };  // kWhole: all of a database
  Kind kind;
  std::string_view key;  // lives as long as the pass; not of kWhole
};

// Where the events of committed passes go. One reactor's thread.
class EventSink {
 public:
  virtual ~EventSink() = default;
  // With the latches of the keys held. tickets: nobody is to hear of it before they are durable.
  virtual void Tell(std::span<const KeyEvent> events, std::span<const Ticket> tickets) = 0;
  // The same, if somebody keeps track of keys (TxnControl::SetTracked). by: the id of the client
  // whose pass it is; 0: nobody's, and then nothing was read.
  virtual void Trace(std::span<const KeyTrace> trace, uint64_t by) = 0;
};

}  // namespace cairn
