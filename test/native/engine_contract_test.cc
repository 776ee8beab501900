// The engine contract (engine/engine.h), on every engine: keys and values, units, namespaces,
// expiry, scans. What is kept of a value between a look and its fetch is in
// engine_contract_values_test.cc, what survives in engine_contract_durability_test.cc and, with
// random operations, in engine_contract_random_test.cc.
#include <sys/mman.h>

#include <random>

#include "base/clock.h"
#include "engine_host.h"

using namespace cairn;
using namespace cairn::testing;

namespace {

constexpr uint64_t kFarMs = 4102444800000;  // in 2100

// Keys of one shard; sorted.
std::vector<std::string> Tagged(int count) {
  std::vector<std::string> keys;
  for (int i = 0; i < count; ++i) {
    std::string number = std::to_string(i);
    keys.push_back("{tag}" + std::string(6 - number.size(), '0') + number);
  }
  return keys;
}

std::vector<std::string> Names(const std::vector<Listed>& listed) {
  std::vector<std::string> names;
  for (const Listed& one : listed) names.push_back(one.key);
  return names;
}

// Bytes that exist and take no memory.
class Zeros {
 public:
  explicit Zeros(size_t bytes)
      : bytes_(bytes),
        data_(mmap(nullptr, bytes, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0)) {
    REQUIRE(data_ != MAP_FAILED);
  }
  ~Zeros() { munmap(data_, bytes_); }
  std::string_view view() const { return {static_cast<const char*>(data_), bytes_}; }

 private:
  size_t bytes_;
  void* data_;
};

}  // namespace

CONTRACT_TEST("an empty engine has nothing, and says so") {
  EngineHost host(&medium);
  CHECK(host.found().keys == 0);
  CHECK(host.engine->streams() == (medium.single_stream() ? 1 : 2));
  for (uint16_t ns = 0; ns < EngineHost::kDatabases; ++ns) {
    CHECK(host.engine->KeyCount(ns) == 0);
    CHECK(host.engine->ExpiringCount(ns) == 0);
    CHECK(host.engine->MeanTtlMillis(ns, 1) == 0);
    CHECK(host.ListAll(ns).empty());
    CHECK_FALSE(host.Meta(ns, "k").found);
    CHECK(host.Meta(ns, "k").ticket.position == 0);
  }
  CHECK_FALSE(host.Random(0, 12345).has_value());
  LatchGuard guard(host.engine->ShardLatch(0));
  CHECK(host.engine->EntryMemoryBytes(0, 0, "k") == 0);
  size_t visits = 10;
  CHECK(host.engine->SweepExpired(0, 0, kFarMs, &visits, nullptr));
  CHECK(visits == 10);
}

CONTRACT_TEST("keys and values of every kind, from memory, from disk, after a restart") {
  std::map<std::string, std::string> cells;
  std::string all_bytes;
  for (int i = 0; i < 256; ++i) all_bytes += static_cast<char>(i);
  for (const std::string& key :
       {std::string(), std::string("a"), std::string("ab"), std::string("abc"),
        std::string(1, '\0'), std::string(2, '\0'), std::string("a\0", 2),
        std::string("\xff\xff\xfe"), all_bytes, std::string(300, 'k'), std::string(70000, 'l'),
        std::string("{}"), std::string("{x}y")}) {
    cells[key] = "value of " + key.substr(0, 40);
  }
  for (const size_t bytes :
       {0u, 1u, 2u, 255u, 256u, 511u, 512u, 4095u, 4096u, 65535u, 65536u, 300000u})
    cells["of " + std::to_string(bytes)] = std::string(bytes, static_cast<char>('a' + bytes % 26));
  cells["bytes"] = all_bytes;

  for (const uint64_t cache : {uint64_t{0}, uint64_t{4} << 20}) {
    CAPTURE(cache);
    EngineHost host(&medium, [&](EngineOptions* options) { options->cache_bytes = cache; });
    host.Staged({host.Flush(kAllNamespaces)});
    for (const auto& [key, value] : cells) host.Set(1, key, value);
    const auto check = [&] {
      for (const auto& [key, value] : cells) {
        const Entry entry = host.Meta(1, key);
        REQUIRE(entry.found);
        CHECK(entry.value_bytes == value.size());
        CHECK(entry.expire_at_ms == 0);
        CHECK(host.Get(1, key) == value);
        CHECK_FALSE(host.Meta(0, key).found);
        LatchGuard guard(host.engine->ShardLatch(ShardOf(key)));
        CHECK(host.engine->EntryMemoryBytes(1, ShardOf(key), key) > 0);
      }
      CHECK(host.engine->KeyCount(1) == cells.size());
      CHECK(host.ListAll(1).size() == cells.size());
    };
    check();
    host.Settle();
    check();
    if (cache == 0) CHECK_FALSE(host.Meta(1, "bytes").resident);
    check();
    host.Reopen();
    CHECK(host.found().keys == cells.size());
    check();
  }
}

