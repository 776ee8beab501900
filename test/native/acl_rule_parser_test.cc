// Words of ACL SETUSER by themselves.
#include <doctest/doctest.h>

#include "acl/category.h"
#include "acl/rule_parser.h"

using namespace cairn::acl;

namespace {

void Says(std::string_view word, RuleKind kind, std::string_view text = {},
          uint8_t access = kKeyBoth) {
  CAPTURE(word);
  const auto rule = ParseUserRule(word);
  REQUIRE(rule.has_value());
  CHECK(rule->kind == kind);
  CHECK(rule->text == text);
  CHECK(rule->access == access);
}

}  // namespace

TEST_CASE("acl rules: words in any case") {
  Says("", RuleKind::kNothing);
  Says("on", RuleKind::kOn);
  Says("OFF", RuleKind::kOff);
  Says("NoPass", RuleKind::kNoPass);
  Says("resetpass", RuleKind::kResetPass);
  Says("sanitize-payload", RuleKind::kSanitize);
  Says("skip-sanitize-payload", RuleKind::kSkipSanitize);
  Says("reset", RuleKind::kReset);
  Says("clearselectors", RuleKind::kClearSelectors);
  Says("allkeys", RuleKind::kAllKeys);
  Says("~*", RuleKind::kAllKeys);
  Says("resetkeys", RuleKind::kResetKeys);
  Says("&*", RuleKind::kAllChannels);
  Says("allchannels", RuleKind::kAllChannels);
  Says("resetchannels", RuleKind::kResetChannels);
  Says("+@ALL", RuleKind::kAllCommands);
  Says("allcommands", RuleKind::kAllCommands);
  Says("-@all", RuleKind::kNoCommands);
  Says("nocommands", RuleKind::kNoCommands);
}

TEST_CASE("acl rules: what a sign is followed by") {
  Says(">pass word", RuleKind::kAddPassword, "pass word");
  Says("<", RuleKind::kRemovePassword, "");
  Says("#abc", RuleKind::kAddHash, "abc");
  Says("!abc", RuleKind::kRemoveHash, "abc");
  Says("+get", RuleKind::kAllowCommand, "get");
  Says("+config|get", RuleKind::kAllowCommand, "config|get");
  Says("-", RuleKind::kDenyCommand, "");
  Says("+@read", RuleKind::kAllowCategory, "read");
  Says("-@", RuleKind::kDenyCategory, "");
  Says("&news.*", RuleKind::kChannelPattern, "news.*");
  Says("(+get ~a)", RuleKind::kSelector, "+get ~a");
  Says("()", RuleKind::kSelector, "");
}

TEST_CASE("acl rules: patterns of keys and what they allow") {
  Says("~a*", RuleKind::kKeyPattern, "a*");
  Says("~", RuleKind::kKeyPattern, "");
  Says("%R~a", RuleKind::kKeyPattern, "a", kKeyRead);
  Says("%w~a", RuleKind::kKeyPattern, "a", kKeyWrite);
  Says("%RW~*", RuleKind::kKeyPattern, "*", kKeyBoth);
  Says("%WR~a~b", RuleKind::kKeyPattern, "a~b", kKeyBoth);
  Says("%R", RuleKind::kKeyPattern, "", kKeyRead);
}

TEST_CASE("acl rules: what is none") {
  for (const std::string_view bad : {"nonsense", "%~x", "%", "%RR~x", "%X~x", "~a b", "&a\tb",
                                     "%R~a\n", "(on", "(", "*", " on", "=x", "@read"}) {
    CAPTURE(bad);
    CHECK_FALSE(ParseUserRule(bad).has_value());
  }
  CHECK_FALSE(ParseUserRule(std::string_view("~a\0b", 4)).has_value());
  for (const std::string_view bad : {"on", "nopass", ">x", "reset", "(+get)", "clearselectors"}) {
    CAPTURE(bad);
    CHECK_FALSE(ParseSelectorRule(bad).has_value());
  }
}

TEST_CASE("acl rules: parentheses hold words together") {
  std::vector<std::string> rules;
  std::string_view unmatched;
  const std::vector<std::string_view> words = {"on",     "(+get", "~a",  ")",
                                               "(+set)", "(+del", "~b)", "+get)"};
  REQUIRE(JoinSelectors(words, &rules, &unmatched));
  CHECK(rules == std::vector<std::string>{"on", "(+get ~a )", "(+set)", "(+del ~b)", "+get)"});
  rules.clear();
  const std::vector<std::string_view> open = {"on", "(+get", "(~a"};
  CHECK_FALSE(JoinSelectors(open, &rules, &unmatched));
  CHECK(unmatched == "(+get");
}

TEST_CASE("acl rules: the words of a selector") {
  using Words = std::vector<std::string_view>;
  CHECK(WordsOfSelector("") == Words{});
  CHECK(WordsOfSelector(" +get \t~a  ") == Words{"+get", "~a"});
  CHECK_FALSE(WordsOfSelector("+get ~\"a b\"").has_value());
}

TEST_CASE("acl rules: categories") {
  CHECK(FindCategory("KEYSPACE") == 0);
  CHECK(FindCategory("scripting") == kCategoryCount - 1);
  CHECK_FALSE(FindCategory("all").has_value());
  CHECK(CategoriesOf("@keyspace @write nothing @nosuch") == 0b101);
  CHECK(CategoriesOf("") == 0);
}
