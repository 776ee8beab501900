// Lists, through commands, on each engine: against a vector, small and of many pages, cold, opened
// again, in slices, and with clients that wait.
#include <algorithm>
#include <random>
#include <string>
#include <vector>

#include "collection/list.h"
#include "command_world.h"
#include "environment.h"
#include "rdb/listpack.h"

using namespace cairn;
using namespace cairn::testing;

namespace {

using Elements = std::vector<std::string>;
using Random = std::mt19937_64;

std::string Count(int64_t n) { return ":" + std::to_string(n) + "\r\n"; }
Elements Range(CommandWorld& world, int64_t from = 0, int64_t to = -1) {
  return BulksOf(world.Ask({"LRANGE", "l", std::to_string(from), std::to_string(to)}));
}

std::string SomeElement(Random& random) {
  const uint64_t what = random() % 100;
  if (what < 50) return std::to_string(random() % 20);
  if (what < 80) return "element:" + std::to_string(random() % 1000);
  if (what < 98) return std::string(random() % 300, static_cast<char>('a' + random() % 26));
  return std::string(5000 + random() % 3000, static_cast<char>('a' + random() % 26));
}

int64_t Signed(Random& random, size_t size) {
  const auto rank = static_cast<int64_t>(random() % size);
  return random() % 2 == 0 ? rank : rank - static_cast<int64_t>(size);
}

// One random command, and what it makes of the model.
void Step(CommandWorld& world, Random& random, bool growing, Elements* model) {
  const auto ask = [&](Argv words) { return world.Ask(words); };
  const uint64_t what = random() % 100;
  const bool front = random() % 2 == 0;
  const size_t size = model->size();
  if (what < (growing ? 45u : 15u)) {
    Argv words = {front ? "LPUSH" : "RPUSH", "l"};
    for (uint64_t n = random() % 10 == 0 ? random() % 60 + 1 : random() % 4 + 1; n > 0; --n)
      words.push_back(SomeElement(random));
    for (size_t i = 2; i < words.size(); ++i)
      model->insert(front ? model->begin() : model->end(), words[i]);
    REQUIRE(ask(words) == Count(static_cast<int64_t>(model->size())));
  } else if (size == 0) {
    REQUIRE(ask({"LLEN", "l"}) == Count(0));
  } else if (what < (growing ? 55u : 45u)) {
    const size_t most = std::min<size_t>(size, random() % (growing ? 3 : 30) + 1);
    Elements popped;
    for (size_t i = 0; i < most; ++i) {
      popped.push_back(front ? model->front() : model->back());
      model->erase(front ? model->begin() : model->end() - 1);
    }
    REQUIRE(BulksOf(ask({front ? "LPOP" : "RPOP", "l", std::to_string(most)})) == popped);
  } else if (what < 60) {
    const int64_t at = Signed(random, size);
    const size_t rank = static_cast<size_t>(at < 0 ? at + static_cast<int64_t>(size) : at);
    (*model)[rank] = SomeElement(random);
    REQUIRE(ask({"LSET", "l", std::to_string(at), (*model)[rank]}) == "+OK\r\n");
  } else if (what < 68) {
    const std::string pivot = random() % 4 == 0 ? SomeElement(random) : (*model)[random() % size];
    const std::string value = SomeElement(random);
    auto place = std::find(model->begin(), model->end(), pivot);
    const bool found = place != model->end();
    if (found) model->insert(front ? place : place + 1, value);
    REQUIRE(ask({"LINSERT", "l", front ? "BEFORE" : "AFTER", pivot, value}) ==
            Count(found ? static_cast<int64_t>(model->size()) : -1));
  } else if (what < 74) {
    const std::string element = (*model)[random() % size];
    const auto count = static_cast<int64_t>(random() % 7) - 3;
    int64_t left = count == 0 ? INT64_MAX : std::abs(count), gone = 0;
    if (count < 0) std::reverse(model->begin(), model->end());
    std::erase_if(*model, [&](const std::string& other) {
      const bool goes = other == element && gone < left;
      gone += goes;
      return goes;
    });
    if (count < 0) std::reverse(model->begin(), model->end());
    REQUIRE(ask({"LREM", "l", std::to_string(count), element}) == Count(gone));
  } else if (what < 79) {
    const size_t first = random() % 3, last = random() % (growing ? 3 : size / 3 + 1);
    REQUIRE(ask({"LTRIM", "l", std::to_string(first),
                 std::to_string(-static_cast<int64_t>(last) - 1)}) == "+OK\r\n");
    if (first + last >= size) {
      model->clear();
    } else {
      model->erase(model->end() - static_cast<long>(last), model->end());
      model->erase(model->begin(), model->begin() + static_cast<long>(first));
    }
  } else if (what < 84) {
    const std::string moved = front ? model->front() : model->back();
    const bool to_front = random() % 2 == 0;
    model->erase(front ? model->begin() : model->end() - 1);
    model->insert(to_front ? model->begin() : model->end(), moved);
    REQUIRE(ask({"LMOVE", "l", "l", front ? "LEFT" : "RIGHT", to_front ? "LEFT" : "RIGHT"}) ==
            Bulk(moved));
  } else if (what < 90) {
    const int64_t at = Signed(random, size);
    const size_t rank = static_cast<size_t>(at < 0 ? at + static_cast<int64_t>(size) : at);
    REQUIRE(ask({"LINDEX", "l", std::to_string(at)}) == Bulk((*model)[rank]));
  } else if (what < 95) {
    const std::string element = (*model)[random() % size];
    const auto at = std::find(model->begin(), model->end(), element) - model->begin();
    REQUIRE(ask({"LPOS", "l", element}) == Count(at));
  } else {
    const size_t from = random() % size, to = from + random() % 40;
    const Elements wanted(model->begin() + static_cast<long>(from),
                          model->begin() + static_cast<long>(std::min(to + 1, size)));
    REQUIRE(Range(world, static_cast<int64_t>(from), static_cast<int64_t>(to)) == wanted);
  }
}

}  // namespace

