// Sets, through commands, on each engine: against std::set, small and of many pages, cold, opened
// again, in transactions, with the operations on several of them.
#include <algorithm>
#include <map>
#include <random>
#include <set>

#include "command_world.h"
#include "environment.h"

using namespace cairn;
using namespace cairn::testing;

namespace {

using Members = std::set<std::string>;

std::string Count(uint64_t n) { return ":" + std::to_string(n) + "\r\n"; }

Members MembersOf(const std::string& reply) {
  Members members;
  for (const std::string& member : BulksOf(reply)) REQUIRE(members.insert(member).second);
  return members;
}

void AddAll(CommandWorld& world, const std::string& key, const Members& members,
            size_t at_once = 200) {
  Argv words = {"SADD", key};
  for (const std::string& member : members) {
    words.push_back(member);
    if (words.size() < 2 + at_once) continue;
    CHECK(world.Ask(words) == Count(at_once));
    words.resize(2);
  }
  if (words.size() > 2) CHECK(world.Ask(words) == Count(words.size() - 2));
}

// Every third one is an integer.
Members Many(size_t count, size_t from = 0) {
  Members members;
  for (size_t i = from; i < from + count; ++i)
    members.insert(i % 3 == 0 ? std::to_string(i) : "member:" + std::to_string(i));
  return members;
}

Members Integers(size_t count) {
  Members members;
  for (size_t i = 0; i < count; ++i)
    members.insert(std::to_string(static_cast<int64_t>(i) * 3 - 50));
  return members;
}

Members Scan(CommandWorld& world, const std::string& key, const std::string& count) {
  Members all;
  std::string cursor = "0";
  do {
    const std::vector<std::string> bulks =
        BulksOf(world.Ask({"SSCAN", key, cursor, "COUNT", count}));
    REQUIRE(!bulks.empty());
    cursor = bulks[0];
    all.insert(bulks.begin() + 1, bulks.end());
  } while (cursor != "0");
  return all;
}

void CheckAll(CommandWorld& world, const std::string& key, const Members& members) {
  CHECK(world.Ask({"SCARD", key}) == Count(members.size()));
  CHECK((MembersOf(world.Ask({"SMEMBERS", key})) == members));
  CHECK((Scan(world, key, "7") == members));
}

std::string EncodingOf(CommandWorld& world, const std::string& key) {
  return BulksOf(world.Ask({"OBJECT", "ENCODING", key})).at(0);
}

}  // namespace

TEST_CASE("collection set: sizes from none to many, warm and cold") {
  OnEachEngine(1, [](CommandWorld& world) {
    for (const bool integers : {false, true}) {
      for (const size_t size : {1, 2, 20, 60, 129, 512, 513, 3000}) {
        if (size > 20 && !world.has_pages()) break;
        INFO("members " << size);
        const Members members = integers ? Integers(size) : Many(size);
        AddAll(world, "s", members);
        CheckAll(world, "s", members);
        world.Settle();
        CheckAll(world, "s", members);
        world.Reopen();
        CheckAll(world, "s", members);
        CHECK(world.Ask({"SISMEMBER", "s", *members.begin()}) == Count(1));
        CHECK(world.Ask({"SMISMEMBER", "s", "none", *members.rbegin()}) == "*2\r\n:0\r\n:1\r\n");
        CHECK(world.Ask({"SADD", "s", *members.begin()}) == Count(0));
        size_t left = size;
        for (const std::string& member : members)
          CHECK(world.Ask({"SREM", "s", member, "none"}) == Count(left-- > 0));
        CHECK(world.Ask({"EXISTS", "s"}) == Count(0));
        CHECK(world.Ask({"SMEMBERS", "s"}) == "*0\r\n");
      }
    }
  });
}

