// Subscriber: what one connection has subscribed to, and how its reactor finds it. See
// session/subscriptions.h, which alone changes it. One reactor's thread.
#pragma once

#include <cstdint>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "pubsub/pubsub.h"

namespace cairn {

struct Connection;
struct LocalTopic;
struct Subscriber;

// One client's interest in one channel or pattern.
struct Subscription {
  Subscriber* subscriber = nullptr;
  LocalTopic* topic = nullptr;
  uint32_t position = 0;  // among the topic's
};

// A channel or pattern, as far as clients of this reactor have subscribed to it.
struct LocalTopic {
  std::vector<Subscription*> subscriptions;
};

// By the names that PubSub keeps.
using Topics = std::unordered_map<std::string_view, Subscription>;

struct Subscriber {
  Connection* conn = nullptr;  // null: it has gone, and this goes in slices
  Topics topics[kTopics];

  uint64_t count(Topic topic) const { return topics[static_cast<size_t>(topic)].size(); }
  // As confirmations count: shard channels by themselves.
  uint64_t shown(Topic topic) const {
    return topic == Topic::kShardChannel ? count(topic)
                                         : count(Topic::kChannel) + count(Topic::kPattern);
  }
  bool empty() const { return topics[0].empty() && topics[1].empty() && topics[2].empty(); }
};

}  // namespace cairn
