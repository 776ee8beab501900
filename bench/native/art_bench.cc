// Memory and speed of the index alone: `art_bench [keys] [shape]`. Shapes: digits (key:%012d,
// random order), ascending (the same in order), hex (16 random hex digits), user
// (user:<n>:profile), all. The keys are spread over 1024 trees by hash slot, as in the server.
// Prints bytes per key (the tree's own sum, mallinfo2, RSS) and nanoseconds of CPU per operation;
// "find 8" and "find 16" are look-ups in step (Art::FindMany). Build: make measuring
#include <malloc.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <span>
#include <string_view>
#include <vector>

#include "base/slot.h"
#include "measuring.h"
#include "vlog/index/art.h"

namespace cairn {

using vlog::Art;
using vlog::EntryRef;
using vlog::Pointer;
namespace {

using measuring::CpuNanos;
using measuring::Mix;

constexpr size_t kTextMax = 40;

size_t ResidentBytes() {
  std::FILE* file = std::fopen("/proc/self/statm", "r");
  unsigned long total = 0, resident = 0;
  if (file == nullptr || std::fscanf(file, "%lu %lu", &total, &resident) != 2) std::abort();
  std::fclose(file);
  return resident * static_cast<size_t>(sysconf(_SC_PAGESIZE));
}

size_t MallocBytes() {
  const struct mallinfo2 info = mallinfo2();
  return info.uordblks + info.hblkhd;
}

enum class Form { kDigits, kAscending, kHex, kUser };

std::string_view KeyText(Form form, uint64_t n, char* text) {
  int length = 0;
  if (form == Form::kHex) {
    length = std::snprintf(text, kTextMax, "%016llx", static_cast<unsigned long long>(Mix(n + 1)));
  } else if (form == Form::kUser) {
    length = std::snprintf(text, kTextMax, "user:%llu:profile", static_cast<unsigned long long>(n));
  } else {
    length = std::snprintf(text, kTextMax, "key:%012llu", static_cast<unsigned long long>(n));
  }
  return {text, static_cast<size_t>(length)};
}

// The n-th number of a fixed permutation of [0, count): count need not be a power of two.
uint64_t Shuffled(uint64_t n, uint64_t count) {
  int bits = 1;
  while ((uint64_t{1} << bits) < count) ++bits;
  const uint64_t mask = (uint64_t{1} << bits) - 1;
  do {
    n = (n * 0x9e3779b97f4a7c15u + 12345) & mask;
    n ^= n >> (bits / 2);
    n = (n * 0xbf58476d1ce4e5b9u + 999) & mask;
    n ^= n >> (bits / 2);
  } while (n >= count);
  return n;
}

// Keys prepared ahead, so that neither formatting nor CRC16 is in the measured time.
struct Prepared {
  uint16_t shard;
  uint8_t length;
  char text[kTextMax - 3];
};

void Prepare(Form form, uint64_t from, uint64_t count, uint64_t total, uint64_t salt,
             std::vector<Prepared>* keys) {
  char text[kTextMax];
  keys->resize(count);
  for (uint64_t i = 0; i < count; ++i) {
    uint64_t n = from + i;
    if (salt != 0) n = Mix(n + salt) % total;
    const bool shuffle = form == Form::kDigits || form == Form::kUser;
    const std::string_view key = KeyText(form, shuffle ? Shuffled(n, total) : n, text);
    Prepared& p = (*keys)[i];
    p.shard = ShardOf(key);
    p.length = static_cast<uint8_t>(key.size());
    std::memcpy(p.text, key.data(), key.size());
  }
}

struct Figures {
  double find1_ns = 0, find8_ns = 0, find16_ns = 0;  // cold
  double insert_ns = 0, find_ns = 0, update_ns = 0, miss_ns = 0, scan_ns = 0, erase_ns = 0;
};

template <typename Op>
double NanosPerOp(const std::vector<Prepared>& keys, Op&& op) {
  const uint64_t start = CpuNanos();
  for (const Prepared& p : keys) op(p.shard, std::string_view(p.text, p.length));
  return static_cast<double>(CpuNanos() - start) / static_cast<double>(keys.size());
}

// The same keys in groups.
double NanosPerFind(const std::vector<Prepared>& keys, const std::vector<Art>& trees, size_t group,
                    uint64_t* sink) {
  Art::Lookup lookups[Art::kFindManyMax];
  const uint64_t start = CpuNanos();
  for (size_t from = 0; from < keys.size(); from += group) {
    const size_t count = std::min(group, keys.size() - from);
    for (size_t i = 0; i < count; ++i) {
      const Prepared& p = keys[from + i];
      lookups[i] = {&trees[p.shard], std::string_view(p.text, p.length), {}};
    }
    Art::FindMany(std::span(lookups, count));
    for (size_t i = 0; i < count; ++i) *sink += lookups[i].found.pointer->offset;
  }
  return static_cast<double>(CpuNanos() - start) / static_cast<double>(keys.size());
}

void Run(Form form, const char* name, uint64_t total) {
  constexpr uint64_t kChunk = 1 << 17;
  malloc_trim(0);
  std::vector<Prepared> keys;
  keys.reserve(kChunk);
  std::vector<Art> trees(kShardCount);
  Prepare(form, 0, kChunk < total ? kChunk : total, total, 0, &keys);
  const size_t malloc_before = MallocBytes(), resident_before = ResidentBytes();
  Figures f;
  Pointer pointer;
  for (uint64_t from = 0; from < total; from += kChunk) {
    const uint64_t count = from + kChunk < total ? kChunk : total - from;
    Prepare(form, from, count, total, 0, &keys);
    f.insert_ns += NanosPerOp(keys,
                              [&](uint16_t shard, std::string_view key) {
                                pointer.offset += 8;
                                trees[shard].Upsert(key, pointer, 0);
                              }) *
                   static_cast<double>(count) / static_cast<double>(total);
  }
  const size_t malloc_after = MallocBytes(), resident_after = ResidentBytes();
  size_t own = 0, stored = 0;
  Art::Shape sum;
  for (const Art& tree : trees) {
    own += tree.bytes();
    stored += tree.size();
    const Art::Shape shape = tree.Measure();
    sum.nodes += shape.nodes;
    sum.buckets += shape.buckets;
    sum.node_bytes += shape.node_bytes;
    sum.depth_max = sum.depth_max > shape.depth_max ? sum.depth_max : shape.depth_max;
  }
  const double n = static_cast<double>(stored);
  uint64_t sink = 0;
  // Random existing keys, others for each figure, so that all are equally cold.
  Prepare(form, 0, kChunk, total, uint64_t{1} << 40, &keys);
  f.find8_ns = NanosPerFind(keys, trees, 8, &sink);
  Prepare(form, 0, kChunk, total, uint64_t{2} << 40, &keys);
  f.find16_ns = NanosPerFind(keys, trees, 16, &sink);
  Prepare(form, 0, kChunk, total, uint64_t{3} << 40, &keys);
  f.find1_ns = NanosPerFind(keys, trees, 1, &sink);
  // Twice, the second round counts (warm where the set fits the caches).
  Prepare(form, 0, kChunk, total, 77, &keys);
  for (int round = 0; round < 3; ++round) {
    f.find_ns = NanosPerOp(keys, [&](uint16_t shard, std::string_view key) {
      const EntryRef entry = trees[shard].Find(key);
      sink += entry.pointer->offset;
    });
    f.update_ns = NanosPerOp(keys, [&](uint16_t shard, std::string_view key) {
      Pointer old;
      pointer.offset += 8;
      trees[shard].Upsert(key, pointer, 0, &old);
      sink += old.offset;
    });
  }
  for (Prepared& p : keys) p.text[p.length - 1] = '!';
  f.miss_ns = NanosPerOp(
      keys, [&](uint16_t shard, std::string_view key) { sink += trees[shard].Find(key) ? 1 : 0; });
  const uint64_t scan_start = CpuNanos();
  for (const Art& tree : trees) {
    tree.Scan("", [&](std::string_view key, Pointer&, uint64_t) {
      sink += key.size();
      return true;
    });
  }
  f.scan_ns = static_cast<double>(CpuNanos() - scan_start) / n;
  for (uint64_t from = 0; from < total; from += kChunk) {
    const uint64_t count = from + kChunk < total ? kChunk : total - from;
    Prepare(form, from, count, total, 0, &keys);
    f.erase_ns +=
        NanosPerOp(keys, [&](uint16_t shard,
                             std::string_view key) { sink += trees[shard].Erase(key) ? 1 : 0; }) *
        static_cast<double>(count) / static_cast<double>(total);
  }
  std::printf(
      "%-9s %9.0f keys: bytes/key own %.1f malloc %.1f rss %.1f (nodes %.2f, %.1f keys/bucket, "
      "depth %zu); "
      "ns/op insert %.0f find %.0f update %.0f miss %.0f scan %.0f erase %.0f; cold find %.0f, "
      "find 8 %.0f, find 16 %.0f (%u)\n",
      name, n, static_cast<double>(own) / n, static_cast<double>(malloc_after - malloc_before) / n,
      static_cast<double>(resident_after - resident_before) / n,
      static_cast<double>(sum.node_bytes) / n, n / static_cast<double>(sum.buckets), sum.depth_max,
      f.insert_ns, f.find_ns, f.update_ns, f.miss_ns, f.scan_ns, f.erase_ns, f.find1_ns, f.find8_ns,
      f.find16_ns, static_cast<unsigned>(sink & 1));
  std::fflush(stdout);
}

}  // namespace
}  // namespace cairn

int main(int argc, char** argv) {
  const uint64_t keys = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 1000000;
  const char* only = argc > 2 ? argv[2] : "all";
  struct {
    const char* name;
    cairn::Form form;
  } const forms[] = {{"digits", cairn::Form::kDigits},
                     {"ascending", cairn::Form::kAscending},
                     {"hex", cairn::Form::kHex},
                     {"user", cairn::Form::kUser}};
  for (const auto& form : forms) {
    if (std::strcmp(only, "all") == 0 || std::strcmp(only, form.name) == 0) {
      cairn::Run(form.form, form.name, keys);
    }
  }
  return 0;
}