CONTRACT_TEST("what is too large is refused, and changes nothing") {
  EngineHost host(&medium);
  host.Set(0, "k", "before");
  const Zeros too_long(kValueBytesMax + 1);
  static_assert(kKeyBytesMax == kValueBytesMax);
  std::vector<Ticket> tickets;
  CHECK(host.TryApply({host.Put(0, "k", too_long.view())}, &tickets).code() == Code::kTooLarge);
  CHECK(tickets.empty());
  WriteOp key = host.Put(0, "", "v");
  key.key = too_long.view();
  CHECK(host.TryApply({key}, &tickets).code() == Code::kTooLarge);
  // The good ones beside it, too.
  CHECK(host.TryApply({host.Put(0, "other", "v"), host.Del(0, "k"), host.Flush(0),
                       host.Put(0, "k", too_long.view())},
                      &tickets)
            .code() == Code::kTooLarge);
  CHECK(host.Get(0, "k") == "before");
  CHECK(host.engine->KeyCount(0) == 1);
  host.Set(0, "k", "after");
  host.Reopen();
  CHECK(host.Get(0, "k") == "after");
  CHECK(host.engine->KeyCount(0) == 1);
}

// Engines under test stage at most 1 MiB.
CONTRACT_TEST("a unit larger than all that may be staged at once") {
  EngineHost host(&medium);
  const std::string large(3u << 20, 'l');
  host.Set(0, "large", large);
  host.Set(0, "after", "small");
  CHECK(host.Get(0, "large") == large);
  host.Settle();
  CHECK(host.Get(0, "large") == large);
  host.Reopen();
  CHECK(host.Get(0, "large") == large);
  CHECK(host.Get(0, "after") == "small");
}

CONTRACT_TEST("a full ring is busy, and has room again by itself") {
  EngineHost host(&medium);
  const std::string value(100000, 'v');
  std::vector<Ticket> tickets;
  Status status;
  int written = 0;
  while (status.ok() && written < 1000) {
    const std::string key = "k" + std::to_string(written);
    WriteOp op = host.Put(0, key, value);
    op.before = WriteOp::Before::kMissing;
    status = host.TryApply({op}, &tickets);
    if (status.ok()) ++written;
  }
  REQUIRE(status.code() == Code::kBusy);
  REQUIRE(written > 0);
  const std::string refused = "k" + std::to_string(written);
  CHECK_FALSE(host.Meta(0, refused).found);
  CHECK(host.engine->KeyCount(0) == static_cast<uint64_t>(written));
  REQUIRE(host.Until([&] { return host.TryApply({host.Put(0, refused, value)}, &tickets).ok(); }));
  CHECK(host.UntilDurable(tickets));
  CHECK(host.durable_calls.load() > 0);
}

