// Clients in memory over one of the engines under test (engines_under_test.cc): what is asked is
// answered in full before Ask returns, however many turns that takes, and Settle lets go of all
// that memory knows and the disk has.
#pragma once

#include <doctest/doctest.h>

#include <algorithm>
#include <charconv>
#include <chrono>
#include <memory>
#include <string>
#include <thread>
#include <vector>

#include "engine_host.h"
#include "environment.h"
#include "executor_testing.h"

namespace cairn::testing {

using Words = std::vector<std::string>;

inline constexpr uint64_t kStartMs = 1'000'000;
inline constexpr int kTurnsMax = 5000;
inline constexpr uint32_t kKeys = 10;  // that commands name

inline std::string Frame(const Words& words) {
  std::string frame = "*" + std::to_string(words.size()) + "\r\n";
  for (const std::string& word : words)
    frame += "$" + std::to_string(word.size()) + "\r\n" + word + "\r\n";
  return frame;
}

// The bulks of a reply, in order.
inline Words Bulks(const std::string& reply) {
  Words bulks;
  for (size_t at = 0; (at = reply.find('$', at)) != std::string::npos;) {
    int bytes = 0;
    const char* end = std::from_chars(&reply[at + 1], reply.data() + reply.size(), bytes).ptr;
    at = static_cast<size_t>(end - reply.data()) + 2;
    if (bytes < 0) continue;
    bulks.push_back(reply.substr(at, static_cast<size_t>(bytes)));
    at += static_cast<size_t>(bytes);
  }
  return bulks;
}

inline std::unique_ptr<EngineUnderTest> Medium(std::string_view name) {
  if (name == "map" || name == "cold map") return NewMapUnderTest(name != "map");
  for (const NamedEngine& engine : EnginesUnderTest()) {
    if (engine.name == name) return engine.make(1);
  }
  FAIL("no engine of that name");
  return nullptr;
}

class World {
 public:
  static constexpr size_t kClients = 2;

  explicit World(std::string_view engine) : medium_(Medium(engine)), host_(medium_.get()) {
    shared_.databases = EngineHost::kDatabases;
    shared_.context.engine = host_.engine.get();
    reactor_ = std::make_unique<SocketlessReactor<EngineHost>>(&shared_, &host_, 0);
    reactor_->executor()->SetNow(now_ms);
    for (Connection*& conn : conns_) conn = reactor_->Connect();
  }
  // All replies to what is sent in one go.
  std::string Ask(size_t client, const std::vector<Words>& commands) {
    Connection* conn = conns_[client];
    std::string& received = reactor_->Received(conn);
    received.clear();
    std::string sent;
    for (const Words& words : commands) sent += Frame(words);
    reactor_->executor()->SetNow(now_ms);
    reactor_->Send(conn, sent);
    const auto busy = [&] {
      return !conn->slots.empty() || conn->stall != Connection::kRunning || !conn->in.empty();
    };
    for (int turns = 0; (received.empty() || busy()) && turns < kTurnsMax; ++turns) Turn();
    REQUIRE_MESSAGE(!busy(), sent);
    return received;
  }
  std::string AskOne(const Words& words) { return Ask(0, {words}); }
  // What is durable leaves memory.
  void Settle() {
    for (int turns = 0; turns < 5; ++turns) Turn();
    medium_->Cool(host_.engine.get());
  }
  // Keys as KEYS lists them, and as a whole SCAN does, and as DBSIZE counts them: the same.
  Words Keys() {
    // A read that had to go to the disk leaves what has expired where it is; a write takes it away.
    for (uint32_t i = 0; i < kKeys; ++i) AskOne({"PEXPIREAT", "k" + std::to_string(i), "1", "GT"});
    Words keys = Bulks(AskOne({"KEYS", "*"}));
    std::sort(keys.begin(), keys.end());
    Words scanned;
    std::string cursor = "0";
    do {
      Words reply = Bulks(AskOne({"SCAN", cursor, "COUNT", "3"}));
      cursor = reply.at(0);
      scanned.insert(scanned.end(), reply.begin() + 1, reply.end());
    } while (cursor != "0");
    std::sort(scanned.begin(), scanned.end());
    CHECK(scanned == keys);
    CHECK(AskOne({"DBSIZE"}) == ":" + std::to_string(keys.size()) + "\r\n");
    const Words random = Bulks(AskOne({"RANDOMKEY"}));
    CHECK(random.empty() == keys.empty());
    for (const std::string& key : random) CHECK(std::binary_search(keys.begin(), keys.end(), key));
    return keys;
  }

  Shared& shared() { return shared_; }
  SocketlessReactor<EngineHost>& reactor() { return *reactor_; }

  uint64_t now_ms = kStartMs;

 private:
  void Turn() {
    reactor_->Turn(10, now_ms);
    if (medium_->in_real_time()) std::this_thread::sleep_for(std::chrono::microseconds(100));
  }

  std::unique_ptr<EngineUnderTest> medium_;
  EngineHost host_;
  Shared shared_;
  std::unique_ptr<SocketlessReactor<EngineHost>> reactor_;
  Connection* conns_[kClients] = {};
};

}  // namespace cairn::testing
