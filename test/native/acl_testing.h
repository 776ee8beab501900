// What tests of ACL share: a table with some rows of upper layers besides those on data.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "acl/catalog.h"
#include "acl/user.h"
#include "command/registry.h"

namespace cairn::acl::testing {

inline constexpr CommandSpec Row(std::string_view name, uint32_t flags, std::string_view acl) {
  return {name, -1, flags, 0, 0, 0, acl, "server", "1.0.0", "", "", nullptr, ""};
}

inline constexpr CommandSpec kUpperRows[] = {
    Row("auth", kCmdNoAuth, "@fast @connection"),
    Row("select", 0, "@fast @connection"),
    Row("ping", 0, "@fast @connection"),
    Row("publish", kCmdPubSub, "@pubsub @fast"),
    Row("psubscribe", kCmdPubSub, "@pubsub @slow"),
    Row("config", 0, "@slow"),
    Row("config|get", kCmdAdmin, "@admin @slow @dangerous"),
    Row("config|set", kCmdAdmin, "@admin @slow @dangerous"),
    Row("config|help", 0, "@slow"),
};

struct World {
  Registry registry;
  Catalog catalog;

  World() : catalog(Filled(&registry)) {}

  static const Registry* Filled(Registry* registry) {
    registry->Add(kUpperRows);
    registry->AddControl("", "lolwut", -1, kCmdReadOnly, "@read @fast");
    registry->AddControl("config", "rewrite", 2, kCmdAdmin, "@admin @slow @dangerous");
    return registry;
  }

  // A new user with these rules, or null.
  std::shared_ptr<const User> Make(const std::vector<std::string_view>& words,
                                   std::string* error = nullptr) const {
    return Edit(User("a", catalog), words, error);
  }
  std::shared_ptr<const User> Edit(const User& user, const std::vector<std::string_view>& words,
                                   std::string* error = nullptr) const {
    std::string ignored;
    return user.With(catalog, words, error != nullptr ? error : &ignored);
  }
};

}  // namespace cairn::acl::testing
