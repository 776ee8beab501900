#include <map>

#include "io/sim_disk.h"
#include "vlog/log/manifest.h"
#include "vlog_testing.h"

using namespace cairn;
using namespace cairn::testing;

namespace {

std::string Value(int seed, size_t bytes) {
  std::string value(bytes, 'x');
  for (size_t i = 0; i < bytes; ++i)
    value[i] = static_cast<char>((static_cast<size_t>(seed) * 131 + i * 7) & 0xff);
  return value;
}

}  // namespace

TEST_CASE("vlog engine: put, get, overwrite, delete, across restarts") {
  TempDir dir;
  std::unique_ptr<Disk> disk = NewPosixDisk(IoBackend::kAuto);
  VlogOptions options = Driver::Options(dir.path() + "/data");
  std::map<std::string, std::string> model;
  for (int round = 0; round < 4; ++round) {
    Driver driver(disk.get(), options);
    Result<RecoveryReport> report = driver.Start();
    REQUIRE_MESSAGE(report.ok(), report.status().message());
    CHECK(report.value().keys == model.size());
    CHECK(report.value().torn_tails.empty());
    CHECK(driver.engine->KeyCount(0) == model.size());
    for (const auto& [key, value] : model) {
      const auto got = driver.Get(0, key);
      REQUIRE(got.has_value());
      CHECK(*got == value);
    }
    for (int i = 0; i < 500; ++i) {
      const std::string key = "key:" + std::to_string((i * 37 + round * 11) % 700);
      if (i % 7 == 3 && model.count(key) != 0) {
        REQUIRE(driver.Write({driver.Del(0, key)}).ok());
        model.erase(key);
        CHECK(!driver.Get(0, key).has_value());
      } else {
        model[key] = Value(i + round * 1000, static_cast<size_t>(i * 13 % 3000));
        REQUIRE(driver.Write({driver.Put(0, key, model[key])}).ok());
        CHECK(*driver.Get(0, key) == model[key]);
      }
    }
    if (round % 2 == 0) {
      CHECK(driver.Stop().ok());
    } else {
      driver.Abandon();
    }
  }
}

TEST_CASE("vlog engine: values that are not cached come from disk") {
  TempDir dir;
  std::unique_ptr<Disk> disk = NewPosixDisk(IoBackend::kAuto);
  VlogOptions options = Driver::Options(dir.path() + "/data");
  options.cache_bytes = 0;
  Driver driver(disk.get(), options);
  REQUIRE(driver.Start().ok());
  std::vector<std::string> values;
  for (int i = 0; i < 300; ++i) {
    values.push_back(Value(i, static_cast<size_t>(i * 101)));
    REQUIRE(driver
                .Write({driver.Put(3, "k" + std::to_string(i), values.back(),
                                   i % 3 == 0 ? 1ull << 60 : 0)})
                .ok());
  }
  VlogStats before;
  driver.engine->Stats(&before);
  for (int i = 0; i < 300; ++i) {
    const Entry entry = driver.Meta(3, "k" + std::to_string(i));
    CHECK(entry.value_bytes == values[static_cast<size_t>(i)].size());
    CHECK(!entry.resident);
    CHECK(entry.ticket.position == 0);
    CHECK(*driver.Get(3, "k" + std::to_string(i)) == values[static_cast<size_t>(i)]);
  }
  VlogStats after;
  driver.engine->Stats(&after);
  CHECK(after.disk_reads == before.disk_reads + 300);
  CHECK(after.cache_bytes == before.cache_bytes);
  CHECK(after.checksum_errors == 0);
}

TEST_CASE("vlog engine: tickets of what is not durable yet, and staged values") {
  TempDir dir;
  std::unique_ptr<Disk> disk = NewPosixDisk(IoBackend::kAuto);
  VlogOptions options = Driver::Options(dir.path() + "/data");
  options.cache_bytes = 0;
  Driver driver(disk.get(), options);
  REQUIRE(driver.Start().ok());
  std::vector<Ticket> tickets;
  REQUIRE(driver.TryApply({driver.Put(0, "a", "1")}, &tickets).ok());
  REQUIRE(tickets.size() == 1);
  CHECK(!driver.Durable(tickets));
  Entry entry;
  {
    LatchGuard guard(driver.engine->ShardLatch(ShardOf("a")));
    driver.engine->Find(0, ShardOf("a"), "a", true, &entry);
  }
  CHECK(entry.resident);
  CHECK(entry.value == "1");
  CHECK(entry.ticket.position != 0);
  CHECK(entry.ticket.position <= tickets[0].position);
  REQUIRE(driver.Write({driver.Put(0, "a", "2")}).ok());
  CHECK(driver.Durable(tickets));
  CHECK(driver.Meta(0, "a").ticket.position == 0);
  REQUIRE(driver.TryApply({driver.Expire(0, "a", 1ull << 50)}, &tickets).ok());
  CHECK(driver.Meta(0, "a").ticket.position == tickets[0].position);
  CHECK(driver.Meta(0, "a").expire_at_ms == 1ull << 50);
  REQUIRE(driver.Write({driver.Put(0, "b{a}", "2")}).ok());
  REQUIRE(driver.TryApply({driver.Del(0, "a")}, &tickets).ok());
  CHECK(!driver.Meta(0, "a").found);
  CHECK(driver.Meta(0, "a").ticket.position == tickets[0].position);
  CHECK(driver.Stop().ok());
}

