// DUMP, RESTORE, COPY and SORT of collections, through commands, on each engine: there and back,
// of many pages, cold, and while somebody writes.
#include <algorithm>
#include <map>
#include <random>
#include <set>

#include "base/crc64.h"
#include "command_world.h"
#include "rdb/coding.h"

using namespace cairn;
using namespace cairn::testing;

namespace {

std::string Count(uint64_t n) { return ":" + std::to_string(n) + "\r\n"; }
const std::string kBadFormat = "-ERR Bad data format\r\n";

std::vector<std::string> Sorted(const std::string& reply) {
  std::vector<std::string> bulks = BulksOf(reply);
  std::sort(bulks.begin(), bulks.end());
  return bulks;
}

// Fills a set, and a hash of the same elements.
void Fill(CommandWorld& world, size_t count) {
  Argv set = {"SADD", "set"}, hash = {"HSET", "hash"};
  for (size_t i = 0; i < count; ++i) {
    const std::string name = i % 3 == 0 ? std::to_string(i) : "name:" + std::to_string(i);
    set.push_back(name);
    hash.insert(hash.end(), {name, "value " + std::to_string(i)});
    if (i % 500 != 499 && i + 1 != count) continue;
    world.Ask(set);
    world.Ask(hash);
    set.resize(2);
    hash.resize(2);
  }
}

std::string Whole(CommandWorld& world, const std::string& key) {
  const std::string type = world.Ask({"TYPE", key});
  if (type == "+none\r\n") return type;
  std::string whole = type + world.Ask({"OBJECT", "ENCODING", key}) + world.Ask({"PTTL", key});
  const std::string all = type == "+set\r\n"    ? world.Ask({"SMEMBERS", key})
                          : type == "+hash\r\n" ? world.Ask({"HGETALL", key})
                                                : world.Ask({"LRANGE", key, "0", "-1"});
  std::vector<std::string> bulks = BulksOf(all);
  const size_t step = type == "+hash\r\n" ? 2 : 1;
  std::vector<std::string> rows;
  for (size_t i = 0; i + step <= bulks.size(); i += step) {
    rows.push_back(bulks[i]);
    if (step == 2) rows.back() += "=" + bulks[i + 1];
  }
  if (type != "+list\r\n") std::sort(rows.begin(), rows.end());
  for (const std::string& row : rows) whole += row + ";";
  return whole;
}

std::string DumpOf(CommandWorld& world, const std::string& key) {
  const std::vector<std::string> bulks = BulksOf(world.Ask({"DUMP", key}));
  REQUIRE(bulks.size() == 1);
  return bulks[0];
}

std::string Sealed(std::string body, uint16_t version = 11) {
  body.push_back(static_cast<char>(version & 0xff));
  body.push_back(static_cast<char>(version >> 8));
  const uint64_t crc = Crc64(body.data(), body.size());
  body.append(reinterpret_cast<const char*>(&crc), sizeof(crc));
  return body;
}

}  // namespace

