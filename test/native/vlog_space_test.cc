// Full disks, failing disks, and giving space back.
#include "io/sim_disk.h"
#include "vlog_testing.h"

using namespace cairn;
using namespace cairn::testing;

namespace {

EngineOptions SpaceOptions() {
  EngineOptions options = Driver::Options("/data");
  options.lanes = 1;
  options.segment_bytes = 4u << 20;
  options.cache_bytes = 0;
  return options;
}

// Applies without waiting longer than `turns`.
Status Attempt(Driver* driver, const WriteOp& op, int turns = 200) {
  std::vector<Ticket> tickets;
  Status status;
  for (int i = 0; i < turns; ++i) {
    status = driver->TryApply({op}, &tickets);
    if (status.code() != Code::kBusy) break;
    driver->Turn(10);
  }
  for (int i = 0; status.ok() && !driver->Durable(tickets) && i < turns; ++i) driver->Turn(10);
  return status;
}

}  // namespace

TEST_CASE(
    "vlog space: a full disk refuses writes, keeps reads and deletes, and recovers by itself") {
  SimDisk disk{SimOptions()};
  Driver driver(&disk, SpaceOptions());
  REQUIRE(driver.Start().ok());
  disk.SetCapacity(6u << 20);
  const std::string value(10000, 'v');
  int written = 0;
  Status status;
  for (; written < 2000; ++written) {
    status = Attempt(&driver, driver.Put(0, "k" + std::to_string(written), value));
    if (!status.ok()) break;
  }
  CHECK(status.code() == Code::kNoSpace);
  CHECK(status.message().find("lane 0") != std::string::npos);
  CHECK(written > 300);
  CHECK(driver.engine->KeyCount(0) == static_cast<uint64_t>(written));
  CHECK(Attempt(&driver, driver.Put(0, "one more", value)).code() == Code::kNoSpace);
  CHECK(!driver.Get(0, "one more").has_value());
  EngineStats stats;
  driver.engine->Stats(&stats);
  CHECK(stats.lanes[0].read_only);
  CHECK(!stats.lanes[0].reason.empty());
  for (int i = 0; i < written; ++i) REQUIRE(*driver.Get(0, "k" + std::to_string(i)) == value);
  // Deletes have the reserve: far more than there are keys.
  for (int i = 0; i < written; i += 2)
    REQUIRE(Attempt(&driver, driver.Del(0, "k" + std::to_string(i))).ok());
  CHECK(driver.engine->KeyCount(0) == static_cast<uint64_t>(written / 2));
  CHECK(Attempt(&driver, driver.Put(0, "still not", "x")).code() == Code::kNoSpace);
  disk.SetCapacity(100u << 20);
  for (int i = 0; i < 250; ++i) driver.Turn(10);
  CHECK(Attempt(&driver, driver.Put(0, "again", "x")).ok());
  driver.engine->Stats(&stats);
  CHECK(!stats.lanes[0].read_only);
  REQUIRE(driver.Stop().ok());
  Driver after(&disk, SpaceOptions());
  REQUIRE(after.Start().ok());
  CHECK(*after.Get(0, "again") == "x");
  CHECK(*after.Get(0, "k1") == value);
  CHECK(!after.Get(0, "k0").has_value());
}

TEST_CASE("vlog space: deletes end when their reserve ends, and nothing is lost") {
  SimDisk disk{SimOptions()};
  Driver driver(&disk, SpaceOptions());
  REQUIRE(driver.Start().ok());
  disk.SetCapacity(6u << 20);
  int written = 0;
  const std::string value(2000, 'v');
  while (Attempt(&driver, driver.Put(0, "k" + std::to_string(written), value)).ok()) ++written;
  Status status;
  int deleted = 0;
  for (; deleted < written; ++deleted) {
    const std::string key = "k" + std::to_string(deleted);
    status = Attempt(&driver, driver.Del(0, key));
    if (!status.ok()) break;
  }
  driver.Abandon();
  Driver after(&disk, SpaceOptions());
  REQUIRE(after.Start().ok());
  CHECK(after.engine->KeyCount(0) == static_cast<uint64_t>(written - deleted));
}

