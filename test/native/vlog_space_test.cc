// Full disks, failing disks, and giving space back.
#include <cerrno>
#include <random>
#include <string>
#include <vector>

#include "vlog_space_testing.h"

using namespace cairn;
using namespace cairn::testing;

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
  VlogStats stats;
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

TEST_CASE("vlog space: a start on a full disk takes the room it needs from what lanes reserved") {
  SimDisk disk{SimOptions()};
  const std::string value(10000, 'v');
  VlogTuning tuning = Driver::Inline();
  tuning.free_bytes_min = VlogTuning().free_bytes_min;  // lanes leave alone what the start frees
  {
    Driver driver(&disk, SpaceOptions(), tuning);
    REQUIRE(driver.Start().ok());
    for (int i = 0; i < 50; ++i)
      REQUIRE(driver.Write({driver.Put(0, "k" + std::to_string(i), value)}).ok());
    driver.Abandon();
  }
  for (int round = 0; round < 3; ++round) {
    disk.SetCapacity(disk.UsedBytes());
    Driver driver(&disk, SpaceOptions(), tuning);
    const Result<RecoveryReport> report = driver.Start();
    REQUIRE_MESSAGE(report.ok(), report.status().message());
    for (int i = round; i < 50; ++i) REQUIRE(*driver.Get(0, "k" + std::to_string(i)) == value);
    CHECK(Attempt(&driver, driver.Del(0, "k" + std::to_string(round))).ok());
    int written = 0;
    while (written < 1000 && Attempt(&driver, driver.Put(0, "new", value)).ok()) ++written;
    CHECK(written < 1000);
    if (round == 1) {
      const Status stopped = driver.Stop();
      CHECK_MESSAGE(stopped.ok(), stopped.message());
    } else {
      driver.Abandon();
    }
  }
}

TEST_CASE("vlog space: a start that finds no room at all says what it needs") {
  SimDisk disk{SimOptions()};
  uint64_t end = 0;
  {
    Driver driver(&disk, SpaceOptions());
    REQUIRE(driver.Start().ok());
    REQUIRE(driver.Write({driver.Put(0, "a", "1")}).ok());
    end = driver.engine->DurablePosition(0);
    driver.Abandon();
  }
  for (uint32_t id = 1; disk.Exists(vlog::SegmentPath("/data", id)).value(); ++id) {
    auto file = disk.OpenDirect(vlog::SegmentPath("/data", id), Disk::Mode::kReadWrite);
    const uint64_t written = vlog::SegmentOf(end) == id ? vlog::OffsetOf(end) : 0;
    REQUIRE(file.value()->Truncate(vlog::AlignUp(written, 4096) + 4096).ok());
  }
  disk.SetCapacity(disk.UsedBytes());
  {
    Driver driver(&disk, SpaceOptions());
    const Status status = driver.Start().status();
    CHECK(status.code() == Code::kNoSpace);
    CHECK(status.message().find("/data/MANIFEST") != std::string::npos);
    CHECK(status.message().find("A start needs 65536 bytes") != std::string::npos);
  }
  disk.SetCapacity(100u << 20);
  Driver driver(&disk, SpaceOptions());
  REQUIRE(driver.Start().ok());
  CHECK(*driver.Get(0, "a") == "1");
}

TEST_CASE("vlog space: lanes that find no room to begin say what they need, and what lowers it") {
  SimDisk disk{SimOptions()};
  VlogOptions options = SpaceOptions();
  options.lanes = 4;
  disk.SetCapacity(9u << 20);  // for two of them
  {
    Driver driver(&disk, options);
    const Status status = driver.Start().status();
    CHECK(status.code() == Code::kNoSpace);
    CHECK(status.message().find("The first segments of 4 lanes need 16777216 bytes, and ") !=
          std::string::npos);
    CHECK(status.message().find("lower segment-size or lanes") != std::string::npos);
  }
  options.lanes = 1;
  Driver driver(&disk, options);
  REQUIRE(driver.Start().ok());
  CHECK(driver.Write({driver.Put(0, "a", "1")}).ok());
}

