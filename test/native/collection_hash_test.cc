// Hashes, through commands, on each engine: against a map, small and of many pages, cold, opened
// again, in transactions, and where keys that hold them come and go.
#include <algorithm>
#include <map>
#include <random>

#include "command_world.h"
#include "environment.h"

using namespace cairn;
using namespace cairn::testing;

namespace {

using Fields = std::map<std::string, std::string>;

Fields FieldsOf(const std::string& reply) {
  const std::vector<std::string> bulks = BulksOf(reply);
  REQUIRE(bulks.size() % 2 == 0);
  Fields fields;
  for (size_t i = 0; i < bulks.size(); i += 2) {
    REQUIRE(fields.count(bulks[i]) == 0);
    fields[bulks[i]] = bulks[i + 1];
  }
  return fields;
}

std::string Count(uint64_t n) { return ":" + std::to_string(n) + "\r\n"; }

// HSETs of at most so many fields each.
void SetAll(CommandWorld& world, const std::string& key, const Fields& fields, size_t at_once) {
  Argv words = {"HSET", key};
  for (const auto& [name, value] : fields) {
    words.push_back(name);
    words.push_back(value);
    if (words.size() < 2 + 2 * at_once) continue;
    CHECK(world.Ask(words) == Count(at_once));
    words.resize(2);
  }
  if (words.size() > 2) CHECK(world.Ask(words) == Count((words.size() - 2) / 2));
}

Fields Many(size_t count, size_t value_bytes = 8) {
  Fields fields;
  for (size_t i = 0; i < count; ++i) {
    std::string value = std::to_string(i * 7);
    value.resize(std::max(value.size(), value_bytes), 'v');
    fields["field:" + std::to_string(i)] = value;
  }
  return fields;
}

Fields Scan(CommandWorld& world, const std::string& key, const std::string& count) {
  Fields all;
  std::string cursor = "0";
  do {
    std::vector<std::string> bulks = BulksOf(world.Ask({"HSCAN", key, cursor, "COUNT", count}));
    REQUIRE(bulks.size() % 2 == 1);
    cursor = bulks[0];
    for (size_t i = 1; i < bulks.size(); i += 2) all[bulks[i]] = bulks[i + 1];
  } while (cursor != "0");
  return all;
}

void CheckAll(CommandWorld& world, const std::string& key, const Fields& fields) {
  CHECK(world.Ask({"HLEN", key}) == Count(fields.size()));
  CHECK((FieldsOf(world.Ask({"HGETALL", key})) == fields));
  CHECK((Scan(world, key, "7") == fields));
  std::vector<std::string> names = BulksOf(world.Ask({"HKEYS", key}));
  std::sort(names.begin(), names.end());
  REQUIRE(names.size() == fields.size());
  size_t i = 0;
  for (const auto& [name, value] : fields) CHECK(names[i++] == name);
}

}  // namespace

TEST_CASE("collection hash: sizes from none to many, warm and cold") {
  OnEachEngine(1, [](CommandWorld& world) {
    for (const size_t size : {1, 2, 14, 15, 100, 129, 513, 3000}) {
      if (size > 15 && !world.has_pages()) break;
      INFO("fields " << size);
      const Fields fields = Many(size);
      SetAll(world, "h", fields, 50);
      CheckAll(world, "h", fields);
      world.Settle();
      CheckAll(world, "h", fields);
      world.Reopen();
      CheckAll(world, "h", fields);
      CHECK(world.Ask({"HGET", "h", "field:0"}) == Bulk(fields.at("field:0")));
      CHECK(world.Ask({"HMGET", "h", "field:0", "none"}) ==
            "*2\r\n" + Bulk(fields.at("field:0")) + kNil);
      // A field at a time, until the key has gone.
      size_t left = size;
      for (const auto& [name, value] : fields)
        CHECK(world.Ask({"HDEL", "h", name, "none"}) == Count(left-- > 0));
      CHECK(world.Ask({"EXISTS", "h"}) == Count(0));
      CHECK(world.Ask({"HGETALL", "h"}) == "*0\r\n");
    }
  });
}

