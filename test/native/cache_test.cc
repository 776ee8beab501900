#include <doctest/doctest.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <map>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "base/latch.h"
#include "cache/value_cache.h"

using cairn::CachePolicy;
using cairn::Latch;
using cairn::ValueCache;

namespace {

// The owner in small: for each shard a latch and which records the index believes to be resident.
struct Owner {
  explicit Owner(size_t budget, uint32_t shards = 8, ValueCache::Options options = {})
      : cache(budget, options, shards), latches(shards), resident(shards) {}

  uint32_t Shrink(uint32_t held) {
    return cache.Shrink(
        held, [&](uint32_t shard) { return latches[shard].TryLock(); },
        [&](uint32_t shard) { latches[shard].Unlock(); },
        [&](std::span<const ValueCache::Victim> victims) {
          for (const auto& [shard, handle, view] : victims) {
            auto found = resident[shard].find(handle);
            REQUIRE(found != resident[shard].end());
            REQUIRE(found->second == view.record);
            REQUIRE(view.checksum == static_cast<uint32_t>(found->second.size()));
            resident[shard].erase(found);
          }
        });
  }
  uint32_t Insert(uint32_t shard, const std::string& record) {
    const uint32_t handle = cache.Insert(shard, static_cast<uint32_t>(record.size()), record);
    if (handle != ValueCache::kNoHandle) {
      REQUIRE(resident[shard].emplace(handle, record).second);
    }
    return handle;
  }

  ValueCache cache;
  std::vector<Latch> latches;
  std::vector<std::map<uint32_t, std::string>> resident;
};

}  // namespace

TEST_CASE("cache: insert, get, replace, erase, and every byte is given back") {
  ValueCache cache(1 << 20, 4);
  CHECK(cache.bytes() == 0);
  const uint32_t a = cache.Insert(1, 11, "record a");
  const uint32_t b = cache.Insert(1, 22, std::string(1000, 'b'));
  const uint32_t c = cache.Insert(2, 33, "");
  REQUIRE(a != ValueCache::kNoHandle);
  CHECK(a != b);
  CHECK(cache.bytes() >= 1000 + 8 + 8);
  CHECK(cache.Peek(1, a).record == "record a");
  CHECK(cache.Peek(1, a).checksum == 11);
  CHECK(cache.Peek(1, b).record == std::string(1000, 'b'));
  CHECK(cache.Peek(2, c).record.empty());
  const size_t before = cache.bytes();
  const char* place = cache.Peek(1, b).record.data();
  CHECK(cache.Replace(1, b, 1000, 44, std::string(990, 'B')) == b);
  CHECK(cache.Get(1, b, 1000) == place);
  CHECK(cache.Peek(1, b).record.data() == place);
  CHECK(cache.bytes() == before);
  CHECK(cache.Peek(1, b).checksum == 44);
  CHECK(cache.Replace(1, b, 990, 55, std::string(5000, 'C')) == b);
  CHECK(cache.Peek(1, b).record == std::string(5000, 'C'));
  CHECK(cache.Replace(1, b, 5000, 66, "tiny") == b);
  CHECK(cache.Peek(1, b).record == "tiny");
  CHECK(cache.bytes() < before);
  cache.SetChecksum(1, b, 67);
  CHECK(cache.Peek(1, b).checksum == 67);
  cache.Erase(1, a);
  cache.Erase(1, b);
  CHECK(cache.records(1) == 0);
  cache.Clear(2);
  CHECK(cache.bytes() == 0);
}

TEST_CASE("cache: what is off or too large does not enter") {
  ValueCache cache(0, 2);
  CHECK(cache.Insert(0, 1, "x") == ValueCache::kNoHandle);
  CHECK(!cache.OverBudget());
  cache.SetBudget(8000);
  CHECK(cache.Insert(0, 1, std::string(1000, 'x')) == ValueCache::kNoHandle);
  const uint32_t handle = cache.Insert(0, 1, std::string(900, 'x'));
  REQUIRE(handle != ValueCache::kNoHandle);
  CHECK(cache.Replace(0, handle, 900, 1, std::string(1000, 'x')) == ValueCache::kNoHandle);
  CHECK(cache.records(0) == 0);
  CHECK(cache.bytes() == 0);
}