TEST_CASE("collection set: encodings, and the order of the small ones") {
  OnEachEngine(1, [](CommandWorld& world) {
    Thresholds& thresholds = world.shared().context.thresholds;
    thresholds.set_intset_entries = 4;
    thresholds.set_listpack_entries = 6;
    thresholds.set_listpack_value = 4;
    world.Ask({"SADD", "i", "30", "-7", "100", "5"});
    CHECK(EncodingOf(world, "i") == "intset");
    CHECK((BulksOf(world.Ask({"SMEMBERS", "i"})) ==
           std::vector<std::string>{"-7", "5", "30", "100"}));
    world.Ask({"SADD", "i", "x"});
    CHECK(EncodingOf(world, "i") == "listpack");
    world.Ask({"SREM", "i", "30"});
    world.Ask({"SADD", "i", "a"});
    const std::vector<std::string> in_order = BulksOf(world.Ask({"SMEMBERS", "i"}));
    REQUIRE(in_order.size() == 5);
    CHECK(in_order.at(3) == "x");
    CHECK(in_order.at(4) == "a");
    world.Ask({"SADD", "i", "fiver"});
    CHECK(EncodingOf(world, "i") == "hashtable");
    world.Ask({"SREM", "i", "fiver", "x", "a"});
    CHECK(EncodingOf(world, "i") == "hashtable");
    CHECK((MembersOf(world.Ask({"SMEMBERS", "i"})) == Members{"-7", "5", "100"}));

    // From an intset: too many integers, too many texts, texts or integers that are too long.
    const auto grown = [&](const std::vector<std::string>& first, const std::string& next) {
      world.Ask({"DEL", "s"});
      Argv words = {"SADD", "s"};
      words.insert(words.end(), first.begin(), first.end());
      world.Ask(words);
      CHECK(EncodingOf(world, "s") == "intset");
      CHECK(world.Ask({"SADD", "s", next}) == Count(1));
      Members all(first.begin(), first.end());
      all.insert(next);
      CHECK((MembersOf(world.Ask({"SMEMBERS", "s"})) == all));
      return EncodingOf(world, "s");
    };
    CHECK(grown({"1", "2", "3", "4"}, "5") == "hashtable");
    CHECK(grown({"1", "2", "3", "4"}, "x") == "listpack");
    CHECK(grown({"1", "2"}, "fiver") == "hashtable");
    CHECK(grown({"1", "20000"}, "x") == "hashtable");
    CHECK(grown({"-2000", "1"}, "x") == "hashtable");
    CHECK(grown({"-200", "1000"}, "") == "listpack");
    world.Ask({"SADD", "many", "1", "1", "1", "1", "1"});
    CHECK(EncodingOf(world, "many") == "listpack");
    world.Ask({"SADD", "more", "x", "x", "x", "x", "x", "x", "x"});
    CHECK(EncodingOf(world, "more") == "hashtable");
    thresholds.set_listpack_entries = 2;
    thresholds.set_intset_entries = 8;
    world.Ask({"SADD", "six", "1", "2", "3"});
    world.Ask({"SADD", "six", "x"});
    CHECK(EncodingOf(world, "six") == "hashtable");
  });
}

TEST_CASE("collection set: SPOP that leaves little makes a small set of it") {
  OnEachEngine(1, [](CommandWorld& world) {
    if (!world.has_pages()) return;
    const Members members = Many(1000);
    AddAll(world, "s", members);
    const Members popped = MembersOf(world.Ask({"SPOP", "s", "900"}));
    CHECK(popped.size() == 900);
    CHECK(EncodingOf(world, "s") == "listpack");
    Members all = MembersOf(world.Ask({"SMEMBERS", "s"}));
    CHECK(all.size() == 100);
    all.insert(popped.begin(), popped.end());
    CHECK((all == members));
  });
}

