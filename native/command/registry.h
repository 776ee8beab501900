// Registry: the command table at run time. Rows on data first, then those that upper layers add,
// last those of the control plane; fixed once the reactors run, so that lookups need no lock. Every
// row (subcommands included) has a dense number for statistics.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "command/command.h"

namespace cairn {

struct Command {
  CommandSpec spec;
  std::string name;  // lower case; a subcommand as "container|sub"
  uint32_t number = 0;
  std::vector<Command*> subcommands;
  Command* parent = nullptr;

  bool Is(uint32_t flag) const { return (spec.flags & flag) != 0; }
  // It reads or writes the keyspace; others see the connection and the server alone.
  bool TouchesKeys() const {
    return !Is(kCmdControl) &&
           (spec.keys().any() || Is(kCmdReadOnly | kCmdWrite | kCmdWholeKeyspace | kCmdScript));
  }
  bool ArityFits(size_t argc) const {
    return spec.arity >= 0 ? argc == static_cast<size_t>(spec.arity)
                           : argc >= static_cast<size_t>(-spec.arity);
  }
};

class Registry {
 public:
  Registry();  // with all rows on data
  Registry(const Registry&) = delete;
  Registry& operator=(const Registry&) = delete;

  // Any case. Null: unknown. A container is returned as such; resolve with Subcommand.
  const Command* Find(std::string_view name) const;
  // Null: unknown.
  static const Command* Subcommand(const Command& container, std::string_view name);

  // Rows of a layer above, which stay where they are. Before those of the control plane.
  void Add(std::span<const CommandSpec> rows);
  // A row of the control plane. parent: "" for a command, else the container's name. Native rows
  // win over equal names. acl: as in CommandSpec.
  void AddControl(std::string_view parent, std::string_view name, int16_t arity, uint32_t flags,
                  std::string_view acl = "");

  uint32_t size() const { return static_cast<uint32_t>(commands_.size()); }
  const Command& at(uint32_t number) const { return commands_[number]; }

 private:
  static constexpr uint32_t kBuckets = 1024;  // power of two, several times the number of commands

  static uint32_t Hash(std::string_view name);
  Command* FindMutable(std::string_view name);
  Command* Insert(const CommandSpec& spec);

  std::deque<Command> commands_;
  std::deque<std::string> names_;
  std::vector<Command*> buckets_;
};

}  // namespace cairn
