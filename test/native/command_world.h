// A server in memory for tests of commands on collections: an executor without sockets over an
// engine under test, which can lose what it has in memory, be opened again and die.
#pragma once

#include <algorithm>
#include <charconv>
#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "command_testing.h"
#include "engine/spaces.h"
#include "engine_host.h"
#include "executor_testing.h"

namespace cairn::testing {

// The bulks of a reply, in order.
inline std::vector<std::string> BulksOf(const std::string& reply) {
  std::vector<std::string> bulks;
  for (size_t at = 0; at < reply.size();) {
    const size_t end = reply.find("\r\n", at);
    if (end == std::string::npos) break;
    int64_t bytes = -1;
    if (reply[at] == '$') std::from_chars(&reply[at + 1], &reply[end], bytes);
    at = end + 2;
    if (bytes < 0) continue;
    bulks.push_back(reply.substr(at, static_cast<size_t>(bytes)));
    at += static_cast<size_t>(bytes) + 2;
  }
  return bulks;
}

inline std::unique_ptr<EngineUnderTest> EngineNamed(std::string_view name, uint64_t seed) {
  for (const NamedEngine& engine : EnginesUnderTest()) {
    if (engine.name == name) return engine.make(seed);
  }
  return nullptr;
}

class CommandWorld {
 public:
  static constexpr size_t kClients = 2;
  static constexpr uint64_t kStartMs = 1'000'000;
  static constexpr int kTurnsMax = 20000;
  static constexpr int kLastTurnsMax = 1000;

  explicit CommandWorld(std::unique_ptr<EngineUnderTest> medium,
                        const EngineHost::Change& change = {})
      : medium_(std::move(medium)), host_(medium_.get(), change) {
    shared_.databases = EngineHost::kDatabases;
    Begin();
  }
  // What clients have sent and nobody has awaited ends before the engine goes.
  ~CommandWorld() {
    const auto busy = [](const Connection* conn) { return Busy(*conn); };
    for (int turns = 0; turns < kLastTurnsMax && std::any_of(conns_, conns_ + kClients, busy);
         ++turns) {
      Turn();
    }
    reactor_.reset();
  }

  // Whether its engine has pages: without, collections are as large as one page.
  bool has_pages() { return host_.engine->spaces() != nullptr; }
  Shared& shared() { return shared_; }

  // All replies to what is sent in one go.
  std::string Ask(size_t client, const std::vector<Argv>& commands) {
    Connection* conn = conns_[client];
    std::string& received = reactor_->Received(conn);
    received.clear();
    std::string sent;
    for (const Argv& words : commands) sent += Frame(words);
    reactor_->executor()->SetNow(now_ms);
    reactor_->Send(conn, sent);
    for (int turns = 0; (received.empty() || Busy(*conn)) && turns < kTurnsMax; ++turns) Turn();
    REQUIRE_MESSAGE(!Busy(*conn), sent.substr(0, 500));
    return received;
  }
  std::string Ask(const Argv& words) { return Ask(0, {words}); }

  // Sends without waiting, and takes a turn.
  void Send(size_t client, const std::vector<Argv>& commands) {
    std::string sent;
    for (const Argv& words : commands) sent += Frame(words);
    reactor_->Send(conns_[client], sent);
  }
  std::string& Received(size_t client) { return reactor_->Received(conns_[client]); }
  void Turn() {
    reactor_->Turn(10, now_ms);
    if (medium_->in_real_time()) std::this_thread::sleep_for(std::chrono::microseconds(100));
  }

  // What is durable leaves memory.
  void Settle() {
    for (int turns = 0; turns < 5; ++turns) Turn();
    medium_->Cool(host_.engine.get());
  }
  // One round of the sweep through all shards of a database.
  void Sweep(uint16_t db) {
    medium_->AwaitDue(host_.engine.get(), now_ms);
    reactor_->executor()->SetNow(now_ms);
    for (uint32_t shard = 0; shard < kShardCount; ++shard)
      (void)reactor_->executor()->SweepShard(db, static_cast<uint16_t>(shard));
    for (int turns = 0; turns < 5; ++turns) Turn();
  }
  void Reopen() {
    reactor_.reset();
    host_.Reopen();
    Begin();
  }
  // False: this medium cannot. All that was acknowledged is there afterwards.
  bool Crash(bool power) {
    reactor_.reset();
    const bool crashed = host_.CrashAndReopen(power);
    Begin();
    return crashed;
  }

  Engine* engine() { return host_.engine.get(); }
  uint64_t now_ms = kStartMs;

 private:
  static bool Busy(const Connection& conn) {
    return !conn.slots.empty() || conn.stall != Connection::kRunning || !conn.in.empty();
  }
  void Begin() {
    shared_.context.engine = host_.engine.get();
    reactor_ = std::make_unique<SocketlessReactor<EngineHost>>(&shared_, &host_, 0);
    reactor_->executor()->SetNow(now_ms);
    for (Connection*& conn : conns_) conn = reactor_->Connect();
  }

  std::unique_ptr<EngineUnderTest> medium_;
  EngineHost host_;
  Shared shared_;
  std::unique_ptr<SocketlessReactor<EngineHost>> reactor_;
  Connection* conns_[kClients] = {};
};

// world(CommandWorld&) for each engine that can be simulated, as a subcase.
template <typename Test>
void OnEachEngine(uint64_t seed, Test test) {
  for (const NamedEngine& engine : EnginesUnderTest()) {
    if (!engine.simulated) continue;
    SUBCASE(engine.name) {
      CommandWorld world(engine.make(seed));
      test(world);
    }
  }
}

}  // namespace cairn::testing
