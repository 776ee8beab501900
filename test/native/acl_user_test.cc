// Users and their rules. What redis-server 7.0.15 answers to the same, but that it shows rules of
// commands in an order of its own.
#include <doctest/doctest.h>

#include "acl_testing.h"

using namespace cairn;
using namespace cairn::acl;
using Words = std::vector<std::string_view>;

namespace {

constexpr const char* kPwHash = "30c952fab122c3f9759f02a6d95c3758b246b4fee239957b2d4fee46e26170c4";
constexpr const char* kTestHash =
    "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";

const acl::testing::World& TheWorld() {
  static const acl::testing::World world;
  return world;
}

std::string Shown(const Words& words) {
  std::string error;
  const auto user = TheWorld().Make(words, &error);
  return user != nullptr ? user->Describe() : error;
}

std::string Refused(std::string_view modifier, const std::string& why) {
  return "ERR Error in ACL SETUSER modifier '" + std::string(modifier) + "': " + why;
}

}  // namespace

TEST_CASE("acl: a user as ACL LIST shows him") {
  CHECK(Shown({}) == "off resetchannels -@all");
  CHECK(Shown({""}) == "off resetchannels -@all");
  CHECK(Shown({"ON", "NoPass", "~*", "&*", "+@all"}) == "on nopass ~* &* +@all");
  CHECK(Shown({"allcommands", "allchannels", "allkeys"}) == "off ~* &* +@all");
  const std::string test_hash = std::string("#") + kTestHash;
  CHECK(Shown({"on", ">pw", test_hash, "~k*", "%R~r*", "%W~w*", "%RW~both", "&ch*", "+get",
               "+config|get", "+@hash", "-hset", "+select|0"}) ==
        std::string("on #") + kPwHash + " " + test_hash +
            " ~k* %R~r* %W~w* ~both resetchannels &ch* -@all +get +config|get +@hash -hset "
            "+select|0");
  CHECK(Shown({"~a", "~a", "%R~a", "%W~b", "%R~b", "&x", "&x"}) ==
        "off ~a ~b resetchannels &x -@all");
  CHECK(Shown({"%RW~*", "~x"}) == "off ~* ~x resetchannels -@all");
  CHECK(Shown({"%R", "~"}) == "off ~ resetchannels -@all");
  CHECK(Shown({"&"}) == "off resetchannels & -@all");
}

TEST_CASE("acl: flags and passwords") {
  CHECK(Shown({"skip-sanitize-payload"}) == "off skip-sanitize-payload resetchannels -@all");
  CHECK(Shown({"reset"}) == "off sanitize-payload resetchannels -@all");
  CHECK(Shown({"on", ">pw", ">pw", "nopass"}) == "on nopass resetchannels -@all");
  CHECK(Shown({"nopass", "resetpass"}) == "off resetchannels -@all");
  CHECK(Shown({"nopass", ">pw"}) == std::string("off #") + kPwHash + " resetchannels -@all");
  CHECK(Shown({">pw", "<pw"}) == "off resetchannels -@all");
  CHECK(Shown({">test", std::string_view("!9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15"
                                         "b0f00a08")}) == "off resetchannels -@all");
  CHECK(Shown({"on", ">pw", "~a", "&b", "+@all", "(+get)", "reset"}) ==
        "off sanitize-payload resetchannels -@all");
}

