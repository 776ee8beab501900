// Large values on their way through a reactor: prepared in slices, shared instead of copied, and
// right in every order with the small ones.
#include <map>
#include <random>

#include "executor_testing.h"
#include "io/sim_disk.h"

using namespace cairn;
using namespace cairn::testing;

namespace {

std::string Frame(const std::vector<std::string>& argv) {
  std::string frame = "*" + std::to_string(argv.size()) + "\r\n";
  for (const std::string& arg : argv)
    frame += "$" + std::to_string(arg.size()) + "\r\n" + arg + "\r\n";
  return frame;
}
std::string Bulk(const std::string& text) {
  return "$" + std::to_string(text.size()) + "\r\n" + text + "\r\n";
}

// One life of a server over the simulated disk.
struct Server {
  explicit Server(SimDisk* disk, uint64_t cache_bytes) {
    VlogOptions options = Driver::Options("/data");
    options.segment_bytes = 64u << 20;
    options.cache_bytes = cache_bytes;
    VlogTuning tuning = Driver::Inline();
    tuning.segment_bytes_min = 64u << 20;
    driver = std::make_unique<Driver>(disk, options, tuning);
    const Result<RecoveryReport> report = driver->Start();
    REQUIRE_MESSAGE(report.ok(), report.status().message());
    shared = std::make_unique<Shared>();
    shared->databases = 2;
    shared->context.engine = driver->engine.get();
    reactor = std::make_unique<SocketlessReactor<Driver>>(shared.get(), driver.get(), 0);
    reactor->executor()->SetNow(1'000'000);
    conn = reactor->Connect();
  }
  ~Server() {
    reactor.reset();
    REQUIRE(driver->Stop().ok());
  }
  // Turns until so many bytes have come, or none will.
  std::string Ask(Connection* client, const std::string& sent, size_t bytes) {
    std::string& received = reactor->Received(client);
    received.clear();
    reactor->Send(client, sent);
    for (int turns = 0; received.size() < bytes && turns < 5000; ++turns)
      reactor->Turn(10, 1'000'000);
    return received;
  }
  void Expect(const std::string& sent, const std::string& expected) {
    const std::string received = Ask(conn, sent, expected.size());
    CHECK(received.size() == expected.size());
    CHECK((received == expected));  // not shown: megabytes
  }

  std::unique_ptr<Driver> driver;
  std::unique_ptr<Shared> shared;
  std::unique_ptr<SocketlessReactor<Driver>> reactor;
  Connection* conn = nullptr;
};

std::string Value(size_t bytes, uint32_t seed) {
  std::mt19937 random(seed);
  std::string value(bytes, '\0');
  for (char& c : value) c = static_cast<char>(random());
  return value;
}

constexpr size_t kLarge = 3 * kLargeUnitBytes + 777;

}  // namespace

TEST_CASE("executor large: written, read, replaced, read from disk and after a restart") {
  const std::string a = Value(kLarge, 1), b = Value(2 * kLargeUnitBytes + 1, 2), s = "small";
  for (const uint64_t cache : {uint64_t{0}, uint64_t{1} << 30}) {
    INFO("cache " << cache);
    SimOptions sim;
    sim.seed = 7;
    SimDisk disk(sim);
    {
      Server server(&disk, cache);
      server.Expect(Frame({"SET", "a", a}), "+OK\r\n");
      server.Expect(Frame({"GET", "a"}), Bulk(a));
      server.Expect(Frame({"SET", "b", b, "PXAT", "99999999999999"}), "+OK\r\n");
      server.Expect(Frame({"SET", "a", b, "GET"}), Bulk(a));
      server.Expect(Frame({"GETRANGE", "a", "10", "-10"}), Bulk(b.substr(10, b.size() - 19)));
      server.Expect(Frame({"MSET", "x", a, "y", s, "z", b}), "+OK\r\n");
      server.Expect(Frame({"MGET", "x", "none", "y", "z", "x"}),
                    "*5\r\n" + Bulk(a) + "$-1\r\n" + Bulk(s) + Bulk(b) + Bulk(a));
      server.Expect(Frame({"SETNX", "x", b}), ":0\r\n");
      server.Expect(Frame({"GETSET", "x", b}), Bulk(a));
      server.Expect(Frame({"APPEND", "x", s}), ":" + std::to_string(b.size() + s.size()) + "\r\n");
      server.Expect(Frame({"RENAME", "x", "renamed"}), "+OK\r\n");
      server.Expect(Frame({"COPY", "z", "copy"}), ":1\r\n");
      server.Expect(Frame({"GETDEL", "z"}), Bulk(b));
    }
    Server server(&disk, cache);
    server.Expect(Frame({"MGET", "a", "b", "renamed", "copy", "y", "z"}),
                  "*6\r\n" + Bulk(b) + Bulk(b) + Bulk(b + s) + Bulk(b) + Bulk(s) + "$-1\r\n");
    server.Expect(Frame({"GET", "a"}), Bulk(b));
    server.Expect(Frame({"SET", "a", a, "GET"}), Bulk(b));
    server.Expect(Frame({"GET", "a"}), Bulk(a));
  }
}

