// The simulated disk: each fault its header describes shows up for some seed, and what it promises
// holds for every seed.
#include <errno.h>

#include <algorithm>
#include <set>

#include "io/sim_disk.h"
#include "io_testing.h"

namespace cairn {
namespace {

using Mode = Disk::Mode;
constexpr uint64_t kSeeds = 200;

std::unique_ptr<SimDisk> NewSim(uint64_t seed, const SimFaults& faults = {}) {
  SimOptions options;
  options.seed = seed;
  options.faults = faults;
  auto disk = std::make_unique<SimDisk>(options);
  REQUIRE(disk->CreateDir("/d").ok());
  return disk;
}

// A file whose name is durable and whose `blocks` blocks of 4096 bytes durably hold `fill`.
std::unique_ptr<File> Prepared(SimDisk* disk, char fill, size_t blocks = 1) {
  auto file = Take(disk->OpenDirect("/d/f", Mode::kCreate));
  CHECK_OK(disk->SyncDir("/d"));
  const Block block(blocks * 4096, fill);
  CHECK_OK(file->WriteAt(0, block.data(), block.size()));
  CHECK_OK(file->Sync());
  return file;
}

std::string Content(SimDisk* disk, size_t bytes = 4096) {
  auto file = Take(disk->OpenDirect("/d/f", Mode::kRead));
  const Block block(bytes);
  const size_t n = Take(file->ReadAt(0, block.data(), bytes));
  return std::string(block.view().substr(0, n));
}

std::unique_ptr<IoQueue> NewQueue(SimDisk* disk) {
  return Take(disk->NewQueue(IoQueueOptions{}, nullptr));
}

// Which letters the sectors of this content consist of; '!' if a sector is mixed.
std::set<char> Sectors(const std::string& content) {
  std::set<char> letters;
  for (size_t at = 0; at < content.size(); at += kSimSectorBytes) {
    const std::string sector = content.substr(at, kSimSectorBytes);
    letters.insert(sector == std::string(sector.size(), sector[0]) ? sector[0] : '!');
  }
  return letters;
}

TEST_CASE("sim: a power failure keeps or loses each unsynced sector, old or any later content") {
  int torn = 0;
  std::set<char> seen;
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    auto disk = NewSim(seed);
    auto file = Prepared(disk.get(), 'a');
    auto queue = NewQueue(disk.get());
    for (const char letter : {'b', 'c'}) {
      const Block block(4096, letter);
      CHECK(RunOne(queue.get(), IoOp::kWrite, file.get(), 0, {Iov(block)}) == 4096);
    }
    CHECK(Content(disk.get()) == std::string(4096, 'c'));  // reads see the last write
    CHECK(disk->UnsyncedSectors() == 8);
    disk->Crash();
    CHECK(disk->UnsyncedSectors() == 0);
    const std::set<char> letters = Sectors(Content(disk.get()));
    seen.insert(letters.begin(), letters.end());
    if (letters.size() > 1) ++torn;
  }
  CHECK(seen == std::set<char>{'a', 'b', 'c'});
  CHECK(torn > 100);
}

TEST_CASE("sim: data-synced writes and synced files survive every power failure") {
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    auto disk = NewSim(seed);
    auto file = Prepared(disk.get(), 'a', 2);
    auto queue = NewQueue(disk.get());
    const Block block(4096, 'b');
    CHECK(RunOne(queue.get(), IoOp::kWriteDataSync, file.get(), 0, {Iov(block)}) == 4096);
    // Growing the file: the size is as durable as the bytes.
    CHECK(RunOne(queue.get(), IoOp::kWriteDataSync, file.get(), 8192, {Iov(block)}) == 4096);
    const bool synced = seed % 2 == 0;
    CHECK(RunOne(queue.get(), IoOp::kWrite, file.get(), 4096, {Iov(block)}) == 4096);
    if (synced) CHECK(RunOne(queue.get(), IoOp::kSync, file.get(), 0) == 0);
    disk->Crash();
    const std::string content = Content(disk.get(), 16384);
    REQUIRE(content.size() == 12288);
    CHECK(content.substr(0, 4096) == block.view());
    CHECK(content.substr(8192) == block.view());
    if (synced) CHECK(content.substr(4096, 4096) == block.view());
  }
}

