#include "acl/check.h"

namespace cairn::acl {

namespace {

bool MayRun(const Selector& selector, const Command& command,
            std::span<const std::string_view> argv) {
  const CommandSet& commands = selector.commands();
  if (command.Is(kCmdNoAuth) || commands.Has(command.number)) return true;
  const uint32_t number = command.parent != nullptr ? command.parent->number : command.number;
  return argv.size() > 1 && commands.HasFirstArgument(number, argv[1]);
}

Verdict CheckSelector(const Selector& selector, const Command& command,
                      std::span<const std::string_view> argv, std::span<const KeyUse> keys,
                      std::span<const ChannelUse> channels) {
  if (!MayRun(selector, command, argv)) return {Denied::kCommand, 0};
  for (size_t i = 0; i < keys.size(); ++i) {
    if (!selector.AllowsKey(keys[i].key, keys[i].access)) return {Denied::kKey, i};
  }
  for (size_t i = 0; i < channels.size(); ++i) {
    if (!selector.AllowsChannel(channels[i].name, channels[i].pattern))
      return {Denied::kChannel, i};
  }
  return {};
}

}  // namespace

Verdict Check(const User& user, const Command& command, std::span<const std::string_view> argv,
              std::span<const KeyUse> keys, std::span<const ChannelUse> channels) {
  Verdict closest{Denied::kCommand, 0};
  for (const Selector& selector : user.selectors()) {
    const Verdict verdict = CheckSelector(selector, command, argv, keys, channels);
    if (verdict.allowed()) return verdict;
    const bool closer = verdict.denied > closest.denied ||
                        (verdict.denied == closest.denied && verdict.at > closest.at);
    if (closer) closest = verdict;
  }
  return closest;
}

}  // namespace cairn::acl
