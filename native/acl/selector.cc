#include "acl/selector.h"

#include <algorithm>
#include <utility>

#include "base/check.h"
#include "resp/errors.h"

namespace cairn::acl {

KeyPattern::KeyPattern(std::string pattern, uint8_t use)
    : text(std::move(pattern)),
      access(use),
      prefix(text.ends_with('*') && LiteralPrefix(text).size() + 1 == text.size()) {}

std::string_view Selector::Apply(const Catalog& catalog, const Rule& rule) {
  switch (rule.kind) {
    case RuleKind::kNothing:
      return {};
    case RuleKind::kAllKeys:
    case RuleKind::kResetKeys:
      all_keys_ = rule.kind == RuleKind::kAllKeys;
      keys_.clear();
      return {};
    case RuleKind::kKeyPattern:
      return AddKeyPattern(rule);
    case RuleKind::kAllChannels:
    case RuleKind::kResetChannels:
      all_channels_ = rule.kind == RuleKind::kAllChannels;
      channels_.clear();
      return {};
    case RuleKind::kChannelPattern:
      return AddChannelPattern(rule.text);
    case RuleKind::kAllCommands:
    case RuleKind::kNoCommands:
      commands_.SetAll(rule.kind == RuleKind::kAllCommands);
      return {};
    case RuleKind::kAllowCommand:
      return AllowCommand(catalog, rule.text);
    case RuleKind::kDenyCommand: {
      const Command* const command = catalog.Find(rule.text);
      if (command == nullptr) return errors::kAclUnknown;
      commands_.Set(*command, false);
      return {};
    }
    case RuleKind::kAllowCategory:
    case RuleKind::kDenyCategory: {
      const auto category = FindCategory(rule.text);
      if (!category.has_value()) return errors::kAclUnknown;
      commands_.SetCategory(catalog, *category, rule.kind == RuleKind::kAllowCategory);
      return {};
    }
    default:
      CAIRN_CHECK(false, "rules of users are the user's");
      return {};
  }
}

// The same pattern once more adds to what it allows.
std::string_view Selector::AddKeyPattern(const Rule& rule) {
  if (all_keys_) return errors::kAclKeysBehindAll;
  const auto known = std::find_if(keys_.begin(), keys_.end(), [&rule](const KeyPattern& pattern) {
    return pattern.text == rule.text;
  });
  if (known != keys_.end()) {
    known->access |= rule.access;
    return {};
  }
  if (keys_.size() == kPatternsMax) return errors::kAclTooMany;
  keys_.emplace_back(std::string(rule.text), rule.access);
  return {};
}

std::string_view Selector::AddChannelPattern(std::string_view text) {
  if (all_channels_) return errors::kAclChannelsBehindAll;
  if (std::find(channels_.begin(), channels_.end(), text) != channels_.end()) return {};
  if (channels_.size() == kPatternsMax) return errors::kAclTooMany;
  channels_.emplace_back(text);
  return {};
}

// "get", "config|get", or "select|0" where there are no subcommands. The last bar counts.
std::string_view Selector::AllowCommand(const Catalog& catalog, std::string_view name) {
  const size_t bar = name.rfind('|');
  const Command* const command = catalog.Find(name.substr(0, bar));
  if (command == nullptr) return errors::kAclUnknown;
  if (bar == std::string_view::npos) {
    commands_.Set(*command, true);
    return {};
  }
  if (command->parent != nullptr) return errors::kAclFirstArgument;
  const std::string_view rest = name.substr(bar + 1);
  if (rest.empty() || !IsOneWord(rest) || rest.find_first_of("()") != std::string_view::npos)
    return errors::kAclSyntax;
  if (!Catalog::HasSubcommands(*command)) {
    if (commands_.rules() >= kCommandRulesMax) return errors::kAclTooMany;
    commands_.AllowFirstArgument(*command, rest);
    return {};
  }
  const Command* const sub = Registry::Subcommand(*command, rest);
  if (sub == nullptr) return errors::kAclUnknown;
  commands_.Set(*sub, true);
  return {};
}

bool Selector::AllowsKey(std::string_view key, uint8_t access) const {
  return all_keys_ || std::any_of(keys_.begin(), keys_.end(), [&](const KeyPattern& allowed) {
           return (allowed.access & access) == access && allowed.Matches(key);
         });
}

bool Selector::AllowsChannel(std::string_view name, bool pattern) const {
  return all_channels_ ||
         std::any_of(channels_.begin(), channels_.end(), [&](const std::string& allowed) {
           return pattern ? allowed == name : GlobMatch(allowed, name);
         });
}

bool Selector::ReadsAllKeys() const {
  return all_keys_ || std::any_of(keys_.begin(), keys_.end(), [](const KeyPattern& pattern) {
           return pattern.text == "*" && (pattern.access & kKeyRead) != 0;
         });
}

std::string Selector::DescribeKeys() const {
  if (all_keys_) return "~*";
  std::string text;
  for (const KeyPattern& pattern : keys_) {
    if (!text.empty()) text += ' ';
    if (pattern.access == kKeyRead) text += "%R";
    if (pattern.access == kKeyWrite) text += "%W";
    text.append("~").append(pattern.text);
  }
  return text;
}

std::string Selector::DescribeChannels() const {
  if (all_channels_) return "&*";
  std::string text;
  for (const std::string& pattern : channels_)
    text.append(text.empty() ? "&" : " &").append(pattern);
  return text;
}

std::string Selector::Describe() const {
  std::string text = DescribeKeys();
  if (!text.empty()) text += ' ';
  if (!all_channels_) text += "resetchannels ";
  const std::string channels = DescribeChannels();
  text += channels;
  if (!channels.empty()) text += ' ';
  return text + commands_.Describe();
}

}  // namespace cairn::acl
