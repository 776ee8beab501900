// What a directory consists of: the manifest in memory is the one on disk, whatever fails; and
// which removals the checkpoints that are kept still need.
#include <doctest/doctest.h>

#include <cerrno>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "io/sim_disk.h"
#include "vlog/checkpoint/retained_checkpoints.h"
#include "vlog/space/catalog.h"

using namespace cairn;
using vlog::Catalog;
using vlog::CheckpointInfo;
using vlog::LogPosition;
using vlog::Manifest;
using vlog::RetainedCheckpoints;
using vlog::Segment;

namespace {

constexpr uint64_t kMiB = 1u << 20;

// Of one lane, which does not run.
struct Directory {
  Directory() {
    REQUIRE(disk.CreateDir("/data").ok());
    REQUIRE(space
                .Begin({.dir = "/data",
                        .disk = &disk,
                        .lanes = 1,
                        .segment_bytes = 64 * kMiB,
                        .segment_bytes_min = kMiB,
                        .allocate_step = kMiB,
                        .reserve_bytes = 64u << 10})
                .ok());
    catalog.Begin({.dir = "/data",
                   .disk = &disk,
                   .space = &space,
                   .segments = &segments,
                   .lanes = &lanes,
                   .segment_bytes = 64 * kMiB,
                   .segment_bytes_min = kMiB,
                   .salt = 7});
    Manifest* manifest = catalog.AtStart();
    manifest->lanes = manifest->epoch = manifest->incarnation = 1;
    manifest->databases = 16;
  }
  ~Directory() { segments.Clear(); }

  std::unique_ptr<Segment> Create() {
    Result<std::unique_ptr<Segment>> created = catalog.Create(0, 4096, 0, false);
    REQUIRE(created.ok());
    return std::move(created.value());
  }
  void FailNextSave() {
    disk.Inject({.op = SimOp::kWrite, .path = vlog::ManifestPath("/data"), .error = EIO});
  }
  std::vector<uint32_t> InMemory() { return Ids(*catalog.AtStart()); }
  std::vector<uint32_t> OnDisk() {
    bool found = false;
    Result<Manifest> manifest = vlog::LoadManifest("/data", &disk, &found);
    REQUIRE(manifest.ok());
    return Ids(manifest.value());
  }
  static std::vector<uint32_t> Ids(const Manifest& manifest) {
    std::vector<uint32_t> ids;
    for (const vlog::SegmentEntry& entry : manifest.segments) ids.push_back(entry.id);
    return ids;
  }

  SimDisk disk{SimOptions()};
  vlog::SegmentSpace space;
  vlog::SegmentTable segments;
  std::vector<std::unique_ptr<vlog::Lane>> lanes;
  Catalog catalog;
};

// Of a segment of the log; before: of one of survivors.
bool Droppable(const RetainedCheckpoints& retained, uint32_t id, bool first, uint32_t before = 0) {
  vlog::SegmentEntry entry = {};
  entry.id = id;
  entry.epoch = 1;
  entry.before = before;
  return retained.Droppable(*vlog::NewSegment(entry), first);
}

// That knows the log up to the segment `log_from`, which it has to be read from.
CheckpointInfo Checkpoint(uint32_t log_from) {
  CheckpointInfo info;
  info.epoch = info.lanes = 1;
  info.next_segment_id = log_from;
  info.log_from = {LogPosition(log_from, 4096)};
  return info;
}

}  // namespace

TEST_CASE("vlog catalog: a segment is listed when the manifest on disk names it") {
  Directory directory;
  Segment* listed = nullptr;
  REQUIRE(directory.catalog.List(directory.Create(), &listed).ok());
  REQUIRE(listed != nullptr);
  CHECK(directory.segments.Get(listed->id) == listed);
  CHECK(directory.OnDisk() == std::vector<uint32_t>{listed->id});

  std::unique_ptr<Segment> other = directory.Create();
  const uint32_t id = other->id;
  CHECK(id == listed->id + 1);
  Segment* not_listed = nullptr;
  directory.FailNextSave();
  CHECK(!directory.catalog.List(std::move(other), &not_listed).ok());
  CHECK(not_listed == nullptr);
  CHECK(directory.segments.Get(id) == nullptr);
  CHECK(directory.InMemory() == std::vector<uint32_t>{listed->id});
  // Its number is not given twice.
  CHECK(directory.Create()->id == id + 1);
}

TEST_CASE("vlog catalog: a changed manifest counts when it is saved") {
  Directory directory;
  Segment* listed = nullptr;
  REQUIRE(directory.catalog.List(directory.Create(), &listed).ok());
  const std::vector<uint32_t> before = directory.OnDisk();
  std::lock_guard<std::mutex> lock(directory.catalog.mutex());
  Manifest changed = directory.catalog.ManifestLocked();
  changed.segments.clear();
  directory.FailNextSave();
  CHECK(!directory.catalog.ReplaceLocked(changed).ok());
  CHECK(directory.InMemory() == before);
  CHECK(directory.OnDisk() == before);
  CHECK(directory.catalog.ReplaceLocked(changed).ok());
  CHECK(directory.InMemory().empty());
  CHECK(directory.OnDisk().empty());
}

TEST_CASE("vlog catalog: segments are small against what may be dead in their lane") {
  Directory directory;
  directory.catalog.SetAmplification(140);
  std::lock_guard<std::mutex> lock(directory.catalog.mutex());
  CHECK(directory.catalog.WantedBytesLocked(0) == kMiB);
  CHECK(directory.catalog.WantedBytesLocked(300 * kMiB) == 10 * kMiB);  // 120 MiB may be dead
  CHECK(directory.catalog.WantedBytesLocked(30'000 * kMiB) == 64 * kMiB);
  directory.catalog.SetAmplification(200);
  CHECK(directory.catalog.WantedBytesLocked(300 * kMiB) == 25 * kMiB);
}

TEST_CASE("vlog retained checkpoints: removals stay as long as a start could need them") {
  RetainedCheckpoints retained;
  CHECK(retained.none());
  CHECK(retained.newest() == nullptr);
  // From the log alone: needed while anything older is there.
  CHECK(!Droppable(retained, 5, false));
  CHECK(Droppable(retained, 5, true));

  retained.Add(Checkpoint(6), 1);
  CHECK(!retained.none());
  CHECK(!Droppable(retained, 5, false));  // if it turns out to be damaged, the log is read
  retained.Add(Checkpoint(9), 2);
  CHECK(Droppable(retained, 5, false));
  CHECK(!Droppable(retained, 6, false));  // the older one does not know all of it
  CHECK(!Droppable(retained, 6, true));

  // One that is being written may have seen what was removed since it began.
  retained.Begin(Checkpoint(5));
  CHECK(!Droppable(retained, 5, true));
  retained.End();
  CHECK(Droppable(retained, 5, false));

  retained.Add(Checkpoint(12), 2);  // in the place of the oldest
  CHECK(Droppable(retained, 6, false));
  CHECK(vlog::SegmentOf(retained.newest()->log_from[0]) == 12);
  retained.Clear();
  CHECK(retained.none());
}

TEST_CASE("vlog retained checkpoints: survivors are known by their number") {
  RetainedCheckpoints retained;
  CheckpointInfo info = Checkpoint(9);
  info.next_segment_id = 6;  // survivors from there on were not ended when it began
  retained.Add(info, 1);
  retained.Add(info, 2);
  CHECK(Droppable(retained, 6, false));
  CHECK(!Droppable(retained, 6, false, 20));
  CHECK(Droppable(retained, 5, false, 20));
}
