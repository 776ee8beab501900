// Reactors with real threads and sockets, over the simulated disk: what the end-to-end tests do
// from outside, here under every sanitizer and with a disk that misbehaves. Each test runs with one
// reactor and maintenance in its ticks, and with three and the engine's own threads.
#include <map>
#include <random>

#include "command_testing.h"
#include "reactor_testing.h"

using namespace cairn;
using namespace cairn::testing;

namespace {

using Random = std::mt19937_64;

struct Setting {
  const char* name;
  uint32_t reactors;
  bool threads;  // of the engine
};
constexpr Setting kSettings[] = {{"one reactor", 1, false}, {"three reactors, threads", 3, true}};

RigOptions OptionsFor(const Setting& setting) {
  RigOptions options;
  options.engine.reactors = setting.reactors;
  options.engine.cache_bytes = 0;
  options.engine.wal_ring_bytes = 256u << 10;
  options.engine.commit_batch_bytes = 64u << 10;
  options.tuning.inline_maintenance = !setting.threads;
  options.tuning.gc = setting.threads;
  options.tuning.checkpoints = setting.threads;
  return options;
}

SimOptions Sim(uint64_t seed) {
  SimOptions options;
  options.seed = seed;
  options.delay_max = 2;
  return options;
}

// A test in both settings; the disk's seed is the line.
#define REACTOR_TEST(title) REACTOR_TEST_NAMED(DOCTEST_ANONYMOUS(reactor_test_), title)
#define REACTOR_TEST_NAMED(body, title)                \
  static void body(SimDisk& disk, RigOptions options); \
  TEST_CASE("reactor: " title) {                       \
    for (const Setting& setting : kSettings) {         \
      SUBCASE(setting.name) {                          \
        SimDisk disk(Sim(__LINE__));                   \
        body(disk, OptionsFor(setting));               \
      }                                                \
    }                                                  \
  }                                                    \
  static void body(SimDisk& disk, RigOptions options)

using Clients = std::vector<std::unique_ptr<RigClient>>;

Clients Connect(ReactorRig* rig, uint32_t count) {
  Clients clients;
  for (uint32_t i = 0; i < count; ++i)
    clients.push_back(std::make_unique<RigClient>(rig, i % rig->reactors()));
  return clients;
}

// Whether f holds of all of them; it is called for each.
template <typename F>
bool Each(const Clients& clients, F f) {
  bool all = true;
  for (const auto& client : clients) all = f(*client) && all;
  return all;
}

std::string KeyOfClient(size_t client, uint64_t key) {
  return "c" + std::to_string(client) + ":" + std::to_string(key);
}

// A client's commands on keys of its own, and what they must be answered.
struct Script {
  std::string sent;
  std::string expected;
  std::map<std::string, std::string> cells;

  void Ask(const Argv& argv, const std::string& reply) {
    sent += Frame(argv);
    expected += reply;
  }
  void Set(const std::string& key, const std::string& value) {
    cells[key] = value;
    Ask({"SET", key, value}, kOk);
  }
  void Get(const std::string& key) {
    const auto cell = cells.find(key);
    Ask({"GET", key}, cell == cells.end() ? kNil : Bulk(cell->second));
  }
  void Mixed(size_t client, uint32_t commands, Random* random) {
    for (uint32_t i = 0; i < commands; ++i) {
      const std::string key = KeyOfClient(client, (*random)() % 20);
      switch ((*random)() % 9) {
        case 0:
        case 1:
          Set(key, std::string((*random)() % 300, static_cast<char>('a' + i % 26)));
          break;
        case 2:
          Ask({"DEL", key}, Integer(static_cast<int64_t>(cells.erase(key))));
          break;
        case 3:
          cells[key] += "+";
          Ask({"APPEND", key, "+"}, Integer(static_cast<int64_t>(cells[key].size())));
          break;
        case 4:
          sent +=
              Frame({"MULTI"}) + Frame({"STRLEN", key}) + Frame({"EXISTS", key}) + Frame({"EXEC"});
          expected += kOk + "+QUEUED\r\n+QUEUED\r\n*2\r\n" +
                      Integer(static_cast<int64_t>(cells.count(key) == 0 ? 0 : cells[key].size())) +
                      Integer(static_cast<int64_t>(cells.count(key)));
          break;
        case 5:
          Ask({"CONTROL"}, "+controlled\r\n");
          break;
        default:
          Get(key);
      }
    }
  }
};

// Sends and receives in pieces of any size until each client has got what it expects.
void Converse(ReactorRig* rig, const Clients& clients, const std::vector<Script>& scripts,
              Random* random, size_t piece_max) {
  const bool done = rig->Soon([&] {
    bool all = true;
    for (size_t i = 0; i < clients.size(); ++i) {
      clients[i]->Pump(1 + (*random)() % piece_max, 1 + (*random)() % piece_max);
      all = all && clients[i]->received.size() >= scripts[i].expected.size();
    }
    return all;
  });
  for (size_t i = 0; i < clients.size(); ++i) {
    CAPTURE(i);
    CHECK(clients[i]->received.size() == scripts[i].expected.size());
    CHECK((clients[i]->received == scripts[i].expected));
  }
  REQUIRE_MESSAGE(done, rig->log());
}

// Clients that have something to say: commands of every kind, not sent on yet.
Clients SendMixed(ReactorRig* rig, std::vector<Script>* scripts, uint32_t commands,
                  Random* random) {
  Clients clients = Connect(rig, static_cast<uint32_t>(scripts->size()));
  for (size_t i = 0; i < scripts->size(); ++i) {
    (*scripts)[i].Mixed(i, commands, random);
    clients[i]->Send((*scripts)[i].sent);
  }
  return clients;
}

void CheckCells(SimDisk* disk, const RigOptions& options, const std::vector<Script>& scripts) {
  ReactorRig rig(disk, options);
  RigClient client(&rig);
  Script script;
  uint64_t keys = 0;
  for (const Script& one : scripts) {
    keys += one.cells.size();
    script.cells = one.cells;
    for (const auto& [key, value] : one.cells) script.Get(key);
  }
  script.Ask({"DBSIZE"}, Integer(static_cast<int64_t>(keys)));
  client.Send(script.sent);
  REQUIRE(rig.Soon([&] {
    client.Pump();
    return client.received.size() >= script.expected.size();
  }));
  CHECK((client.received == script.expected));
}

uint64_t LinesIn(const std::string& received) {
  return static_cast<uint64_t>(std::count(received.begin(), received.end(), '\n'));
}

}  // namespace