TEST_CASE("executor large: inside a transaction, over several lanes, own writes read") {
  const std::string a = Value(kLarge, 3), b = Value(kLargeUnitBytes, 4);
  for (const uint64_t cache : {uint64_t{0}, uint64_t{1} << 30}) {
    INFO("cache " << cache);
    SimOptions sim;
    sim.seed = 8;
    SimDisk disk(sim);
    Server server(&disk, cache);
    server.Expect(Frame({"SET", "old", b}), "+OK\r\n");
    const std::string queued = "+QUEUED\r\n";
    server.Expect(Frame({"MULTI"}) + Frame({"SET", "k1", a}) + Frame({"GET", "old"}) +
                      Frame({"SET", "k2", b, "PX", "100000"}) + Frame({"INCR", "n"}) +
                      Frame({"GET", "k1"}) + Frame({"SET", "k3", "v"}) + Frame({"DEL", "old"}) +
                      Frame({"EXEC"}),
                  "+OK\r\n" + queued + queued + queued + queued + queued + queued + queued +
                      "*7\r\n+OK\r\n" + Bulk(b) + "+OK\r\n:1\r\n" + Bulk(a) + "+OK\r\n:1\r\n");
    server.Expect(Frame({"MGET", "k1", "k2", "k3", "old", "n"}),
                  "*5\r\n" + Bulk(a) + Bulk(b) + Bulk("v") + "$-1\r\n" + Bulk("1"));
    // A watch that breaks while the values are being prepared.
    Connection* other = server.reactor->Connect();
    server.Expect(Frame({"WATCH", "n"}) + Frame({"MULTI"}) + Frame({"SET", "k1", b}),
                  "+OK\r\n+OK\r\n" + queued);
    server.reactor->Received(server.conn).clear();
    server.reactor->Send(server.conn, Frame({"EXEC"}));
    CHECK(server.conn->stall == Connection::kWaitsForCopies);
    CHECK(server.Ask(other, Frame({"INCR", "n"}), 4) == ":2\r\n");
    for (int i = 0; i < 1000 && server.reactor->Received(server.conn).empty(); ++i)
      server.reactor->Turn(10, 1'000'000);
    CHECK(server.reactor->Received(server.conn) == "*-1\r\n");
    server.Expect(Frame({"GET", "k1"}), Bulk(a));
  }
}

TEST_CASE(
    "executor large: others are served while slices are copied; who leaves takes nothing along") {
  SimOptions sim;
  sim.seed = 9;
  SimDisk disk(sim);
  Server server(&disk, 1u << 30);
  const std::string huge = Value(20 * kLargeUnitBytes, 5), second = Value(kLarge, 6);
  Connection* other = server.reactor->Connect();
  server.reactor->Send(server.conn, Frame({"SET", "k", huge}) + Frame({"GET", "k"}));
  REQUIRE(server.conn->stall == Connection::kWaitsForCopies);
  int served = 0;
  while (server.conn->stall == Connection::kWaitsForCopies) {
    REQUIRE(server.Ask(other, Frame({"PING"}), 7) == "+PONG\r\n");
    REQUIRE(++served < 1000);
  }
  CHECK(served >= 10);
  const std::string expected = "+OK\r\n" + Bulk(huge);
  for (int i = 0; i < 1000 && server.reactor->Received(server.conn).size() < expected.size(); ++i)
    server.reactor->Turn(10, 1'000'000);
  CHECK((server.reactor->Received(server.conn) == expected));

  // The first to come is larger, and goes away in the middle.
  server.reactor->Send(server.conn, Frame({"SET", "k", huge}));
  server.reactor->Send(other, Frame({"SET", "k2", second}));
  REQUIRE(server.conn->stall == Connection::kWaitsForCopies);
  REQUIRE(other->stall == Connection::kWaitsForCopies);
  server.reactor->Disconnect(server.conn);
  server.reactor->Received(other).clear();
  for (int i = 0; i < 1000 && server.reactor->Received(other).empty(); ++i)
    server.reactor->Turn(10, 1'000'000);
  CHECK(server.reactor->Received(other) == "+OK\r\n");
  CHECK((server.Ask(other, Frame({"GET", "k2"}), second.size()) == Bulk(second)));
  CHECK((server.Ask(other, Frame({"GET", "k"}), huge.size()) == Bulk(huge)));
}

TEST_CASE("executor large: a value that is deleted, replaced and evicted while it is sent") {
  SimOptions sim;
  sim.seed = 10;
  SimDisk disk(sim);
  Server server(&disk, 1u << 30);
  const std::string value = Value(kLarge, 7);
  server.Expect(Frame({"SET", "k", value}), "+OK\r\n");
  // In one burst: the reply to GET is not sent yet when the key goes.
  server.Expect(Frame({"GET", "k"}) + Frame({"DEL", "k"}) + Frame({"SET", "k", "x"}) +
                    Frame({"FLUSHALL"}) + Frame({"GET", "k"}),
                Bulk(value) + ":1\r\n+OK\r\n+OK\r\n$-1\r\n");
}
