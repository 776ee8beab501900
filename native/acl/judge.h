// Judge: what of a command line a user may not do, in one question: what the line uses (Uses) and
// whether that is allowed (Check). It keeps room for the answers. One thread.
#pragma once

#include <span>
#include <string_view>
#include <vector>

#include "acl/check.h"
#include "acl/users.h"

namespace cairn::acl {

// What stands in the way: the command's name, a key, or a channel, as it was given.
struct Denial {
  Denied what = Denied::kNothing;
  std::string_view object = {};

  bool allowed() const { return what == Denied::kNothing; }
};

class Judge {
 public:
  explicit Judge(const Users* users) : users_(users) {}

  // argv: of the command, which has its arity right. The answer points there, or to the row.
  Denial Ask(const User& user, const Command& command, std::span<const std::string_view> argv);
  // SORT with BY or GET, of keys that nobody names: only who may read all of them. Empty: it may.
  static std::string_view WhyNotUnnamed(const User& user, const Command& command,
                                        std::span<const std::string_view> argv);

 private:
  const Users* const users_;
  std::vector<KeyUse> keys_;
  std::vector<ChannelUse> channels_;
};

// Whether a subscription may stay. pattern: as PSUBSCRIBE takes it.
bool MayListen(const User& user, std::string_view name, bool pattern);

}  // namespace cairn::acl