TEST_CASE("vlog space: a failed write or sync stops the lane with a reason; reads go on") {
  for (const bool sync : {false, true}) {
    SimDisk disk{SimOptions()};
    VlogOptions options = SpaceOptions();
    options.lanes = 2;
    if (sync) options.fsync = FsyncPolicy::kEverySecond;
    Driver driver(&disk, options);
    REQUIRE(driver.Start().ok());
    std::string other = "b";  // in the other lane
    while (driver.engine->LaneOf(ShardOf("a")) == driver.engine->LaneOf(ShardOf(other)))
      other += "b";
    WriteAndRest(&driver, "a");
    WriteAndRest(&driver, other);
    const uint32_t lane = driver.engine->LaneOf(ShardOf("a"));
    disk.Inject({sync ? SimOp::kSync : SimOp::kWrite, "", 0, 1, EIO});
    const uint64_t calls = driver.durable_calls;
    const Status status = driver.Write({driver.Put(0, "a", "2")});
    CHECK(status.code() == Code::kIoError);
    CHECK(driver.durable_calls > calls);
    std::string reason;
    REQUIRE(driver.engine->State(lane, &reason) == StreamState::kFailed);
    CHECK(reason.find(".vlog") != std::string::npos);
    CHECK(reason.find("failed") != std::string::npos);
    CHECK(driver.engine->State(1 - lane) != StreamState::kFailed);
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
  VlogOptions options = SpaceOptions();
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
    VlogStats stats;
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

namespace {

// Overwrites 20 keys until `bytes` of values were written.
void Churn(Driver* driver, uint64_t bytes) {
  const std::string value(3000, 'a');
  for (uint64_t i = 0; i * value.size() < bytes; ++i) {
    REQUIRE(driver->Write({driver->Put(0, "k" + std::to_string(i % 20), value)}).ok());
    if (i % 20 == 0) driver->Turn(50);
  }
  for (int i = 0; i < 100; ++i) driver->Turn(50);
}

}  // namespace

TEST_CASE("vlog space: files of dead segments become new segments, over restarts as well") {
  SimDisk disk{SimOptions()};
  VlogOptions options = SpaceOptions();
  options.segment_bytes = 256u << 10;
  std::string last;
  for (int round = 0; round < 4; ++round) {
    Driver driver(&disk, options);
    const Result<RecoveryReport> report = driver.Start();
    REQUIRE(report.ok());
    // What the older segment left behind the log is no torn write.
    CHECK(report.value().torn_tails.empty());
    if (round > 0) {
      CHECK(*driver.Get(0, "k5") == last);
      CHECK(driver.engine->KeyCount(0) == 20);
    }
    Churn(&driver, 3u << 20);
    last = "round " + std::to_string(round);
    REQUIRE(driver.Write({driver.Put(0, "k5", last)}).ok());
    const VlogStats stats = StatsOf(driver);
    CHECK(stats.segments_recycled >= 5);
    CHECK(stats.spare_segments <= 1);
    CHECK(stats.lanes[0].segments <= 4);
    if (round % 2 == 0) {
      driver.Abandon();
    } else {
      REQUIRE(driver.Stop().ok());
    }
    const Result<CheckReport> checked = CheckVlogDirectory(options.dir, &disk);
    REQUIRE(checked.ok());
    CheckIntact(checked.value());
    CHECK(checked.value().live_keys == 20);
  }
}

TEST_CASE("vlog space: a torn write into a recycled segment is cut and reported") {
  SimDisk disk{SimOptions()};
  VlogOptions options = SpaceOptions();
  options.segment_bytes = 256u << 10;
  Driver driver(&disk, options);
  REQUIRE(driver.Start().ok());
  Churn(&driver, 2u << 20);
  REQUIRE(StatsOf(driver).segments_recycled >= 2);
  REQUIRE(driver.Write({driver.Put(0, "a", "whole")}).ok());
  const uint64_t end = driver.engine->DurablePosition(0);
  REQUIRE(driver.Write({driver.Put(0, "a", "torn")}).ok());
  driver.Abandon();
  {
    const std::string path = vlog::SegmentPath(options.dir, vlog::SegmentOf(end));
    auto file = std::move(disk.OpenDirect(path, Disk::Mode::kReadWrite).value());
    const uint64_t at = vlog::AlignUp(vlog::OffsetOf(end), 512);
    vlog::AlignedBuffer block = vlog::NewAligned(512);
    REQUIRE(file->ReadAt(at, block.get(), 512).value() == 512);
    block.get()[60] ^= 1;
    REQUIRE(file->WriteAt(at, block.get(), 512).ok());
    REQUIRE(file->Sync().ok());
  }
  Driver after(&disk, options);
  const Result<RecoveryReport> report = after.Start();
  REQUIRE(report.ok());
  CHECK(report.value().torn_tails.size() == 1);
  CHECK(*after.Get(0, "a") == "whole");
}

TEST_CASE("vlog space: on a full disk spares give way to the log") {
  SimDisk disk{SimOptions()};
  VlogOptions options = SpaceOptions();
  options.segment_bytes = 1u << 20;
  Driver driver(&disk, options);
  REQUIRE(driver.Start().ok());
  const std::string value(3000, 'a');
  WriteUntilSpare(&driver);
  const uint64_t free = 64u << 10;
  disk.SetCapacity(disk.UsedBytes() + free);
  uint64_t written = 0;
  Status status;
  for (int i = 0; written < (4u << 20); ++i, written += value.size()) {
    status = Attempt(&driver, driver.Put(0, "new" + std::to_string(i), value));
    if (!status.ok()) break;
  }
  CHECK(status.code() == Code::kNoSpace);
  CHECK(StatsOf(driver).spare_segments == 0);
  CHECK(written > (1u << 20));
}

TEST_CASE(
    "vlog space: spares stay while somebody writes, however slowly, and go when nobody does") {
  SimDisk disk{SimOptions()};
  VlogOptions options = SpaceOptions();
  options.segment_bytes = 1u << 20;
  Driver driver(&disk, options);
  REQUIRE(driver.Start().ok());
  WriteUntilSpare(&driver);
  // A minute in which no segment fills.
  for (int i = 0; i < 12; ++i) {
    REQUIRE(driver.Write({driver.Put(0, "slow", "x")}).ok());
    for (int turn = 0; turn < 100; ++turn) driver.Turn(50);
  }
  CHECK(StatsOf(driver).spare_segments == 1);
  for (int turn = 0; turn < 500; ++turn) driver.Turn(50);
  CHECK(StatsOf(driver).spare_segments == 0);
}

TEST_CASE("vlog space: a segment that somebody linked to is never written again") {
  TempDir dir;
  auto disk = NewPosixDisk(IoBackend::kAuto);
  VlogOptions options = SpaceOptions();
  options.dir = dir.path() + "/data";
  options.segment_bytes = 256u << 10;
  Driver driver(disk.get(), options);
  REQUIRE(driver.Start().ok());
  const std::string first = vlog::SegmentPath(options.dir, 1);
  const std::string copy = dir.path() + "/copy";
  std::filesystem::create_hard_link(first, copy);
  const std::string value(3000, 'a');
  for (int i = 0; i < 600; ++i) {
    REQUIRE(driver.Write({driver.Put(0, "k" + std::to_string(i % 20), value)}).ok());
    driver.Turn(50);
  }
  CHECK(!std::filesystem::exists(first));
  auto file = std::move(disk->OpenDirect(copy, Disk::Mode::kRead).value());
  CHECK(vlog::ReadSegmentHeader(file.get()).value().segment_id == 1);
  CHECK(StatsOf(driver).segments_recycled >= 1);
}

TEST_CASE("vlog space: a segment in use by an older value is not given back, those behind it are") {
  SimDisk disk{SimOptions()};
  VlogOptions options = SpaceOptions();
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
    VlogStats stats;
    driver.engine->Stats(&stats);
    // It, the active one, and the next; those between hold nothing that anybody needs.
    CHECK(stats.lanes[0].segments <= 4);
    driver.Abandon();
  }
}

TEST_CASE("vlog space: a lane may begin with a unit that its first segment has no room for") {
  SimDisk disk{SimOptions()};
  VlogOptions options = SpaceOptions();
  options.segment_bytes = 64u << 10;
  const std::string value(300000, 'v');
  Driver driver(&disk, options);
  REQUIRE(driver.Start().ok());
  const std::string first =
      vlog::SegmentPath(options.dir, vlog::SegmentOf(driver.engine->DurablePosition(0)));
  driver.engine->RequestSave();  // it notes a place in a segment that stays empty
  for (int i = 0; i < 200; ++i) driver.Turn(10);
  REQUIRE(driver.engine->Saves().written == 1);
  REQUIRE(driver.Write({driver.Put(0, "large", value)}).ok());
  for (int i = 0; i < 500; ++i) driver.Turn(10);
  CHECK(!disk.Exists(first).value());
  driver.Abandon();
  Driver after(&disk, options);
  const Result<RecoveryReport> report = after.Start();
  REQUIRE(report.ok());
  CHECK(report.value().torn_tails.empty());
  CHECK((after.Get(0, "large") == value));
}

TEST_CASE("vlog space: a lane goes on from a segment made for another block to one of this") {
  SimDisk disk{SimOptions()};
  VlogOptions options = SpaceOptions();
  options.segment_bytes = 64u << 10;
  VlogTuning tuning = Driver::Inline();
  tuning.idle_room_bytes = 4096;
  disk.SetDevice({4096, 16384}, true);
  {
    Driver driver(&disk, options, tuning);
    REQUIRE(driver.Start().ok());
    REQUIRE(driver.Write({driver.Put(0, "a", "1")}).ok());
    driver.Abandon();
  }
  disk.SetDevice({512, 512}, true);
  Driver driver(&disk, options, tuning);
  REQUIRE(driver.Start().ok());
  for (int i = 0; i < 40; ++i) {
    REQUIRE(driver.Write({driver.Put(0, "k" + std::to_string(i), std::string(3000, 'v'))}).ok());
    for (int second = 0; second < 15; ++second) driver.Turn(1000);
  }
}

TEST_CASE("vlog space: segments are as large as what lives there asks for, and so are spares") {
  SimDisk disk{SimOptions()};
  VlogOptions options = SpaceOptions();
  options.segment_bytes = 16u << 20;
  VlogTuning tuning = Driver::Inline();
  tuning.gc = true;
  tuning.segment_bytes_min = 64u << 10;
  tuning.allocate_step = 64u << 10;
  Driver driver(&disk, options, tuning);
  REQUIRE(driver.Start().ok());
  const auto key = [](uint32_t i) { return "k" + std::to_string(i); };
  constexpr uint32_t kKeys = 2000;
  const std::string value(4000, 'a');
  std::minstd_rand random(1);
  const auto churn = [&](uint32_t keys, uint32_t writes) {
    for (uint32_t i = 0; i < writes; ++i) {
      REQUIRE(driver.Write({driver.Put(0, key(random() % keys), value)}).ok());
      driver.Turn(1);
    }
  };
  for (uint32_t i = 0; i < kKeys; ++i) REQUIRE(driver.Write({driver.Put(0, key(i), value)}).ok());
  churn(kKeys, 3 * kKeys);
  VlogStats stats = StatsOf(driver);
  // 8 MB live, 3.2 MB of dead allowed, a twelfth of it each.
  CHECK(stats.log_live_bytes > 8000000);
  CHECK(stats.lanes[0].segments > 30);
  CHECK(stats.lanes[0].segments < 90);
  CHECK(stats.log_bytes < stats.log_live_bytes * 165 / 100);
  CHECK(stats.segments_recycled > 10);
  CHECK(stats.spare_bytes <= 2 * (1u << 20));
  // Of what is left, a tenth, and no spare is as large as those of before.
  for (uint32_t i = kKeys / 10; i < kKeys; ++i) REQUIRE(driver.Write({driver.Del(0, key(i))}).ok());
  churn(kKeys / 10, 2 * kKeys);
  for (int i = 0; i < 100; ++i) driver.Turn(10);
  stats = StatsOf(driver);
  CHECK(stats.log_live_bytes < 1000000);
  CHECK(stats.lanes[0].disk_bytes < 2000000);
  CHECK(stats.spare_bytes <= 256u << 10);
  CHECK(driver.engine->CheckAccountsForTest().empty());
}
