// Speed and size of checkpoints and of filling the index from them: `checkpoint_bench DIR [keys]
// [threads]`. Keys key:%012d over 1024 shards by hash slot, pointers at random places of 64
// segments of 1 GiB (what overwriting leaves) or in the order of the keys. Prints nanoseconds of
// CPU per entry, MB/s of wall time, bytes per entry, and what building the trees costs: one Upsert
// per key against ArtLoader. Writes and removes a file in DIR. Build: make measuring
#include <time.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "base/slot.h"
#include "measuring.h"
#include "vlog/checkpoint/checkpoint_file.h"
#include "vlog/index/art_bulk.h"

namespace cairn {
namespace {

using measuring::Mix;

using namespace cairn::vlog;

constexpr size_t kKeyBytes = 16;

uint64_t Nanos(clockid_t clock) {
  timespec ts;
  clock_gettime(clock, &ts);
  return static_cast<uint64_t>(ts.tv_sec) * 1000000000u + static_cast<uint64_t>(ts.tv_nsec);
}

void Require(const Status& status) {
  if (status.ok()) return;
  std::fprintf(stderr, "%s\n", status.message().c_str());
  std::exit(1);
}

struct Entry {
  char key[kKeyBytes];
  Pointer pointer;
};
using Shards = std::vector<std::vector<Entry>>;

Shards Prepare(uint64_t keys, bool random) {
  Shards shards(kShardCount);
  for (auto& shard : shards) shard.reserve(keys / kShardCount + keys / kShardCount / 8 + 64);
  for (uint64_t n = 0; n < keys; ++n) {
    char text[32];
    std::snprintf(text, sizeof(text), "key:%012llu", static_cast<unsigned long long>(n));
    Entry entry;
    std::memcpy(entry.key, text, kKeyBytes);
    const uint64_t place = random ? Mix(n + 1) >> 8 : n * 21;  // records of 168 bytes
    entry.pointer.segment_id = static_cast<uint32_t>(1 + (place >> 27) % 64);
    entry.pointer.offset = (place & ((1u << 27) - 1)) * 8;
    entry.pointer.length = 168;
    entry.pointer.checksum = static_cast<uint32_t>(Mix(n));
    shards[ShardOf({entry.key, kKeyBytes})].push_back(entry);
  }
  return shards;
}

class CountingSink final : public CheckpointSink {
 public:
  void OnEntry(uint16_t, uint16_t, std::string_view key, const Pointer& pointer,
               uint64_t) override {
    sum += key.size() + pointer.offset;
  }
  uint64_t sum = 0;
};

class TreeSink final : public CheckpointSink {
 public:
  explicit TreeSink(bool bulk) : trees(kShardCount), bulk_(bulk) {}
  void OnEntry(uint16_t shard, uint16_t, std::string_view key, const Pointer& pointer,
               uint64_t expire_at_ms) override {
    if (!bulk_) {
      trees[shard].Upsert(key, pointer, expire_at_ms);
      return;
    }
    thread_local ArtLoader loader;
    thread_local TreeSink* of = nullptr;
    thread_local int current = -1;
    if (current != shard || of != this) loader.Begin(&trees[shard]);
    current = shard;
    of = this;
    loader.Append(key, pointer, expire_at_ms);
    loader_ = &loader;
  }
  void OnTreeEnd(uint16_t, uint16_t) override {
    if (bulk_) loader_->Finish();
  }
  std::vector<Art> trees;

