// Subscriptions: publish and subscribe, as one reactor sees it: which of its connections have
// subscribed to what, and how messages get into their replies.
//
//   SUBSCRIBE ch   Connection::subscriber -- Subscription -- Local "ch" -- PubSub "ch": reactor 0
//   (1) Deliver        inbox -> Local "ch" -> each Subscription -> turn of its connection
//
// A message is a reply among the others: it stands behind what its receiver was answered before,
// and leaves with it, which may wait for a disk; and nobody hears of what stands behind a write in
// the same EXEC, or on the publisher's connection, before that is durable (Message::gate). What has
// been published is delivered before this reactor's next change of subscriptions, so a client gets
// what was published while it listened, and nothing else.
//
// Bounds: what a receiver leaves unread by client-output-buffer-limit, here for each message;
// subscriptions by PubSub. A client with many that goes takes its time, kDropSlice per turn: until
// then messages find nobody there, and it counts as a receiver.
//
// One reactor's thread.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "pubsub/publisher.h"
#include "session/connection.h"
#include "session/replies.h"
#include "session/session_host.h"
#include "session/subscriber.h"
#include "txn/notify.h"

namespace cairn {

class Tracking;

class Subscriptions final : public EventSink {
 public:
  static constexpr size_t kDropSlice = 4096;
  static constexpr uint64_t kGivesMax = 16 * 1024;  // messages given to clients, per turn

  Subscriptions(const SessionContext& context, Replies* replies, Tracking* tracking)
      : context_(context),
        hub_(&context.shared->pubsub),
        replies_(replies),
        tracking_(tracking),
        publisher_(hub_, context.reactor) {}
  ~Subscriptions() override;

  // SUBSCRIBE and its kin: a confirmation for each name. With Deliver before them. Returns how many
  // frames were written.
  uint32_t Subscribe(Connection* conn, Topic topic, std::span<const std::string_view> names,
                     ReplyWriter* reply);
  uint32_t Unsubscribe(Connection* conn, Topic topic, std::span<const std::string_view> names,
                       ReplyWriter* reply);
  // Quietly: RESET, and who has gone.
  void Drop(Connection* conn);

  // PUBLISH by a connection: so many clients receive it.
  uint64_t Publish(Connection* from, ChannelKind kind, std::string_view channel,
                   std::string_view payload);
  uint64_t Receivers(ChannelKind kind, std::string_view channel) {
    return publisher_.Receivers(kind, channel);
  }
  // Keyspace events, and what was published in passes.
  void Tell(std::span<const KeyEvent> events, std::span<const Ticket> tickets) override;
  void Trace(std::span<const KeyTrace> trace, uint64_t by) override;
  Publisher* publisher() { return &publisher_; }
  // A message has been appended to conn->turn, in a delivery.
  void Grown(Connection* conn);

  // Delivers all that has come.
  void Deliver() {
    if (CAIRN_UNLIKELY(waiting())) DeliverInbox(UINT64_MAX);
  }
  // At the end of a turn: as much of that as a turn may, the bells, and a slice of what goes.
  void EndTurn() {
    if (CAIRN_UNLIKELY(waiting())) DeliverInbox(kGivesMax);
    RingBells();
    if (CAIRN_UNLIKELY(!leaving_.empty())) StepLeaving();
  }
  void RingBells() {
    publisher_.RingBells([this](uint32_t reactor) { context_.host->RingReactor(reactor); });
  }
  // There is more to do: the reactor does not sleep.
  bool busy() const { return next_ != taken_.size() || !leaving_.empty(); }

 private:
  // What a delivery needs of a message; its own, or one that is not in an inbox.
  struct Incoming {
    ChannelKind kind;
    std::string_view channel;
    std::string_view body;
    const PatternList* patterns;
    std::span<const uint32_t> matching;
    std::span<const Ticket> gate;
    Owner owner;  // of a large body
  };
  using Table = std::unordered_map<std::string_view, LocalTopic>;

  Table& TableOf(Topic topic) { return local_[static_cast<size_t>(topic)]; }
  bool Add(Connection* conn, Topic topic, std::string_view name);
  void Remove(Topic topic, std::string_view name, Subscriber* subscriber, Topics::iterator known);
  static void Confirm(Connection* conn, std::string_view verb, Topic topic,
                      const std::string_view* name, ReplyWriter* reply);
  // Some of a subscriber's; true: none are left.
  bool RemoveSome(Subscriber* subscriber, size_t most);
  void StepLeaving();
  bool waiting() { return next_ != taken_.size() || !hub_->InboxOf(context_.reactor).empty(); }
  void DeliverInbox(uint64_t gives);
  void DeliverHere(ChannelKind kind, std::string_view channel, std::string_view payload);
  void BeginDelivery();
  void Give(const Incoming& message);
  void GiveTo(LocalTopic* topic, std::string_view head, const Incoming& message);
  void EndDelivery();
  // What the connection's replies so far wait for.
  void CollectGate(const Connection& conn);

  const SessionContext& context_;
  PubSub* const hub_;
  Replies* const replies_;
  Tracking* const tracking_;
  Publisher publisher_;
  Table local_[kTopics];
  std::deque<std::unique_ptr<Subscriber>> leaving_;
  std::vector<Connection*> touched_;
  std::vector<MessagePtr> taken_;
  size_t next_ = 0;     // of those
  uint64_t given_ = 0;  // to clients, in this delivery
  uint64_t hard_limit_ = 0;
  std::vector<Ticket> gate_;
  Message by_hand_;
  std::string head_;
  std::string name_;
};

}  // namespace cairn
