// CommandSet: which commands a selector allows, one bit for each row of the table; and what is
// allowed of a command that is not, by its first argument (+select|0). It remembers the rules that
// have made it, without those that later ones have made void, and shows them.
//
// A value; it is changed by whoever edits a user, and not any more once others see it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "acl/catalog.h"
#include "command/registry.h"

namespace cairn::acl {

class CommandSet {
 public:
  // Nothing.
  explicit CommandSet(const Catalog& catalog);

  // All commands, and those to come; or none.
  void SetAll(bool allowed);
  // A container goes with all of its subcommands.
  void Set(const Command& command, bool allowed);
  // All commands of a category: an index of kCategories.
  void SetCategory(const Catalog& catalog, size_t category, bool allowed);
  // The command with that first argument, in any case. Not of a container.
  void AllowFirstArgument(const Command& command, std::string_view argument);

  bool Has(uint32_t number) const { return (words_[number / 64] >> (number % 64) & 1) != 0; }
  // All that there are, and nothing was said since.
  bool all() const { return all_ && rules_.empty(); }
  // argument: the first one of the command.
  bool HasFirstArgument(uint32_t number, std::string_view argument) const;
  // "+@all -debug": the same rules make the same set.
  std::string Describe() const;
  // Rules that it remembers, with the first arguments.
  size_t rules() const { return rules_.size(); }

  bool operator==(const CommandSet&) const = default;

 private:
  struct Said {
    bool allowed;
    std::string what;  // lower case: "get", "@read", "config|get", "select|0"
    bool operator==(const Said&) const = default;
  };

  // One row, without what belongs to it. Whether that has changed anything.
  bool SetRow(uint32_t number, bool allowed);
  bool SetWithSubcommands(const Command& command, bool allowed);
  void Say(std::string what, bool allowed);

  bool all_ = false;  // what rules_ start from
  std::vector<uint64_t> words_;
  std::map<uint32_t, std::vector<std::string>> first_arguments_;  // by number of the command
  std::vector<Said> rules_;
};

}  // namespace cairn::acl
