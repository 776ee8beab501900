// Keys of the lsm engine: bytes, order, separators, structure.
#include <doctest/doctest.h>
#include <rocksdb/filter_policy.h>
#include <rocksdb/table.h>

#include <algorithm>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "base/coding.h"
#include "engine/engine.h"
#include "environment.h"
#include "hex.h"
#include "lsm/comparator.h"
#include "lsm/key.h"
#include "lsm_testing.h"

using namespace cairn;
using namespace cairn::lsm;
using cairn::testing::FromEnvironment;
using cairn::testing::LsmDb;
using cairn::testing::StoredKey;

namespace {

using Random = std::mt19937_64;

// On one line.
std::string Digits(std::string_view bytes) {
  std::string digits = cairn::testing::Hex(bytes);
  std::erase(digits, '\n');
  return digits;
}

uint64_t Below(Random* random, uint64_t bound) { return (*random)() % bound; }

// Bytes that are often alike, and often at the ends of their range.
std::string RandomBytes(Random* random, size_t bytes_max) {
  static constexpr char kBytes[] = {0, 1, 'a', 'b', '\x7f', '\x80', '\xfe', '\xff'};
  std::string bytes;
  for (size_t n = Below(random, bytes_max + 1); bytes.size() < n;) {
    bytes += kBytes[Below(random, sizeof(kBytes))];
  }
  return bytes;
}

uint32_t RandomId(Random* random) {
  static constexpr uint32_t kIds[] = {0, 1, 255, 256, 0x00ffffff, 0x80000000, 0xffffffff};
  return kIds[Below(random, std::size(kIds))];
}

std::string RandomKey(Random* random) {
  KeyPrefix prefix;
  prefix.collection = RandomId(random);
  prefix.workspace = RandomId(random);
  std::string key;
  EncodeKey(prefix, RandomBytes(random, 6), &key);
  return key;
}

std::string FaultOf(std::string_view key) {
  const FormatFault fault = CheckKey(key);
  return fault ? fault.Text() : "";
}

}  // namespace

TEST_CASE("lsm key: the bytes") {
  std::string key;
  EncodeKey({.collection = 0x01020304, .index = 0x05060708, .workspace = 0x090a0b0c}, "key", &key);
  CHECK(Digits(key) ==
        "0101"
        "01020304"
        "05060708"
        "090a0b0c"
        "6b6579");
  EncodeKey({.category = Category::kSystem}, "format", &key);
  CHECK(Digits(key) ==
        "0100"
        "00000000"
        "00000000"
        "00000000"
        "666f726d6174");
  EncodePageKey({.collection = 2}, 3, 4, &key);
  CHECK(Digits(key) ==
        "0101"
        "00000002"
        "00000001"
        "00000000"
        "0000000000000003"
        "0000000000000004");
  EncodeExpiryKey({.collection = 2}, 5, "k", &key);
  CHECK(Digits(key) ==
        "0101"
        "00000002"
        "00000002"
        "00000000"
        "0000000000000005"
        "6b");
}

TEST_CASE("lsm key: numbers on disk") {
  CHECK(static_cast<int>(DatabaseType::kServer) == 1);
  CHECK(static_cast<int>(Category::kSystem) == 0);
  CHECK(static_cast<int>(Category::kKeyValue) == 1);
  CHECK(static_cast<int>(Category::kDocument) == 2);
  CHECK(key_value_index::kKeys == 0);
  CHECK(key_value_index::kPages == 1);
  CHECK(key_value_index::kExpiry == 2);
  CHECK(system_index::kMetadata == 0);
  CHECK(system_index::kCounters == 1);
  CHECK(std::string(ComparatorOf(KeyOrder::kAscending)->Name()) == "cairn.ascending");
  CHECK(std::string(ComparatorOf(KeyOrder::kDescending)->Name()) == "cairn.descending");
}

