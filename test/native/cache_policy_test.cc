// What each policy of the value cache keeps and what it lets go.
#include <doctest/doctest.h>

#include <cstring>
#include <map>
#include <random>
#include <set>
#include <string>
#include <vector>

#include "cache/value_cache.h"

using cairn::CachePolicy;
using cairn::ValueCache;
using Options = cairn::ValueCache::Options;

namespace {

constexpr uint32_t kNone = ValueCache::kNoHandle;
constexpr uint32_t kRecordBytes = 150;

// One shard with room for a number of records of one size; keys are numbers. What is read and not
// there enters, and others leave.
struct Model {
  Model(uint32_t records, Options options) : cache(1 << 30, options, 1), records_max(records) {}

  bool Read(uint32_t key, uint32_t bytes = kRecordBytes) {
    auto found = handles.find(key);
    if (found != handles.end()) {
      cache.Get(0, found->second, kRecordBytes);
      return true;
    }
    std::string record(bytes, 'r');
    record.replace(0, sizeof(key), reinterpret_cast<const char*>(&key), sizeof(key));
    const uint32_t handle = cache.Insert(0, key * 2654435761u, record);
    REQUIRE(handle != kNone);
    handles[key] = handle;
    while (cache.records(0) > records_max) EvictOne();
    return false;
  }
  uint32_t EvictOne() {
    uint32_t key = 0;
    const bool evicted = cache.EvictOneForTest(0, [&](std::span<const ValueCache::Victim> victims) {
      REQUIRE(victims.size() == 1);
      std::memcpy(&key, victims[0].view.record.data(), sizeof(key));
      REQUIRE(handles.at(key) == victims[0].handle);
      REQUIRE(victims[0].view.checksum == key * 2654435761u);
    });
    REQUIRE(evicted);
    handles.erase(key);
    last_out = key;
    return key;
  }
  bool Has(uint32_t key) const { return handles.count(key) != 0; }
  uint32_t Count(uint32_t from, uint32_t to) const {
    return static_cast<uint32_t>(std::distance(handles.lower_bound(from), handles.lower_bound(to)));
  }

  ValueCache cache;
  std::map<uint32_t, uint32_t> handles;
  uint32_t records_max;
  uint32_t last_out = kNone;
};

}  // namespace

TEST_CASE("cache policy: LRU lets go what was used longest ago") {
  Model model(100, {CachePolicy::kLru, 0});
  for (uint32_t key = 0; key < 5; ++key) model.Read(key);
  model.Read(1);
  model.Read(0);
  model.Read(0);
  model.Read(3);
  for (uint32_t key : {2u, 4u, 1u, 0u, 3u}) CHECK(model.EvictOne() == key);
  CHECK(model.cache.ghost_bytes() == 0);
}

TEST_CASE("cache policy: LRU: an overwrite is a use") {
  Model model(100, {CachePolicy::kLru, 0});
  for (uint32_t key = 0; key < 3; ++key) model.Read(key);
  std::string record(kRecordBytes, 'r');
  record.replace(0, 4, std::string(4, '\0'));
  REQUIRE(model.cache.Replace(0, model.handles[0], kRecordBytes, 0, record) == model.handles[0]);
  for (uint32_t key : {1u, 2u, 0u}) CHECK(model.EvictOne() == key);
}

TEST_CASE("cache policy: S3-FIFO: one-hit wonders leave through the small queue") {
  Model model(100, {CachePolicy::kS3Fifo, 0});
  // The hot ones are used twice while they are in the small queue, and move to the main one.
  for (uint32_t key = 0; key < 80; ++key) {
    model.Read(key);
    model.Read(key);
    model.Read(key);
  }
  for (uint32_t key = 1000; key < 1020; ++key) model.Read(key);
  // All of these are used once or twice, and none of them costs a hot one its place.
  for (uint32_t key = 2000; key < 3000; ++key) {
    model.Read(key);
    if (key % 2 == 0) model.Read(key);
  }
  CHECK(model.Count(0, 80) == 80);
  // In the order in which they came.
  CHECK(model.Has(2999));
  CHECK(model.last_out < 2999);
  CHECK(model.Count(2999 - 20, 3000) == model.Count(1000, 3000));
}

TEST_CASE("cache policy: S3-FIFO: who comes back soon enters the main queue") {
  Model model(100, {CachePolicy::kS3Fifo, 0});
  for (uint32_t key = 0; key < 300; ++key) model.Read(key);
  uint32_t ghost = model.last_out;
  REQUIRE(!model.Has(ghost));
  CHECK(model.cache.ghost_bytes() > 0);
  model.Read(ghost);
  for (uint32_t key = 1000; key < 3000; ++key) model.Read(key);
  CHECK(model.Has(ghost));
  // What left long ago is forgotten: no place in the main queue.
  model.Read(1000);
  for (uint32_t key = 4000; key < 4200; ++key) model.Read(key);
  CHECK(!model.Has(1000));
}

TEST_CASE("cache policy: S3-FIFO: the main queue gives a second chance per use") {
  Model model(100, {CachePolicy::kS3Fifo, 0});
  for (uint32_t key = 0; key < 100; ++key) {
    for (int use = 0; use < 3; ++use) model.Read(key);
  }
  CHECK(model.EvictOne() == 0);  // all are in the main queue now
  for (int use = 0; use < 3; ++use) model.Read(1);
  for (uint32_t key = 2; key < 95; ++key) CHECK(model.EvictOne() == key);
  CHECK(model.Has(1));
}

