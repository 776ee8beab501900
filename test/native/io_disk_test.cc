// The contract of Disk and File, on the real disk and on the simulated one; then what only the real
// one has.
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <filesystem>
#include <fstream>

#include "io/sim_disk.h"
#include "io_testing.h"

namespace cairn {
namespace {

using Mode = Disk::Mode;

// Runs the calling test case once per kind of disk.
struct AnyDisk {
  ScratchDir scratch;
  std::unique_ptr<Disk> disk;
  std::string dir;
  AnyDisk() {
    SUBCASE("real") {
      disk = NewPosixDisk(IoBackend::kAuto);
      dir = scratch.path();
    }
    SUBCASE("simulated") {
      disk = std::make_unique<SimDisk>(SimOptions{});
      dir = "/data";
      CHECK_OK(disk->CreateDir(dir));
    }
    REQUIRE(disk != nullptr);
  }
  std::string operator/(const std::string& name) const { return dir + "/" + name; }
};

TEST_CASE_FIXTURE(AnyDisk, "disk: open modes") {
  const std::string path = *this / "file";
  CHECK(disk->OpenDirect(path, Mode::kRead).status().sys_errno() == ENOENT);
  CHECK(disk->OpenDirect(path, Mode::kReadWrite).status().sys_errno() == ENOENT);
  {
    auto file = Take(disk->OpenDirect(path, Mode::kCreate));
    CHECK(file->path() == path);
    CHECK(Take(file->Size()) == 0);
    CHECK(file->alignment().offset >= 512);
    CHECK(file->alignment().memory >= 512);
  }
  CHECK(disk->OpenDirect(path, Mode::kCreate).status().sys_errno() == EEXIST);
  auto reader = Take(disk->OpenDirect(path, Mode::kRead));
  const Block block(4096, 'x');
  CHECK(reader->WriteAt(0, block.data(), block.size()).sys_errno() == EBADF);
  CHECK(disk->OpenDirect(*this / "none/file", Mode::kCreate).status().sys_errno() == ENOENT);
}

TEST_CASE_FIXTURE(AnyDisk, "disk: write, read back, end of file, truncate") {
  auto file = Take(disk->OpenDirect(*this / "file", Mode::kCreate));
  Block block(8192);
  std::memset(block.data(), 'a', 4096);
  std::memset(block.data() + 4096, 'b', 4096);
  CHECK_OK(file->WriteAt(4096, block.data(), block.size()));
  CHECK_OK(file->Sync());
  CHECK(Take(file->Size()) == 12288);
  Block back(16384, '?');
  CHECK(Take(file->ReadAt(0, back.data(), back.size())) == 12288);
  CHECK(back.view().substr(0, 4096) == std::string(4096, '\0'));
  CHECK(back.view().substr(4096, 8192) == block.view());
  CHECK(Take(file->ReadAt(12288, back.data(), 4096)) == 0);
  CHECK(Take(file->ReadAt(1 << 20, back.data(), 4096)) == 0);
  CHECK_OK(file->Truncate(8192));
  CHECK(Take(file->Size()) == 8192);
  CHECK_OK(file->Truncate(12288));
  CHECK(Take(file->ReadAt(8192, back.data(), 4096)) == 4096);
  CHECK(back.view().substr(0, 4096) == std::string(4096, '\0'));
  CHECK_OK(file->Truncate(5000));  // an end off the alignment cuts the read there
  CHECK(Take(file->ReadAt(4096, back.data(), 8192)) == 904);
}

TEST_CASE_FIXTURE(AnyDisk, "disk: allocate extends with zeros, and refuses what does not fit") {
  auto file = Take(disk->OpenDirect(*this / "file", Mode::kCreate));
  CHECK_OK(file->Allocate(0, 1 << 20));
  CHECK(Take(file->Size()) == 1 << 20);
  Block block(4096, 'x');
  CHECK(Take(file->ReadAt(1 << 19, block.data(), block.size())) == block.size());
  CHECK(block.view() == std::string(4096, '\0'));
  const uint64_t free_bytes = Take(disk->FreeBytes(dir));
  const Status refused = file->Allocate(1 << 20, free_bytes + (uint64_t{1} << 36));
  CHECK(refused.code() == Code::kNoSpace);
  CHECK(Take(file->Size()) == 1 << 20);
  CHECK(refused.message().find("file: allocate") != std::string::npos);
}

TEST_CASE_FIXTURE(AnyDisk, "disk: directories and names") {
  CHECK_OK(disk->CreateDir(*this / "a/b/c"));
  CHECK_OK(disk->CreateDir(*this / "a/b/c"));
  CHECK(Take(disk->Exists(*this / "a/b")));
  CHECK(!Take(disk->Exists(*this / "a/x")));
  for (const char* name : {"a/2", "a/10", "a/1"}) {
    Take(disk->OpenDirect(*this / name, Mode::kCreate));
  }
  CHECK(Take(disk->List(*this / "a")) == std::vector<std::string>{"1", "10", "2", "b"});
  CHECK_OK(disk->Rename(*this / "a/1", *this / "a/b/one"));
  CHECK(disk->Rename(*this / "a/1", *this / "a/b/one").sys_errno() == ENOENT);
  CHECK_OK(disk->Remove(*this / "a/2"));
  CHECK(disk->Remove(*this / "a/2").sys_errno() == ENOENT);
  CHECK_OK(disk->SyncDir(*this / "a"));
  CHECK(disk->SyncDir(*this / "none").sys_errno() == ENOENT);
  CHECK(Take(disk->List(*this / "a/b")) == std::vector<std::string>{"c", "one"});
  CHECK(disk->CreateDir(*this / "a/b/one").sys_errno() == ENOTDIR);
  CHECK(disk->List(*this / "none").status().sys_errno() == ENOENT);
}

TEST_CASE_FIXTURE(AnyDisk, "disk: a removed file lives while it is open") {
  auto file = Take(disk->OpenDirect(*this / "file", Mode::kCreate));
  Block block(4096, 'x');
  CHECK_OK(file->WriteAt(0, block.data(), block.size()));
  CHECK_OK(disk->Remove(*this / "file"));
  Block back(4096);
  CHECK(Take(file->ReadAt(0, back.data(), back.size())) == 4096);
  CHECK(back.view() == block.view());
}

TEST_CASE_FIXTURE(AnyDisk, "disk: small files are replaced as a whole") {
  const std::string path = *this / "manifest";
  CHECK(disk->ReadSmall(path).status().sys_errno() == ENOENT);
  CHECK_OK(disk->WriteSmallAtomic(path, "first version, longer"));
  CHECK_OK(disk->WriteSmallAtomic(path, "second"));
  CHECK(Take(disk->ReadSmall(path)) == "second");
  CHECK_OK(disk->WriteSmallAtomic(path, ""));
  CHECK(Take(disk->ReadSmall(path)) == "");
  const std::string big(1 << 20, 'x');
  CHECK_OK(disk->WriteSmallAtomic(path, big));
  CHECK(Take(disk->ReadSmall(path)) == big);
  CHECK(disk->WriteSmallAtomic(path, big + "x").code() == Code::kTooLarge);
  CHECK(Take(disk->List(dir)) == std::vector<std::string>{"manifest"});
  CHECK(disk->WriteSmallAtomic(*this / "none/file", "x").sys_errno() == ENOENT);
}

TEST_CASE_FIXTURE(AnyDisk, "disk: one lock at a time") {
  auto lock = Take(disk->LockFile(*this / "LOCK"));
  const Status busy = disk->LockFile(*this / "LOCK").status();
  CHECK(busy.code() == Code::kBusy);
  CHECK(busy.message().find("LOCK: locked by process ") != std::string::npos);
  lock.reset();
  lock = Take(disk->LockFile(*this / "LOCK"));
  CHECK(lock != nullptr);
}

TEST_CASE("posix disk: the lock names its holder across processes") {
  const ScratchDir scratch;
  int ready[2];
  int release[2];
  REQUIRE(pipe(ready) == 0);
  REQUIRE(pipe(release) == 0);
  const pid_t child = fork();
  if (child == 0) {
    close(release[1]);
    auto disk = NewPosixDisk(IoBackend::kThreads);
    auto lock = disk->LockFile(scratch / "LOCK");
    (void)!write(ready[1], lock.ok() ? "1" : "0", 1);
    char c;
    (void)!read(release[0], &c, 1);  // until the parent closes its end
    _exit(0);
  }
  REQUIRE(child > 0);
  char state = 0;
  REQUIRE(read(ready[0], &state, 1) == 1);
  CHECK(state == '1');
  auto disk = NewPosixDisk(IoBackend::kThreads);
  const Status busy = disk->LockFile(scratch / "LOCK").status();
  CHECK(busy.code() == Code::kBusy);
  CHECK(busy.message() == (scratch / "LOCK") + ": locked by process " + std::to_string(child));
  close(release[0]);
  close(release[1]);
  int status = 0;
  REQUIRE(waitpid(child, &status, 0) == child);
  CHECK(disk->LockFile(scratch / "LOCK").ok());  // the kernel released it with the process
  close(ready[0]);
  close(ready[1]);
}

TEST_CASE("posix disk: direct I/O where the file system has it") {
  const ScratchDir scratch;
  auto disk = NewPosixDisk(IoBackend::kThreads);
  auto file = Take(disk->OpenDirect(scratch / "file", Mode::kCreate));
  INFO("direct: " << file->direct() << ", alignment: memory " << file->alignment().memory
                  << ", offset " << file->alignment().offset);
  // The smallest allowed transfer works.
  const uint32_t unit = file->alignment().offset;
  Block block(unit, 'x');
  CHECK_OK(file->WriteAt(unit, block.data(), unit));
  CHECK(Take(file->ReadAt(unit, block.data(), unit)) == unit);
  if (file->direct()) {
    CHECK(file->WriteAt(1, block.data(), unit).sys_errno() == EINVAL);
  }
}

TEST_CASE("posix disk: files in /dev/shm work, whatever its O_DIRECT") {
  if (access("/dev/shm", W_OK) != 0) return;
  const std::string path = "/dev/shm/cairn-io-test-" + std::to_string(getpid());
  auto disk = NewPosixDisk(IoBackend::kThreads);
  auto file = Take(disk->OpenDirect(path, Mode::kCreate));
  CHECK_OK(disk->Remove(path));
  Block block(4096, 'x');
  CHECK_OK(file->WriteAt(0, block.data(), block.size()));
  CHECK_OK(file->Sync());
  CHECK(Take(file->ReadAt(0, block.data(), block.size())) == 4096);
}

TEST_CASE("posix disk: an unfinished replacement changes nothing") {
  const ScratchDir scratch;
  auto disk = NewPosixDisk(IoBackend::kThreads);
  CHECK_OK(disk->WriteSmallAtomic(scratch / "manifest", "old"));
  std::ofstream(scratch / "manifest.tmp") << "half of the ne";  // as a crash leaves it
  CHECK(Take(disk->ReadSmall(scratch / "manifest")) == "old");
  CHECK_OK(disk->WriteSmallAtomic(scratch / "manifest", "new"));
  CHECK(Take(disk->ReadSmall(scratch / "manifest")) == "new");
  // The name is taken by a directory: refused, the temporary file does not stay.
  CHECK_OK(disk->CreateDir(scratch / "dir/x"));
  CHECK(!disk->WriteSmallAtomic(scratch / "dir", "x").ok());
  CHECK(Take(disk->List(scratch.path())) == std::vector<std::string>{"dir", "manifest"});
}

TEST_CASE("posix disk: the durable-write probe reports, chooses and cleans up") {
  for (const IoBackend backend : {IoBackend::kAuto, IoBackend::kThreads}) {
    const ScratchDir scratch;
    auto disk = NewPosixDisk(backend);
    CHECK(std::string(disk->DurableWriteMethod()) == "RWF_DSYNC");
    std::string report;
    CHECK_OK(disk->ProbeDurableWrite(scratch.path(), &report));
    MESSAGE(report);
    CHECK(report.find("RWF_DSYNC") != std::string::npos);
    const std::string method = disk->DurableWriteMethod();
    CHECK(report.substr(report.size() - method.size()) == method);
    CHECK(Take(disk->List(scratch.path())).empty());
    CHECK_OK(disk->ProbeDurableWrite(scratch.path(), nullptr));
    CHECK(!disk->ProbeDurableWrite(scratch / "none", &report).ok());
  }
}

}  // namespace
}  // namespace cairn
