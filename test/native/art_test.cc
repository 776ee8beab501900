// The index tree against std::map: nasty key shapes, a million operations, ordered scans, and
// memory back to zero.
#include "vlog/index/art.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <random>
#include <span>
#include <string>
#include <vector>

using cairn::vlog::Art;
using cairn::vlog::EntryRef;
using cairn::vlog::Pointer;

namespace {

struct Value {
  uint64_t stamp;
  uint64_t expire;
};
using Model = std::map<std::string, Value>;
using Random = std::mt19937_64;

Pointer PointerFor(uint64_t stamp) {
  Pointer pointer;
  pointer.segment_id = static_cast<uint32_t>(stamp * 7);
  pointer.length = static_cast<uint32_t>(stamp >> 3);
  pointer.offset = stamp;
  pointer.flags = static_cast<uint32_t>(stamp) & (Pointer::kTypeMask | Pointer::kExpiryExternal);
  pointer.checksum = ~static_cast<uint32_t>(stamp);
  return pointer;
}

bool Same(const Pointer& pointer, const Value& value) {
  Pointer wanted = PointerFor(value.stamp);
  if (value.expire != 0) wanted.flags |= Pointer::kHasExpiry;
  return pointer.SamePlace(wanted) && pointer.flags == wanted.flags &&
         pointer.checksum == wanted.checksum;
}

uint64_t Below(Random& random, uint64_t bound) { return random() % bound; }

std::string Bytes(Random& random, size_t length, int alphabet) {
  std::string bytes(length, '\0');
  for (char& c : bytes) c = static_cast<char>(Below(random, static_cast<uint64_t>(alphabet)));
  return bytes;
}

// Keys of one family each: the families differ in what they do to prefixes, fan-outs and suffix
// lengths.
constexpr int kShapes = 10;
std::string ShapedKey(Random& random, int shape) {
  char text[64];
  switch (shape) {
    case 0:
      std::snprintf(text, sizeof text, "key:%012llu",
                    static_cast<unsigned long long>(Below(random, 20000)));
      return text;
    case 1:
      return Bytes(random, Below(random, 4), 256);  // full fan-out, also the empty key
    case 2:
      return std::string(Below(random, 300), 'a');  // each a prefix of the next
    case 3:
      return Bytes(random, Below(random, 12), 2);  // zeros and ones: embedded zeros
    case 4:
      return std::string(Below(random, 40), '\xff') + Bytes(random, Below(random, 3), 3);
    case 5:
      return "user:" + std::to_string(Below(random, 3000)) +
             ":field:" + std::to_string(Below(random, 3));
    case 6:
      return std::string(250 + Below(random, 10), 'p') + Bytes(random, Below(random, 3), 8);
    case 7:
      return std::string(1, static_cast<char>(Below(random, 256))) + "one-byte fan-out";
    case 8:
      return Bytes(random, 16, 256).substr(0, 14) +
             std::string(2, static_cast<char>(Below(random, 4)));
    default: {
      // Long keys, up to 64 KiB, which differ at the front, in the middle or at the very end.
      static const size_t kLengths[] = {254, 255, 256, 257, 1000, 2047, 4096, 65535, 65536, 65537};
      std::string key(kLengths[Below(random, 10)], 'L');
      for (int i = 0; i < 2; ++i)
        key[Below(random, 3) * (key.size() - 1) / 2] = static_cast<char>(Below(random, 3));
      return key;
    }
  }
}

struct Pair {
  Art art;
  Model model;
};

void CheckScan(const Pair& pair, const std::string& from, size_t limit) {
  auto wanted = pair.model.lower_bound(from);
  size_t visited = 0;
  pair.art.Scan(from, [&](std::string_view key, Pointer& pointer, uint64_t expire) {
    REQUIRE(wanted != pair.model.end());
    REQUIRE(key == wanted->first);
    REQUIRE(expire == wanted->second.expire);
    REQUIRE(Same(pointer, wanted->second));
    ++wanted;
    return ++visited < limit;
  });
  REQUIRE((visited == limit || wanted == pair.model.end()));
}

void CheckAll(const Pair& pair) {
  pair.art.CheckInvariants();
  REQUIRE(pair.art.size() == pair.model.size());
  CheckScan(pair, "", SIZE_MAX);
}

void Put(Pair& pair, const std::string& key, uint64_t stamp, uint64_t expire) {
  Pointer old;
  uint64_t old_expire = 77;
  const bool existed = pair.art.Upsert(key, PointerFor(stamp), expire, &old, &old_expire);
  auto found = pair.model.find(key);
  REQUIRE(existed == (found != pair.model.end()));
  if (existed) {
    REQUIRE(Same(old, found->second));
    REQUIRE(old_expire == found->second.expire);
  }
  pair.model[key] = Value{stamp, expire};
}

void Drop(Pair& pair, const std::string& key) {
  Pointer old;
  uint64_t old_expire = 77;
  auto found = pair.model.find(key);
  const bool existed = pair.art.Erase(key, &old, &old_expire);
  REQUIRE(existed == (found != pair.model.end()));
  if (!existed) return;
  REQUIRE(Same(old, found->second));
  REQUIRE(old_expire == found->second.expire);
  pair.model.erase(found);
}

void CheckEntry(const Pair& pair, std::string_view key, const EntryRef& entry) {
  auto found = pair.model.find(std::string(key));
  REQUIRE(static_cast<bool>(entry) == (found != pair.model.end()));
  if (!entry) return;
  REQUIRE(entry.expire_at_ms == found->second.expire);
  REQUIRE(Same(*entry.pointer, found->second));
}

void Look(Pair& pair, const std::string& key) { CheckEntry(pair, key, pair.art.Find(key)); }

// Some at once, among them repeated ones, some in a tree without keys and some in none.
void LookAtMany(Pair& pair, Random& random, const std::vector<std::string>& keys) {
  const Art none;
  Art::Lookup lookups[Art::kFindManyMax];
  const size_t count = Below(random, Art::kFindManyMax + 1);
  for (size_t i = 0; i < count; ++i) {
    const uint64_t tree = Below(random, 10);
    lookups[i].tree = tree == 0 ? nullptr : tree == 1 ? &none : &pair.art;
    lookups[i].key = keys[Below(random, keys.size())];
    lookups[i].found.expire_at_ms = 77;
  }
  Art::FindMany(std::span(lookups, count));
  for (size_t i = 0; i < count; ++i) {
    if (lookups[i].tree == &pair.art) {
      CheckEntry(pair, lookups[i].key, lookups[i].found);
    } else {
      REQUIRE(!lookups[i].found);
    }
  }
}

void Retime(Pair& pair, const std::string& key, uint64_t expire) {
  auto found = pair.model.find(key);
  REQUIRE(pair.art.SetExpire(key, expire) == (found != pair.model.end()));
  if (found != pair.model.end()) found->second.expire = expire;
}

// A key that is there (so that erasing hits), or a fresh one.
std::string PickKey(Random& random, const Pair& pair, int shape) {
  if (pair.model.empty() || Below(random, 2) == 0) return ShapedKey(random, shape);
  auto at = pair.model.lower_bound(ShapedKey(random, shape));
  return at == pair.model.end() ? pair.model.begin()->first : at->first;
}

// Phases of growth and decline: `erase_percent` of the operations erase.
void Churn(Pair& pair, Random& random, int shape, int operations, uint64_t erase_percent) {
  for (int i = 0; i < operations; ++i) {
    const int s = shape >= 0 ? shape : static_cast<int>(Below(random, kShapes - 1));
    const std::string key = PickKey(random, pair, s);
    const uint64_t dice = Below(random, 100);
    const uint64_t expire = Below(random, 4) == 0 ? 1 + Below(random, 1000000) : 0;
    if (dice < erase_percent) {
      Drop(pair, key);
    } else if (dice < erase_percent + 10) {
      Look(pair, key);
    } else if (dice < erase_percent + 15) {
      Retime(pair, key, expire);
    } else {
      Put(pair, key, random(), expire);
    }
    if (Below(random, 20) == 0) {
      std::vector<std::string> keys;
      for (size_t n = 0; n < Art::kFindManyMax; ++n) keys.push_back(PickKey(random, pair, s));
      LookAtMany(pair, random, keys);
    }
    if (Below(random, 500) == 0) CheckScan(pair, ShapedKey(random, s), 1 + Below(random, 60));
  }
}

void Drain(Pair& pair, Random& random) {
  std::vector<std::string> keys;
  for (const auto& [key, value] : pair.model) keys.push_back(key);
  std::shuffle(keys.begin(), keys.end(), random);
  for (size_t i = 0; i < keys.size(); ++i) {
    Drop(pair, keys[i]);
    if (i % 4096 == 0) pair.art.CheckInvariants();
  }
  REQUIRE(pair.art.size() == 0);
  REQUIRE(pair.art.expiring() == 0);
  REQUIRE(pair.art.bytes() == 0);
}

}  // namespace