TEST_CASE("sim: a sync covers for certain only what completed before it was handed over") {
  int lost = 0;
  int kept = 0;
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    auto disk = NewSim(seed);
    auto file = Prepared(disk.get(), 'a', 2);
    auto queue = NewQueue(disk.get());
    const Block block(512, 'b');
    TestRequest sync(IoOp::kSync, file.get(), 0);
    TestRequest late(IoOp::kWrite, file.get(), 0, {Iov(block)});
    CHECK(RunOne(queue.get(), IoOp::kWrite, file.get(), 4096, {Iov(block)}) == 512);
    std::vector<TestRequest*> order;
    late.order = sync.order = &order;
    queue->Submit(&late.io);
    queue->Submit(&sync.io);
    Drain(queue.get());
    CHECK(sync.result == 0);
    disk->Crash();
    const std::string content = Content(disk.get(), 8192);
    CHECK(content[4096] == 'b');
    if (order[0] == &late) ++(content[0] == 'b' ? kept : lost);
  }
  CHECK(lost > 10);
  CHECK(kept > 10);
}

TEST_CASE("sim: writes in flight are torn by a power failure, whatever their kind") {
  for (const IoOp op : {IoOp::kWrite, IoOp::kWriteDataSync}) {
    int torn = 0;
    for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
      auto disk = NewSim(seed);
      auto file = Prepared(disk.get(), 'a');
      auto queue = NewQueue(disk.get());
      const Block block(4096, 'b');
      TestRequest request(op, file.get(), 0, {Iov(block)});
      queue->Submit(&request.io);
      queue->Flush();
      disk->Crash();
      CHECK(queue->in_flight() == 1);
      CHECK(queue->Poll() == 1);
      CHECK(request.result == -EIO);
      CHECK(queue->in_flight() == 0);
      const std::set<char> letters = Sectors(Content(disk.get()));
      CHECK(letters.count('!') == 0);
      if (letters.size() == 2) ++torn;
    }
    CHECK(torn > 100);
  }
}

TEST_CASE("sim: what was not flushed never reached the disk") {
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    auto disk = NewSim(seed);
    auto file = Prepared(disk.get(), 'a');
    auto queue = NewQueue(disk.get());
    const Block block(4096, 'b');
    TestRequest request(IoOp::kWrite, file.get(), 0, {Iov(block)});
    queue->Submit(&request.io);
    disk->Crash();
    queue->Wait(1);
    CHECK(request.result == -EIO);
    CHECK(Content(disk.get()) == std::string(4096, 'a'));
  }
}

TEST_CASE("sim: after a power failure old handles are dead, and the disk opens again") {
  auto disk = NewSim(1);
  auto file = Prepared(disk.get(), 'a');
  auto queue = NewQueue(disk.get());
  auto lock = Take(disk->LockFile("/d/LOCK"));
  disk->PowerOff();
  CHECK(!disk->powered());
  const Block block(4096, 'b');
  CHECK(file->ReadAt(0, block.data(), 4096).status().sys_errno() == EIO);
  CHECK(file->WriteAt(0, block.data(), 4096).sys_errno() == EIO);
  CHECK(file->Sync().sys_errno() == EIO);
  CHECK(file->Size().status().sys_errno() == EIO);
  CHECK(disk->OpenDirect("/d/f", Mode::kRead).status().sys_errno() == EIO);
  CHECK(disk->List("/d").status().sys_errno() == EIO);
  CHECK(disk->WriteSmallAtomic("/d/m", "x").sys_errno() == EIO);
  CHECK(!disk->NewQueue(IoQueueOptions{}, nullptr).ok());
  disk->PowerOn();
  CHECK(file->Sync().sys_errno() == EIO);  // still the old handle
  CHECK(RunOne(queue.get(), IoOp::kWrite, file.get(), 0, {Iov(block)}) == -EIO);
  auto again = Take(disk->LockFile("/d/LOCK"));
  lock.reset();  // the old one must not release the new one
  CHECK(disk->LockFile("/d/LOCK").status().code() == Code::kBusy);
  auto fresh = NewQueue(disk.get());
  CHECK(RunOne(fresh.get(), IoOp::kRead, file.get(), 0, {Iov(block)}) == -EIO);
  auto reopened = Take(disk->OpenDirect("/d/f", Mode::kReadWrite));
  CHECK(RunOne(fresh.get(), IoOp::kWriteDataSync, reopened.get(), 0, {Iov(block)}) == 4096);
}

