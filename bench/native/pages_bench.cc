// What pages cost the vlog engine beside keys: `pages_bench DIR [operations]`; DIR must not exist
// and goes in the end. One reactor; writes are not synced, and a turn ends after 64 of them. Prints
// instructions (where the system has a counter for them) and nanoseconds of CPU per operation, of
// the thread that asks. Build: make measuring
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/latch.h"
#include "engine/page_key.h"
#include "engine/spaces.h"
#include "io/disk.h"
#include "measuring.h"
#include "vlog/vlog_engine.h"

namespace cairn {
namespace {

using measuring::CpuNanos;
using measuring::Mix;

constexpr uint64_t kPages = 20000;
constexpr uint64_t kTurn = 64;
constexpr uint16_t kShard = 5;

const measuring::Instructions counter;

void Must(const Status& status) {
  if (status.ok()) return;
  std::fprintf(stderr, "%s\n", status.message().c_str());
  std::exit(1);
}

struct Quiet final : DurabilityListener {
  void OnDurable(uint32_t) override {}
};

class Bench {
 public:
  Bench(const std::string& dir, uint64_t count)
      : count_(count), disk_(NewPosixDisk(IoBackend::kThreads)) {
    VlogOptions options;
    options.dir = dir;
    options.lanes_auto = false;
    options.lanes = 1;
    options.reactors = 1;
    options.cache_bytes = 1ull << 30;
    options.fsync = FsyncPolicy::kNo;
    Must(engine_.Open(options, disk_.get(), &listener_).status());
    queue_ = std::move(disk_->NewQueue(IoQueueOptions(), nullptr).value());
    engine_.AttachReactor(0, queue_.get(), nullptr);
    LatchGuard guard(engine_.ShardLatch(kShard));
    Must(engine_.spaces()->NewSpace(kShard, &space_));
    // As long as the keys of pages; in the same shard, which the engine takes from the op.
    for (uint64_t i = 0; i < kPages; ++i) keys_.emplace_back(PageKey(space_, i).view());
  }
  ~Bench() {
    while (queue_->in_flight() != 0) queue_->Wait(1);
    engine_.DetachReactor(0);
    (void)engine_.Close();
  }

  void Turn() {
    engine_.TurnEnd(0);
    queue_->Poll();
    engine_.Tick(0, now_ms_ += 1);
  }
  void Measure(const char* name, const std::function<void(uint64_t)>& operation) {
    for (uint64_t i = 0; i < kPages; ++i) Again(i, operation);
    const uint64_t instructions = counter.Now(), nanos = CpuNanos();
    for (uint64_t i = 0; i < count_; ++i) Again(Mix(i) % kPages, operation);
    const auto ns = static_cast<double>(CpuNanos() - nanos) / static_cast<double>(count_);
    const auto in = static_cast<double>(counter.Now() - instructions) / static_cast<double>(count_);
    std::printf("  %-36s", name);
    if (counter.counted()) std::printf(" %7.0f instructions", in);
    std::printf(" %7.0f ns\n", ns);
    std::fflush(stdout);
  }

  WriteOp Put(uint64_t i, std::string_view value) const {
    WriteOp op;
    op.shard = kShard;
    op.key = keys_[i];
    op.value = value;
    return op;
  }
  PageOp Image(uint64_t i, std::string_view image) const {
    return {PageOp::What::kImage, 1, 0, space_, i, image, {}};
  }
  bool Try(std::span<const WriteOp> ops, std::span<const PageOp> pages) {
    Ticket ticket;
    uint32_t count = 0;
    LatchGuard guard(engine_.ShardLatch(kShard));
    const Status status = pages.empty() ? engine_.Apply(0, ops, &ticket, &count)
                                        : engine_.spaces()->Apply(0, ops, pages, &ticket, &count);
    if (status.code() == Code::kBusy) return false;
    Must(status);
    return true;
  }
  void Write(std::span<const WriteOp> ops, std::span<const PageOp> pages) {
    while (!Try(ops, pages)) {
      Turn();
      queue_->Wait(1);
    }
  }
  void Find(uint16_t ns, uint64_t i) {
    Entry entry;
    LatchGuard guard(engine_.ShardLatch(kShard));
    engine_.Find(ns, kShard, keys_[i], true, &entry);
    sum_ = sum_ + entry.value.size();
  }
  void FindPage(uint16_t ns, uint64_t i) {
    PageEntry entry;
    LatchGuard guard(engine_.ShardLatch(kShard));
    engine_.spaces()->FindPage(ns, space_, i, &entry);
    sum_ = sum_ + entry.image.size();
  }

 private:
  void Again(uint64_t i, const std::function<void(uint64_t)>& operation) {
    operation(i);
    if (++operations_ % kTurn == 0) Turn();
  }

  const uint64_t count_;
  std::unique_ptr<Disk> disk_;
  Quiet listener_;
  VlogEngine engine_;
  std::unique_ptr<IoQueue> queue_;
  SpaceId space_ = 0;
  std::vector<std::string> keys_;
  uint64_t operations_ = 0;
  uint64_t now_ms_ = 1000;
  volatile uint64_t sum_ = 0;
};

void Run(const std::string& dir, uint64_t count) {
  for (const size_t bytes : {256, 1024, 4096}) {
    {
      Bench bench(dir, count);
      const std::string value(bytes, 'v'), root(40, 'r');
      std::printf("%zu bytes\n", bytes);
      bench.Measure("a key: put", [&](uint64_t i) {
        const WriteOp op = bench.Put(i, value);
        bench.Write({&op, 1}, {});
      });
      bench.Measure("a page: image", [&](uint64_t i) {
        const PageOp op = bench.Image(i, value);
        bench.Write({}, {&op, 1});
      });
      bench.Measure("unit of two keys", [&](uint64_t i) {
        const WriteOp ops[] = {bench.Put(i / 2, root), bench.Put(kPages - 1 - i / 2, value)};
        bench.Write(ops, {});
      });
      bench.Measure("unit of a key and a page", [&](uint64_t i) {
        const WriteOp op = bench.Put(i / 2, root);
        const PageOp page = bench.Image(i, value);
        bench.Write({&op, 1}, {&page, 1});
      });
      bench.Measure("unit of a key and three pages", [&](uint64_t i) {
        const WriteOp op = bench.Put(i / 2, root);
        const PageOp pages[] = {bench.Image(i, value), bench.Image((i + 7) % kPages, value),
                                bench.Image((i + 11) % kPages, value)};
        bench.Write({&op, 1}, pages);
      });
      bench.Measure("a key: found", [&](uint64_t i) { bench.Find(0, i); });
      bench.Measure("a page: found", [&](uint64_t i) { bench.FindPage(0, i); });
      bench.Measure("a key: missing", [&](uint64_t i) { bench.Find(1, i); });
      bench.Measure("a page: missing", [&](uint64_t i) { bench.FindPage(1, i); });
    }
    std::filesystem::remove_all(dir);
  }
}

}  // namespace
}  // namespace cairn

int main(int argc, char** argv) {
  if (argc < 2 || argc > 3 || std::filesystem::exists(argv[1])) {
    std::fprintf(stderr, "usage: pages_bench DIR [operations]; DIR must not exist\n");
    return 2;
  }
  cairn::Run(argv[1], argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 200000);
  return 0;
}
