// Lanes that stop because a commit found no room or failed, and those that go on.
#include <cerrno>
#include <string>
#include <vector>

#include "vlog_space_testing.h"

using namespace cairn;
using namespace cairn::testing;

TEST_CASE("vlog space: a write that meets a full disk is kept and tried again") {
  for (const bool close : {false, true}) {
    SimDisk disk{SimOptions()};
    Driver driver(&disk, SpaceOptions());
    REQUIRE(driver.Start().ok());
    WriteAndRest(&driver, "a");
    disk.Inject({SimOp::kWrite, "", 0, 1, ENOSPC});
    std::vector<Ticket> tickets;
    REQUIRE(driver.TryApply({driver.Put(0, "a", "2")}, &tickets).ok());
    for (int i = 0; i < 20; ++i) driver.Turn(10);
    CHECK(!driver.Durable(tickets));
    CHECK(driver.engine->State(0) != StreamState::kFailed);
    VlogStats stats;
    driver.engine->Stats(&stats);
    CHECK(stats.lanes[0].reason.find("no space") != std::string::npos);
    CHECK(*driver.Get(0, "a") == "2");
    if (!close) {
      for (int i = 0; i < 200; ++i) driver.Turn(10);
      CHECK(driver.Durable(tickets));
      driver.engine->Stats(&stats);
      CHECK(!stats.lanes[0].read_only);
    }
    CHECK(driver.Stop().ok());
    Driver after(&disk, SpaceOptions());
    REQUIRE(after.Start().ok());
    CHECK(*after.Get(0, "a") == "2");
  }
}

namespace {

// A key of its own in each lane, written.
std::vector<std::string> WriteToEachLane(Driver* driver) {
  std::vector<std::string> keys(driver->engine->lane_count());
  for (int i = 0, found = 0; found < static_cast<int>(keys.size()); ++i) {
    std::string& key = keys[driver->engine->LaneOf(ShardOf("k" + std::to_string(i)))];
    found += key.empty() ? 1 : 0;
    if (key.empty()) key = "k" + std::to_string(i);
  }
  for (const std::string& key : keys) WriteAndRest(driver, key);
  return keys;
}

bool Stopped(const Driver& driver, uint32_t lane, bool for_good) {
  std::string reason;
  if (!driver.engine->Stopped(lane, &reason)) return false;
  CHECK(!reason.empty());
  CHECK((driver.engine->State(lane) == StreamState::kFailed) == for_good);
  return true;
}

}  // namespace

TEST_CASE("vlog space: a commit that finds no room stops its lane until there is some") {
  SimDisk disk{SimOptions()};
  VlogOptions options = SpaceOptions();
  options.lanes = 3;
  Driver driver(&disk, options);
  REQUIRE(driver.Start().ok());
  const std::vector<std::string> keys = WriteToEachLane(&driver);
  SimFaults faults;
  faults.no_space = 1;
  disk.SetFaults(faults);
  std::vector<Ticket> tickets;
  REQUIRE(
      driver.TryApply({driver.Put(0, keys[0], "2"), driver.Put(0, keys[1], "2")}, &tickets).ok());
  const uint64_t calls = driver.durable_calls;
  for (int i = 0; i < 50 && !Stopped(driver, 0, false); ++i) driver.Turn(10);
  CHECK(Stopped(driver, 0, false));
  CHECK(Stopped(driver, 1, false));
  CHECK(!driver.engine->Stopped(2));
  CHECK(driver.durable_calls > calls);  // who waits is told
  CHECK(!driver.Durable(tickets));
  // Nothing is taken whose end nobody knows, removals neither: they would have to be written, too.
  std::vector<Ticket> none;
  for (uint32_t lane : {0u, 1u}) {
    CHECK(driver.TryApply({driver.Put(0, keys[lane], "3")}, &none).code() == Code::kNoSpace);
    CHECK(driver.TryApply({driver.Del(0, keys[lane])}, &none).code() == Code::kNoSpace);
  }
  CHECK(driver.TryApply({driver.Flush(0)}, &none).code() == Code::kNoSpace);
  CHECK(*driver.Get(0, keys[2]) == "1");
  CHECK(StatsOf(driver).lanes[0].read_only);
  CHECK(StatsOf(driver).lanes[1].reason.find("no space") != std::string::npos);
  for (int i = 0; i < 500; ++i) driver.Turn(10);
  CHECK(Stopped(driver, 0, false));
  disk.SetFaults(SimFaults());
  for (int i = 0; i < 150; ++i) driver.Turn(10);
  CHECK(driver.Durable(tickets));
  for (const std::string& key : keys) CHECK(Attempt(&driver, driver.Put(0, key, "4")).ok());
  for (const LaneStats& lane : StatsOf(driver).lanes) CHECK(!lane.read_only);
  CHECK(StatsOf(driver).write_errors == 0);
  REQUIRE(driver.Stop().ok());
  Driver after(&disk, options);
  REQUIRE(after.Start().ok());
  for (const std::string& key : keys) CHECK(*after.Get(0, key) == "4");
}