TEST_CASE("cache: the hot stay while a cold scan passes through") {
  constexpr uint32_t kHot = 200;
  Owner owner(256 << 10, 1);
  std::vector<uint32_t> hot;
  for (uint32_t i = 0; i < kHot; ++i)
    hot.push_back(owner.Insert(0, "hot" + std::to_string(i) + std::string(200, 'h')));
  for (int scan = 0; scan < 20000; ++scan) {
    owner.Insert(0, "cold" + std::to_string(scan) + std::string(200, 'c'));
    owner.Shrink(0);
    CHECK(!owner.cache.OverBudget());
    const uint32_t i = static_cast<uint32_t>(scan) % kHot;
    auto found = owner.resident[0].find(hot[i]);
    if (found != owner.resident[0].end() && found->second.rfind("hot", 0) == 0)
      owner.cache.Get(0, hot[i], 200);
  }
  uint32_t left = 0;
  for (const auto& [handle, record] : owner.resident[0])
    left += record.rfind("hot", 0) == 0 ? 1 : 0;
  CHECK(left == kHot);
}

TEST_CASE("cache: a shard with little of its own takes room from the others") {
  Owner owner(64 << 10, 128);
  for (uint32_t i = 0; i < 2000; ++i) {
    owner.Insert(i % 100, std::string(100, 'a'));
    owner.Shrink(i % 100);
  }
  // Shard 101 is empty; its first records must not push each other out while others hold idle ones.
  for (uint32_t i = 0; i < 40; ++i) {
    owner.Insert(101, std::string(100, 'b'));
    owner.Shrink(101);
  }
  CHECK(owner.cache.records(101) >= 38);
  CHECK(!owner.cache.OverBudget());
  // With the other shards latched only its own are left to evict.
  for (uint32_t shard = 0; shard < 100; ++shard) owner.latches[shard].Lock();
  owner.cache.SetBudget(owner.cache.bytes() - 1);
  bool found = false;
  for (int i = 0; i < 200 && !found; ++i) found = owner.Shrink(101) > 0;
  CHECK(found);
}

TEST_CASE("cache: a smaller budget drains it in bounded steps") {
  Owner owner(8 << 20, 16);
  for (uint32_t i = 0; i < 4000; ++i) owner.Insert(i % 16, std::string(1000, 'x'));
  CHECK(owner.cache.bytes() > 4000000);
  owner.cache.SetBudget(0);
  uint32_t evicted = 0, calls = 0;
  while (owner.cache.OverBudget()) {
    const uint32_t now = owner.Shrink(ValueCache::kNoHandle);
    REQUIRE(now > 0);
    REQUIRE(now <= ValueCache::kEvictionsPerShrinkMax);
    evicted += now;
    ++calls;
  }
  CHECK(evicted == 4000);
  CHECK(calls >= 4000 / ValueCache::kEvictionsPerShrinkMax);
  CHECK(owner.cache.bytes() == 0);
  CHECK(owner.cache.evictions() == 4000);
}

