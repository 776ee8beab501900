// The merge operator inside RocksDB, against simple models: random operations with flushes,
// compactions, snapshots, crashes and restarts in between.
#include <doctest/doctest.h>

#include <map>
#include <optional>
#include <random>
#include <string>
#include <vector>

#include "base/coding.h"
#include "environment.h"
#include "lsm/merge_counters.h"
#include "lsm/merge_postings.h"
#include "lsm_testing.h"

using namespace cairn::lsm;
using cairn::testing::FromEnvironment;
using cairn::testing::LsmDb;
using cairn::testing::StoredValue;

namespace {

using Random = std::mt19937_64;
constexpr int kKeys = 6;
constexpr int kSteps = 1500;

std::string CountersKey(int i) {
  std::string key;
  EncodeKey({.category = Category::kSystem,
             .collection = static_cast<uint32_t>(i),
             .index = system_index::kCounters},
            "all", &key);
  return key;
}

std::string DocumentKey(int i) {
  std::string key;
  EncodeKey({.category = Category::kDocument, .collection = 1}, std::to_string(i), &key);
  return key;
}

std::string PageKey(int i) {
  std::string key;
  EncodePageKey({.collection = 1}, 1, static_cast<uint64_t>(i), &key);
  return key;
}

// A page of a kind for tests: 16 slots of one byte. Delta: slot, byte, any number of times.
constexpr uint8_t kSlotsKind = 200;
constexpr size_t kSlots = 16;

FormatFault FoldSlots(std::string_view image, std::span<const std::string_view> deltas,
                      std::string* out) {
  if (image.size() != kSlots) return {"image of another size", 0};
  out->assign(image);
  for (const std::string_view delta : deltas) {
    if (delta.size() % 2 != 0) return {"half a change", delta.size()};
    for (size_t i = 0; i < delta.size(); i += 2) {
      const auto slot = static_cast<uint8_t>(delta[i]);
      if (slot >= kSlots) return {"no such slot", i};
      (*out)[slot] = delta[i + 1];
    }
  }
  return {};
}

FormatFault CombineSlots(std::span<const std::string_view> deltas, std::string* out) {
  for (const std::string_view delta : deltas) out->append(delta);
  return {};
}

// What all three kinds are put through: `step` does one random operation on key i and on the
// model, `check` compares key i with the model.
template <typename Step, typename Check>
void Run(LsmDb* db, Random* random, const Step& step, const Check& check) {
  for (int n = 0; n < kSteps; ++n) {
    step(static_cast<int>((*random)() % kKeys));
    switch ((*random)() % 40) {
      case 0:
        db->Flush();
        break;
      case 1:
        if ((*random)() % 3 == 0) db->Compact();
        break;
      case 2:
        if ((*random)() % 4 == 0) {
          db->Close();
          REQUIRE(db->Open().ok());
        }
        break;
      default:
        check(static_cast<int>((*random)() % kKeys));
    }
  }
  db->Flush();
  for (int i = 0; i < kKeys; ++i) check(i);
  db->Compact();
  for (int i = 0; i < kKeys; ++i) check(i);
  CHECK(db->merges.faults == 0);
  CHECK(db->merges.full > 0);
  CHECK(db->merges.partial > 0);
  CHECK(db->filtered.faults == 0);
}

}  // namespace

TEST_CASE("lsm merge in RocksDB: counters") {
  Random random(FromEnvironment("CAIRN_SEED", 1));
  LsmDb db;
  REQUIRE(db.Open().ok());
  std::map<int, Counters> model;
  uint64_t version = 0;
  const auto step = [&](int i) {
    if (random() % 20 == 0) {
      db.Delete(CountersKey(i));
      model.erase(i);
      return;
    }
    std::vector<int64_t> deltas(1 + random() % 3);
    for (int64_t& delta : deltas) delta = static_cast<int64_t>(random() % 2001) - 1000;
    std::string body;
    AppendCounters(deltas, &body);
    if (random() % 20 == 0) {
      db.Put(CountersKey(i), StoredValue({.kind = Kind::kCounters, .version = ++version}, body));
      model[i] = {};
    } else {
      db.Merge(CountersKey(i),
               StoredValue({.kind = Kind::kCountersDelta, .version = ++version}, body));
    }
    REQUIRE_FALSE(AddCounters(body, &model[i]));
  };
  const auto check = [&](int i) {
    const std::optional<std::string> stored = db.Get(CountersKey(i));
    REQUIRE(stored.has_value() == (model.count(i) == 1));
    if (!stored) return;
    ParsedValue value;
    REQUIRE_FALSE(ParseValue(*stored, &value));
    Counters counters;
    REQUIRE_FALSE(AddCounters(value.body, &counters));
    CHECK(counters.values == model[i].values);
    CHECK(counters.count == model[i].count);
  };
  Run(&db, &random, step, check);
}

