// The compaction filter and its gate, through RocksDB: what goes, what stays, what comes back
// (nothing).
#include <doctest/doctest.h>

#include <memory>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "environment.h"
#include "lsm/merge_counters.h"
#include "lsm_testing.h"

using namespace cairn::lsm;
using cairn::testing::FromEnvironment;
using cairn::testing::LsmDb;
using cairn::testing::StoredKey;
using cairn::testing::StoredValue;

namespace {

std::string Value(uint64_t version, uint64_t expire_at_ms = 0) {
  return StoredValue({.version = version, .expire_at_ms = expire_at_ms}, "value");
}

std::string PageKey(uint32_t collection, uint64_t space, uint64_t page) {
  std::string key;
  EncodePageKey({.collection = collection}, space, page, &key);
  return key;
}

std::shared_ptr<DropRules> Swept(uint32_t collection, uint64_t until_ms, uint64_t below_version) {
  auto rules = std::make_shared<DropRules>();
  rules->swept = {{collection, until_ms, below_version}};
  return rules;
}

}  // namespace

TEST_CASE("lsm drop gate: rules") {
  DropRules rules;
  rules.collections = {2, 5};
  rules.spaces = {7, uint64_t{1} << 40};
  rules.swept = {{1, 100, 50}, {3, 200, 60}};
  CHECK(rules.DropsCollection(5));
  CHECK_FALSE(rules.DropsCollection(4));
  CHECK(rules.DropsSpace(uint64_t{1} << 40));
  CHECK_FALSE(rules.DropsSpace(8));
  CHECK(rules.DropsExpired(1, 100, 49));
  CHECK_FALSE(rules.DropsExpired(1, 101, 49));  // expires later
  CHECK_FALSE(rules.DropsExpired(1, 100, 50));  // written after the sweep
  CHECK_FALSE(rules.DropsExpired(1, 0, 1));     // never expires
  CHECK_FALSE(rules.DropsExpired(2, 1, 1));
  CHECK(rules.DropsExpired(3, 200, 59));
  CHECK_FALSE(rules.DropsExpired(4, 1, 1));
}

TEST_CASE("lsm drop gate: the oldest hold decides") {
  DropGate gate;
  const auto names = [&] { return gate.InForce()->collections; };
  const auto publish = [&](std::vector<uint32_t> collections) {
    auto rules = std::make_shared<DropRules>();
    rules->collections = std::move(collections);
    gate.Publish(std::move(rules));
  };
  CHECK(names().empty());
  publish({1});
  CHECK(names() == std::vector<uint32_t>{1});
  auto first = std::make_unique<DropGate::Hold>(&gate);
  publish({1, 2});
  CHECK(names() == std::vector<uint32_t>{1});
  auto second = std::make_unique<DropGate::Hold>(&gate);
  publish({1, 2, 3});
  CHECK(names() == std::vector<uint32_t>{1});
  first.reset();
  CHECK(names() == std::vector<uint32_t>{1, 2});
  first = std::make_unique<DropGate::Hold>(&gate);
  second.reset();
  CHECK(names() == std::vector<uint32_t>{1, 2, 3});
  first.reset();
  CHECK(names() == std::vector<uint32_t>{1, 2, 3});
}

TEST_CASE("lsm filter: expired keys go when they were swept, not before") {
  LsmDb db;
  REQUIRE(db.Open().ok());
  db.Put(StoredKey(1, "swept"), Value(1, 100));
  db.Put(StoredKey(1, "later"), Value(2, 101));
  db.Put(StoredKey(1, "never"), Value(3));
  db.Put(StoredKey(2, "elsewhere"), Value(4, 100));
  db.Put(StoredKey(1, "rewritten"), Value(10, 100));  // when the clock had been set back
  db.Compact();
  CHECK(db.Entries() == 5);  // however long ago that was
  db.gate.Publish(Swept(1, 100, 10));
  db.Compact();
  CHECK_FALSE(db.Get(StoredKey(1, "swept")));
  CHECK(db.Get(StoredKey(1, "later")));
  CHECK(db.Get(StoredKey(1, "never")));
  CHECK(db.Get(StoredKey(2, "elsewhere")));
  CHECK(db.Get(StoredKey(1, "rewritten")));
  CHECK(db.Entries() == 4);
  CHECK(db.filtered.dropped_expired == 1);
  CHECK(db.filtered.faults == 0);
}