TEST_CASE("sim: killing the process loses nothing that completed, and frees its locks") {
  int changed = 0;
  int whole = 0;
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    auto disk = NewSim(seed);
    auto file = Prepared(disk.get(), 'a', 2);
    auto queue = NewQueue(disk.get());
    auto lock = Take(disk->LockFile("/d/LOCK"));
    Take(disk->OpenDirect("/d/new", Mode::kCreate));
    const Block block(4096, 'b');
    CHECK(RunOne(queue.get(), IoOp::kWrite, file.get(), 0, {Iov(block)}) == 4096);
    TestRequest request(IoOp::kWrite, file.get(), 4096, {Iov(block)});
    queue->Submit(&request.io);
    queue->Flush();
    disk->Kill();
    CHECK(queue->Poll() == 1);
    CHECK(request.result == -EIO);
    CHECK(file->Sync().sys_errno() == EIO);
    CHECK(Take(disk->Exists("/d/new")));
    CHECK(disk->LockFile("/d/LOCK").ok());
    const std::string content = Content(disk.get(), 8192);
    CHECK(content.substr(0, 4096) == block.view());
    const std::set<char> letters = Sectors(content.substr(4096));
    if (letters.count('b') != 0) ++changed;
    if (letters == std::set<char>{'b'}) ++whole;
    CHECK(disk->UnsyncedSectors() > 0);  // a power failure can still take it
  }
  CHECK(changed > whole);
  CHECK(whole > 10);
  CHECK(changed < static_cast<int>(kSeeds));
}

TEST_CASE("sim: names survive a power failure for certain only after SyncDir") {
  int created = 0;
  int removed = 0;
  int renamed = 0;
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    auto disk = NewSim(seed);
    for (const char* name : {"/d/old", "/d/from", "/d/kept"}) {
      Take(disk->OpenDirect(name, Mode::kCreate));
    }
    CHECK_OK(disk->SyncDir("/d"));
    Take(disk->OpenDirect("/d/new", Mode::kCreate));
    CHECK_OK(disk->Remove("/d/old"));
    CHECK_OK(disk->Rename("/d/from", "/d/to"));
    const bool synced = seed % 2 == 0;
    if (synced) CHECK_OK(disk->SyncDir("/d"));
    disk->Crash();
    const std::vector<std::string> names = Take(disk->List("/d"));
    const auto has = [&](const char* name) {
      return std::count(names.begin(), names.end(), name) == 1;
    };
    CHECK(has("kept"));
    CHECK(has("from") != has("to"));  // a rename is atomic
    if (synced) {
      CHECK(names == std::vector<std::string>{"kept", "new", "to"});
      continue;
    }
    created += has("new");
    removed += !has("old");
    renamed += has("to");
  }
  for (const int count : {created, removed, renamed}) {
    CHECK(count > 10);
    CHECK(count < 90);
  }
}

TEST_CASE("sim: a rename to another directory drags the creation along") {
  for (uint64_t seed = 1; seed <= 50; ++seed) {
    auto disk = NewSim(seed);
    CHECK_OK(disk->CreateDir("/e"));
    Take(disk->OpenDirect("/d/f", Mode::kCreate));
    CHECK_OK(disk->Rename("/d/f", "/e/f"));
    CHECK_OK(disk->SyncDir("/e"));
    CHECK_OK(disk->SyncDir("/d"));
    disk->Crash();
    CHECK(Take(disk->List("/d")).empty());
    CHECK(Take(disk->List("/e")) == std::vector<std::string>{"f"});
  }
}

TEST_CASE("sim: a truncation is kept or undone as a whole") {
  std::set<size_t> sizes;
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    auto disk = NewSim(seed);
    auto file = Prepared(disk.get(), 'a', 2);
    CHECK_OK(file->Truncate(2048));
    if (seed % 4 == 0) CHECK_OK(file->Sync());
    disk->Crash();
    const std::string content = Content(disk.get(), 8192);
    sizes.insert(content.size());
    CHECK(content == std::string(content.size(), 'a'));
    if (seed % 4 == 0) CHECK(content.size() == 2048);
  }
  CHECK(sizes == std::set<size_t>{2048, 8192});
}