TEST_CASE("lsm key: what was encoded is parsed") {
  Random random(FromEnvironment("CAIRN_SEED", 1));
  for (int i = 0; i < 2000; ++i) {
    KeyPrefix prefix;
    prefix.collection = RandomId(&random);
    prefix.workspace = RandomId(&random);
    const std::string user_key = RandomBytes(&random, 20);
    std::string key = "what was there before";
    EncodeKey(prefix, user_key, &key);
    REQUIRE(FaultOf(key) == "");
    CHECK(ParseKey(key).prefix == prefix);
    CHECK(ParseKey(key).user_key == user_key);

    const uint64_t space = random();
    const uint64_t page = random();
    EncodePageKey(prefix, space, page, &key);
    REQUIRE(FaultOf(key) == "");
    CHECK(ParseKey(key).prefix.collection == prefix.collection);
    CHECK(SpaceOf(ParseKey(key).user_key) == space);
    CHECK(PageOf(ParseKey(key).user_key) == page);

    EncodeExpiryKey(prefix, space | 1, user_key, &key);
    REQUIRE(FaultOf(key) == "");
    CHECK(ExpireAtOf(ParseKey(key).user_key) == (space | 1));
    CHECK(ParseKey(key).user_key.substr(kExpiryBytes) == user_key);
  }
}

TEST_CASE("lsm key: the order of bytes is the order of the parts") {
  Random random(FromEnvironment("CAIRN_SEED", 2));
  const auto parts = [](const std::string& key) {
    const ParsedKey parsed = ParseKey(key);
    return std::tuple(parsed.prefix.collection, parsed.prefix.index, parsed.prefix.workspace,
                      parsed.user_key);
  };
  const rocksdb::Comparator* const ascending = ComparatorOf(KeyOrder::kAscending);
  const rocksdb::Comparator* const descending = ComparatorOf(KeyOrder::kDescending);
  for (int i = 0; i < 5000; ++i) {
    const std::string a = RandomKey(&random);
    const std::string b = Below(&random, 10) == 0 ? a : RandomKey(&random);
    const int order = ascending->Compare(a, b);
    CHECK((order < 0) == (parts(a) < parts(b)));
    CHECK((order == 0) == (a == b));
    CHECK(ascending->Equal(a, b) == (a == b));
    CHECK(descending->Equal(a, b) == (a == b));
    CHECK((order < 0) == (descending->Compare(a, b) > 0));
    CHECK((order < 0) == (ascending->Compare(b, a) > 0));
  }
}

TEST_CASE("lsm key: separators separate, and are no longer than what they stand for") {
  Random random(FromEnvironment("CAIRN_SEED", 3));
  for (const KeyOrder order : {KeyOrder::kAscending, KeyOrder::kDescending}) {
    const rocksdb::Comparator* const comparator = ComparatorOf(order);
    int shortened = 0;
    for (int i = 0; i < 20000; ++i) {
      const bool keys = Below(&random, 2) == 0;
      std::string start = keys ? RandomKey(&random) : RandomBytes(&random, 5);
      std::string limit = keys ? RandomKey(&random) : RandomBytes(&random, 5);
      if (comparator->Compare(start, limit) > 0) std::swap(start, limit);
      std::string separator = start;
      comparator->FindShortestSeparator(&separator, limit);
      INFO(Digits(start) << " " << Digits(limit) << " " << Digits(separator));
      REQUIRE(separator.size() <= start.size());
      REQUIRE(comparator->Compare(start, separator) <= 0);
      if (start != limit) REQUIRE(comparator->Compare(separator, limit) < 0);
      shortened += separator.size() < start.size() ? 1 : 0;

      std::string successor = start;
      comparator->FindShortSuccessor(&successor);
      REQUIRE(successor.size() <= start.size());
      REQUIRE(comparator->Compare(start, successor) <= 0);
    }
    CHECK(shortened > 5000);
  }
}

TEST_CASE("lsm key: separators by example") {
  const auto separator = [](KeyOrder order, std::string start, const std::string& limit) {
    ComparatorOf(order)->FindShortestSeparator(&start, limit);
    return start;
  };
  CHECK(separator(KeyOrder::kAscending, "abcdef", "abzz") == "abd");
  CHECK(separator(KeyOrder::kAscending, "abcdef", "abdd") == "abd");
  CHECK(separator(KeyOrder::kAscending, "abcdef", "abd") == "abce");
  CHECK(separator(KeyOrder::kAscending,
                  "abc\xff\xff"
                  "a",
                  "abd") ==
        "abc\xff\xff"
        "b");
  CHECK(separator(KeyOrder::kAscending, "abc\xff", "abd") == "abc\xff");
  CHECK(separator(KeyOrder::kAscending, "ab", "abc") == "ab");
  CHECK(separator(KeyOrder::kDescending, "abzz", "abcdef") == "abz");
  CHECK(separator(KeyOrder::kDescending, "abcdef", "ab") == "abc");
  CHECK(separator(KeyOrder::kDescending, "abc", "aba") == "abc");
}