TEST_CASE("art: an empty tree") {
  Art art;
  CHECK(art.bytes() == 0);
  CHECK(!art.Find(""));
  CHECK(!art.Erase("x"));
  CHECK(!art.SetExpire("x", 5));
  std::string key;
  CHECK(!art.Random(1, &key));
  art.Scan("", [](std::string_view, Pointer&, uint64_t) { return false; });
  size_t visits = 1;
  CHECK(art.SweepExpired(1, &visits, [](std::string_view, Pointer&, uint64_t) { return true; }));
  art.CheckInvariants();
}

TEST_CASE("art: like std::map for every shape of key") {
  for (int shape = 0; shape < kShapes; ++shape) {
    CAPTURE(shape);
    Random random(1000 + static_cast<uint64_t>(shape));
    Pair pair;
    const int operations = shape == kShapes - 1 ? 4000 : 40000;
    Churn(pair, random, shape, operations, 15);
    CheckAll(pair);
    Churn(pair, random, shape, operations / 2, 70);
    CheckAll(pair);
    Churn(pair, random, shape, operations / 2, 15);
    CheckAll(pair);
    Drain(pair, random);
  }
}

TEST_CASE("art: like std::map for all shapes together") {
  Random random(7);
  Pair pair;
  for (int phase = 0; phase < 8; ++phase) {
    Churn(pair, random, -1, 60000, phase % 2 == 0 ? 10 : 75);
    CheckAll(pair);
  }
  Drain(pair, random);
}

