// Publish and subscribe through real reactors: messages across threads, receivers that go or do not
// read, events of keys.
#include <map>
#include <random>
#include <set>

#include "command_testing.h"
#include "reactor_testing.h"

using namespace cairn;
using namespace cairn::testing;

namespace {

RigOptions RigFor(uint32_t reactors, FsyncPolicy fsync = FsyncPolicy::kNo) {
  RigOptions options;
  options.engine.reactors = reactors;
  options.engine.fsync = fsync;
  options.tuning.inline_maintenance = false;
  return options;
}

SimOptions Sim(uint64_t seed) {
  SimOptions options;
  options.seed = seed;
  options.delay_max = 2;
  return options;
}

std::string Bulk(std::string_view text) {
  return "$" + std::to_string(text.size()) + "\r\n" + std::string(text) + "\r\n";
}
std::string MessageFrame(std::string_view channel, std::string_view payload) {
  return "*3\r\n" + Bulk("message") + Bulk(channel) + Bulk(payload);
}

bool Receives(ReactorRig* rig, RigClient* client, std::string_view what) {
  return rig->Soon([&] {
    client->Pump();
    return client->received.find(what) != std::string::npos;
  });
}

// Payloads of the messages a RESP2 client has got, whole ones.
std::vector<std::string> PayloadsOf(std::string_view received) {
  std::vector<std::string> payloads;
  constexpr std::string_view kHead = "*3\r\n$7\r\nmessage\r\n";
  for (size_t at = received.find(kHead); at != std::string_view::npos;
       at = received.find(kHead, at + 1)) {
    size_t begin = received.find("\r\n", at + kHead.size());  // behind the channel's length
    begin = received.find("\r\n", begin + 2);                 // the channel
    if (begin == std::string_view::npos) break;
    const size_t end_of_length = received.find("\r\n", begin + 2);
    if (end_of_length == std::string_view::npos) break;
    const size_t bytes = std::stoul(std::string(received.substr(begin + 3)));
    if (received.size() < end_of_length + 4 + bytes) break;
    payloads.emplace_back(received.substr(end_of_length + 2, bytes));
  }
  return payloads;
}

}  // namespace

TEST_CASE("reactor: messages from several reactors come to all, in one order") {
  constexpr uint32_t kReactors = 3;
  constexpr uint32_t kSubscribers = 9;
  constexpr uint32_t kPublishers = 6;
  constexpr int kMessages = 300;
  SimDisk disk(Sim(__LINE__));
  ReactorRig rig(&disk, RigFor(kReactors));
  std::vector<std::unique_ptr<RigClient>> subscribers, publishers;
  for (uint32_t i = 0; i < kSubscribers; ++i) {
    subscribers.push_back(std::make_unique<RigClient>(&rig, i % kReactors));
    subscribers.back()->Send("SUBSCRIBE news\r\n");
    REQUIRE(Receives(&rig, subscribers.back().get(), ":1\r\n"));
    subscribers.back()->received.clear();
  }
  for (uint32_t i = 0; i < kPublishers; ++i) {
    publishers.push_back(std::make_unique<RigClient>(&rig, i % kReactors));
    for (int n = 0; n < kMessages; ++n)
      publishers.back()->Send("PUBLISH news " + std::to_string(i) + ":" + std::to_string(n) +
                              "\r\n");
  }
  const bool all = rig.Within(20 * ReactorRig::kTurnsMax, [&] {
    size_t done = 0;
    for (auto& publisher : publishers) publisher->Pump(64);
    for (auto& subscriber : subscribers) {
      subscriber->Pump();
      done += PayloadsOf(subscriber->received).size() == kPublishers * kMessages;
    }
    return done == kSubscribers;
  });
  REQUIRE(all);
  const std::vector<std::string> first = PayloadsOf(subscribers[0]->received);
  for (auto& subscriber : subscribers) CHECK(PayloadsOf(subscriber->received) == first);
  std::map<std::string, int> next;
  for (const std::string& payload : first) {
    const size_t colon = payload.find(':');
    CHECK(std::stoi(payload.substr(colon + 1)) == next[payload.substr(0, colon)]++);
  }
  for (auto& publisher : publishers) {
    const bool answered = rig.Soon([&] {
      publisher->Pump();
      return std::count(publisher->received.begin(), publisher->received.end(), '\n') == kMessages;
    });
    CHECK(answered);
    CHECK(publisher->received.substr(0, 4) == ":9\r\n");
  }
}

