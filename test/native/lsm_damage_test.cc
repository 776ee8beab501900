// The lsm engine: damage of its logs is told from what a power failure tears off.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "engine_host.h"
#include "lsm_engine_testing.h"

using namespace cairn;
using namespace cairn::testing;

namespace {

constexpr int kKeys = 40;
constexpr char kLogDir[] = "/data/rocksdb";

std::string Key(int i) { return "key" + std::to_string(i); }

// A database with keys, each of a commit of its own, all in the log. Killed.
struct Killed {
  explicit Killed(uint64_t seed, size_t value_bytes = 100) : medium(seed), host(&medium) {
    for (int i = 0; i < kKeys; ++i)
      REQUIRE(host.UntilDurable(host.Staged({host.Put(0, Key(i), std::string(value_bytes, 'v'))})));
    medium.disk()->Kill();
    host.Abandon();
    disk = medium.disk();
    log = LogIn(disk, kLogDir);
  }
  // How the start goes.
  Status Open(bool salvage = false) {
    struct : DurabilityListener {
      void OnDurable(uint32_t) override {}
    } listener;
    EngineOptions options = host.options();
    options.salvage = salvage;
    const std::unique_ptr<Engine> engine = medium.NewEngine();
    const Result<RecoveryReport> report = engine->Open(options, disk, &listener);
    if (!report.ok()) return report.status();
    damage = report.value().damage;
    keys = report.value().keys;
    return engine->Close();
  }

  SimulatedLsm medium;
  EngineHost host;
  SimDisk* disk = nullptr;
  std::string log;
  std::vector<std::string> damage;
  uint64_t keys = 0;
};

}  // namespace

TEST_CASE("lsm damage: a flipped bit in what was synced refuses the start") {
  const auto flipped = [](auto place) {
    Killed killed(1);
    const uint64_t bytes = LogBytes(killed.disk, killed.log);
    killed.disk->FlipBit(killed.log, place(bytes));
    for (int i = 0; i < 2; ++i) {  // the first try changes nothing
      const Status refused = killed.Open();
      CHECK(refused.code() == Code::kCorruption);
      INFO(refused.message());
      CHECK(refused.message().find("the log contradicts itself") != std::string::npos);
    }
    CHECK(killed.Open(true).ok());
    CHECK(killed.Open().ok());  // what is left is what there is from now on
    CHECK(killed.keys < kKeys);
  };
  SUBCASE("at the beginning") {
    flipped([](uint64_t) { return 10; });
  }
  SUBCASE("in the middle") {
    flipped([](uint64_t bytes) { return bytes / 2; });
  }
  SUBCASE("in the last record") {
    flipped([](uint64_t bytes) { return bytes - 3; });
  }
}

TEST_CASE("lsm damage: what is written after a salvage needs no second one") {
  Killed killed(1, 4000);  // several blocks of the log: there is something behind what is lost
  killed.disk->FlipBit(killed.log, 10000);
  REQUIRE(killed.Open().code() == Code::kCorruption);
  killed.host.Reopen([](EngineOptions* options) { options->salvage = true; });
  CHECK_FALSE(killed.host.found().damage.empty());
  const uint64_t left = killed.host.found().keys;
  CHECK(left < kKeys);
  CHECK(killed.host.Get(0, Key(kKeys - 1)).has_value());
  REQUIRE(killed.host.UntilDurable(killed.host.Staged({killed.host.Put(0, "new", "v")})));
  REQUIRE(killed.host.CrashAndReopen(false, [](EngineOptions* o) { o->salvage = false; }));
  CHECK(killed.host.found().keys == left + 1);
  CHECK(killed.host.Get(0, "new") == "v");
}

TEST_CASE("lsm damage: logs that are missing or cut off refuse the start") {
  SUBCASE("missing") {
    Killed killed(1);
    REQUIRE(killed.disk->Remove(killed.log).ok());
    CHECK(killed.Open().code() == Code::kCorruption);
    CHECK(killed.Open(true).ok());
    CHECK(killed.damage.size() == 1);
    CHECK(killed.Open().ok());
  }
  SUBCASE("cut off") {
    Killed killed(1);
    REQUIRE(killed.disk->OpenDirect(killed.log, Disk::Mode::kReadWrite)
                .value()
                ->Truncate(LogBytes(killed.disk, killed.log) - 512)
                .ok());
    CHECK(killed.Open().code() == Code::kCorruption);
  }
  SUBCASE("with the name of the manifest") {
    Killed killed(1);
    REQUIRE(killed.disk->Remove("/data/rocksdb/CURRENT").ok());
    CHECK_FALSE(killed.Open().ok());
    CHECK(FileBytes(killed.disk, killed.log) > 0);
  }
  SUBCASE("nothing, and the mark is gone or damaged") {
    Killed killed(1);
    killed.disk->FlipBit("/data/synced", 9);
    CHECK(killed.Open().ok());
    CHECK(killed.keys == kKeys);
    REQUIRE(killed.disk->Remove("/data/synced").ok());
    CHECK(killed.Open().ok());
    CHECK(killed.keys == kKeys);
  }
}

TEST_CASE(
    "lsm damage: a power failure tears off what was not synced, and the start is none the worse") {
  int torn = 0;
  for (uint64_t seed = 1; seed <= 12; ++seed) {
    SimulatedLsm medium(seed);
    EngineHost host(&medium);
    for (int i = 0; i < 10; ++i)
      REQUIRE(host.UntilDurable(host.Staged({host.Put(0, Key(i), std::string(3000, 'v'))})));
    REQUIRE(host.engine->SetOption("appendfsync", "no").ok());
    for (int i = 10; i < kKeys; ++i) {
      host.Set(0, Key(i), std::string(3000, 'v'));
      host.Pass(10);
    }
    REQUIRE(host.CrashAndReopen(true));
    int found = 0;
    while (found < kKeys && host.See(0, Key(found)).has_value()) ++found;
    CHECK(found >= 10);
    torn += found < kKeys ? 1 : 0;
  }
  CHECK(torn > 0);
}

TEST_CASE("lsm damage: found also behind a power failure, once the mark is synced") {
  SimulatedLsm medium(1);
  EngineHost host(&medium);
  for (int i = 0; i < kKeys; ++i)
    REQUIRE(host.UntilDurable(host.Staged({host.Put(0, Key(i), std::string(100, 'v'))})));
  std::this_thread::sleep_for(std::chrono::milliseconds(2500));
  REQUIRE(medium.Crash());
  host.Abandon();
  SimDisk* const disk = medium.disk();
  const std::string log = LogIn(disk, kLogDir);
  disk->FlipBit(log, LogBytes(disk, log) / 2);
  const std::unique_ptr<Engine> engine = medium.NewEngine();
  CHECK(engine->Open(host.options(), disk, &host).status().code() == Code::kCorruption);
}