REACTOR_TEST("pipelines in pieces, replies whole and in order, all there after a restart") {
  Random random(1);
  std::vector<Script> scripts(9);
  {
    ReactorRig rig(&disk, options);
    const Clients clients = SendMixed(&rig, &scripts, 150, &random);
    Converse(&rig, clients, scripts, &random, 3000);
    rig.Stop();
    CHECK(rig.closed().ok());
  }
  CheckCells(&disk, options, scripts);
}

REACTOR_TEST("who stops sending is answered to the end, then the connection ends") {
  Random random(2);
  ReactorRig rig(&disk, options);
  std::vector<Script> scripts(6);
  const Clients clients = SendMixed(&rig, &scripts, 40, &random);
  REQUIRE(rig.Soon([&] {
    return Each(clients, [](RigClient& client) {
      client.Pump(SIZE_MAX, 0);
      return client.all_sent();
    });
  }));
  for (const auto& client : clients) client->EndSending();
  REQUIRE(rig.Soon([&] {
    return Each(clients, [](RigClient& client) {
      client.Pump();
      return client.ended();
    });
  }));
  for (size_t i = 0; i < scripts.size(); ++i) CHECK((clients[i]->received == scripts[i].expected));
  CHECK(rig.Soon([&] { return rig.shared().clients.load() == 0; }));
}

REACTOR_TEST("clients that go away in the middle take nobody along, and leave nothing behind") {
  Random random(3);
  ReactorRig rig(&disk, options);
  std::vector<Script> scripts(3);
  const Clients staying = SendMixed(&rig, &scripts, 150, &random);
  for (int round = 0; round < 12; ++round) {
    Clients leaving = Connect(&rig, 6);
    for (size_t i = 0; i < leaving.size(); ++i) {
      Script script;
      script.Mixed(100 + i, 60, &random);
      script.Set(KeyOfClient(100 + i, 0), std::string(100000, 'x'));
      script.Get(KeyOfClient(100 + i, 0));
      if (i == 1) script.Ask({"WAIT", "1", "0"}, "");
      if (i == 2)
        script.sent += Frame({"WATCH", "w"}) + Frame({"MULTI"}) + Frame({"SET", "w", "1"});
      if (i == 3) script.sent += Frame({"MONITOR"});
      leaving[i]->Send(script.sent);
    }
    const uint64_t bytes = random() % 40000;
    for (int turn = 0; turn < 3; ++turn) {
      for (const auto& client : leaving) client->Pump(1 + bytes, random() % 3 == 0 ? 500 : 0);
      for (const auto& client : staying) client->Pump(500);
    }
    for (const auto& client : leaving) client->Close();
  }
  Converse(&rig, staying, scripts, &random, 3000);
  CHECK(rig.Soon([&] { return rig.shared().clients.load() == 3; }));
  CHECK(rig.shared().monitors.load() == 0);
}

