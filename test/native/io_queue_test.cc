// The contract of IoQueue, the same cases for each back end and durable-write method.
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/resource.h>

#include <deque>
#include <random>
#include <thread>

#include "io/posix_file.h"
#include "io/sim_disk.h"
#include "io_testing.h"

TEST_SUITE_BEGIN("concurrent: io queues");  // these run under the thread sanitizer, too

namespace cairn {
namespace {

using Mode = Disk::Mode;

enum class Kind {
  kUring,
  kUringLinked,
  kUringSqpoll,
  kUringCoop,   // as on Linux 5.19
  kUringPlain,  // as on older kernels
  kThreads,
  kThreadsLinked,
  kSim
};

struct Rig {
  ScratchDir scratch;
  std::unique_ptr<Disk> disk;
  std::string dir;
  Kind kind = Kind::kSim;

  explicit Rig(Kind k) : kind(k) {
    if (kind == Kind::kSim) {
      disk = std::make_unique<SimDisk>(SimOptions{});
      dir = "/data";
      REQUIRE(disk->CreateDir(dir).ok());
    } else {
      disk = NewPosixDisk(IoBackend::kAuto);
      dir = scratch.path();
    }
  }

  std::unique_ptr<IoQueue> Queue(uint32_t depth = 64) const {
    IoQueueOptions options;
    options.depth = depth;
    options.threads = 3;
    options.sqpoll = kind == Kind::kUringSqpoll;
    if (kind == Kind::kSim) return Take(disk->NewQueue(options, nullptr));
    const bool linked = kind == Kind::kUringLinked || kind == Kind::kThreadsLinked;
    auto durable = std::make_shared<DurableChoice>(linked ? DurableMethod::kWriteThenSync
                                                          : DurableMethod::kDataSyncWrite);
    if (kind == Kind::kThreads || kind == Kind::kThreadsLinked) {
      return Take(NewThreadsQueue(options, durable));
    }
    const uint32_t skipped = kind == Kind::kUringCoop ? 1 : kind == Kind::kUringPlain ? 2 : 0;
    return Take(NewUringQueue(options, durable, skipped));
  }
  std::unique_ptr<File> Open(const char* name = "file", Mode mode = Mode::kCreate) const {
    return Take(disk->OpenDirect(dir + "/" + name, mode));
  }
};

bool UringWorks() {
  static const bool works = NewUringQueue(IoQueueOptions{}, std::make_shared<DurableChoice>()).ok();
  return works;
}

// Runs the calling test case once per back end.
#define FOR_EACH_KIND(kind)                                              \
  Kind kind = Kind::kSim;                                                \
  SUBCASE("io_uring") { kind = Kind::kUring; }                           \
  SUBCASE("io_uring, write + fdatasync") { kind = Kind::kUringLinked; }  \
  SUBCASE("io_uring, SQPOLL") { kind = Kind::kUringSqpoll; }             \
  SUBCASE("io_uring, COOP_TASKRUN") { kind = Kind::kUringCoop; }         \
  SUBCASE("io_uring, no flags") { kind = Kind::kUringPlain; }            \
  SUBCASE("threads") { kind = Kind::kThreads; }                          \
  SUBCASE("threads, write + fdatasync") { kind = Kind::kThreadsLinked; } \
  SUBCASE("simulated") { kind = Kind::kSim; }                            \
  if (kind <= Kind::kUringPlain && !UringWorks()) {                      \
    MESSAGE("io_uring is not available here");                           \
    return;                                                              \
  }

TEST_CASE("queue: each operation") {
  FOR_EACH_KIND(kind)
  const Rig rig(kind);
  auto file = rig.Open();
  auto queue = rig.Queue();
  const Block a(4096, 'a');
  const Block b(8192, 'b');
  CHECK(RunOne(queue.get(), IoOp::kWrite, file.get(), 0, {Iov(a)}) == 4096);
  CHECK(RunOne(queue.get(), IoOp::kWriteDataSync, file.get(), 4096, {Iov(b)}) == 8192);
  CHECK(RunOne(queue.get(), IoOp::kSync, file.get(), 0) == 0);
  const Block back(16384, '?');
  CHECK(RunOne(queue.get(), IoOp::kRead, file.get(), 0, {Iov(back)}) == 12288);  // short at the end
  CHECK(back.view().substr(0, 4096) == a.view());
  CHECK(back.view().substr(4096, 8192) == b.view());
  CHECK(RunOne(queue.get(), IoOp::kRead, file.get(), 1 << 20, {Iov(back)}) == 0);
  CHECK(queue->Poll() == 0);
  CHECK(queue->Wait(0) == 0);
}

TEST_CASE("queue: vectors up to kIoVecMax") {
  FOR_EACH_KIND(kind)
  const Rig rig(kind);
  auto file = rig.Open();
  auto queue = rig.Queue();
  std::vector<Block> blocks;
  std::vector<iovec> iov;
  std::string expected;
  for (uint32_t i = 0; i < kIoVecMax; ++i) {
    blocks.emplace_back(i % 3 == 0 ? 4096 : 512, static_cast<int>('A' + i % 50));
    iov.push_back(Iov(blocks.back()));
    expected += blocks.back().view();
  }
  const auto bytes = static_cast<int64_t>(expected.size());
  CHECK(RunOne(queue.get(), IoOp::kWriteDataSync, file.get(), 512, iov) == bytes);
  CHECK(RunOne(queue.get(), IoOp::kWrite, file.get(), 1 << 20, iov) == bytes);
  for (const uint64_t offset : {uint64_t{512}, uint64_t{1} << 20}) {
    const Block back(expected.size());
    CHECK(RunOne(queue.get(), IoOp::kRead, file.get(), offset, {Iov(back)}) == bytes);
    CHECK(back.view() == expected);
    for (const Block& block : blocks) std::memset(block.data(), 0, block.size());
    CHECK(RunOne(queue.get(), IoOp::kRead, file.get(), offset, iov) == bytes);
    std::string joined;
    for (const Block& block : blocks) joined += block.view();
    CHECK(joined == expected);
  }
}

// Whoever fills the ring finds it full, with SQPOLL for as long as the kernel's thread likes; and
// completions overflow theirs. All get there, and a sleeper who polls when the eventfd says so
// hears of all.
TEST_CASE("queue: a ring much smaller than the load") {
  if (!UringWorks()) return;
  constexpr uint32_t kBlocks = 300;
  const Rig rig(Kind::kUring);
  auto file = rig.Open();
  for (const bool sqpoll : {false, true}) {
    for (const DurableMethod method :
         {DurableMethod::kDataSyncWrite, DurableMethod::kWriteThenSync}) {
      for (const uint32_t skipped : {0u, 1u, 2u}) {
        if (sqpoll && skipped == 2) continue;
        for (const uint32_t entries : {2u, 4u, 16u}) {
          CAPTURE(sqpoll);
          CAPTURE(skipped);
          CAPTURE(entries);
          IoQueueOptions options;
          options.depth = 64;
          options.sqpoll = sqpoll;
          auto queue = Take(
              NewUringQueue(options, std::make_shared<DurableChoice>(method), skipped, entries));
          std::vector<Block> blocks;
          std::deque<TestRequest> requests;
          for (uint32_t i = 0; i < kBlocks; ++i) {
            blocks.emplace_back(512, static_cast<int>('A' + (i + entries) % 50));
            const IoOp op = i % 3 == 0   ? IoOp::kWriteDataSync
                            : i % 3 == 1 ? IoOp::kWrite
                                         : IoOp::kSync;
            if (op == IoOp::kSync) {
              requests.emplace_back(op, file.get(), 0);
            } else {
              requests.emplace_back(op, file.get(), i * 512, std::vector<iovec>{Iov(blocks[i])});
            }
            queue->Submit(&requests.back().io);
            if (i % 70 == 0) queue->Flush();
          }
          queue->Flush();
          while (queue->in_flight() > 0) {
            pollfd sleeper = {queue->EventFd(), POLLIN, 0};
            REQUIRE(poll(&sleeper, 1, 20000) == 1);
            queue->Poll();
          }
          for (uint32_t i = 0; i < kBlocks; ++i) {
            CHECK(requests[i].completions == 1);
            CHECK(requests[i].result == (i % 3 == 2 ? 0 : 512));
            if (i % 3 == 2) continue;
            const Block back(512);
            REQUIRE(file->ReadAt(i * 512, back.data(), 512).ok());
            CHECK(back.view() == blocks[i].view());
          }
        }
      }
    }
  }
}

TEST_CASE("queue: a failure is the request's result") {
  FOR_EACH_KIND(kind)
  const Rig rig(kind);
  rig.Open();
  auto reader = rig.Open("file", Mode::kRead);
  auto queue = rig.Queue();
  const Block block(4096, 'x');
  for (int i = 0; i < 3; ++i) {
    // Linked: the write fails with EBADF and the fdatasync is cancelled; the cancellation must not
    // be what we see.
    CHECK(RunOne(queue.get(), IoOp::kWriteDataSync, reader.get(), 0, {Iov(block)}) == -EBADF);
    CHECK(RunOne(queue.get(), IoOp::kWrite, reader.get(), 0, {Iov(block)}) == -EBADF);
  }
  CHECK(RunOne(queue.get(), IoOp::kRead, reader.get(), 0, {Iov(block)}) == 0);
}

TEST_CASE("queue: a short write comes back short") {
  FOR_EACH_KIND(kind)
  const Rig rig(kind);
  auto file = rig.Open();
  auto queue = rig.Queue();
  const Block block(8192, 'x');
  if (kind == Kind::kSim) {
    SimScript script;
    script.times = 2;
    static_cast<SimDisk*>(rig.disk.get())->Inject(script);
    for (const IoOp op : {IoOp::kWriteDataSync, IoOp::kWrite}) {
      const int64_t result = RunOne(queue.get(), op, file.get(), 0, {Iov(block)});
      CHECK(result > 0);
      CHECK(result < 8192);
      CHECK(result % 512 == 0);
    }
    return;
  }
  // The kernel cuts a write at the file size limit.
  rlimit before;
  REQUIRE(getrlimit(RLIMIT_FSIZE, &before) == 0);
  signal(SIGXFSZ, SIG_IGN);
  const rlimit limited = {4096, before.rlim_max};
  REQUIRE(setrlimit(RLIMIT_FSIZE, &limited) == 0);
  const int64_t synced = RunOne(queue.get(), IoOp::kWriteDataSync, file.get(), 0, {Iov(block)});
  const int64_t plain = RunOne(queue.get(), IoOp::kWrite, file.get(), 0, {Iov(block)});
  const int64_t beyond = RunOne(queue.get(), IoOp::kWriteDataSync, file.get(), 4096, {Iov(block)});
  REQUIRE(setrlimit(RLIMIT_FSIZE, &before) == 0);
  CHECK(synced == 4096);
  CHECK(plain == 4096);
  CHECK(beyond == -EFBIG);
}

TEST_CASE("queue: more than the depth waits, in order, and all complete once") {
  FOR_EACH_KIND(kind)
  const Rig rig(kind);
  auto file = rig.Open();
  const Block block(4096, 'x');
  const std::vector<Block> read_into = [] {
    std::vector<Block> blocks;
    for (int i = 0; i < 50; ++i) blocks.emplace_back(4096);
    return blocks;
  }();
  for (const uint32_t depth : {1u, 4u}) {
    auto queue = rig.Queue(depth);
    std::vector<TestRequest*> order;
    std::deque<TestRequest> requests;
    for (uint64_t i = 0; i < 50; ++i) {
      const IoOp op = i % 3 == 0 ? IoOp::kWriteDataSync : i % 3 == 1 ? IoOp::kRead : IoOp::kWrite;
      const Block& memory = op == IoOp::kRead ? read_into[i] : block;
      requests.emplace_back(op, file.get(), i * 4096, std::vector<iovec>{Iov(memory)});
      requests.back().order = &order;
      queue->Submit(&requests.back().io);
    }
    CHECK(queue->in_flight() == 50);
    CHECK(order.empty());
    queue->Flush();
    for (int i = 0; i < 10000 && queue->in_flight() > 0; ++i) {  // without another Flush
      if (queue->EventFd() >= 0) {
        pollfd waiter = {queue->EventFd(), POLLIN, 0};
        REQUIRE((poll(&waiter, 1, 5000) == 1 || errno == EINTR));
      }
      queue->Poll();
    }
    CHECK(queue->in_flight() == 0);
    REQUIRE(order.size() == 50);
    for (const TestRequest& request : requests) CHECK(request.completions == 1);
    if (depth > 1) continue;
    for (size_t i = 0; i < 50; ++i) CHECK(order[i] == &requests[i]);  // one at a time
  }
}

TEST_CASE("queue: nothing happens before Flush, callbacks only in Poll and Wait") {
  FOR_EACH_KIND(kind)
  if (kind == Kind::kUringSqpoll) return;  // the kernel thread may look at any time
  const Rig rig(kind);
  auto file = rig.Open();
  auto queue = rig.Queue();
  const Block block(4096, 'x');
  TestRequest request(IoOp::kWrite, file.get(), 0, {Iov(block)});
  queue->Submit(&request.io);
  CHECK(queue->in_flight() == 1);
  CHECK(queue->Poll() == 0);
  CHECK(Take(file->Size()) == 0);
  queue->Flush();
  usleep(1000);
  CHECK(request.completions == 0);
  Drain(queue.get());
  CHECK(request.completions == 1);
  CHECK(Take(file->Size()) == 4096);
}

// A chain: each completion submits and flushes the next request.
struct Chain {
  IoQueue* queue;
  IoRequest io;
  iovec iov;
  int left;
};

TEST_CASE("queue: callbacks may submit and flush") {
  FOR_EACH_KIND(kind)
  const Rig rig(kind);
  auto file = rig.Open();
  auto queue = rig.Queue(2);
  const Block block(4096, 'x');
  std::vector<Chain> chains(5);
  for (size_t i = 0; i < chains.size(); ++i) {
    Chain& chain = chains[i];
    chain.queue = queue.get();
    chain.iov = Iov(block);
    chain.left = 40;
    chain.io.op = IoOp::kWrite;
    chain.io.file = file.get();
    chain.io.offset = i * 4096;
    chain.io.iov = &chain.iov;
    chain.io.iov_count = 1;
    chain.io.owner = &chain;
    chain.io.done = [](IoRequest* request, int64_t result) {
      auto* const self = static_cast<Chain*>(request->owner);
      CHECK(result == 4096);
      if (--self->left == 0) return;
      self->queue->Submit(request);
      self->queue->Flush();
    };
    queue->Submit(&chain.io);
  }
  Drain(queue.get());
  for (const Chain& chain : chains) CHECK(chain.left == 0);
}

TEST_CASE("queue: EventFd wakes a sleeper every time, and falls silent") {
  FOR_EACH_KIND(kind)
  const Rig rig(kind);
  auto queue = rig.Queue();
  if (kind == Kind::kSim) {
    CHECK(queue->EventFd() == -1);
    return;
  }
  auto file = rig.Open();
  const Block block(4096, 'x');
  CHECK(RunOne(queue.get(), IoOp::kWriteDataSync, file.get(), 0, {Iov(block)}) == 4096);
  const int epoll = epoll_create1(0);
  epoll_event event = {};
  event.events = EPOLLIN;
  REQUIRE(epoll_ctl(epoll, EPOLL_CTL_ADD, queue->EventFd(), &event) == 0);
  int idle_wakes = 0;
  for (int i = 0; i < 300; ++i) {
    TestRequest request(i % 4 == 0   ? IoOp::kWriteDataSync
                        : i % 4 == 1 ? IoOp::kWrite
                                     : IoOp::kRead,
                        file.get(), 0, {Iov(block)});
    queue->Submit(&request.io);
    queue->Flush();
    if (i % 5 == 0) usleep(500);  // completes before we sleep
    while (request.completions == 0) {
      const int n = epoll_wait(epoll, &event, 1, 5000);
      REQUIRE((n == 1 || (n < 0 && errno == EINTR)));
      if (queue->Poll() == 0) ++idle_wakes;
    }
    CHECK(request.result == 4096);
  }
  int rounds = 0;
  while (epoll_wait(epoll, &event, 1, 1) > 0 && rounds < 100) {
    queue->Poll();
    ++rounds;
  }
  CHECK(rounds < 20);
  CHECK(idle_wakes <= 300);  // linked pairs wake twice: for the write, and for the pair
  close(epoll);
}

TEST_CASE("queue: Wait gives up in time, and returns at once when nothing is in flight") {
  FOR_EACH_KIND(kind)
  const Rig rig(kind);
  auto queue = rig.Queue();
  const auto begin = std::chrono::steady_clock::now();
  CHECK(queue->Wait(5000) == 0);
  CHECK(std::chrono::steady_clock::now() - begin < std::chrono::seconds(2));
}

TEST_CASE("queue: belongs to the thread that made it") {
  FOR_EACH_KIND(kind)
  const Rig rig(kind);
  auto file = rig.Open();
  std::vector<std::thread> threads;
  std::vector<int64_t> results(3);
  for (size_t t = 0; t < results.size(); ++t) {
    threads.emplace_back([&, t] {
      auto queue = rig.Queue();
      const Block block(4096, 'x');
      TestRequest request(IoOp::kWriteDataSync, file.get(), t * 4096, {Iov(block)});
      queue->Submit(&request.io);
      while (queue->in_flight() > 0) queue->Wait(100);
      results[t] = request.result;
    });
  }
  for (std::thread& thread : threads) thread.join();
  for (const int64_t result : results) CHECK(result == 4096);
}

TEST_CASE("queue: thousands of mixed requests keep their bytes") {
  FOR_EACH_KIND(kind)
  constexpr uint64_t kSlots = 64;
  const Rig rig(kind);
  auto file = rig.Open();
  CHECK_OK(file->Allocate(0, kSlots * 4096));
  auto queue = rig.Queue(16);
  std::mt19937 random(42);
  std::vector<int> content(kSlots, 0);
  std::vector<std::unique_ptr<Block>> blocks;
  for (uint64_t i = 0; i < kSlots; ++i) blocks.push_back(std::make_unique<Block>(4096));
  for (int round = 0; round < 40; ++round) {
    std::deque<TestRequest> requests;
    std::vector<bool> reading(kSlots);
    for (uint64_t slot = 0; slot < kSlots; ++slot) {  // one request per slot: no overlap in flight
      const uint32_t choice = random() % 8;
      const IoOp op = choice == 0 ? IoOp::kWriteDataSync : choice < 4 ? IoOp::kWrite : IoOp::kRead;
      if (op == IoOp::kRead) {
        reading[slot] = true;
        std::memset(blocks[slot]->data(), '?', 4096);
      } else {
        content[slot] = static_cast<int>(random() % 256);
        std::memset(blocks[slot]->data(), content[slot], 4096);
      }
      requests.emplace_back(op, file.get(), slot * 4096, std::vector<iovec>{Iov(*blocks[slot])});
      queue->Submit(&requests.back().io);
      if (random() % 7 == 0) queue->Flush();
      if (random() % 9 == 0) queue->Poll();
    }
    Drain(queue.get());
    for (const TestRequest& request : requests) REQUIRE(request.result == 4096);
    for (uint64_t slot = 0; slot < kSlots; ++slot) {
      if (!reading[slot]) continue;
      REQUIRE(blocks[slot]->view() == std::string(4096, static_cast<char>(content[slot])));
    }
  }
}

TEST_CASE("queue: bad options are refused") {
  auto disk = NewPosixDisk(IoBackend::kAuto);
  IoQueueOptions options;
  options.depth = 0;
  CHECK(disk->NewQueue(options, nullptr).status().code() == Code::kInvalid);
  options.depth = kQueueDepthMax + 1;
  CHECK(disk->NewQueue(options, nullptr).status().code() == Code::kInvalid);
  options.depth = 8;
  options.threads = 0;
  CHECK(disk->NewQueue(options, nullptr).status().code() == Code::kInvalid);
}

TEST_CASE("queue: the back end that was asked for") {
  std::string why;
  auto threads = Take(NewPosixDisk(IoBackend::kThreads)->NewQueue(IoQueueOptions{}, &why));
  CHECK(std::string(threads->name()) == "threads");
  CHECK(why.empty());
  if (!UringWorks()) return;
  auto uring = Take(NewPosixDisk(IoBackend::kUring)->NewQueue(IoQueueOptions{}, &why));
  CHECK(std::string(uring->name()) == "io_uring");
  auto automatic = Take(NewPosixDisk(IoBackend::kAuto)->NewQueue(IoQueueOptions{}, &why));
  CHECK(std::string(automatic->name()) == "io_uring");
  CHECK(why.empty());
}

}  // namespace
}  // namespace cairn

TEST_SUITE_END();
