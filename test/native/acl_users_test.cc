// The table of users, what it tells sessions, the log of what was denied, and waiting addresses.
#include <doctest/doctest.h>

#include <atomic>
#include <thread>

#include "acl/judge.h"
#include "acl/log.h"
#include "acl/throttle.h"
#include "acl/users.h"
#include "acl_testing.h"

using namespace cairn;
using namespace cairn::acl;
using Words = std::vector<std::string_view>;

namespace {

struct Table {
  Registry registry;
  Users users;

  Table() : users(acl::testing::World::Filled(&registry)) { users.Begin(); }

  std::string Set(std::string_view name, const Words& rules) { return users.Set(name, rules); }
  Login In(std::string_view name, std::string_view password = "") {
    Login login;
    login.account = users.Authenticate(name, password);
    REQUIRE(login.account != nullptr);
    users.Refresh(&login, true);
    return login;
  }
};

}  // namespace

TEST_CASE("acl users: the default user, with and without a password") {
  Table table;
  CHECK(table.users.default_open());
  CHECK(table.In("default", "whatever").free());
  table.users.SetDefaultPassword("secret");
  CHECK_FALSE(table.users.default_open());
  CHECK(table.users.Authenticate("default", "whatever") == nullptr);
  CHECK(table.users.Authenticate("default", "secret") != nullptr);
  Login out;
  out.account = table.users.DefaultAccount();
  table.users.Refresh(&out, false);
  CHECK(out.state == Login::State::kOut);
  CHECK_FALSE(out.free());
  table.users.SetDefaultPassword("");
  table.users.Refresh(&out, false);
  CHECK(out.state == Login::State::kIn);
  CHECK(out.free_at == table.users.generation());
}

TEST_CASE("acl users: a password before the table is complete") {
  Registry registry;
  Users users(acl::testing::World::Filled(&registry));
  users.SetDefaultPassword("early");
  users.Begin();
  CHECK(users.Authenticate("default", "early") != nullptr);
  CHECK(users.Authenticate("default", "") == nullptr);
}

TEST_CASE("acl users: an edit moves the generation, and sessions see it") {
  Table table;
  CHECK(table.Set("bob", {"on", ">pw", "+@all", "allkeys", "allchannels"}).empty());
  Login login = table.In("bob", "pw");
  CHECK(login.free());
  CHECK(table.Set("bob", {"-get"}).empty());
  CHECK(login.free_at != table.users.generation());
  table.users.Refresh(&login, true);
  CHECK_FALSE(login.free());
  const uint64_t before = table.users.generation();
  CHECK_FALSE(table.Set("bob", {"+get", "bogus"}).empty());
  CHECK(table.users.generation() == before);
  CHECK(table.Set("bob", {"off"}).empty());
  CHECK(table.users.Authenticate("bob", "pw") == nullptr);
}

TEST_CASE("acl users: one of the same name is another one") {
  Table table;
  CHECK(table.Set("bob", {"on", "nopass"}).empty());
  Login login = table.In("bob");
  CHECK(table.users.Delete("bob"));
  CHECK_FALSE(table.users.Delete("bob"));
  CHECK_FALSE(table.users.Delete("default"));
  CHECK(table.Set("bob", {"on", "nopass", "+@all"}).empty());
  table.users.Refresh(&login, true);
  CHECK(login.state == Login::State::kGone);
  CHECK_FALSE(login.free());
}

TEST_CASE("acl users: lines replace all, or nothing") {
  Table table;
  CHECK(table.Set("bob", {"on", "nopass"}).empty());
  CHECK(table.Set("carol", {"on", "nopass"}).empty());
  Login bob = table.In("bob"), carol = table.In("carol");
  const std::vector<UserLine> wrong = {
      {"bob", {"on"}}, {"bob", {"on"}}, {"a b", {}}, {"dave", {"+nosuch"}}};
  const auto errors = table.users.Load(wrong);
  REQUIRE(errors.size() == 3);
  CHECK(errors[0].line == 1);
  CHECK(errors[1].line == 2);
  CHECK(errors[2].line == 3);
  CHECK(table.users.Find("carol") != nullptr);
  const std::vector<UserLine> lines = {{"bob", {"on", "+get", "~b*"}}};
  CHECK(table.users.Load(lines).empty());
  table.users.Refresh(&bob, true);
  table.users.Refresh(&carol, true);
  CHECK(bob.state == Login::State::kIn);
  CHECK(carol.state == Login::State::kGone);
  CHECK(table.users.All().size() == 2);
  CHECK(table.In("default").free());
}