TEST_CASE("acl: rules of commands, without those that are void") {
  const auto commands = [](const Words& words) { return Shown(words).substr(18); };  // behind flags
  CHECK(commands({}) == "-@all");
  CHECK(commands({"+GET", "+CONFIG|GET", "+@HASH"}) == "-@all +get +config|get +@hash");
  CHECK(commands({"+get", "+get"}) == "-@all +get");
  CHECK(commands({"-get"}) == "-@all");
  CHECK(commands({"+@all", "+get"}) == "+@all");
  CHECK(commands({"+get", "-get"}) == "-@all -get");
  CHECK(commands({"+get", "+@all", "-@all", "+set"}) == "-@all +set");
  CHECK(commands({"+config|get", "+config|set", "+config"}) == "-@all +config");
  CHECK(commands({"+config", "-config|set"}) == "-@all +config -config|set");
  CHECK(commands({"+@all", "-config|get"}) == "+@all -config|get");
  CHECK(commands({"+@all", "-select", "+select|1", "+select|2"}) ==
        "+@all -select +select|1 +select|2");
  CHECK(commands({"+select|0", "+select|0", "+select"}) == "-@all +select");
  CHECK(commands({"+select", "+select|0"}) == "-@all +select");
  CHECK(commands({"+select|0", "-select"}) == "-@all -select");
  CHECK(commands({"+@all", "+select|0"}) == "+@all");
  CHECK(commands({"+@read", "+@write", "+@read"}) == "-@all +@write +@read");
}

TEST_CASE("acl: what is shown makes the same user again") {
  const std::vector<Words> all = {
      {"+@all", "-@dangerous", "+keys", "~*", "&*"},
      {"+get", "+config|get", "+@hash", "-hset", "+select|0", "%R~a", "&b"},
      {"+@all", "-config", "+config|get", "(+set ~x)", "( )"},
      {"on", ">pw", "-@all", "+@string", "-get", "+select|1", "-@connection"},
  };
  for (const Words& words : all) {
    const auto user = TheWorld().Make(words);
    REQUIRE(user != nullptr);
    const std::string text = user->Describe();
    CAPTURE(text);
    Words again;
    for (size_t at = 0; at < text.size();) {
      const size_t end = std::min(text.find(' ', at), text.size());
      again.push_back(std::string_view(text).substr(at, end - at));
      at = end + 1;
    }
    const auto other = TheWorld().Make(again);
    REQUIRE(other != nullptr);
    CHECK(other->Describe() == text);
    CHECK(other->selectors() == user->selectors());
  }
}

TEST_CASE("acl: selectors") {
  CHECK(Shown({"(+get ~x*)", "(+set", "~y*", ")"}) ==
        "off resetchannels -@all (~x* resetchannels -@all +get) (~y* resetchannels -@all +set)");
  CHECK(Shown({"()", "( )"}) ==
        "off resetchannels -@all (resetchannels -@all) (resetchannels -@all)");
  CHECK(Shown({"(+get)", "clearselectors", "+set"}) == "off resetchannels -@all +set");
  CHECK(Shown({"(+get"}) == "ERR Unmatched parenthesis in acl selector starting at '(+get'.");
  CHECK(Shown({"(on)"}) == Refused("(on)", "Syntax error"));
  CHECK(Shown({"((+get))"}) == Refused("((+get))", "Syntax error"));
  CHECK(Shown({"(+get)(+set)"}) ==
        Refused("(+get)(+set)", "Unknown command or category name in ACL"));
  CHECK(Shown({"(+nosuch", "~x)"}) ==
        Refused("(+nosuch ~x)", "Unknown command or category name in ACL"));
}

