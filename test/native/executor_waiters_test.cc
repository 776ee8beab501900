// Commands that wait for keys, over a simulated disk: two reactors, and commands on strings that
// are made for it, as simple as can be. Which clients get what, in which order, and what is left.
#include <map>
#include <string>
#include <vector>

#include "command/args.h"
#include "executor_testing.h"
#include "io/sim_disk.h"

using namespace cairn;
using namespace cairn::testing;

namespace {

using Words = std::vector<std::string>;

constexpr uint64_t kStartMs = 1'000'000;

void Wait(Call& call, std::span<const std::string_view> keys) {
  WaitTerms terms;
  terms.type = ValueType::kString;
  int64_t timeout = 0;
  REQUIRE(ParseInt64(call.argv.back(), &timeout));
  if (timeout != 0) terms.deadline_ms = call.txn.now_ms() + static_cast<uint64_t>(timeout);
  call.txn.MayWait() ? call.txn.WaitFor(keys, terms) : call.reply.NullArray();
}

// TAKE key [key ...] ms: the value of the first that is there, which goes.
void Take(Call& call, bool removes) {
  const auto keys = call.argv.subspan(1, call.argv.size() - 2);
  for (const std::string_view key : keys) {
    std::string_view value;
    if (!call.txn.Awake(key)) continue;
    const ReadState state = call.txn.Get(key, &value);
    if (state == ReadState::kPending) return;
    if (state == ReadState::kMissing) continue;
    call.reply.Bulk(value);
    if (removes) call.txn.Delete(key);
    return;
  }
  Wait(call, keys);
}
void HandleTake(Call& call) { Take(call, true); }
void HandleLook(Call& call) { Take(call, false); }

// HAND from to ms: the value goes there.
void HandleHand(Call& call) {
  const std::string_view from = call.argv[1], to = call.argv[2];
  std::string_view value;
  ReadState state = ReadState::kMissing;
  if (call.txn.Awake(from)) state = call.txn.Get(from, &value);
  if (state == ReadState::kPending) return;
  if (state == ReadState::kMissing) return Wait(call, {&from, 1});
  if (!call.txn.NeedLatch(ShardOf(to))) return;
  value = call.txn.Copy(value);
  call.reply.Bulk(value);
  call.txn.Put(to, value, 0);
  call.txn.Delete(from);
}

// SAYING word key: the word once the key is there; one that waits says another one from then on.
void HandleSaying(Call& call) {
  std::string_view value;
  const std::string_view key = call.argv[2];
  const ReadState state = call.txn.Awake(key) ? call.txn.Get(key, &value) : ReadState::kMissing;
  if (state == ReadState::kPending) return;
  if (state == ReadState::kFound) return call.reply.Bulk(call.argv[1]);
  WaitTerms terms;
  terms.type = ValueType::kString;
  call.txn.WaitFor({&key, 1}, terms);
  call.txn.WaitSaying(1, "from then on, and longer than what stood there");
}

// APART key ms: as LOOK, but in a pass of its own.
void HandleApart(Call& call) { call.txn.serving() ? call.txn.RunApart() : Take(call, false); }

// STAYS key: waits until it is gone.
void HandleStays(Call& call) {
  const std::string_view key = call.argv[1];
  KeyMeta meta;
  if (call.txn.Awake(key)) meta = call.txn.Meta(key);
  if (call.txn.pending()) return;
  if (!meta.found) return call.reply.Simple("gone");
  WaitTerms terms;
  terms.type = ValueType::kString;
  terms.when_gone = true;
  call.txn.WaitFor({&key, 1}, terms);
}

constexpr uint32_t kFlags = kCmdWrite | kCmdWaves | kCmdBlocking;
constexpr CommandSpec kRows[] = {
    {"take", -3, kFlags, 1, -2, 1, "", "", "", "", "", HandleTake},
    {"look", -3, kCmdReadOnly | kCmdWaves | kCmdBlocking, 1, -2, 1, "", "", "", "", "", HandleLook},
    {"hand", 4, kFlags, 1, 2, 1, "", "", "", "", "", HandleHand},
    {"saying", 3, kFlags, 2, 2, 1, "", "", "", "", "", HandleSaying},
    {"apart", 3, kFlags, 1, 1, 1, "", "", "", "", "", HandleApart},
    {"stays", 2, kFlags, 1, 1, 1, "", "", "", "", "", HandleStays},
};

std::string Frame(const Words& words) {
  std::string frame = "*" + std::to_string(words.size()) + "\r\n";
  for (const std::string& word : words)
    frame += "$" + std::to_string(word.size()) + "\r\n" + word + "\r\n";
  return frame;
}
std::string Bulk(const std::string& text) {
  return "$" + std::to_string(text.size()) + "\r\n" + text + "\r\n";
}

class World {
 public:
  using Reactor = SocketlessReactor<Driver>;
  static constexpr uint32_t kReactors = 2;

