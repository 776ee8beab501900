// What `cairn check` counts as live, against what a start finds in the same directory.
#include <map>

#include "io/sim_disk.h"
#include "vlog/log/manifest.h"
#include "vlog_testing.h"

using namespace cairn;
using namespace cairn::testing;

namespace {

constexpr char kDir[] = "/data";
constexpr uint64_t kPast = 1;
constexpr uint64_t kFuture = 1ull << 50;

VlogOptions CheckOptions(uint32_t lanes) {
  VlogOptions options = Driver::Options(kDir);
  options.lanes = lanes;
  return options;
}

CheckReport Check(SimDisk* disk) {
  Result<CheckReport> report = CheckVlogDirectory(kDir, disk);
  REQUIRE_MESSAGE(report.ok(), report.status().message());
  return report.value();
}

using Live = std::map<std::pair<int, std::string>, std::string>;

void CheckLive(SimDisk* disk, const Live& live) {
  uint64_t bytes = 0;
  for (const auto& [at, value] : live) bytes += at.second.size() + value.size();
  const CheckReport report = Check(disk);
  CHECK(report.findings.empty());
  CHECK(report.live_keys == live.size());
  CHECK(report.live_bytes == bytes);
  CHECK(report.records > report.live_keys);
}

// Ends the driver's life in order or as kill -9 does.
void End(Driver* driver, bool kill) {
  if (kill) return driver->Abandon();
  REQUIRE(driver->Stop().ok());
}

}  // namespace

TEST_CASE("vlog check: live keys after overwrites, removals, expiries, flushes and swaps") {
  for (const bool kill : {false, true}) {
    SimDisk disk{SimOptions()};
    Live live;
    {
      Driver driver(&disk, CheckOptions(3));
      REQUIRE(driver.Start().ok());
      const auto write = [&](const std::vector<WriteOp>& ops) { REQUIRE(driver.Write(ops).ok()); };
      write({driver.Put(0, "over", "first")});
      write({driver.Put(0, "over", "the second")});
      live[{0, "over"}] = "the second";
      write({driver.Put(0, "empty", "")});
      live[{0, "empty"}] = "";
      write({driver.Put(0, "gone", "x")});
      write({driver.Del(0, "gone")});
      write({driver.Put(0, "back", "x")});
      write({driver.Del(0, "back")});
      write({driver.Put(0, "back", "again")});
      live[{0, "back"}] = "again";

      write({driver.Put(0, "expired", "x", kPast)});
      write({driver.Put(0, "mortal", "value", kFuture)});
      live[{0, "mortal"}] = "value";
      write({driver.Put(0, "expired later", "x")});
      write({driver.Expire(0, "expired later", kPast)});
      write({driver.Put(0, "saved", "value", kPast)});
      write({driver.Expire(0, "saved", 0)});
      live[{0, "saved"}] = "value";

      write({driver.Put(1, "flushed", "x")});
      write({driver.Put(1, "flushed too", "x")});
      write({driver.Flush(1)});
      write({driver.Put(1, "after", "flush")});
      live[{1, "after"}] = "flush";

      // The flush must hit what is namespace 2 by then.
      write({driver.Put(2, "swapped", "value")});
      write({driver.Put(3, "other", "x")});
      write({driver.Swap(2, 3)});
      write({driver.Put(2, "third", "x")});
      write({driver.Flush(2)});
      live[{3, "swapped"}] = "value";

      write({driver.Put(0, "one", "1"), driver.Del(0, "over"), driver.Put(5, "one", "11")});
      live[{0, "one"}] = "1";
      live[{5, "one"}] = "11";
      live.erase({0, "over"});
      CHECK(driver.engine->KeyCount(2) == 0);
      End(&driver, kill);
    }
    CheckLive(&disk, live);
    // Epochs with other numbers of lanes; flushes of the first concern its own lanes' shards.
    for (const uint32_t lanes : {2u, 5u, 5u}) {
      Driver driver(&disk, CheckOptions(lanes));
      Result<RecoveryReport> report = driver.Start();
      REQUIRE(report.ok());
      CHECK(report.value().keys == live.size());
      const std::string key = "lanes " + std::to_string(lanes);
      live[{0, key}] = key;
      live[{0, "one"}] = key;
      REQUIRE(driver.Write({driver.Put(0, key, key)}).ok());
      REQUIRE(driver.Write({driver.Put(0, "one", key)}).ok());
      End(&driver, kill);
      CheckLive(&disk, live);
      CHECK(Check(&disk).lanes == lanes);
    }
    {
      Driver driver(&disk, CheckOptions(5));
      REQUIRE(driver.Start().ok());
      REQUIRE(driver.Write({driver.Flush(kAllNamespaces)}).ok());
      REQUIRE(driver.Write({driver.Put(7, "last", "value")}).ok());
      End(&driver, kill);
    }
    CheckLive(&disk, {{{7, "last"}, "value"}});
  }
}

