// Damage: every class of byte a vlog directory has, flipped or cut off. It must be detected,
// reported with file and offset, and never served.
#include <cstring>
#include <map>

#include "io/sim_disk.h"
#include "vlog/log/log_reader.h"
#include "vlog/log/manifest.h"
#include "vlog_testing.h"

using namespace cairn;
using namespace cairn::testing;
using namespace cairn::vlog;

namespace {

constexpr char kDir[] = "/data";
constexpr uint32_t kOneLane = 1;

struct Spot {
  std::string what;
  uint32_t segment = 0;
  uint64_t offset = 0;
};

VlogOptions DamageOptions() {
  VlogOptions options = Driver::Options(kDir);
  options.lanes = kOneLane;
  options.segment_bytes = 64u << 10;
  options.cache_bytes = 0;
  return options;
}

// Two full segments and a bit: single records, a group, deletes, expiries.
std::map<std::string, std::string> Fill(SimDisk* disk, bool clean) {
  std::map<std::string, std::string> model;
  VlogTuning tuning = Driver::Inline();
  tuning.reclaim = false;
  tuning.prepare_bytes = 0;
  Driver driver(disk, DamageOptions(), tuning);
  REQUIRE(driver.Start().ok());
  for (int i = 0; i < 260; ++i) {
    const std::string key = "key:" + std::to_string(i);
    model[key] = std::string(500, static_cast<char>('a' + i % 26)) + std::to_string(i);
    if (i % 10 == 9) {
      const std::string other = "key:" + std::to_string(i - 5);
      REQUIRE(driver.Write({driver.Put(0, key, model[key]), driver.Del(0, other)}).ok());
      model.erase(other);
    } else {
      REQUIRE(driver.Write({driver.Put(0, key, model[key], i % 3 == 0 ? 1ull << 50 : 0)}).ok());
    }
  }
  if (clean) {
    REQUIRE(driver.Stop().ok());
  } else {
    driver.Abandon();
  }
  return model;
}

// All places of interest in the log, by walking it.
std::vector<Spot> Survey(SimDisk* disk) {
  std::vector<Spot> spots;
  bool found = false;
  Result<Manifest> manifest = LoadManifest(kDir, disk, &found);
  REQUIRE(manifest.ok());
  for (const SegmentEntry& entry : manifest.value().segments) {
    Segment segment;
    segment.id = entry.id;
    segment.salt = entry.salt;
    segment.file =
        std::move(disk->OpenDirect(SegmentPath(kDir, entry.id), Disk::Mode::kRead).value());
    const uint64_t size = segment.file->Size().value();
    SegmentReader reader(&segment, size, 64u << 10);
    for (const uint64_t offset : {0, 8, 12, 16, 20, 24, 28, 32, 36, 40, 44, 48, 52, 60, 400}) {
      spots.push_back({"segment header", entry.id, offset});
    }
    uint64_t at = 512;
    uint64_t commit_end = 0;
    while (at < size) {
      RecordHeader header;
      const char* data = nullptr;
      const char* why = nullptr;
      REQUIRE(reader.Record(at, size, &header, &data, &why).ok());
      if (data == nullptr) break;
      const RecordType type = TypeOf(header);
      const std::string name = "type " + std::to_string(static_cast<int>(type)) + " ";
      for (const uint64_t offset : {0, 4, 5, 6, 8, 12, 16, 20}) {
        spots.push_back({name + "header " + std::to_string(offset), entry.id, at + offset});
      }
      if (header.key_bytes != 0) {
        spots.push_back({name + "key", entry.id,
                         at + static_cast<uint64_t>(KeyOf(header, data).data() - data)});
      }
      if (header.value_bytes != 0) {
        spots.push_back({name + "value", entry.id,
                         at + static_cast<uint64_t>(ValueOf(header, data).data() - data) +
                             header.value_bytes - 1});
      }
      if (HasExpiry(type)) spots.push_back({name + "expiry", entry.id, at + 25});
      const uint64_t end = at + BytesOf(header);
      if (ValueOf(header, data).data() + header.value_bytes < data + BytesOf(header)) {
        spots.push_back({name + "padding", entry.id, end - 1});
      }
      if (type == RecordType::kTrailer) {
        spots.push_back({"trailer padding", entry.id, end + 100});
        break;
      }
      if (type == RecordType::kCommit) commit_end = at + LoadCommit(header, data).bytes;
      at = end;
      if (at == commit_end && at % 512 != 0) {
        spots.push_back({"commit padding", entry.id, at});
        at = AlignUp(at, 512);
        spots.push_back({"commit padding", entry.id, at - 1});
      }
    }
  }
  return spots;
}

bool NamesPlace(const CheckFinding& finding, const Spot& spot) {
  return finding.kind == CheckFinding::Kind::kDamaged &&
         finding.file == SegmentPath(kDir, spot.segment) && !finding.reason.empty();
}

bool NamesPlace(const std::string& text, const Spot& spot) {
  return text.find(SegmentPath(kDir, spot.segment)) != std::string::npos &&
         text.find("at offset ") != std::string::npos;
}

}  // namespace

