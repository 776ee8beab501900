// SegmentReader with and without reading ahead.
#include <doctest/doctest.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <memory>
#include <random>

#include "io/sim_disk.h"
#include "vlog/log/log_reader.h"

using namespace cairn;
using namespace cairn::vlog;

namespace {

constexpr uint64_t kBytes = 1000 * 1000;  // ends within a block
constexpr uint64_t kWindow = 16u << 10;

struct Fixture {
  Fixture() : disk(SimOptions()), content(kBytes, 0) {
    std::mt19937_64 rng(3);
    for (char& c : content) c = static_cast<char>(rng());
    auto file = disk.OpenDirect("/segment", Disk::Mode::kCreate);
    REQUIRE(file.ok());
    segment.file = std::move(file.value());
    const uint64_t whole = AlignUp(kBytes, 4096);
    AlignedBuffer buffer = NewAligned(whole);
    std::memcpy(buffer.get(), content.data(), kBytes);
    REQUIRE(segment.file->WriteAt(0, buffer.get(), whole).ok());
    REQUIRE(segment.file->Truncate(kBytes).ok());
    queue = std::move(disk.NewQueue(IoQueueOptions(), nullptr).value());
  }

  // Reads everything in views of up to `most` bytes, going back a little now and then.
  void ReadAll(SegmentReader* reader, uint64_t most, uint64_t seed) {
    std::mt19937_64 rng(seed);
    for (uint64_t at = 0; at < kBytes;) {
      const uint64_t bytes = std::min(1 + rng() % most, kBytes - at);
      const char* data = nullptr;
      REQUIRE(reader->View(at, bytes, &data).ok());
      REQUIRE(data != nullptr);
      REQUIRE(std::memcmp(data, content.data() + at, bytes) == 0);
      at += bytes;
      if (rng() % 50 == 0) at -= std::min<uint64_t>(at, rng() % (2 * most));
      if (rng() % 200 == 0) at += std::min<uint64_t>(kBytes - at, rng() % (4 * kWindow));
    }
    const char* data = nullptr;
    REQUIRE(reader->View(kBytes - 1, 2, &data).ok());
    CHECK(data == nullptr);
  }

  SimDisk disk;
  std::string content;
  Segment segment;
  std::unique_ptr<IoQueue> queue;
};

}  // namespace

TEST_CASE("log reader: what is read ahead is what is there") {
  Fixture fixture;
  for (const uint64_t most : {40u, 3000u, 20000u, 300000u}) {
    for (uint64_t seed = 1; seed <= 5; ++seed) {
      SegmentReader ahead(&fixture.segment, kBytes, kWindow, fixture.queue.get());
      fixture.ReadAll(&ahead, most, seed);
      SegmentReader plain(&fixture.segment, kBytes, kWindow);
      fixture.ReadAll(&plain, most, seed);
    }
  }
  CHECK(fixture.queue->in_flight() == 0);
}

TEST_CASE("log reader: an error or a short read ahead is none until the bytes are asked for") {
  Fixture fixture;
  SimFaults faults;
  faults.read_error = 0.2;
  fixture.disk.SetFaults(faults);
  uint64_t failed = 0;
  SegmentReader reader(&fixture.segment, kBytes, kWindow, fixture.queue.get());
  for (uint64_t at = 0; at + 1000 <= kBytes; at += 1000) {
    const char* data = nullptr;
    Status status = reader.View(at, 1000, &data);
    for (int i = 0; !status.ok() && i < 50; ++i) {
      CHECK(status.code() == Code::kIoError);
      ++failed;
      status = reader.View(at, 1000, &data);
    }
    REQUIRE(status.ok());
    REQUIRE(std::memcmp(data, fixture.content.data() + at, 1000) == 0);
  }
  CHECK(failed > 0);
}
