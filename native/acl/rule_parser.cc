#include "acl/rule_parser.h"

#include <algorithm>

#include "base/text.h"

namespace cairn::acl {

namespace {

struct Word {
  std::string_view text;
  RuleKind kind;
};

constexpr Word kUserWords[] = {
    {"on", RuleKind::kOn},
    {"off", RuleKind::kOff},
    {"nopass", RuleKind::kNoPass},
    {"resetpass", RuleKind::kResetPass},
    {"sanitize-payload", RuleKind::kSanitize},
    {"skip-sanitize-payload", RuleKind::kSkipSanitize},
    {"reset", RuleKind::kReset},
    {"clearselectors", RuleKind::kClearSelectors},
};

constexpr Word kSelectorWords[] = {
    {"allkeys", RuleKind::kAllKeys},         {"~*", RuleKind::kAllKeys},
    {"resetkeys", RuleKind::kResetKeys},     {"allchannels", RuleKind::kAllChannels},
    {"&*", RuleKind::kAllChannels},          {"resetchannels", RuleKind::kResetChannels},
    {"allcommands", RuleKind::kAllCommands}, {"+@all", RuleKind::kAllCommands},
    {"nocommands", RuleKind::kNoCommands},   {"-@all", RuleKind::kNoCommands},
};

std::optional<Rule> FindWord(std::span<const Word> words, std::string_view word) {
  for (const Word& known : words) {
    if (EqualsIgnoreCase(word, known.text)) return Rule{known.kind, {}};
  }
  return std::nullopt;
}

bool IsSpace(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

std::optional<Rule> Pattern(RuleKind kind, std::string_view text, uint8_t access) {
  if (!IsOneWord(text)) return std::nullopt;
  return Rule{kind, text, access};
}

// What is behind the '%': letters, a '~', and the pattern.
std::optional<Rule> PatternWithAccess(std::string_view text) {
  uint8_t access = 0;
  while (!text.empty() && text[0] != '~') {
    const bool reads = text[0] == 'R' || text[0] == 'r';
    const bool writes = text[0] == 'W' || text[0] == 'w';
    if (!reads && !writes) return std::nullopt;
    const uint8_t letter = reads ? kKeyRead : kKeyWrite;
    if ((access & letter) != 0) return std::nullopt;
    access |= letter;
    text.remove_prefix(1);
  }
  if (access == 0) return std::nullopt;
  if (!text.empty()) text.remove_prefix(1);
  return Pattern(RuleKind::kKeyPattern, text, access);
}

}  // namespace

bool IsOneWord(std::string_view text) {
  return std::none_of(text.begin(), text.end(), [](char c) { return IsSpace(c) || c == '\0'; });
}

std::optional<Rule> ParseSelectorRule(std::string_view word) {
  if (const auto rule = FindWord(kSelectorWords, word)) return rule;
  if (word.empty()) return Rule{};
  const std::string_view text = word.substr(1);
  const bool category = text.starts_with('@');
  switch (word[0]) {
    case '~':
      return Pattern(RuleKind::kKeyPattern, text, kKeyBoth);
    case '%':
      return PatternWithAccess(text);
    case '&':
      return Pattern(RuleKind::kChannelPattern, text, kKeyBoth);
    case '+':
      return category ? Rule{RuleKind::kAllowCategory, text.substr(1)}
                      : Rule{RuleKind::kAllowCommand, text};
    case '-':
      return category ? Rule{RuleKind::kDenyCategory, text.substr(1)}
                      : Rule{RuleKind::kDenyCommand, text};
    default:
      return std::nullopt;
  }
}

std::optional<Rule> ParseUserRule(std::string_view word) {
  if (const auto rule = FindWord(kUserWords, word)) return rule;
  if (word.empty()) return Rule{};
  const std::string_view text = word.substr(1);
  switch (word[0]) {
    case '>':
      return Rule{RuleKind::kAddPassword, text};
    case '<':
      return Rule{RuleKind::kRemovePassword, text};
    case '#':
      return Rule{RuleKind::kAddHash, text};
    case '!':
      return Rule{RuleKind::kRemoveHash, text};
    case '(':
      if (!text.ends_with(')')) return std::nullopt;
      return Rule{RuleKind::kSelector, text.substr(0, text.size() - 1)};
    default:
      return ParseSelectorRule(word);
  }
}

bool JoinSelectors(std::span<const std::string_view> words, std::vector<std::string>* rules,
                   std::string_view* unmatched) {
  std::string open;
  bool is_open = false;
  for (const std::string_view word : words) {
    if (is_open) {
      open.append(" ").append(word);
    } else if (word.starts_with('(') && !word.ends_with(')')) {
      open = word;
      *unmatched = word;
      is_open = true;
    } else {
      rules->emplace_back(word);
      continue;
    }
    if (!word.ends_with(')')) continue;
    rules->push_back(open);
    is_open = false;
  }
  return !is_open;
}

std::optional<std::vector<std::string_view>> WordsOfSelector(std::string_view text) {
  if (text.find_first_of("\"'") != std::string_view::npos) return std::nullopt;
  std::vector<std::string_view> words;
  while (!text.empty()) {
    const auto end = std::find_if(text.begin(), text.end(), IsSpace);
    const auto bytes = static_cast<size_t>(end - text.begin());
    if (bytes != 0) words.push_back(text.substr(0, bytes));
    text.remove_prefix(std::min(bytes + 1, text.size()));
  }
  return words;
}

}  // namespace cairn::acl