TEST_CASE(
    "vlog damage: a flipped bit anywhere is refused at the start, found by check, and skipped by "
    "salvage") {
  SimDisk disk{SimOptions()};
  const std::map<std::string, std::string> model = Fill(&disk, true);
  const std::vector<Spot> spots = Survey(&disk);
  REQUIRE(spots.size() > 2000);
  size_t step = 0;
  std::map<std::string, int> tried;
  for (const Spot& spot : spots) {
    // All kinds, all headers and trailers, and every 37th of the common ones.
    if (tried[spot.what]++ > 3 && ++step % 37 != 0) continue;
    INFO(spot.what << " in segment " << spot.segment << " at " << spot.offset);
    const std::string path = SegmentPath(kDir, spot.segment);
    disk.FlipBit(path, spot.offset, static_cast<uint32_t>(spot.offset % 8));
    {
      Result<CheckReport> checked = CheckVlogDirectory(kDir, &disk);
      // The version field: another format, refused as such.
      const bool other_version = !checked.ok() && checked.status().code() == Code::kInvalid;
      REQUIRE((checked.ok() || other_version));
      if (checked.ok()) {
        bool named = false;
        for (const CheckFinding& finding : checked.value().findings) {
          named = named || NamesPlace(finding, spot);
        }
        CHECK(named);
      }
    }
    {
      Driver driver(&disk, DamageOptions());
      Result<RecoveryReport> report = driver.Start();
      REQUIRE(!report.ok());
      CHECK(NamesPlace(report.status().message(), spot));
    }
    disk.FlipBit(path, spot.offset, static_cast<uint32_t>(spot.offset % 8));
  }
  Driver driver(&disk, DamageOptions());
  REQUIRE(driver.Start().ok());
  CHECK(driver.engine->KeyCount(0) == model.size());
}

TEST_CASE("vlog damage: salvage drops what cannot be read and nothing else") {
  SimDisk disk{SimOptions()};
  const std::map<std::string, std::string> model = Fill(&disk, true);
  const std::vector<Spot> spots = Survey(&disk);
  std::map<std::string, int> tried;
  for (const Spot& spot : spots) {
    if (tried[spot.what]++ != 5) continue;
    if (spot.what == "segment header" && spot.offset <= 12) continue;
    INFO(spot.what << " in segment " << spot.segment << " at " << spot.offset);
    SimDisk copy{SimOptions()};
    Fill(&copy, true);
    copy.FlipBit(SegmentPath(kDir, spot.segment), spot.offset, 1);
    VlogOptions options = DamageOptions();
    options.salvage = true;
    Result<CheckReport> checked = CheckVlogDirectory(kDir, &copy);
    REQUIRE(checked.ok());
    Driver driver(&copy, options);
    Result<RecoveryReport> report = driver.Start();
    REQUIRE_MESSAGE(report.ok(), report.status().message());
    CHECK(checked.value().live_keys == report.value().keys);
    CHECK(!report.value().damage.empty());
    CHECK(NamesPlace(report.value().damage[0], spot));
    int missing = 0;
    for (const auto& [key, value] : model) {
      const auto got = driver.Get(0, key);
      if (!got.has_value()) {
        ++missing;
      } else {
        CHECK(*got == value);
      }
    }
    CHECK(missing <= 12);
    REQUIRE(driver.Write({driver.Put(0, "new", "value")}).ok());
    driver.Abandon();
  }
}