TEST_CASE("collection hash: a small one keeps the order in which its fields came") {
  OnEachEngine(1, [](CommandWorld& world) {
    world.Ask({"HSET", "h", "zeta", "1", "alpha", "2", "mid", "3"});
    world.Ask({"HSET", "h", "alpha", "a longer value than before", "beta", "4"});
    world.Ask({"HDEL", "h", "mid"});
    const std::vector<std::string> names = BulksOf(world.Ask({"HKEYS", "h"}));
    CHECK((names == std::vector<std::string>{"zeta", "alpha", "beta"}));
    CHECK(world.Ask({"OBJECT", "ENCODING", "h"}) == Bulk("listpack"));
    CHECK(BulksOf(world.Ask({"HSCAN", "h", "77"})).at(0) == "0");
  });
}

TEST_CASE("collection hash: encodings follow the thresholds, and stay") {
  OnEachEngine(1, [](CommandWorld& world) {
    world.shared().context.thresholds.hash_listpack_entries = 3;
    world.shared().context.thresholds.hash_listpack_value = 10;
    world.Ask({"HSET", "h", "a", "1", "b", "2", "c", "1234567890"});
    CHECK(world.Ask({"OBJECT", "ENCODING", "h"}) == Bulk("listpack"));
    world.Ask({"HSET", "h", "d", "4"});
    CHECK(world.Ask({"OBJECT", "ENCODING", "h"}) == Bulk("hashtable"));
    world.Ask({"HDEL", "h", "d", "c", "b"});
    CHECK(world.Ask({"OBJECT", "ENCODING", "h"}) == Bulk("hashtable"));
    world.Ask({"HSET", "g", "a", "12345678901"});
    CHECK(world.Ask({"OBJECT", "ENCODING", "g"}) == Bulk("hashtable"));
    CHECK(world.Ask({"TYPE", "g"}) == "+hash\r\n");
  });
}

// Several clients' worth of commands on few keys, with everything that makes keys come and go.
TEST_CASE("collection hash: random commands answer as a map does") {
  const uint64_t first = FromEnvironment("CAIRN_SIM_SEED", 1);
  const uint64_t runs = FromEnvironment("CAIRN_CONTRACT_RUNS", 2);
  OnEachEngine(first, [&](CommandWorld& world) {
    for (uint64_t seed = first; seed < first + runs; ++seed) {
      INFO("seed " << seed);
      std::mt19937_64 random(seed);
      std::map<std::string, Fields> model;
      world.Ask({"FLUSHALL"});
      const auto pick = [&](uint64_t n) { return random() % n; };
      const auto key = [&] { return "k" + std::to_string(pick(4)); };
      const size_t names = world.has_pages() ? 400 : 10;
      const auto name = [&] {
        std::string text = "f" + std::to_string(pick(names));
        // Some are longer than what stands in a page.
        if (pick(40) == 0 && world.has_pages()) text.resize(300, 'x');
        return text;
      };
      const auto value = [&] {
        const size_t bytes = pick(60) == 0 && world.has_pages() ? 3000 : pick(20);
        return std::string(bytes, static_cast<char>('a' + pick(26)));
      };
      bool exec = false;
      std::vector<Argv> batch;
      std::string expected;
      const auto say = [&](Argv words, const std::string& reply) {
        batch.push_back(std::move(words));
        expected += reply;
      };
      const auto flush = [&] {
        if (batch.empty()) return;
        std::string before;
        if (exec) {
          before = kOk;
          for (size_t i = 0; i < batch.size(); ++i) before += "+QUEUED\r\n";
          before += "*" + std::to_string(batch.size()) + "\r\n";
          batch.insert(batch.begin(), {"MULTI"});
          batch.push_back({"EXEC"});
        }
        std::string said;
        for (const Argv& words : batch)
          said += words[0] + " " + (words.size() > 1 ? words[1] : "") + "; ";
        REQUIRE_MESSAGE((world.Ask(pick(2), batch) == before + expected), said);
        batch.clear();
        expected.clear();
        exec = pick(3) == 0;
      };
      for (int step = 0; step < 600; ++step) {
        const std::string k = key();
        switch (pick(12)) {
          case 0:
          case 1:
          case 2: {
            Argv words = {"HSET", k};
            uint64_t added = 0;
            for (uint64_t i = 1 + pick(pick(4) == 0 ? 60 : 4); i > 0; --i) {
              const std::string n = name(), v = value();
              words.push_back(n);
              words.push_back(v);
              added += model[k].insert_or_assign(n, v).second;
            }
            say(words, Count(added));
            break;
          }
          case 3:
          case 4: {
            Argv words = {"HDEL", k};
            uint64_t removed = 0;
            const auto found = model.find(k);
            for (uint64_t i = 1 + pick(pick(4) == 0 ? 100 : 4); i > 0; --i) {
              words.push_back(name());
              if (found != model.end()) removed += found->second.erase(words.back());
            }
            if (found != model.end() && found->second.empty()) model.erase(found);
            say(words, Count(removed));
            break;
          }
          case 5: {
            const std::string n = name();
            const auto found = model.find(k);
            const bool here = found != model.end() && found->second.count(n) != 0;
            say({"HGET", k, n}, here ? Bulk(found->second[n]) : kNil);
            break;
          }
          case 6: {
            const auto found = model.find(k);
            say({"HLEN", k}, Count(found == model.end() ? 0 : found->second.size()));
            break;
          }
          case 7: {
            const std::string to = key();
            if (model.count(k) == 0) {
              say({"RENAME", k, to}, "-ERR no such key\r\n");
            } else {
              Fields moved = model[k];
              model.erase(k);
              model[to] = moved;
              say({"RENAME", k, to}, kOk);
            }
            break;
          }
          case 8:
            if (pick(3) != 0) break;
            say({"DEL", k}, Count(model.erase(k)));
            break;
          case 9:
            if (pick(4) != 0) break;
            model.erase(k);
            say({"SET", k, "s"}, kOk);
            say({"HGET", k, "f"},
                "-WRONGTYPE Operation against a key holding the wrong kind of value\r\n");
            say({"DEL", k}, Count(1));
            break;
          case 10:
            if (pick(40) == 0) {
              model.clear();
              say({"FLUSHALL"}, kOk);
            } else if (pick(6) == 0) {
              say({"SWAPDB", "0", "1"}, kOk);
              say({"SWAPDB", "1", "0"}, kOk);
            }
            break;
          default:
            flush();
            if (pick(3) == 0) world.Settle();
            if (pick(20) == 0) world.Reopen();
            if (pick(20) == 0) (void)world.Crash(pick(2) == 0);
            if (pick(4) == 0) {
              const auto found = model.find(k);
              CheckAll(world, k, found == model.end() ? Fields() : found->second);
            }
        }
        if (batch.size() >= 6) flush();
      }
      flush();
      for (const auto& [k, fields] : model) CheckAll(world, k, fields);
    }
  });
}

