// Sweeps for expired entries of the index tree: nothing missed, bounded work per call, and no
// second look at entries that are not due, whatever lies between and around those that are.
#include <doctest/doctest.h>

#include <algorithm>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "vlog/index/art.h"

using cairn::vlog::Art;
using cairn::vlog::Pointer;

namespace {

using Random = std::mt19937_64;
using Model = std::map<std::string, uint64_t>;  // key -> expiry, 0: never

struct Tree {
  Art art;
  Model model;
  size_t visits = 0;  // of all sweeps

  void Put(const std::string& key, uint64_t expire_at_ms) {
    art.Upsert(key, Pointer(), expire_at_ms);
    model[key] = expire_at_ms;
  }
  void Retime(const std::string& key, uint64_t expire_at_ms) {
    if (!art.SetExpire(key, expire_at_ms)) FAIL("not there");
    model[key] = expire_at_ms;
  }
  void Drop(const std::string& key) {
    if (!art.Erase(key)) FAIL("not there");
    model.erase(key);
  }
  // One call; the keys it reports are right and in order. *done: it has come to the end.
  std::vector<std::string> Sweep(uint64_t now_ms, size_t visits_max, size_t keys_max, bool* done) {
    std::vector<std::string> keys;
    size_t left = visits_max;
    bool right = true;
    *done = art.SweepExpired(now_ms, &left, [&](std::string_view key, Pointer&, uint64_t expire) {
      auto known = model.find(std::string(key));
      right = right && known != model.end() && known->second == expire && expire != 0 &&
              expire <= now_ms && (keys.empty() || keys.back() < key);
      keys.emplace_back(key);
      return keys.size() < keys_max;
    });
    REQUIRE((right && left <= visits_max && keys.size() <= keys_max));
    visits += visits_max - left;
    return keys;
  }
  // Calls until nothing is left; returns how many were removed.
  size_t SweepAll(uint64_t now_ms, size_t visits_max = 64, size_t keys_max = 16) {
    size_t removed = 0;
    bool done = false;
    for (size_t calls = 0; !done; ++calls) {
      if (calls > 2 * model.size() + 1000) FAIL("does not get on");
      for (const std::string& key : Sweep(now_ms, visits_max, keys_max, &done)) {
        Drop(key);
        ++removed;
      }
    }
    return removed;
  }
  // None is left that was expired when the second began.
  void CheckSwept(uint64_t now_ms) const {
    const uint64_t begun = now_ms - now_ms % 1000;
    bool swept = true;
    for (const auto& [key, expire] : model) swept = swept && (expire == 0 || expire > begun);
    REQUIRE(swept);
    REQUIRE(art.size() == model.size());
    art.CheckInvariants();
  }
};

std::string Numbered(const char* prefix, uint64_t number) {
  char text[40];
  std::snprintf(text, sizeof text, "%s%012llu", prefix, static_cast<unsigned long long>(number));
  return text;
}

std::string AnyKey(Random& random) {
  switch (random() % 6) {
    case 0:
      return Numbered("key:", random() % 20000);
    case 1:
      return std::string(random() % 300, 'a');  // each a prefix of the next
    case 2: {
      std::string key(random() % 4, '\0');  // full fan-out, also the empty key
      for (char& c : key) c = static_cast<char>(random());
      return key;
    }
    case 3:
      return std::string(random() % 40, '\xff') + static_cast<char>(random() % 3);
    case 4:
      return "user:" + std::to_string(random() % 3000) + ":field:" + std::to_string(random() % 3);
    default:
      return Numbered("", random());
  }
}

}  // namespace

