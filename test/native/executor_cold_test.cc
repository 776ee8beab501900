// Commands over an engine that keeps keys on disk, and cannot tell without reading whether one
// exists: they answer as over an engine that knows everything at once. Both are maps
// (map_engine.h), and get the same commands in the same order; the lsm engine is asked as well, if
// it is there.
#include <algorithm>
#include <random>

#include "executor_world.h"

using namespace cairn;
using namespace cairn::testing;

namespace {

class Commands {
 public:
  explicit Commands(uint64_t seed) : random_(seed) {}

  uint32_t Pick(uint32_t n) { return static_cast<uint32_t>(random_() % n); }
  std::string Key() { return "k" + std::to_string(Pick(kKeys)); }
  std::string Value() { return std::to_string(Pick(100)); }
  // Some of it past, all of it soon.
  std::string Time(uint64_t now_ms) { return std::to_string(now_ms - 50 + Pick(2000)); }

  Words One(uint64_t now_ms) {
    switch (Pick(30)) {
      case 0:
        return {"SET", Key(), Value()};
      case 1:
        return {"SET", Key(), Value(), "PXAT", Time(now_ms)};
      case 2:
        return {"SET", Key(), Value(), Pick(2) != 0 ? "NX" : "XX"};
      case 3:
        return {"SET", Key(), Value(), "KEEPTTL", "GET"};
      case 4:
        return {"GET", Key()};
      case 5:
        return {"MGET", Key(), Key(), Key()};
      case 6:
        return {"DEL", Key(), Key()};
      case 7:
        return {"EXISTS", Key(), Key(), Key()};
      case 8:
        return {"INCR", Key()};
      case 9:
        return {"APPEND", Key(), Value()};
      case 10:
        return {"STRLEN", Key()};
      case 11:
        return {"PEXPIREAT", Key(), Time(now_ms)};
      case 12:
        return {"PERSIST", Key()};
      case 13:
        return {"PEXPIRETIME", Key()};
      case 14:
        return {"RENAME", Key(), Key()};
      case 15:
        return {"RENAMENX", Key(), Key()};
      case 16:
        return {"COPY", Key(), Key()};
      case 17:
        return {"COPY", Key(), Key(), "DB", std::to_string(Pick(3)), "REPLACE"};
      case 18:
        return {"MOVE", Key(), std::to_string(Pick(3))};
      case 19:
        return {"TYPE", Key()};
      case 20:
        return {"GETDEL", Key()};
      case 21:
        return {"SETRANGE", Key(), std::to_string(Pick(9)), Value()};
      case 22:
        return {"MSETNX", Key(), Value(), Key(), Value()};
      case 23:
        return {"MSET", Key(), Value(), Key(), Value()};
      case 24:
        return {"GETEX", Key(), "PXAT", Time(now_ms)};
      case 25:
        return {"OBJECT", "ENCODING", Key()};
      case 26:
        return {"SETNX", Key(), Value()};
      case 27:
        return Pick(8) == 0 ? Words{"FLUSHDB"} : Words{"TOUCH", Key()};
      case 28:
        return Pick(4) == 0 ? Words{"SWAPDB", "0", std::to_string(1 + Pick(2))}
                            : Words{"PEXPIREAT", Key(), Time(now_ms), "GT"};
      default:
        return {"BITOP", "OR", Key(), Key(), Key()};
    }
  }
  std::vector<Words> Some(uint64_t now_ms) {
    std::vector<Words> commands;
    const uint32_t count = 1 + Pick(4);
    const bool exec = Pick(4) == 0;
    if (exec) commands.push_back({"MULTI"});
    for (uint32_t i = 0; i < count; ++i) commands.push_back(One(now_ms));
    if (exec) commands.push_back({"EXEC"});
    if (!exec && Pick(6) == 0) commands.insert(commands.begin(), {"WATCH", Key(), Key()});
    if (Pick(12) == 0) commands.push_back({"SELECT", std::to_string(Pick(3))});
    return commands;
  }

 private:
  std::mt19937_64 random_;
};

std::string Text(const std::vector<Words>& commands) {
  std::string text;
  for (const Words& words : commands) {
    for (const std::string& word : words) text += word + " ";
    text += "; ";
  }
  return text;
}

}  // namespace

TEST_CASE("executor cold: commands answer as if all keys were known") {
  const uint64_t first = FromEnvironment("CAIRN_SIM_SEED", 1);
  const uint64_t runs = FromEnvironment("CAIRN_CONTRACT_RUNS", 4);
  constexpr int kSteps = 400;
  const auto answer_alike = [&](const NamedEngine& engine, uint64_t seed) {
    INFO("seed " << seed);
    World warm("map");
    World cold(engine.name);
    Commands commands(seed);
    for (int step = 0; step < kSteps; ++step) {
      const size_t client = commands.Pick(World::kClients);
      const std::vector<Words> some = commands.Some(warm.now_ms);
      const std::string expected = warm.Ask(client, some);
      const std::string answer = cold.Ask(client, some);
      REQUIRE_MESSAGE(answer == expected, Text(some));
      if (commands.Pick(3) == 0) {
        warm.Settle();
        cold.Settle();
      }
      if (commands.Pick(20) == 0) warm.now_ms = cold.now_ms = warm.now_ms + commands.Pick(300);
      if (step % 50 == 49) CHECK(cold.Keys() == warm.Keys());
    }
  };
  for (const NamedEngine& engine : EnginesUnderTest()) {
    const bool lsm = engine.name == std::string_view("lsm");
    if (!lsm && engine.name != std::string_view("cold map")) continue;
    SUBCASE(engine.name) {
      const uint64_t count = lsm ? (runs + 3) / 4 : runs;
      for (uint64_t seed = first; seed < first + count; ++seed) answer_alike(engine, seed);
    }
  }
}

TEST_CASE("executor cold: a random key where all have expired") {
  World cold("cold map");
  for (int i = 0; i < 20; ++i)
    cold.AskOne({"SET", "k" + std::to_string(i), "v", "PXAT", std::to_string(kStartMs + 1)});
  cold.Settle();
  cold.now_ms += 10;
  CHECK(cold.AskOne({"RANDOMKEY"}) == "$-1\r\n");
  CHECK(cold.AskOne({"KEYS", "*"}) == "*0\r\n");
}

TEST_CASE("executor cold: nobody overtakes a walk through many keys") {
  for (const char* engine : {"map", "cold map"}) {
    World world(engine);
    constexpr int kMany = 40'000;
    std::vector<Words> sets;
    for (int i = 0; i < kMany; ++i) {
      sets.push_back({"SET", "key" + std::to_string(i), "v"});
      if (sets.size() < 1000) continue;
      world.Ask(0, sets);
      sets.clear();
    }
    world.Settle();
    const std::string reply =
        world.Ask(0, {{"KEYS", "*"}, {"SET", "key0", "last"}, {"GET", "key0"}});
    CHECK(reply.starts_with("*" + std::to_string(kMany) + "\r\n"));
    CHECK(reply.ends_with("+OK\r\n$4\r\nlast\r\n"));
    Words keys = Bulks(reply);
    std::sort(keys.begin(), keys.end());
    CHECK(std::unique(keys.begin(), keys.end()) == keys.end());
  }
}