CONTRACT_TEST("the operations of a unit take effect in their order") {
  EngineHost host(&medium);
  host.Set(0, "old", "1", kFarMs);
  host.Staged({host.Put(0, "a", "1"), host.Put(0, "a", "2"), host.Del(0, "a"),
               host.Put(0, "b", "1"), host.Put(0, "a", "3"), host.Expire(0, "a", kFarMs),
               host.Del(0, "b"), host.Expire(0, "old", 0), host.Put(1, "a", "other")});
  const auto check = [&] {
    CHECK(host.See(0, "a") == Seen{"3", kFarMs});
    CHECK_FALSE(host.See(0, "b").has_value());
    CHECK(host.See(0, "old") == Seen{"1", 0});
    CHECK(host.See(1, "a") == Seen{"other", 0});
    CHECK(host.engine->KeyCount(0) == 2);
    CHECK(host.engine->ExpiringCount(0) == 1);
    CHECK(host.engine->KeyCount(1) == 1);
  };
  check();
  host.Reopen();
  check();
  // An empty unit is none.
  std::vector<Ticket> tickets;
  CHECK(host.TryApply({}, &tickets).ok());
  CHECK(tickets.empty());
}

CONTRACT_TEST("a unit of many keys, with flushes and swaps in it") {
  EngineHost host(&medium);
  std::vector<std::string> keys;
  for (int i = 0; i < 500; ++i) keys.push_back("many:" + std::to_string(i));
  std::vector<WriteOp> ops = {host.Put(0, "gone", "1"), host.Put(1, "kept", "1"), host.Flush(0)};
  for (const std::string& key : keys) ops.push_back(host.Put(0, key, key));
  ops.push_back(host.Swap(0, 2));
  ops.push_back(host.Put(0, "after", "swap"));
  host.Staged(ops);
  const auto check = [&] {
    CHECK(Names(host.ListAll(0)) == std::vector<std::string>{"after"});
    CHECK(host.engine->KeyCount(2) == keys.size());
    for (const std::string& key : keys) CHECK(host.Get(2, key) == key);
    CHECK(host.See(1, "kept") == Seen{"1", 0});
  };
  check();
  host.Reopen();
  check();
}

CONTRACT_TEST("flush of one namespace and of all, swap, there and back") {
  EngineHost host(&medium);
  const auto fill = [&] {
    for (uint16_t ns = 0; ns < EngineHost::kDatabases; ++ns) {
      for (int i = 0; i < 40; ++i)
        host.Set(ns, "k" + std::to_string(i), "in " + std::to_string(ns), i % 4 == 0 ? kFarMs : 0);
    }
  };
  const auto counts = [&](std::vector<uint64_t> expected) {
    for (uint16_t ns = 0; ns < EngineHost::kDatabases; ++ns) {
      CAPTURE(ns);
      CHECK(host.engine->KeyCount(ns) == expected[ns]);
      CHECK(host.engine->ExpiringCount(ns) == (expected[ns] + 3) / 4);
      CHECK(host.ListAll(ns).size() == expected[ns]);
    }
  };
  fill();
  counts({40, 40, 40, 40});
  host.Staged({host.Flush(1)});
  counts({40, 0, 40, 40});
  host.Staged({host.Swap(0, 1)});
  counts({0, 40, 40, 40});
  CHECK(host.Get(1, "k1") == "in 0");
  host.Staged({host.Swap(1, 2)});
  CHECK(host.Get(1, "k1") == "in 2");
  CHECK(host.Get(2, "k1") == "in 0");
  host.Reopen();
  counts({0, 40, 40, 40});
  CHECK(host.Get(1, "k1") == "in 2");
  host.Staged({host.Swap(2, 1)});
  host.Staged({host.Swap(1, 0)});
  CHECK(host.Get(0, "k1") == "in 0");
  CHECK(host.Get(2, "k1") == "in 2");
  host.Staged({host.Del(0, "k1")});
  counts({39, 0, 40, 40});
  host.Staged({host.Flush(kAllNamespaces)});
  counts({0, 0, 0, 0});
  fill();
  counts({40, 40, 40, 40});
  host.Reopen();
  counts({40, 40, 40, 40});
}

