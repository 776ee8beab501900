// Stream commands over engines whose pages are on disk: they answer as over one that has all in
// memory, through restarts and crashes.
#include <doctest/doctest.h>

#include <random>
#include <string>
#include <vector>

#include "command_world.h"
#include "environment.h"

using namespace cairn;
using namespace cairn::testing;

namespace {

class RandomCommands {
 public:
  explicit RandomCommands(uint64_t seed) : random_(seed) {}

  uint64_t Pick(uint64_t n) { return random_() % n; }
  Argv One();

 private:
  std::string Key() { return "s" + std::to_string(Pick(2)); }
  std::string Group() { return Pick(3) == 0 ? "h" : "g"; }
  std::string Consumer() { return "c" + std::to_string(Pick(3)); }
  std::string Number(uint64_t n) { return std::to_string(Pick(n)); }
  // Of an entry that may be there.
  std::string Id() { return std::to_string(1 + Pick(next_)) + "-0"; }
  std::string NextId() { return std::to_string(next_++) + "-0"; }
  Argv Add();
  Argv OfGroup();

  std::mt19937_64 random_;
  uint64_t next_ = 1;
};

Argv RandomCommands::Add() {
  Argv words = {"XADD", Key()};
  if (Pick(30) == 0) words.insert(words.end(), {"MAXLEN", Number(900)});
  words.push_back(NextId());
  for (uint64_t n = 1 + Pick(3); n > 0; --n) {
    words.push_back("name" + Number(3));
    words.push_back(std::string(Pick(200) == 0 ? 3000 : Pick(40), 'v'));
  }
  return words;
}

Argv RandomCommands::OfGroup() {
  switch (Pick(16)) {
    case 0:
      return {"XGROUP", "CREATE", Key(), Group(), Pick(2) == 0 ? "0" : "$", "MKSTREAM"};
    case 1:
      return Pick(3) == 0 ? Argv{"XGROUP", "DESTROY", Key(), Group()}
                          : Argv{"XGROUP", "DELCONSUMER", Key(), Group(), Consumer()};
    case 2:
      return {"XGROUP", "SETID", Key(), Group(), Id()};
    case 3:
    case 4:
    case 5:
      return {"XREADGROUP", "GROUP", Group(),
              Consumer(),   "COUNT", Number(300),
              "STREAMS",    Key(),   Pick(4) == 0 ? Id() : ">"};
    case 6:
    case 7: {
      Argv words = {"XACK", Key(), Group()};
      for (uint64_t n = 1 + Pick(60); n > 0; --n) words.push_back(Id());
      return words;
    }
    case 8:
      return {"XCLAIM", Key(), Group(), Consumer(), "0", Id(), Id(), Id(), "FORCE"};
    case 9:
      return {"XAUTOCLAIM", Key(), Group(), Consumer(), "0", Id(), "COUNT", Number(50) + "1"};
    case 10:
      return {"XPENDING", Key(), Group()};
    case 11:
      return {"XPENDING", Key(), Group(), Id(), "+", Number(200), Consumer()};
    case 12:
      return {"XPENDING", Key(), Group(), "-", "+", Number(2000)};
    case 13:
      return {"XINFO", "CONSUMERS", Key(), Group()};
    case 14:
      return {"XINFO", "STREAM", Key(), "FULL", "COUNT", "30"};
    default:
      return {"XINFO", "GROUPS", Key()};
  }
}

Argv RandomCommands::One() {
  const uint64_t dice = Pick(100);
  if (dice < 50) return Add();
  if (dice < 75) return OfGroup();
  switch (Pick(14)) {
    case 0:
      return {"XTRIM", Key(), "MAXLEN", Number(1500)};
    case 1:
      return {"XTRIM", Key(), "MINID",
              std::to_string(next_ - Pick(std::min<uint64_t>(next_, 900)))};
    case 2: {
      Argv words = {"XDEL", Key()};
      for (uint64_t n = 1 + Pick(20); n > 0; --n) words.push_back(Id());
      return words;
    }
    case 3:
      return {"XSETID", Key(), NextId()};
    case 4:
      return {"XREAD", "STREAMS", "s0", "s1", Id(), Id()};
    case 5:
      return {"XREAD", "COUNT", Number(50), "STREAMS", "s0", "s1", Id(), "$"};
    case 6:
      return {"XREVRANGE", Key(), "+", Id(), "COUNT", Number(50)};
    case 7:
      return {"XRANGE", Key(), "-", "+"};
    case 8:
      return {"XLEN", Key()};
    case 9:
      return Pick(8) == 0 ? Argv{"DEL", Key()} : Argv{"XINFO", "STREAM", Key()};
    case 10:
      return Pick(3) == 0 ? Argv{"RENAME", Key(), Key()} : Argv{"TYPE", Key()};
    default:
      return {"XRANGE", Key(), Id(), Id()};
  }
}

}  // namespace

TEST_CASE("command stream: the same answers where pages have to be read") {
  const uint64_t first = FromEnvironment("CAIRN_SIM_SEED", 1);
  const uint64_t runs = FromEnvironment("CAIRN_CONTRACT_RUNS", 1);
  OnEachEngine(first, [&](CommandWorld& world) {
    if (!world.has_pages()) return;
    for (uint64_t seed = first; seed < first + runs; ++seed) {
      INFO("seed " << seed);
      CommandWorld plain(EngineNamed("map", seed));
      RandomCommands commands(seed);
      plain.Ask({"FLUSHALL"});
      world.Ask({"FLUSHALL"});
      for (int step = 0; step < 250; ++step) {
        std::vector<Argv> batch;
        const bool exec = commands.Pick(4) == 0;
        if (exec) batch.push_back({"MULTI"});
        for (uint64_t n = 1 + commands.Pick(25); n > 0; --n) batch.push_back(commands.One());
        if (exec) batch.push_back({"EXEC"});
        std::string said;
        for (const Argv& words : batch) {
          for (const std::string& word : words) said += word.substr(0, 30) + " ";
          said += "; ";
        }
        const size_t client = commands.Pick(CommandWorld::kClients);
        const std::string expected = plain.Ask(client, batch);
        REQUIRE_MESSAGE((world.Ask(client, batch) == expected), said);
        if (commands.Pick(3) == 0) world.Settle();
        if (commands.Pick(25) == 0) world.Reopen();
        if (commands.Pick(25) == 0) (void)world.Crash(commands.Pick(2) == 0);
        world.now_ms = plain.now_ms += commands.Pick(200);
      }
    }
  });
}
