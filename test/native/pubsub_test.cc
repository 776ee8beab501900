// PubSub by itself: counts, the order of messages, and bounds; with threads that stand for
// reactors.
#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <random>
#include <thread>

#include "environment.h"
#include "pubsub/publisher.h"

using namespace cairn;

namespace {

std::vector<std::string> Payloads(PubSub* hub, uint32_t reactor) {
  std::vector<MessagePtr> taken;
  hub->Take(reactor, &taken);
  std::vector<std::string> payloads;
  for (const MessagePtr& message : taken) {
    const std::string_view rest =
        std::string_view(message->body).substr(message->channel_at + message->channel_bytes + 2);
    const size_t begin = rest.find("\r\n") + 2;
    payloads.emplace_back(rest.substr(begin, rest.size() - begin - 2));
  }
  return payloads;
}

}  // namespace

TEST_CASE("pubsub: who receives a message") {
  PubSub hub(4);
  Publisher publisher(&hub, 0);
  const auto publish = [&](std::string_view channel, bool by_hand = false) {
    return publisher.Publish(ChannelKind::kPlain, channel, "m", {}, by_hand);
  };
  CHECK(publish("a").receivers == 0);
  CHECK(hub.InboxOf(0).empty());
  const std::string* const kept = hub.Add(Topic::kChannel, "a", 0);
  REQUIRE(kept != nullptr);
  CHECK(hub.Add(Topic::kChannel, "a", 0) == kept);
  CHECK(hub.Add(Topic::kChannel, "a", 2) == kept);
  CHECK(hub.Add(Topic::kShardChannel, "a", 3) != kept);
  CHECK(hub.Names(Topic::kChannel) == 1);
  CHECK(hub.Subscribers(Topic::kChannel, "a") == 3);
  CHECK(hub.Subscribers(Topic::kShardChannel, "a") == 1);
  CHECK(publish("a").receivers == 3);
  CHECK(publish("b").receivers == 0);
  CHECK(publisher.Publish(ChannelKind::kSharded, "a", "s", {}, false).receivers == 1);
  std::vector<uint32_t> rung;
  publisher.RingBells([&rung](uint32_t reactor) { rung.push_back(reactor); });
  std::sort(rung.begin(), rung.end());
  CHECK(rung == std::vector<uint32_t>{2, 3});  // who published looks by itself
  publisher.RingBells([](uint32_t) { FAIL("once"); });
  CHECK(Payloads(&hub, 0) == std::vector<std::string>{"m"});
  CHECK(Payloads(&hub, 2) == std::vector<std::string>{"m"});
  CHECK(Payloads(&hub, 3) == std::vector<std::string>{"s"});

  // A pattern counts beside the channel, also of the same reactor.
  hub.Add(Topic::kPattern, "?", 2);
  hub.Add(Topic::kPattern, "b*", 1);
  CHECK(hub.Names(Topic::kPattern) == 2);
  CHECK(publish("a").receivers == 4);
  CHECK(publish("bc").receivers == 1);
  CHECK(publisher.matching().size() == 1);
  CHECK(publisher.Receivers(ChannelKind::kPlain, "b") == 2);
  CHECK(Payloads(&hub, 2).size() == 1);
  hub.Remove(Topic::kPattern, "?", 2);
  CHECK(publish("a").receivers == 3);

  // By hand only what concerns nobody else.
  CHECK_FALSE(publish("a", true).here);
  hub.Remove(Topic::kChannel, "a", 2);
  (void)Payloads(&hub, 0);
  const Publisher::Published alone = publish("a", true);
  CHECK(alone.here);
  CHECK(alone.receivers == 2);
  CHECK(hub.InboxOf(0).empty());

  hub.Remove(Topic::kChannel, "a", 0);
  hub.Remove(Topic::kChannel, "a", 0);
  CHECK(hub.Names(Topic::kChannel) == 0);
  CHECK(hub.Names(Topic::kShardChannel) == 1);
}

TEST_CASE("pubsub: names of a stripe, by pattern") {
  PubSub hub(1);
  for (int i = 0; i < 100; ++i) hub.Add(Topic::kChannel, "channel:" + std::to_string(i), 0);
  std::vector<std::string> all, some;
  size_t looked = 0;
  const std::string_view pattern = "*:1?";
  for (uint32_t stripe = 0; stripe < PubSub::kStripes; ++stripe) {
    looked += hub.Collect(Topic::kChannel, stripe, nullptr, &all);
    hub.Collect(Topic::kChannel, stripe, &pattern, &some);
  }
  CHECK(looked == 100);
  CHECK(all.size() == 100);
  CHECK(some.size() == 10);
}

