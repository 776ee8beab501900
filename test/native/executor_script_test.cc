// Scripts in a reactor: what they call runs in their pass, and a run that misses something leaves
// nothing behind.
#include <random>

#include "executor_world.h"

using namespace cairn;
using namespace cairn::testing;

namespace {

std::string Bulk(std::string_view text) {
  return "$" + std::to_string(text.size()) + "\r\n" + std::string(text) + "\r\n";
}

Words Eval(std::string_view body, const Words& keys = {}, const Words& argv = {}) {
  Words words{"EVAL", std::string(body), std::to_string(keys.size())};
  words.insert(words.end(), keys.begin(), keys.end());
  words.insert(words.end(), argv.begin(), argv.end());
  return words;
}

CommandCounters& CountersOf(World& world, std::string_view command) {
  return world.reactor().counters().per_command[world.shared().registry.Find(command)->number];
}

void EachEngine(const std::function<void(const char*)>& test) {
  for (const char* engine : {"map", "cold map"}) {
    SUBCASE(engine) { test(engine); }
  }
}

}  // namespace

TEST_CASE("executor script: reads and writes, declared or not") {
  EachEngine([](const char* engine) {
    World world(engine);
    const std::string incr = "return redis.call('incr', KEYS[1] or 'undeclared')";
    CHECK(world.AskOne(Eval(incr, {"a"})) == ":1\r\n");
    CHECK(world.AskOne(Eval(incr)) == ":1\r\n");
    world.Settle();
    CHECK(world.AskOne(Eval(incr, {"a"})) == ":2\r\n");
    CHECK(world.AskOne(Eval(incr)) == ":2\r\n");
    CHECK(world.AskOne({"MGET", "a", "undeclared"}) == "*2\r\n" + Bulk("2") + Bulk("2"));
    world.Settle();
    // Far more keys than a pass asks latches for one by one, each read before the next is known.
    CHECK(world.AskOne(Eval("local s = 0 for i = 1, 50 do redis.call('set', 'n'..i, i) end "
                            "for i = 1, 50 do s = s + redis.call('get', 'n'..i) end return s")) ==
          ":1275\r\n");
    world.Settle();
    CHECK(world.AskOne(Eval("local s = 0 for i = 1, 50 do s = s + redis.call('get', 'n'..i) end "
                            "return s")) == ":1275\r\n");
    CHECK(world.AskOne(Eval("return redis.call('dbsize')")) == ":52\r\n");
    CHECK(world.AskOne(Eval("return #redis.call('keys', 'n*')")) == ":50\r\n");
    CHECK(world.AskOne(Eval("redis.call('select', 1) redis.call('set', 'x', 1) "
                            "redis.call('select', 0) redis.call('flushdb') "
                            "return redis.call('dbsize')")) == ":0\r\n");
    CHECK(world.AskOne({"DBSIZE"}) == ":0\r\n");
    CHECK(world.AskOne(Eval("redis.call('select', 1) return redis.call('dbsize')")) == ":1\r\n");
    CHECK(world.AskOne({"DBSIZE"}) == ":0\r\n");
  });
}

TEST_CASE("executor script: more keys, one after the other, than a command may lose races") {
  World world("cold map");
  std::vector<Words> sets;
  for (int i = 0; i < 1500; ++i)
    sets.push_back({"SET", "k" + std::to_string(i), std::to_string(i + 1)});
  world.Ask(0, sets);
  world.Settle();
  // The value of each is the number of the next.
  CHECK(world.AskOne(Eval("local n = 0 for i = 1, 1400 do n = tonumber(redis.call('get', 'k'..n)) "
                          "end return n")) == ":1400\r\n");
}

