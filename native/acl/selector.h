// Selector: commands together with the keys and channels that they may be used on. A user has one
// of his own, the root, and any number besides.
//
// A value, as CommandSet is.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "acl/catalog.h"
#include "acl/command_set.h"
#include "acl/rule_parser.h"
#include "resp/glob.h"

namespace cairn::acl {

struct KeyPattern {
  KeyPattern(std::string pattern, uint8_t use);

  bool Matches(std::string_view key) const {
    return prefix ? !key.empty() && key.starts_with(std::string_view(text.data(), text.size() - 1))
                  : GlobMatch(text, key);
  }

  std::string text;  // as KEYS takes it
  uint8_t access;    // KeyAccess: at least one
  bool prefix;       // it is "bytes*", as nearly all are

  bool operator==(const KeyPattern&) const = default;
};

class Selector {
 public:
  // Patterns of keys and channels, each. Redis has no bound; who needs more means "all".
  static constexpr size_t kPatternsMax = 16 * 1024;
  static constexpr size_t kCommandRulesMax = 16 * 1024;

  // Allows nothing, but channels where acl-pubsub-default does.
  explicit Selector(const Catalog& catalog)
      : commands_(catalog), all_channels_(catalog.all_channels()) {}

  // Why the rule cannot be kept; empty: it is. Only rules of selectors.
  [[nodiscard]] std::string_view Apply(const Catalog& catalog, const Rule& rule);

  const CommandSet& commands() const { return commands_; }
  bool all_channels() const { return all_channels_; }
  bool AllowsAll() const { return commands_.all() && all_keys_ && all_channels_; }
  bool ReadsAllKeys() const;
  // access: of KeyAccess, what is done with the key; 0: any pattern will do.
  bool AllowsKey(std::string_view key, uint8_t access) const;
  // pattern: the name is one, as PSUBSCRIBE takes it, which only the very same one allows.
  bool AllowsChannel(std::string_view name, bool pattern) const;

  // As ACL LIST shows it: "~a* %R~b* resetchannels &c* -@all +get".
  std::string Describe() const;
  // The first part of that, as ACL GETUSER does.
  std::string DescribeKeys() const;
  std::string DescribeChannels() const;

  bool operator==(const Selector&) const = default;

 private:
  std::string_view AddKeyPattern(const Rule& rule);
  std::string_view AddChannelPattern(std::string_view text);
  std::string_view AllowCommand(const Catalog& catalog, std::string_view name);

  CommandSet commands_;
  bool all_keys_ = false;
  bool all_channels_ = false;
  // In the order in which they were given. Empty if all are allowed.
  std::vector<KeyPattern> keys_;
  std::vector<std::string> channels_;
};

}  // namespace cairn::acl