TEST_CASE("reactor: subscribers go while messages are on their way to them") {
  constexpr uint32_t kReactors = 3;
  SimDisk disk(Sim(__LINE__));
  ReactorRig rig(&disk, RigFor(kReactors));
  RigClient publisher(&rig, 0);
  std::mt19937_64 random(__LINE__);
  for (int round = 0; round < 40; ++round) {
    std::vector<std::unique_ptr<RigClient>> subscribers;
    for (uint32_t i = 0; i < 6; ++i) {
      subscribers.push_back(std::make_unique<RigClient>(&rig, i % kReactors));
      subscribers.back()->Send(i % 2 == 0 ? "SUBSCRIBE a b\r\n" : "PSUBSCRIBE * ?\r\n");
    }
    for (auto& subscriber : subscribers) REQUIRE(Receives(&rig, subscriber.get(), ":2\r\n"));
    for (int i = 0; i < 20; ++i) publisher.Send("PUBLISH a x\r\nPUBLISH b y\r\n");
    publisher.Pump();
    // Some by closing, some killed by their reactor, some by themselves.
    for (auto& subscriber : subscribers) {
      switch (random() % 3) {
        case 0:
          subscriber->Close();
          break;
        case 1:
          subscriber->Send("UNSUBSCRIBE\r\nPUNSUBSCRIBE\r\nQUIT\r\n");
          subscriber->Pump();
          break;
        default:
          for (uint32_t i = 0; i < kReactors; ++i) {
            rig.reactor(i).Post([](Reactor* self) {
              self->ForEachConnection([&](Connection* conn) {
                if (conn->subscriber != nullptr && conn->id % 2 == 0) self->Kill(conn, false);
              });
            });
          }
      }
    }
  }
  const bool gone = rig.Soon([&] {
    publisher.Pump();
    return rig.shared().pubsub.Names(Topic::kChannel) == 0 &&
           rig.shared().pubsub.Names(Topic::kPattern) == 0;
  });
  CHECK(gone);
  publisher.received.clear();
  publisher.Send("PUBLISH a x\r\n");
  CHECK(Receives(&rig, &publisher, ":0\r\n"));
}

TEST_CASE("reactor: a subscriber that does not read is closed, the others get everything") {
  SimDisk disk(Sim(__LINE__));
  ReactorRig rig(&disk, RigFor(2));
  rig.shared().options.output_hard[kPubSubClients].store(256 << 10);
  RigClient publisher(&rig, 0), slow(&rig, 1), quick(&rig, 1);
  slow.Send("SUBSCRIBE c\r\n");
  quick.Send("SUBSCRIBE c\r\n");
  REQUIRE(Receives(&rig, &slow, ":1\r\n"));
  REQUIRE(Receives(&rig, &quick, ":1\r\n"));
  const std::string payload(4000, 'x');
  constexpr int kMessages = 400;  // more than the limit and what sockets hold
  for (int i = 0; i < kMessages; ++i) publisher.Send("PUBLISH c " + payload + "\r\n");
  const bool all = rig.Within(20 * ReactorRig::kTurnsMax, [&] {
    publisher.Pump(16 << 10);
    quick.Pump();
    return PayloadsOf(quick.received).size() == kMessages;
  });
  CHECK(all);
  CHECK(rig.Soon([&] { return rig.reactor(1).counters().output_limit_disconnections.Get() == 1; }));
  CHECK(rig.log().find("client-output-buffer-limit") != std::string::npos);
  CHECK(rig.Soon([&] { return rig.shared().pubsub.Subscribers(Topic::kChannel, "c") == 1; }));
}