TEST_CASE("lsm merge in RocksDB: posting lists") {
  using Model = std::map<std::pair<std::string, uint64_t>, uint32_t>;
  Random random(FromEnvironment("CAIRN_SEED", 2));
  LsmDb db;
  REQUIRE(db.Open().ok());
  std::map<int, Model> models;
  uint64_t version = 0;
  const std::vector<std::string> terms = {"alpha", "beta", "gamma", "delta"};
  const auto step = [&](int i) {
    std::vector<Posting> changes(1 + random() % 6);
    for (Posting& change : changes) {
      change = {terms[random() % terms.size()], random() % 20, static_cast<uint32_t>(random()),
                random() % 2 == 0};
      if (change.deleted) change.weight = 0;
      const std::pair key(std::string(change.term), change.document);
      if (change.deleted) {
        models[i].erase(key);
      } else {
        models[i][key] = change.weight;
      }
    }
    db.Merge(DocumentKey(i), StoredValue({.kind = Kind::kPostingsDelta, .version = ++version},
                                         EncodePostings(changes)));
  };
  const auto check = [&](int i) {
    const std::optional<std::string> stored = db.Get(DocumentKey(i));
    Model found;
    if (stored) {
      ParsedValue value;
      REQUIRE_FALSE(ParseValue(*stored, &value));
      REQUIRE(value.head.kind == Kind::kPostings);
      PostingsReader reader(value.body);
      for (Posting posting; reader.Next(&posting);) {
        CHECK_FALSE(posting.deleted);
        found[{std::string(posting.term), posting.document}] = posting.weight;
      }
      REQUIRE_FALSE(reader.fault());
    }
    CHECK(found == models[i]);
  };
  Run(&db, &random, step, check);

  // Lists that are empty go.
  for (int i = 0; i < kKeys; ++i) {
    std::vector<Posting> all;
    for (const auto& [key, weight] : models[i]) all.push_back({key.first, key.second, 0, true});
    db.Merge(DocumentKey(i), StoredValue({.kind = Kind::kPostingsDelta}, EncodePostings(all)));
  }
  db.Compact();
  db.Compact();
  CHECK(db.Entries() == 0);
  CHECK(db.filtered.dropped_empty == kKeys);
}

TEST_CASE("lsm merge in RocksDB: pages") {
  for (const bool combine : {true, false}) {
    Random random(FromEnvironment("CAIRN_SEED", 3));
    LsmDb db;
    db.folds.Register(kSlotsKind, {FoldSlots, combine ? CombineSlots : nullptr});
    REQUIRE(db.Open().ok());
    std::map<int, std::pair<std::string, uint64_t>> model;  // image, version
    uint64_t version = 0;
    const auto step = [&](int i) {
      if (random() % 30 == 0) {
        db.Delete(PageKey(i));
        model.erase(i);
      } else if (model.count(i) == 0 || random() % 20 == 0) {
        const std::string image(kSlots, static_cast<char>('a' + random() % 26));
        db.Put(PageKey(i),
               StoredValue({.kind = Kind::kPage, .aux = kSlotsKind, .version = ++version}, image));
        model[i] = {image, version};
      } else {
        const std::string delta = {static_cast<char>(random() % kSlots),
                                   static_cast<char>('A' + random() % 26)};
        db.Merge(PageKey(i),
                 StoredValue({.kind = Kind::kPageDelta, .aux = kSlotsKind, .version = ++version},
                             delta));
        model[i].first[static_cast<size_t>(delta[0])] = delta[1];
        model[i].second = version;
      }
    };
    const auto check = [&](int i) {
      const std::optional<std::string> stored = db.Get(PageKey(i));
      REQUIRE(stored.has_value() == (model.count(i) == 1));
      if (!stored) return;
      CHECK(*stored ==
            StoredValue({.kind = Kind::kPage, .aux = kSlotsKind, .version = model[i].second},
                        model[i].first));
    };
    if (combine) {
      Run(&db, &random, step, check);
    } else {
      for (int n = 0; n < kSteps; ++n) {
        step(static_cast<int>(random() % kKeys));
        if (n % 100 == 50) db.Flush();
        check(static_cast<int>(random() % kKeys));
      }
      CHECK(db.merges.partial == 0);
    }
  }
}