// A compaction of the upper levels drops the newer version while an older one lies below.
TEST_CASE("lsm filter: what is dropped brings back nothing older") {
  for (const bool with_snapshot : {false, true}) {
    LsmDb db;
    db.options.num_levels = 4;
    REQUIRE(db.Open().ok());
    const std::string key = StoredKey(1, "k");
    db.Put(key, Value(1));
    db.Compact();  // below
    const rocksdb::Snapshot* const snapshot = with_snapshot ? db.db()->GetSnapshot() : nullptr;
    db.Put(key, Value(2, 100));
    db.Put(StoredKey(1, "other"), Value(3));
    db.Flush();
    db.gate.Publish(Swept(1, 100, 10));
    rocksdb::ColumnFamilyMetaData levels;
    db.db()->GetColumnFamilyMetaData(&levels);
    std::vector<std::string> files;
    for (const rocksdb::SstFileMetaData& file : levels.levels[0].files) files.push_back(file.name);
    REQUIRE(files.size() == 1);
    REQUIRE(db.db()->CompactFiles({}, files, 1).ok());
    CHECK(db.filtered.dropped_expired == 1);
    CHECK_FALSE(db.Get(key));
    if (with_snapshot) {
      CHECK(db.Get(key, snapshot) == Value(1));
      db.db()->ReleaseSnapshot(snapshot);
    }
    db.Compact();
    CHECK_FALSE(db.Get(key));
    CHECK(db.Entries() == 1);
  }
}

TEST_CASE("lsm filter: whoever holds the gate keeps what his snapshot sees") {
  LsmDb db;
  REQUIRE(db.Open().ok());
  const std::string expiring = StoredKey(1, "expiring");
  const std::string flushed = StoredKey(2, "flushed");
  db.Put(expiring, Value(1, 100));
  db.Put(flushed, Value(2));
  auto hold = std::make_unique<DropGate::Hold>(&db.gate);
  const rocksdb::Snapshot* const snapshot = db.db()->GetSnapshot();
  const std::shared_ptr<DropRules> rules = Swept(1, 100, 10);
  rules->collections = {2};
  db.gate.Publish(rules);
  db.Compact();
  CHECK(db.Get(expiring, snapshot));
  CHECK(db.Get(flushed, snapshot));
  db.db()->ReleaseSnapshot(snapshot);
  hold.reset();
  db.Compact();
  CHECK(db.Entries() == 0);
}

TEST_CASE("lsm filter: collections and spaces go as a whole, and nothing beside them") {
  for (const KeyOrder order : {KeyOrder::kAscending, KeyOrder::kDescending}) {
    LsmDb db(1, order);
    REQUIRE(db.Open().ok());
    std::string counters;
    EncodeKey({.category = Category::kSystem, .collection = 2, .index = system_index::kCounters},
              "all", &counters);
    std::string one;
    AppendCounters(std::vector<int64_t>{1}, &one);
    const int keys = 500;
    for (uint32_t collection = 1; collection <= 3; ++collection) {
      for (int i = 0; i < keys; ++i) db.Put(StoredKey(collection, std::to_string(i)), Value(1));
      for (uint64_t space = 1; space <= 3; ++space) {
        for (uint64_t page = 0; page < 50; ++page) {
          db.Put(PageKey(collection, space * 10 + collection, page),
                 StoredValue({.kind = Kind::kPage}, "page"));
        }
      }
    }
    db.Put(counters, StoredValue({.kind = Kind::kCounters}, one));
    db.Flush();
    // Changes of pages that are dropped go with them.
    db.Merge(PageKey(2, 12, 0), StoredValue({.kind = Kind::kPageDelta, .aux = 9}, ""));
    db.Merge(PageKey(1, 21, 0), StoredValue({.kind = Kind::kPageDelta, .aux = 9}, ""));

    auto rules = std::make_shared<DropRules>();
    rules->collections = {2};
    rules->spaces = {21, 33};
    db.gate.Publish(rules);
    db.Compact();
    CHECK(db.Entries() == 2 * keys + 4 * 50 + 1);
    for (const uint32_t collection : {1u, 3u}) {
      for (int i = 0; i < keys; ++i) CHECK(db.Get(StoredKey(collection, std::to_string(i))));
    }
    for (uint64_t page = 0; page < 50; ++page) {
      CHECK(db.Get(PageKey(1, 11, page)));
      CHECK_FALSE(db.Get(PageKey(1, 21, page)));
      CHECK(db.Get(PageKey(1, 31, page)));
      CHECK(db.Get(PageKey(3, 13, page)));
      CHECK(db.Get(PageKey(3, 23, page)));
      CHECK_FALSE(db.Get(PageKey(3, 33, page)));
    }
    CHECK_FALSE(db.Get(StoredKey(2, "7")));
    CHECK(db.Get(counters));
    // Skipped, not read one by one.
    CHECK(db.filtered.dropped_collections < 20);
    CHECK(db.filtered.dropped_spaces < 20);
    CHECK(db.filtered.entries < 2 * keys + 4 * 50 + 40);
    CHECK(db.merges.faults == 0);
  }
}