TEST_CASE("cache policy: LIRS: a loop a little larger than the cache keeps a constant part") {
  constexpr uint32_t kRecords = 1000, kLoop = 1200;
  uint32_t hits[3] = {};
  const CachePolicy policies[] = {CachePolicy::kLirs, CachePolicy::kLru, CachePolicy::kS3Fifo};
  for (int i = 0; i < 3; ++i) {
    Model model(kRecords, {policies[i], 0});
    for (uint32_t round = 0; round < 10; ++round) {
      std::set<uint32_t> before;
      for (const auto& [key, handle] : model.handles) before.insert(key);
      for (uint32_t key = 0; key < kLoop; ++key) hits[i] += model.Read(key) ? 1 : 0;
      if (i != 0 || round < 2) continue;
      // The very same records, round after round.
      uint32_t same = 0;
      for (const auto& [key, handle] : model.handles) same += before.count(key);
      CHECK(same >= kRecords * 85 / 100);
    }
  }
  CHECK(hits[0] >= 9 * kRecords * 85 / 100);
  CHECK(hits[1] == 0);
}

// The paper's example: what was used twice within a short distance takes the place of the LIR
// record with the longest one, although that was used as often.
TEST_CASE("cache policy: LIRS: a short distance between uses beats a long one") {
  Model model(100, {CachePolicy::kLirs, 0});
  for (uint32_t key = 0; key < 100; ++key) model.Read(key);
  for (uint32_t key = 0; key < 100; ++key)
    model.Read(key);  // LIR: all but a few, 0 used longest ago
  for (uint32_t key = 1000; key < 1100; ++key) model.Read(key);
  const uint32_t lir = model.Count(0, 100);
  CHECK(lir >= 85);
  CHECK(model.Has(0));
  CHECK(!model.Has(1050));
  // In the stack still, as no LIR record was used since: both come back as LIR records, and the
  // last LIR records become HIR ones and leave.
  for (uint32_t key = 1050; key < 1060; ++key) model.Read(key);
  for (uint32_t key = 2000; key < 2040; ++key) model.Read(key);
  CHECK(model.Count(1050, 1060) == 10);
  CHECK(!model.Has(0));
  // Used before all LIR records were: not in the stack any more, so no better than new ones.
  for (uint32_t round = 0; round < 3; ++round) {
    for (const auto& [key, handle] : model.handles) model.cache.Get(0, handle, kRecordBytes);
  }
  model.Read(2000);
  for (uint32_t key = 3000; key < 3040; ++key) model.Read(key);
  CHECK(!model.Has(2000));
  CHECK(model.Count(1050, 1060) == 10);
}

TEST_CASE("cache policy: small values that proved hot outlive a cold scan") {
  for (CachePolicy policy : {CachePolicy::kS3Fifo, CachePolicy::kLirs, CachePolicy::kLru}) {
    CAPTURE(static_cast<int>(policy));
    Model model(400, {policy, 200});
    for (uint32_t key = 0; key < 200; ++key) model.Read(key);
    for (uint32_t key = 0; key < 200; ++key) model.Read(key);
    for (uint32_t key = 0; key < 200; ++key) model.Read(key);
    for (uint32_t key = 1000; key < 5000; ++key) model.Read(key, 300);
    CHECK(model.Count(0, 200) >= 195);
  }
}

// Everything was used equally often, and large values hold half of the places: they go first.
TEST_CASE("cache policy: of what is equally hot the larger leaves first") {
  for (CachePolicy policy : {CachePolicy::kS3Fifo, CachePolicy::kLirs, CachePolicy::kLru}) {
    CAPTURE(static_cast<int>(policy));
    for (uint32_t small_bytes : {0u, 200u}) {
      Model model(1000, {policy, small_bytes});
      for (uint32_t round = 0; round < 4; ++round) {
        for (uint32_t key = 0; key < 200; ++key) model.Read(key, key % 2 == 0 ? 100 : 110);
        for (uint32_t key = 200; key < 400; ++key) model.Read(key, 300);
      }
      for (int i = 0; i < 150; ++i) model.EvictOne();
      const uint32_t small = model.Count(0, 200), large = model.Count(200, 400);
      if (small_bytes != 0) {
        CHECK(small == 200);
        CHECK(large == 50);
      } else {
        CHECK(small < 200);
      }
    }
  }
}

TEST_CASE("cache policy: the ghost history is bounded by the records") {
  for (CachePolicy policy : {CachePolicy::kS3Fifo, CachePolicy::kLirs}) {
    CAPTURE(static_cast<int>(policy));
    Model model(2000, {policy, 0});
    for (uint32_t key = 0; key < 100000; ++key) model.Read(key);
    const size_t bytes = model.cache.ghost_bytes();
    CHECK(bytes > 0);
    CHECK(bytes <= 2000 * 8);
    const size_t all = model.cache.bytes();
    model.cache.Clear(0);
    CHECK(all > bytes);
    CHECK(model.cache.ghost_bytes() == 0);
    CHECK(model.cache.bytes() == 0);
  }
}
