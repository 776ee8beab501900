// The tree of versions against a sorted map, alone and as RocksDB's memtable.
#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/coding.h"
#include "lsm/version_tree.h"
#include "lsm_testing.h"

namespace cairn::lsm {
namespace {

using testing::LsmDb;

constexpr uint64_t kNewest = (uint64_t{1} << 56) - 1;

// Pieces of every alignment.
class Pieces final : public VersionTree::Memory {
 public:
  char* Take(size_t bytes) override {
    taken += bytes;
    pieces_.push_back(std::make_unique<char[]>(bytes + 8));
    return pieces_.back().get() + pieces_.size() % 8;
  }

  size_t taken = 0;

 private:
  std::vector<std::unique_ptr<char[]>> pieces_;
};

std::string EntryOf(std::string_view key, uint64_t sequence, std::string_view value) {
  std::string entry;
  AppendVarint(&entry, key.size() + 8);
  entry += key;
  AppendLittle64(&entry, sequence << 8 | 1);
  AppendVarint(&entry, value.size());
  entry += value;
  return entry;
}

struct Tree {
  bool Insert(std::string_view key, uint64_t sequence, std::string_view value = {}) {
    const std::string entry = EntryOf(key, sequence, value);
    char* const to = tree.Allocate(entry.size());
    entry.copy(to, entry.size());
    return tree.Insert(to);
  }

