// User: a name, passwords, and what is allowed. Once made it never changes: an edit makes another
// one, so whoever has a pointer to it may look at it from any thread, without a lock.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "acl/catalog.h"
#include "acl/rule_parser.h"
#include "acl/selector.h"

namespace cairn::acl {

class User {
 public:
  static constexpr size_t kPasswordsMax = 1024;
  // Of one: a longer one is nobody's. A reactor hashes it, in a third of a millisecond.
  static constexpr size_t kPasswordBytesMax = 64 * 1024;
  static constexpr size_t kSelectorsMax = 1024;  // the root included

  // As ACL SETUSER makes a new one: it is off and may nothing.
  User(std::string name, const Catalog& catalog)
      : name_(std::move(name)), selectors_{Selector(catalog)} {}

  // With these rules besides, as ACL SETUSER takes them, in their order. Null: *error is the text
  // of the reply, and no rule counts.
  std::shared_ptr<const User> With(const Catalog& catalog, std::span<const std::string_view> words,
                                   std::string* error) const;

  const std::string& name() const { return name_; }
  bool enabled() const { return enabled_; }
  bool nopass() const { return nopass_; }
  // SHA-256 of each password in hexadecimal.
  const std::vector<std::string>& passwords() const { return passwords_; }
  // The root first.
  const std::vector<Selector>& selectors() const { return selectors_; }
  const Selector& root() const { return selectors_[0]; }

  // There is nothing that Check would refuse him.
  bool MayDoAll() const { return root().AllowsAll(); }

  // Whether that is a password of his; always, with nopass. Takes as long wherever a guess differs.
  bool Knows(std::string_view password) const;

  // The words in front of the rules: "on", "nopass", ...
  std::vector<std::string_view> Flags() const;
  // As ACL LIST shows it, behind "user <name> ".
  std::string Describe() const;

 private:
  // What RESTORE does with payloads of his; told, and nothing else: they are always looked at here.
  enum class Sanitize : uint8_t { kUnset, kYes, kSkip };

  // Why the rule cannot be kept; empty: it is.
  [[nodiscard]] std::string_view Apply(const Catalog& catalog, const Rule& rule);
  [[nodiscard]] std::string_view AddHash(std::string hash);
  [[nodiscard]] std::string_view RemoveHash(std::string_view hash);
  [[nodiscard]] std::string_view AddSelector(const Catalog& catalog, std::string_view text);
  void ResetPasswords();
  void Reset(const Catalog& catalog);

  std::string name_;
  bool enabled_ = false;
  bool nopass_ = false;
  Sanitize sanitize_ = Sanitize::kUnset;
  std::vector<std::string> passwords_;
  std::vector<Selector> selectors_;
};

inline bool ValidUserName(std::string_view name) { return IsOneWord(name); }

}  // namespace cairn::acl