TEST_CASE("executor script: what an error leaves") {
  EachEngine([](const char* engine) {
    World world(engine);
    CHECK(world.AskOne(Eval("redis.call('set', 'a', 'kept') return redis.call('incr', 'a')"))
              .starts_with("-ERR value is not an integer or out of range script: "));
    CHECK(world.AskOne(Eval("redis.call('set', 'b', 'kept') error('x')")).starts_with("-ERR user"));
    CHECK(world.AskOne({"MGET", "a", "b"}) == "*2\r\n" + Bulk("kept") + Bulk("kept"));
    CHECK(world.AskOne(Eval("return redis.pcall('incr', 'a')")) ==
          "-ERR value is not an integer or out of range\r\n");
    CHECK(world.AskOne(Eval("return redis.call('nope')"))
              .starts_with("-ERR Unknown Redis command called from script script: "));
    CHECK(world.AskOne(Eval("return redis.call('client', 'nope')"))
              .starts_with("-ERR Unknown Redis command called from script script: "));
    CHECK(world.AskOne(Eval("return redis.call('get')"))
              .starts_with("-ERR Wrong number of args calling Redis command from script script: "));
    for (const char* command : {"'multi'", "'exec'", "'watch', 'a'", "'eval', 'return 1', 0",
                                "'script', 'flush'", "'client', 'id'", "'auth', 'x'", "'quit'"}) {
      CAPTURE(command);
      CHECK(world.AskOne(Eval("return redis.call(" + std::string(command) + ")"))
                .starts_with("-ERR This Redis command is not allowed from script script: "));
    }
    CHECK(world.AskOne({"EVAL", "return 1", "x"}) ==
          "-ERR value is not an integer or out of range\r\n");
    CHECK(world.AskOne({"EVAL", "return 1", "1"}) ==
          "-ERR Number of keys can't be greater than number of args\r\n");
    CHECK(world.AskOne({"EVAL", "return 1", "-1"}) == "-ERR Number of keys can't be negative\r\n");
    CHECK(world.AskOne({"EVAL", "return", "0"}) == "$-1\r\n");
    CHECK(world.AskOne({"EVAL", "retur", "0"}).starts_with("-ERR Error compiling script"));
    CHECK(world.AskOne({"EVAL_RO", "return redis.call('set', KEYS[1], 1)", "1", "a"})
              .starts_with("-ERR Write commands are not allowed from read-only scripts. script: "));
    CHECK(world.AskOne({"EVAL_RO", "#!lua\nreturn 1", "0"}) ==
          "-ERR Can not execute a script with write flag using *_ro command.\r\n");
    CHECK(world.AskOne({"EVAL_RO", "#!lua flags=no-writes\nreturn redis.call('get', KEYS[1])", "1",
                        "a"}) == Bulk("kept"));
    CHECK(world.AskOne({"EVAL", "#!lua flags=no-writes\nreturn redis.call('del', 'a')", "0"})
              .starts_with("-ERR Write commands are not allowed from read-only scripts. script: "));
  });
}

TEST_CASE("executor script: the store") {
  World world("map");
  const std::string sha = "e0e1f9fabfc9d4800c877a703b823ac0578ff8db";  // of "return 1"
  CHECK(world.AskOne({"EVALSHA", sha, "0"}) ==
        "-NOSCRIPT No matching script. Please use EVAL.\r\n");
  CHECK(world.AskOne({"EVALSHA", "short", "0"}) ==
        "-NOSCRIPT No matching script. Please use EVAL.\r\n");
  CHECK(world.AskOne({"SCRIPT", "LOAD", "return 1"}) == Bulk(sha));
  CHECK(world.AskOne({"EVALSHA", sha, "0"}) == ":1\r\n");
  CHECK(world.AskOne({"EVALSHA_RO", sha, "0"}) == ":1\r\n");
  std::string upper = sha;
  for (char& c : upper) c = static_cast<char>(std::toupper(c));
  CHECK(world.AskOne({"EVALSHA", upper, "0"}) == ":1\r\n");
  CHECK(world.AskOne({"SCRIPT", "EXISTS", sha, "x", sha}) == "*3\r\n:1\r\n:0\r\n:1\r\n");
  CHECK(world.AskOne({"SCRIPT", "FLUSH"}) == "+OK\r\n");
  CHECK(world.AskOne({"EVALSHA", sha, "0"}).starts_with("-NOSCRIPT"));
  CHECK(world.AskOne({"EVAL", "return 1", "0"}) == ":1\r\n");
  CHECK(world.AskOne({"EVALSHA", sha, "0"}) == ":1\r\n");
  CHECK(world.AskOne({"SCRIPT", "FLUSH", "SYNC"}) == "+OK\r\n");
  CHECK(world.AskOne({"SCRIPT", "FLUSH", "NOW"}) ==
        "-ERR SCRIPT FLUSH only support SYNC|ASYNC option\r\n");
  CHECK(world.AskOne({"SCRIPT", "KILL"}) == "-NOTBUSY No scripts in execution right now.\r\n");
  CHECK(world.AskOne({"SCRIPT", "DEBUG", "YES"}) == "-ERR SCRIPT DEBUG is not supported\r\n");
  // In a transaction, in order.
  CHECK(world
            .Ask(0, {{"MULTI"},
                     {"SCRIPT", "LOAD", "return 1"},
                     {"EVALSHA", sha, "0"},
                     {"SCRIPT", "FLUSH"},
                     {"EVALSHA", sha, "0"},
                     {"EXEC"}})
            .ends_with("*4\r\n" + Bulk(sha) +
                       ":1\r\n+OK\r\n-NOSCRIPT No matching script. Please "
                       "use EVAL.\r\n"));
}