TEST_CASE("collection set: random commands answer as std::set does") {
  const uint64_t first = FromEnvironment("CAIRN_SIM_SEED", 1);
  const uint64_t runs = FromEnvironment("CAIRN_CONTRACT_RUNS", 2);
  OnEachEngine(first, [&](CommandWorld& world) {
    for (uint64_t seed = first; seed < first + runs; ++seed) {
      INFO("seed " << seed);
      std::mt19937_64 random(seed);
      std::map<std::string, Members> model;
      world.Ask({"FLUSHALL"});
      const auto pick = [&](uint64_t n) { return random() % n; };
      const auto key = [&] { return "k" + std::to_string(pick(4)); };
      const size_t names = world.has_pages() ? 700 : 12;
      const auto member = [&](bool integer) {
        std::string text = std::to_string(pick(names));
        if (!integer && pick(2) == 0) text = "m" + text;
        if (!integer && pick(50) == 0 && world.has_pages()) text.resize(300, 'x');
        return text;
      };
      const auto of = [&](const std::string& k) {
        const auto found = model.find(k);
        return found == model.end() ? Members() : found->second;
      };
      const auto put = [&](const std::string& k, Members members) {
        members.empty() ? void(model.erase(k)) : void(model[k] = std::move(members));
      };
      const auto combine = [&](uint64_t operation, const std::vector<std::string>& keys) {
        Members result = of(keys[0]);
        for (size_t i = 1; i < keys.size(); ++i) {
          const Members other = of(keys[i]);
          Members next;
          const auto to = std::inserter(next, next.end());
          if (operation == 0)
            std::set_intersection(result.begin(), result.end(), other.begin(), other.end(), to);
          if (operation == 1)
            std::set_union(result.begin(), result.end(), other.begin(), other.end(), to);
          if (operation == 2)
            std::set_difference(result.begin(), result.end(), other.begin(), other.end(), to);
          result = std::move(next);
        }
        return result;
      };
      for (int step = 0; step < 500; ++step) {
        const std::string k = key();
        INFO("step " << step << " key " << k);
        switch (pick(14)) {
          case 0:
          case 1:
          case 2: {
            Argv words = {"SADD", k};
            uint64_t added = 0;
            const bool integers = pick(2) == 0 && (of(k).empty() || pick(3) == 0);
            for (uint64_t i = 1 + pick(pick(4) == 0 ? 200 : 4); i > 0; --i) {
              words.push_back(member(integers));
              added += model[k].insert(words.back()).second;
            }
            CHECK(world.Ask(words) == Count(added));
            break;
          }
          case 3:
          case 4: {
            Argv words = {"SREM", k};
            uint64_t removed = 0;
            Members left = of(k);
            for (uint64_t i = 1 + pick(pick(4) == 0 ? 200 : 4); i > 0; --i) {
              words.push_back(member(false));
              removed += left.erase(words.back());
            }
            put(k, left);
            CHECK(world.Ask(words) == Count(removed));
            break;
          }
          case 5: {
            const std::string m = member(false);
            CHECK(world.Ask({"SISMEMBER", k, m}) == Count(of(k).count(m)));
            break;
          }
          case 6: {
            const std::string to = key();
            Members from = of(k), target = of(to);
            const std::string m = from.empty() || pick(4) == 0
                                      ? member(false)
                                      : *std::next(from.begin(), pick(from.size()));
            const bool moved = from.count(m) != 0;
            if (moved && to != k) {
              from.erase(m);
              target.insert(m);
              put(k, from);
              put(to, target);
            }
            CHECK(world.Ask({"SMOVE", k, to, m}) == Count(moved));
            break;
          }
          case 7: {
            Members left = of(k);
            const size_t wanted = pick(3) == 0 ? pick(names) : pick(5);
            const Members popped = MembersOf(world.Ask({"SPOP", k, std::to_string(wanted)}));
            CHECK(popped.size() == std::min(wanted, left.size()));
            for (const std::string& m : popped) CHECK(left.erase(m) == 1);
            put(k, left);
            break;
          }
          case 8: {
            const Members all = of(k);
            const size_t wanted = pick(names);
            const Members some = MembersOf(world.Ask({"SRANDMEMBER", k, std::to_string(wanted)}));
            CHECK(some.size() == std::min(wanted, all.size()));
            for (const std::string& m : some) CHECK(all.count(m) == 1);
            const std::vector<std::string> any = BulksOf(world.Ask({"SRANDMEMBER", k, "-20"}));
            CHECK(any.size() == (all.empty() ? 0 : 20));
            for (const std::string& m : any) CHECK(all.count(m) == 1);
            break;
          }
          case 9:
          case 10: {
            const uint64_t operation = pick(3);
            std::vector<std::string> keys;
            for (uint64_t i = 1 + pick(3); i > 0; --i) keys.push_back(key());
            const Members wanted = combine(operation, keys);
            const char* names_of[] = {"SINTER", "SUNION", "SDIFF"};
            Argv words = {names_of[operation]};
            words.insert(words.end(), keys.begin(), keys.end());
            CHECK((MembersOf(world.Ask(words)) == wanted));
            if (operation == 0) {
              words = {"SINTERCARD", std::to_string(keys.size())};
              words.insert(words.end(), keys.begin(), keys.end());
              CHECK(world.Ask(words) == Count(wanted.size()));
              words.insert(words.end(), {"LIMIT", "3"});
              CHECK(world.Ask(words) == Count(std::min<size_t>(wanted.size(), 3)));
            }
            break;
          }
          case 11: {
            const uint64_t operation = pick(3);
            std::vector<std::string> keys;
            for (uint64_t i = 1 + pick(3); i > 0; --i) keys.push_back(key());
            const char* names_of[] = {"SINTERSTORE", "SUNIONSTORE", "SDIFFSTORE"};
            Argv words = {names_of[operation], k};
            words.insert(words.end(), keys.begin(), keys.end());
            const Members made = combine(operation, keys);
            put(k, made);
            CHECK(world.Ask(words) == Count(made.size()));
            CheckAll(world, k, made);
            break;
          }
          case 12:
            if (pick(5) == 0) CHECK(world.Ask({"DEL", k}) == Count(model.erase(k)));
            break;
          default:
            if (pick(2) == 0) world.Settle();
            if (pick(10) == 0) world.Reopen();
            if (pick(10) == 0) (void)world.Crash(pick(2) == 0);
            CheckAll(world, k, of(k));
        }
      }
      for (const auto& [k, members] : model) CheckAll(world, k, members);
    }
  });
}

