#include "session/subscriptions.h"

#include <algorithm>
#include <string>
#include <utility>

#include "base/check.h"
#include "base/number.h"
#include "resp/errors.h"
#include "session/tracking.h"

namespace cairn {

namespace {

constexpr std::string_view kSubscribed[kTopics] = {"subscribe", "psubscribe", "ssubscribe"};
constexpr std::string_view kUnsubscribed[kTopics] = {"unsubscribe", "punsubscribe", "sunsubscribe"};

// Without the sign, which tells the protocols apart.
constexpr std::string_view kMessageHead = "3\r\n$7\r\nmessage\r\n";
constexpr std::string_view kShardMessageHead = "3\r\n$8\r\nsmessage\r\n";
constexpr std::string_view kPatternMessageHead = "4\r\n$8\r\npmessage\r\n$";

void AppendNumber(std::string* out, uint64_t number) {
  char digits[kInt64TextBytes];
  out->append(digits, FormatUint64(number, digits));
}

}  // namespace

Subscriptions::~Subscriptions() {
  for (const auto& subscriber : leaving_) (void)RemoveSome(subscriber.get(), SIZE_MAX);
}

bool Subscriptions::Add(Connection* conn, Topic topic, std::string_view name) {
  if (conn->subscriber == nullptr) {
    conn->subscriber = std::make_unique<Subscriber>();
    conn->subscriber->conn = conn;
  }
  auto& mine = conn->subscriber->topics[static_cast<size_t>(topic)];
  if (mine.contains(name)) return true;
  const std::string* const kept = hub_->Add(topic, name, context_.reactor);
  if (kept == nullptr) return false;
  LocalTopic* const local = &TableOf(topic)[*kept];
  Subscription* const subscription = &mine[*kept];
  *subscription = {conn->subscriber.get(), local,
                   static_cast<uint32_t>(local->subscriptions.size())};
  local->subscriptions.push_back(subscription);
  return true;
}

// PubSub, whose name the others go by, comes last.
void Subscriptions::Remove(Topic topic, std::string_view name, Subscriber* subscriber,
                           Topics::iterator known) {
  Subscription* const subscription = &known->second;
  std::vector<Subscription*>& all = subscription->topic->subscriptions;
  CAIRN_CHECK(all[subscription->position] == subscription);
  all[subscription->position] = all.back();
  all[subscription->position]->position = subscription->position;
  all.pop_back();
  if (all.empty()) TableOf(topic).erase(name);
  subscriber->topics[static_cast<size_t>(topic)].erase(known);
  hub_->Remove(topic, name, context_.reactor);
}

void Subscriptions::Confirm(Connection* conn, std::string_view verb, Topic topic,
                            const std::string_view* name, ReplyWriter* reply) {
  reply->PushHeader(3);
  reply->Bulk(verb);
  name != nullptr ? reply->Bulk(*name) : reply->Null();
  const Subscriber* const subscriber = conn->subscriber.get();
  reply->Integer(subscriber == nullptr ? 0 : static_cast<int64_t>(subscriber->shown(topic)));
}

uint32_t Subscriptions::Subscribe(Connection* conn, Topic topic,
                                  std::span<const std::string_view> names, ReplyWriter* reply) {
  for (const std::string_view& name : names) {
    if (Add(conn, topic, name)) {
      Confirm(conn, kSubscribed[static_cast<size_t>(topic)], topic, &name, reply);
    } else {
      reply->Error(errors::kTooManySubscriptions);
    }
  }
  if (conn->subscriber->empty()) conn->subscriber.reset();
  return static_cast<uint32_t>(names.size());
}

uint32_t Subscriptions::Unsubscribe(Connection* conn, Topic topic,
                                    std::span<const std::string_view> names, ReplyWriter* reply) {
  const std::string_view verb = kUnsubscribed[static_cast<size_t>(topic)];
  uint32_t frames = 0;
  Subscriber* const subscriber = conn->subscriber.get();
  const auto leave = [&](std::string_view name) {
    if (subscriber != nullptr) {
      auto& mine = subscriber->topics[static_cast<size_t>(topic)];
      const auto known = mine.find(name);
      if (known != mine.end()) Remove(topic, name, subscriber, known);
    }
    Confirm(conn, verb, topic, &name, reply);
    ++frames;
  };
  for (const std::string_view name : names) leave(name);
  if (names.empty() && subscriber != nullptr) {
    auto& mine = subscriber->topics[static_cast<size_t>(topic)];
    while (!mine.empty()) {
      name_ = mine.begin()->first;  // goes with the last who has subscribed to it
      leave(name_);
    }
  }
  if (frames == 0) {
    Confirm(conn, verb, topic, nullptr, reply);
    ++frames;
  }
  if (subscriber != nullptr && subscriber->empty()) conn->subscriber.reset();
  return frames;
}

bool Subscriptions::RemoveSome(Subscriber* subscriber, size_t most) {
  for (size_t topic = 0; topic < kTopics; ++topic) {
    auto& mine = subscriber->topics[topic];
    while (!mine.empty()) {
      if (most-- == 0) return false;
      Remove(static_cast<Topic>(topic), mine.begin()->first, subscriber, mine.begin());
    }
  }
  return true;
}

void Subscriptions::Drop(Connection* conn) {
  if (conn->subscriber == nullptr) return;
  std::unique_ptr<Subscriber> subscriber = std::move(conn->subscriber);
  subscriber->conn = nullptr;
  if (!RemoveSome(subscriber.get(), kDropSlice)) leaving_.push_back(std::move(subscriber));
}

void Subscriptions::StepLeaving() {
  if (RemoveSome(leaving_.front().get(), kDropSlice)) leaving_.pop_front();
}

void Subscriptions::CollectGate(const Connection& conn) {
  gate_.clear();
  const auto add = [this](const Ticket& ticket) {
    if (context_.engine->Durable(ticket)) return;
    for (Ticket& known : gate_) {
      if (known.stream != ticket.stream) continue;
      known.position = std::max(known.position, ticket.position);
      return;
    }
    gate_.push_back(ticket);
  };
  conn.turn_gate.ForEach(add);
  for (const Slot& slot : conn.slots) slot.gate.ForEach(add);
}

uint64_t Subscriptions::Publish(Connection* from, ChannelKind kind, std::string_view channel,
                                std::string_view payload) {
  CollectGate(*from);
  // A publisher that listens itself gets its message behind the reply to it; and nothing overtakes
  // what is in the inbox already.
  const bool by_hand = from->subscriber == nullptr && !waiting();
  const Publisher::Published published = publisher_.Publish(kind, channel, payload, gate_, by_hand);
  if (published.here) DeliverHere(kind, channel, payload);
  return published.receivers;
}

void Subscriptions::Tell(std::span<const KeyEvent> events, std::span<const Ticket> tickets) {
  const uint32_t wanted = context_.shared->options.notified.load(std::memory_order_relaxed);
  for (const KeyEvent& event : events) {
    if (CAIRN_UNLIKELY((event.event_class & (kMessageEvent | kShardMessageEvent)) != 0)) {
      const bool sharded = event.event_class == kShardMessageEvent;
      (void)publisher_.Publish(sharded ? ChannelKind::kSharded : ChannelKind::kPlain, event.name,
                               event.key, tickets, false);
      continue;
    }
    std::string prefix("@");
    AppendNumber(&prefix, event.db);
    prefix += "__:";
    if ((wanted & kNotifyKeyspace) != 0) {
      name_.assign("__keyspace").append(prefix).append(event.key);
      (void)publisher_.Publish(ChannelKind::kPlain, name_, event.name, tickets, false);
    }
    if ((wanted & kNotifyKeyevent) != 0) {
      name_.assign("__keyevent").append(prefix).append(event.name);
      (void)publisher_.Publish(ChannelKind::kPlain, name_, event.key, tickets, false);
    }
  }
}

void Subscriptions::Trace(std::span<const KeyTrace> trace, uint64_t by) {
  tracking_->Trace(trace, by);
}

void Subscriptions::DeliverHere(ChannelKind kind, std::string_view channel,
                                std::string_view payload) {
  Incoming message{kind, channel, {}, publisher_.patterns(), publisher_.matching(), gate_, nullptr};
  if (payload.size() >= kLargeValueBytes) {
    const auto shared = std::make_shared<Message>();
    MakeBody(channel, payload, shared.get());
    message.body = shared->body;
    message.owner = shared;
  } else {
    by_hand_.body.clear();
    MakeBody(channel, payload, &by_hand_);
    message.body = by_hand_.body;
  }
  BeginDelivery();
  Give(message);
  EndDelivery();
}

void Subscriptions::DeliverInbox(uint64_t gives) {
  BeginDelivery();
  while (given_ < gives) {
    if (next_ == taken_.size()) {
      hub_->Take(context_.reactor, &taken_);
      next_ = 0;
      tracking_->TellLost();
      if (taken_.empty()) break;
    }
    const MessagePtr& message = taken_[next_++];
    if (message->kind == ChannelKind::kInvalidation || message->kind == ChannelKind::kRedirected) {
      const MessagePtr kept = message;  // what is redirected may come in here
      tracking_->Deliver(kept);
      given_ += 1 + kept->clients.size();
      continue;
    }
    const bool large = message->body.size() >= kLargeValueBytes;
    Give({message->kind, message->channel(), message->body, message->patterns.get(),
          message->matching, message->gate, large ? Owner(message) : nullptr});
    ++given_;  // also if nobody is there any more
  }
  if (next_ == taken_.size()) {
    taken_.clear();
    next_ = 0;
  }
  EndDelivery();
}

void Subscriptions::Give(const Incoming& message) {
  const bool sharded = message.kind == ChannelKind::kSharded;
  Table& table = TableOf(sharded ? Topic::kShardChannel : Topic::kChannel);
  const auto found = table.find(message.channel);
  if (found != table.end())
    GiveTo(&found->second, sharded ? kShardMessageHead : kMessageHead, message);
  for (const uint32_t index : message.matching) {
    const std::string& pattern = (*message.patterns)[index].text;
    Table& patterns = TableOf(Topic::kPattern);
    const auto local = patterns.find(pattern);
    if (local == patterns.end()) continue;
    head_.assign(kPatternMessageHead);
    AppendNumber(&head_, pattern.size());
    head_.append("\r\n").append(pattern).append("\r\n");
    GiveTo(&local->second, head_, message);
  }
}

void Subscriptions::GiveTo(LocalTopic* topic, std::string_view head, const Incoming& message) {
  given_ += topic->subscriptions.size();
  for (const Subscription* subscription : topic->subscriptions) {
    Connection* const conn = subscription->subscriber->conn;
    if (conn == nullptr || conn->closed || conn->close_after_reply) continue;
    OutBuffer& out = conn->turn;
    out.Append(conn->resp >= 3 ? ">" : "*");
    out.Append(head);
    if (CAIRN_UNLIKELY(message.owner != nullptr)) {
      out.Lend(message.body, message.owner);
    } else {
      out.Append(message.body);
    }
    for (const Ticket& ticket : message.gate) conn->turn_gate.Add(ticket);
    Grown(conn);
  }
}

void Subscriptions::Grown(Connection* conn) {
  if (!conn->touched) touched_.push_back(conn);
  conn->touched = true;
  if (CAIRN_UNLIKELY(hard_limit_ != 0 && conn->OutputBytes() > hard_limit_))
    context_.host->OutputGrew(conn);
}

void Subscriptions::BeginDelivery() {
  given_ = 0;
  hard_limit_ =
      context_.shared->options.output_hard[kPubSubClients].load(std::memory_order_relaxed);
}

void Subscriptions::EndDelivery() {
  for (Connection* conn : touched_) {
    conn->touched = false;
    replies_->EndBatch(conn);
  }
  touched_.clear();
}

}  // namespace cairn