TEST_CASE("lsm key: ends of prefixes") {
  CHECK(PrefixSuccessor("ab") == "ac");
  CHECK(PrefixSuccessor("a\xff\xff") == "b");
  CHECK(PrefixSuccessor("\xff\xff") == "");
  CHECK(PrefixSuccessor("") == "");
  Random random(FromEnvironment("CAIRN_SEED", 4));
  for (int i = 0; i < 5000; ++i) {
    const std::string key = RandomKey(&random);
    const std::string other = RandomKey(&random);
    for (const size_t bytes : {kCollectionPrefixBytes, kIndexPrefixBytes, kPrefixBytes}) {
      const std::string prefix = key.substr(0, bytes);
      for (const KeyOrder order : {KeyOrder::kAscending, KeyOrder::kDescending}) {
        if (order == KeyOrder::kDescending && bytes == kPrefixBytes) continue;
        const rocksdb::Comparator* const comparator = ComparatorOf(order);
        const std::string end = EndOfPrefix(order, prefix);
        CHECK(comparator->Compare(key, end) < 0);
        if (other.compare(0, bytes, prefix) == 0) continue;
        // What comes behind the key, but is not of its range, comes behind the end.
        if (comparator->Compare(key, other) < 0) CHECK(comparator->Compare(end, other) <= 0);
      }
    }
  }
}

TEST_CASE("lsm key: what is wrong with a key, and where") {
  const std::string good = StoredKey(7, "key");
  CHECK(FaultOf(good) == "");
  for (size_t bytes = 0; bytes < kPrefixBytes; ++bytes) {
    CHECK(FaultOf(good.substr(0, bytes)) == "prefix is cut off at byte " + std::to_string(bytes));
  }
  CHECK(FaultOf(good.substr(0, kPrefixBytes)) == "");  // the empty key is a key
  const auto with = [](std::string key, size_t offset, char byte) {
    key[offset] = byte;
    return key;
  };
  CHECK(FaultOf(with(good, 0, 2)) == "unknown database type at byte 0");
  CHECK(FaultOf(with(good, 1, 3)) == "unknown category at byte 1");
  CHECK(FaultOf(with(good, 1, 2)) == "");
  CHECK(FaultOf(with(good, 9, 3)) == "unknown index at byte 6");

  std::string page;
  EncodePageKey({}, 1, 2, &page);
  CHECK(FaultOf(page.substr(0, 29)) == "page key is cut off at byte 29");
  CHECK(FaultOf(page + "x") == "page key is too long at byte 30");

  std::string expiry;
  EncodeExpiryKey({}, 1, "", &expiry);
  CHECK(FaultOf(expiry) == "");
  CHECK(FaultOf(expiry.substr(0, 21)) == "expiry is cut off at byte 21");
  CHECK(FaultOf(with(expiry, 21, 0)) == "expiry of a key that never expires at byte 14");

  std::string system;
  EncodeKey({.category = Category::kSystem}, "format", &system);
  CHECK(FaultOf(system) == "");
  CHECK(FaultOf(system.substr(0, kPrefixBytes)) == "system key without a name at byte 14");
  CHECK(FaultOf(with(system, 5, 1)) == "metadata of a collection at byte 2");
  CHECK(FaultOf(with(system, 9, 2)) == "unknown system index at byte 6");
  CHECK(FaultOf(with(system, 13, 1)) == "system key of a workspace at byte 10");
}

TEST_CASE("lsm key: described for operators") {
  CHECK(DescribeKey(StoredKey(3, "user:1")) == "collection 3, keys, \"user:1\"");
  CHECK(DescribeKey(StoredKey(3, std::string_view("\0\\\xff", 3))) ==
        "collection 3, keys, \"\\x00\\x5c\\xff\"");
  std::string page;
  EncodePageKey({.collection = 1}, 2, 3, &page);
  CHECK(DescribeKey(page) == "collection 1, pages, page 3 of space 2");
  CHECK(DescribeKey("abc") == "\"abc\": prefix is cut off at byte 3");
  CHECK(DescribeKey(StoredKey(3, std::string(50, 'x'))) ==
        "collection 3, keys, \"" + std::string(48, 'x') + "... (50 bytes)\"");
}