TEST_CASE("sim: what was written behind a truncation is undone with it") {
  std::set<size_t> sizes;
  bool seen = false;
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    auto disk = NewSim(seed);
    auto file = Prepared(disk.get(), 'a', 2);
    CHECK_OK(file->Truncate(512));
    const Block block(1024, 'b');
    CHECK_OK(file->WriteAt(512, block.data(), block.size()));
    disk->Crash();
    const std::string content = Content(disk.get(), 8192);
    sizes.insert(content.size());
    CHECK(content.substr(0, 512) == std::string(512, 'a'));
    if (content.size() == 8192) CHECK(content == std::string(8192, 'a'));
    seen = seen || content.find('b') != std::string::npos;
  }
  CHECK(sizes == std::set<size_t>{512, 1536, 8192});
  CHECK(seen);
}

TEST_CASE("sim: bytes behind a cut never come back when the file grows again") {
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    auto disk = NewSim(seed);
    auto file = Prepared(disk.get(), 'a', 2);
    CHECK_OK(file->Truncate(512));
    CHECK_OK(file->Allocate(0, 8192));
    CHECK_OK(file->Sync());
    disk->Crash();
    CHECK(Content(disk.get(), 8192) == std::string(512, 'a') + std::string(7680, '\0'));
  }
}

TEST_CASE("sim: an unsynced allocation is kept or lost") {
  std::set<size_t> sizes;
  for (uint64_t seed = 1; seed <= 50; ++seed) {
    auto disk = NewSim(seed);
    auto file = Prepared(disk.get(), 'a');
    CHECK_OK(file->Allocate(0, 65536));
    disk->Crash();
    sizes.insert(Content(disk.get(), 1 << 17).size());
  }
  CHECK(sizes == std::set<size_t>{4096, 65536});
}

TEST_CASE("sim: after a failed sync a later good one does not bring back what was dropped") {
  int lost = 0;
  int kept = 0;
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    auto disk = NewSim(seed);
    auto file = Prepared(disk.get(), 'a');
    const Block block(512, 'b');
    CHECK_OK(file->WriteAt(0, block.data(), 512));
    SimScript script;
    script.op = SimOp::kSync;
    script.error = EIO;
    disk->Inject(script);
    CHECK(file->Sync().sys_errno() == EIO);
    CHECK_OK(file->Sync());
    CHECK(Content(disk.get())[0] == 'b');  // and reads do not tell
    disk->Crash();
    ++(Content(disk.get())[0] == 'b' ? kept : lost);
  }
  CHECK(lost > 50);
  CHECK(kept > 50);
}

TEST_CASE("sim: a full disk refuses what grows, serves the rest, and recovers") {
  SimOptions options;
  options.capacity = 64 * 1024;
  SimDisk disk(options);
  CHECK_OK(disk.CreateDir("/d"));
  auto file = Take(disk.OpenDirect("/d/f", Mode::kCreate));
  CHECK_OK(file->Allocate(0, 32 * 1024));
  CHECK(Take(disk.FreeBytes("/d")) == 32 * 1024);
  CHECK(file->Allocate(0, 65 * 1024).code() == Code::kNoSpace);
  CHECK(Take(file->Size()) == 32 * 1024);
  auto queue = NewQueue(&disk);
  const Block block(40 * 1024, 'x');
  const int64_t result =
      RunOne(queue.get(), IoOp::kWriteDataSync, file.get(), 32 * 1024, {Iov(block)});
  CHECK((result == -ENOSPC || (result > 0 && result <= 32 * 1024)));
  CHECK_OK(file->Truncate(32 * 1024));
  const iovec half = {block.data(), 32 * 1024};
  CHECK(RunOne(queue.get(), IoOp::kWrite, file.get(), 0, {half}) == 32 * 1024);
  CHECK(file->WriteAt(32 * 1024, block.data(), block.size()).code() == Code::kNoSpace);
  CHECK(disk.WriteSmallAtomic("/d/m", std::string(40000, 'x')).code() == Code::kNoSpace);
  {
    auto other = Take(disk.OpenDirect("/d/g", Mode::kCreate));
    CHECK_OK(other->Allocate(0, 32 * 1024));
    CHECK_OK(disk.Remove("/d/g"));
    CHECK(Take(disk.FreeBytes("/d")) == 0);  // removed, but open
  }
  CHECK(Take(disk.FreeBytes("/d")) == 32 * 1024);
  disk.SetCapacity(1 << 20);
  CHECK_OK(file->WriteAt(32 * 1024, block.data(), block.size()));
}

