// Commands on sorted sets against a model, over engines whose pages leave memory: every reply byte
// by byte, all content now and then.
#include <algorithm>
#include <charconv>
#include <cmath>
#include <iterator>
#include <map>
#include <random>
#include <set>
#include <tuple>

#include "base/number.h"
#include "command_testing.h"
#include "command_world.h"
#include "environment.h"

using namespace cairn;
using namespace cairn::testing;
using Words = cairn::testing::Argv;

namespace {

std::string ScoreText(double score) {
  char text[kDoubleTextBytes];
  return {text, FormatDouble(score, text)};
}

using Pair = std::pair<double, std::string>;

// What a sorted set holds, and what commands answer, in the plainest way.
class Model {
 public:
  std::map<std::string, double> scores;
  std::set<Pair> order;  // (-0 is never put in here)

  std::string Add(const std::string& flags, const std::vector<Pair>& pairs) {
    int64_t added = 0, changed = 0;
    for (const auto& [score, member] : pairs) {
      const auto at = scores.find(member);
      const bool there = at != scores.end();
      if (there ? flags.find("NX") != std::string::npos : flags.find("XX") != std::string::npos)
        continue;
      if (there && flags.find("GT") != std::string::npos && score <= at->second) continue;
      if (there && flags.find("LT") != std::string::npos && score >= at->second) continue;
      added += !there;
      changed += there && at->second != score;
      Put(member, score);
    }
    return Integer(added + (flags.find("CH") != std::string::npos ? changed : 0));
  }
  void Put(const std::string& member, double score) {
    Remove(member);
    scores[member] = score;
    order.insert({score, member});
  }
  bool Remove(const std::string& member) {
    const auto at = scores.find(member);
    if (at == scores.end()) return false;
    order.erase({at->second, member});
    scores.erase(at);
    return true;
  }
  std::vector<Pair> All() const { return {order.begin(), order.end()}; }
  // Those of ranks from `from` up to, and without, `to`; as far as there are any.
  std::vector<Pair> Ranks(size_t from, size_t to) const {
    to = std::min(to, order.size());
    if (from >= to) return {};
    const auto first = std::next(order.begin(), static_cast<std::ptrdiff_t>(from));
    return {first, std::next(first, static_cast<std::ptrdiff_t>(to - from))};
  }
  int64_t RankOf(const std::string& member) const {
    return std::distance(order.begin(), order.find({scores.at(member), member}));
  }
};

std::string Pairs(const std::vector<Pair>& pairs, bool with_scores = true) {
  std::string reply = "*" + std::to_string(pairs.size() * (with_scores ? 2 : 1)) + "\r\n";
  for (const auto& [score, member] : pairs) {
    reply += Bulk(member);
    if (with_scores) reply += Bulk(ScoreText(score));
  }
  return reply;
}

class Play {
 public:
  Play(const char* engine, uint64_t seed, size_t members)
      : random_(seed), members_(members), world_(EngineNamed(engine, seed)) {}