TEST_CASE("lsm filter: what it does not understand stays, and is told") {
  LsmDb db;
  REQUIRE(db.Open().ok());
  std::string strange = StoredKey(1, "k");
  strange[1] = 9;
  db.Put("short", Value(1));
  db.Put(strange, Value(1));
  db.Put(StoredKey(1, "headless"), "x");
  db.Put(StoredKey(1, "page"), StoredValue({.kind = Kind::kPage}, ""));
  db.Put(StoredKey(1, "good"), Value(1));
  db.Compact();
  CHECK(db.Entries() == 5);
  CHECK(db.filtered.faults == 4);
  const std::vector<std::string> told = db.filtered.findings.Take();
  REQUIRE(told.size() == 4);
  // In the order of the keys, behind the level.
  const auto has = [&](size_t i, std::string_view text) {
    INFO(told[i]);
    CHECK(told[i].starts_with("level "));
    CHECK(told[i].find(text) != std::string::npos);
  };
  has(0, "value of collection 1, keys, \"headless\": head of the value is cut off at byte 1");
  has(1, "value of collection 1, keys, \"page\": kind of value that does not belong there");
  has(2, "unknown category at byte 1");
  has(3, "key \"short\": prefix is cut off at byte 5");
}

TEST_CASE("lsm filter: older formats are counted, and rewritten where that is known") {
  LsmDb db;
  REQUIRE(db.Open().ok());
  // A format 0, made up: the body behind the format.
  const std::string old("\x00old", 4);
  db.Put(StoredKey(1, "a"), old);
  db.Put(StoredKey(1, "b"), Value(1));
  db.Compact();
  CHECK(db.Get(StoredKey(1, "a")) == old);
  CHECK(db.filtered.old_format == 1);
  CHECK(db.filtered.rewritten == 0);
  db.Close();
  db.upgrades.Register(0, [](std::string_view stored, std::string* current) {
    EncodeValue({.version = 7}, stored.substr(1), current);
    return true;
  });
  REQUIRE(db.Open().ok());
  db.Compact();
  CHECK(db.Get(StoredKey(1, "a")) == StoredValue({.version = 7}, "old"));
  CHECK(db.filtered.old_format == 2);
  CHECK(db.filtered.rewritten == 1);
  db.Compact();
  CHECK(db.filtered.old_format == 2);
  CHECK(db.filtered.faults == 0);
}

// Random writes, sweeps as the engine does them, compactions and restarts against a model of what
// exists. What the model counts is what a sweep has not taken off: no compaction may change it.
TEST_CASE("lsm filter: counts stay exact") {
  std::mt19937_64 random(FromEnvironment("CAIRN_SEED", 1));
  struct Entry {
    uint64_t version = 0;
    uint64_t expire_at_ms = 0;
  };
  LsmDb db;
  REQUIRE(db.Open().ok());
  std::map<std::string, Entry> model;
  SweptKeys swept{.collection = 1};
  uint64_t version = 0;
  uint64_t now = 1000;
  const auto exists = [&](const std::string& user_key) {
    const std::optional<std::string> stored = db.Get(StoredKey(1, user_key));
    if (!stored) return false;
    ParsedValue value;
    REQUIRE_FALSE(ParseValue(*stored, &value));
    const ValueHead& head = value.head;
    return head.expire_at_ms == 0 || head.expire_at_ms > swept.until_ms ||
           head.version >= swept.below_version;
  };
  for (int step = 0; step < 4000; ++step) {
    const std::string user_key = std::to_string(random() % 60);
    switch (random() % 12) {
      case 0:
        db.Delete(StoredKey(1, user_key));
        model.erase(user_key);
        break;
      case 1:
        if (random() % 5 == 0) db.Flush();
        break;
      case 2:
        if (random() % 20 == 0) db.Compact();
        break;
      case 3: {
        now += random() % 50;
        if (random() % 20 == 0) now -= std::min<uint64_t>(now - 1, random() % 500);
        if (now < swept.until_ms) break;  // the clock was set back
        swept.until_ms = now;
        swept.below_version = version + 1;
        std::erase_if(model, [&](const auto& entry) {
          return entry.second.expire_at_ms != 0 && entry.second.expire_at_ms <= now;
        });
        db.gate.Publish(Swept(1, swept.until_ms, swept.below_version));
        break;
      }
      default: {
        Entry entry{.version = ++version};
        if (random() % 2 == 0) entry.expire_at_ms = 1 + now + random() % 200;
        db.Put(StoredKey(1, user_key), Value(entry.version, entry.expire_at_ms));
        model[user_key] = entry;
      }
    }
    REQUIRE(exists(user_key) == (model.count(user_key) == 1));
  }
  size_t count = 0;
  db.Compact();
  for (int i = 0; i < 60; ++i) count += exists(std::to_string(i)) ? 1 : 0;
  CHECK(count == model.size());
  CHECK(db.filtered.dropped_expired > 0);
}
