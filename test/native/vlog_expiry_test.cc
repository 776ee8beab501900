// Removing expired keys through the engine: sweeps by namespace, and deletes that nobody waits for.
#include "io/sim_disk.h"
#include "vlog_testing.h"

using namespace cairn;
using namespace cairn::testing;

namespace {

VlogOptions OneLane() {
  VlogOptions options = Driver::Options("/data");
  options.lanes = 1;
  return options;
}

struct Collect : Engine::KeyVisitor {
  std::vector<std::string> keys;
  bool OnKey(std::string_view key, uint64_t, ValueType) override {
    keys.emplace_back(key);
    return true;
  }
};

std::vector<std::string> Expired(Driver* driver, uint16_t ns, uint64_t now_ms) {
  Collect collect;
  for (uint32_t shard = 0; shard < kShardCount; ++shard) {
    size_t visits = SIZE_MAX;
    LatchGuard guard(driver->engine->ShardLatch(shard));
    CHECK(
        driver->engine->SweepExpired(ns, static_cast<uint16_t>(shard), now_ms, &visits, &collect));
  }
  return collect.keys;
}

}  // namespace

TEST_CASE(
    "vlog expiry: a delete that nobody waits for starts no commit and is durable all the same") {
  SimDisk disk{SimOptions()};
  Driver driver(&disk, OneLane());
  REQUIRE(driver.Start().ok());
  REQUIRE(driver.Write({driver.Put(0, "a", "1"), driver.Put(0, "b", "2")}).ok());
  driver.Drain();
  const uint64_t commits = StatsOf(driver).lanes[0].commits;
  const auto end_turn = [&] {
    for (int i = 0; i < 10; ++i) {
      driver.engine->TurnEnd(0);
      driver.Poll(1);
    }
  };
  std::vector<Ticket> tickets;
  WriteOp remove = driver.Del(0, "a");
  remove.awaited = false;
  REQUIRE(driver.TryApply({remove}, &tickets).ok());
  CHECK(!driver.Meta(0, "a").found);
  end_turn();
  CHECK(StatsOf(driver).lanes[0].commits == commits);
  CHECK(!driver.Durable(tickets));
  // Someone who is told that the key is missing waits for it.
  CHECK(driver.Meta(0, "a").ticket.position == tickets[0].position);
  SUBCASE("the next tick takes it along") {}
  SUBCASE("the next write takes it along") {
    std::vector<Ticket> later;
    REQUIRE(driver.TryApply({driver.Put(0, "c", "3")}, &later).ok());
    end_turn();
    CHECK(driver.Durable(later));
    CHECK(driver.Durable(tickets));
    CHECK(StatsOf(driver).lanes[0].commits == commits + 1);
  }
  for (int i = 0; i < 10 && !driver.Durable(tickets); ++i) driver.Turn(10, 1);
  CHECK(driver.Durable(tickets));
  driver.Abandon();
  Driver after(&disk, OneLane());
  REQUIRE(after.Start().ok());
  CHECK(!after.Get(0, "a").has_value());
  CHECK(*after.Get(0, "b") == "2");
}

TEST_CASE("vlog expiry: sweeps follow namespaces that were swapped, flushed or rewritten") {
  SimDisk disk{SimOptions()};
  Driver driver(&disk, OneLane());
  REQUIRE(driver.Start().ok());
  REQUIRE(driver.Write({driver.Put(0, "early", "v", 5000)}).ok());
  REQUIRE(driver.Write({driver.Put(0, "late", "v", 900000)}).ok());
  REQUIRE(driver.Write({driver.Put(0, "put off", "v", 5000)}).ok());
  REQUIRE(driver.Write({driver.Expire(0, "put off", 800000)}).ok());
  REQUIRE(driver.Write({driver.Put(0, "kept", "v", 5000)}).ok());
  REQUIRE(driver.Write({driver.Put(0, "kept", "w")}).ok());
  REQUIRE(driver.Write({driver.Put(1, "one", "v", 4000)}).ok());
  REQUIRE(driver.Write({driver.Put(2, "gone", "v", 4000)}).ok());
  REQUIRE(driver.Write({driver.Swap(0, 1)}).ok());
  REQUIRE(driver.Write({driver.Flush(2)}).ok());
  CHECK(Expired(&driver, 0, 3999).empty());
  CHECK(Expired(&driver, 0, 4000) == std::vector<std::string>{"one"});
  CHECK(Expired(&driver, 1, 4999).empty());
  CHECK(Expired(&driver, 1, 5000) == std::vector<std::string>{"early"});
  CHECK(Expired(&driver, 2, 1000000).empty());
  CHECK(Expired(&driver, 1, 1000000).size() == 3);
  REQUIRE(driver.Write({driver.Del(1, "early")}).ok());
  CHECK(Expired(&driver, 1, 700000).empty());
  CHECK(driver.engine->ExpiringCount(1) == 2);
}