  World() : disk_(SimOptions()) {
    VlogOptions options = Driver::Options("/data");
    options.reactors = kReactors;
    driver_ = std::make_unique<Driver>(&disk_, options);
    REQUIRE(driver_->Start().ok());
    shared.registry.Add(kRows);
    shared.databases = 4;
    shared.context.engine = driver_->engine.get();
    for (uint32_t i = 0; i < kReactors; ++i)
      reactors_.push_back(std::make_unique<Reactor>(&shared, driver_.get(), i));
    for (const auto& reactor : reactors_) {
      for (const auto& peer : reactors_) reactor->peers.push_back(peer.get());
      reactor->executor()->SetNow(now_ms);
    }
  }
  ~World() {
    reactors_.clear();
    REQUIRE(driver_->Stop().ok());
  }

  struct User {
    Reactor* reactor;
    Connection* conn;
  };
  User Connect(uint32_t reactor) {
    return {reactors_[reactor].get(), reactors_[reactor]->Connect()};
  }
  void Send(const User& user, const Words& words) {
    user.reactor->Received(user.conn).clear();
    user.reactor->Send(user.conn, Frame(words));
    Turns();
  }
  std::string Ask(const User& user, const Words& words) {
    Send(user, words);
    return user.reactor->Received(user.conn);
  }
  std::string Got(const User& user) { return user.reactor->Received(user.conn); }
  void Leave(const User& user) {
    user.reactor->Disconnect(user.conn);
    Turns();
  }
  void Turns() {
    for (int turns = 0; turns < 20; ++turns) {
      for (const auto& reactor : reactors_) reactor->Turn(5, now_ms);
    }
  }
  uint64_t Blocked() {
    return reactors_[0]->counters().blocked.Get() + reactors_[1]->counters().blocked.Get();
  }

  Shared shared;
  uint64_t now_ms = kStartMs;

 private:
  SimDisk disk_;
  std::unique_ptr<Driver> driver_;
  std::vector<std::unique_ptr<Reactor>> reactors_;
};

}  // namespace

TEST_SUITE_BEGIN("executor");

TEST_CASE("waiters: served in the order in which they came, by whoever writes") {
  World world;
  const World::User first = world.Connect(0), second = world.Connect(1), third = world.Connect(0),
                    writer = world.Connect(1);
  for (const World::User& user : {first, second, third})
    REQUIRE(world.Ask(user, {"TAKE", "a", "key", "b", "0"}) == "");
  REQUIRE(world.Blocked() == 3);
  REQUIRE(world.Ask(writer, {"SET", "key", "1"}) == "+OK\r\n");
  CHECK(world.Got(first) == Bulk("1"));
  CHECK(world.Got(second) == "");
  CHECK(world.Ask(writer, {"EXISTS", "key"}) == ":0\r\n");
  // Two keys in one unit: one for each of the others, and the first as the waiter names them.
  REQUIRE(world.Ask(writer, {"MSET", "b", "2", "a", "3"}) == "+OK\r\n");
  CHECK(world.Got(second) == Bulk("3"));
  CHECK(world.Got(third) == Bulk("2"));
  CHECK(world.Ask(writer, {"EXISTS", "a", "b", "key"}) == ":0\r\n");
  CHECK(world.Blocked() == 0);
  CHECK(!world.shared.waiters.waiting());
  REQUIRE(world.Ask(first, {"TAKE", "a", "b", "0"}) == "");
  REQUIRE(world.Ask(writer, {"MSET", "b", "2", "a", "3"}) == "+OK\r\n");
  CHECK(world.Got(first) == Bulk("3"));
  CHECK(world.Ask(writer, {"EXISTS", "a", "b"}) == ":1\r\n");
}