TEST_CASE("vlog engine: transactions, flush, swap, expiry survive a restart") {
  TempDir dir;
  std::unique_ptr<Disk> disk = NewPosixDisk(IoBackend::kAuto);
  for (const uint32_t lanes : {1u, 3u}) {
    VlogOptions options = Driver::Options(dir.path() + "/data" + std::to_string(lanes));
    options.lanes = lanes;
    for (int round = 0; round < 3; ++round) {
      Driver driver(disk.get(), options);
      REQUIRE(driver.Start().ok());
      if (round == 0) {
        std::vector<WriteOp> ops;
        std::vector<std::string> keys;
        for (int i = 0; i < 50; ++i) keys.push_back("t" + std::to_string(i));
        for (const std::string& key : keys) ops.push_back(driver.Put(0, key, key));
        REQUIRE(driver.Write(ops).ok());
        REQUIRE(
            driver.Write({driver.Put(1, "one", "in 1"), driver.Put(2, "two", "in 2", 1ull << 55)})
                .ok());
        REQUIRE(driver.Write({driver.Swap(1, 2)}).ok());
        REQUIRE(driver.Write({driver.Put(1, "after", "swap"), driver.Expire(2, "one", 1ull << 56)})
                    .ok());
        REQUIRE(driver.Write({driver.Put(5, "x", "y"), driver.Flush(5), driver.Put(5, "z", "kept")})
                    .ok());
      }
      CHECK(driver.engine->KeyCount(0) == 50);
      CHECK(*driver.Get(0, "t7") == "t7");
      CHECK(*driver.Get(2, "one") == "in 1");
      CHECK(*driver.Get(1, "two") == "in 2");
      CHECK(*driver.Get(1, "after") == "swap");
      CHECK(driver.Meta(2, "one").expire_at_ms == 1ull << 56);
      CHECK(driver.Meta(1, "two").expire_at_ms == 1ull << 55);
      CHECK(driver.engine->KeyCount(1) == 2);
      CHECK(driver.engine->ExpiringCount(1) == 1);
      CHECK(driver.engine->ExpiringCount(2) == 1);
      CHECK(driver.engine->KeyCount(5) == 1);
      CHECK(*driver.Get(5, "z") == "kept");
      if (round == 1) {
        driver.Abandon();
      } else {
        CHECK(driver.Stop().ok());
      }
    }
  }
}

TEST_CASE("vlog engine: flush of all namespaces") {
  TempDir dir;
  std::unique_ptr<Disk> disk = NewPosixDisk(IoBackend::kAuto);
  VlogOptions options = Driver::Options(dir.path() + "/data");
  for (int round = 0; round < 2; ++round) {
    Driver driver(disk.get(), options);
    REQUIRE(driver.Start().ok());
    if (round == 0) {
      for (int i = 0; i < 100; ++i) {
        REQUIRE(
            driver.Write({driver.Put(static_cast<uint16_t>(i % 4), "k" + std::to_string(i), "v")})
                .ok());
      }
      REQUIRE(driver.Write({driver.Flush(kAllNamespaces)}).ok());
      VlogStats stats;
      driver.engine->Stats(&stats);
      CHECK(stats.cache_entries == 0);
    }
    for (uint16_t ns = 0; ns < 4; ++ns) CHECK(driver.engine->KeyCount(ns) == 0);
    CHECK(!driver.Get(1, "k1").has_value());
    driver.Turn();
    CHECK(driver.Stop().ok());
  }
}

TEST_CASE("vlog engine: many segments, and a unit larger than one") {
  TempDir dir;
  std::unique_ptr<Disk> disk = NewPosixDisk(IoBackend::kAuto);
  VlogOptions options = Driver::Options(dir.path() + "/data");
  options.segment_bytes = 256u << 10;
  std::map<std::string, std::string> model;
  for (int round = 0; round < 3; ++round) {
    Driver driver(disk.get(), options);
    Result<RecoveryReport> report = driver.Start();
    REQUIRE_MESSAGE(report.ok(), report.status().message());
    for (const auto& [key, value] : model) CHECK(*driver.Get(0, key) == value);
    for (int i = 0; i < 400; ++i) {
      const std::string key = "k" + std::to_string(i);
      model[key] = Value(i + round, 2000 + static_cast<size_t>(i));
      REQUIRE(driver.Write({driver.Put(0, key, model[key])}).ok());
    }
    model["large"] = Value(round, 3u << 20);
    REQUIRE(driver.Write({driver.Put(0, "large", model["large"])}).ok());
    for (const auto& [key, value] : model) CHECK(*driver.Get(0, key) == value);
    VlogStats stats;
    driver.engine->Stats(&stats);
    CHECK(stats.lanes[0].segments + stats.lanes[1].segments >= 4);
    if (round == 1) {
      driver.Abandon();
    } else {
      CHECK(driver.Stop().ok());
    }
  }
}

