// Look-ahead (lsm/look_ahead.h) beside who changes what it looks at.
#include <doctest/doctest.h>

#include <atomic>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "base/slot.h"
#include "lsm/look_ahead.h"
#include "lsm_testing.h"

using namespace cairn;
using namespace cairn::lsm;
using cairn::testing::StoredKey;
using cairn::testing::StoredValue;

namespace {

constexpr int kKeys = 2000;
constexpr size_t kCacheBytes = 128 << 10;  // of a tenth of the keys, so that all the time some go
constexpr int kRounds = 3000;

struct Shared {
  struct alignas(64) Padded {
    Latch latch;
  };
  std::unique_ptr<Padded[]> latches{new Padded[kShardCount]};
  PendingIndex pending;
  RecordCache records{kCacheBytes,
                      [this](uint32_t shard) -> Latch& { return latches[shard].latch; }};
  std::vector<std::string> keys;
  std::vector<KeyAhead> ahead;

  Shared() {
    for (int i = 0; i < kKeys; ++i) {
      const std::string user_key = "key:" + std::to_string(i);
      keys.push_back(StoredKey(1, user_key));
      ahead.push_back({ShardOf(user_key), HashOf(keys.back())});
    }
  }
  Latch& LatchOf(int key) { return latches[ahead[static_cast<size_t>(key)].shard].latch; }
};

std::string ValueOf(int key, uint64_t version) {
  return StoredValue({}, std::to_string(key) + ":" + std::to_string(version) +
                             std::string(static_cast<size_t>(key % 700), 'v'));
}

}  // namespace

// As the engine: one thread adds writes, the committer brings records up to date and then takes the
// writes off; reactors look ahead, and then look.
TEST_CASE("lsm look-ahead: beside writes, retirement and evictions") {
  Shared shared;
  std::atomic<bool> stop{false};
  std::atomic<uint64_t> seen{0};
  std::atomic<uint64_t> wrong{0};

  const auto latch_of = [&](uint16_t shard) -> Latch& { return shared.latches[shard].latch; };
  const auto look = [&](uint64_t seed) {
    std::mt19937_64 random(seed);
    while (!stop.load()) {
      KeyAhead some[kKeysAheadMax];
      int numbers[kKeysAheadMax];
      for (size_t i = 0; i < kKeysAheadMax; ++i) {
        numbers[i] = static_cast<int>(random() % kKeys);
        some[i] = shared.ahead[static_cast<size_t>(numbers[i])];
      }
      LookAhead(std::span<const KeyAhead>(some), latch_of, shared.pending, shared.records);
      for (size_t i = 0; i < kKeysAheadMax; ++i) {
        const std::string& key = shared.keys[static_cast<size_t>(numbers[i])];
        const std::string begin = StoredValue({}, std::to_string(numbers[i]) + ":");
        LatchGuard guard(shared.LatchOf(numbers[i]));
        const PendingWrite* write = shared.pending.Find(some[i].shard, key, some[i].hash);
        const std::string_view value =
            write != nullptr ? write->value : shared.records.Find(some[i].shard, key, some[i].hash);
        if (value.data() == nullptr) continue;
        seen.fetch_add(1, std::memory_order_relaxed);
        if (!value.starts_with(begin)) wrong.fetch_add(1);
      }
    }
  };
  std::vector<std::thread> readers;
  for (uint64_t seed = 1; seed <= 2; ++seed) readers.emplace_back(look, seed);

  // The committer, one batch behind the writer.
  struct Written {
    PendingWrite write;
    std::string value;
  };
  std::mt19937_64 random(7);
  for (uint64_t round = 1; round <= kRounds; ++round) {
    std::vector<std::unique_ptr<Written>> batch;
    for (int i = 0; i < 24; ++i) {
      const auto key = static_cast<int>(random() % kKeys);
      auto written = std::make_unique<Written>();
      written->value = ValueOf(key, round);
      PendingWrite& write = written->write;
      write.batch = round;
      write.key = shared.keys[static_cast<size_t>(key)];
      write.value = written->value;
      write.hash = shared.ahead[static_cast<size_t>(key)].hash;
      write.shard = shared.ahead[static_cast<size_t>(key)].shard;
      batch.push_back(std::move(written));
      LatchGuard guard(shared.LatchOf(key));
      shared.pending.Add(&batch.back()->write);
    }
    std::vector<KeyAhead> ahead;
    for (const auto& written : batch) {
      ahead.push_back({written->write.shard, written->write.hash});
      if (ahead.size() < kKeysAheadMax && written != batch.back()) continue;
      LookAhead(std::span<const KeyAhead>(ahead), latch_of, shared.pending, shared.records);
      ahead.clear();
    }
    for (const auto& written : batch) {
      const PendingWrite& write = written->write;
      LatchGuard guard(shared.latches[write.shard].latch);
      shared.records.Put(write.shard, write.key, write.hash, write.value, true);
      shared.pending.Remove(&write);
    }
    if (round % 64 == 0) shared.records.SetBudget(round % 128 == 0 ? kCacheBytes : kCacheBytes / 4);
  }
  stop.store(true);
  for (std::thread& reader : readers) reader.join();
  CHECK(wrong.load() == 0);
  CHECK(seen.load() > 0);
  CHECK(shared.records.evictions() > 0);
}
