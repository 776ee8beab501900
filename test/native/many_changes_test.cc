// Commands that change thousands of elements of one collection: they go in slices, between which
// others are served, who see all of the changes or none; and what others change meanwhile is there.
#include <algorithm>
#include <map>
#include <set>

#include "command_world.h"

using namespace cairn;
using namespace cairn::testing;

namespace {

constexpr int kElements = 5000;
constexpr int kTurnsMax = 20'000;

std::string Count(int64_t n) { return ":" + std::to_string(n) + "\r\n"; }
std::string Name(int i) { return "name:" + std::to_string(i); }

// A command on elements [from, to), as `word(&argv, i)` names them.
template <typename Word>
Argv Many(Argv head, int from, int to, Word word) {
  for (int i = from; i < to; ++i) word(&head, i);
  return head;
}
Argv Names(Argv head, int from, int to) {
  return Many(std::move(head), from, to, [](Argv* argv, int i) { argv->push_back(Name(i)); });
}
Argv Pairs(Argv head, int from, int to) {
  return Many(std::move(head), from, to, [](Argv* argv, int i) {
    argv->insert(argv->end(), {Name(i), "value " + std::to_string(i)});
  });
}
Argv Scores(Argv head, int from, int to) {
  return Many(std::move(head), from, to, [](Argv* argv, int i) {
    argv->insert(argv->end(), {std::to_string((i * 7919) % 10'000), Name(i)});
  });
}

struct Step {
  Argv command;
  std::string reply;
  Argv count;      // asks for how many there are
  int64_t before;  // as it answers
  int64_t after;
  Argv other;  // somebody else's change, of an element that the command leaves alone
  int64_t others;
};

// In this order: each goes on with what the one before has left, and two others' elements.
std::vector<Step> Steps() {
  const int n = kElements;
  const Argv llen = {"LLEN", "l"};
  const Argv scard = {"SCARD", "s"}, hlen = {"HLEN", "h"}, zcard = {"ZCARD", "z"};
  return {
      {Names({"SADD", "s"}, 0, n), Count(n), scard, 0, n, {"SADD", "s", "other"}, 1},
      {Names({"SADD", "s"}, n / 2, 2 * n),
       Count(n),
       scard,
       n + 1,
       2 * n + 1,
       {"SADD", "s", "b"},
       1},
      {Names({"SREM", "s"}, 0, 3 * n), Count(2 * n), scard, 2 * n + 2, 2, {"SREM", "s", "b"}, -1},
      {Pairs({"HSET", "h"}, 0, n), Count(n), hlen, 0, n, {"HSET", "h", "other", "1"}, 1},
      {Pairs({"HSET", "h"}, n / 2, 2 * n),
       Count(n),
       hlen,
       n + 1,
       2 * n + 1,
       {"HSET", "h", "b", "2"},
       1},
      {Names({"HDEL", "h"}, 0, 3 * n), Count(2 * n), hlen, 2 * n + 2, 2, {"HDEL", "h", "b"}, -1},
      {Scores({"ZADD", "z"}, 0, n), Count(n), zcard, 0, n, {"ZADD", "z", "-1", "other"}, 1},
      {Scores({"ZADD", "z"}, n / 2, 2 * n),
       Count(n),
       zcard,
       n + 1,
       2 * n + 1,
       {"ZADD", "z", "20000", "b"},
       1},
      {Names({"RPUSH", "l"}, 0, n), Count(n + 1), llen, 0, n, {"LPUSH", "l", "a"}, 1},
      {Names({"LPUSH", "l"}, n, 2 * n),
       Count(2 * n + 2),
       llen,
       n + 1,
       2 * n + 1,
       {"RPUSH", "l", "b"},
       1},
      {Names({"ZREM", "z"}, 0, n), Count(n), zcard, 2 * n + 2, n + 2, {"ZREM", "z", "b"}, -1},
      {{"ZREMRANGEBYSCORE", "z", "0", "10000"},
       Count(n),
       zcard,
       n + 1,
       1,
       {"ZADD", "z", "20001", "c"},
       1},
  };
}

// Sends the command, and looks at it from another connection after each turn. How often.
int Watch(CommandWorld& world, const Step& step, bool disturbed) {
  world.Received(0).clear();
  world.Send(0, {step.command});
  const int64_t others = disturbed ? step.others : 0;
  std::set<std::string> allowed = {Count(step.before), Count(step.before + others),
                                   Count(step.after), Count(step.after + others)};
  int looks = 0;
  for (; world.Received(0).empty() && looks < kTurnsMax; ++looks) {
    std::vector<Argv> asked = {step.count};
    if (disturbed && looks == 1) asked.insert(asked.begin(), step.other);
    world.Received(1).clear();
    world.Send(1, asked);
    for (int turns = 0; world.Received(1).size() < asked.size() * 4 && turns < 100; ++turns)
      world.Turn();
    const std::string& answer = world.Received(1);
    CHECK(allowed.count(answer.substr(answer.rfind(':'))) == 1);
  }
  return looks;
}

}  // namespace

TEST_CASE("many changes: in slices, all at once for others, whoever writes meanwhile") {
  OnEachEngine(1, [](CommandWorld& world) {
    if (!world.has_pages()) return;
    for (const bool cold : {false, true}) {
      for (const Step& step : Steps()) {
        INFO(step.command[0] << (cold ? ", cold" : ""));
        CHECK(world.Ask(step.count) == Count(step.before));
        if (cold) world.Settle();
        const int looks = Watch(world, step, true);
        CHECK(looks > 2);
        CHECK(world.Received(0) == step.reply);
        CHECK(world.Ask(step.count) == Count(step.after + step.others));
      }
      CHECK(world.Ask({"SMEMBERS", "s"}) == "*1\r\n" + Bulk("other"));
      CHECK(world.Ask({"HGETALL", "h"}) == "*2\r\n" + Bulk("other") + Bulk("1"));
      CHECK(BulksOf(world.Ask({"ZRANGE", "z", "0", "-1"})) ==
            std::vector<std::string>{"other", "c"});
      world.Reopen();
      CHECK(world.Ask({"LINDEX", "l", "0"}) == Bulk(Name(2 * kElements - 1)));
      CHECK(world.Ask({"DEL", "s", "h", "z", "l"}) == Count(4));
    }
  });
}

TEST_CASE("many changes: what they leave is what one at a time leaves") {
  OnEachEngine(1, [](CommandWorld& world) {
    if (!world.has_pages()) return;
    for (const Step& step : Steps()) {
      world.Ask(step.command);
      const auto key = step.command[1];
      // The same in a transaction, which takes one pass.
      Argv again = step.command;
      again[1] = "t" + key;
      world.Ask(0, {{"MULTI"}, again, {"EXEC"}});
      const auto all = [&](const std::string& name) {
        std::vector<std::string> bulks =
            BulksOf(world.Ask(key == "s"   ? Argv{"SMEMBERS", name}
                              : key == "h" ? Argv{"HGETALL", name}
                              : key == "l" ? Argv{"LRANGE", name, "0", "-1"}
                                           : Argv{"ZRANGE", name, "0", "-1", "WITHSCORES"}));
        if (key == "s") std::sort(bulks.begin(), bulks.end());
        std::map<std::string, std::string> fields;
        for (size_t i = 0; key == "h" && i + 1 < bulks.size(); i += 2)
          fields[bulks[i]] = bulks[i + 1];
        for (const auto& [field, value] : fields) bulks.insert(bulks.end(), {field, value});
        if (key == "h")
          bulks.erase(bulks.begin(),
                      bulks.begin() + static_cast<std::ptrdiff_t>(2 * fields.size()));
        return bulks;
      };
      CHECK(all(key) == all("t" + key));
      CHECK(world.Ask({"OBJECT", "ENCODING", key}) == world.Ask({"OBJECT", "ENCODING", "t" + key}));
    }
  });
}

TEST_CASE("many changes: SPOP of many, and of all") {
  OnEachEngine(1, [](CommandWorld& world) {
    if (!world.has_pages()) return;
    for (const bool all : {false, true}) {
      INFO("all " << all);
      const int members = all ? 8 * kElements : kElements;  // reading them all is faster
      const int popped = all ? members + 1 : members - 1000;
      world.Ask(Names({"SADD", "s"}, 0, members));
      world.Settle();
      const int64_t stay = all ? 0 : members - popped;
      const Step step = {{"SPOP", "s", std::to_string(popped)},
                         "",
                         {"SCARD", "s"},
                         members,
                         stay,
                         {"SADD", "s", "other"},
                         1};
      CHECK(Watch(world, step, true) > 2);
      const std::vector<std::string> gone = BulksOf(world.Received(0));
      const std::vector<std::string> left = BulksOf(world.Ask({"SMEMBERS", "s"}));
      std::set<std::string> both(gone.begin(), gone.end());
      CHECK(both.size() == gone.size());
      both.insert(left.begin(), left.end());
      CHECK(both.size() == gone.size() + left.size());
      CHECK(both.size() == static_cast<size_t>(members) + 1);
      CHECK(gone.size() == static_cast<size_t>(popped));
      world.Ask({"DEL", "s"});
    }
  });
}

TEST_CASE("many changes: an error changes nothing, and one that disturbs for ever does not win") {
  OnEachEngine(1, [](CommandWorld& world) {
    if (!world.has_pages()) return;
    Argv wrong = Scores({"ZADD", "z"}, 0, kElements);
    wrong[wrong.size() - 2] = "x";
    CHECK(world.Ask(wrong) == "-ERR value is not a valid float\r\n");
    CHECK(world.Ask({"EXISTS", "z"}) == Count(0));
    world.Ask({"SET", "string", "1"});
    CHECK(world.Ask(Names({"SADD", "string"}, 0, kElements)).substr(0, 10) == "-WRONGTYPE");
    world.Received(0).clear();
    world.Send(0, {Names({"SADD", "s"}, 0, kElements)});
    int turns = 0;
    for (; world.Received(0).empty() && turns < kTurnsMax; ++turns) {
      world.Send(1, {{"SADD", "s", "other:" + std::to_string(turns)}});
      world.Turn();
    }
    CHECK(world.Received(0) == Count(kElements));
    CHECK(turns < 1000);
    CHECK(world.Ask({"SISMEMBER", "s", "other:1"}) == Count(1));
    CHECK(world.Ask({"SISMEMBER", "s", Name(kElements - 1)}) == Count(1));
  });
}