CONTRACT_TEST("expiry is set, changed, removed; the value stays") {
  EngineHost host(&medium, [](EngineOptions* options) { options->cache_bytes = 0; });
  const auto check = [&](uint64_t expected, uint64_t expiring) {
    for (int round = 0; round < 3; ++round) {
      CHECK(host.See(0, "k") == Seen{"value", expected});
      CHECK(host.engine->ExpiringCount(0) == expiring);
      round == 0 ? host.Settle() : host.Reopen();
    }
  };
  host.Set(0, "k", "value");
  check(0, 0);
  host.Staged({host.Expire(0, "k", kFarMs)});
  check(kFarMs, 1);
  host.Staged({host.Expire(0, "k", kFarMs + 12345)});
  check(kFarMs + 12345, 1);
  host.Staged({host.Expire(0, "k", 0)});
  check(0, 0);
  host.Set(0, "k", "value", kFarMs);
  check(kFarMs, 1);
  host.Set(0, "k", "value", kFarMs + 1);
  check(kFarMs + 1, 1);
  host.Set(0, "k", "value");
  check(0, 0);
  host.Set(0, "k", "value", kFarMs);
  host.Staged({host.Del(0, "k")});
  CHECK(host.engine->ExpiringCount(0) == 0);
  host.Reopen();
  CHECK_FALSE(host.Meta(0, "k").found);
}

// The engine reports expired entries as they are; callers judge.
CONTRACT_TEST("an expired entry is shown as it is") {
  EngineHost host(&medium);
  host.Set(0, "k", "value", 1000);
  CHECK(host.See(0, "k") == Seen{"value", 1000});
  CHECK(host.engine->KeyCount(0) == 1);
  CHECK(host.ListAll(0) == std::vector<Listed>{{"k", 1000}});
}

CONTRACT_TEST("mean time to live") {
  EngineHost host(&medium);
  const uint64_t now = WallMillis();
  for (int i = 0; i < 200; ++i) host.Set(0, "e" + std::to_string(i), "v", now + 100000);
  for (int i = 0; i < 200; ++i) host.Set(0, "p" + std::to_string(i), "v");
  const uint64_t mean = host.engine->MeanTtlMillis(0, now);
  CHECK(mean > 90000);
  CHECK(mean < 110000);
  CHECK(host.engine->MeanTtlMillis(0, now + 200000) == 0);
  CHECK(host.engine->MeanTtlMillis(1, now) == 0);
}

CONTRACT_TEST("scans: order, where they begin, where they stop") {
  EngineHost host(&medium);
  const uint16_t shard = ShardOf("{tag}");
  std::vector<std::string> keys = Tagged(300);
  for (const char* end : {"", "\x01", "a", "ab", "b", "\x7f", "\x80", "\xff", "\xff\xff"})
    keys.push_back(std::string("{tag}") + end);
  keys.push_back(std::string("{tag}\0", 6));
  keys.push_back(std::string("{tag}a\0", 7));
  keys.push_back("{tag}" + std::string(400, 'a'));
  std::vector<std::string> mixed = keys;
  std::sort(keys.begin(), keys.end());  // as unsigned bytes
  for (size_t i = 0; i < mixed.size(); ++i) std::swap(mixed[i], mixed[i * 7919 % mixed.size()]);
  for (const std::string& key : mixed) host.Set(0, key, "v", key.size() % 2 == 0 ? kFarMs : 0);
  host.Set(0, "another shard", "v");
  host.Set(1, "{tag}another namespace", "v");
  for (int round = 0; round < 2; ++round) {
    CHECK(Names(host.List(0, shard)) == keys);
    for (const Listed& one : host.List(0, shard))
      CHECK(one.expire_at_ms == (one.key.size() % 2 == 0 ? kFarMs : 0));
    for (size_t i = 0; i < keys.size(); i += 17) {
      // From a key on, the key included; from where there is none; a few at a time.
      const std::vector<std::string> rest(keys.begin() + static_cast<ptrdiff_t>(i), keys.end());
      CHECK(Names(host.List(0, shard, keys[i])) == rest);
      const std::vector<Listed> some = host.List(0, shard, keys[i], 5);
      CHECK(Names(some) ==
            std::vector<std::string>(
                rest.begin(),
                rest.begin() + std::min<ptrdiff_t>(5, static_cast<ptrdiff_t>(rest.size()))));
    }
    for (size_t page : {1u, 7u, 100u}) {
      std::vector<std::string> seen;
      std::string from;
      for (size_t pages = 0; pages <= keys.size() + 1; ++pages) {
        const std::vector<Listed> some = host.List(0, shard, from, page);
        if (some.empty()) break;
        for (const Listed& one : some) seen.push_back(one.key);
        from = some.back().key + '\0';
      }
      CHECK(seen == keys);
    }
    CHECK(host.List(0, shard, "{tag}\xff\xff\xff").empty());
    host.Reopen();
  }
}