TEST_CASE("cache: random operations against a model") {
  std::mt19937_64 random(9);
  constexpr uint32_t kShards = 8;
  Owner owner(200000, kShards);
  for (int i = 0; i < 200000; ++i) {
    const uint32_t shard = static_cast<uint32_t>(random() % kShards);
    auto& resident = owner.resident[shard];
    const std::string record(random() % (random() % 20 == 0 ? 20000 : 300),
                             static_cast<char>('a' + i % 26));
    auto pick = resident.lower_bound(static_cast<uint32_t>(random() % 400));
    switch (random() % 4) {
      case 0:
        owner.Insert(shard, record);
        break;
      case 1:
        if (pick == resident.end()) break;
        if (owner.cache.Replace(shard, pick->first, static_cast<uint32_t>(pick->second.size()),
                                static_cast<uint32_t>(record.size()),
                                record) == ValueCache::kNoHandle) {
          resident.erase(pick);
        } else {
          pick->second = record;
        }
        break;
      case 2:
        if (pick != resident.end())
          REQUIRE(owner.cache.Peek(shard, pick->first).record == pick->second);
        break;
      default:
        if (pick == resident.end() || random() % 4 != 0) break;
        owner.cache.Erase(shard, pick->first);
        resident.erase(pick);
    }
    // A large record can need more than one call.
    for (int call = 0; call < 8 && owner.cache.OverBudget(); ++call) owner.Shrink(shard);
    REQUIRE(!owner.cache.OverBudget());
    REQUIRE(owner.cache.records(shard) == resident.size());
  }
  CHECK(owner.cache.evictions() > 1000);
  for (uint32_t shard = 0; shard < kShards; ++shard) owner.cache.Clear(shard);
  CHECK(owner.cache.bytes() == 0);
}

// One step above the budget at most, at any time; never above it after Shrink.
TEST_CASE("cache: churn never breaks the bound, under each policy") {
  constexpr uint32_t kShards = 16;
  constexpr size_t kBudget = 400000;
  constexpr size_t kStep = kBudget / 8 + kBudget / ValueCache::kGrowthShare + 4096;
  for (CachePolicy policy : {CachePolicy::kS3Fifo, CachePolicy::kLirs, CachePolicy::kLru}) {
    CAPTURE(static_cast<int>(policy));
    std::mt19937_64 random(static_cast<uint64_t>(policy) + 1);
    Owner owner(kBudget, kShards, {policy, 128});
    for (int i = 0; i < 150000; ++i) {
      const uint32_t shard = static_cast<uint32_t>(random() % kShards);
      auto& resident = owner.resident[shard];
      // Phases of small and of large records: what they leave behind serves the next phase.
      const size_t size_max = i / 10000 % 3 == 0 ? 200 : i / 10000 % 3 == 1 ? 3000 : 60000;
      const std::string record(random() % 8 == 0 ? random() % size_max : random() % 120, 'r');
      auto pick = resident.lower_bound(static_cast<uint32_t>(random() % 500));
      const uint64_t what = random() % 8;
      if (what < 4) {
        owner.Insert(shard, record);
      } else if (pick != resident.end() && what == 4) {
        const auto old_length = static_cast<uint32_t>(pick->second.size());
        if (owner.cache.Replace(shard, pick->first, old_length,
                                static_cast<uint32_t>(record.size()),
                                record) == ValueCache::kNoHandle) {
          resident.erase(pick);
        } else {
          pick->second = record;
        }
      } else if (pick != resident.end() && what < 7) {
        REQUIRE(std::string_view(
                    owner.cache.Get(shard, pick->first, static_cast<uint32_t>(pick->second.size())),
                    pick->second.size()) == pick->second);
      } else if (pick != resident.end()) {
        owner.cache.Erase(shard, pick->first);
        resident.erase(pick);
      }
      REQUIRE(owner.cache.bytes() <= kBudget + kStep);
      for (int call = 0; call < 8 && owner.cache.OverBudget(); ++call) owner.Shrink(shard);
      REQUIRE(owner.cache.bytes() <= kBudget);
    }
    CHECK(owner.cache.evictions() > 10000);
    CHECK((owner.cache.ghost_bytes() > 0) == (policy != CachePolicy::kLru));
    for (uint32_t shard = 0; shard < kShards; ++shard) owner.cache.Clear(shard);
    CHECK(owner.cache.bytes() == 0);
    CHECK(owner.cache.ghost_bytes() == 0);
  }
}

