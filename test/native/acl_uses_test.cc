// Keys and channels of command lines, and what is done with them.
#include <doctest/doctest.h>

#include <sstream>

#include "acl/uses.h"
#include "acl_testing.h"

using namespace cairn;
using namespace cairn::acl;

namespace {

struct Asked {
  std::vector<std::string> words;
  std::vector<std::string_view> argv;
  const Command* command = nullptr;

  explicit Asked(const std::string& line) {
    static const acl::testing::World world;
    static const Uses uses(world.catalog);
    uses_ = &uses;
    std::istringstream stream(line);
    for (std::string word; stream >> word;) words.push_back(word);
    argv.assign(words.begin(), words.end());
    command = world.catalog.Find(words[0]);
    REQUIRE(command != nullptr);
    if (command->Is(kCmdContainer)) command = Registry::Subcommand(*command, words[1]);
    REQUIRE(command != nullptr);
  }
  const Uses& uses() const { return *uses_; }

 private:
  const Uses* uses_;
};

// "a:R b:RW c:", in the order in which they are found.
std::string Keys(const std::string& line) {
  CAPTURE(line);
  const Asked asked(line);
  std::vector<KeyUse> keys;
  asked.uses().Keys(*asked.command, asked.argv, &keys);
  std::string text;
  for (const KeyUse& use : keys) {
    text.append(text.empty() ? "" : " ").append(use.key).append(":");
    if ((use.access & kKeyRead) != 0) text += 'R';
    if ((use.access & kKeyWrite) != 0) text += 'W';
  }
  return text;
}

std::string Channels(const std::string& line) {
  const Asked asked(line);
  std::vector<ChannelUse> channels;
  Uses::Channels(*asked.command, asked.argv, &channels);
  std::string text;
  for (const ChannelUse& use : channels)
    text.append(text.empty() ? "" : " ").append(use.name).append(use.pattern ? ":P" : "");
  return text;
}

bool Unnamed(const std::string& line) {
  const Asked asked(line);
  return Uses::ReadsUnnamed(*asked.command, asked.argv);
}

}  // namespace

TEST_CASE("acl uses: keys that are all used in one way") {
  CHECK(Keys("get a") == "a:R");
  CHECK(Keys("mget a b") == "a:R b:R");
  CHECK(Keys("strlen a") == "a:");
  CHECK(Keys("exists a b") == "a: b:");
  CHECK(Keys("incr a") == "a:RW");
  CHECK(Keys("append a x") == "a:W");
  CHECK(Keys("mset a 1 b 2") == "a:W b:W");
  CHECK(Keys("del a b") == "a:W b:W");
  CHECK(Keys("lpop a") == "a:RW");
  CHECK(Keys("hset a f v") == "a:W");
  CHECK(Keys("hincrby a f 1") == "a:RW");
  CHECK(Keys("hlen a") == "a:");
  CHECK(Keys("sismember a x") == "a:");
  CHECK(Keys("pfcount a b") == "a:R b:R");
  CHECK(Keys("object encoding a") == "a:");
  CHECK(Keys("ping").empty());
}

TEST_CASE("acl uses: keys that are used in several ways") {
  CHECK(Keys("rename a b") == "a:RW b:W");
  CHECK(Keys("copy a b") == "a:R b:W");
  CHECK(Keys("lmove a b left left") == "a:RW b:W");
  CHECK(Keys("sunionstore d a b") == "d:W a:R b:R");
  CHECK(Keys("bitop and d a b") == "d:W a:R b:R");
  CHECK(Keys("zunionstore d 2 a b") == "d:W a:R b:R");
  CHECK(Keys("zunion 2 a b") == "a:R b:R");
  CHECK(Keys("lmpop 2 a b left") == "a:RW b:RW");
  CHECK(Keys("xread streams a b 0 0") == "a:R b:R");
}

TEST_CASE("acl uses: what depends on the arguments") {
  CHECK(Keys("set a 1") == "a:W");
  CHECK(Keys("set a get") == "a:W");
  CHECK(Keys("set a 1 EX 5 GET") == "a:RW");
  CHECK(Keys("bitfield a get u8 0") == "a:R");
  CHECK(Keys("bitfield a SET u8 0 1") == "a:RW");
  CHECK(Keys("sort a limit 0 store STORE d") == "a:R d:W");
  CHECK(Keys("sort a by store") == "a:R");
  CHECK(Keys("georadius a 1 2 3 km STOREDIST d") == "a:R d:W");
  CHECK(Keys("georadiusbymember a store 3 km store d store e") == "a:R e:W");
}

TEST_CASE("acl uses: channels") {
  CHECK(Channels("publish a b") == "a");
  CHECK(Channels("psubscribe a* b") == "a*:P b:P");
  CHECK(Channels("get a").empty());
}

TEST_CASE("acl uses: a sort that looks at keys of which nobody knows before") {
  CHECK_FALSE(Unnamed("sort a"));
  CHECK_FALSE(Unnamed("sort a by nosort get #"));
  CHECK_FALSE(Unnamed("sort a limit by get* store get"));
  CHECK(Unnamed("sort a by w_*"));
  CHECK(Unnamed("sort_ro a get # GET d_*"));
  CHECK_FALSE(Unnamed("get by"));
}