  void Fill() {
    while (model_.scores.size() < members_) {
      Words words{"ZADD", "z"};
      std::vector<Pair> pairs;
      for (int i = 0; i < 500; ++i) pairs.push_back({Score(), Member()});
      for (const auto& [score, member] : pairs) {
        words.push_back(ScoreText(score));
        words.push_back(member);
      }
      Expect(words, model_.Add("", pairs));
    }
  }
  void Step() {
    switch (Pick(16)) {
      case 0:
      case 1:
      case 2:
        return AddSome();
      case 3:
        return Increment();
      case 4:
        return RemoveSome();
      case 5:
        return ShowScore();
      case 6:
        return ShowRank();
      case 7:
      case 8:
        return ShowRanks();
      case 9:
        return ShowScores();
      case 10:
        return Count();
      case 11:
        return RemoveRange();
      case 12:
        return Pop();
      case 13:
        return Card();
      case 14:
        return Pick(20) == 0 ? Rename() : Random();
      default:
        if (Pick(3) == 0) world_.Settle();
    }
  }
  void CheckAll() {
    const std::vector<Pair> all = model_.All();
    Expect({"ZRANGE", "z", "0", "-1", "WITHSCORES"}, Pairs(all));
    std::vector<Pair> reversed(all.rbegin(), all.rend());
    Expect({"ZREVRANGE", "z", "0", "-1", "WITHSCORES"}, Pairs(reversed));
    std::map<std::string, std::string> scanned;
    std::string cursor = "0";
    do {
      const Words reply = BulksOf(world_.Ask({"ZSCAN", "z", cursor, "COUNT", "700"}));
      cursor = reply.at(0);
      for (size_t i = 1; i + 1 < reply.size(); i += 2)
        REQUIRE(scanned.emplace(reply[i], reply[i + 1]).second);
    } while (cursor != "0");
    REQUIRE(scanned.size() == model_.scores.size());
    for (const auto& [member, score] : model_.scores) REQUIRE(scanned.count(member) == 1);
  }
  uint32_t Pick(uint64_t n) { return static_cast<uint32_t>(random_() % n); }
  CommandWorld& world() { return world_; }