TEST_CASE("waiters: nobody comes in between, and what is pipelined goes on behind") {
  World world;
  const World::User waits = world.Connect(0), writer = world.Connect(1);
  world.Send(waits, {"TAKE", "key", "0"});
  waits.reactor->Send(waits.conn, Frame({"PING"}) + Frame({"GET", "key"}));
  writer.reactor->Send(writer.conn, Frame({"SET", "key", "v"}) + Frame({"TAKE", "key", "5000"}));
  world.Turns();
  CHECK(world.Got(waits) == Bulk("v") + "+PONG\r\n$-1\r\n");
  CHECK(world.Got(writer) == "+OK\r\n");
  CHECK(world.Blocked() == 1);
}

TEST_CASE("waiters: what one is given may serve the next") {
  World world;
  const World::User a = world.Connect(0), b = world.Connect(1), c = world.Connect(1),
                    writer = world.Connect(0);
  world.Send(c, {"TAKE", "three", "0"});
  world.Send(b, {"HAND", "two", "three", "0"});
  world.Send(a, {"HAND", "one", "two", "0"});
  REQUIRE(world.Ask(writer, {"SET", "one", "v"}) == "+OK\r\n");
  for (const World::User& user : {a, b, c}) CHECK(world.Got(user) == Bulk("v"));
  CHECK(world.Ask(writer, {"EXISTS", "one", "two", "three"}) == ":0\r\n");
  CHECK(!world.shared.waiters.waiting());
}

TEST_CASE("waiters: an EXEC serves when it is over, and does not wait") {
  World world;
  const World::User waits = world.Connect(0), writer = world.Connect(1);
  world.Send(waits, {"TAKE", "key", "0"});
  writer.reactor->Send(writer.conn, Frame({"MULTI"}) + Frame({"SET", "key", "1"}) +
                                        Frame({"DEL", "key"}) + Frame({"EXEC"}));
  world.Turns();
  CHECK(world.Got(waits) == "");
  world.Send(writer, {"MULTI"});
  world.Send(writer, {"TAKE", "other", "0"});
  world.Send(writer, {"SET", "key", "1"});
  world.Send(writer, {"SET", "key", "2"});
  world.Send(writer, {"GET", "key"});
  CHECK(world.Ask(writer, {"EXEC"}) == "*4\r\n*-1\r\n+OK\r\n+OK\r\n" + Bulk("2"));
  CHECK(world.Got(waits) == Bulk("2"));
  CHECK(world.Ask(writer, {"GET", "key"}) == "$-1\r\n");
}

TEST_CASE("waiters: time, CLIENT UNBLOCK, and clients that go") {
  World world;
  const World::User first = world.Connect(0), second = world.Connect(1), third = world.Connect(0),
                    fourth = world.Connect(1), writer = world.Connect(0);
  world.Send(first, {"TAKE", "key", "500"});
  world.Send(second, {"TAKE", "key", "key", "0"});
  world.Send(third, {"TAKE", "other", "key", "0"});
  world.Send(fourth, {"TAKE", "key", "0"});
  world.now_ms += 499;
  world.Turns();
  CHECK(world.Got(first) == "");
  world.now_ms += 1;
  world.Turns();
  CHECK(world.Got(first) == "*-1\r\n");
  CHECK(second.reactor->executor()->Unblock(second.conn, true));
  CHECK(!second.reactor->executor()->Unblock(second.conn, true));
  world.Turns();
  CHECK(world.Got(second) == "-UNBLOCKED client unblocked via CLIENT UNBLOCK\r\n");
  world.Leave(third);
  CHECK(world.Blocked() == 1);
  REQUIRE(world.Ask(writer, {"SET", "key", "v"}) == "+OK\r\n");
  CHECK(world.Got(fourth) == Bulk("v"));
  CHECK(!world.shared.waiters.waiting());
  world.Send(first, {"TAKE", "key", "0"});
  CHECK(first.reactor->executor()->Unblock(first.conn, false));
  world.Turns();
  CHECK(world.Got(first) == "*-1\r\n");
  CHECK(world.Blocked() == 0);
}