  Pieces pieces;
  VersionTree tree{&pieces};
};

// Ascending by key, descending by sequence.
struct Place {
  std::string key;
  uint64_t sequence;
  bool operator==(const Place&) const = default;
  bool operator<(const Place& other) const {
    return key != other.key ? key < other.key : sequence > other.sequence;
  }
};
using Model = std::map<Place, bool>;

Place PlaceOf(const char* entry) {
  const EntryKey at = ParseEntry(entry);
  return {std::string(at.key), at.sequence};
}

bool SamePlace(const VersionTree::Cursor& cursor, const Model& model, Model::const_iterator at) {
  if (!cursor.Valid()) return at == model.end();
  return at != model.end() && PlaceOf(cursor.entry()) == at->first;
}

// Keys that agree in their beginnings, end in one another, and have any bytes.
std::string SomeKey(std::mt19937_64* random) {
  static constexpr char kBytes[] = {'\0', '\x01', 'a', 'b', '\x7f', '\x80', '\xff'};
  const auto below = [random](uint64_t bound) { return (*random)() % bound; };
  std::string key;
  switch (below(6)) {
    case 0:
      key.assign(below(20), kBytes[below(sizeof(kBytes))]);
      break;
    case 1:
      key = "a long beginning that many keys have in common, longer than a node: ";
      key.resize(below(key.size() + 1));
      break;
    case 2:
      key = "a long beginning that many keys have in common, longer than a node: ";
      break;
    case 3:  // every kind of node
      key = "fan";
      key += static_cast<char>(below(256));
      break;
    case 4:
      key.assign(below(200) == 0 ? 1 + below(64 << 10) : below(300), 'x');
      break;
    default:
      break;
  }
  for (uint64_t more = below(4); more > 0; --more) key += kBytes[below(sizeof(kBytes))];
  if (below(4) == 0) key += static_cast<char>(below(256));
  return key;
}

void CompareWalks(const VersionTree& tree, const Model& model) {
  VersionTree::Cursor cursor(&tree);
  cursor.SeekToFirst();
  for (auto at = model.begin(); at != model.end(); ++at, cursor.Next())
    REQUIRE(SamePlace(cursor, model, at));
  REQUIRE(!cursor.Valid());
  cursor.SeekToLast();
  for (auto at = model.rbegin(); at != model.rend(); ++at, cursor.Prev()) {
    REQUIRE(cursor.Valid());
    REQUIRE(PlaceOf(cursor.entry()) == at->first);
  }
  REQUIRE(!cursor.Valid());
}

void CompareSeeks(const VersionTree& tree, const Model& model, const Place& to,
                  std::mt19937_64* random) {
  VersionTree::Cursor cursor(&tree);
  cursor.Seek(to.key, to.sequence);
  auto at = model.lower_bound(to);
  REQUIRE(SamePlace(cursor, model, at));

  const VersionTree::Version* version = tree.Find(to.key, to.sequence);
  const bool found = at != model.end() && at->first.key == to.key;
  REQUIRE((version != nullptr) == found);
  if (found) REQUIRE(PlaceOf(version->entry()) == at->first);

  for (int step = 0; step < 6 && cursor.Valid(); ++step) {
    if ((*random)() % 2 == 0) {
      cursor.Next();
      ++at;
    } else {
      cursor.Prev();
      at = at == model.begin() ? model.end() : std::prev(at);
    }
    REQUIRE(SamePlace(cursor, model, at));
  }

  cursor.SeekForPrev(to.key, to.sequence);
  at = model.upper_bound(to);
  REQUIRE(SamePlace(cursor, model, at == model.begin() ? model.end() : std::prev(at)));
}

TEST_CASE("lsm memtable: the tree has what a sorted map has") {
  for (uint64_t seed = 1; seed <= 12; ++seed) {
    CAPTURE(seed);
    std::mt19937_64 random(seed);
    Tree tree;
    Model model;
    std::vector<std::string> keys;
    CompareWalks(tree.tree, model);
    CompareSeeks(tree.tree, model, {"a", 1}, &random);
    uint64_t sequence = 1000;
    for (int round = 0; round < 2500; ++round) {
      if (keys.empty() || random() % 3 != 0) keys.push_back(SomeKey(&random));
      const std::string& key = keys[random() % keys.size()];
      if (round % 7 == 0) {  // changes nothing
        std::vector<std::string> soon;
        for (size_t i = random() % (VersionTree::kPrefetchMax + 1); i > 0; --i)
          soon.push_back(random() % 2 == 0 ? SomeKey(&random) : keys[random() % keys.size()]);
        tree.tree.Prefetch(std::vector<std::string_view>(soon.begin(), soon.end()));
      }
      // Now and then not the newest, or one that is there.
      const uint64_t its = random() % 8 == 0 ? 1 + random() % sequence : ++sequence;
      const bool fresh = model.try_emplace({key, its}).second;
      REQUIRE(tree.Insert(key, its, std::string(random() % 30, 'v')) == fresh);
      if (round % 5 != 0) continue;
      const std::string near = random() % 2 == 0 ? SomeKey(&random) : keys[random() % keys.size()];
      CompareSeeks(tree.tree, model, {near, random() % (sequence + 2)}, &random);
      CompareSeeks(tree.tree, model, {near, kNewest}, &random);
      CompareSeeks(tree.tree, model, {near, 0}, &random);
    }
    CompareWalks(tree.tree, model);
  }
}

TEST_CASE("lsm memtable: of a thousand versions of a key, each is found") {
  Tree tree;
  Model model;
  for (uint64_t i = 1; i <= 1000; ++i) {
    for (const char* key : {"a", "b", "c"}) {
      tree.Insert(key, i * 2);
      model.try_emplace({key, i * 2});
    }
  }
  std::mt19937_64 random(1);
  for (uint64_t sequence = 0; sequence <= 2002; ++sequence)
    CompareSeeks(tree.tree, model, {"b", sequence}, &random);
  CompareWalks(tree.tree, model);
}

TEST_CASE("lsm memtable: a cursor shows what was there, whatever comes meanwhile") {
  std::mt19937_64 random(5);
  Tree tree;
  Model model;
  std::vector<std::string> keys;
  uint64_t sequence = 0;
  for (; sequence < 500; ++sequence) {
    keys.push_back(SomeKey(&random));
    tree.Insert(keys.back(), sequence);
    model.try_emplace({keys.back(), sequence});
  }
  for (const bool forward : {true, false}) {
    VersionTree::Cursor cursor(&tree.tree);
    const uint64_t before = sequence;
    std::vector<Place> seen;
    for (forward ? cursor.SeekToFirst() : cursor.SeekToLast(); cursor.Valid();
         forward ? cursor.Next() : cursor.Prev()) {
      if (PlaceOf(cursor.entry()).sequence < before) seen.push_back(PlaceOf(cursor.entry()));
      tree.Insert(SomeKey(&random), sequence++);
      tree.Insert(keys[random() % keys.size()], sequence++);
      REQUIRE(sequence < before + 100000);
    }
    size_t missed = 0;
    for (const auto& [place, unused] : model) {
      if (std::find(seen.begin(), seen.end(), place) == seen.end()) ++missed;
    }
    CHECK(missed == 0);
    CHECK(std::adjacent_find(seen.begin(), seen.end(), [&](const Place& a, const Place& b) {
            return forward ? !(a < b) : !(b < a);
          }) == seen.end());
  }
}

TEST_CASE("lsm memtable: about how many entries a range has") {
  Tree tree;
  std::mt19937_64 random(3);
  CHECK(tree.tree.EstimateEntries("", "\xff") == 0);
  uint64_t sequence = 0;
  for (int i = 0; i < 30; ++i) tree.Insert("few" + std::to_string(i), ++sequence);
  for (int i = 0; i < 20000; ++i) tree.Insert("many" + std::to_string(random()), ++sequence);
  for (int i = 0; i < 100; ++i) tree.Insert("one", ++sequence);
  CHECK(tree.tree.EstimateEntries("one", "onf") == 100);
  CHECK(tree.tree.EstimateEntries("two", "zwo") == 0);
  const auto near = [](uint64_t estimate, uint64_t truth) {
    return estimate > truth / 3 && estimate < truth * 3;
  };
  CHECK(near(tree.tree.EstimateEntries("few", "fez"), 30));
  CHECK(near(tree.tree.EstimateEntries("many", "manz"), 20000));
  CHECK(near(tree.tree.EstimateEntries("", "\xff"), 20130));
}

// One writes versions of keys, each key in turn; others look at them as of what was written. A
// value says its key and its number.
TEST_CASE("lsm memtable: readers beside the writer see each version that was written") {
  constexpr uint64_t kKeys = 700;
  constexpr uint64_t kWrites = 40000;
  const auto key_of = [](uint64_t write) {
    const uint64_t n = write % kKeys;
    std::string key = n % 3 == 0 ? "key:" : "k";
    for (uint64_t rest = n * 2654435761 % 1000003; rest > 0; rest /= 7)
      key += static_cast<char>(rest % 256);
    return key + std::to_string(n);
  };
  Tree tree;
  std::atomic<uint64_t> written{0};
  std::atomic<uint64_t> faults{0};
  const auto read = [&](uint64_t seed) {
    std::mt19937_64 random(seed);
    VersionTree::Cursor cursor(&tree.tree);
    while (written.load(std::memory_order_relaxed) < kWrites) {
      const uint64_t now = written.load(std::memory_order_acquire);
      if (now == 0) continue;
      const uint64_t write = 1 + random() % now;
      const uint64_t newest = write + (now - write) / kKeys * kKeys;  // of that key
      const VersionTree::Version* version = tree.tree.Find(key_of(write), now);
      if (version == nullptr || version->Sequence() != newest) ++faults;
      version = tree.tree.Find(key_of(write), write);
      if (version == nullptr || version->Sequence() != write) ++faults;
      cursor.Seek(key_of(write), newest);
      Place last;
      for (int steps = 0; cursor.Valid() && steps < 50; ++steps, cursor.Next()) {
        const Place place = PlaceOf(cursor.entry());
        if (place.key != key_of(place.sequence)) ++faults;
        if (steps > 0 && !(last < place)) ++faults;
        last = place;
      }
      cursor.SeekForPrev(key_of(write), write);
      if (!cursor.Valid() || PlaceOf(cursor.entry()).sequence != write) ++faults;
      if (cursor.Valid()) cursor.Prev();
    }
  };
  std::vector<std::thread> readers;
  for (uint64_t seed = 1; seed <= 3; ++seed) readers.emplace_back(read, seed);
  for (uint64_t write = 1; write <= kWrites; ++write) {
    tree.Insert(key_of(write), write, "value");
    written.store(write, std::memory_order_release);
  }
  for (std::thread& reader : readers) reader.join();
  CHECK(faults == 0);
}

// ---- as RocksDB's memtable ----

std::string NthKey(uint64_t n) {
  return testing::StoredKey(static_cast<uint32_t>(1 + n % 2),
                            n % 5 == 0 ? std::string(n, 'p') : "key:" + std::to_string(n));
}

std::string NthValue(uint64_t n) {
  return testing::StoredValue({}, "value " + std::to_string(n) + std::string(n % 200, 'v'));
}

using Contents = std::map<std::string, std::string>;

void CompareDb(LsmDb* db, const Contents& contents, const rocksdb::Snapshot* snapshot) {
  for (uint64_t n = 0; n < 60; ++n) {
    const auto at = contents.find(NthKey(n));
    const std::optional<std::string> value = db->Get(NthKey(n), snapshot);
    REQUIRE(value.has_value() == (at != contents.end()));
    if (value.has_value()) REQUIRE(*value == at->second);
  }
  rocksdb::ReadOptions read;
  read.snapshot = snapshot;
  read.total_order_seek = true;
  const std::unique_ptr<rocksdb::Iterator> iterator(db->db()->NewIterator(read));
  iterator->SeekToFirst();
  for (const auto& [key, value] : contents) {
    REQUIRE(iterator->Valid());
    REQUIRE(iterator->key().ToString() == key);
    REQUIRE(iterator->value().ToString() == value);
    iterator->Next();
  }
  REQUIRE(!iterator->Valid());
  iterator->SeekToLast();
  for (auto at = contents.rbegin(); at != contents.rend(); ++at) {
    REQUIRE(iterator->Valid());
    REQUIRE(iterator->key().ToString() == at->first);
    iterator->Prev();
  }
  REQUIRE(!iterator->Valid());
}

TEST_CASE("lsm memtable: puts, deletes, snapshots, flushes and recoveries over the tree") {
  for (uint64_t seed = 1; seed <= 4; ++seed) {
    CAPTURE(seed);
    std::mt19937_64 random(seed);
    LsmDb db(seed);
    REQUIRE(db.Open().ok());
    Contents contents;
    for (int round = 0; round < 12; ++round) {
      const Contents before = contents;
      const rocksdb::Snapshot* snapshot = db.db()->GetSnapshot();
      for (int i = 0; i < 150; ++i) {
        const std::string key = NthKey(random() % 60);
        if (random() % 4 == 0) {
          db.Delete(key);
          contents.erase(key);
        } else {
          const std::string value = NthValue(random() % 1000);
          db.Put(key, value);
          contents[key] = value;
        }
      }
      CompareDb(&db, contents, nullptr);
      CompareDb(&db, before, snapshot);
      db.db()->ReleaseSnapshot(snapshot);
      if (round % 3 == 0) db.Flush();
      if (round % 4 == 1) {
        db.Close();
        REQUIRE(db.Open().ok());
      }
      if (round % 4 == 3) {
        REQUIRE(db.db()->SyncWAL().ok());
        db.Crash();
        REQUIRE(db.Open().ok());
      }
      CompareDb(&db, contents, nullptr);
    }
  }
}

// Each write of a key is one more than the last.
TEST_CASE("lsm memtable: readers of a database see keys grow while they are written") {
  constexpr uint64_t kKeys = 50;
  LsmDb db;
  REQUIRE(db.Open().ok());
  std::atomic<bool> end{false};
  std::atomic<uint64_t> faults{0};
  const auto number_of = [](std::string_view value) { return Little64(value.data()); };
  const auto read = [&] {
    std::vector<uint64_t> least(kKeys);
    const auto see = [&](uint64_t n, std::string_view value) {
      if (number_of(value) < least[n]) ++faults;
      least[n] = number_of(value);
    };
    while (!end) {
      for (uint64_t n = 0; n < kKeys; ++n) {
        std::string value;
        if (db.db()->Get({}, NthKey(n), &value).ok()) see(n, value);
      }
      rocksdb::ReadOptions options;
      options.total_order_seek = true;
      const std::unique_ptr<rocksdb::Iterator> iterator(db.db()->NewIterator(options));
      for (uint64_t n = 0; n < kKeys; ++n) {
        iterator->Seek(NthKey(n));
        if (!iterator->Valid() || iterator->key() != NthKey(n)) {
          if (least[n] != 0) ++faults;
          continue;
        }
        see(n, iterator->value().ToStringView());
        iterator->Prev();
        if (iterator->Valid() && iterator->key().compare(NthKey(n)) >= 0) ++faults;
      }
    }
  };
  std::thread one(read), other(read);
  for (uint64_t write = 1; write <= 6000; ++write) {
    std::string value;
    AppendLittle64(&value, write);
    value.append(500, 'v');  // so that some are flushed
    db.Put(NthKey(write * 7 % kKeys), value);
  }
  end = true;
  one.join();
  other.join();
  CHECK(faults == 0);
}

TEST_CASE("lsm memtable: what a key and a sequence have already is told") {
  Tree tree;
  CHECK(tree.Insert("a", 7));
  CHECK(!tree.Insert("a", 7));
  CHECK(tree.Insert("a", 3));
  CHECK(!tree.Insert("a", 3));
  CHECK(tree.Insert("a", 5));
  CHECK(!tree.Insert("a", 5));
  CHECK(tree.tree.Find("a", 6)->Sequence() == 5);
  CHECK(tree.tree.Find("a", 2) == nullptr);
}

TEST_CASE("lsm memtable: entries of any size take little more than their bytes") {
  for (const size_t value_bytes : {10, 500, 700, 3000, 17000, 40000, 100000}) {
    CAPTURE(value_bytes);
    Tree tree;
    const std::string value(value_bytes, 'v');
    size_t bytes = 0;
    for (uint64_t i = 0; bytes < 2u << 20; ++i) {
      tree.Insert("key " + std::to_string(i % 50), i, value);
      bytes += value_bytes + 40;
    }
    CHECK(tree.pieces.taken < bytes + bytes / 3);
  }
}

TEST_CASE("lsm memtable: its memory counts, so that it is flushed when it is full") {
  LsmDb db;
  REQUIRE(db.Open().ok());
  const std::string value = testing::StoredValue({}, std::string(1000, 'v'));
  for (int i = 0; i < 3000; ++i) db.Put(NthKey(static_cast<uint64_t>(i % 60)), value);
  uint64_t bytes = 0;
  REQUIRE(db.db()->GetIntProperty(rocksdb::DB::Properties::kCurSizeActiveMemTable, &bytes));
  CHECK(bytes < 1200u << 10);
  uint64_t entries = 0;
  REQUIRE(db.db()->GetIntProperty("rocksdb.num-entries-active-mem-table", &entries));
  CHECK(entries < 1500);
  // One that has just begun takes little.
  LsmDb fresh;
  REQUIRE(fresh.Open().ok());
  fresh.Put("k" + std::string(20, 'k'), testing::StoredValue({}, "v"));
  REQUIRE(fresh.db()->GetIntProperty(rocksdb::DB::Properties::kCurSizeActiveMemTable, &bytes));
  CHECK(bytes < 256u << 10);
}

}  // namespace
}  // namespace cairn::lsm