TEST_CASE("collection list: items of a listpack take what they take there") {
  for (const std::string& text : {std::string(),
                                  std::string("127"),
                                  std::string("128"),
                                  std::string("-1"),
                                  std::string("4095"),
                                  std::string("4096"),
                                  std::string("-4096"),
                                  std::string("-4097"),
                                  std::string("32767"),
                                  std::string("32768"),
                                  std::string("8388607"),
                                  std::string("8388608"),
                                  std::string("2147483647"),
                                  std::string("2147483648"),
                                  std::string("9223372036854775807"),
                                  std::string("9223372036854775808"),
                                  std::string("01"),
                                  std::string("-0"),
                                  std::string(63, 'x'),
                                  std::string(64, 'x'),
                                  std::string(125, 'x'),
                                  std::string(126, 'x'),
                                  std::string(4095, 'x'),
                                  std::string(4096, 'x'),
                                  std::string(20000, 'x')}) {
    INFO(text.substr(0, 30) << " " << text.size());
    rdb::Listpack pack;
    const size_t before = pack.bytes();
    pack.Append(text);
    CHECK(ListpackItemBytes(text) == pack.bytes() - before);
  }
}

TEST_CASE("collection list: random commands, warm and cold, opened again") {
  OnEachEngine(3, [](CommandWorld& world) {
    const uint64_t seed = FromEnvironment("CAIRN_LIST_SEED", 1);
    INFO("CAIRN_LIST_SEED=" << seed);
    Random random(seed);
    Elements model;
    const uint64_t steps = Runs(world.has_pages() ? 2500 : 0);
    for (uint64_t step = 0; step < steps; ++step) {
      INFO("step " << step);
      Step(world, random, step / 400 % 2 == 0, &model);
      if (step % 50 == 0) world.Settle();
      if (step % 100 == 0) REQUIRE(Range(world) == model);
      if (step % 500 == 499) world.Reopen();
    }
    REQUIRE(Range(world) == model);
    world.Ask({"DEL", "l"});
  });
}