TEST_CASE("collection set: much is answered in slices, cold as well") {
  OnEachEngine(1, [](CommandWorld& world) {
    if (!world.has_pages()) return;
    const Members members = Many(20'000), others = Many(20'000, 10'000);
    AddAll(world, "a", members, 1000);
    AddAll(world, "b", others, 1000);
    Members both, all = members;
    std::set_intersection(members.begin(), members.end(), others.begin(), others.end(),
                          std::inserter(both, both.end()));
    all.insert(others.begin(), others.end());
    for (const bool cold : {true, false}) {
      if (cold) world.Settle();
      CHECK((MembersOf(world.Ask({"SMEMBERS", "a"})) == members));
      if (cold) world.Settle();
      CHECK((MembersOf(world.Ask({"SINTER", "a", "b"})) == both));
      CHECK((MembersOf(world.Ask({"SUNION", "a", "b"})) == all));
      if (cold) world.Settle();
      CHECK(world.Ask({"SDIFFSTORE", "d", "a", "b"}) == Count(members.size() - both.size()));
      CHECK(world.Ask({"SUNIONSTORE", "u", "d", "b"}) == Count(all.size()));
      CHECK((MembersOf(world.Ask({"SMEMBERS", "u"})) == all));
      if (cold) world.Settle();
      CHECK(MembersOf(world.Ask({"SRANDMEMBER", "a", "18000"})).size() == 18'000);
      CHECK(MembersOf(world.Ask({"SPOP", "u", "2000"})).size() == 2000);
      // In a transaction it is one pass, whatever it takes.
      const std::string exec =
          world.Ask(0, {{"MULTI"}, {"SMEMBERS", "a"}, {"SPOP", "d", "3"}, {"EXEC"}});
      CHECK(BulksOf(exec).size() == members.size() + 3);
    }
  });
}