 private:
  bool bulk_;
  static thread_local ArtLoader* loader_;
};
thread_local ArtLoader* TreeSink::loader_ = nullptr;

struct Timer {
  uint64_t cpu = Nanos(CLOCK_THREAD_CPUTIME_ID), wall = Nanos(CLOCK_MONOTONIC);
  double Cpu(uint64_t n) const {
    return static_cast<double>(Nanos(CLOCK_THREAD_CPUTIME_ID) - cpu) / static_cast<double>(n);
  }
  double Wall() const { return static_cast<double>(Nanos(CLOCK_MONOTONIC) - wall); }
};

void Build(const char* what, const Shards& shards, uint64_t keys, bool bulk) {
  std::vector<Art> trees(kShardCount);
  const Timer timer;
  ArtLoader loader;
  for (uint32_t s = 0; s < kShardCount; ++s) {
    if (bulk) loader.Begin(&trees[s]);
    for (const Entry& entry : shards[s]) {
      const std::string_view key(entry.key, kKeyBytes);
      if (bulk) {
        loader.Append(key, entry.pointer, 0);
      } else {
        trees[s].Upsert(key, entry.pointer, 0);
      }
    }
  }
  loader.Finish();
  const double ns = timer.Cpu(keys);
  size_t bytes = 0, buckets = 0;
  for (const Art& tree : trees) {
    bytes += tree.bytes();
    buckets += tree.Measure().buckets;
  }
  std::printf("%-8s %.1f ns/key, %.1f bytes/key, %.1f keys/bucket\n", what, ns,
              static_cast<double>(bytes) / static_cast<double>(keys),
              static_cast<double>(keys) / static_cast<double>(buckets));
}

void Run(const char* what, Disk* disk, const std::string& dir, const Shards& shards, uint64_t keys,
         uint32_t threads) {
  const std::string path = CheckpointPath(dir, 1);
  (void)disk->Remove(path);
  auto writer = CheckpointWriter::Create(disk, path, 1);
  Require(writer.status());
  double add_ns = 0;
  const Timer writing;
  for (uint32_t s = 0; s < kShardCount; ++s) {
    const Timer timer;
    for (const Entry& entry : shards[s]) {
      writer.value()->Add(static_cast<uint16_t>(s), 0, {entry.key, kKeyBytes}, entry.pointer, 0);
    }
    add_ns += timer.Cpu(keys);
    uint64_t written = 0;
    do {
      Require(writer.value()->Write(&written));
    } while (written != 0);
  }
  CheckpointInfo info;
  info.lanes = 1;
  info.log_from = {0};
  Require(writer.value()->Finish(&info));
  std::printf("%s: add %.1f ns, %.2f bytes/entry, file %.1f MB, written at %.0f MB/s\n", what,
              add_ns, static_cast<double>(info.bytes) / static_cast<double>(keys),
              static_cast<double>(info.bytes) / 1e6,
              static_cast<double>(info.bytes) * 1e3 / writing.Wall());
  CountingSink counting;
  Timer timer;
  Require(LoadCheckpoint(disk, path, info, 1, &counting));
  std::printf("  decode, 1 thread: %.1f ns CPU, %.1f ns wall\n", timer.Cpu(keys),
              timer.Wall() / static_cast<double>(keys));
  for (const bool bulk : {false, true}) {
    for (uint32_t t = 1; t <= threads; t *= 2) {
      TreeSink sink(bulk);
      timer = Timer();
      Require(LoadCheckpoint(disk, path, info, t, &sink));
      std::printf("  load, %s, %u thread(s): %.1f ns wall (%.2f s)\n", bulk ? "bulk" : "upsert", t,
                  timer.Wall() / static_cast<double>(keys), timer.Wall() / 1e9);
    }
  }
  Require(disk->Remove(path));
}

}  // namespace
}  // namespace cairn

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "checkpoint_bench DIR [keys] [threads]\n");
    return 2;
  }
  const uint64_t keys = argc > 2 ? std::strtoull(argv[2], nullptr, 10) : 1000000;
  const uint32_t threads = argc > 3 ? static_cast<uint32_t>(std::atoi(argv[3])) : 2;
  const auto disk = cairn::NewPosixDisk(cairn::IoBackend::kThreads);
  for (const bool random : {true, false}) {
    const cairn::Shards shards = cairn::Prepare(keys, random);
    if (random) {
      cairn::Build("upsert", shards, keys, false);
      cairn::Build("bulk", shards, keys, true);
    }
    cairn::Run(random ? "random places" : "places in order", disk.get(), argv[1], shards, keys,
               threads);
  }
  return 0;
}
