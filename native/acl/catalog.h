// Catalog: what rules need to know of the command table: rows by name, and their categories. Made
// once the table is complete; then it never changes. Any thread.
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
  // Of the row with that number (Command::number).
  CategoryMask CategoriesOf(uint32_t number) const { return categories_[number]; }
  const Command& at(uint32_t number) const { return registry_->at(number); }
  // Rows, subcommands included.
  uint32_t size() const { return static_cast<uint32_t>(categories_.size()); }

 private:
  const Registry* registry_;
  std::vector<CategoryMask> categories_;
};

}  // namespace cairn::acl
