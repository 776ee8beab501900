// The disk space of a directory: who may have how much of it, and what becomes of files.
#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "io/sim_disk.h"
#include "vlog/log/manifest.h"
#include "vlog/space/segment_space.h"

using namespace cairn;
using vlog::Segment;
using vlog::SegmentSpace;

namespace {

constexpr uint64_t kSegment = 8u << 20;
constexpr uint64_t kMiB = 1u << 20;

SegmentSpace::Config ConfigOf(Disk* disk) {
  REQUIRE(disk->CreateDir("/data").ok());
  return {.dir = "/data",
          .disk = disk,
          .lanes = 2,
          .segment_bytes = kSegment,
          .segment_bytes_min = kSegment,
          .allocate_step = kSegment,
          .reserve_bytes = 64u << 10,
          .free_bytes_min = kMiB};
}

std::unique_ptr<Segment> Create(SegmentSpace* space, uint32_t id, bool sparing = false) {
  auto segment = std::make_unique<Segment>();
  segment->id = id;
  REQUIRE(space
              ->CreateFile(
                  segment.get(),
                  {.wanted = kSegment, .unit_bytes = 4096, .incarnation = 1, .sparing = sparing})
              .ok());
  return segment;
}

std::vector<std::string> Names(Disk* disk) { return disk->List("/data").value(); }

uint64_t FreeOf(Disk* disk) { return disk->FreeBytes("/data").value(); }

}  // namespace

TEST_CASE("vlog segment space: writers leave alone what garbage collection may have") {
  SimDisk disk{SimOptions()};
  SegmentSpace space;
  REQUIRE(space.Begin(ConfigOf(&disk)).ok());
  space.SetMinFreeBytes(20 * kMiB);
  CHECK(space.kept_back_bytes() == 20 * kMiB);
  disk.SetCapacity(30 * kMiB);
  uint64_t room = 0;
  CHECK(space.FreeForWriters(&room).ok());
  CHECK(room == 10 * kMiB);
  CHECK(space.free_bytes() == 30 * kMiB);
  disk.SetCapacity(20 * kMiB);
  const Status full = space.FreeForWriters(&room);
  CHECK(full.code() == Code::kNoSpace);
  CHECK(full.message().find("min-free-bytes") != std::string::npos);
  CHECK(room == 0);
  CHECK(space.LeavesEnough(16 * kMiB).ok());
  CHECK(space.LeavesEnough(16 * kMiB + 1).code() == Code::kNoSpace);
}

TEST_CASE("vlog segment space: the file of a dead segment becomes the next one") {
  SimDisk disk{SimOptions()};
  SegmentSpace space;
  REQUIRE(space.Begin(ConfigOf(&disk)).ok());
  std::unique_ptr<Segment> first = Create(&space, 1);
  CHECK(first->room_end == kSegment);
  CHECK(!first->recycled);
  const std::string path = first->file->path();
  CHECK(path == vlog::SegmentPath("/data", 1));
  first.reset();
  space.TakeBack(path, kSegment, kSegment, kSegment);
  CHECK(space.spare_count() == 1);
  CHECK(space.spare_bytes() == kSegment);
  const std::unique_ptr<Segment> second = Create(&space, 2);
  CHECK(second->recycled);
  CHECK(second->worn_end == kSegment);
  CHECK(space.recycled() == 1);
  CHECK(space.spare_count() == 0);
  CHECK(Names(&disk) == std::vector<std::string>{"0000000002.vlog"});
}

TEST_CASE("vlog segment space: what does not suit, or is too much, goes") {
  SimDisk disk{SimOptions()};
  SegmentSpace space;
  REQUIRE(space.Begin(ConfigOf(&disk)).ok());
  const auto take_back = [&](uint32_t id, uint64_t bytes, uint64_t wanted, uint64_t spares_max) {
    const std::string path = vlog::SegmentPath("/data", id);
    Create(&space, id).reset();
    space.TakeBack(path, bytes, wanted, spares_max);
    space.RemoveAll();
  };
  take_back(1, 0, kSegment, kSegment);                 // nobody knows how large it is
  take_back(2, kSegment, 4 * kSegment, 8 * kSegment);  // too small
  take_back(3, kSegment, kSegment, kSegment - 1);      // as many bytes are not kept
  CHECK(space.spare_count() == 0);
  CHECK(Names(&disk).empty());
}

TEST_CASE("vlog segment space: who needs space has what is kept for later") {
  SimDisk disk{SimOptions()};
  SegmentSpace space;
  REQUIRE(space.Begin(ConfigOf(&disk)).ok());
  for (const uint32_t id : {1u, 2u}) Create(&space, id).reset();
  space.TakeBack(vlog::SegmentPath("/data", 1), kSegment, kSegment, kSegment);
  space.Remove(vlog::SegmentPath("/data", 2));
  REQUIRE(FreeOf(&disk) > 0);
  // Both of them have to go before another fits.
  disk.SetCapacity(2 * kSegment + 4096);
  Segment other;
  other.file = std::move(disk.OpenDirect("/data/other", Disk::Mode::kCreate).value());
  CHECK(space.Reserve(&other, 2 * kSegment).ok());
  CHECK(Names(&disk) == std::vector<std::string>{"other"});
  CHECK(space.Reserve(&other, 3 * kSegment).code() == Code::kNoSpace);
}

TEST_CASE("vlog segment space: on a full disk a segment takes what its unit needs") {
  SimDisk disk{SimOptions()};
  SegmentSpace space;
  REQUIRE(space.Begin(ConfigOf(&disk)).ok());
  const std::unique_ptr<Segment> segment = Create(&space, 1, true);
  CHECK(segment->room_end < kMiB);
  CHECK(segment->capacity == kSegment);
  CHECK(FreeOf(&disk) > 0);
}
