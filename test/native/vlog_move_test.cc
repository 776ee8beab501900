// A directory that finds another device, file system or number of lanes at each start: what a start
// leaves behind must be whole for the next one, whatever that has.
#include <map>
#include <random>

#include "io/sim_disk.h"
#include "vlog_testing.h"

using namespace cairn;
using namespace cairn::testing;

namespace {

VlogOptions Options(uint32_t lanes) {
  VlogOptions options = Driver::Options("/data");
  options.lanes = lanes;
  options.segment_bytes = 64u << 10;
  options.cache_bytes = 0;
  return options;
}

IoAlignment Device(uint32_t block) { return {std::min(block, 4096u), block}; }

// A directory and what must be in it.
class Place {
 public:
  void MoveTo(uint32_t block) { disk.SetDevice(Device(block), true); }
  void Start(uint32_t lanes) {
    driver = std::make_unique<Driver>(&disk, Options(lanes));
    const Result<RecoveryReport> report = driver->Start();
    REQUIRE_MESSAGE(report.ok(), report.status().message());
    CHECK(report.value().keys == content.size());
    for (const auto& [key, value] : content) CHECK(driver->Get(0, key) == value);
  }
  void Write(int keys) {
    for (int i = 0; i < keys; ++i) {
      const std::string key = "key" + std::to_string(content.size());
      content[key] = std::string(300, static_cast<char>('a' + content.size() % 26));
      REQUIRE(driver->Write({driver->Put(0, key, content[key])}).ok());
    }
  }
  void Kill() {
    disk.Kill();
    driver->Abandon();
    driver.reset();
    Check();
  }
  void Stop() {
    REQUIRE(driver->Stop().ok());
    driver.reset();
    Check();
  }
  void Check() {
    const Result<CheckReport> report = CheckVlogDirectory("/data", &disk);
    REQUIRE_MESSAGE(report.ok(), report.status().message());
    CheckIntact(report.value());
    CHECK(report.value().live_keys == content.size());
  }

  SimDisk disk{SimOptions()};
  std::unique_ptr<Driver> driver;
  std::map<std::string, std::string> content;
};

std::string KeyIn(uint32_t lane, uint32_t lanes, int number) {
  for (int i = 0;; ++i) {
    std::string key = "k" + std::to_string(number) + ":" + std::to_string(i);
    if (ShardOf(key) % lanes == lane) return key;
  }
}

}  // namespace

TEST_CASE("vlog move: to a device with other blocks and back, with as many lanes or others" *
          doctest::test_suite("long")) {
  struct Case {
    uint32_t from;
    uint32_t to;
    uint32_t lanes;
    int written;  // after the move, before the server is killed
    bool in_order;
  };
  std::vector<Case> cases;
  for (const auto& [from, to] : {std::pair{512u, 4096u}, {4096u, 512u}, {512u, 16384u}}) {
    for (const uint32_t lanes : {2u, 3u}) {
      for (const int written : {0, 1, 400}) {
        for (const bool in_order : {true, false})
          cases.push_back({from, to, lanes, written, in_order});
      }
    }
  }
  for (const Case& c : cases) {
    CAPTURE(c.from);
    CAPTURE(c.to);
    CAPTURE(c.lanes);
    CAPTURE(c.written);
    CAPTURE(c.in_order);
    Place place;
    place.MoveTo(c.from);
    place.Start(2);
    place.Write(300);  // more than a segment in each lane, and the next one is there
    c.in_order ? place.Stop() : place.Kill();
    for (int round = 0; round < 2; ++round) {
      for (const uint32_t block : {c.to, c.from}) {
        place.MoveTo(block);
        place.Start(block == c.to ? c.lanes : 2);
        place.Write(c.written);
        place.Kill();
        place.Start(block == c.to ? c.lanes : 2);
        place.Write(1);
        c.in_order ? place.Stop() : place.Kill();
      }
    }
    place.Start(2);
    place.Stop();
  }
}

// A little at a time, so that the next segment was often made on the other device.
TEST_CASE("vlog move: to and fro") {
  std::mt19937 random(1);
  Place place;
  for (int round = 0; round < 90; ++round) {
    CAPTURE(round);
    place.MoveTo(random() % 2 == 0 ? 4096 : 512);
    place.Start(1);
    place.Write(1 + static_cast<int>(random() % 6));
    round % 3 == 0 ? place.Stop() : place.Kill();
  }
}

// Lane 1 is cut before a transaction with lane 2, which has written its part nowhere, and what lies
// behind the cut fills segments that nobody needs: among it a part of a transaction with lane 0.
// Once those are not named any more it looks like one that was reclaimed, so lane 0 must say that
// it was cut, too.
TEST_CASE("vlog move: half a transaction never comes back") {
  constexpr uint32_t kLanes = 3;
  const std::string x = KeyIn(0, kLanes, 0), y = KeyIn(1, kLanes, 0), z = KeyIn(2, kLanes, 0);
  const std::string half = KeyIn(1, kLanes, 1);
  int cut = 0;
  for (uint64_t seed = 1; seed <= 12; ++seed) {
    for (const uint32_t block : {512u, 4096u}) {
      CAPTURE(seed);
      CAPTURE(block);
      SimOptions sim;
      sim.seed = seed;
      SimDisk disk(sim);
      VlogOptions options = Options(kLanes);
      options.reactors = 2;
      {
        Driver driver(&disk, options);
        REQUIRE(driver.Start().ok());
        REQUIRE(driver.Write({driver.Put(0, x, "old")}).ok());
        std::vector<Ticket> tickets;
        REQUIRE(driver.TryApply({driver.Put(0, y, "1"), driver.Put(0, z, "1")}, &tickets, 1).ok());
        REQUIRE(driver.TryApply({driver.Put(0, y, "2")}, &tickets, 0).ok());
        driver.engine->TurnEnd(0);  // takes all of lane 1 along;
        driver.engine->TurnEnd(1);  // lane 2 goes with the other reactor, which never hears of it
        const auto apply = [&](const std::vector<WriteOp>& ops) {
          Status status;
          for (int tries = 0; tries < 1000; ++tries) {
            status = driver.TryApply(ops, &tickets, 0);
            if (status.code() != Code::kBusy) break;
            driver.TurnOf(0);
          }
          REQUIRE_MESSAGE(status.ok(), status.message());
        };
        for (int i = 2; i < 22; ++i) {
          const std::string key = KeyIn(1, kLanes, i);
          const std::string value(12000, 'v');
          apply({driver.Put(0, key, value)});
        }
        apply({driver.Put(0, x, "new"), driver.Put(0, half, "new")});
        for (int i = 0; i < 200; ++i) driver.TurnOf(0);
        disk.Kill();
        driver.Abandon();
      }
      disk.SetDevice(Device(block), true);
      for (int start = 0; start < 3; ++start) {
        CAPTURE(start);
        Driver driver(&disk, options);
        const Result<RecoveryReport> report = driver.Start();
        REQUIRE_MESSAGE(report.ok(), report.status().message());
        const bool whole = driver.Get(0, z).has_value();
        cut += whole ? 0 : 1;
        CHECK(driver.Get(0, x) == (whole ? "new" : "old"));
        CHECK(driver.Get(0, half).has_value() == whole);
        disk.Kill();
        driver.Abandon();
      }
    }
  }
  CHECK(cut > 0);
}