TEST_CASE("cache: nothing enters while nothing can leave") {
  Owner owner(100000, 4);
  for (auto& latch : owner.latches) latch.Lock();
  owner.latches[0].Unlock();
  // Nobody calls Shrink: one record may exceed the budget, the next is refused.
  size_t entered = 0;
  while (owner.Insert(1, std::string(1000, 'x')) != ValueCache::kNoHandle) ++entered;
  CHECK(entered > 80);
  CHECK(owner.cache.bytes() > 100000);
  CHECK(owner.cache.bytes() <= 100000 + 2048);
  const auto [handle, record] = *owner.resident[1].begin();
  CHECK(owner.cache.Replace(1, handle, 1000, 900, std::string(900, 'y')) == handle);
  owner.resident[1][handle] = std::string(900, 'y');
  CHECK(owner.Shrink(0) == 0);  // the latch of shard 1 is taken
  CHECK(owner.cache.Replace(1, handle, 900, 1, std::string(3000, 'x')) == ValueCache::kNoHandle);
  owner.resident[1].erase(handle);
}

TEST_CASE("cache: what leaves together comes from as many shards as it takes") {
  constexpr uint32_t kShards = 64;
  ValueCache cache(1 << 20, kShards);
  std::vector<Latch> latches(kShards);
  for (uint32_t i = 0; !cache.OverBudget(); ++i) {
    REQUIRE(cache.Insert(i % kShards, i, std::string(1000, 'x')) != ValueCache::kNoHandle);
  }
  latches[7].Lock();   // the caller's
  latches[20].Lock();  // somebody's: no record leaves there
  std::map<uint32_t, uint32_t> left;
  size_t calls = 0;
  const uint32_t evicted = cache.Shrink(
      7, [&](uint32_t shard) { return latches[shard].TryLock(); },
      [&](uint32_t shard) { latches[shard].Unlock(); },
      [&](std::span<const ValueCache::Victim> victims) {
        ++calls;
        for (const ValueCache::Victim& victim : victims) {
          CHECK_FALSE(latches[victim.shard].TryLock());
          ++left[victim.shard];
        }
      });
  CHECK(evicted >= 4);  // 1/256 of the budget
  CHECK(calls == 1);
  CHECK(left.size() == evicted);
  cache.SetBudget(512 << 10);
  for (int i = 0; i < 40; ++i) {
    cache.Shrink(
        7, [&](uint32_t shard) { return latches[shard].TryLock(); },
        [&](uint32_t shard) { latches[shard].Unlock(); },
        [&](std::span<const ValueCache::Victim> victims) {
          CHECK(victims.size() <= ValueCache::kBatch);
          for (const ValueCache::Victim& victim : victims) ++left[victim.shard];
        });
  }
  CHECK_FALSE(cache.OverBudget());
  CHECK(left.count(7) == 1);
  CHECK(left.count(20) == 0);
  CHECK(left.size() == kShards - 1);
  for (uint32_t shard = 0; shard < kShards; ++shard) {
    CHECK(latches[shard].TryLock() == (shard != 7 && shard != 20));
  }
}

// What the process has more after filling the cache is what bytes() says.
TEST_CASE("cache: bytes() is the memory that is used") {
  const auto resident_bytes = [] {
    unsigned long total = 0, resident = 0;
    std::FILE* file = std::fopen("/proc/self/statm", "r");
    REQUIRE(file != nullptr);
    REQUIRE(std::fscanf(file, "%lu %lu", &total, &resident) == 2);
    std::fclose(file);
    return resident * static_cast<size_t>(sysconf(_SC_PAGESIZE));
  };
#if !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
  constexpr size_t kBudget = 96 << 20;
  ValueCache cache(kBudget, 64);
  std::mt19937_64 random(3);
  const std::string record(5000, 'x');
  const size_t before = resident_bytes();
  const auto churn = [&](int count) {
    for (int i = 0; i < count; ++i) {
      const uint32_t shard = static_cast<uint32_t>(random() % 64);
      (void)cache.Insert(shard, static_cast<uint32_t>(random()),
                         std::string_view(record).substr(0, random() % 5000));
      cache.Shrink(
          shard, [](uint32_t) { return true; }, [](uint32_t) {},
          [](std::span<const ValueCache::Victim>) {});
    }
  };
  churn(200000);
  CHECK(cache.evictions() > 100000);
  const size_t grown = resident_bytes() - before;
  CHECK(grown < cache.bytes() + cache.bytes() / 16 + (4 << 20));
#else
  (void)resident_bytes;
#endif
}

