// When the committer says that a batch is durable, and how long it waits for more.
#include <doctest/doctest.h>

#include <chrono>
#include <map>
#include <random>
#include <string>
#include <thread>

#include "base/large_buffer.h"
#include "environment.h"
#include "lsm/gathering.h"
#include "lsm/memtable.h"
#include "lsm_testing.h"

using namespace cairn;
using namespace cairn::lsm;
using cairn::testing::FromEnvironment;
using cairn::testing::LsmDb;
using cairn::testing::StoredKey;
using cairn::testing::StoredValue;

namespace {

SimDisk* failing = nullptr;  // loses its power at the next insertion
int insertions = 0;

std::span<const std::string_view> Inserting() {
  ++insertions;
  if (failing != nullptr) failing->PowerOff();
  failing = nullptr;
  return {};
}

}  // namespace

TEST_CASE("lsm memtables: a synced write is durable when its insertion begins") {
  const uint64_t seed = FromEnvironment("CAIRN_SEED", 1);
  for (uint64_t run = 0; run < 40; ++run) {
    std::mt19937_64 random(seed + run);
    LargeValues large;
    LsmDb db(seed + run);
    db.options.allow_concurrent_memtable_write = false;
    db.options.memtable_factory = NewMemtables(&Inserting, &large);
    REQUIRE(db.Open().ok());
    const int count = static_cast<int>(random() % 60);
    std::map<std::string, std::string> synced, written;
    for (int n = 0; n <= count; ++n) {
      const std::string key = StoredKey(1, std::to_string(random() % 20));
      const std::string value =
          StoredValue({}, std::string(1 + random() % 9000, static_cast<char>('a' + n % 26)));
      rocksdb::WriteOptions options;
      options.sync = n == count || random() % 3 == 0;
      if (n == count && run % 2 != 0) db.Flush();  // to a log of its own, in a directory as it was
      if (n == count) failing = &db.disk();
      const int before = insertions;
      const rocksdb::Status status = db.db()->Put(options, key, value);
      if (n < count) REQUIRE(status.ok());
      REQUIRE(insertions == before + 1);
      written[key] = value;
      if (options.sync) synced = written;
    }
    REQUIRE(failing == nullptr);
    db.Crash();
    REQUIRE(db.Open().ok());
    for (const auto& [key, value] : synced) CHECK(db.Get(key) == value);
  }
}

TEST_CASE("lsm memtables: which values in them are large, also after a recovery") {
  const std::string key = StoredKey(1, "large"), other = StoredKey(1, "small");
  const std::string small = StoredValue({.version = 1}, std::string(kLargeValueBytes / 2, 's'));
  const auto large = [](uint64_t version, uint64_t expire) {
    return StoredValue({.version = version, .expire_at_ms = expire},
                       std::string(kLargeValueBytes, 'l'));
  };
  LargeValues first, second;
  LsmDb db;
  db.options.allow_concurrent_memtable_write = false;
  db.options.avoid_flush_during_recovery = true;  // as the engine has it
  db.options.memtable_factory = NewMemtables(&Inserting, &first);
  REQUIRE(db.Open().ok());
  db.Put(other, small);
  CHECK(first.empty());
  db.Put(key, large(2, 0));
  db.Put(key, large(3, 12345));
  REQUIRE(first.Find(key).has_value());
  CHECK(first.Find(key)->head.version == 3);
  CHECK(first.Find(key)->head.expire_at_ms == 12345);
  CHECK(first.Find(key)->body_bytes == kLargeValueBytes);
  CHECK_FALSE(first.Find(other).has_value());
  db.Close();
  CHECK(first.empty());

  db.options.memtable_factory = NewMemtables(&Inserting, &second);
  REQUIRE(db.Open().ok());
  REQUIRE(second.Find(key).has_value());
  CHECK(second.Find(key)->head.version == 3);
  SUBCASE("until they are in a file") {
    db.Flush();
    // The memtable goes behind it, on another thread.
    for (int i = 0; i < 10'000 && !second.empty(); ++i)
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  SUBCASE("until a smaller one comes") { db.Put(key, small); }
  SUBCASE("until they are deleted") { db.Delete(key); }
  CHECK(second.empty());
}

TEST_CASE("lsm gathering: waits for who waited at the last sync") {
  Gathering gathering;
  CHECK(gathering.Wanted(10) == 0);  // nothing is known yet
  gathering.Committed(500'000, 50'000);
  gathering.Synced(48);  // two groups
  CHECK(gathering.Wanted(24) == 42);
  CHECK(gathering.WaitNanos() == 450'000);
  gathering.Waited(true);
  CHECK(gathering.Wanted(24) == 42);
  CHECK(gathering.Wanted(42) == 0);  // all are here
  gathering.Committed(100'000'000, 50'000);
  CHECK(gathering.WaitNanos() == Gathering::kWaitNanosMax);
  for (int i = 0; i < 100; ++i) gathering.Committed(500'000, 600'000);
  CHECK(gathering.Wanted(24) == 0);  // clients have had longer than that
  for (int i = 0; i < 100; ++i) gathering.Committed(500'000, 50'000);
  CHECK(gathering.Wanted(24) == 42);
  gathering.Synced(Gathering::kUnitsMin - 1);
  CHECK(gathering.Wanted(1) == 0);  // a few clients do not wait for each other
}

TEST_CASE("lsm gathering: who waits in vain waits ever more seldom") {
  Gathering gathering;
  gathering.Committed(500'000, 50'000);
  gathering.Synced(100);
  int waits = 0;
  for (int commits = 0; commits < 10'000; ++commits) {
    if (gathering.Wanted(10) == 0) continue;
    ++waits;
    gathering.Waited(false);
  }
  CHECK(waits > 10'000 / static_cast<int>(Gathering::kPauseMax));
  CHECK(waits < 100);
  // And again each time when it was worth it once.
  while (gathering.Wanted(10) == 0) {
  }
  gathering.Waited(true);
  CHECK(gathering.Wanted(10) != 0);
}