TEST_CASE("vlog check: a transaction that a torn tail cuts in one lane counts in none") {
  SimDisk disk{SimOptions()};
  VlogTuning tuning = Driver::Inline();
  tuning.prepare_bytes = 0;
  const std::vector<std::string> keys = {"a", "b", "c", "d", "e", "f", "g", "h"};
  uint32_t segment = 0;
  uint64_t offset = 0;
  {
    VlogOptions options = CheckOptions(2);
    options.cache_bytes = 0;  // a version says where a value is on disk
    Driver driver(&disk, options, tuning);
    REQUIRE(driver.Start().ok());
    std::vector<WriteOp> ops;
    for (const std::string& key : keys) {
      REQUIRE(driver.Write({driver.Put(0, key, "old")}).ok());
      ops.push_back(driver.Put(0, key, "the newer one"));
    }
    ops.push_back(driver.Put(0, "added", "x"));
    REQUIRE(driver.Write(ops).ok());
    const Entry entry = driver.Meta(0, "a");
    REQUIRE(!entry.resident);
    segment = vlog::PointerOf(entry.version).segment_id;
    offset = vlog::PointerOf(entry.version).offset;
    driver.Abandon();
  }
  const CheckReport whole = Check(&disk);
  CHECK(whole.live_keys == keys.size() + 1);
  const std::string path = vlog::SegmentPath(kDir, segment);
  disk.FlipBit(path, offset + 25, 1);
  const CheckReport torn = Check(&disk);
  CHECK(torn.live_keys == keys.size());
  CHECK(torn.live_bytes == keys.size() * (1 + 3));
  CHECK(torn.Count(CheckFinding::Kind::kDamaged) == 0);
  REQUIRE(torn.Count(CheckFinding::Kind::kTornTail) == 2);  // the lane with the tear, and its peer
  bool named = false;
  for (const CheckFinding& finding : torn.findings) {
    CHECK(!finding.reason.empty());
    named = named || (finding.file == path && finding.offset <= offset && finding.offset > 0);
  }
  CHECK(named);
  Driver driver(&disk, CheckOptions(2), tuning);
  Result<RecoveryReport> report = driver.Start();
  REQUIRE(report.ok());
  CHECK(report.value().keys == torn.live_keys);
  CHECK(driver.Get(0, "h") == "old");
}

TEST_CASE("vlog check: a flush concerns its lane's shards also when another lane is gone") {
  SimDisk disk{SimOptions()};
  Live live;
  {
    Driver driver(&disk, CheckOptions(3));
    REQUIRE(driver.Start().ok());
    REQUIRE(driver.Write({driver.Flush(0)}).ok());
    for (int i = 0; i < 50; ++i) {
      const std::string key = "key" + std::to_string(i);
      if (ShardOf(key) % 3 == 2) continue;
      REQUIRE(driver.Write({driver.Put(0, key, "value")}).ok());
      live[{0, key}] = "value";
    }
    REQUIRE(driver.Stop().ok());
  }
  {
    Driver driver(&disk, CheckOptions(2));
    REQUIRE(driver.Start().ok());
    REQUIRE(driver.Write({driver.Put(0, "over", "x")}).ok());
    REQUIRE(driver.Write({driver.Put(0, "over", "value")}).ok());
    live[{0, "over"}] = "value";
    for (int i = 0; i < 10; ++i) driver.Turn(2000);  // reclaims
    REQUIRE(driver.Stop().ok());
  }
  bool found = false;
  const vlog::Manifest manifest = vlog::LoadManifest(kDir, &disk, &found).value();
  for (const vlog::SegmentEntry& entry : manifest.segments) {
    CHECK((entry.epoch == manifest.epoch || entry.lane < 2));
  }
  CheckLive(&disk, live);
}

TEST_CASE("vlog check: a directory without data") {
  SimDisk disk{SimOptions()};
  REQUIRE(disk.CreateDir(kDir).ok());
  const CheckReport report = Check(&disk);
  CHECK(report.findings.empty());
  CHECK(report.segments == 0);
  CHECK(report.live_keys == 0);
}

TEST_CASE("vlog check: damage told in a text, taken apart") {
  const CheckFinding finding =
      DamageFinding("/data/1.seg at offset 4096: bad; the commit in /data/2.seg at offset 8 says");
  CHECK(finding.kind == CheckFinding::Kind::kDamaged);
  CHECK(finding.file == "/data/1.seg");
  CHECK(finding.offset == 4096);
  CHECK(finding.reason == "bad; the commit in /data/2.seg at offset 8 says");
  for (const std::string text : {"no place", "x at offset y: z", ""}) {
    CHECK(DamageFinding(text).reason == text);
    CHECK(DamageFinding(text).file.empty());
    CHECK(DamageFinding(text).offset == 0);
  }
}