 private:
  void Expect(const Words& words, const std::string& reply) {
    const std::string answer = world_.Ask(words);
    if (answer == reply) return;
    std::string text;
    for (size_t i = 0; i < words.size() && i < 12; ++i) text += words[i] + " ";
    REQUIRE_MESSAGE(answer.substr(0, 300) == reply.substr(0, 300), text);
    REQUIRE_MESSAGE(answer == reply, text);
  }
  double Score() {
    switch (Pick(6)) {
      case 0:
        return Pick(10);
      case 1:
        return -static_cast<double>(Pick(1000)) / 4;
      case 2:
        return Pick(3) == 0 ? HUGE_VAL : static_cast<double>(random_() % 1000) * 1e10;
      default:
        return static_cast<double>(random_() % 100'000) / 8;
    }
  }
  std::string Member() {
    const uint64_t number = random_() % (2 * members_ + 10);
    // Some long ones, alike for more than a page keeps of them.
    if (number % 97 == 0) return std::string(200, 'm') + std::to_string(number);
    return "m" + std::to_string(number);
  }
  std::string Known() {
    if (model_.scores.empty() || Pick(5) == 0) return Member();
    const auto at = model_.scores.lower_bound(Member());
    return at == model_.scores.end() ? model_.scores.begin()->first : at->first;
  }
  void AddSome() {
    static const char* kFlags[] = {"", "", "", "NX", "XX", "GT", "LT", "XX CH", "CH", "GT CH"};
    const std::string flags = kFlags[Pick(std::size(kFlags))];
    Words words{"ZADD", "z"};
    for (size_t at = 0; at < flags.size(); at += 3) words.push_back(flags.substr(at, 2));
    std::vector<Pair> pairs;
    const uint32_t count = Pick(30) == 0 ? 200 : 1 + Pick(4);
    for (uint32_t i = 0; i < count; ++i) {
      pairs.push_back({Score(), Pick(2) == 0 ? Known() : Member()});
      words.push_back(ScoreText(pairs.back().first));
      words.push_back(pairs.back().second);
    }
    const std::string reply = model_.Add(flags, pairs);
    Expect(words, reply);
  }
  void Increment() {
    const std::string member = Known();
    const double by = static_cast<double>(Pick(100)) - 50;
    const auto at = model_.scores.find(member);
    const double score = (at == model_.scores.end() ? 0 : at->second) + by;
    model_.Put(member, score == 0 ? 0.0 : score);
    Expect({"ZINCRBY", "z", ScoreText(by), member}, Bulk(ScoreText(score)));
  }
  void RemoveSome() {
    Words words{"ZREM", "z"};
    int64_t removed = 0;
    const uint32_t count = Pick(20) == 0 ? 100 : 1 + Pick(3);
    for (uint32_t i = 0; i < count; ++i) {
      words.push_back(Known());
      removed += model_.Remove(words.back());
    }
    Expect(words, Integer(removed));
  }
  void ShowScore() {
    Words words{"ZMSCORE", "z"};
    std::string reply = "*3\r\n";
    for (int i = 0; i < 3; ++i) {
      words.push_back(Known());
      const auto at = model_.scores.find(words.back());
      reply += at == model_.scores.end() ? kNil : Bulk(ScoreText(at->second));
    }
    Expect(words, reply);
  }
  void ShowRank() {
    const std::string member = Known();
    const bool there = model_.scores.count(member) != 0;
    const bool reverse = Pick(2) == 0;
    int64_t rank = there ? model_.RankOf(member) : 0;
    if (reverse) rank = static_cast<int64_t>(model_.scores.size()) - 1 - rank;
    Expect({reverse ? "ZREVRANK" : "ZRANK", "z", member}, there ? Integer(rank) : kNil);
    if (there) {
      Expect({"ZRANK", "z", member, "WITHSCORE"},
             "*2\r\n" + Integer(model_.RankOf(member)) + Bulk(ScoreText(model_.scores.at(member))));
    }
  }
  void ShowRanks() {
    const auto count = static_cast<int64_t>(model_.order.size());
    const int64_t start = count == 0 ? 0 : static_cast<int64_t>(Pick(model_.order.size() + 3)) - 2;
    const int64_t end = start + Pick(40);
    int64_t first = std::max<int64_t>(start < 0 ? start + count : start, 0);
    int64_t last = std::min(start < 0 && end < 0 ? end + count : end, count - 1);
    const bool reverse = Pick(2) == 0;
    if ((start >= 0) != (end >= 0)) return;
    std::vector<Pair> part;
    if (first <= last) {
      if (reverse) std::tie(first, last) = std::pair(count - 1 - last, count - 1 - first);
      part = model_.Ranks(static_cast<size_t>(first), static_cast<size_t>(last) + 1);
    }
    if (reverse) std::reverse(part.begin(), part.end());
    Words words{"ZRANGE", "z", std::to_string(start), std::to_string(end), "WITHSCORES"};
    if (reverse) words.push_back("REV");
    Expect(words, Pairs(part));
  }
  // Elements in a range of scores, in order.
  std::vector<Pair> Within(double min, bool min_open, double max, bool max_open) {
    std::vector<Pair> part;
    for (const Pair& pair : model_.order) {
      if (min_open ? pair.first <= min : pair.first < min) continue;
      if (max_open ? pair.first >= max : pair.first > max) break;
      part.push_back(pair);
    }
    return part;
  }
  struct Range {
    double min, max;
    bool min_open, max_open;
    std::string Min() const { return (min_open ? "(" : "") + ScoreText(min); }
    std::string Max() const { return (max_open ? "(" : "") + ScoreText(max); }
  };
  Range SomeRange() {
    const double min = Score();
    const double max = Pick(4) == 0 ? Score() : min + Pick(200);
    return {min, max, Pick(3) == 0, Pick(3) == 0};
  }
  void ShowScores() {
    const Range range = SomeRange();
    std::vector<Pair> part = Within(range.min, range.min_open, range.max, range.max_open);
    const bool reverse = Pick(2) == 0;
    if (reverse) std::reverse(part.begin(), part.end());
    Words words{reverse ? "ZREVRANGEBYSCORE" : "ZRANGEBYSCORE", "z",
                reverse ? range.Max() : range.Min(), reverse ? range.Min() : range.Max()};
    if (Pick(2) == 0) {
      const size_t offset = Pick(10), limit = Pick(20);
      words.insert(words.end(), {"LIMIT", std::to_string(offset), std::to_string(limit)});
      part.erase(part.begin(), part.begin() + static_cast<long>(std::min(offset, part.size())));
      part.resize(std::min(limit, part.size()));
    }
    Expect(words, Pairs(part, false));
  }
  void Count() {
    const Range range = SomeRange();
    const size_t count = Within(range.min, range.min_open, range.max, range.max_open).size();
    Expect({"ZCOUNT", "z", range.Min(), range.Max()}, Integer(static_cast<int64_t>(count)));
  }
  void RemoveRange() {
    std::vector<Pair> part;
    Words words;
    if (Pick(2) == 0 && !model_.scores.empty()) {
      const size_t start = Pick(model_.order.size());
      const size_t end = std::min(model_.order.size() - 1, start + Pick(Pick(10) == 0 ? 400 : 20));
      part = model_.Ranks(start, end + 1);
      words = {"ZREMRANGEBYRANK", "z", std::to_string(start), std::to_string(end)};
    } else {
      Range range = SomeRange();
      range.max = range.min + 2;
      part = Within(range.min, range.min_open, range.max, range.max_open);
      words = {"ZREMRANGEBYSCORE", "z", range.Min(), range.Max()};
    }
    for (const Pair& pair : part) model_.Remove(pair.second);
    Expect(words, Integer(static_cast<int64_t>(part.size())));
  }
  void Pop() {
    const bool greatest = Pick(2) == 0;
    const size_t count = Pick(Pick(10) == 0 ? 300 : 4);
    const size_t members = model_.order.size();
    std::vector<Pair> popped = greatest ? model_.Ranks(members - std::min(count, members), members)
                                        : model_.Ranks(0, count);
    if (greatest) std::reverse(popped.begin(), popped.end());
    for (const Pair& pair : popped) model_.Remove(pair.second);
    Expect({greatest ? "ZPOPMAX" : "ZPOPMIN", "z", std::to_string(count)}, Pairs(popped));
  }
  void Card() {
    Expect({"ZCARD", "z"}, Integer(static_cast<int64_t>(model_.scores.size())));
    Expect({"EXISTS", "z"}, Integer(!model_.scores.empty()));
  }
  void Random() {
    const int64_t wanted = static_cast<int64_t>(Pick(40)) - 15;
    const Words picked =
        BulksOf(world_.Ask({"ZRANDMEMBER", "z", std::to_string(wanted), "WITHSCORES"}));
    const size_t count = model_.scores.size();
    const size_t expected = wanted < 0 ? (count == 0 ? 0 : static_cast<size_t>(-wanted))
                                       : std::min(static_cast<size_t>(wanted), count);
    REQUIRE(picked.size() == 2 * expected);
    std::set<std::string> different;
    for (size_t i = 0; i < picked.size(); i += 2) {
      REQUIRE(model_.scores.count(picked[i]) == 1);
      REQUIRE(ScoreText(model_.scores.at(picked[i])) == picked[i + 1]);
      different.insert(picked[i]);
    }
    if (wanted >= 0) REQUIRE(different.size() == expected);
  }
  void Rename() {
    if (model_.scores.empty()) return;
    Expect({"RENAME", "z", "y"}, kOk);
    Expect({"RENAME", "y", "z"}, kOk);
  }

  std::mt19937_64 random_;
  const size_t members_;
  Model model_;
  CommandWorld world_;
};

}  // namespace

TEST_CASE("zset commands: as the model, while pages leave memory") {
  const uint64_t first = FromEnvironment("CAIRN_SIM_SEED", 1);
  const uint64_t runs = FromEnvironment("CAIRN_CONTRACT_RUNS", 3);
  for (const char* engine : {"map", "cold map"}) {
    for (const size_t members : {0, 3, 60, 1500}) {
      for (uint64_t seed = first; seed < first + runs; ++seed) {
        INFO(engine << ", " << members << " members, seed " << seed);
        Play play(engine, seed, members);
        play.Fill();
        for (int step = 0; step < 600; ++step) {
          play.Step();
          if (step % 150 == 149) play.CheckAll();
        }
      }
    }
  }
}

TEST_CASE("zset commands: many members") {
  const auto run = [](const char* engine, size_t members) {
    INFO(engine);
    Play play(engine, 7, members);
    play.Fill();
    play.world().Settle();
    for (int step = 0; step < 100; ++step) play.Step();
    play.CheckAll();
  };
  run("map", Runs(100'000));
  run("cold map", 20'000);  // more than go in one slice
}