TEST_CASE("executor script: the store has bounds") {
  ScriptStore store;
  const std::string body(1u << 20, ' ');
  auto name = [](int i) {
    std::string text = std::to_string(i);
    return std::string(40 - text.size(), '0') + text;
  };
  (void)store.Add("loaded", body, 0, true);
  for (int i = 0; i < 200; ++i) (void)store.Add(name(i), body, 0, false);
  CHECK(store.bytes() <= ScriptStore::kBytesMax);
  CHECK(store.count() >= 60);
  CHECK(store.evicted() == 201 - store.count());
  CHECK(store.Find("loaded") != nullptr);
  CHECK(store.Find(name(199)) != nullptr);
  CHECK(store.Find(name(0)) == nullptr);
  // One that is used stays.
  for (int i = 200; i < 300; ++i) {
    CHECK(store.Find(name(199)) != nullptr);
    (void)store.Add(name(i), body, 0, false);
  }
  const ScriptStore::Script kept = store.Find(name(299));
  store.Flush();
  CHECK(store.count() == 0);
  CHECK(store.bytes() == 0);
  CHECK(kept->gone.load());
  for (size_t i = 0; i < ScriptStore::kScriptsMax + 10; ++i)
    (void)store.Add(name(static_cast<int>(i)), "", 0, true);
  CHECK(store.count() == ScriptStore::kScriptsMax);
}

