#include "command/registry.h"

#include "base/check.h"
#include "base/text.h"
#include "command/zset_handlers.h"

namespace cairn {

namespace {

// name is lower case already.
bool EqualsNoCase(std::string_view text, std::string_view name) {
  if (text.size() != name.size()) return false;
  for (size_t i = 0; i < text.size(); ++i) {
    if (ToLower(text[i]) != name[i]) return false;
  }
  return true;
}

}  // namespace

uint32_t Registry::Hash(std::string_view name) {
  uint32_t hash = 2166136261u;
  for (char c : name) hash = (hash ^ (static_cast<uint8_t>(c) | 0x20u)) * 16777619u;
  return (hash ^ (hash >> 15)) % kBuckets;
}

Registry::Registry() : buckets_(kBuckets, nullptr) {
  for (auto rows :
       {StringCommands(), BitCommands(), HyperLogLogCommands(), HashCommands(), SetCommands(),
        ZsetCommands(), GeoCommands(), ListCommands(), StreamCommands(), KeyspaceCommands()})
    Add(rows);
}

void Registry::Add(std::span<const CommandSpec> rows) {
  CAIRN_CHECK(names_.empty(), "the rows of the control plane come last");
  for (const CommandSpec& spec : rows) Insert(spec);
}

Command* Registry::Insert(const CommandSpec& spec) {
  commands_.push_back(Command{});
  Command* command = &commands_.back();
  command->spec = spec;
  command->name = std::string(spec.name);
  command->number = static_cast<uint32_t>(commands_.size() - 1);
  size_t bar = command->name.find('|');
  if (bar != std::string::npos) {
    Command* parent = FindMutable(std::string_view(command->name).substr(0, bar));
    CAIRN_CHECK(parent != nullptr, "a container's row stands before its subcommands");
    parent->spec.flags |= kCmdContainer;
    parent->subcommands.push_back(command);
    command->parent = parent;
    return command;
  }
  CAIRN_CHECK(commands_.size() < kBuckets / 2, "the tables of commands fit");
  uint32_t at = Hash(command->name);
  while (buckets_[at] != nullptr) at = (at + 1) % kBuckets;
  buckets_[at] = command;
  return command;
}

Command* Registry::FindMutable(std::string_view name) {
  for (uint32_t at = Hash(name); buckets_[at] != nullptr; at = (at + 1) % kBuckets) {
    if (EqualsNoCase(name, buckets_[at]->name)) return buckets_[at];
  }
  return nullptr;
}

const Command* Registry::Find(std::string_view name) const {
  return const_cast<Registry*>(this)->FindMutable(name);
}

const Command* Registry::Subcommand(const Command& container, std::string_view name) {
  for (const Command* sub : container.subcommands) {
    if (EqualsNoCase(name, std::string_view(sub->name).substr(container.name.size() + 1)))
      return sub;
  }
  return nullptr;
}

void Registry::AddControl(std::string_view parent, std::string_view name, int16_t arity,
                          uint32_t flags, std::string_view acl) {
  std::string full =
      parent.empty() ? std::string(name) : std::string(parent) + "|" + std::string(name);
  Command* container = FindMutable(parent.empty() ? name : parent);
  if (parent.empty() ? container != nullptr
                     : container == nullptr || Subcommand(*container, name) != nullptr) {
    return;
  }
  names_.push_back(std::move(full));
  CommandSpec spec{};
  spec.name = names_.back();
  spec.arity = arity;
  spec.flags = flags | kCmdControl;
  names_.emplace_back(acl);
  spec.acl = names_.back();
  Insert(spec);
}

}  // namespace cairn