REACTOR_TEST("large values, from the ring and from disk, to readers of every pace") {
  Random random(4);
  const std::string value(6u << 20, 'v');  // many times the ring
  ReactorRig rig(&disk, options);
  std::vector<Script> scripts(4);
  const Clients clients = Connect(&rig, 4);
  for (size_t i = 0; i < scripts.size(); ++i) {
    const std::string key = KeyOfClient(i, 0);
    scripts[i].Set(key, value);
    scripts[i].Get(key);
    scripts[i].Set(KeyOfClient(i, 1), "small");
    scripts[i].Get(key);
    scripts[i].Get(KeyOfClient(i, 1));
    clients[i]->Send(scripts[i].sent);
  }
  Converse(&rig, clients, scripts, &random, 4u << 20);
}

REACTOR_TEST("full rings: who waits for room gets it") {
  Random random(5);
  ReactorRig rig(&disk, options);
  std::vector<Script> scripts(12);
  const Clients clients = Connect(&rig, 12);
  for (size_t i = 0; i < scripts.size(); ++i) {
    for (uint64_t k = 0; k < 12; ++k)
      scripts[i].Set(KeyOfClient(i, k), std::string(60000, static_cast<char>('a' + k)));
    for (uint64_t k = 0; k < 12; ++k) scripts[i].Get(KeyOfClient(i, k));
    clients[i]->Send(scripts[i].sent);
  }
  Converse(&rig, clients, scripts, &random, 1u << 20);
}

REACTOR_TEST("control commands keep their place, also when the answer is long in coming") {
  ReactorRig rig(&disk, options);
  Clients clients = Connect(&rig, 4);
  rig.HoldControl(true);
  Script script;
  script.Ask({"SET", "k", "1"}, kOk);
  script.Ask({"CONTROL", "a"}, "+controlled\r\n");
  script.Ask({"GET", "k"}, Bulk("1"));
  script.sent += Frame({"MULTI"}) + Frame({"CONTROL"}) + Frame({"GET", "k"}) + Frame({"EXEC"});
  script.expected += kOk + "+QUEUED\r\n+QUEUED\r\n*2\r\n+controlled\r\n" + Bulk("1");
  for (const auto& client : clients) client->Send(script.sent);
  REQUIRE(rig.Soon([&] {
    return Each(clients, [](RigClient& client) {
      client.Pump();
      return client.received == kOk;
    });
  }));
  clients.pop_back();  // its answer finds nobody
  rig.HoldControl(false);
  REQUIRE(rig.Soon([&] {
    return Each(clients, [&](RigClient& client) {
      client.Pump();
      return client.received.size() >= script.expected.size();
    });
  }));
  for (const auto& client : clients) CHECK((client->received == script.expected));
  CHECK(rig.Soon([&] { return rig.shared().clients.load() == 3; }));
}

REACTOR_TEST("a server that ends answers what it has taken, and loses nothing of it") {
  std::vector<Script> scripts(6);
  {
    ReactorRig rig(&disk, options);
    const Clients clients = Connect(&rig, 6);
    for (size_t i = 0; i < scripts.size(); ++i) {
      for (uint64_t k = 0; k < 20; ++k)
        scripts[i].Set(KeyOfClient(i, k), "value " + std::to_string(k));
      clients[i]->Send(scripts[i].sent);
    }
    REQUIRE(rig.Soon([&] {
      return Each(clients, [](RigClient& client) {
        client.Pump();
        return client.all_sent() && !client.received.empty();
      });
    }));
    rig.Stop();
    for (size_t i = 0; i < scripts.size(); ++i) {
      clients[i]->Pump();
      CHECK(clients[i]->ended());
      CHECK((clients[i]->received == scripts[i].expected));
    }
  }
  CheckCells(&disk, options, scripts);
}

