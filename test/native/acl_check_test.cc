// What users may do.
#include <doctest/doctest.h>

#include <sstream>

#include "acl/check.h"
#include "acl_testing.h"

using namespace cairn;
using namespace cairn::acl;
using Words = std::vector<std::string_view>;

namespace {

const acl::testing::World& TheWorld() {
  static const acl::testing::World world;
  return world;
}

struct Line {
  std::string text;
  std::vector<KeyUse> keys;
  std::vector<ChannelUse> channels;
};

Verdict Ask(const Words& rules, const Line& line) {
  const auto user = TheWorld().Make(rules);
  REQUIRE(user != nullptr);
  std::istringstream stream(line.text);
  std::vector<std::string> words;
  for (std::string word; stream >> word;) words.push_back(word);
  const Words argv(words.begin(), words.end());
  const Command* command = TheWorld().catalog.Find(words[0]);
  REQUIRE(command != nullptr);
  if (command->Is(kCmdContainer) && words.size() > 1)
    command = Registry::Subcommand(*command, words[1]);
  REQUIRE(command != nullptr);
  return Check(*user, *command, argv, line.keys, line.channels);
}

Denied Asked(const Words& rules, const Line& line) { return Ask(rules, line).denied; }

const Line kGet{"get a", {{"a", kKeyRead}}, {}};
const Line kSet{"set a 1", {{"a", kKeyWrite}}, {}};
const Line kIncr{"incr a", {{"a", kKeyBoth}}, {}};
const Line kExists{"exists a", {{"a", 0}}, {}};

}  // namespace

TEST_CASE("acl check: commands, subcommands, categories") {
  const Line ping{"ping", {}, {}}, get{"config get x", {}, {}}, set{"config set x y", {}, {}};
  CHECK(Asked({}, ping) == Denied::kCommand);
  CHECK(Asked({"+ping"}, ping) == Denied::kNothing);
  CHECK(Asked({"+@connection"}, ping) == Denied::kNothing);
  CHECK(Asked({"+@all", "-@fast"}, ping) == Denied::kCommand);
  CHECK(Asked({"+config|get"}, get) == Denied::kNothing);
  CHECK(Asked({"+config|get"}, set) == Denied::kCommand);
  CHECK(Asked({"+config"}, set) == Denied::kNothing);
  CHECK(Asked({"+@all", "-config"}, get) == Denied::kCommand);
  CHECK(Asked({"+@all", "-@admin"}, get) == Denied::kCommand);
  CHECK(Asked({"+@all", "-@admin"}, {"config help", {}, {}}) == Denied::kNothing);
  CHECK(Asked({"+@all", "-@admin"}, {"config rewrite", {}, {}}) == Denied::kCommand);
  CHECK(Asked({"+@read"}, {"lolwut", {}, {}}) == Denied::kNothing);  // TypeScript's
  CHECK(Asked({}, {"auth x", {}, {}}) == Denied::kNothing);          // else nobody could log in
}

TEST_CASE("acl check: a command by its first argument") {
  CHECK(Asked({"+select|0"}, {"select 0", {}, {}}) == Denied::kNothing);
  CHECK(Asked({"+select|0"}, {"select 1", {}, {}}) == Denied::kCommand);
  CHECK(Asked({"+select|0"}, {"select", {}, {}}) == Denied::kCommand);
  CHECK(Asked({"+ping|Hello"}, {"ping HELLO", {}, {}}) == Denied::kNothing);
  CHECK(Asked({"+select|0", "-@connection"}, {"select 0", {}, {}}) == Denied::kCommand);
  CHECK(Asked({"+select|0", "-@all"}, {"select 0", {}, {}}) == Denied::kCommand);
}

TEST_CASE("acl check: keys, and what is done with them") {
  CHECK(Asked({"+@all"}, kGet) == Denied::kKey);
  CHECK(Asked({"+@all", "~a"}, kIncr) == Denied::kNothing);
  CHECK(Asked({"+@all", "%R~?"}, kGet) == Denied::kNothing);
  CHECK(Asked({"+@all", "%R~?"}, kSet) == Denied::kKey);
  CHECK(Asked({"+@all", "%W~?"}, kSet) == Denied::kNothing);
  CHECK(Asked({"+@all", "%W~?"}, kGet) == Denied::kKey);
  CHECK(Asked({"+@all", "%R~a*", "%W~*a"}, kIncr) == Denied::kKey);  // no pattern allows both
  CHECK(Asked({"+@all", "%R~a", "%W~a"}, kIncr) == Denied::kNothing);
  CHECK(Asked({"+@all", "%W~a"}, kExists) == Denied::kNothing);
  CHECK(Asked({"+@all"}, kExists) == Denied::kKey);
  CHECK(Asked({"+@all", "allkeys"}, kIncr) == Denied::kNothing);
  const Line mget{"mget a b c", {{"a", kKeyRead}, {"b", kKeyRead}, {"c", kKeyRead}}, {}};
  const Verdict verdict = Ask({"+@all", "~a", "~c"}, mget);
  CHECK(verdict.denied == Denied::kKey);
  CHECK(verdict.at == 1);
}

TEST_CASE("acl check: channels, and patterns of them") {
  const Line publish{"publish news.x m", {}, {{"news.x"}}};
  const Line listen{"psubscribe news.*", {}, {{"news.*", true}}};
  CHECK(Asked({"+@all"}, publish) == Denied::kChannel);
  CHECK(Asked({"+@all", "&news.*"}, publish) == Denied::kNothing);
  CHECK(Asked({"+@all", "&news.*"}, listen) == Denied::kNothing);
  CHECK(Asked({"+@all", "&*.*"}, listen) == Denied::kChannel);
  CHECK(Asked({"+@all", "&*"}, listen) == Denied::kNothing);
}

TEST_CASE("acl check: one selector has to allow all of it") {
  const Line copy{"copy a b", {{"a", kKeyRead}, {"b", kKeyWrite}}, {}};
  CHECK(Asked({"+get", "~a", "(+set ~a)"}, kSet) == Denied::kNothing);
  CHECK(Asked({"+get", "~a", "(+set ~b)"}, kSet) == Denied::kKey);
  CHECK(Asked({"+copy", "~a", "(+copy ~b)"}, copy) == Denied::kKey);
  CHECK(Asked({"+copy", "~x", "(+copy %R~a %W~b)"}, copy) == Denied::kNothing);
  CHECK(Ask({"+copy", "~x", "(+copy ~a)", "(+get)"}, copy).at == 1);  // who came farthest
}

TEST_CASE("acl check: key patterns that are prefixes match as globs do") {
  const std::string keys[] = {"", "*", "a", "ab", "a*", "abc", "b", "a?b", "\\", "a\\"};
  for (const std::string pattern :
       {"", "*", "a", "a*", "ab*", "a**", "a\\*", "a?*", "[a]*", "*a*", "a\\\\*"}) {
    const KeyPattern compiled(pattern, kKeyBoth);
    for (const std::string& key : keys) {
      CAPTURE(pattern);
      CAPTURE(key);
      CHECK(compiled.Matches(key) == GlobMatch(pattern, key));
    }
  }
  CHECK(KeyPattern("app:*", kKeyBoth).prefix);
}
