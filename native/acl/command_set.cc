#include "acl/command_set.h"

#include <algorithm>
#include <utility>

#include "base/text.h"

namespace cairn::acl {

namespace {

std::string Lower(std::string_view text) {
  std::string lower(text);
  std::transform(lower.begin(), lower.end(), lower.begin(), ToLower);
  return lower;
}

}  // namespace

CommandSet::CommandSet(const Catalog& catalog) : words_((catalog.size() + 63) / 64) {}

void CommandSet::SetAll(bool allowed) {
  all_ = allowed;
  std::fill(words_.begin(), words_.end(), allowed ? ~uint64_t{0} : 0);
  first_arguments_.clear();
  rules_.clear();
}

bool CommandSet::SetRow(uint32_t number, bool allowed) {
  bool changed = Has(number) != allowed;
  const uint64_t bit = uint64_t{1} << (number % 64);
  uint64_t& word = words_[number / 64];
  word = allowed ? word | bit : word & ~bit;
  changed |= first_arguments_.erase(number) != 0;
  return changed;
}

bool CommandSet::SetWithSubcommands(const Command& command, bool allowed) {
  bool changed = SetRow(command.number, allowed);
  for (const Command* sub : command.subcommands) changed |= SetRow(sub->number, allowed);
  return changed;
}

void CommandSet::Set(const Command& command, bool allowed) {
  if (SetWithSubcommands(command, allowed)) Say(command.name, allowed);
}

// Said in any case: a later version of the server may have more commands of it.
void CommandSet::SetCategory(const Catalog& catalog, size_t category, bool allowed) {
  for (uint32_t i = 0; i < catalog.size(); ++i) {
    if ((catalog.CategoriesOf(i) >> category & 1) != 0) SetWithSubcommands(catalog.at(i), allowed);
  }
  Say("@" + std::string(kCategories[category]), allowed);
}

void CommandSet::AllowFirstArgument(const Command& command, std::string_view argument) {
  if (Has(command.number) || HasFirstArgument(command.number, argument)) return;
  first_arguments_[command.number].emplace_back(argument);
  Say(command.name + "|" + Lower(argument), true);
}

bool CommandSet::HasFirstArgument(uint32_t number, std::string_view argument) const {
  const auto found = first_arguments_.find(number);
  if (found == first_arguments_.end()) return false;
  return std::any_of(
      found->second.begin(), found->second.end(),
      [argument](const std::string& known) { return EqualsIgnoreCase(known, argument); });
}

// What was said before of the same, or of a part of it, counts no more.
void CommandSet::Say(std::string what, bool allowed) {
  const std::string part = what + "|";
  std::erase_if(rules_,
                [&](const Said& said) { return said.what == what || said.what.starts_with(part); });
  rules_.push_back({allowed, std::move(what)});
}

std::string CommandSet::Describe() const {
  std::string text = all_ ? "+@all" : "-@all";
  for (const Said& said : rules_) text.append(said.allowed ? " +" : " -").append(said.what);
  return text;
}

}  // namespace cairn::acl