TEST_CASE("sim: scripted faults hit the operation they name") {
  auto disk = NewSim(1);
  auto file = Prepared(disk.get(), 'a');
  auto other = Take(disk->OpenDirect("/d/other", Mode::kCreate));
  const Block block(4096, 'b');
  SimScript script;
  script.op = SimOp::kRead;
  script.path = "/f";
  script.skip = 1;
  script.times = 2;
  script.error = EIO;
  disk->Inject(script);
  const auto read = [&](File* from) { return from->ReadAt(0, block.data(), 4096).ok(); };
  CHECK(read(file.get()));
  CHECK(read(other.get()));
  CHECK(!read(file.get()));
  CHECK(read(other.get()));
  CHECK(!read(file.get()));
  CHECK(read(file.get()));
  script = SimScript{SimOp::kAllocate, "", 0, 1, ENOSPC};
  disk->Inject(script);
  CHECK(file->Allocate(0, 65536).code() == Code::kNoSpace);
  CHECK_OK(file->Allocate(0, 65536));
  script = SimScript{SimOp::kWrite, "", 0, 1, ENOSPC};
  disk->Inject(script);
  CHECK(file->WriteAt(0, block.data(), 4096).code() == Code::kNoSpace);
}

TEST_CASE("sim: random faults come at about the asked rate, and each kind shows") {
  SimFaults faults;
  faults.short_write = faults.read_error = faults.write_error = faults.sync_error = 0.1;
  auto disk = NewSim(7);
  auto file = Prepared(disk.get(), 'a');
  disk->SetFaults(faults);
  auto queue = NewQueue(disk.get());
  const Block block(4096, 'b');
  int short_writes = 0;
  int errors[4] = {};
  const IoOp ops[4] = {IoOp::kRead, IoOp::kWrite, IoOp::kWriteDataSync, IoOp::kSync};
  for (int round = 0; round < 1000; ++round) {
    for (int i = 0; i < 4; ++i) {
      std::vector<iovec> iov;
      if (ops[i] != IoOp::kSync) iov.push_back(Iov(block));
      const int64_t result = RunOne(queue.get(), ops[i], file.get(), 0, iov);
      if (result == -EIO) ++errors[i];
      if (result > 0 && result < 4096) ++short_writes;
    }
  }
  for (const int i : {0, 1, 3}) {
    CHECK(errors[i] > 60);
    CHECK(errors[i] < 150);
  }
  CHECK(errors[2] > 120);  // the write half or the sync half
  CHECK(errors[2] < 270);
  CHECK(short_writes > 120);
}

TEST_CASE("sim: a flipped bit is read back, and survives a power failure") {
  auto disk = NewSim(1);
  auto file = Prepared(disk.get(), 'a');
  disk->FlipBit("/d/f", 700, 1);
  std::string expected(4096, 'a');
  expected[700] = 'a' ^ 2;
  CHECK(Content(disk.get()) == expected);
  disk->Crash();
  CHECK(Content(disk.get()) == expected);
}

TEST_CASE("sim: a small file is the old or the new one after a power failure") {
  int old = 0;
  int fresh = 0;
  for (uint64_t seed = 1; seed <= kSeeds; ++seed) {
    auto disk = NewSim(seed);
    CHECK_OK(disk->WriteSmallAtomic("/d/m", "old"));
    disk->PowerOffAt(disk->operations() + 1);
    CHECK(!disk->WriteSmallAtomic("/d/m", "new").ok());
    CHECK(!disk->powered());
    disk->PowerOn();
    const std::string content = Take(disk->ReadSmall("/d/m"));
    ++(content == "old" ? old : fresh);
    CHECK((content == "old" || content == "new"));
    CHECK_OK(disk->WriteSmallAtomic("/d/m", "newer"));
    disk->Crash();
    CHECK(Take(disk->ReadSmall("/d/m")) == "newer");
  }
  CHECK(old > 50);
  CHECK(fresh > 50);
}