TEST_CASE("waiters: keys of another type, and keys that come with their database") {
  World world;
  const World::User waits = world.Connect(0), writer = world.Connect(1);
  world.Send(waits, {"TAKE", "key", "0"});
  world.Send(writer, {"SELECT", "1"});
  REQUIRE(world.Ask(writer, {"SET", "key", "v"}) == "+OK\r\n");
  CHECK(world.Got(waits) == "");
  REQUIRE(world.Ask(writer, {"RENAME", "key", "other"}) == "+OK\r\n");
  REQUIRE(world.Ask(writer, {"RENAME", "other", "key"}) == "+OK\r\n");
  CHECK(world.Got(waits) == "");
  REQUIRE(world.Ask(writer, {"FLUSHDB"}) == "+OK\r\n");
  REQUIRE(world.Ask(writer, {"SET", "key", "w"}) == "+OK\r\n");
  REQUIRE(world.Ask(writer, {"SWAPDB", "0", "1"}) == "+OK\r\n");
  CHECK(world.Got(waits) == Bulk("w"));
  world.Send(waits, {"TAKE", "key", "0"});
  REQUIRE(world.Ask(writer, {"SET", "moves", "x"}) == "+OK\r\n");
  REQUIRE(world.Ask(writer, {"RENAME", "moves", "key"}) == "+OK\r\n");
  REQUIRE(world.Ask(writer, {"MOVE", "key", "0"}) == ":1\r\n");
  CHECK(world.Got(waits) == Bulk("x"));
}

TEST_CASE("waiters: one may say something else when it runs again") {
  World world;
  const World::User first = world.Connect(0), second = world.Connect(1), writer = world.Connect(0);
  world.Send(first, {"SAYING", "$", "key"});
  world.Send(second, {"SAYING", "$", "key"});
  REQUIRE(world.Ask(writer, {"SET", "key", "v"}) == "+OK\r\n");
  const std::string expected = Bulk("from then on, and longer than what stood there");
  CHECK(world.Got(first) == expected);
  CHECK(world.Got(second) == expected);
  CHECK(world.Ask(writer, {"SAYING", "$", "key"}) == Bulk("$"));
}

TEST_CASE("waiters: what is too much for a pass runs behind it, and others in it") {
  World world;
  const World::User first = world.Connect(0), second = world.Connect(1), third = world.Connect(0),
                    writer = world.Connect(1);
  world.Send(first, {"APART", "key", "0"});
  world.Send(second, {"APART", "key", "0"});
  world.Send(third, {"LOOK", "key", "0"});
  REQUIRE(world.Blocked() == 3);
  REQUIRE(world.Ask(writer, {"SET", "key", "v"}) == "+OK\r\n");
  for (const World::User& user : {first, second, third}) CHECK(world.Got(user) == Bulk("v"));
  CHECK(world.Blocked() == 0);
  CHECK(!world.shared.waiters.waiting());
  // What it was to read goes before it runs: it waits again, in its time.
  REQUIRE(world.Ask(writer, {"DEL", "key"}) == ":1\r\n");
  world.Send(first, {"APART", "key", "500"});
  writer.reactor->Send(writer.conn, Frame({"SET", "key", "v"}) + Frame({"DEL", "key"}));
  world.Turns();
  CHECK(world.Got(first) == "");
  CHECK(world.Blocked() == 1);
  world.now_ms += 500;
  world.Turns();
  CHECK(world.Got(first) == "*-1\r\n");
}