TEST_CASE("collection dump: there and back, small and of many pages, warm and cold") {
  OnEachEngine(1, [](CommandWorld& world) {
    for (const size_t size : {1, 5, 20, 200, 3000, 20'000}) {
      if (size > 20 && !world.has_pages()) break;
      INFO("elements " << size);
      world.Ask({"FLUSHALL"});
      Fill(world, size);
      for (const std::string key : {"set", "hash"}) {
        const std::string whole = Whole(world, key);
        for (const bool cold : {false, true}) {
          if (cold) world.Settle();
          const std::string payload = DumpOf(world, key);
          CHECK(static_cast<uint8_t>(payload[payload.size() - 10]) == 11);
          CHECK(world.Ask({"RESTORE", "copy", "0", payload, "REPLACE"}) == kOk);
          CHECK(Whole(world, "copy") == whole);
          CHECK(world.Ask({"RESTORE", "copy", "0", payload}) ==
                "-BUSYKEY Target key name already exists.\r\n");
          if (cold) world.Settle();
          CHECK(world.Ask({"COPY", key, "copy", "REPLACE"}) == Count(1));
          CHECK(Whole(world, "copy") == whole);
          CHECK(world.Ask({"COPY", key, "copy"}) == Count(0));
          world.Ask({"DEL", "moved"});
          CHECK(world.Ask({"COPY", key, key, "DB", "1"}) == Count(1));
          CHECK(world.Ask({"MOVE", key, "1"}) == Count(0));
          CHECK(world.Ask(0, {{"SELECT", "1"}}) == kOk);
          CHECK(Whole(world, key) == whole);
          CHECK(world.Ask({"RENAME", key, "moved"}) == kOk);
          CHECK(world.Ask({"MOVE", "moved", "0"}) == Count(1));
          CHECK(world.Ask(0, {{"SELECT", "0"}}) == kOk);
          CHECK(Whole(world, "moved") == whole);
          CHECK(Whole(world, key) == whole);
          // In a transaction it is one pass.
          const std::string exec =
              world.Ask(0, {{"MULTI"}, {"DUMP", key}, {"COPY", key, "copy", "REPLACE"}, {"EXEC"}});
          CHECK(BulksOf(exec).at(0) == payload);
          CHECK(Whole(world, "copy") == whole);
        }
      }
      world.Reopen();
      CHECK(Whole(world, "copy") == Whole(world, "hash"));
      CHECK(world.Ask({"DEL", "set", "hash", "copy", "moved"}) == Count(4));
    }
  });
}

TEST_CASE("collection dump: encodings and the time to live survive") {
  OnEachEngine(1, [](CommandWorld& world) {
    world.Ask({"SADD", "table", "a", std::string(65, 'x')});
    world.Ask({"SREM", "table", std::string(65, 'x')});
    world.Ask({"SADD", "pack", "x", "1"});
    world.Ask({"SREM", "pack", "x"});
    world.Ask({"SADD", "ints", "3", "1", "2"});
    CHECK(world.Ask({"OBJECT", "ENCODING", "table"}) == Bulk("hashtable"));
    CHECK(world.Ask({"OBJECT", "ENCODING", "pack"}) == Bulk("listpack"));
    // A listpack of integers stays one; a table with little in it does not.
    CHECK(DumpOf(world, "pack")[0] == 20);
    CHECK(DumpOf(world, "ints")[0] == 11);
    CHECK(DumpOf(world, "table")[0] == 2);
    for (const std::string key : {"table", "pack", "ints"}) {
      CHECK(world.Ask({"RESTORE", "copy", "0", DumpOf(world, key), "REPLACE"}) == kOk);
      const std::string encoding = world.Ask({"OBJECT", "ENCODING", key == "table" ? "pack" : key});
      CHECK(world.Ask({"OBJECT", "ENCODING", "copy"}) == encoding);
    }
    const std::string payload = DumpOf(world, "ints");
    const std::string end = std::to_string(world.now_ms + 5000);
    CHECK(world.Ask({"RESTORE", "copy", end, payload, "REPLACE", "ABSTTL"}) == kOk);
    CHECK(world.Ask({"PEXPIRETIME", "copy"}) == Count(world.now_ms + 5000));
    CHECK(world.Ask({"SADD", "copy", "9"}) == Count(1));
    CHECK(world.Ask({"PEXPIRETIME", "copy"}) == Count(world.now_ms + 5000));
    CHECK(world.Ask({"COPY", "copy", "copied"}) == Count(1));
    CHECK(world.Ask({"PEXPIRETIME", "copied"}) == Count(world.now_ms + 5000));
    CHECK(world.Ask({"RESTORE", "copy", "1", payload, "REPLACE", "ABSTTL"}) == kOk);
    CHECK(world.Ask({"EXISTS", "copy"}) == Count(0));
    // For Redis 7.0.
    world.shared().context.dump_version = 10;
    CHECK(DumpOf(world, "pack")[0] == 2);
    CHECK(static_cast<uint8_t>(DumpOf(world, "ints")[DumpOf(world, "ints").size() - 10]) == 10);
  });
}

TEST_CASE("collection dump: what lies is refused, and nothing has happened") {
  OnEachEngine(1, [](CommandWorld& world) {
    world.Ask({"SADD", "k", "there"});
    const auto restore = [&](const std::string& body) {
      const std::string reply = world.Ask({"RESTORE", "k", "0", Sealed(body), "REPLACE"});
      CHECK(world.Ask({"SMEMBERS", "k"}) == "*1\r\n" + Bulk("there"));
      return reply;
    };
    const std::string set = {2, 2, 1, 'a', 1, 'b'};
    CHECK(world.Ask({"RESTORE", "ok", "0", Sealed(set)}) == kOk);
    CHECK(world.Ask({"RESTORE", "ok", "0", Sealed(set, 1), "REPLACE"}) == kOk);
    CHECK(restore({2, 2, 1, 'a', 1, 'a'}) == kBadFormat);  // twice
    CHECK(restore({2, 3, 1, 'a', 1, 'b'}) == kBadFormat);  // fewer than it says
    CHECK(restore({2, 1, 1, 'a', 1, 'b'}) == kBadFormat);  // more
    CHECK(restore({2, 0}) == kBadFormat);                  // none
    CHECK(restore({4, 1, 1, 'a'}) == kBadFormat);          // a field without a value
    CHECK(restore({4, 2, 1, 'a', 1, 'v', 1, 'a', 1, 'w'}) == kBadFormat);
    // An intset of two that has them in the wrong order; and with an odd size.
    CHECK(restore(std::string{11, 12, 2, 0, 0, 0, 2, 0, 0, 0, 5, 0, 4, 0}) == kBadFormat);
    CHECK(restore(std::string{11, 11, 2, 0, 0, 0, 2, 0, 0, 0, 4, 0, 5}) == kBadFormat);
    std::string cut = Sealed(set);
    cut[3] ^= 1;
    CHECK(world.Ask({"RESTORE", "k", "0", cut, "REPLACE"}) ==
          "-ERR DUMP payload version or checksum are wrong\r\n");
  });
}

TEST_CASE("collection dump: many elements come back in slices, and lies among them are found") {
  OnEachEngine(1, [](CommandWorld& world) {
    if (!world.has_pages()) return;
    constexpr size_t kMany = 30'000;
    Fill(world, kMany);
    Argv list = {"RPUSH", "list"}, zset = {"ZADD", "zset"};
    for (size_t i = 0; i < kMany; ++i) {
      const std::string name = i % 3 == 0 ? std::to_string(i) : "name:" + std::to_string(i);
      list.push_back(name);
      zset.insert(zset.end(), {std::to_string(i * 7919 % 1000), name});
    }
    world.Ask(list);
    world.Ask(zset);
    for (const std::string key : {"set", "hash", "list", "zset"}) {
      INFO(key);
      const std::string payload = DumpOf(world, key);
      world.Ask({"SET", "copy", "before"});
      world.Received(0).clear();
      world.Send(0, {{"RESTORE", "copy", "5000", payload, "REPLACE"}});
      int turns = 0;
      for (; world.Received(0).empty() && turns < 20'000; ++turns) {
        world.Received(1).clear();
        world.Send(1, {{"TYPE", "copy"}});
        world.Turn();
      }
      CHECK(world.Received(0) == kOk);
      CHECK(turns > 3);
      CHECK(world.Ask({"PTTL", "copy"}) == Count(5000));
      CHECK(world.Ask({"PERSIST", "copy"}) == Count(1));
      if (key == "zset") {
        CHECK(world.Ask({"ZRANGE", "copy", "0", "-1", "WITHSCORES"}) ==
              world.Ask({"ZRANGE", key, "0", "-1", "WITHSCORES"}));
        CHECK(world.Ask({"ZSCORE", "copy", "name:29999"}) ==
              world.Ask({"ZSCORE", key, "name:29999"}));
        CHECK(world.Ask({"ZREM", "copy", "name:29999"}) == Count(1));
        CHECK(world.Ask({"ZCARD", "copy"}) == Count(kMany - 1));
      } else {
        CHECK(Whole(world, "copy") == Whole(world, key));
      }
      world.Ask({"DEL", "copy"});
      const std::string exec = world.Ask(
          0,
          {{"MULTI"}, {"RESTORE", "copy", "0", payload}, {"OBJECT", "ENCODING", "copy"}, {"EXEC"}});
      CHECK(exec.find(kOk + world.Ask({"OBJECT", "ENCODING", key})) != std::string::npos);
      if (key != "zset") CHECK(Whole(world, "copy") == Whole(world, key));
      CHECK(world.Ask({"RESTORE", "copy", "0", payload}) ==
            "-BUSYKEY Target key name already exists.\r\n");
      // The same name twice, far apart: that of the first and of the last element.
      if (key == "list") continue;
      std::string body = payload.substr(0, payload.size() - 10);
      const size_t place = body.rfind("name:1");
      if (key != "set" || place == std::string::npos) continue;
      const std::string other = body.substr(body.find("name:2"), 11);
      if (body.substr(place, 11).size() == other.size() &&
          body[place - 1] == body[body.find("name:2") - 1]) {
        body.replace(place, other.size(), other);
        CHECK(world.Ask({"RESTORE", "copy", "0", Sealed(body), "REPLACE"}) == kBadFormat);
      }
    }
  });
}

TEST_CASE("collection dump: one moment, whoever writes meanwhile") {
  OnEachEngine(1, [](CommandWorld& world) {
    if (!world.has_pages()) return;
    Fill(world, 40'000);
    // Pairs of fields are changed together; no dump may tell them apart.
    world.Ask({"HSET", "hash", "name:1", "0", "name:39998", "0"});
    for (const bool copies : {false, true}) {
      INFO("copies " << copies);
      world.Received(0).clear();
      copies ? world.Send(0, {{"COPY", "hash", "copy", "REPLACE"}})
             : world.Send(0, {{"DUMP", "hash"}});
      int changes = 0;
      for (int turn = 0; world.Received(0).empty() && turn < 2000; ++turn) {
        const std::string value = std::to_string(turn + 1);
        if (turn < 200) world.Send(1, {{"HSET", "hash", "name:1", value, "name:39998", value}});
        changes += turn < 200;
        world.Turn();
      }
      REQUIRE(world.Received(0).substr(0, 1) == (copies ? ":" : "$"));
      CHECK(changes > 2);
      if (!copies) {
        const std::string payload = BulksOf(world.Received(0)).at(0);
        world.Received(0).clear();
        REQUIRE(world.Ask({"RESTORE", "copy", "0", payload, "REPLACE"}) == kOk);
      }
      world.Received(0).clear();
      CHECK(world.Ask({"HLEN", "copy"}) == Count(40'000));
      CHECK(world.Ask({"HGET", "copy", "name:1"}) == world.Ask({"HGET", "copy", "name:39998"}));
    }
  });
}

TEST_CASE("collection sort: by themselves, by keys of other shards, cold") {
  OnEachEngine(1, [](CommandWorld& world) {
    world.Ask({"SADD", "s", "3", "1", "2", "10"});
    CHECK(world.Ask({"SORT", "s"}) == "*4\r\n" + Bulk("1") + Bulk("2") + Bulk("3") + Bulk("10"));
    CHECK((BulksOf(world.Ask({"SORT", "s", "ALPHA", "DESC", "LIMIT", "1", "2"})) ==
           std::vector<std::string>{"2", "10"}));
    for (const char* n : {"1", "2", "3", "10"}) {
      world.Ask({"SET", std::string("w") + n, n == std::string("10") ? "-1" : n});
      world.Ask({"HSET", std::string("h") + n, "f", std::string("v") + n});
    }
    for (const bool cold : {false, true}) {
      if (cold) world.Settle();
      CHECK((BulksOf(world.Ask({"SORT", "s", "BY", "w*", "GET", "#", "GET", "h*->f"})) ==
             std::vector<std::string>{"10", "v10", "1", "v1", "2", "v2", "3", "v3"}));
      CHECK(world.Ask({"SORT", "s", "BY", "w*", "LIMIT", "0", "1", "GET", "no*"}) ==
            "*1\r\n" + kNil);
    }
    world.Ask({"SADD", "t", "a", "1"});
    CHECK(world.Ask({"SORT", "t"}) == "-ERR One or more scores can't be converted into double\r\n");
    if (!world.has_pages()) return;
    Fill(world, 20'000);
    world.Settle();
    CHECK((BulksOf(world.Ask({"SORT", "set", "ALPHA"})) == Sorted(world.Ask({"SMEMBERS", "set"}))));
  });
}
