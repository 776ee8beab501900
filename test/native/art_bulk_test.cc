// Filling the index tree from keys in order: the same content as by Upsert, whatever the keys are,
// and an ordinary tree afterwards.
#include "vlog/index/art_bulk.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <random>
#include <string>
#include <vector>

using cairn::vlog::Art;
using cairn::vlog::ArtLoader;
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
  pointer.checksum = ~static_cast<uint32_t>(stamp);
  return pointer;
}

uint64_t Below(Random& random, uint64_t bound) { return random() % bound; }

std::string Bytes(Random& random, size_t length, int alphabet) {
  std::string bytes(length, '\0');
  for (char& c : bytes) c = static_cast<char>(Below(random, static_cast<uint64_t>(alphabet)));
  return bytes;
}

constexpr int kShapes = 12;
std::string ShapedKey(Random& random, int shape) {
  switch (shape) {
    case 0:
      return "key:" + std::to_string(1000000000 + Below(random, 20000));
    case 1:
      return Bytes(random, Below(random, 4), 256);  // full fan-out, also the empty key
    case 2:
      return std::string(Below(random, 600), 'a');  // each a prefix of the next
    case 3:
      return Bytes(random, Below(random, 12), 2);
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
      return std::string(1, static_cast<char>(Below(random, 3) * 127)) + "a prefix in common" +
             Bytes(random, 2, 60);  // nodes at the edges of the range, leaving in the prefix
    case 9:
      return Bytes(random, 1 + Below(random, 2), 256) + std::string(Below(random, 200), 'm') +
             Bytes(random, 1, 256);
    case 10: {
      std::string key(3000 + Below(random, 3), 'L');
      for (int i = 0; i < 2; ++i)
        key[Below(random, 3) * (key.size() - 1) / 2] = static_cast<char>(Below(random, 3));
      return key;
    }
    default:
      return Bytes(random, 16, 256);
  }
}

void CheckSame(const Art& art, const Model& model) {
  art.CheckInvariants();
  REQUIRE(art.size() == model.size());
  auto wanted = model.begin();
  size_t expiring = 0;
  art.Scan("", [&](std::string_view key, Pointer& pointer, uint64_t expire) {
    REQUIRE(wanted != model.end());
    REQUIRE(key == wanted->first);
    REQUIRE(expire == wanted->second.expire);
    REQUIRE(pointer.offset == wanted->second.stamp);
    REQUIRE(pointer.has_expiry() == (expire != 0));
    expiring += expire != 0 ? 1 : 0;
    ++wanted;
    return true;
  });
  REQUIRE(wanted == model.end());
  REQUIRE(art.expiring() == expiring);
  for (const auto& [key, value] : model) REQUIRE(art.Find(key).pointer->offset == value.stamp);
}

void Load(const Model& model, ArtLoader* loader, Art* art) {
  loader->Begin(art);
  for (const auto& [key, value] : model) loader->Append(key, PointerFor(value.stamp), value.expire);
  loader->Finish();
}

}  // namespace

TEST_CASE("art bulk: nothing, one key, the empty key") {
  ArtLoader loader;
  Art art;
  loader.Begin(&art);
  loader.Finish();
  CHECK(art.empty());
  art.CheckInvariants();
  const Model models[] = {{{"", {8, 0}}}, {{"k", {8, 5}}}, {{"", {8, 0}}, {"k", {16, 0}}}};
  for (const Model& model : models) {
    Art tree;
    Load(model, &loader, &tree);
    CheckSame(tree, model);
  }
}

TEST_CASE("art bulk: all shapes of keys, then used as ever") {
  Random random(7);
  ArtLoader loader;
  for (int round = 0; round < 150; ++round) {
    const int shape = round % (kShapes + 1);
    CAPTURE(round);
    Model model;
    const uint64_t keys = shape == 10 ? 200 : 1 + Below(random, 3000);
    for (uint64_t i = 0; i < keys; ++i) {
      const int kind = shape == kShapes ? static_cast<int>(Below(random, kShapes)) : shape;
      const uint64_t expire =
          round % 3 == 0 && Below(random, 2) == 0 ? 1000 + Below(random, 99) : 0;
      model[ShapedKey(random, kind)] = {8 * i, expire};
    }
    Art art;
    Load(model, &loader, &art);
    CheckSame(art, model);
    for (int i = 0; i < 500; ++i) {
      const int kind = shape == kShapes ? static_cast<int>(Below(random, kShapes)) : shape;
      std::string key = ShapedKey(random, kind);
      if (Below(random, 2) == 0) {
        auto at = model.lower_bound(key);
        if (at == model.end()) continue;
        key = at->first;
        CHECK(art.Erase(key));
        model.erase(key);
      } else {
        const uint64_t expire = Below(random, 4) == 0 ? 5000 : 0;
        CHECK(art.Upsert(key, PointerFor(1u << 20), expire) == (model.count(key) != 0));
        model[key] = {1u << 20, expire};
      }
    }
    CheckSame(art, model);
    while (!model.empty()) {
      CHECK(art.Erase(model.begin()->first));
      model.erase(model.begin());
    }
    CHECK(art.empty());
    CHECK(art.bytes() == 0);
  }
}

TEST_CASE("art bulk: keys out of order and trees that are not empty are right all the same") {
  Random random(8);
  ArtLoader loader;
  for (int round = 0; round < 60; ++round) {
    const int shape = round % 10;
    CAPTURE(round);
    Model model;
    Art art;
    if (round % 2 == 0) {
      for (uint64_t i = 0; i < 30; ++i) {
        const std::string key = ShapedKey(random, shape);
        art.Upsert(key, PointerFor(8 * i), 0);
        model[key] = {8 * i, 0};
      }
    }
    std::vector<std::string> keys;
    for (int i = 0; i < 1000; ++i) keys.push_back(ShapedKey(random, shape));
    // In order up to a place, with duplicates there and beyond.
    std::sort(keys.begin(), keys.end());
    keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
    const size_t ordered = Below(random, keys.size() + 1);
    std::shuffle(keys.begin() + static_cast<ptrdiff_t>(ordered), keys.end(), random);
    if (ordered > 0) keys.insert(keys.begin() + static_cast<ptrdiff_t>(ordered), keys[ordered - 1]);
    loader.Begin(&art);
    uint64_t stamp = 1000;
    for (const std::string& key : keys) {
      stamp += 8;
      loader.Append(key, PointerFor(stamp), 0);
      model[key] = {stamp, 0};
    }
    loader.Finish();
    CheckSame(art, model);
  }
}

TEST_CASE("art bulk: buckets are as full as those of ascending inserts") {
  for (const uint64_t step : {1u, 1024u}) {
    Art bulk, single;
    ArtLoader loader;
    loader.Begin(&bulk);
    for (uint64_t i = 0; i < 20000; ++i) {
      const std::string key = "key:" + std::to_string(100000000000 + i * step);
      loader.Append(key, PointerFor(8 * i), 0);
      single.Upsert(key, PointerFor(8 * i), 0);
    }
    loader.Finish();
    CHECK(bulk.Measure().buckets <= single.Measure().buckets);
    CHECK(bulk.bytes() <= single.bytes());
  }
}