CONTRACT_TEST("a scan goes on where it was, whatever came and went meanwhile") {
  EngineHost host(&medium);
  const uint16_t shard = ShardOf("{tag}");
  const std::vector<std::string> keys = Tagged(200);
  for (const std::string& key : keys) host.Set(0, key, "v");
  std::vector<std::string> seen;
  std::string from;
  for (int page = 0;; ++page) {
    REQUIRE(page < 1000);
    const std::vector<Listed> some = host.List(0, shard, from, 10);
    if (some.empty()) break;
    for (const Listed& one : some) seen.push_back(one.key);
    from = some.back().key + '\0';
    // Behind it and at its place things go, before it new ones come.
    host.Staged({host.Del(0, seen.front()), host.Put(0, "{tag}!" + std::to_string(page), "v")});
    if (host.Meta(0, some.back().key).found) host.Staged({host.Del(0, some.back().key)});
    if (page % 3 == 0 && host.Meta(0, seen.front()).found) host.Staged({host.Del(0, seen.front())});
    seen.erase(seen.begin());
    if (!seen.empty() && !host.Meta(0, seen.front()).found) host.Set(0, seen.front(), "v");
  }
  // All that were there all the time ahead of the scan were seen: none twice.
  CHECK(std::is_sorted(seen.begin(), seen.end()));
  CHECK(std::adjacent_find(seen.begin(), seen.end()) == seen.end());
  CHECK(seen.back() == keys.back());
}

CONTRACT_TEST("random keys: of the namespace, and each of them now and then") {
  EngineHost host(&medium);
  std::vector<std::string> keys = Tagged(5);
  for (int i = 0; i < 5; ++i) keys.push_back("alone" + std::to_string(i));
  for (const std::string& key : keys) host.Set(0, key, "v");
  host.Set(1, "{tag}other", "v");
  host.Settle();
  std::map<std::string, int> drawn;
  constexpr int kDraws = 4000;
  std::mt19937_64 random(7);
  for (int i = 0; i < kDraws; ++i) {
    const std::optional<std::string> key = host.Random(0, random());
    REQUIRE(key.has_value());
    ++drawn[*key];
  }
  CHECK(drawn.size() == keys.size());
  for (const std::string& key : keys) CHECK(drawn[key] > kDraws / 100);
  CHECK_FALSE(host.Random(2, random()).has_value());
}

CONTRACT_TEST("a sweep reports what has expired, in steps, and nothing else") {
  EngineHost host(&medium);
  const uint16_t shard = ShardOf("{tag}");
  const uint64_t now = kFarMs;
  std::set<std::string> expired;
  const std::vector<std::string> keys = Tagged(120);
  for (size_t i = 0; i < keys.size(); ++i) {
    const uint64_t expire = i % 3 == 0 ? now - 1000 - i : i % 3 == 1 ? now + 5000 + i : 0;
    host.Set(0, keys[i], "v", expire);
    if (i % 3 == 0) expired.insert(keys[i]);
  }
  host.Set(0, "{tag}was", "v", now - 5000);
  host.Staged({host.Expire(0, "{tag}was", 0)});
  host.Set(0, "{tag}will", "v");
  host.Staged({host.Expire(0, "{tag}will", now - 5000)});
  expired.insert("{tag}will");
  host.Set(1, "{tag}other", "v", now - 5000);
  CHECK(host.Sweep(0, shard, now - 100000, 10) == 0);
  std::vector<std::string> swept;
  CHECK(host.Sweep(0, shard, now, 7, &swept) == expired.size());
  CHECK(std::set<std::string>(swept.begin(), swept.end()) == expired);
  CHECK(host.Sweep(0, shard, now, 7) == 0);
  CHECK(host.engine->KeyCount(0) == keys.size() + 2 - expired.size());
  CHECK(host.engine->KeyCount(1) == 1);
  CHECK(host.Sweep(1, shard, now, 1) == 1);
  CHECK(host.Sweep(0, shard, now + 1000000, 1000) == keys.size() / 3);
  CHECK(host.engine->ExpiringCount(0) == 0);
}

