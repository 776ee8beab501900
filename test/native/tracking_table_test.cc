// The table of CLIENT TRACKING: what is remembered, taken, evicted, and counted.
#include "pubsub/tracking_table.h"

#include <doctest/doctest.h>

#include <set>
#include <string>

using namespace cairn;

namespace {

constexpr ClientRef kOne{1, 11, 0};
constexpr ClientRef kTwo{2, 22, 1};

size_t Remember(TrackingTable* table, const std::string& key, const ClientRef& client,
                uint64_t keys_max = 0) {
  std::vector<TrackingTable::Evicted> evicted;
  table->Remember(key, client, keys_max, &evicted);
  return evicted.size();
}

}  // namespace

TEST_CASE("tracking: a key is taken with all who have read it, once") {
  TrackingTable table;
  Remember(&table, "a", kOne);
  Remember(&table, "a", kTwo);
  Remember(&table, "a", kOne);
  Remember(&table, "b", kOne);
  CHECK(table.keys() == 2);
  CHECK(table.items() == 3);
  std::vector<ClientRef> clients;
  table.Take("a", &clients);
  CHECK(clients == std::vector<ClientRef>{kOne, kTwo});
  table.Take("a", &clients);
  table.Take("c", &clients);
  CHECK(clients.size() == 2);
  CHECK(table.keys() == 1);
  CHECK(table.items() == 1);
  table.Clear();
  CHECK(table.keys() == 0);
  CHECK(table.items() == 0);
  Remember(&table, "b", kTwo);
  for (int i = 0; i < 3; ++i) table.FreeSome();
  table.Take("b", &clients);
  CHECK(clients.back() == kTwo);
}

TEST_CASE("tracking: a key that is remembered beyond the limit makes others go, not itself") {
  TrackingTable table;
  size_t evicted = 0;
  for (int i = 0; i < 5000; ++i) evicted += Remember(&table, "key:" + std::to_string(i), kOne, 100);
  CHECK(table.keys() + evicted == 5000);
  CHECK(table.keys() <= 100 + 64);  // a stripe with nothing else keeps its own
  std::vector<ClientRef> clients;
  table.Take("key:4999", &clients);
  CHECK(clients.size() == 1);
}

TEST_CASE("tracking: a lowered limit is reached in steps, exactly") {
  TrackingTable table;
  for (int i = 0; i < 5000; ++i) Remember(&table, "key:" + std::to_string(i), kOne);
  Remember(&table, "", kTwo);
  std::vector<TrackingTable::Evicted> evicted;
  std::set<std::string> gone;
  for (int steps = 0; table.keys() > 1; ++steps) {
    REQUIRE(steps < 5);
    table.EvictSome(1, &evicted);
    CHECK(evicted.size() <= TrackingTable::kSteppedMax);
    for (const auto& one : evicted) gone.insert(one.key);
    evicted.clear();
  }
  CHECK(gone.size() == 5000);
  CHECK(table.items() == 1);
  table.EvictSome(0, &evicted);
  CHECK(table.keys() == 0);
}

TEST_CASE("tracking: prefixes have clients, and go with the last of them") {
  TrackingTable table;
  const uint64_t version = table.prefix_version();
  CHECK(table.AddPrefix("user:", kOne));
  CHECK(table.AddPrefix("user:", kTwo));
  CHECK(table.AddPrefix("user:", kTwo));
  CHECK(table.prefix_version() != version);
  CHECK(table.prefixes() == 1);
  const auto list = table.Prefixes();
  REQUIRE(list->size() == 1);
  CHECK((*list)[0].clients.size() == 2);
  table.RemovePrefix("user:", kOne);
  CHECK((*list)[0].clients.size() == 2);  // whoever has a list keeps it
  CHECK(table.Prefixes()->at(0).clients == std::vector<ClientRef>{kTwo});
  table.RemovePrefix("user:", kTwo);
  table.RemovePrefix("nosuch", kTwo);
  CHECK(table.prefixes() == 0);
  size_t added = 0;
  while (table.AddPrefix(std::to_string(added), kOne)) ++added;
  CHECK(added == TrackingTable::kPrefixesMax);
}

TEST_CASE("tracking: what was lost is noted until somebody takes it") {
  TrackingTable table;
  CHECK_FALSE(table.TakeLost());
  table.NoteLost();
  CHECK(table.TakeLost());
  CHECK_FALSE(table.TakeLost());
}
