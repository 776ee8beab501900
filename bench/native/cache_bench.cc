// Hit rates and CPU time of the value cache's policies: `cache_bench [rates|hits|misses] [keys]
// [small value bytes]`; without arguments all three, with a million keys. The cache holds 10 % of
// the bytes of all records, its bookkeeping included; a missed key enters.
//
//   rates   hit rates in percent, as a Markdown table: zipf 0.99 with values of 100 bytes and of
//           mixed sizes, each also with every tenth request from an endless sequential scan over
//           everything; zipf 1.1; a loop over 1.2 times what fits
//   hits    CPU time per hit, policies interleaved with LRU round by round, medians
//   misses  CPU time per miss: insert, evict, and the index entry of the evicted record in a real
//           index (Art), as the engine does it after a disk read
//
// Build: make measuring
#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <string_view>
#include <vector>

#include "base/slot.h"
#include "cache/value_cache.h"
#include "measuring.h"
#include "vlog/index/art.h"

namespace cairn {

using vlog::Art;
using vlog::Pointer;
namespace {

using measuring::CpuNanos;

constexpr uint32_t kNone = ValueCache::kNoHandle;
constexpr uint64_t kScanStep = 2654435761;   // a prime
constexpr size_t kRecordOverhead = 24 + 16;  // header and key
constexpr size_t kSlotBytes = 24;            // of bookkeeping per record, about

struct PolicyName {
  const char* name;
  CachePolicy policy;
};
constexpr PolicyName kPolicies[] = {
    {"lru", CachePolicy::kLru}, {"lirs", CachePolicy::kLirs}, {"s3fifo", CachePolicy::kS3Fifo}};

uint64_t Mix(uint64_t z) {
  z = (z + 0x9e3779b97f4a7c15u);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

class Random {
 public:
  explicit Random(uint64_t seed) : state_(seed) {}
  uint64_t Next() { return Mix(state_++); }
  double Unit() { return static_cast<double>(Next() >> 11) * 0x1p-53; }

 private:
  uint64_t state_;
};

// Exact, by Walker's alias method. Ranks are the keys: shards are chosen by hash.
class Zipf {
 public:
  Zipf(uint32_t keys, double exponent) : chance_(keys), alias_(keys) {
    double sum = 0;
    for (uint32_t i = 0; i < keys; ++i) sum += chance_[i] = std::pow(i + 1, -exponent);
    std::vector<uint32_t> low, high;
    for (uint32_t i = 0; i < keys; ++i) {
      chance_[i] *= keys / sum;
      (chance_[i] < 1 ? low : high).push_back(i);
    }
    while (!low.empty() && !high.empty()) {
      const uint32_t l = low.back(), h = high.back();
      low.pop_back();
      alias_[l] = h;
      chance_[h] -= 1 - chance_[l];
      if (chance_[h] >= 1) continue;
      high.pop_back();
      low.push_back(h);
    }
    for (uint32_t i : low) chance_[i] = 1;
    for (uint32_t i : high) chance_[i] = 1;
  }
  uint32_t Next(Random* random) const {
    const auto i = static_cast<uint32_t>(random->Next() % chance_.size());
    return random->Unit() < chance_[i] ? i : alias_[i];
  }

 private:
  std::vector<double> chance_;
  std::vector<uint32_t> alias_;
};

uint32_t ShardOf(uint32_t key) { return static_cast<uint32_t>(Mix(key) % kShardCount); }

size_t RecordBytes(uint32_t key, bool mixed) {
  constexpr size_t kSizes[] = {16, 40, 100, 100, 200, 300, 600, 2000};
  const size_t value = mixed ? kSizes[Mix(key ^ 0x5eed) % std::size(kSizes)] : 100;
  return (kRecordOverhead + value + 7) / 8 * 8;
}

// Keys, the cache, and an index that knows of each key whether it is in the cache.
struct Owner {
  Owner(uint32_t keys, bool mixed, size_t budget, CachePolicy policy, uint32_t small)
      : mixed(mixed), handles(keys, kNone), cache(budget, {policy, small}) {}

  bool Read(uint32_t key) {
    const uint32_t shard = ShardOf(key);
    if (handles[key] != kNone) {
      (void)cache.Get(shard, handles[key], 1);
      return true;
    }
    const size_t length = RecordBytes(key, mixed);
    char* data = nullptr;
    const ValueCache::Hint hint{static_cast<uint32_t>(Mix(key)),
                                static_cast<uint32_t>(length - kRecordOverhead)};
    handles[key] = cache.Reserve(shard, hint.ghost, static_cast<uint32_t>(length), &data, hint);
    if (handles[key] != kNone) std::memcpy(data, &key, sizeof(key));
    if (cache.OverBudget()) {
      cache.Shrink(
          shard, [](uint32_t) { return true; }, [](uint32_t) {},
          [&](std::span<const ValueCache::Victim> victims) {
            for (const ValueCache::Victim& victim : victims) {
              uint32_t evicted;
              std::memcpy(&evicted, victim.view.record.data(), sizeof(evicted));
              handles[evicted] = kNone;
            }
          });
    }
    return false;
  }

  bool mixed;
  std::vector<uint32_t> handles;
  ValueCache cache;
};

struct Load {
  const char* name;
  double exponent;  // 0: a loop
  bool scan;
  bool mixed;
};
constexpr Load kLoads[] = {
    {"zipf 0.99 + scan, 100 B", 0.99, true, false}, {"zipf 0.99 + scan, mixed", 0.99, true, true},
    {"zipf 0.99, 100 B", 0.99, false, false},       {"zipf 0.99, mixed", 0.99, false, true},
    {"zipf 1.1, 100 B", 1.1, false, false},         {"loop over 1.2x, 100 B", 0, false, false},
};

double HitRate(const Load& load, uint32_t keys, CachePolicy policy, uint32_t small) {
  size_t data = 0;
  for (uint32_t key = 0; key < keys; ++key) data += RecordBytes(key, load.mixed);
  const size_t budget = data / 10;
  Owner owner(keys, load.mixed, budget, policy, small);
  Random random(42);
  const Zipf zipf(keys, load.exponent);
  const size_t each = cache::CacheCharge(RecordBytes(0, false)) + kSlotBytes;
  const auto loop = static_cast<uint32_t>(1.2 * static_cast<double>(budget / each));
  const uint64_t warm = 6ull * keys, total = 12ull * keys;
  uint64_t hits = 0;
  uint64_t scan = 0;
  for (uint64_t i = 0; i < total; ++i) {
    uint32_t key;
    if (load.exponent == 0) {
      key = static_cast<uint32_t>(i % loop);
    } else if (load.scan && i % 10 == 0) {
      key = static_cast<uint32_t>(kScanStep * scan++ % keys);  // order of keys, not of popularity
    } else {
      key = zipf.Next(&random);
    }
    const bool hit = owner.Read(key);
    hits += i >= warm && hit ? 1 : 0;
  }
  return 100.0 * static_cast<double>(hits) / static_cast<double>(total - warm);
}

// What a cache of the same size with the most popular keys in it, and nothing else, would hit.
double BestStatic(const Load& load, uint32_t keys) {
  if (load.mixed || load.exponent == 0) return load.exponent == 0 ? 100 / 1.2 : NAN;
  const double budget = static_cast<double>(RecordBytes(0, false)) * keys / 10;
  const double charge = static_cast<double>(cache::CacheCharge(RecordBytes(0, false)) + kSlotBytes);
  double all = 0, top = 0;
  for (uint32_t i = 0; i < keys; ++i) {
    all += std::pow(i + 1, -load.exponent);
    if (i < budget / charge) top = all;
  }
  return 100 * (load.scan ? 0.9 * top / all + 0.1 * budget / charge / keys : top / all);
}

void Rates(uint32_t keys, uint32_t small) {
  std::printf("| workload | lru | lirs | s3fifo | best static |\n|---|---|---|---|---|\n");
  for (const Load& load : kLoads) {
    std::printf("| %s |", load.name);
    for (const PolicyName& policy : kPolicies) {
      std::printf(" %.1f |", HitRate(load, keys, policy.policy, small));
      std::fflush(stdout);
    }
    const double best = BestStatic(load, keys);
    std::printf(std::isnan(best) ? " - |\n" : " %.1f |\n", best);
  }
}

double Median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

// All keys are in the cache; zipf 0.99.
void Hits(uint32_t keys) {
  constexpr uint32_t kRounds = 21;
  keys /= 10;
  const uint32_t requests = 10 * keys;
  struct Request {
    uint32_t shard, handle;
  };
  const Zipf zipf(keys, 0.99);
  std::vector<std::vector<double>> nanos(std::size(kPolicies));
  std::vector<std::unique_ptr<Owner>> owners;
  for (const PolicyName& policy : kPolicies) {
    owners.push_back(std::make_unique<Owner>(keys, false, 1ull << 40, policy.policy, 256));
    for (uint32_t key = 0; key < keys; ++key) (void)owners.back()->Read(key);
  }
  std::vector<Request> list(requests);
  uint64_t sum = 0;
  for (uint32_t round = 0; round < kRounds; ++round) {
    Random random(round);
    for (Request& request : list) {
      const uint32_t key = zipf.Next(&random);
      request = {ShardOf(key), owners[0]->handles[key]};
    }
    // LRU before every other policy: A B A C.
    for (size_t i = 1; i < owners.size(); ++i) {
      for (size_t at : {size_t{0}, i}) {
        ValueCache& cache = owners[at]->cache;
        const uint64_t started = CpuNanos();
        for (const Request& request : list) {
          sum += static_cast<uint8_t>(*cache.Get(request.shard, request.handle, 1));
        }
        nanos[at].push_back(static_cast<double>(CpuNanos() - started) / requests);
      }
    }
  }
  std::printf("| policy | ns per hit | of LRU |\n|---|---|---|\n");
  for (size_t i = 0; i < std::size(kPolicies); ++i) {
    std::printf("| %s | %.1f | %.2f |\n", kPolicies[i].name, Median(nanos[i]),
                Median(nanos[i]) / Median(nanos[0]));
  }
  if (sum == 1) std::printf("\n");
}

// Uniform reads, so that nearly all are misses, of keys in a real index.
void Misses(uint32_t keys) {
  constexpr uint32_t kRounds = 9;
  const uint32_t requests = keys / 4;
  std::printf("| policy | ns per miss | of it without eviction |\n|---|---|---|\n");
  for (const PolicyName& policy : kPolicies) {
    std::vector<Art> trees(kShardCount);
    const auto text = [](uint32_t key, char* to) {
      return std::string_view(to, static_cast<size_t>(std::snprintf(to, 20, "key:%012u", key)));
    };
    char buffer[20];
    for (uint32_t key = 0; key < keys; ++key) {
      Pointer pointer;
      pointer.length = static_cast<uint32_t>(RecordBytes(key, false));
      pointer.checksum = static_cast<uint32_t>(Mix(key));
      trees[ShardOf(key)].Upsert(text(key, buffer), pointer, 0);
    }
    ValueCache cache(keys * RecordBytes(0, false) / 10, {policy.policy, 256});
    Random random(1);
    std::vector<double> filling, nanos;
    std::string record(RecordBytes(0, false), 'r');
    const auto read = [&](uint32_t key) {
      const uint32_t shard = ShardOf(key);
      text(key, buffer);
      Pointer* pointer = trees[shard].Find({buffer, 16}).pointer;
      if (pointer->resident()) return;
      std::memcpy(record.data() + 24, buffer, 16);
      const uint32_t handle = cache.Insert(shard, pointer->checksum, record);
      if (handle != kNone) {
        pointer->flags |= Pointer::kResident;
        pointer->checksum = handle;
      }
      if (!cache.OverBudget()) return;
      cache.Shrink(
          shard, [](uint32_t) { return true; }, [](uint32_t) {},
          [&](std::span<const ValueCache::Victim> victims) {
            Art::Lookup lookups[ValueCache::kBatch];
            for (size_t i = 0; i < victims.size(); ++i)
              lookups[i] = {&trees[victims[i].shard], victims[i].view.record.substr(24, 16), {}};
            Art::FindMany(std::span(lookups, victims.size()));
            for (size_t i = 0; i < victims.size(); ++i) {
              Pointer* old = lookups[i].found.pointer;
              if (old->checksum != victims[i].handle) std::abort();
              old->flags &= ~Pointer::kResident;
              old->checksum = victims[i].view.checksum;
            }
          });
    };
    const auto run = [&](uint32_t count) {
      std::vector<uint32_t> list(count);
      for (uint32_t& key : list) key = static_cast<uint32_t>(random.Next() % keys);
      const uint64_t started = CpuNanos();
      for (uint32_t key : list) read(key);
      return static_cast<double>(CpuNanos() - started) / count;
    };
    const double fill = run(keys / 20);
    (void)run(keys);
    for (uint32_t round = 0; round < kRounds; ++round) nanos.push_back(run(requests));
    std::printf("| %s | %.0f | %.0f |\n", policy.name, Median(nanos), fill);
  }
}

}  // namespace
}  // namespace cairn

int main(int argc, char** argv) {
  const std::string_view what = argc > 1 ? argv[1] : "all";
  const auto keys = static_cast<uint32_t>(argc > 2 ? std::atoi(argv[2]) : 1000000);
  const auto small = static_cast<uint32_t>(argc > 3 ? std::atoi(argv[3]) : 256);
  if (what == "all" || what == "rates") cairn::Rates(keys, small);
  if (what == "all" || what == "hits") cairn::Hits(keys);
  if (what == "all" || what == "misses") cairn::Misses(keys);
}