TEST_CASE("executor script: many scripts, compiled again when they are used") {
  World world("map");
  for (int i = 0; i < 10'000; ++i) {
    const std::string number = std::to_string(i);
    REQUIRE(world.AskOne(Eval("return " + number)) == ":" + number + "\r\n");
  }
  CHECK(world.AskOne(Eval("return 1")) == ":1\r\n");
  CHECK(world.shared().scripts.count() == 10'000);
}

TEST_CASE("executor script: time stands still, random numbers repeat") {
  World world("cold map");
  world.AskOne({"SET", "k", "v"});
  world.Settle();
  const std::string body =
      "local a = redis.call('time') for i = 1, 2000 do redis.call('exists', 'k') end "
      "local b = redis.call('time') return a[1] == b[1] and a[2] == b[2]";
  CHECK(world.AskOne(Eval(body)) == ":1\r\n");
  // A key that depends on the time, or on chance, is the same one when the run is made again.
  CHECK(world.AskOne(Eval("return redis.call('get', 'k'..redis.call('time')[2])")) == "$-1\r\n");
  CHECK(world.AskOne(Eval("return redis.call('get', 'k'..math.random(1000000))")) == "$-1\r\n");
  // Each command has numbers of its own.
  CHECK(world.AskOne(Eval("return math.random(2^30)")) !=
        world.AskOne(Eval("return math.random(2^30)")));
}

TEST_CASE("executor script: booked once, however many runs it takes") {
  World world("cold map");
  for (int i = 0; i < 5; ++i) world.AskOne({"SET", "k" + std::to_string(i), "v"});
  world.Settle();
  CHECK(world.AskOne(Eval("for i = 0, 4 do redis.call('get', 'k'..i) end redis.pcall('incr', 'k0') "
                          "redis.pcall('nope') return redis.pcall('get')")) ==
        "-ERR Wrong number of args calling Redis command from script\r\n");
  CHECK(CountersOf(world, "get").calls.Get() == 5);
  CHECK(CountersOf(world, "get").rejected.Get() == 1);
  CHECK(CountersOf(world, "incr").calls.Get() == 1);
  CHECK(CountersOf(world, "incr").failed.Get() == 1);
  CHECK(CountersOf(world, "eval").calls.Get() == 1);
  CHECK(CountersOf(world, "eval").failed.Get() == 1);
  CHECK(world.shared().errors.Get()["ERR"] == 3);
  // An error that no command has counted is the script's own.
  world.AskOne(Eval("return redis.error_reply('MINE x')"));
  CHECK(world.shared().errors.Get()["MINE"] == 1);
  world.AskOne(Eval("error({err = 'RAISED x'})"));
  CHECK(world.shared().errors.Get()["RAISED"] == 1);
  // The same in a transaction.
  world.Settle();
  world.Ask(0, {{"MULTI"}, Eval("return redis.call('get', 'k1')"), {"GET", "k2"}, {"EXEC"}});
  CHECK(CountersOf(world, "get").calls.Get() == 7);
  CHECK(CountersOf(world, "eval").calls.Get() == 4);
}

TEST_CASE("executor script: a long one is killed from elsewhere, unless it has written") {
  using Answer = RunningScripts::KillAnswer;
  World world("map");
  const auto kill = [&](Answer* answer) {
    return std::thread([&world, answer] {
      do {
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
        *answer = world.shared().running_scripts.Kill(false);
      } while (*answer == Answer::kNone);
    });
  };
  Answer answer = Answer::kNone;
  std::thread killer = kill(&answer);
  CHECK(world.AskOne(Eval("while true do pcall(function() while true do end end) end"))
            .starts_with("-ERR Script killed by user with SCRIPT KILL... script: "));
  killer.join();
  CHECK(answer == Answer::kKilled);
  answer = Answer::kNone;
  killer = kill(&answer);
  CHECK(world.AskOne(Eval("redis.call('set', 'a', 1) for i = 1, 5e7 do end return 1")) == ":1\r\n");
  killer.join();
  CHECK(answer == Answer::kWrote);
  CHECK(world.AskOne({"SCRIPT", "KILL"}) == "-NOTBUSY No scripts in execution right now.\r\n");
}

TEST_CASE("executor script: when the server ends a script has done nothing") {
  World world("map");
  std::thread stopper([&] {
    while (!world.shared().running_scripts.any())
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    world.shared().running_scripts.StopAll();
  });
  CHECK(world.AskOne(Eval("redis.call('set', 'a', 1) while true do end")).starts_with("-ERR "));
  stopper.join();
  CHECK(world.AskOne({"EXISTS", "a"}) == ":0\r\n");
}

TEST_CASE("executor script: arguments live until the commit, whatever Lua does with them") {
  EachEngine([](const char* engine) {
    World world(engine);
    world.AskOne({"SET", "expired", "x", "PXAT", std::to_string(world.now_ms + 1)});
    world.now_ms += 10;
    CHECK(world.AskOne(
              Eval("redis.call('get', 'exp'..'ired') "
                   "for i = 1, 200 do redis.call('set', 'key'..i, ('v'):rep(i)..i) "
                   "local garbage = {} for j = 1, 50 do garbage[j] = ('g'):rep(i)..j end end "
                   "return redis.call('get', 'key'..200)")) == Bulk(std::string(200, 'v') + "200"));
    world.Settle();
    for (int i = 1; i <= 200; ++i) {
      CHECK(world.AskOne({"GET", "key" + std::to_string(i)}) ==
            Bulk(std::string(static_cast<size_t>(i), 'v') + std::to_string(i)));
    }
    // Different keys at the same place in memory.
    CHECK(world.AskOne(Eval("for i = 1, 2000 do redis.call('set', i % 10, i) end "
                            "return redis.call('mget', 0, 1, 9)")) ==
          "*3\r\n" + Bulk("2000") + Bulk("1991") + Bulk("1999"));
  });
}

namespace {

// A command as a script would call it, with its keys declared, some of them, or none.
class ScriptedCommands {
 public:
  explicit ScriptedCommands(uint64_t seed) : random_(seed) {}
  uint32_t Pick(uint32_t n) { return static_cast<uint32_t>(random_() % n); }

  Words Script() {
    static const char* const kCalls[] = {
        "redis.pcall('set', %, n)",
        "redis.pcall('get', %)",
        "redis.pcall('incr', %)",
        "redis.pcall('append', %, n)",
        "redis.pcall('del', %, %)",
        "redis.pcall('mget', %, %, %)",
        "redis.pcall('rename', %, %)",
        "redis.pcall('exists', %)",
        "redis.pcall('strlen', %)",
        "redis.pcall('setnx', %, n)",
        "redis.pcall('getdel', %)",
        "redis.pcall('msetnx', %, n, %, n)",
        "redis.pcall('pexpire', %, 50 * n)",
        "redis.pcall('pttl', %) > 0",
        "redis.pcall('copy', %, %)",
        "redis.pcall('dbsize')",
        "redis.pcall('type', %).ok",
        "redis.pcall('select', n % 2)",
    };
    std::string body = "local n, out = tonumber(ARGV[1]), {} ";
    Words keys;
    const uint32_t calls = 1 + Pick(5);
    for (uint32_t i = 0; i < calls; ++i) {
      std::string call = kCalls[Pick(std::size(kCalls))];
      for (size_t at; (at = call.find('%')) != std::string::npos && call[at + 1] != ' ';) {
        const std::string key = "k" + std::to_string(Pick(kKeys));
        if (Pick(2) != 0) {
          keys.push_back(key);
          call.replace(at, 1, "KEYS[" + std::to_string(keys.size()) + "]");
        } else {
          call.replace(at, 1, "'" + key + "'");
        }
      }
      body += "local r = " + call + " if type(r) == 'table' then r = r.err or r.ok or r end " +
              "out[#out + 1] = r or 'none' n = n + 1 ";
      if (Pick(4) == 0) body += "if r then n = n * 2 end ";
    }
    body += Pick(8) == 0 ? "error('end') " : "return out";
    return Eval(body, keys, {std::to_string(Pick(100))});
  }

 private:
  std::mt19937_64 random_;
};

}  // namespace

TEST_CASE("executor script: scripts answer as if all keys were known") {
  const uint64_t first = FromEnvironment("CAIRN_SIM_SEED", 1);
  const uint64_t runs = FromEnvironment("CAIRN_CONTRACT_RUNS", 4);
  for (const NamedEngine& engine : EnginesUnderTest()) {
    if (engine.name == std::string_view("map")) continue;
    SUBCASE(engine.name) {
      const bool lsm = engine.name == std::string_view("lsm");
      for (uint64_t seed = first; seed < first + (lsm ? 1 : runs); ++seed) {
        INFO("seed " << seed);
        World warm("map");
        World cold(engine.name);
        ScriptedCommands scripts(seed);
        for (int step = 0; step < 300; ++step) {
          std::vector<Words> commands{scripts.Script()};
          if (scripts.Pick(4) == 0) commands = {{"MULTI"}, commands[0], scripts.Script(), {"EXEC"}};
          const size_t client = scripts.Pick(World::kClients);
          const std::string expected = warm.Ask(client, commands);
          const std::string answer = cold.Ask(client, commands);
          REQUIRE_MESSAGE(answer == expected, commands[0][1]);
          if (scripts.Pick(3) == 0) {
            warm.Settle();
            cold.Settle();
          }
          if (scripts.Pick(20) == 0) warm.now_ms = cold.now_ms = warm.now_ms + scripts.Pick(300);
          if (step % 50 == 49) CHECK(cold.Keys() == warm.Keys());
        }
      }
    }
  }
}
