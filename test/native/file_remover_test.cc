// Deleting large files in pieces.
#include "vlog/space/file_remover.h"

#include <doctest/doctest.h>

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "io/sim_disk.h"
#include "vlog_testing.h"

using namespace cairn;
using namespace cairn::testing;
using vlog::FileRemover;

namespace {

constexpr uint64_t kPiece = FileRemover::kPieceBytes;

void Make(Disk* disk, const std::string& path, uint64_t bytes) {
  auto file = std::move(disk->OpenDirect(path, Disk::Mode::kCreate).value());
  REQUIRE(file->Allocate(0, bytes).ok());
}

std::vector<std::string> Names(Disk* disk) { return disk->List("/data").value(); }

uint64_t SizeOf(Disk* disk, const std::string& path) {
  return disk->OpenDirect(path, Disk::Mode::kRead).value()->Size().value();
}

}  // namespace

TEST_CASE("file remover: a large file goes piece by piece, and no faster") {
  SimDisk disk{SimOptions()};
  REQUIRE(disk.CreateDir("/data").ok());
  FileRemover remover;
  REQUIRE(remover.Begin("/data", &disk).ok());
  CHECK(remover.Step(1000) == FileRemover::kIdle);
  Make(&disk, "/data/a.vlog", 3 * kPiece + 4096);
  remover.Add("/data/a.vlog");
  CHECK(Names(&disk) == std::vector<std::string>{"a.vlog.gone"});
  uint64_t now = 1000;
  for (uint64_t left = 2; left != UINT64_MAX; --left) {
    CHECK(remover.Step(now) == FileRemover::kPieceMillis);
    CHECK(SizeOf(&disk, "/data/a.vlog.gone") == left * kPiece + 4096);
    CHECK(remover.Step(now + 1) == FileRemover::kPieceMillis - 1);  // it is not time
    CHECK(SizeOf(&disk, "/data/a.vlog.gone") == left * kPiece + 4096);
    now += FileRemover::kPieceMillis;
  }
  CHECK(remover.Step(now) == FileRemover::kIdle);
  CHECK(Names(&disk).empty());
  CHECK(remover.empty());
}

TEST_CASE("file remover: with much to remove there is no pause, and who needs the space has it") {
  SimDisk disk{SimOptions()};
  REQUIRE(disk.CreateDir("/data").ok());
  FileRemover remover;
  REQUIRE(remover.Begin("/data", &disk).ok());
  Make(&disk, "/data/a.vlog", FileRemover::kUnhurriedBytes - 2 * kPiece);
  Make(&disk, "/data/b.vlog", 4 * kPiece);
  remover.Add("/data/a.vlog");
  remover.Add("/data/b.vlog");
  CHECK(remover.Step(1000) == 0);
  CHECK(remover.Step(1000) == FileRemover::kPieceMillis);
  CHECK(disk.UsedBytes() == FileRemover::kUnhurriedBytes);
  CHECK(remover.RemoveOne());
  CHECK(disk.UsedBytes() == 4 * kPiece);
  CHECK(remover.Step(1000 + FileRemover::kPieceMillis) == FileRemover::kPieceMillis);
  CHECK(remover.RemoveOne());
  CHECK(!remover.RemoveOne());
  CHECK(Names(&disk).empty());
  CHECK(remover.Step(5000) == FileRemover::kIdle);
}

TEST_CASE("file remover: what one start leaves behind the next one removes") {
  SimDisk disk{SimOptions()};
  REQUIRE(disk.CreateDir("/data").ok());
  {
    FileRemover remover;
    REQUIRE(remover.Begin("/data", &disk).ok());
    Make(&disk, "/data/a.vlog", 3 * kPiece);
    Make(&disk, "/data/other", 3 * kPiece);
    remover.Add("/data/a.vlog");
    (void)remover.Step(1000);
    remover.Add("/data/none");  // there is no such file
    remover.End();
  }
  FileRemover remover;
  REQUIRE(remover.Begin("/data", &disk).ok());
  CHECK(!remover.empty());
  for (uint64_t now = 1000; !remover.empty() && now < 2000; now += 10) (void)remover.Step(now);
  CHECK(Names(&disk) == std::vector<std::string>{"other"});
}

