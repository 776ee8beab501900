// Catalog: what rules need to know of the command table: rows by name, and their categories. Made
// once the table is complete; then it never changes but for one setting of those who make users
// (Users, under its mutex). Any thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "acl/category.h"
#include "command/registry.h"

namespace cairn::acl {

class Catalog {
 public:
  // The table stays where it is.
  explicit Catalog(const Registry* registry);

  // A command, or "container|subcommand", in any case. Null: there is none.
  const Command* Find(std::string_view name) const;
  // What rules can name by itself. Of DEBUG they are not, as in Redis: there +debug|sleep is one of
  // a first argument.
  static bool HasSubcommands(const Command& command) {
    return !command.subcommands.empty() && command.name != "debug";
  }
  // Of the row with that number (Command::number).
  CategoryMask CategoriesOf(uint32_t number) const { return categories_[number]; }
  const Command& at(uint32_t number) const { return registry_->at(number); }
  // acl-pubsub-default: what selectors that are made allow, or are reset to. By whoever makes
  // users.
  void SetChannelsByDefault(bool all) { all_channels_ = all; }
  bool all_channels() const { return all_channels_; }
  // Rows, subcommands included.
  uint32_t size() const { return static_cast<uint32_t>(categories_.size()); }

 private:
  const Registry* registry_;
  std::vector<CategoryMask> categories_;
  bool all_channels_ = false;
};

}  // namespace cairn::acl
