#include "acl/user.h"

#include <algorithm>
#include <utility>

#include "base/sha256.h"
#include "resp/errors.h"

namespace cairn::acl {

namespace {

bool ValidHash(std::string_view hash) {
  const auto digit = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); };
  return hash.size() == kSha256HexBytes && std::all_of(hash.begin(), hash.end(), digit);
}

std::string HashOf(std::string_view password) {
  const auto hex = Sha256Hex(password);
  return {hex.data(), hex.size()};
}

// Of the same length.
bool EqualInConstantTime(std::string_view a, std::string_view b) {
  unsigned differs = 0;
  for (size_t i = 0; i < a.size(); ++i)
    differs |= static_cast<unsigned char>(a[i]) ^ static_cast<unsigned char>(b[i]);
  return differs == 0;
}

}  // namespace

std::shared_ptr<const User> User::With(const Catalog& catalog,
                                       std::span<const std::string_view> words,
                                       std::string* error) const {
  std::vector<std::string> rules;
  std::string_view unmatched;
  if (!JoinSelectors(words, &rules, &unmatched)) {
    *error = errors::AclUnmatched(unmatched);
    return nullptr;
  }
  auto edited = std::make_shared<User>(*this);
  for (const std::string& word : rules) {
    const auto rule = ParseUserRule(word);
    const std::string_view why = rule ? edited->Apply(catalog, *rule) : errors::kAclSyntax;
    if (why.empty()) continue;
    *error = errors::AclModifier(word, why);
    return nullptr;
  }
  return edited;
}

std::string_view User::Apply(const Catalog& catalog, const Rule& rule) {
  switch (rule.kind) {
    case RuleKind::kOn:
    case RuleKind::kOff:
      enabled_ = rule.kind == RuleKind::kOn;
      return {};
    case RuleKind::kNoPass:
      ResetPasswords();
      nopass_ = true;
      return {};
    case RuleKind::kResetPass:
      ResetPasswords();
      return {};
    case RuleKind::kAddPassword:
      if (rule.text.size() > kPasswordBytesMax) return errors::kAclPasswordLong;
      return AddHash(HashOf(rule.text));
    case RuleKind::kAddHash:
      return ValidHash(rule.text) ? AddHash(std::string(rule.text)) : errors::kAclHash;
    case RuleKind::kRemovePassword:
      if (rule.text.size() > kPasswordBytesMax) return errors::kAclNoPassword;
      return RemoveHash(HashOf(rule.text));
    case RuleKind::kRemoveHash:
      return ValidHash(rule.text) ? RemoveHash(rule.text) : errors::kAclHash;
    case RuleKind::kSanitize:
      sanitize_ = Sanitize::kYes;
      return {};
    case RuleKind::kSkipSanitize:
      sanitize_ = Sanitize::kSkip;
      return {};
    case RuleKind::kReset:
      Reset(catalog);
      return {};
    case RuleKind::kClearSelectors:
      selectors_.erase(selectors_.begin() + 1, selectors_.end());
      return {};
    case RuleKind::kSelector:
      return AddSelector(catalog, rule.text);
    default:
      return selectors_[0].Apply(catalog, rule);
  }
}

void User::ResetPasswords() {
  nopass_ = false;
  passwords_.clear();
}

void User::Reset(const Catalog& catalog) {
  ResetPasswords();
  enabled_ = false;
  sanitize_ = Sanitize::kYes;
  selectors_.assign(1, Selector(catalog));
}

std::string_view User::AddHash(std::string hash) {
  nopass_ = false;
  if (std::find(passwords_.begin(), passwords_.end(), hash) != passwords_.end()) return {};
  if (passwords_.size() == kPasswordsMax) return errors::kAclTooMany;
  passwords_.push_back(std::move(hash));
  return {};
}

std::string_view User::RemoveHash(std::string_view hash) {
  return std::erase(passwords_, hash) != 0 ? std::string_view() : errors::kAclNoPassword;
}

std::string_view User::AddSelector(const Catalog& catalog, std::string_view text) {
  const auto words = WordsOfSelector(text);
  if (!words.has_value()) return errors::kAclSyntax;
  if (selectors_.size() == kSelectorsMax) return errors::kAclTooMany;
  Selector selector(catalog);
  for (const std::string_view word : *words) {
    const auto rule = ParseSelectorRule(word);
    const std::string_view why = rule ? selector.Apply(catalog, *rule) : errors::kAclSyntax;
    if (!why.empty()) return why;
  }
  selectors_.push_back(std::move(selector));
  return {};
}

bool User::Knows(std::string_view password) const {
  if (nopass_) return true;
  if (password.size() > kPasswordBytesMax) return false;
  const std::string hash = HashOf(password);
  bool known = false;
  for (const std::string& one : passwords_) known |= EqualInConstantTime(hash, one);
  return known;
}

std::vector<std::string_view> User::Flags() const {
  std::vector<std::string_view> flags{enabled_ ? "on" : "off"};
  if (nopass_) flags.emplace_back("nopass");
  if (sanitize_ == Sanitize::kSkip) flags.emplace_back("skip-sanitize-payload");
  if (sanitize_ == Sanitize::kYes) flags.emplace_back("sanitize-payload");
  return flags;
}

std::string User::Describe() const {
  std::string text;
  for (const std::string_view flag : Flags()) text.append(flag).append(" ");
  for (const std::string& hash : passwords_) text.append("#").append(hash).append(" ");
  text += selectors_[0].Describe();
  for (size_t i = 1; i < selectors_.size(); ++i)
    text.append(" (").append(selectors_[i].Describe()).append(")");
  return text;
}

}  // namespace cairn::acl
