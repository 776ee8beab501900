#include "acl/judge.h"

#include <algorithm>

#include "base/text.h"
#include "resp/errors.h"

namespace cairn::acl {

Denial Judge::Ask(const User& user, const Command& command,
                  std::span<const std::string_view> argv) {
  keys_.clear();
  channels_.clear();
  users_->uses().Keys(command, argv, &keys_);
  if (command.Is(kCmdPubSub)) Uses::Channels(command, argv, &channels_);
  const Verdict verdict = Check(user, command, argv, keys_, channels_);
  switch (verdict.denied) {
    case Denied::kNothing:
      return {};
    case Denied::kCommand:
      return {Denied::kCommand, command.name};
    case Denied::kKey:
      return {Denied::kKey, keys_[verdict.at].key};
    case Denied::kChannel:
      return {Denied::kChannel, channels_[verdict.at].name};
  }
  return {Denied::kCommand, command.name};
}

std::string_view Judge::WhyNotUnnamed(const User& user, const Command& command,
                                      std::span<const std::string_view> argv) {
  if (!Uses::ReadsUnnamed(command, argv)) return {};
  const auto reads_all = [&](const Selector& selector) {
    return selector.commands().Has(command.number) && selector.ReadsAllKeys();
  };
  if (std::any_of(user.selectors().begin(), user.selectors().end(), reads_all)) return {};
  for (const std::string_view argument : argv.subspan(2)) {
    if (EqualsIgnoreCase(argument, "by")) return errors::kSortByDenied;
    if (EqualsIgnoreCase(argument, "get")) break;
  }
  return errors::kSortGetDenied;
}

bool MayListen(const User& user, std::string_view name, bool pattern) {
  return std::any_of(
      user.selectors().begin(), user.selectors().end(),
      [&](const Selector& selector) { return selector.AllowsChannel(name, pattern); });
}

}  // namespace cairn::acl