// A log of numbered blocks, acknowledged when their data-synced write came back well; runs until
// the power fails, which it does at operation `power_off_at`. Returns the trace; *acknowledged:
// which blocks.
uint64_t RunLog(SimDisk* disk, uint64_t power_off_at, std::set<uint64_t>* acknowledged) {
  disk->PowerOffAt(power_off_at);
  auto created = disk->OpenDirect("/d/f", Mode::kCreate);
  if (!created.ok()) return disk->TraceHash();
  auto file = std::move(created.value());
  if (!file->Allocate(0, 64 * 4096).ok() || !disk->SyncDir("/d").ok()) return disk->TraceHash();
  auto queue_result = disk->NewQueue(IoQueueOptions{}, nullptr);
  if (!queue_result.ok()) return disk->TraceHash();
  auto queue = std::move(queue_result.value());
  std::vector<Block> blocks;
  std::vector<std::unique_ptr<TestRequest>> requests;
  for (uint64_t i = 0; i < 64; ++i) {
    blocks.emplace_back(4096, static_cast<int>(1 + i));
    requests.push_back(std::make_unique<TestRequest>(IoOp::kWriteDataSync, file.get(), i * 4096,
                                                     std::vector<iovec>{Iov(blocks.back())}));
  }
  for (uint64_t i = 0; i < 64; ++i) {
    queue->Submit(&requests[i]->io);
    if (i % 3 == 2) queue->Flush();
    queue->Poll();
  }
  Drain(queue.get());
  for (uint64_t i = 0; i < 64; ++i) {
    if (requests[i]->result == 4096) acknowledged->insert(i);
  }
  return disk->TraceHash();
}

TEST_CASE("sim: under all faults, at every point of failure, acknowledged blocks are there") {
  SimFaults faults;
  faults.short_write = faults.write_error = faults.sync_error = 0.05;
  uint64_t acknowledged_total = 0;
  uint64_t torn_total = 0;
  for (uint64_t seed = 1; seed <= 300; ++seed) {
    auto disk = NewSim(seed, faults);
    std::set<uint64_t> acknowledged;
    RunLog(disk.get(), 2 + seed % 70, &acknowledged);
    disk->Crash();
    disk->SetFaults(SimFaults{});
    acknowledged_total += acknowledged.size();
    if (!Take(disk->Exists("/d/f"))) {
      CHECK(acknowledged.empty());
      continue;
    }
    const std::string content = Content(disk.get(), 64 * 4096);
    for (uint64_t i = 0; i < 64 && (i + 1) * 4096 <= content.size(); ++i) {
      const std::string block = content.substr(i * 4096, 4096);
      const std::string whole(4096, static_cast<char>(1 + i));
      if (acknowledged.count(i) != 0) REQUIRE(block == whole);
      if (block != whole && block != std::string(4096, '\0')) ++torn_total;
    }
    if (!acknowledged.empty()) CHECK(content.size() == 64 * 4096);
  }
  CHECK(acknowledged_total > 1000);
  CHECK(torn_total > 100);
}

TEST_CASE("sim: one seed, one history") {
  SimFaults faults;
  faults.short_write = faults.write_error = faults.sync_error = 0.05;
  std::set<uint64_t> histories;
  for (uint64_t seed = 1; seed <= 20; ++seed) {
    uint64_t hash[2];
    std::string left[2];
    for (int run = 0; run < 2; ++run) {
      auto disk = NewSim(seed, faults);
      std::set<uint64_t> acknowledged;
      hash[run] = RunLog(disk.get(), 40, &acknowledged);
      disk->Crash();
      disk->SetFaults(SimFaults{});
      if (Take(disk->Exists("/d/f"))) left[run] = Content(disk.get(), 64 * 4096);
    }
    CHECK(hash[0] == hash[1]);
    CHECK(left[0] == left[1]);
    histories.insert(hash[0]);
  }
  CHECK(histories.size() == 20);
}

TEST_CASE("sim: completions come out of order") {
  auto disk = NewSim(3);
  auto file = Prepared(disk.get(), 'a', 8);
  auto queue = NewQueue(disk.get());
  const Block block(4096, 'b');
  std::vector<TestRequest*> order;
  std::vector<std::unique_ptr<TestRequest>> requests;
  for (uint64_t i = 0; i < 8; ++i) {
    requests.push_back(std::make_unique<TestRequest>(IoOp::kWrite, file.get(), i * 4096,
                                                     std::vector<iovec>{Iov(block)}));
    requests.back()->order = &order;
    queue->Submit(&requests.back()->io);
  }
  Drain(queue.get());
  REQUIRE(order.size() == 8);
  bool in_order = true;
  for (size_t i = 0; i < 8; ++i) in_order = in_order && order[i] == requests[i].get();
  CHECK(!in_order);
}

}  // namespace
}  // namespace cairn
