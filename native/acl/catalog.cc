#include "acl/catalog.h"

namespace cairn::acl {

Catalog::Catalog(const Registry* registry) : registry_(registry) {
  categories_.reserve(registry->size());
  for (uint32_t i = 0; i < registry->size(); ++i)
    categories_.push_back(acl::CategoriesOf(registry->at(i).spec.acl));
}

const Command* Catalog::Find(std::string_view name) const {
  const size_t bar = name.find('|');
  const Command* const command = registry_->Find(name.substr(0, bar));
  if (command == nullptr || bar == std::string_view::npos) return command;
  if (!HasSubcommands(*command)) return nullptr;
  return Registry::Subcommand(*command, name.substr(bar + 1));
}

}  // namespace cairn::acl