TEST_CASE("lsm coding: variable-length integers") {
  Random random(FromEnvironment("CAIRN_SEED", 5));
  for (int i = 0; i < 3000; ++i) {
    const uint64_t value = random() >> Below(&random, 64);
    std::string bytes;
    AppendVarint(&bytes, value);
    REQUIRE(bytes.size() <= kVarintBytesMax);
    for (size_t cut = 0; cut < bytes.size(); ++cut) {
      std::string_view part = std::string_view(bytes).substr(0, cut);
      uint64_t read = 0;
      CHECK_FALSE(TakeVarint(&part, &read));
      CHECK(part.size() == cut);
    }
    bytes += "rest";
    std::string_view rest = bytes;
    uint64_t read = 0;
    REQUIRE(TakeVarint(&rest, &read));
    CHECK(read == value);
    CHECK(rest == "rest");
  }
  uint64_t read = 0;
  for (const std::string& bad : {std::string("\x80\x00", 2), std::string(9, '\xff') + "\x02",
                                 std::string(10, '\xff') + "\x01"}) {
    std::string_view rest = bad;
    CHECK_FALSE(TakeVarint(&rest, &read));
  }
}

// Every key is found and every range is complete, with blocks so small that nearly each key has a
// separator in the index; also by the iterators that use prefix filters.
TEST_CASE("lsm key: RocksDB in both orders") {
  Random random(FromEnvironment("CAIRN_SEED", 6));
  for (const KeyOrder order : {KeyOrder::kAscending, KeyOrder::kDescending}) {
    LsmDb db(1, order);
    rocksdb::BlockBasedTableOptions table;
    table.block_size = 64;
    table.filter_policy.reset(rocksdb::NewRibbonFilterPolicy(10));
    table.whole_key_filtering = true;
    db.options.table_factory.reset(rocksdb::NewBlockBasedTableFactory(table));
    REQUIRE(db.Open().ok());

    std::set<std::string> keys;
    for (int i = 0; i < 1500; ++i) {
      const std::string key = RandomKey(&random);
      db.Put(key, cairn::testing::StoredValue({}, key));
      keys.insert(key);
      if (i % 200 == 199) db.Flush();
      if (i == 1000) db.Compact();
    }
    for (const std::string& key : keys) REQUIRE(db.Get(key).has_value());
    for (int i = 0; i < 500; ++i) {
      const std::string key = RandomKey(&random);
      CHECK(db.Get(key).has_value() == (keys.count(key) == 1));
    }

    const rocksdb::Comparator* const comparator = ComparatorOf(order);
    std::vector<std::string> sorted(keys.begin(), keys.end());
    std::sort(sorted.begin(), sorted.end(), [&](const std::string& a, const std::string& b) {
      return comparator->Compare(a, b) < 0;
    });
    const bool ascending = order == KeyOrder::kAscending;
    for (const size_t bytes :
         {kCollectionPrefixBytes, ascending ? kPrefixBytes : kIndexPrefixBytes}) {
      for (int i = 0; i < 300; ++i) {
        const std::string from = RandomKey(&random);
        const std::string end = EndOfPrefix(order, from.substr(0, bytes));
        std::vector<std::string> expected;
        for (const std::string& key : sorted) {
          if (comparator->Compare(key, from) >= 0 && comparator->Compare(key, end) < 0) {
            expected.push_back(key);
          }
        }
        const rocksdb::Slice bound = end;
        rocksdb::ReadOptions read;
        read.iterate_upper_bound = &bound;
        // The second one decides by itself whether the prefix filters may be used.
        const bool automatic = i % 2 == 0;
        read.total_order_seek = !automatic;
        read.auto_prefix_mode = automatic;
        const std::unique_ptr<rocksdb::Iterator> iterator(db.db()->NewIterator(read));
        std::vector<std::string> found;
        for (iterator->Seek(from); iterator->Valid(); iterator->Next()) {
          found.push_back(iterator->key().ToString());
        }
        REQUIRE(iterator->status().ok());
        REQUIRE(found == expected);
      }
    }

    // The order of a directory stays.
    db.Close();
    db.options.comparator =
        ComparatorOf(order == KeyOrder::kAscending ? KeyOrder::kDescending : KeyOrder::kAscending);
    CHECK(db.Open().IsInvalidArgument());
  }
}