TEST_CASE("art: in order, in reverse order, and out again") {
  for (int direction = 0; direction < 2; ++direction) {
    Pair pair;
    Random random(3);
    constexpr int kKeys = 30000;
    char text[32];
    for (int i = 0; i < kKeys; ++i) {
      std::snprintf(text, sizeof text, "key:%012d", direction == 0 ? i : kKeys - i);
      Put(pair, text, random(), 0);
    }
    CheckAll(pair);
    // Ascending keys fill their buckets.
    if (direction == 0) CHECK(pair.art.bytes() / kKeys < 38);
    while (pair.model.size() > 100) Drop(pair, pair.model.begin()->first);
    CheckAll(pair);
    CHECK(pair.art.bytes() < 100 * 64);
    Drain(pair, random);
  }
}

TEST_CASE("art: bytes are those of the blocks, and small") {
  Random random(11);
  Art art;
  constexpr size_t kKeys = 10000;  // as many as a shard has of 10 million
  for (size_t i = 0; i < kKeys; ++i) {
    char text[32];
    std::snprintf(text, sizeof text, "%016llx", static_cast<unsigned long long>(random()));
    art.Upsert(text, PointerFor(i), 0);
  }
  CHECK(art.size() == kKeys);
  CHECK(art.bytes() / kKeys <= 44);
  art.Clear();
  CHECK(art.bytes() == 0);
}

TEST_CASE("art: pointers are edited in place") {
  Art art;
  for (uint64_t i = 0; i < 1000; ++i)
    art.Upsert(std::to_string(i), PointerFor(i), i % 3 == 0 ? 9 : 0);
  for (uint64_t i = 0; i < 1000; ++i) art.Find(std::to_string(i)).pointer->offset = 8 * i;
  art.Scan("", [](std::string_view key, Pointer& pointer, uint64_t) {
    CHECK(pointer.offset == 8 * std::stoull(std::string(key)));
    pointer.segment_id = 5;
    return true;
  });
  for (uint64_t i = 0; i < 1000; ++i) CHECK(art.Find(std::to_string(i)).pointer->segment_id == 5);
  art.CheckInvariants();
}

TEST_CASE("art: move and swap") {
  Art a, b;
  a.Upsert("a", PointerFor(1), 5000);
  b.Upsert("b", PointerFor(2), 0);
  b.Upsert("c", PointerFor(3), 0);
  a.Swap(b);
  CHECK(a.size() == 2);
  CHECK(b.size() == 1);
  CHECK(b.MayHaveExpired(5000));
  CHECK(!b.MayHaveExpired(4999));
  CHECK(!a.MayHaveExpired(5000));
  Art c(std::move(a));
  CHECK(c.size() == 2);
  CHECK(a.size() == 0);  // NOLINT: moved-from is empty
  c = std::move(b);
  CHECK(c.size() == 1);
  CHECK(c.Find("a").expire_at_ms == 5000);
}

TEST_CASE("art: random entries are fair and none is starved") {
  // Lopsided on purpose: two thirds of the keys in one corner of the tree.
  Art art;
  constexpr int kKeys = 3000;
  for (int i = 0; i < kKeys; ++i) {
    art.Upsert((i % 3 == 0 ? std::string(1, static_cast<char>(i)) : "corner:") + std::to_string(i),
               PointerFor(0), 0);
  }
  std::map<std::string, int> hits;
  constexpr int kDraws = 40 * kKeys;
  int corner = 0;
  Random random(17);
  std::string key;
  for (int i = 0; i < kDraws; ++i) {
    const EntryRef entry = art.Random(random(), &key);
    REQUIRE(entry);
    REQUIRE(art.Find(key).pointer == entry.pointer);
    ++hits[key];
    corner += key.rfind("corner:", 0) == 0 ? 1 : 0;
  }
  CHECK(hits.size() > kKeys * 99 / 100);
  CHECK(corner > kDraws * 2 / 5);
  CHECK(corner < kDraws * 3 / 4);
  int most = 0;
  for (const auto& [name, count] : hits) most = std::max(most, count);
  CHECK(most < 40 * 8);
}

TEST_CASE("art: very long keys") {
  Pair pair;
  Random random(23);
  std::string key(3 << 20, 'x');
  for (int i = 0; i < 20; ++i) {
    key[Below(random, 3) * (key.size() - 1) / 2] = static_cast<char>('a' + i);
    Put(pair, key, random(), i % 2 == 0 ? 10 : 0);
    Put(pair, key.substr(0, key.size() - static_cast<size_t>(i)), random(), 0);
  }
  CheckAll(pair);
  Drain(pair, random);
}