TEST_CASE("cache: two threads keep one budget") {
  constexpr uint32_t kShards = 64;
  constexpr size_t kBudget = 1 << 20;
  ValueCache cache(kBudget, kShards);
  std::vector<Latch> latches(kShards);
  auto work = [&](uint64_t seed) {
    std::mt19937_64 random(seed);
    for (int i = 0; i < 60000; ++i) {
      const uint32_t shard = static_cast<uint32_t>(random() % kShards);
      cairn::LatchGuard guard(latches[shard]);
      const std::string record(random() % 500, 'r');
      (void)cache.Insert(shard, 1, record);
      cache.Shrink(
          shard, [&](uint32_t s) { return latches[s].TryLock(); },
          [&](uint32_t s) { latches[s].Unlock(); }, [](std::span<const ValueCache::Victim>) {});
    }
  };
  std::thread other(work, 1);
  work(2);
  other.join();
  CHECK(cache.bytes() <= kBudget + 4096);
  for (uint32_t shard = 0; shard < kShards; ++shard) cache.Clear(shard);
  CHECK(cache.bytes() == 0);
}

TEST_CASE("cache: large records are shared, not copied, and outlive their place") {
  constexpr size_t kBytes = cairn::kLargeValueBytes + 100;
  ValueCache cache(64 << 20, 4);
  const auto buffer = cairn::LargeBuffer::New(kBytes + 64);
  char* record = buffer->data() + 48;
  std::fill(record, record + kBytes, 'r');
  const ValueCache::SharedRecord shared = {buffer, record};
  char* unused = nullptr;
  const uint32_t handle =
      cache.Reserve(1, 7, kBytes, &unused, ValueCache::Hint{7, kBytes - 40}, &shared);
  REQUIRE(handle != ValueCache::kNoHandle);
  CHECK(unused == nullptr);
  CHECK(cache.Get(1, handle, kBytes) == record);
  CHECK(cache.Peek(1, handle).record == std::string_view(record, kBytes));
  CHECK(cache.bytes() >= kBytes);
  cairn::Owner owner = cache.Share(1, handle);
  CHECK(owner == buffer);
  // A smaller one takes its place, then a large one that is copied in.
  CHECK(cache.Replace(1, handle, kBytes, 8, "small") == handle);
  CHECK(cache.Share(1, handle) == nullptr);
  CHECK(std::string_view(cache.Get(1, handle, 5), 5) == "small");
  const std::string copied(kBytes, 'c');
  CHECK(cache.Replace(1, handle, 5, 9, copied) == handle);
  CHECK(cache.Peek(1, handle).record == copied);
  CHECK(cache.Share(1, handle) != nullptr);
  // Nobody writes over what is shared: the one before stays as it was.
  owner = cache.Share(1, handle);
  const char* before = cache.Get(1, handle, kBytes);
  CHECK(cache.Replace(1, handle, kBytes, 10, std::string(kBytes, 'd')) == handle);
  CHECK(std::string_view(before, kBytes) == copied);
  cache.Erase(1, handle);
  CHECK(cache.bytes() == 0);
  CHECK(std::string_view(record, kBytes) == std::string(kBytes, 'r'));
}