TEST_CASE("collection list: a crash leaves what was acknowledged") {
  OnEachEngine(4, [](CommandWorld& world) {
    if (!world.has_pages()) return;
    Random random(5);
    Elements model;
    for (int round = 0; round < 4; ++round) {
      for (uint64_t step = 0; step < Runs(150); ++step) Step(world, random, round < 3, &model);
      if (!world.Crash(round % 2 == 0)) return;
      REQUIRE(Range(world) == model);
    }
  });
}

TEST_CASE("collection list: long ones in slices, and in one piece in an EXEC") {
  OnEachEngine(5, [](CommandWorld& world) {
    if (!world.has_pages()) return;
    Elements model;
    for (int i = 0; i < 30; ++i) {
      Argv words = {"RPUSH", "l"};
      for (int j = 0; j < 1000; ++j) words.push_back(std::to_string(i * 1000 + j));
      model.insert(model.end(), words.begin() + 2, words.end());
      REQUIRE(world.Ask(words) == Count(static_cast<int64_t>(model.size())));
    }
    world.Settle();
    REQUIRE(Range(world) == model);
    CHECK(world.Ask({"LPOS", "l", "29999"}) == Count(29999));
    CHECK(world.Ask({"LPOS", "l", "0", "RANK", "-1"}) == Count(0));
    CHECK(world.Ask({"LPOS", "l", "none"}) == "$-1\r\n");
    CHECK(world.Ask({"LINSERT", "l", "AFTER", "25000", "new"}) == Count(30001));
    CHECK(world.Ask({"LINSERT", "l", "AFTER", "none", "new"}) == Count(-1));
    CHECK(world.Ask({"LREM", "l", "-1", "new"}) == Count(1));
    CHECK(world.Ask({"LREM", "l", "0", "7"}) == Count(1));
    model.erase(model.begin() + 7);
    world.Settle();
    const std::string exec = world.Ask(0, {{"MULTI"}, {"LRANGE", "l", "0", "-1"}, {"EXEC"}});
    CHECK((BulksOf(exec) == model));
    CHECK(world.Ask({"LTRIM", "l", "10", "-11"}) == "+OK\r\n");
    model.erase(model.end() - 10, model.end());
    model.erase(model.begin(), model.begin() + 10);
    CHECK((Range(world) == model));
    CHECK(world.Ask({"LTRIM", "l", "1", "0"}) == "+OK\r\n");
    CHECK(world.Ask({"EXISTS", "l"}) == Count(0));
  });
}

TEST_CASE("collection list: who waits is served from cold lists too") {
  OnEachEngine(6, [](CommandWorld& world) {
    if (!world.has_pages()) return;
    Argv words = {"RPUSH", "to"};
    for (int i = 0; i < 3000; ++i) words.push_back("element " + std::to_string(i));
    world.Ask(words);
    // The other list, and its latch, have to be fetched for it.
    world.Send(1, {{"BLMOVE", "from", "to", "LEFT", "RIGHT", "0"}});
    world.Settle();
    CHECK(world.Ask({"RPUSH", "from", "new"}) == Count(1));
    for (int turns = 0; turns < 50; ++turns) world.Turn();
    CHECK(world.Received(1) == Bulk("new"));
    CHECK(world.Ask({"LLEN", "to"}) == Count(3001));
    CHECK(world.Ask({"LINDEX", "to", "-1"}) == Bulk("new"));
    CHECK(world.Ask({"EXISTS", "from"}) == Count(0));
    // A list that comes from the disk under the key.
    world.Received(1).clear();
    world.Send(1, {{"BRPOP", "name", "0"}});
    world.Settle();
    CHECK(world.Ask({"RENAME", "to", "name"}) == "+OK\r\n");
    for (int turns = 0; turns < 50; ++turns) world.Turn();
    CHECK(world.Received(1) == "*2\r\n" + Bulk("name") + Bulk("new"));
    CHECK(world.Ask({"LLEN", "name"}) == Count(3000));
  });
}