// No other traffic would bring the news.
REACTOR_TEST("lone commands on a disk that is full, then broken: each has its answer") {
  ReactorRig rig(&disk, options);
  const auto ask = [&](RigClient* client, const Argv& argv) {
    client->received.clear();
    client->Send(Frame(argv));
    CHECK_MESSAGE(rig.Soon([&] { return client->Pump(), LinesIn(client->received) >= 1; }),
                  argv[0] << ": " << rig.log());
    return client->received;
  };
  RigClient client(&rig);
  CHECK(ask(&client, {"SET", "k", "1"}) == kOk);
  disk.SetCapacity(disk.UsedBytes());
  for (const size_t bytes : {100'000u, 1'000'000u, 3'000'000u})
    CHECK(ask(&client, {"SET", "large", std::string(bytes, 'v')}) != "");
  CHECK(ask(&client, {"SET", "large", std::string(3'000'000, 'v')}).starts_with("-MISCONF "));
  CHECK(ask(&client, {"GET", "k"}) == "$1\r\n1\r\n");
  CHECK(ask(&client, {"DEL", "k"}) == Integer(1));
  CHECK(ask(&client, {"DBSIZE"}).front() == ':');
  disk.SetCapacity(uint64_t{1} << 40);
  // Room is looked for each second, and each refusal until then is a few turns.
  REQUIRE(rig.Within(20 * ReactorRig::kTurnsMax, [&] {
    return ask(&client, {"SET", "large", std::string(3'000'000, 'v')}) == kOk;
  }));
  SimFaults faults;
  faults.write_error = 1;
  disk.SetFaults(faults);
  const Clients clients = Connect(&rig, rig.reactors());
  for (size_t i = 0; i < clients.size(); ++i)
    CHECK(ask(clients[i].get(), {"SET", "lone:" + std::to_string(i), "1"}).front() == '-');
  CHECK(ask(&client, {"FLUSHALL"}).front() == '-');
  CHECK(ask(&client, {"WAITAOF", "1", "0", "0"}) != "");
  CHECK(ask(&client, {"STRLEN", "large"}) == Integer(3'000'000));
}

// Liveness: every command has an answer within a bounded number of turns, without anybody sending
// anything more: of a disk that is full, or refuses writes, while it is; else once it is well
// again.
REACTOR_TEST("a disk with faults: every command is answered, what was acknowledged is there") {
  constexpr uint64_t kWrites = 60;
  constexpr size_t kClients = 5;
  for (const int trouble : {0, 1, 2, 3}) {
    CAPTURE(trouble);
    std::vector<uint64_t> acknowledged(kClients, 0);
    {
      ReactorRig rig(&disk, options);
      {
        RigClient first(&rig);
        first.Send(Frame({"FLUSHALL"}));
        REQUIRE(rig.Soon([&] { return first.Pump(), first.received == kOk; }));
      }
      SimFaults faults;
      faults.short_write = 0.2;
      if (trouble == 1) faults.no_space = 0.3;
      if (trouble == 2) faults.read_error = 0.2;
      if (trouble == 3) faults.write_error = 0.5;
      disk.SetFaults(faults);
      if (trouble == 0) disk.SetCapacity(disk.UsedBytes() + 200'000);
      const Clients clients = Connect(&rig, kClients);
      for (size_t i = 0; i < clients.size(); ++i) {
        for (uint64_t n = 1; n <= kWrites; ++n) {
          const std::string key = KeyOfClient(i, 0);
          const std::string number = std::to_string(n);
          clients[i]->Send(Frame({"SET", key, number + ":" + std::string(n * 117, 'v')}));
          clients[i]->Send(Frame({"STRLEN", key}));
          if (n % 5 == 0) clients[i]->Send(Frame({"GETRANGE", key, "0", "0"}));
        }
      }
      const auto answered = [&](const RigClient& client) {
        uint64_t replies = 0;
        for (size_t at = 0; at < client.received.size(); ++replies) {
          const char kind = client.received[at];
          at = client.received.find('\n', at) + 1;
          if (kind == '$') at = client.received.find('\n', at) + 1;
        }
        return replies == 2 * kWrites + kWrites / 5;
      };
      const auto all_answered = [&] {
        return Each(clients, [&](RigClient& client) {
          client.Pump(2000);
          return answered(client);
        });
      };
      // No room, and lanes that take no more writes, are answers: nobody waits for their end.
      const bool said = trouble == 0 || trouble == 3;
      if (said) CHECK_MESSAGE(rig.Soon(all_answered), rig.log());
      if (!said) (void)rig.Within(60, all_answered);
      disk.SetFaults(SimFaults());
      disk.SetCapacity(uint64_t{1} << 40);
      CHECK_MESSAGE(rig.Soon(all_answered), rig.log());
      for (size_t i = 0; i < clients.size(); ++i) {
        uint64_t writes = 0;
        size_t reply = 0;
        const std::string& received = clients[i]->received;
        for (size_t at = 0; at < received.size(); ++reply) {
          const bool is_write = reply % 11 % 2 == 0 && reply % 11 != 10;
          if (is_write) ++writes;
          if (is_write && received[at] == '+') acknowledged[i] = writes;
          const char kind = received[at];
          at = received.find('\n', at) + 1;
          if (kind == '$') at = received.find('\n', at) + 1;
        }
        CHECK(writes == kWrites);
      }
      rig.Stop();
    }
    disk.Crash();
    ReactorRig rig(&disk, options);
    for (size_t i = 0; i < kClients; ++i) {
      RigClient client(&rig);
      client.Send(Frame({"GET", KeyOfClient(i, 0)}));
      REQUIRE(rig.Soon([&] { return client.Pump(), LinesIn(client.received) >= 1; }));
      if (acknowledged[i] == 0) continue;
      REQUIRE(rig.Soon([&] { return client.Pump(), LinesIn(client.received) >= 2; }));
      const size_t at = client.received.find('\n') + 1;
      CHECK(std::stoull(client.received.substr(at)) >= acknowledged[i]);
    }
  }
}