TEST_CASE("acl users: what ACL LIST shows makes the same users again") {
  Table table;
  CHECK(
      table.Set("bob", {"on", ">pw", "~a", "%R~b", "&c", "+get", "(", "+set", "~x", ")"}).empty());
  const std::vector<std::string> before = table.users.Describe();
  std::vector<UserLine> lines;
  for (const std::string& text : before) {
    UserLine line;
    size_t at = 5;  // behind "user "
    for (size_t end = 0; end != std::string::npos; at = end + 1) {
      end = text.find(' ', at);
      const std::string word = text.substr(at, end == std::string::npos ? end : end - at);
      if (line.name.empty()) {
        line.name = word;
      } else {
        line.rules.push_back(word);
      }
    }
    lines.push_back(std::move(line));
  }
  CHECK(table.users.Load(lines).empty());
  CHECK(table.users.Describe() == before);
}

TEST_CASE("acl users: channels that new users may use") {
  Table table;
  CHECK(table.Set("bob", {}).empty());
  table.users.SetChannelsByDefault(true);
  CHECK(table.Set("carol", {}).empty());
  CHECK_FALSE(table.users.Find("bob")->root().all_channels());
  CHECK(table.users.Find("carol")->root().all_channels());
  CHECK(table.Set("bob", {"reset"}).empty());
  CHECK(table.users.Find("bob")->root().all_channels());
}

TEST_CASE("acl judge: what stands in the way") {
  Table table;
  CHECK(table.Set("bob", {"+get", "+publish", "+mget", "~a*", "&c*"}).empty());
  const auto user = table.users.Find("bob");
  Judge judge(&table.users);
  const auto ask = [&](const Words& argv) {
    return judge.Ask(*user, *table.registry.Find(argv[0]), argv);
  };
  CHECK(ask({"get", "a1"}).allowed());
  CHECK(ask({"mget", "a1", "b", "c"}).object == "b");
  CHECK(ask({"mget", "a1", "b", "c"}).what == Denied::kKey);
  CHECK(ask({"set", "a1", "1"}).object == "set");
  CHECK(ask({"publish", "c1", "x"}).allowed());
  CHECK(ask({"publish", "d1", "x"}).what == Denied::kChannel);
  CHECK(MayListen(*user, "c5", false));
  CHECK(MayListen(*user, "c*", true));
  CHECK_FALSE(MayListen(*user, "c5", true));
}

TEST_CASE("acl judge: SORT of what nobody names") {
  Table table;
  const Command& sort = *table.registry.Find("sort");
  const auto why = [&](const Words& rules, const Words& argv) {
    table.users.Delete("bob");
    CHECK(table.Set("bob", rules).empty());
    return Judge::WhyNotUnnamed(*table.users.Find("bob"), sort, argv);
  };
  const Words by = {"sort", "a", "BY", "w_*"}, get = {"sort", "a", "GET", "w_*"};
  CHECK_FALSE(why({"+sort", "~a"}, by).empty());
  CHECK(why({"+sort", "~a"}, by) != why({"+sort", "~a"}, get));
  CHECK(why({"+sort", "~a"}, {"sort", "a", "BY", "nosort"}).empty());
  CHECK_FALSE(why({"+sort", "%W~*"}, by).empty());
  CHECK(why({"+sort", "%R~*"}, by).empty());
  CHECK(why({"(+sort ~*)"}, get).empty());
}