TEST_CASE("collection hash: an expired one goes with its pages") {
  OnEachEngine(1, [](CommandWorld& world) {
    const Fields fields = Many(world.has_pages() ? 500 : 10);
    for (const bool by_sweep : {true, false}) {
      SetAll(world, "h", fields, 100);
      CHECK(world.Ask({"PEXPIREAT", "h", std::to_string(world.now_ms + 100)}) == Count(1));
      CHECK(world.Ask({"HLEN", "h"}) == Count(fields.size()));
      world.Settle();
      world.now_ms += 2000;
      if (by_sweep) {
        world.Sweep(0);
        world.Sweep(0);
      }
      CHECK(world.Ask({"HLEN", "h"}) == Count(0));
      CHECK(world.Ask({"HSET", "h", "a", "b"}) == Count(1));
      CHECK(world.Ask({"PTTL", "h"}) == ":-1\r\n");
      CHECK((FieldsOf(world.Ask({"HGETALL", "h"})) == Fields{{"a", "b"}}));
      CHECK(world.Ask({"DEL", "h"}) == Count(1));
    }
  });
}

TEST_CASE("collection hash: who watches a key hears of changes in its pages") {
  OnEachEngine(1, [](CommandWorld& world) {
    SetAll(world, "h", Many(world.has_pages() ? 500 : 10), 100);
    for (const bool cold : {false, true}) {
      CHECK(world.Ask(0, {{"WATCH", "h"}}) == kOk);
      if (cold) world.Settle();
      // Of a field that is there: the count stays.
      CHECK(world.Ask(1, {{"HSET", "h", "field:3", cold ? "cold" : "warm"}}) == Count(0));
      CHECK(world.Ask(0, {{"MULTI"}, {"HLEN", "h"}, {"EXEC"}}) == kOk + "+QUEUED\r\n*-1\r\n");
    }
    CHECK(world.Ask(0, {{"WATCH", "h"}}) == kOk);
    CHECK(world.Ask(0, {{"MULTI"}, {"HDEL", "h", "field:3"}, {"EXEC"}}) ==
          kOk + "+QUEUED\r\n*1\r\n:1\r\n");
  });
}

