// Numbers of units in the log: dense in each lane, whatever ended the server, and never given away
// twice.
#include <map>
#include <random>

#include "io/sim_disk.h"
#include "vlog/checkpoint/checkpoint_file.h"
#include "vlog/log/log_reader.h"
#include "vlog/log/manifest.h"
#include "vlog_testing.h"

using namespace cairn;
using namespace cairn::testing;
using namespace cairn::vlog;

namespace {

constexpr const char* kDir = "/data";

Manifest ManifestOf(Disk* disk) {
  bool found = false;
  Result<Manifest> manifest = LoadManifest(kDir, disk, &found);
  REQUIRE(manifest.ok());
  REQUIRE(found);
  return std::move(manifest.value());
}

struct Told {
  uint64_t first = 0;  // number of the first unit in a commit
  uint64_t units = 0;  // in it
};

// What the commits of the log say, by lane of the current epoch.
std::map<uint32_t, std::vector<Told>> Commits(Disk* disk) {
  std::map<uint32_t, std::vector<Told>> lanes;
  const Manifest manifest = ManifestOf(disk);
  for (const SegmentEntry& entry : InReadingOrder(manifest)) {
    if (entry.before != 0 || entry.epoch != manifest.epoch) continue;
    const std::unique_ptr<Segment> segment = NewSegment(entry);
    segment->file =
        std::move(disk->OpenDirect(SegmentPath(kDir, entry.id), Disk::Mode::kRead).value());
    const uint64_t size = segment->file->Size().value();
    SegmentReader reader(segment.get(), size, 64u << 10);
    uint64_t at = ReadSegmentHeader(segment->file.get()).value().block_bytes;
    for (uint64_t end = at;; at = AlignUp(end, kBlockBytesMin)) {
      RecordHeader header;
      const char* data = nullptr;
      const char* why = nullptr;
      REQUIRE(reader.Record(at, size, &header, &data, &why).ok());
      if (data == nullptr || TypeOf(header) != RecordType::kCommit) break;
      const CommitPayload commit = LoadCommit(header, data);
      Told told = {commit.first_unit, 0};
      end = at + commit.bytes;
      for (uint64_t next = at + BytesOf(header); next < end; next += BytesOf(header)) {
        REQUIRE(reader.Record(next, end, &header, &data, &why).ok());
        REQUIRE(data != nullptr);
        told.units += OpensUnit(header) ? 1 : 0;
      }
      lanes[entry.lane].push_back(told);
    }
  }
  return lanes;
}

VlogOptions Lanes(uint32_t lanes) {
  VlogOptions options = Driver::Options(kDir);
  options.lanes = lanes;
  return options;
}

}  // namespace

TEST_CASE("vlog units: each lane counts its own, over groups, commits and ends of all kinds") {
  std::mt19937 random(7);
  SimDisk disk{SimOptions()};
  const VlogOptions options = Lanes(3);
  std::map<uint32_t, uint64_t> expected;
  for (int life = 0; life < 9; ++life) {
    Driver driver(&disk, options);
    REQUIRE(driver.Start().ok());
    for (int i = 0; i < 50; ++i) {
      std::vector<std::string> keys;
      for (uint32_t n = 0; n < 1 + (random() % 3 == 0 ? random() % 12 : 0); ++n)
        keys.push_back("key " + std::to_string(random() % 1000));
      std::vector<WriteOp> ops;
      std::set<uint32_t> touched;
      for (const std::string& key : keys) {
        ops.push_back(driver.Put(0, key, "value"));
        touched.insert(ShardOf(key) % options.lanes);
      }
      if (random() % 20 == 0) {
        ops = {driver.Flush(1)};
        touched = {0, 1, 2};
      }
      REQUIRE(driver.Write(ops).ok());
      for (const uint32_t lane : touched) ++expected[lane];
    }
    if (life % 3 == 0) {
      REQUIRE(driver.Stop().ok());
    } else if (life % 3 == 1) {
      driver.Abandon();
      disk.Kill();
    } else {
      driver.Abandon();
      disk.Crash();
    }
    for (const auto& [lane, commits] : Commits(&disk)) {
      CAPTURE(lane);
      uint64_t next = 1;
      for (const Told& told : commits) {
        CHECK(told.first == next);
        next += told.units;
      }
      CHECK(next - 1 == expected[lane]);
    }
    CheckIntact(CheckVlogDirectory(kDir, &disk, 0).value());
  }
}

