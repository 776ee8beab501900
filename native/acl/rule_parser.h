// Rules of ACL SETUSER, as Redis 7 has them, from words: what each one says, not whether what it
// names is there. Pure.
//
//   user      on off nopass resetpass >password <password #hash !hash
//             sanitize-payload skip-sanitize-payload reset clearselectors (rules of a selector)
//   selector  ~pattern %R~pattern %W~pattern %RW~pattern allkeys resetkeys
//             &pattern allchannels resetchannels
//             +command +container|subcommand +command|first-argument -command +@category -@category
//             allcommands nocommands
//
// What is a selector's may also stand among the rules of a user: it has one of its own, the root.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace cairn::acl {

// What a pattern allows with keys, or a command does with one.
enum KeyAccess : uint8_t { kKeyRead = 1, kKeyWrite = 2, kKeyBoth = kKeyRead | kKeyWrite };

enum class RuleKind : uint8_t {
  kNothing,  // an empty word
  // Of a user.
  kOn,
  kOff,
  kNoPass,
  kResetPass,
  kAddPassword,
  kRemovePassword,
  kAddHash,
  kRemoveHash,
  kSanitize,
  kSkipSanitize,
  kReset,
  kClearSelectors,
  kSelector,  // text: what is between the parentheses
  // Of a selector.
  kAllKeys,
  kResetKeys,
  kKeyPattern,
  kAllChannels,
  kResetChannels,
  kChannelPattern,
  kAllCommands,
  kNoCommands,
  kAllowCommand,
  kDenyCommand,
  kAllowCategory,
  kDenyCategory,
};

struct Rule {
  RuleKind kind = RuleKind::kNothing;
  std::string_view text;      // behind the sign, in the word
  uint8_t access = kKeyBoth;  // of kKeyPattern: KeyAccess
};

// Whether it comes back as it is from where words are shown: it has no spaces, and no NUL.
bool IsOneWord(std::string_view text);

// None: the word is no rule, which Redis calls a syntax error.
std::optional<Rule> ParseUserRule(std::string_view word);
// The same of a word between the parentheses.
std::optional<Rule> ParseSelectorRule(std::string_view word);

// Joins words that an opening and a closing parenthesis hold together: "(+get" "~a)" is one rule.
// False: *unmatched is the word that opens what nobody closes.
[[nodiscard]] bool JoinSelectors(std::span<const std::string_view> words,
                                 std::vector<std::string>* rules, std::string_view* unmatched);
// The words of a selector. None: it has quotes, which would hold several together.
std::optional<std::vector<std::string_view>> WordsOfSelector(std::string_view text);

}  // namespace cairn::acl
