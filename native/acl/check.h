// Check: whether a user may run a command on keys and channels. Pure; any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "acl/rule_parser.h"
#include "acl/user.h"
#include "command/registry.h"

namespace cairn::acl {

// A key of a command line, and what the command does with its value: KeyAccess. 0: it only looks
// whether the key is there, or what it is like, for which any pattern will do.
struct KeyUse {
  std::string_view key;
  uint8_t access = kKeyBoth;
};

// A channel, or a pattern of channels (PSUBSCRIBE), which only the very same pattern allows.
struct ChannelUse {
  std::string_view name;
  bool pattern = false;
};

// What is not allowed. Where selectors differ the last one of these is told, which was closest.
enum class Denied : uint8_t { kNothing, kCommand, kKey, kChannel };

struct Verdict {
  Denied denied = Denied::kNothing;
  size_t at = 0;  // of the key or channel, among those that were given

  bool allowed() const { return denied == Denied::kNothing; }
};

// argv: of the command, whose row is the subcommand's if it has any. Commands that anybody may run
// before he has logged in (kCmdNoAuth) are always allowed, on keys and channels that are.
Verdict Check(const User& user, const Command& command, std::span<const std::string_view> argv,
              std::span<const KeyUse> keys, std::span<const ChannelUse> channels);

}  // namespace cairn::acl