TEST_CASE("reactor: a subscriber beyond the soft limit is closed after its time") {
  SimDisk disk(Sim(__LINE__));
  ReactorRig rig(&disk, RigFor(1));
  rig.shared().options.output_soft[kPubSubClients].store(64 << 10);
  rig.shared().options.output_soft_seconds[kPubSubClients].store(1);
  RigClient publisher(&rig), slow(&rig);
  slow.Send("SUBSCRIBE c\r\n");
  REQUIRE(Receives(&rig, &slow, ":1\r\n"));
  const std::string payload(40'000, 'x');
  constexpr int kMessages = 50;
  for (int i = 0; i < kMessages; ++i) publisher.Send("PUBLISH c " + payload + "\r\n");
  REQUIRE(rig.Soon([&] {
    publisher.Pump();
    return std::count(publisher.received.begin(), publisher.received.end(), '\n') == kMessages;
  }));
  CHECK(rig.reactor(0).counters().output_limit_disconnections.Get() == 0);
  CHECK(rig.Soon([&] { return rig.reactor(0).counters().output_limit_disconnections.Get() == 1; }));
}

TEST_CASE("reactor: one of many subscriptions goes without holding up the others") {
  SimDisk disk(Sim(__LINE__));
  ReactorRig rig(&disk, RigFor(2));
  RigClient many(&rig, 1), other(&rig, 1);
  constexpr int kCommands = 200, kEach = 100;
  for (int i = 0; i < kCommands; ++i) {
    std::string line = "SUBSCRIBE";
    for (int j = 0; j < kEach; ++j) line += " c" + std::to_string(i * kEach + j);
    many.Send(line + "\r\n");
  }
  REQUIRE(rig.Within(10 * ReactorRig::kTurnsMax, [&] {
    many.Pump();
    return many.received.find(":" + std::to_string(kCommands * kEach) + "\r\n") !=
           std::string::npos;
  }));
  CHECK(rig.shared().pubsub.Names(Topic::kChannel) == kCommands * kEach);
  other.Send("SUBSCRIBE c7\r\n");
  REQUIRE(Receives(&rig, &other, ":1\r\n"));
  many.Close();
  CHECK(rig.Soon([&] { return rig.shared().pubsub.Names(Topic::kChannel) == 1; }));
  RigClient publisher(&rig, 0);
  publisher.Send("PUBLISH c7 m\r\n");
  CHECK(Receives(&rig, &publisher, ":1\r\n"));
  CHECK(Receives(&rig, &other, MessageFrame("c7", "m")));
}

TEST_CASE("reactor: events of keys that several reactors change come in the order of the changes") {
  constexpr uint32_t kReactors = 3;
  SimDisk disk(Sim(__LINE__));
  ReactorRig rig(&disk, RigFor(kReactors, FsyncPolicy::kAlways));
  rig.shared().options.notified.store(kNotifyKeyspace | kNotifyAll | kNotifyNew);
  RigClient listener(&rig, 1);
  listener.Send("SUBSCRIBE __keyspace@0__:k\r\n");
  REQUIRE(Receives(&rig, &listener, ":1\r\n"));
  std::vector<std::unique_ptr<RigClient>> writers;
  constexpr int kRounds = 100;
  for (uint32_t i = 0; i < kReactors; ++i) {
    writers.push_back(std::make_unique<RigClient>(&rig, i));
    for (int n = 0; n < kRounds; ++n) writers.back()->Send("SET k v\r\nDEL k\r\n");
  }
  const bool all = rig.Within(20 * ReactorRig::kTurnsMax, [&] {
    size_t done = 0;
    for (auto& writer : writers) {
      writer->Pump(40);
      done += std::count(writer->received.begin(), writer->received.end(), '\n') == 2 * kRounds;
    }
    listener.Pump();
    return done == kReactors;
  });
  REQUIRE(all);
  // As many as there were SETs, and each DEL that found something; "new" wherever there was
  // nothing.
  const auto counted = [&](const std::vector<std::string>& events, std::string_view name) {
    return std::count(events.begin(), events.end(), name);
  };
  REQUIRE(rig.Soon([&] {
    listener.Pump();
    return counted(PayloadsOf(listener.received), "set") == kReactors * kRounds;
  }));
  const std::vector<std::string> events = PayloadsOf(listener.received);
  bool there = false;
  for (const std::string& event : events) {
    if (event == "new") CHECK_FALSE(there);
    if (event == "del") CHECK(there);
    there = event != "del";
  }
  int deleted = 0;
  for (auto& writer : writers) {
    for (size_t at = 0; (at = writer->received.find(":1\r\n", at)) != std::string::npos; ++at)
      ++deleted;
  }
  CHECK(rig.Soon([&] {
    listener.Pump();
    return counted(PayloadsOf(listener.received), "del") == deleted;
  }));
}