TEST_CASE("vlog units: a new epoch counts from the beginning") {
  SimDisk disk{SimOptions()};
  for (uint32_t lanes = 1; lanes < 4; ++lanes) {
    Driver driver(&disk, Lanes(lanes));
    REQUIRE(driver.Start().ok());
    for (int i = 0; i < 20; ++i)
      REQUIRE(driver.Write({driver.Put(0, std::to_string(i), "value")}).ok());
    REQUIRE(driver.Stop().ok());
    for (const auto& [lane, commits] : Commits(&disk)) CHECK(commits.front().first == 1);
  }
}

TEST_CASE("vlog units: no number comes again when the segments that told are gone") {
  SimDisk disk{SimOptions()};
  {
    Driver driver(&disk, Lanes(1));
    REQUIRE(driver.Start().ok());
    for (int i = 0; i < 20; ++i) REQUIRE(driver.Write({driver.Put(0, "key", "value")}).ok());
    REQUIRE(driver.Stop().ok());
  }
  // As garbage collection would leave it: all was dead, and of the log only the next segment is
  // there.
  Manifest manifest = ManifestOf(&disk);
  CHECK(manifest.units == std::vector<uint64_t>{21});
  REQUIRE(manifest.segments.size() == 2);
  REQUIRE(disk.Remove(SegmentPath(kDir, manifest.segments.front().id)).ok());
  manifest.segments.erase(manifest.segments.begin());
  manifest.checkpoints.clear();
  manifest.clean = false;
  manifest.clean_ends.clear();
  REQUIRE(SaveManifest(kDir, &disk, manifest).ok());
  Driver driver(&disk, Lanes(1));
  REQUIRE(driver.Start().ok());
  REQUIRE(driver.Write({driver.Put(0, "key", "later")}).ok());
  REQUIRE(driver.Stop().ok());
  CHECK(Commits(&disk)[0].front().first == 21);
  CHECK(ManifestOf(&disk).units == std::vector<uint64_t>{22});
}

TEST_CASE("vlog units: a start from a checkpoint goes on with the numbers it knows") {
  for (const bool more : {false, true}) {
    CAPTURE(more);
    SimDisk disk{SimOptions()};
    {
      Driver driver(&disk, Lanes(1));
      REQUIRE(driver.Start().ok());
      for (int i = 0; i < 20; ++i) REQUIRE(driver.Write({driver.Put(0, "key", "value")}).ok());
      const uint64_t asked = driver.engine->RequestSave();
      for (int i = 0; i < 1000 && driver.engine->Saves().done < asked; ++i) driver.Turn();
      REQUIRE(driver.engine->Saves().last_ok);
      if (more) REQUIRE(driver.Write({driver.Put(0, "key", "value")}).ok());
      driver.Abandon();
      disk.Kill();
    }
    Manifest manifest = ManifestOf(&disk);
    REQUIRE(manifest.checkpoints.size() == 1);
    const Result<CheckpointInfo> info =
        ReadCheckpointInfo(&disk, CheckpointPath(kDir, manifest.checkpoints[0].id));
    REQUIRE(info.ok());
    CHECK(info.value().units == std::vector<uint64_t>{21});
    manifest.units.clear();  // the checkpoint alone must do
    REQUIRE(SaveManifest(kDir, &disk, manifest).ok());
    Driver driver(&disk, Lanes(1));
    REQUIRE(driver.Start().ok());
    REQUIRE(driver.Write({driver.Put(0, "key", "later")}).ok());
    REQUIRE(driver.Stop().ok());
    CHECK(Commits(&disk)[0].back().first == (more ? 22u : 21u));
  }
}
