#include "session/redact.h"

#include <algorithm>

#include "base/text.h"

namespace cairn {

namespace {

constexpr std::string_view kRedacted = "(redacted)";

constexpr std::string_view kSecretOptions[] = {"requirepass", "masterauth", "masteruser",
                                               "tls-key-file-pass", "tls-client-key-file-pass"};

bool IsSecretOption(std::string_view name) {
  return std::any_of(std::begin(kSecretOptions), std::end(kSecretOptions),
                     [name](std::string_view option) { return EqualsIgnoreCase(name, option); });
}

}  // namespace

std::span<const std::string_view> Redacted(const Command& command,
                                           std::span<const std::string_view> argv,
                                           std::vector<std::string_view>* copy) {
  const bool config = command.name == "config|set";  // a row of TypeScript, which knows no secrets
  if (!config && !command.Is(kCmdSecret)) return argv;
  copy->assign(argv.begin(), argv.end());
  std::vector<std::string_view>& shown = *copy;
  if (config) {
    for (size_t i = 2; i + 1 < shown.size(); i += 2) {
      if (IsSecretOption(shown[i])) shown[i + 1] = kRedacted;
    }
  } else if (command.name == "hello") {
    for (size_t i = 1; i + 2 < shown.size(); ++i) {
      if (!EqualsIgnoreCase(shown[i], "auth")) continue;
      shown[i + 1] = shown[i + 2] = kRedacted;
      i += 2;
    }
  } else if (command.name == "acl|setuser") {
    std::fill(shown.begin() + 2, shown.end(), kRedacted);
  } else {
    std::fill(shown.begin() + 1, shown.end(), kRedacted);
  }
  return shown;
}

}  // namespace cairn