TEST_CASE("acl log: what is alike counts, the oldest goes") {
  acl::Log log;
  const auto add = [&log](std::string object, uint64_t now_ms) {
    LogEntry entry;
    entry.object = std::move(object);
    entry.user = "bob";
    log.Add(std::move(entry), now_ms);
  };
  add("a", 1000);
  add("b", 2000);
  add("a", 3000);
  auto entries = log.Latest(10);
  REQUIRE(entries.size() == 2);
  CHECK(entries[0].object == "a");
  CHECK(entries[0].count == 2);
  CHECK(entries[0].created_ms == 1000);
  CHECK(entries[0].updated_ms == 3000);
  add("a", 3001 + acl::Log::kLikeMillis);
  CHECK(log.Latest(10).size() == 3);
  log.SetLength(2);
  CHECK(log.Latest(10).size() == 2);
  add(std::string(10 * acl::Log::kObjectBytesMax, 'x'), 200'000);
  CHECK(log.Latest(1)[0].object.size() == acl::Log::kObjectBytesMax);
  log.Reset();
  CHECK(log.Latest(10).empty());
  log.SetLength(0);
  add("a", 1);
  CHECK(log.Latest(10).empty());
}

TEST_CASE("acl throttle: wrong passwords make an address wait, and no other") {
  Throttle throttle;
  CHECK(throttle.DelayMillis("10.0.0.1:5", 0) == 0);
  for (uint32_t i = 0; i < Throttle::kFreeFailures; ++i) {
    CHECK(throttle.DelayMillis("10.0.0.1:5", 1000) == 0);
    throttle.Failed("10.0.0.1:5", 1000);
  }
  CHECK(throttle.DelayMillis("10.0.0.1:6", 1000) == Throttle::kFirstMillis);
  CHECK(throttle.DelayMillis("10.0.0.2:5", 1000) == 0);
  throttle.Failed("10.0.0.1:9", 2000);
  CHECK(throttle.DelayMillis("10.0.0.1:6", 2000) == 2 * Throttle::kFirstMillis);
  for (int i = 0; i < 100; ++i) throttle.Failed("10.0.0.1:9", 2000);
  CHECK(throttle.DelayMillis("10.0.0.1:6", 2000) == Throttle::kMillisMax);
  CHECK(throttle.DelayMillis("10.0.0.1:6", 2001 + Throttle::kForgetMillis) == 0);
  for (size_t i = 0; i < 2 * Throttle::kAddressesMax; ++i)
    throttle.Failed(std::to_string(i) + ":1", 100'000);
}

// What reactors do at a time; the thread sanitizer looks at it.
TEST_CASE("acl users: several sessions log in, are judged and denied while users change") {
  constexpr uint64_t kEdits = 300;
  Table table;
  Log log;
  Throttle throttle;
  REQUIRE(table.Set("bob", {"on", ">secret", "~a*", "+get"}).empty());
  std::atomic<bool> over{false};
  std::atomic<uint64_t> questions{0};
  const auto session = [&](std::string_view address) {
    Judge judge(&table.users);
    const Command& get = *table.users.catalog().Find("get");
    const Words argv{"get", "abc"};
    Login login;
    login.account = table.users.Authenticate("bob", "secret");
    uint64_t seen = 0;
    while (!over.load() || seen == 0) {
      if (login.generation != table.users.generation()) table.users.Refresh(&login, true);
      CHECK(login.generation >= seen);
      seen = login.generation;
      const Denial denial = judge.Ask(*login.user, get, argv);
      LogEntry entry;
      entry.object = denial.object;
      if (!denial.allowed()) log.Add(std::move(entry), seen);
      (void)throttle.DelayMillis(address, seen);
      throttle.Failed(address, seen);
      ++questions;
    }
    CHECK(login.account != nullptr);
  };
  std::thread first(session, "1.1.1.1:1"), second(session, "1.1.1.1:2");
  for (uint64_t i = 0; i < kEdits || questions.load() < kEdits; ++i) {
    REQUIRE(table.Set("bob", {i % 2 == 0 ? "resetkeys" : "~a*"}).empty());
    table.users.SetChannelsByDefault(i % 2 == 0);
    table.users.SetDefaultPassword(i % 2 == 0 ? "x" : "");
    REQUIRE(table.Set("eve", {"on"}).empty());
    CHECK(table.users.Delete("eve"));
    CHECK(log.Latest(10).size() <= 10);
    CHECK(table.users.Describe().size() == 2);
  }
  over = true;
  first.join();
  second.join();
  CHECK(questions.load() >= kEdits);
}