TEST_CASE("vlog space: a failed write or sync stops the lane with a reason; reads go on") {
  for (const bool sync : {false, true}) {
    SimDisk disk{SimOptions()};
    EngineOptions options = SpaceOptions();
    options.lanes = 2;
    if (sync) options.fsync = FsyncPolicy::kEverySecond;
    Driver driver(&disk, options);
    REQUIRE(driver.Start().ok());
    std::string other = "b";  // in the other lane
    while (driver.engine->LaneOf(ShardOf("a")) == driver.engine->LaneOf(ShardOf(other)))
      other += "b";
    REQUIRE(driver.Write({driver.Put(0, "a", "1")}).ok());
    REQUIRE(driver.Write({driver.Put(0, other, "1")}).ok());
    const uint32_t lane = driver.engine->LaneOf(ShardOf("a"));
    disk.Inject({sync ? SimOp::kSync : SimOp::kWrite, "", 0, 1, EIO});
    const uint64_t calls = driver.durable_calls;
    const Status status = driver.Write({driver.Put(0, "a", "2")});
    CHECK(status.code() == Code::kIoError);
    CHECK(driver.durable_calls > calls);
    std::string reason;
    REQUIRE(driver.engine->LaneFailed(lane, &reason));
    CHECK(reason.find(".vlog") != std::string::npos);
    CHECK(reason.find("failed") != std::string::npos);
    CHECK(!driver.engine->LaneFailed(1 - lane, nullptr));
    std::vector<Ticket> tickets;
    CHECK(driver.TryApply({driver.Put(0, "a", "3")}, &tickets).code() == Code::kReadOnly);
    CHECK(driver.TryApply({driver.Del(0, "a")}, &tickets).code() == Code::kReadOnly);
    CHECK(driver.TryApply({driver.Flush(0)}, &tickets).code() == Code::kReadOnly);
    // What was not durable is read with a ticket that will not come due.
    CHECK(*driver.Get(0, "a") == "2");
    CHECK(driver.Meta(0, "a").ticket.position > driver.engine->DurablePosition(lane));
    CHECK(*driver.Get(0, other) == "1");
    CHECK(driver.Write({driver.Put(0, other, "2")}).ok());
    CHECK(!driver.Stop().ok());
    Driver after(&disk, options);
    REQUIRE(after.Start().ok());
    CHECK(*after.Get(0, other) == "2");
    CHECK(after.Write({after.Put(0, "a", "4")}).ok());
  }
}

TEST_CASE("vlog space: segments without live records are given back, deleted keys stay deleted") {
  SimDisk disk{SimOptions()};
  EngineOptions options = SpaceOptions();
  options.segment_bytes = 256u << 10;
  uint64_t peak = 0;
  for (int round = 0; round < 3; ++round) {
    Driver driver(&disk, options);
    REQUIRE(driver.Start().ok());
    if (round == 0) REQUIRE(driver.Write({driver.Put(0, "gone", "x")}).ok());
    if (round == 0) REQUIRE(driver.Write({driver.Del(0, "gone")}).ok());
    for (int i = 0; i < 1500; ++i) {
      REQUIRE(
          driver.Write({driver.Put(0, "k" + std::to_string(i % 20), std::string(3000, 'a'))}).ok());
      peak = std::max(peak, disk.UsedBytes());
    }
    for (int i = 0; i < 300; ++i) driver.Turn(50);
    EngineStats stats;
    driver.engine->Stats(&stats);
    CHECK(stats.lanes[0].segments <= 4);
    CHECK(driver.engine->KeyCount(0) == 20);
    CHECK(!driver.Get(0, "gone").has_value());
    if (round == 1) {
      driver.Abandon();
    } else {
      REQUIRE(driver.Stop().ok());
    }
  }
  CHECK(peak < (24u << 20));  // 13 MiB were written
}

TEST_CASE("vlog space: a segment in use by an older value is not given back") {
  SimDisk disk{SimOptions()};
  EngineOptions options = SpaceOptions();
  options.segment_bytes = 256u << 10;
  for (int round = 0; round < 2; ++round) {
    Driver driver(&disk, options);
    REQUIRE(driver.Start().ok());
    if (round == 0) REQUIRE(driver.Write({driver.Put(0, "old", "value")}).ok());
    for (int i = 0; i < 500; ++i) {
      REQUIRE(driver.Write({driver.Put(0, "k", std::string(3000, 'a'))}).ok());
    }
    for (int i = 0; i < 200; ++i) driver.Turn(50);
    CHECK(*driver.Get(0, "old") == "value");
    EngineStats stats;
    driver.engine->Stats(&stats);
    CHECK(stats.lanes[0].segments >= 6);
    driver.Abandon();
  }
}

TEST_CASE("vlog space: a write that meets a full disk is kept and tried again") {
  for (const bool close : {false, true}) {
    SimDisk disk{SimOptions()};
    Driver driver(&disk, SpaceOptions());
    REQUIRE(driver.Start().ok());
    REQUIRE(driver.Write({driver.Put(0, "a", "1")}).ok());
    disk.Inject({SimOp::kWrite, "", 0, 1, ENOSPC});
    std::vector<Ticket> tickets;
    REQUIRE(driver.TryApply({driver.Put(0, "a", "2")}, &tickets).ok());
    for (int i = 0; i < 20; ++i) driver.Turn(10);
    CHECK(!driver.Durable(tickets));
    CHECK(!driver.engine->LaneFailed(0, nullptr));
    EngineStats stats;
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