TEST_CASE("collection hash: much is answered in slices, and nobody overtakes") {
  OnEachEngine(1, [](CommandWorld& world) {
    if (!world.has_pages()) return;
    const Fields fields = Many(20'000, 4);
    SetAll(world, "h", fields, 1000);
    world.Settle();
    const std::string reply = world.Ask(
        0, {{"HGETALL", "h"}, {"HSET", "h", "field:0", "last"}, {"HGET", "h", "field:0"}});
    CHECK(reply.starts_with("*40000\r\n"));
    CHECK(reply.ends_with(":0\r\n" + Bulk("last")));
    std::vector<std::string> bulks = BulksOf(reply);
    bulks.pop_back();
    Fields all;
    for (size_t i = 0; i + 1 < bulks.size(); i += 2) all[bulks[i]] = bulks[i + 1];
    CHECK((all == fields));
    // Whole, too, where it has to be one pass.
    const std::string exec = world.Ask(0, {{"MULTI"}, {"HLEN", "h"}, {"HVALS", "h"}, {"EXEC"}});
    CHECK(BulksOf(exec).size() == fields.size());
    for (const char* count : {"5", "700", "-700", "30000"}) {
      const size_t wanted =
          std::min<size_t>(20'000, static_cast<size_t>(std::abs(std::stol(count))));
      std::vector<std::string> names = BulksOf(world.Ask({"HRANDFIELD", "h", count}));
      CHECK(names.size() == wanted);
      std::sort(names.begin(), names.end());
      if (count[0] != '-') CHECK((std::unique(names.begin(), names.end()) == names.end()));
      for (const std::string& name : names) CHECK(fields.count(name) == 1);
    }
  });
}

TEST_CASE("collection hash: fields end, few and many, in memory and not") {
  OnEachEngine(1, [](CommandWorld& world) {
    const size_t count = world.has_pages() ? 1500 : 12;
    Fields fields = Many(count);
    SetAll(world, "h", fields, 100);
    // Every third one ends.
    size_t ending = 0;
    const std::string at = std::to_string(world.now_ms + 1000);
    for (size_t i = 0; i < count; i += 3, ++ending) {
      const std::string name = "field:" + std::to_string(i);
      CHECK(world.Ask({"HPEXPIREAT", "h", at, "FIELDS", "1", name}) == "*1\r\n:1\r\n");
    }
    CHECK(world.Ask({"HPEXPIRETIME", "h", "FIELDS", "2", "field:0", "field:1"}) ==
          "*2\r\n:" + at + "\r\n:-1\r\n");
    CheckAll(world, "h", fields);
    world.Settle();
    world.now_ms += 1000;
    for (size_t i = 0; i < count; i += 3) fields.erase("field:" + std::to_string(i));
    CHECK(world.Ask({"HGET", "h", "field:3"}) == kNil);
    CheckAll(world, "h", fields);
    std::vector<std::string> names = BulksOf(world.Ask({"HRANDFIELD", "h", "5000"}));
    CHECK(names.size() == fields.size());
    // One comes again, while others that are due may be there still.
    CHECK(world.Ask({"HDEL", "h", "field:6"}) == Count(0));
    CHECK(world.Ask({"HSET", "h", "field:3", "again"}) == Count(1));
    fields["field:3"] = "again";
    CheckAll(world, "h", fields);
    for (const auto& [name, value] : fields)
      world.Ask({"HPEXPIREAT", "h", std::to_string(world.now_ms + 10), "FIELDS", "1", name});
    world.Reopen();
    CHECK(world.Ask({"HLEN", "h"}) == Count(fields.size()));
    world.now_ms += 10;
    CHECK(world.Ask({"HLEN", "h"}) == Count(0));
    CHECK(world.Ask({"HGETALL", "h"}) == "*0\r\n");
    CHECK(world.Ask({"HSETEX", "h", "FXX", "FIELDS", "1", "field:1", "v"}) == Count(0));
    CHECK(world.Ask({"HSET", "h", "one", "1"}) == Count(1));
    CHECK((FieldsOf(world.Ask({"HGETALL", "h"})) == Fields{{"one", "1"}}));
  });
}
