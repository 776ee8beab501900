// When the committer says that a batch is durable, and how long it waits for more.
#include <doctest/doctest.h>

#include <map>
#include <random>
#include <string>

#include "base/large_buffer.h"
#include "environment.h"
#include "lsm/gathering.h"
#include "lsm/memtable.h"
#include "lsm/pending.h"
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

void Inserting() {
  ++insertions;
  if (failing == nullptr) return;
  failing->PowerOff();
  failing = nullptr;
}

}  // namespace

TEST_CASE("lsm memtables: a synced write is durable when its insertion begins") {
  const uint64_t seed = FromEnvironment("CAIRN_SEED", 1);
  for (uint64_t run = 0; run < 40; ++run) {
    std::mt19937_64 random(seed + run);
    LargeKeys large;
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

TEST_CASE("lsm memtables: large values are known by their keys, also after a recovery") {
  const std::string key = StoredKey(1, "large"), other = StoredKey(1, "small");
  const auto check = [&](const LargeKeys& large) {
    CHECK(large.MayHave(HashOf(key)));
    CHECK_FALSE(large.MayHave(HashOf(other)));
  };
  LargeKeys first, second;
  LsmDb db;
  db.options.allow_concurrent_memtable_write = false;
  db.options.memtable_factory = NewMemtables(&Inserting, &first);
  REQUIRE(db.Open().ok());
  db.Put(other, StoredValue({}, std::string(kLargeValueBytes / 2, 's')));
  CHECK_FALSE(first.MayHave(HashOf(key)));
  db.Put(key, StoredValue({}, std::string(kLargeValueBytes, 'l')));
  check(first);
  db.Close();
  db.options.memtable_factory = NewMemtables(&Inserting, &second);
  REQUIRE(db.Open().ok());
  check(second);
}

TEST_CASE("lsm gathering: waits for who waited at the last sync") {
  Gathering gathering;
  CHECK(gathering.Wanted(10) == 0);  // nothing is known yet
  gathering.Committed(400'000);
  gathering.Synced(48);  // two groups
  CHECK(gathering.Wanted(24) == 42);
  CHECK(gathering.WaitNanos() == 200'000);
  gathering.Waited(true);
  CHECK(gathering.Wanted(24) == 42);
  CHECK(gathering.Wanted(42) == 0);  // all are here
  gathering.Committed(100'000'000);
  CHECK(gathering.WaitNanos() == Gathering::kWaitNanosMax);
  gathering.Synced(Gathering::kUnitsMin - 1);
  CHECK(gathering.Wanted(1) == 0);  // a few clients do not wait for each other
}

TEST_CASE("lsm gathering: who waits in vain waits ever more seldom") {
  Gathering gathering;
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