TEST_CASE("sweep: finds exactly what has expired, among writes and swaps") {
  Random random(5);
  Tree tree;
  const auto expiry = [&](uint64_t now) {
    return random() % 3 == 0 ? 0 : now + 1 + random() % 30000;
  };
  for (int i = 0; i < 20000; ++i) tree.Put(AnyKey(random), expiry(0));
  uint64_t now = 0;
  for (int round = 0; round < 60; ++round) {
    now += random() % 2500;
    bool done = false;
    while (!done) {
      for (const std::string& key : tree.Sweep(now, 1 + random() % 100, 1 + random() % 40, &done)) {
        tree.Drop(key);
      }
      tree.Put(AnyKey(random), expiry(now));
      auto other = tree.model.lower_bound(AnyKey(random));
      if (other != tree.model.end()) tree.Retime(std::string(other->first), expiry(now));
      other = tree.model.lower_bound(AnyKey(random));
      if (other != tree.model.end() && random() % 4 == 0) tree.Drop(std::string(other->first));
      if (random() % 50 == 0) {
        Art swapped;
        swapped.Swap(tree.art);
        tree.art = std::move(swapped);
      }
    }
    tree.CheckSwept(now);
  }
  tree.SweepAll(now + 40000);
  tree.CheckSwept(now + 40000);
  REQUIRE(tree.art.expiring() == 0);
  REQUIRE(!tree.art.MayHaveExpired(now + 1'000'000'000));
}

TEST_CASE("sweep: a call that may look at one block only still gets on") {
  Tree tree;
  for (uint64_t i = 0; i < 5000; ++i) tree.Put(Numbered("k", i), i % 7 == 0 ? 5000 : 0);
  CHECK(tree.SweepAll(5000, 1, 1) == 715);
  tree.CheckSwept(5000);
}

TEST_CASE("sweep: keys of one second among others take a few visits a bucket") {
  Tree tree;
  constexpr uint64_t kKeys = 300000;
  for (uint64_t i = 0; i < kKeys; ++i) {
    tree.Put(Numbered("k", i * 7919 % 1000003), i % 3 == 0 ? 60000 : i % 3 == 1 ? 86400000 : 0);
  }
  CHECK(tree.SweepAll(59999) == 0);
  CHECK(tree.visits == 0);
  CHECK(tree.SweepAll(60000) == kKeys / 3);
  // A call starts at the root and ends after 16 keys.
  CHECK(tree.visits < kKeys / 3 / 16 * 12 + 4 * tree.art.Measure().buckets);
  tree.CheckSwept(60000);
  tree.visits = 0;
  for (uint64_t now = 61000; now < 86400000; now += 1000) tree.SweepAll(now);
  CHECK(tree.visits == 0);
}

TEST_CASE("sweep: one key a second does not lead to looks at all the others") {
  Tree tree;
  Random random(9);
  constexpr uint64_t kFar = 100000;
  for (uint64_t i = 0; i < kFar; ++i) {
    tree.Put(Numbered("k", random() % 1000000000), 1'000'000'000 + random() % 1'000'000'000);
  }
  size_t removed = 0;
  for (uint64_t now = 1000; now <= 1'000'000; now += 1000) {
    tree.Put(Numbered("k", random() % 1000000000), now + 500);
    removed += tree.SweepAll(now);
  }
  CHECK(removed == 999);
  CHECK(tree.visits < 1000 * 20);  // a full pass would be 3000 buckets
}

TEST_CASE("sweep: expiries that are put off are looked at once, not with every second") {
  Tree tree;
  constexpr uint64_t kKeys = 20000;
  constexpr uint64_t kRounds = 100;
  for (uint64_t i = 0; i < kKeys; ++i) tree.Put(Numbered("session:", i), 30000);
  Random random(3);
  uint64_t writes = kKeys;
  for (uint64_t round = 1; round <= kRounds; ++round) {
    const uint64_t now = round * 1000;
    for (uint64_t i = 0; i < kKeys / 20; ++i, ++writes) {
      const std::string key = Numbered("session:", random() % kKeys);
      if (tree.model.contains(key)) tree.Retime(key, now + 30000);
    }
    tree.SweepAll(now);
    tree.CheckSwept(now);
  }
  CHECK(tree.visits < writes * 4);
  for (const auto& [key, expire] : Model(tree.model)) tree.Retime(key, 0);
  tree.visits = 0;
  for (uint64_t now = 101000; now < 200000; now += 1000) CHECK(tree.SweepAll(now) == 0);
  CHECK(tree.visits < 2 * (tree.art.Measure().buckets + tree.art.Measure().nodes));
}

TEST_CASE("sweep: what is reported and not removed comes again, and nothing is lost behind it") {
  Tree tree;
  for (uint64_t i = 0; i < 3000; ++i) tree.Put(Numbered("k", i), 1000 + i);
  bool done = false;
  const auto first = tree.Sweep(5000, 1000000, 100, &done);
  CHECK(!done);
  CHECK(tree.Sweep(5000, 1000000, 100, &done) == first);
  CHECK(tree.Sweep(5000, 1000000, 1000000, &done).size() == 3000);
  CHECK(done);
  CHECK(tree.art.MayHaveExpired(5000));
  CHECK(tree.SweepAll(5000) == 3000);
  CHECK(tree.art.bytes() == 0);
}

TEST_CASE("sweep: keys that are prefixes of each other, thousands deep") {
  Tree tree;
  for (size_t length = 0; length < 3000; ++length) {
    tree.Put(std::string(length, 'x'), length % 2 == 0 ? 1000 : 900000);
  }
  CHECK(tree.art.Measure().depth_max > 50);
  CHECK(tree.SweepAll(1000, 10) == 1500);
  tree.CheckSwept(1000);
  CHECK(tree.SweepAll(900000, 10) == 1500);
  CHECK(tree.art.bytes() == 0);
}

TEST_CASE("sweep: only keys with an expiry cost memory for it") {
  Tree with, without;
  for (uint64_t i = 0; i < 50000; ++i) {
    without.Put(Numbered("k", i * 7919 % 1000003), 0);
    with.Put(Numbered("k", i * 7919 % 1000003), 0);
  }
  const size_t plain = without.art.Measure().node_bytes;
  CHECK(with.art.Measure().node_bytes == plain);
  for (const auto& [key, expire] : Model(with.model)) with.Retime(key, 5000);
  CHECK(with.art.Measure().node_bytes > plain);
  CHECK(with.art.bytes() - without.art.bytes() < 50000 * 10);
  for (const auto& [key, expire] : Model(with.model)) with.Retime(key, 0);
  CHECK(with.SweepAll(5000) == 0);
  CHECK(with.art.Measure().node_bytes == plain);
  CHECK(with.art.bytes() < without.art.bytes() + without.art.bytes() / 16);
}

TEST_CASE("sweep: times to live are estimated from a few looks") {
  constexpr uint64_t kNow = 1'700'000'000'000;
  struct Estimate {
    double ttl_ms = 0, count = 0;
  };
  Tree tree;
  const auto sample = [&](int calls) {
    Estimate sum;
    for (int i = 0; i < calls; ++i) tree.art.SampleTtl(kNow, 1000 + i, &sum.ttl_ms, &sum.count);
    return sum;
  };
  CHECK(sample(1).count == 0);
  for (int i = 0; i < 20; ++i) tree.Put(Numbered("none:", i), 0);
  CHECK(sample(1).count == 0);
  tree.Put("gone", kNow);
  CHECK(sample(1).count == 0);
  tree.Put("a", kNow + 1000);
  tree.Put("b", kNow + 4000);
  CHECK(sample(1).count == 2);  // a bucket is looked at as a whole
  CHECK(sample(1).ttl_ms == 5000);
  // One prefix has many keys that live long, another few that do not; most have no expiry.
  for (int i = 0; i < 20000; ++i) tree.Put(Numbered("none:", i), 0);
  for (int i = 0; i < 9000; ++i) tree.Put(Numbered("session:", i), kNow + 1'000'000);
  for (int i = 0; i < 3000; ++i) tree.Put(Numbered("cache:", i), kNow + 200'000);
  const Estimate many = sample(500);
  CHECK(many.count / 500 > 10'000);
  CHECK(many.count / 500 < 14'000);
  CHECK(many.ttl_ms / many.count > 720'000);  // it is 800,000
  CHECK(many.ttl_ms / many.count < 880'000);
}

TEST_CASE("sweep: seconds, their fractions, and the far end of time") {
  Tree tree;
  tree.Put("a", 10000);
  tree.Put("b", 10001);
  tree.Put("c", 10999);
  tree.Put("d", INT64_MAX);
  CHECK(!tree.art.MayHaveExpired(9999));
  CHECK(tree.SweepAll(10000) == 1);  // a; the others with the next second
  CHECK(tree.SweepAll(10999) == 0);
  CHECK(tree.SweepAll(11000) == 2);
  CHECK(tree.SweepAll(uint64_t{UINT32_MAX} * 1000 + 5000) == 0);
  CHECK(tree.SweepAll(uint64_t{INT64_MAX} / 1000 * 1000 + 1000) == 1);
  CHECK(tree.art.expiring() == 0);
}