TEST_CASE("vlog space: a commit that finds no room takes that of a spare, and nobody hears of it") {
  SimDisk disk{SimOptions()};
  VlogOptions options = SpaceOptions();
  options.segment_bytes = 1u << 20;
  Driver driver(&disk, options);
  REQUIRE(driver.Start().ok());
  WriteUntilSpare(&driver);
  disk.Inject({SimOp::kWrite, ".vlog", 0, 1, ENOSPC});
  std::vector<Ticket> tickets;
  REQUIRE(driver.TryApply({driver.Put(0, "a", "1")}, &tickets).ok());
  for (int i = 0; i < 50 && !driver.Durable(tickets); ++i) {
    driver.Turn(10);
    CHECK(!driver.engine->Stopped(0));
  }
  CHECK(driver.Durable(tickets));
  CHECK(StatsOf(driver).spare_segments == 0);
}

// Lane 0 fails with a transaction of lanes 0 and 1, while lane 1 has an earlier one of both on its
// way to the disk. That one is never settled any more, for lane 1 has failed, too; and what stands
// behind it in lane 0, with a part in lane 2, is on the disk in both and will never count.
TEST_CASE("vlog space: a failure reaches who waits behind what was not settled before it") {
  SimDisk disk{SimOptions()};
  VlogOptions options = SpaceOptions();
  options.lanes = 3;
  options.reactors = 2;
  Driver driver(&disk, options);
  REQUIRE(driver.Start().ok());
  const std::vector<std::string> keys = WriteToEachLane(&driver);
  const auto put = [&](uint32_t lane, const char* value) {
    return driver.Put(0, keys[lane], value);
  };
  std::vector<Ticket> tickets, behind;
  REQUIRE(driver.TryApply({put(0, "2"), put(1, "2")}, &tickets, 1).ok());
  REQUIRE(driver.TryApply({put(0, "3")}, &tickets, 0).ok());
  driver.engine->TurnEnd(0);  // takes all of lane 0 along;
  driver.engine->TurnEnd(1);  // lane 1 goes with the other reactor, which does not hear of it yet
  for (int i = 0; i < 50; ++i) driver.TurnOf(0);
  REQUIRE(driver.TryApply({put(0, "4"), put(2, "4")}, &behind, 0).ok());
  for (int i = 0; i < 50; ++i) driver.TurnOf(0);
  CHECK(!driver.Durable(behind));
  disk.Inject(
      {SimOp::kWrite, vlog::SegmentPath("", vlog::SegmentOf(tickets[0].position)), 0, 1, EIO});
  REQUIRE(driver.TryApply({put(0, "5"), put(1, "5")}, &tickets, 0).ok());
  for (int i = 0; i < 50; ++i) driver.TurnOf(0);
  for (int i = 0; i < 50; ++i) driver.TurnOf(1);
  for (uint32_t lane : {0u, 1u, 2u}) CHECK(Stopped(driver, lane, true));
  CHECK(!driver.Durable(behind));
  CHECK(!driver.Stop().ok());
}

TEST_CASE("vlog space: a failed lane takes along all that can never be whole") {
  SimDisk disk{SimOptions()};
  VlogOptions options = SpaceOptions();
  options.lanes = 4;
  Driver driver(&disk, options);
  REQUIRE(driver.Start().ok());
  const std::vector<std::string> keys = WriteToEachLane(&driver);
  // The first unit dies in lane 0. The second is on disk in its lanes, but behind the first in one.
  disk.Inject({SimOp::kWrite,
               vlog::SegmentPath("", vlog::SegmentOf(driver.engine->DurablePosition(0))), 0, 1,
               EIO});
  std::vector<Ticket> first, second;
  REQUIRE(driver.TryApply({driver.Put(0, keys[0], "2"), driver.Put(0, keys[1], "2")}, &first).ok());
  REQUIRE(
      driver.TryApply({driver.Put(0, keys[1], "3"), driver.Put(0, keys[2], "3")}, &second).ok());
  for (int i = 0; i < 50; ++i) driver.Turn(10);
  for (uint32_t lane : {0u, 1u, 2u}) CHECK(Stopped(driver, lane, true));
  CHECK(!driver.engine->Stopped(3));
  CHECK(!driver.Durable(second));
  CHECK(StatsOf(driver).write_errors == 1);
  CHECK(driver.Write({driver.Put(0, keys[3], "2")}).ok());
  CHECK(!driver.Stop().ok());
}