TEST_CASE("pubsub: an inbox that is not emptied is bounded") {
  PubSub hub(2);
  hub.Add(Topic::kChannel, "c", 1);
  Publisher publisher(&hub, 0);
  const std::string payload(1 << 20, 'x');
  size_t sent = 0;
  while (!hub.crowded()) {
    CHECK(publisher.Publish(ChannelKind::kPlain, "c", payload, {}, false).receivers == 1);
    REQUIRE(++sent * payload.size() <= Inbox::kBytesMax);
  }
  while (hub.dropped() == 0) {
    (void)publisher.Publish(ChannelKind::kPlain, "c", payload, {}, false);
    REQUIRE(++sent * payload.size() <= Inbox::kBytesHardMax);
  }
  CHECK(hub.crowded());
  CHECK(Payloads(&hub, 1).size() == sent - 1);
  CHECK_FALSE(hub.crowded());
  // One larger than all bounds finds room in an empty one.
  const std::string large(Inbox::kBytesHardMax + 1, 'y');
  (void)publisher.Publish(ChannelKind::kPlain, "c", large, {}, false);
  CHECK(hub.dropped() == 1);
  CHECK(Payloads(&hub, 1).size() == 1);
  CHECK_FALSE(hub.crowded());
}

// Every reactor subscribes to every channel for the whole time, and to others now and then. What it
// gets of a channel is the same sequence everywhere, and each publisher's part of it is complete
// and in order.
TEST_CASE("pubsub: threads: one order per channel for all who listen") {
  constexpr uint32_t kReactors = 4;
  constexpr uint32_t kChannels = 3;
  constexpr int kMessages = 400;
  PubSub hub(kReactors);
  const auto name = [](uint32_t channel) { return "channel" + std::to_string(channel); };
  for (uint32_t reactor = 0; reactor < kReactors; ++reactor) {
    for (uint32_t channel = 0; channel < kChannels; ++channel) {
      // Half of them by pattern.
      if (reactor % 2 == 0) {
        hub.Add(Topic::kChannel, name(channel), reactor);
      } else {
        hub.Add(Topic::kPattern, name(channel) + "*", reactor);
      }
    }
  }
  std::vector<std::map<std::string, std::vector<std::string>>> got(kReactors);
  std::atomic<uint32_t> publishing{kReactors};
  const auto take = [&](uint32_t reactor) {
    std::vector<MessagePtr> taken;
    hub.Take(reactor, &taken);
    for (const MessagePtr& message : taken) {
      got[reactor][std::string(message->channel())].push_back(message->body);
    }
  };
  const auto run = [&](uint32_t reactor) {
    std::mt19937_64 random(reactor + 1);
    Publisher publisher(&hub, reactor);
    std::vector<std::string> others;
    for (int i = 0; i < kMessages; ++i) {
      const std::string payload = std::to_string(reactor) + ":" + std::to_string(i);
      const std::string channel = name(static_cast<uint32_t>(random() % kChannels));
      CHECK(publisher.Publish(ChannelKind::kPlain, channel, payload, {}, true).receivers ==
            kReactors);
      const std::string other = "other" + std::to_string(random() % 8);
      const Topic topic = random() % 2 == 0 ? Topic::kPattern : Topic::kShardChannel;
      hub.Add(topic, other, reactor);
      (void)publisher.Publish(ChannelKind::kPlain, other, "x", {}, false);
      (void)hub.Subscribers(topic, other);
      hub.Remove(topic, other, reactor);
      publisher.RingBells([](uint32_t) {});
      if (random() % 4 == 0) take(reactor);
    }
    publishing.fetch_sub(1);
    while (publishing.load() != 0) std::this_thread::yield();
    take(reactor);
  };
  std::vector<std::thread> threads;
  for (uint32_t reactor = 0; reactor < kReactors; ++reactor) threads.emplace_back(run, reactor);
  for (std::thread& thread : threads) thread.join();
  size_t total = 0;
  for (uint32_t channel = 0; channel < kChannels; ++channel) {
    const std::vector<std::string>& first = got[0][name(channel)];
    total += first.size();
    for (uint32_t reactor = 1; reactor < kReactors; ++reactor)
      CHECK(got[reactor][name(channel)] == first);
    std::map<std::string, int> last;
    for (const std::string& body : first) {
      const size_t at = body.rfind(':');
      const size_t begin = body.rfind('\n', at) + 1;
      const std::string publisher = body.substr(begin, at - begin);
      const int number = std::stoi(body.substr(at + 1));
      if (last.contains(publisher)) CHECK(number > last[publisher]);
      last[publisher] = number;
    }
  }
  CHECK(total == kReactors * kMessages);
  CHECK(hub.Names(Topic::kShardChannel) == 0);
  CHECK(hub.Names(Topic::kPattern) == kChannels);
}