TEST_CASE("vlog engine: the number of lanes can change between starts") {
  TempDir dir;
  std::unique_ptr<Disk> disk = NewPosixDisk(IoBackend::kAuto);
  VlogOptions options = Driver::Options(dir.path() + "/data");
  std::map<std::string, std::string> model;
  int round = 0;
  for (const uint32_t lanes : {2u, 5u, 1u, 1u, 3u, 3u, 2u}) {
    options.lanes = lanes;
    Driver driver(disk.get(), options);
    Result<RecoveryReport> report = driver.Start();
    REQUIRE_MESSAGE(report.ok(), report.status().message());
    CHECK(report.value().keys == model.size());
    for (const auto& [key, value] : model) {
      const auto got = driver.Get(0, key);
      REQUIRE(got.has_value());
      CHECK(*got == value);
    }
    for (int i = 0; i < 200; ++i) {
      const std::string key = "k" + std::to_string((i + round * 50) % 400);
      if (i % 5 == 2 && model.count(key) != 0) {
        model.erase(key);
        REQUIRE(driver.Write({driver.Del(0, key)}).ok());
      } else {
        model[key] = Value(i + round * 1000, 300);
        REQUIRE(driver.Write({driver.Put(0, key, model[key])}).ok());
      }
    }
    if (++round % 2 == 0) {
      driver.Abandon();
    } else {
      CHECK(driver.Stop().ok());
    }
  }
  Result<CheckReport> checked = CheckVlogDirectory(options.dir, disk.get());
  REQUIRE(checked.ok());
  CheckIntact(checked.value());
  CHECK(checked.value().live_keys == model.size());
}

namespace {

// The files of the current epoch, which here are all there are.
void CheckDiskBytes(const Driver& driver, Disk* disk, const std::string& dir) {
  uint64_t files = 0;
  const Result<std::vector<std::string>> names = disk->List(dir);
  for (const std::string& name : names.value()) {
    uint32_t id;
    if (!vlog::ParseSegmentName(name, &id)) continue;
    auto file = disk->OpenDirect(vlog::SegmentPath(dir, id), Disk::Mode::kRead);
    files += file.value()->Size().value();
  }
  uint64_t bytes = 0;
  uint64_t log_bytes = 0;
  const VlogStats stats = StatsOf(driver);
  for (const LaneStats& lane : stats.lanes) {
    CHECK(lane.log_bytes > lane.live_bytes);
    CHECK(lane.log_bytes < lane.disk_bytes);
    log_bytes += lane.log_bytes;
    bytes += lane.disk_bytes;
  }
  CHECK(bytes == files);
  CHECK(log_bytes == stats.log_bytes);
}

}  // namespace

TEST_CASE("vlog engine: figures of reads by where the value was") {
  SimDisk disk{SimOptions()};
  VlogOptions options = Driver::Options("/data");
  options.cache_bytes = 0;
  Driver driver(&disk, options);
  REQUIRE(driver.Start().ok());
  std::vector<Ticket> tickets;
  REQUIRE(driver.TryApply({driver.Put(0, "key", "value")}, &tickets).ok());
  CHECK(driver.Get(0, "key") == "value");
  CHECK(driver.Meta(0, "key").found);  // nobody asks for the value: not a read
  VlogStats stats = StatsOf(driver);
  CHECK(stats.wal_ring_reads == 1);
  CHECK(stats.disk_reads == 0);

  REQUIRE(driver.Write({driver.Put(0, "other", "x"), driver.Put(0, "key", "newer")}).ok());
  Read read;
  read.version = driver.Meta(0, "key").version;
  driver.engine->Fetch(0, 0, ShardOf("key"), "key", &read);
  stats = StatsOf(driver);
  CHECK(stats.disk_reads == 1);
  CHECK(stats.disk_reads_in_flight == 1);
  CHECK(stats.disk_read_nanos == 0);
  driver.Drain();
  REQUIRE(read.status.has_value());
  stats = StatsOf(driver);
  CHECK(stats.wal_ring_reads == 1);
  CHECK(stats.disk_reads == 1);
  CHECK(stats.disk_reads_in_flight == 0);
  CHECK(stats.disk_read_nanos > 0);
}

TEST_CASE("vlog engine: figures of the disk are the sizes of the files") {
  SimDisk disk{SimOptions()};
  VlogOptions options = Driver::Options("/data");
  options.segment_bytes = 64u << 10;
  VlogTuning tuning = Driver::Inline();
  tuning.reclaim = false;
  for (const bool kill : {false, true, false}) {
    Driver driver(&disk, options, tuning);
    REQUIRE(driver.Start().ok());
    CheckDiskBytes(driver, &disk, options.dir);
    for (int i = 0; i < 300; ++i) {
      REQUIRE(driver.Write({driver.Put(0, "key" + std::to_string(i), std::string(700, 'x'))}).ok());
    }
    driver.Drain();
    for (int i = 0; i < 10; ++i) driver.Turn(2000);  // trims what is sealed
    driver.Drain();
    CheckDiskBytes(driver, &disk, options.dir);
    if (kill) driver.Abandon();
  }
}