TEST_CASE("vlog damage: truncated and missing files") {
  SimDisk disk{SimOptions()};
  Fill(&disk, true);
  bool found = false;
  const Manifest manifest = LoadManifest(kDir, &disk, &found).value();
  REQUIRE(manifest.segments.size() >= 3);
  for (const size_t index : {0u, 1u}) {
    const std::string path = SegmentPath(kDir, manifest.segments[index].id);
    for (const uint64_t bytes : {0ull, 100ull, 512ull, 1024ull, 20480ull, 20000ull, 60000ull}) {
      SimDisk copy{SimOptions()};
      Fill(&copy, true);
      REQUIRE(copy.OpenDirect(path, Disk::Mode::kReadWrite).value()->Truncate(bytes).ok());
      INFO(path << " cut to " << bytes);
      Result<CheckReport> checked = CheckVlogDirectory(kDir, &copy);
      REQUIRE(checked.ok());
      CHECK(checked.value().Count(CheckFinding::Kind::kDamaged) >= 1);
      Driver driver(&copy, DamageOptions());
      Result<RecoveryReport> report = driver.Start();
      REQUIRE(!report.ok());
      CHECK(report.status().message().find(path + " at offset ") != std::string::npos);
    }
    SimDisk copy{SimOptions()};
    Fill(&copy, true);
    REQUIRE(copy.Remove(path).ok());
    Driver driver(&copy, DamageOptions());
    Result<RecoveryReport> report = driver.Start();
    REQUIRE(!report.ok());
    CHECK(report.status().message().find(path) != std::string::npos);
  }
}

TEST_CASE("vlog damage: the manifest") {
  SimDisk disk{SimOptions()};
  const std::map<std::string, std::string> model = Fill(&disk, true);
  const std::string path = ManifestPath(kDir);
  const uint64_t size = disk.ReadSmall(path).value().size();
  for (uint64_t offset = 0; offset < size; ++offset) {
    disk.FlipBit(path, offset, 3);
    Driver driver(&disk, DamageOptions());
    Result<RecoveryReport> report = driver.Start();
    REQUIRE(!report.ok());
    CHECK(report.status().message().find(path) != std::string::npos);
    disk.FlipBit(path, offset, 3);
  }
  // Salvage puts a new one together from the segments.
  disk.FlipBit(path, 30, 3);
  VlogOptions options = DamageOptions();
  options.salvage = true;
  {
    Driver driver(&disk, options);
    Result<RecoveryReport> report = driver.Start();
    REQUIRE_MESSAGE(report.ok(), report.status().message());
    CHECK(report.value().damage.size() == 1);
    CHECK(driver.engine->KeyCount(0) == model.size());
  }
  CHECK(disk.Remove(path).ok());
  Driver driver(&disk, DamageOptions());
  CHECK(!driver.Start().ok());
}

TEST_CASE("vlog damage: after a crash, damage before the tail is refused, the tail is cut") {
  for (const bool tail : {false, true}) {
    SimDisk disk{SimOptions()};
    const std::map<std::string, std::string> model = Fill(&disk, false);
    std::vector<Spot> spots = Survey(&disk);
    std::vector<Spot> values;
    for (const Spot& spot : spots) {
      if (spot.what == "type 1 value") values.push_back(spot);
    }
    const Spot spot = tail ? values.back() : values[values.size() - 3];
    disk.FlipBit(SegmentPath(kDir, spot.segment), spot.offset, 0);
    Driver driver(&disk, DamageOptions());
    Result<RecoveryReport> report = driver.Start();
    if (!tail) {
      REQUIRE(!report.ok());
      CHECK(NamesPlace(report.status().message(), spot));
      continue;
    }
    // Without a later commit nothing tells this from a write that a power failure tore.
    REQUIRE(report.ok());
    REQUIRE(report.value().torn_tails.size() == 1);
    CHECK(report.value().torn_tails[0].file == SegmentPath(kDir, spot.segment));
    CHECK(driver.engine->KeyCount(0) ==
          model.size());  // the last group adds one key and removes another
    CHECK(!driver.Get(0, "key:259").has_value());
    CHECK(driver.Get(0, "key:254").has_value());
    CHECK(driver.Stop().ok());
  }
}