CONTRACT_TEST("a sweep stops when its visitor has had enough") {
  EngineHost host(&medium);
  const uint16_t shard = ShardOf("{tag}");
  for (const std::string& key : Tagged(20)) host.Set(0, key, "v", 1000);
  struct Once : Engine::KeyVisitor {
    bool OnKey(std::string_view, uint64_t, ValueType) override { return ++calls < 3; }
    int calls = 0;
  } visitor;
  size_t visits = 100;
  host.AwaitDue(kFarMs);
  LatchGuard guard(host.engine->ShardLatch(shard));
  CHECK_FALSE(host.engine->SweepExpired(0, shard, kFarMs, &visits, &visitor));
  CHECK(visitor.calls == 3);
}

CONTRACT_TEST("a fetch reads the version it was started for") {
  EngineHost host(&medium, [](EngineOptions* options) { options->cache_bytes = 0; });
  constexpr int kKeys = 60;
  const auto key = [](int i) { return "fetched:" + std::to_string(i); };
  const auto value = [](int i) {
    return std::string(static_cast<size_t>(1 + i * 97), 'a' + i % 26);
  };
  for (int i = 0; i < kKeys; ++i) host.Set(0, key(i), value(i));
  host.Settle();
  std::vector<Read> reads(kKeys);
  for (int i = 0; i < kKeys; ++i) {
    Entry entry;
    const uint16_t shard = ShardOf(key(i));
    LatchGuard guard(host.engine->ShardLatch(shard));
    host.engine->Find(0, shard, key(i), true, &entry);
    REQUIRE(entry.found != entry.unknown);
    REQUIRE_FALSE(entry.resident);
    if (entry.found) CHECK(entry.value_bytes == value(i).size());
    reads[static_cast<size_t>(i)].version = entry.version;
    reads[static_cast<size_t>(i)].unknown = entry.unknown;
    reads[static_cast<size_t>(i)].no_admit = i % 2 == 0;
    host.engine->Fetch(0, 0, shard, key(i), &reads[static_cast<size_t>(i)]);
  }
  // Meanwhile the keys are overwritten, deleted, given an expiry, swapped and flushed away.
  for (int i = 0; i < kKeys; i += 3) {
    host.Set(0, key(i), "new");
    host.Staged({host.Del(0, key(i + 1))});
    host.Staged({host.Expire(0, key(i + 2), kFarMs)});
  }
  host.Staged({host.Swap(0, 1)});
  host.Staged({host.Flush(1)});
  for (int i = 0; i < kKeys; ++i) {
    Read& read = reads[static_cast<size_t>(i)];
    REQUIRE(host.Until([&] { return read.status.has_value(); }, 1));
    REQUIRE_MESSAGE(read.status->ok(), read.status->message());
    CHECK(read.value() == value(i));
  }
  CHECK(host.engine->KeyCount(0) == 0);
}

CONTRACT_TEST("what one reactor writes the others see at once") {
  EngineHost host(&medium, [](EngineOptions* options) { options->reactors = 3; });
  for (uint32_t reactor = 0; reactor < 3; ++reactor) {
    const std::string value = "by " + std::to_string(reactor);
    const std::vector<Ticket> tickets = host.Staged({host.Put(0, "k", value)}, reactor);
    CHECK(host.Get(0, "k") == value);
    CHECK(host.UntilDurable(tickets));
  }
  std::vector<Ticket> all;
  for (uint32_t i = 0; i < 30; ++i) {
    for (const Ticket& ticket : host.Staged({host.Put(0, "k" + std::to_string(i), "v")}, i % 3))
      all.push_back(ticket);
  }
  CHECK(host.UntilDurable(all));
}
