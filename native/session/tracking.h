// Tracking: CLIENT TRACKING, as one reactor sees it. Clients that keep values in caches of their
// own are told when a key has changed that they have read, or (BCAST) that begins with a prefix of
// theirs.
//
//   a pass   latched, committed: what it has read and changed, in order   (TxnControl::TellEvents)
//     read     TrackingTable has key -> client
//     changed  TrackingTable -> a message per reactor; a prefix gets all keys of the pass in one
//   deliver  `invalidate` behind the client's replies so far, or to the client it redirects to
//
// What is parked counts as read from then on (Read), so that a change between its slices is told.
// A message is not held back until the write is durable: who reads anew waits for that. Delivery is
// that of Subscriptions, with its bounds; a client's own change is told behind the reply to it. To
// one that waits for keys it comes before the reply that it waits for (Replies::PushAhead). If
// there is no room for a message, all clients are told to forget everything (TellLost).
//
// One reactor's thread. State per connection: Connection::tracking.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "command/registry.h"
#include "pubsub/message.h"
#include "pubsub/tracking_table.h"
#include "session/connection.h"
#include "session/replies.h"
#include "session/session_host.h"
#include "txn/txn_control.h"

namespace cairn {

class Subscriptions;

// CLIENT TRACKING ON with these.
struct TrackingOptions {
  bool bcast = false;
  bool optin = false;
  bool optout = false;
  bool noloop = false;
  uint64_t redirect = 0;  // 0: none
  std::vector<std::string_view> prefixes;
};

class Tracking {
 public:
  Tracking(const SessionContext& context, Subscriptions* subscriptions, Replies* replies)
      : context_(context),
        table_(&context.shared->tracking),
        subscriptions_(subscriptions),
        replies_(replies) {}

  // An error text, or empty: it is on.
  std::string TurnOn(Connection* conn, const TrackingOptions& options);
  void TurnOff(Connection* conn);

  // A command of a client that tracks has been admitted: CLIENT CACHING is for one.
  static void NextCommand(Connection* conn, const Command& command);
  // Whether what its command reads is remembered.
  static bool Follows(const Connection& conn);

  // TxnControl::TellEvents, and TellReads, for a pass of this connection.
  void Tell(const Connection& conn, TxnControl* control) {
    if (CAIRN_UNLIKELY(conn.tracking != nullptr)) reader_ = RefOf(conn);
    control->TellEvents(conn.id);
  }
  void TellReads(const Connection& conn, TxnControl* control) {
    if (CAIRN_LIKELY(conn.tracking == nullptr)) return;
    reader_ = RefOf(conn);
    control->TellReads(conn.id);
  }
  // Latched: a command that is parked has begun to read its keys.
  void Read(const Connection& conn, const Command& command, std::span<const std::string_view> argv);
  // See EventSink.
  void Trace(std::span<const KeyTrace> trace, uint64_t by);

  // To those of its clients that are here.
  void Deliver(const MessagePtr& message);
  // Something found no room: once there is some again.
  void TellLost() {
    if (CAIRN_UNLIKELY(table_->TakeLost())) TellAll();
  }
  // Now and then: forgets keys beyond tracking-table-max-keys, which may have been lowered, and
  // gives back what a flush has left.
  void Tick();

 private:
  // A key that a pass has changed; by 0: the server has, because its time was over.
  struct Change {
    std::string_view key;
    uint64_t by;
  };

  ClientRef RefOf(const Connection& conn) const {
    return {conn.id, conn.Token(), context_.reactor};
  }
  uint64_t KeysMax() const {
    return context_.shared->options.tracking_keys_max.load(std::memory_order_relaxed);
  }
  void TellReaders(const Change& change);
  void TellPrefixes();
  void TellEvicted();
  void TellAll();
  // To the clients, which may be of any reactor. An empty body: all keys.
  void Send(std::span<const ClientRef> clients, const Message& text);
  void Invalidate(Connection* conn, const Message& message);
  void Redirect(Connection* conn, const Message& message);
  // What is in frame_.
  void Push(Connection* conn);

  const SessionContext& context_;
  TrackingTable* const table_;
  Subscriptions* const subscriptions_;
  Replies* const replies_;
  ClientRef reader_;  // whose pass is told of
  std::shared_ptr<const PrefixList> prefixes_;
  uint64_t prefix_version_ = 0;
  std::vector<Change> changes_;  // of the pass that is told of, if there are prefixes
  std::vector<ClientRef> clients_;
  std::vector<TrackingTable::Evicted> evicted_;
  OutBuffer frame_;
};

}  // namespace cairn