TEST_CASE("file remover: of a file with another name nothing is cut off") {
  TempDir dir;
  auto disk = NewPosixDisk(IoBackend::kAuto);
  FileRemover remover;
  REQUIRE(remover.Begin(dir.path(), disk.get()).ok());
  const std::string path = dir.path() + "/a.vlog", copy = dir.path() + "/copy";
  Make(disk.get(), path, 3 * kPiece);
  std::filesystem::create_hard_link(path, copy);
  remover.Add(path);
  CHECK(remover.Step(1000) == FileRemover::kIdle);
  CHECK(!std::filesystem::exists(path + ".gone"));
  CHECK(std::filesystem::file_size(copy) == 3 * kPiece);
}

TEST_CASE("file remover: an unused end goes piece by piece, until the file gets another use") {
  SimDisk disk{SimOptions()};
  REQUIRE(disk.CreateDir("/data").ok());
  FileRemover remover;
  REQUIRE(remover.Begin("/data", &disk).ok());
  const std::string path = "/data/a.vlog";
  Make(&disk, path, 5 * kPiece);
  remover.Shorten(path, kPiece + 8192);
  CHECK(SizeOf(&disk, path) == 5 * kPiece);
  uint64_t now = 1000;
  for (uint64_t left = 4; left >= 2; --left) {
    CHECK(remover.Step(now) == FileRemover::kPieceMillis);
    CHECK(SizeOf(&disk, path) == left * kPiece);
    now += FileRemover::kPieceMillis;
  }
  CHECK(remover.Step(now) == FileRemover::kIdle);
  CHECK(SizeOf(&disk, path) == kPiece + 8192);
  CHECK(!remover.RemoveOne());

  Make(&disk, "/data/b.vlog", 5 * kPiece);
  Make(&disk, "/data/c.vlog", 5 * kPiece);
  remover.Shorten("/data/b.vlog", kPiece);
  remover.Shorten("/data/c.vlog", kPiece);
  (void)remover.Step(now);
  remover.Release("/data/b.vlog");  // begun
  CHECK(SizeOf(&disk, "/data/b.vlog") == 4 * kPiece);
  CHECK(remover.RemoveOne());  // who needs the space
  CHECK(SizeOf(&disk, "/data/c.vlog") == kPiece);
  CHECK(remover.Step(now + 1000) == FileRemover::kIdle);
  CHECK(SizeOf(&disk, "/data/b.vlog") == 4 * kPiece);

  remover.Shorten("/data/b.vlog", kPiece);
  remover.Add("/data/b.vlog");  // now it goes altogether
  CHECK(remover.RemoveOne());
  CHECK(!remover.RemoveOne());
  CHECK(Names(&disk) == std::vector<std::string>{"a.vlog", "c.vlog"});
  remover.Shorten("/data/c.vlog", 2 * kPiece);  // it is shorter than that
  CHECK(remover.Step(now + 1000) == FileRemover::kIdle);
}

TEST_CASE("file remover: small files go together, as many as make up a piece") {
  SimDisk disk{SimOptions()};
  REQUIRE(disk.CreateDir("/data").ok());
  FileRemover remover;
  REQUIRE(remover.Begin("/data", &disk).ok());
  for (int i = 0; i < 10; ++i) {
    const std::string path = "/data/" + std::to_string(i);
    Make(&disk, path, kPiece / 4);
    remover.Add(path);
  }
  CHECK(remover.Step(1000) == FileRemover::kPieceMillis);
  CHECK(Names(&disk).size() == 6);
  CHECK(remover.Step(1010) == FileRemover::kPieceMillis);
  CHECK(Names(&disk).size() == 2);
  CHECK(remover.Step(1020) == FileRemover::kIdle);
}
