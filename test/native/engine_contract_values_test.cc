// The engine contract (engine/engine.h), on every engine: values on their way, from a look at a key
// to its fetch, in caches, prepared ahead.
#include <memory>
#include <string>
#include <vector>

#include "engine_host.h"

using namespace cairn;
using namespace cairn::testing;

namespace {

constexpr uint64_t kFarMs = 4102444800000;  // in 2100

}  // namespace

CONTRACT_TEST("the same version has the same token, another one another") {
  EngineHost host(&medium, [](EngineOptions* options) { options->cache_bytes = 0; });
  host.Set(0, "k", "1");
  host.Settle();
  const VersionToken first = host.Meta(0, "k").version;
  CHECK(host.Meta(0, "k").version == first);
  host.Set(0, "k", "1");
  host.Settle();
  CHECK_FALSE(host.Meta(0, "k").version == first);
}

CONTRACT_TEST("look-ahead changes nothing") {
  EngineHost host(&medium);
  std::vector<std::string> keys;
  for (int i = 0; i < 64; ++i) keys.push_back("k" + std::to_string(i));
  for (int i = 0; i < 64; i += 2) host.Set(0, keys[static_cast<size_t>(i)], "v");
  std::vector<KeyHint> hints;
  for (const std::string& key : keys) hints.push_back({key, ShardOf(key)});
  for (uint16_t ns = 0; ns < 2; ++ns) {
    host.engine->Prefetch(ns, hints);
    host.engine->Prefetch(ns, std::span(hints).first(1));
    host.engine->Prefetch(ns, {});
  }
  CHECK(host.engine->KeyCount(0) == 32);
  CHECK(host.Get(0, "k0") == "v");
  CHECK_FALSE(host.Meta(0, "k1").found);
}

CONTRACT_TEST("a cache that is turned off and on again shows nothing old") {
  EngineHost host(&medium);
  for (const char* value : {"one", "two", "three"}) {
    host.Set(0, "changed", value);
    host.Set(0, "removed", value);
    host.Settle();
    CHECK(host.See(0, "changed")->value == value);  // cached now, if at all
    CHECK(host.See(0, "removed")->value == value);
    REQUIRE(host.engine->SetOption("cache-size", "0").ok());
    host.Set(0, "changed", "new");
    host.Staged({host.Del(0, "removed")});
    host.Settle();
    CHECK(host.See(0, "changed")->value == "new");
    CHECK_FALSE(host.See(0, "removed").has_value());
    REQUIRE(host.engine->SetOption("cache-size", "64kb").ok());
    CHECK(host.See(0, "changed")->value == "new");
    CHECK_FALSE(host.See(0, "removed").has_value());
  }
}

CONTRACT_TEST("what was prepared for other writes is left unused") {
  EngineHost host(&medium);
  const std::string one(3 * kPreparedValueBytes, '1'), two(3 * kPreparedValueBytes, '2');
  const auto apply = [&](const std::vector<WriteOp>& prepared, const std::vector<WriteOp>& ops) {
    std::unique_ptr<PreparedUnit> unit = host.engine->Prepare(0, prepared);
    while (unit != nullptr && !unit->Step(kPreparedValueBytes)) {
    }
    const LatchGuard guard(host.engine->ShardLatch(ops[0].shard));
    std::vector<Ticket> tickets(host.engine->streams());
    uint32_t count = 0;
    REQUIRE(host.engine->Apply(0, ops, tickets.data(), &count, unit.get()).ok());
  };
  const auto steady = [&](const std::string& value, uint64_t expire, uint64_t expire_before) {
    WriteOp op = host.Put(0, "k", value, expire);
    op.steady = true;
    op.before = WriteOp::Before::kFound;
    op.before_expire_at_ms = expire_before;
    return op;
  };
  host.Set(0, "k", "small");
  const WriteOp first = steady(one, 0, 0);
  const WriteOp other = steady(two, 0, 0);
  apply({first}, {other});
  CHECK(host.See(0, "k") == Seen{two, 0});
  const WriteOp expiring = steady(one, kFarMs, 0);
  apply({first}, {expiring});
  CHECK(host.See(0, "k") == Seen{one, kFarMs});
  apply({expiring}, {steady(one, 0, kFarMs)});
  CHECK(host.See(0, "k") == Seen{one, 0});
}

CONTRACT_TEST("what has to be fetched has another token once it is another") {
  EngineHost host(&medium, [](EngineOptions* options) { options->cache_bytes = 0; });
  const uint16_t shard = ShardOf("k");
  const std::string one(kLargeValueBytes, '1'), two(kLargeValueBytes, '2');
  std::vector<VersionToken> seen;
  const auto look = [&](const std::vector<WriteOp>& ops) {
    REQUIRE(host.UntilDurable(host.Staged(ops)));
    for (int i = 0; i < 10; ++i) host.Pass(10);  // no save: what holds it is memory, if anything
    Entry entry;
    const LatchGuard guard(host.engine->ShardLatch(shard));
    host.engine->Find(0, shard, "k", false, &entry);
    if (!entry.unknown && !entry.found) return;
    if (!entry.unknown && entry.resident) return;
    for (const VersionToken& other : seen) CHECK_FALSE(entry.version == other);
    seen.push_back(entry.version);
  };
  look({host.Put(0, "k", one)});
  look({host.Put(0, "k", two)});
  look({host.Put(0, "k", "small")});
  look({host.Put(0, "k", one)});
  look({host.Del(0, "k")});
  look({host.Put(0, "k", two, kFarMs)});
  CHECK(host.See(0, "k") == Seen{two, kFarMs});
  CHECK(host.Sweep(0, shard, kFarMs - 1, 10) == 0);
  CHECK(host.Sweep(0, shard, kFarMs, 10) == 1);
  CHECK_FALSE(host.See(0, "k").has_value());
}

// An engine stores more than the value, and may draw its lines by either length.
CONTRACT_TEST("every length around a large one comes back, wherever the value is") {
  EngineHost host(&medium);
  constexpr size_t kAround = 64;  // more than any head
  constexpr size_t kFirst = kLargeValueBytes - kAround, kLast = kLargeValueBytes + kAround;
  const auto key_of = [](size_t bytes) { return "k" + std::to_string(bytes); };
  const auto expected = [](size_t bytes) {
    return Seen{std::string(bytes, static_cast<char>('a' + bytes % 26)), bytes % 2 * kFarMs};
  };
  const auto comes_back = [&](size_t bytes) {
    CAPTURE(bytes);
    const std::optional<Seen> seen = host.See(0, key_of(bytes));
    CHECK((seen == expected(bytes)));
  };
  const auto all_come_back = [&] {
    for (size_t bytes = kFirst; bytes <= kLast; ++bytes) comes_back(bytes);
  };
  for (size_t bytes = kFirst; bytes <= kLast; ++bytes) {
    const Seen value = expected(bytes);
    const std::vector<Ticket> tickets =
        host.Staged({host.Put(0, key_of(bytes), value.value, value.expire_at_ms)});
    comes_back(bytes);
    REQUIRE(host.UntilDurable(tickets));
    for (int i = 0; i < 3; ++i) host.Pass(10);  // what holds it now is memory, as a rule
    comes_back(bytes);
    comes_back(bytes);  // from a cache, if it has entered one
  }
  host.Settle();
  all_come_back();
  host.Reopen();
  all_come_back();
}