TEST_CASE("vlog damage: a record that rots while the server runs is never served") {
  SimDisk disk{SimOptions()};
  const std::map<std::string, std::string> model = Fill(&disk, true);
  const std::vector<Spot> spots = Survey(&disk);
  Driver driver(&disk, DamageOptions());
  REQUIRE(driver.Start().ok());
  uint64_t errors = 0;
  std::map<std::string, int> tried;
  for (const Spot& spot : spots) {
    if (spot.what.rfind("type 1 ", 0) != 0 && spot.what.rfind("type 2 ", 0) != 0) continue;
    if (tried[spot.what]++ > 4) continue;
    INFO(spot.what << " in segment " << spot.segment << " at " << spot.offset);
    const std::string path = SegmentPath(kDir, spot.segment);
    disk.FlipBit(path, spot.offset, 2);
    for (const auto& [key, value] : model) {
      Status status;
      const auto got = driver.Get(0, key, &status);
      if (got.has_value()) {
        CHECK(*got == value);
        continue;
      }
      ++errors;
      CHECK(status.code() == Code::kCorruption);
      CHECK(NamesPlace(status.message(), spot));
    }
    disk.FlipBit(path, spot.offset, 2);
  }
  CHECK(errors > 20);
  VlogStats stats;
  driver.engine->Stats(&stats);
  CHECK(stats.checksum_errors == errors);
}

// Of a transaction one part was durable, with more of the lane behind it; another part was not. The
// start that cuts the first one off is itself cut off, by a power failure that tears its writes.
TEST_CASE("vlog damage: a crash while a start cuts a transaction off") {
  VlogOptions options = Driver::Options(kDir);
  const std::string value(20000, 'v');
  std::string keys[2];  // by lane
  for (int i = 0; keys[0].empty() || keys[1].empty(); ++i) {
    const std::string key = "key" + std::to_string(i);
    keys[ShardOf(key) % 2] = key;
  }
  int cut = 0;
  for (uint64_t seed = 1; seed <= 60; ++seed) {
    bool interrupted = true;
    for (uint64_t step = 1; interrupted; ++step) {
      CAPTURE(seed);
      CAPTURE(step);
      SimOptions sim;
      sim.seed = seed;
      sim.delay_max = 40;
      sim.alignment = {4096, 4096};
      SimDisk disk(sim);
      {
        Driver driver(&disk, options);
        REQUIRE(driver.Start().ok());
        for (const std::string& key : keys) REQUIRE(driver.Write({driver.Put(0, key, "x")}).ok());
        const auto commits = [&](int lane) { return StatsOf(driver).lanes[lane].commits; };
        std::vector<Ticket> tickets;
        const uint64_t before[] = {commits(0), commits(1)};
        REQUIRE(
            driver
                .TryApply({driver.Put(0, keys[0], value), driver.Put(0, keys[1], value)}, &tickets)
                .ok());
        bool more = false;
        while (commits(1) == before[1] && commits(0) < before[0] + 2) {
          driver.Turn(1);
          if (!more && commits(0) == before[0] + 1)
            more = driver.TryApply({driver.Put(0, keys[0], "y")}, &tickets).ok();
        }
        const bool partial = commits(1) == before[1];
        disk.PowerOff();
        driver.Abandon();
        disk.PowerOn();
        if (!partial) break;
      }
      if (step == 1) ++cut;
      disk.PowerOffAt(disk.operations() + step);
      {
        Driver driver(&disk, options);
        interrupted = !driver.Start().ok() || !disk.powered();
        disk.PowerOffAt(0);
        if (driver.engine != nullptr) driver.Abandon();
        if (!disk.powered()) disk.PowerOn();
      }
      Driver driver(&disk, options);
      Result<RecoveryReport> report = driver.Start();
      REQUIRE_MESSAGE(report.ok(), report.status().message());
      for (const std::string& key : keys) CHECK(driver.Get(0, key) == "x");
    }
  }
  CHECK(cut >= 3);
}