TEST_CASE("acl: refusals, word by word") {
  const std::string unknown = "Unknown command or category name in ACL";
  for (const std::string_view word :
       {"+nosuch", "+@nosuch", "+config|nosuch", "-select|0", "-config|nosuch", "+select|0|1",
        "-select|", "+nosuch|", "+", "-", "+@", "+get)"}) {
    CAPTURE(word);
    CHECK(Shown({word}) == Refused(word, unknown));
  }
  for (const std::string_view word : {"nonsense", "+select|", "+config|", "%X~x", "~a b", "&a b"}) {
    CAPTURE(word);
    CHECK(Shown({word}) == Refused(word, "Syntax error"));
  }
  CHECK(Shown({std::string_view("~a\0b", 4)}) == Refused("~a", "Syntax error"));
  CHECK(Shown({"+config|get|x"}) ==
        Refused("+config|get|x", "Allowing first-arg of a subcommand is not supported"));
  const std::string behind_all =
      "Adding a pattern after the * pattern (or the 'allkeys' flag) is not valid and does not have "
      "any effect. Try 'resetkeys' to start with an empty list of patterns";
  CHECK(Shown({"~*", "~x"}) == Refused("~x", behind_all));
  CHECK(Shown({"allkeys", "%R~x"}) == Refused("%R~x", behind_all));
  CHECK(Shown({"allkeys", "resetkeys", "%R~x"}) == "off %R~x resetchannels -@all");
  CHECK(Shown({"allchannels", "&x"}) ==
        Refused("&x",
                "Adding a pattern after the * pattern (or the 'allchannels' flag) is not valid and "
                "does not have any effect. Try 'resetchannels' to start with an empty list of "
                "channels"));
  const std::string missing = "The password you are trying to remove from the user does not exist";
  CHECK(Shown({"<nosuch"}) == Refused("<nosuch", missing));
  const std::string no_hash =
      "The password hash must be exactly 64 characters and contain only lowercase hexadecimal "
      "characters";
  CHECK(Shown({"#abc"}) == Refused("#abc", no_hash));
  CHECK(Shown({"!abc"}) == Refused("!abc", no_hash));
  const std::string upper = "#9F86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08";
  CHECK(Shown({upper}) == Refused(upper, no_hash));
  const std::string other = std::string("!") + kTestHash;
  CHECK(Shown({other}) == Refused(other, missing));
}

TEST_CASE("acl: rules count all or none, and who has a user keeps him") {
  const auto user = TheWorld().Make({"on", "+get"});
  std::string error;
  CHECK(TheWorld().Edit(*user, {"+set", "off", "nonsense"}, &error) == nullptr);
  CHECK(error == Refused("nonsense", "Syntax error"));
  CHECK(user->Describe() == "on resetchannels -@all +get");
  const auto edited = TheWorld().Edit(*user, {"+set", "off"});
  REQUIRE(edited != nullptr);
  CHECK(edited->Describe() == "off resetchannels -@all +get +set");
  CHECK(user->Describe() == "on resetchannels -@all +get");
}

TEST_CASE("acl: passwords are known") {
  const auto user = TheWorld().Make({">one", ">two"});
  CHECK(user->Knows("one"));
  CHECK(user->Knows("two"));
  CHECK_FALSE(user->Knows("three"));
  CHECK_FALSE(user->Knows(""));
  CHECK_FALSE(TheWorld().Make({})->Knows(""));
  CHECK(TheWorld().Make({"nopass"})->Knows("anything"));
}

TEST_CASE("acl: bounds") {
  std::vector<std::string> rules;
  for (size_t i = 0; i <= Selector::kPatternsMax; ++i) rules.push_back("~" + std::to_string(i));
  const Words words(rules.begin(), rules.end());
  CHECK(Shown(words) == Refused(rules.back(), "there are too many of them"));
}

TEST_CASE("acl: what is longer than a password may be is nobody's") {
  const std::string longest(User::kPasswordBytesMax, 'x');
  const std::string longer = longest + "x";
  const std::string add_longest = ">" + longest, add_longer = ">" + longer,
                    remove_longer = "<" + longer;
  const auto user = TheWorld().Make({add_longest});
  REQUIRE(user != nullptr);
  CHECK(user->Knows(longest));
  CHECK_FALSE(user->Knows(longer));
  CHECK(TheWorld().Make({add_longer}) == nullptr);
  CHECK(TheWorld().Make({add_longest, remove_longer}) == nullptr);
  CHECK(TheWorld().Make({"nopass"})->Knows(longer));
}

TEST_CASE("acl: names of users") {
  CHECK(ValidUserName("alice"));
  CHECK_FALSE(ValidUserName("a b"));
  CHECK_FALSE(ValidUserName(std::string_view("a\0b", 3)));
}