TEST_CASE("waiters: some wait for a key to go, however it does") {
  World world;
  const World::User first = world.Connect(0), second = world.Connect(1), writer = world.Connect(0);
  const auto wait = [&] {
    REQUIRE(world.Ask(writer, {"SET", "key", "v"}) == "+OK\r\n");
    world.Send(first, {"STAYS", "key"});
    world.Send(second, {"STAYS", "key"});
    REQUIRE(world.Ask(writer, {"SET", "key", "w"}) == "+OK\r\n");
    REQUIRE(world.Blocked() == 2);
  };
  const auto gone = [&](const char* how) {
    INFO(std::string(how));
    CHECK(world.Got(first) == "+gone\r\n");
    CHECK(world.Got(second) == "+gone\r\n");
    CHECK(!world.shared.waiters.waiting());
  };
  wait();
  world.Send(writer, {"DEL", "key"});
  gone("DEL");
  wait();
  world.Send(writer, {"FLUSHALL"});
  gone("FLUSHALL");
  wait();
  world.Send(writer, {"PEXPIRE", "key", "10"});
  REQUIRE(world.Blocked() == 2);
  world.now_ms += 20;
  world.Turns();
  world.Send(writer, {"EXISTS", "key"});
  gone("a read of what has expired");
  // By the sweep, which is nobody's command, and may come later.
  wait();
  world.Send(writer, {"PEXPIRE", "key", "10"});
  world.now_ms += 10'000;
  world.Turns();
  (void)writer.reactor->executor()->SweepShard(0, ShardOf("key"));
  world.Turns();
  gone("the sweep");
}

TEST_CASE("waiters: more than one pass serves") {
  World world;
  constexpr size_t kUsers = Serving::kServedMax * 2 + 10;
  std::vector<World::User> users;
  for (size_t i = 0; i < kUsers; ++i) {
    users.push_back(world.Connect(i % 2));
    users.back().reactor->Send(users.back().conn, Frame({"LOOK", "key", "0"}));
  }
  const World::User writer = world.Connect(0);
  REQUIRE(world.Ask(writer, {"SET", "key", "v"}) == "+OK\r\n");
  for (int i = 0; i < 20; ++i) world.Turns();
  size_t served = 0;
  for (const World::User& user : users) served += world.Got(user) == Bulk("v");
  CHECK(served == kUsers);
  CHECK(world.Blocked() == 0);
  CHECK(!world.shared.waiters.waiting());
  // Those that are told to try for themselves, and find nothing, keep their places.
  REQUIRE(world.Ask(writer, {"DEL", "key"}) == ":1\r\n");
  for (const World::User& user : users) {
    user.reactor->Received(user.conn).clear();
    user.reactor->Send(user.conn, Frame({"LOOK", "key", "0"}));
  }
  writer.reactor->Send(writer.conn, Frame({"SET", "key", "1"}) + Frame({"DEL", "key"}));
  for (int i = 0; i < 20; ++i) world.Turns();
  CHECK(world.Blocked() == kUsers - Serving::kServedMax);
  CHECK(world.Got(users[Serving::kServedMax - 1]) == Bulk("1"));
  REQUIRE(world.Ask(writer, {"SET", "key", "2"}) == "+OK\r\n");
  CHECK(world.Got(users[Serving::kServedMax]) == Bulk("2"));
}

TEST_CASE("waiters: one that is claimed meanwhile is not served twice") {
  World world;
  const World::User waits = world.Connect(0), writer = world.Connect(1);
  world.Send(waits, {"TAKE", "key", "500"});
  Waiter* waiter = nullptr;
  const uint16_t shard = ShardOf("key");
  waiter = world.shared.waiters.Of(shard, 0, "key")->waiters.begin()->second.get();
  // As if another reactor were about to commit: its time is over, and it may not say so.
  REQUIRE(waiter->Claim());
  world.now_ms += 1000;
  world.Turns();
  CHECK(world.Got(waits) == "");
  CHECK(!waits.reactor->executor()->Unblock(waits.conn, false));
  REQUIRE(world.Ask(writer, {"SET", "key", "v"}) == "+OK\r\n");
  CHECK(world.Got(waits) == "");
  CHECK(world.Ask(writer, {"GET", "key"}) == Bulk("v"));
  // That came to nothing.
  waiter->state.store(Waiter::State::kWaiting);
  world.Turns();
  CHECK(world.Got(waits) == "*-1\r\n");
}

TEST_SUITE_END();