TEST_CASE("lsm merge in RocksDB: a snapshot keeps what was before") {
  LsmDb db;
  db.folds.Register(kSlotsKind, {FoldSlots, CombineSlots});
  REQUIRE(db.Open().ok());
  const auto image = [](uint64_t version, const std::string& body) {
    return StoredValue({.kind = Kind::kPage, .aux = kSlotsKind, .version = version}, body);
  };
  const auto delta = [](uint64_t version, const std::string& body) {
    return StoredValue({.kind = Kind::kPageDelta, .aux = kSlotsKind, .version = version}, body);
  };
  const std::string key = PageKey(1);
  db.Put(key, image(1, std::string(kSlots, '.')));
  db.Merge(key, delta(2, std::string("\x00"
                                     "A",
                                     2)));
  const rocksdb::Snapshot* const snapshot = db.db()->GetSnapshot();
  db.Merge(key, delta(3, std::string("\x01"
                                     "B",
                                     2)));
  db.Merge(key, delta(4, std::string("\x00"
                                     "C",
                                     2)));
  db.Flush();
  db.Compact();
  CHECK(db.Get(key) == image(4, "CB.............."));
  CHECK(db.Get(key, snapshot) == image(2, "A..............."));
  db.db()->ReleaseSnapshot(snapshot);
  db.Compact();
  CHECK(db.Get(key) == image(4, "CB.............."));
  CHECK(db.Entries() == 1);
}

// In RocksDB a merge that fails in a flush or a compaction ends all writing, for good.
TEST_CASE("lsm merge in RocksDB: damage stays with its key") {
  LsmDb db;
  REQUIRE(db.Open().ok());
  const std::string good = CountersKey(1);
  const std::string bad = CountersKey(2);
  std::string one;
  AppendCounters(std::vector<int64_t>{1}, &one);
  const std::string operand = StoredValue({.kind = Kind::kCountersDelta, .version = 1}, one);
  db.Put(bad, StoredValue({.kind = Kind::kCounters}, one));
  db.Merge(bad, "nonsense");
  for (int i = 0; i < 4; ++i) {
    db.Merge(good, operand);
    db.Merge(bad, operand);
    db.Flush();
  }
  db.Compact();
  db.Close();
  REQUIRE(db.Open().ok());
  db.Merge(good, operand);
  db.Compact();

  ParsedValue value;
  const std::optional<std::string> sum = db.Get(good);
  REQUIRE(sum);
  REQUIRE_FALSE(ParseValue(*sum, &value));
  Counters counters;
  REQUIRE_FALSE(AddCounters(value.body, &counters));
  CHECK(counters.values[0] == 5);

  const std::optional<std::string> stored = db.Get(bad);
  REQUIRE(stored);
  REQUIRE_FALSE(ParseValue(*stored, &value));
  CHECK(value.head.kind == Kind::kDamaged);
  DamagedValue damaged;
  REQUIRE_FALSE(ParseDamaged(value.body, &damaged));
  CHECK(damaged.reason.find("head of the value is cut off") != std::string_view::npos);
  CHECK(damaged.operands.front() == "nonsense");
  CHECK(db.merges.faults > 0);
  CHECK(db.filtered.damaged > 0);
}

TEST_CASE("lsm merge in RocksDB: counters survive crashes as far as they were synced") {
  const uint64_t seed = FromEnvironment("CAIRN_SEED", 5);
  for (uint64_t run = 0; run < 20; ++run) {
    Random random(seed + run);
    LsmDb db(seed + run);
    REQUIRE(db.Open().ok());
    std::string one;
    AppendCounters(std::vector<int64_t>{1}, &one);
    int64_t synced = 0;
    int64_t written = 0;
    for (int round = 0; round < 4; ++round) {
      for (size_t n = random() % 60; n > 0; --n) {
        rocksdb::WriteOptions write;
        write.sync = random() % 4 == 0;
        REQUIRE(db.db()
                    ->Merge(write, CountersKey(1), StoredValue({.kind = Kind::kCountersDelta}, one))
                    .ok());
        ++written;
        if (write.sync) synced = written;
        if (random() % 30 == 0) {
          db.Flush();
          synced = written;
        }
      }
      db.Crash();
      REQUIRE(db.Open().ok());
      int64_t found = 0;
      if (const std::optional<std::string> stored = db.Get(CountersKey(1))) {
        ParsedValue value;
        REQUIRE_FALSE(ParseValue(*stored, &value));
        Counters counters;
        REQUIRE_FALSE(AddCounters(value.body, &counters));
        found = counters.values[0];
      }
      CHECK(found >= synced);
      CHECK(found <= written);
      synced = written = found;
      // What recovery found is durable only once it is flushed.
      db.Flush();
    }
  }
}
