#include "addon/command_rows.h"

#include <string>
#include <string_view>

#include "addon/convert.h"

namespace cairn::addon {

namespace {

struct FlagName {
  const char* name;
  uint32_t flag;
};
constexpr FlagName kFlagNames[] = {
    {"write", kCmdWrite},
    {"readonly", kCmdReadOnly},
    {"denyoom", kCmdDenyOom},
    {"admin", kCmdAdmin},
    {"pubsub", kCmdPubSub},
    {"noscript", kCmdNoScript},
    {"blocking", kCmdBlocking},
    {"loading", kCmdLoading},
    {"stale", kCmdStale},
    {"skip_monitor", kCmdSkipMonitor},
    {"skip_slowlog", kCmdSkipSlowlog},
    {"fast", kCmdFast},
    {"no_auth", kCmdNoAuth},
    {"no_multi", kCmdNoMulti},
    {"movablekeys", kCmdMovableKeys},
    {"allow_busy", kCmdAllowBusy},
    {"may_replicate", kCmdMayReplicate},
    {"no_mandatory_keys", kCmdNoMandatoryKeys},
};

uint32_t FlagsOf(const Napi::Value& names) {
  uint32_t flags = 0;
  for (const std::string& name : Strings(names)) {
    for (const FlagName& known : kFlagNames) {
      if (name == known.name) flags |= known.flag;
    }
  }
  return flags;
}

Napi::Array FlagNames(Napi::Env env, uint32_t flags) {
  Napi::Array names = Napi::Array::New(env);
  for (const FlagName& known : kFlagNames) {
    if ((flags & known.flag) != 0) names[names.Length()] = known.name;
  }
  return names;
}

// "@read @string" as words without the sign.
Napi::Array AclWords(Napi::Env env, std::string_view left) {
  Napi::Array words = Napi::Array::New(env);
  while (!left.empty()) {
    const size_t space = left.find(' ');
    std::string_view word = left.substr(0, space);
    if (word.starts_with('@')) word.remove_prefix(1);
    if (!word.empty()) words[words.Length()] = std::string(word);
    left = space == std::string_view::npos ? std::string_view() : left.substr(space + 1);
  }
  return words;
}

// The other way.
std::string AclOf(const Napi::Value& words) {
  std::string acl;
  for (const std::string& word : Strings(words)) acl.append(acl.empty() ? "@" : " @").append(word);
  return acl;
}

Napi::Object RowOf(Napi::Env env, const Command& command) {
  const CommandSpec& spec = command.spec;
  const size_t bar = command.name.find('|');
  Napi::Object row = Napi::Object::New(env);
  row["name"] = bar == std::string::npos ? command.name : command.name.substr(bar + 1);
  row["arity"] = spec.arity;
  row["flags"] = FlagNames(env, spec.flags);
  row["firstKey"] = spec.first_key;
  row["lastKey"] = spec.last_key;
  row["step"] = spec.key_step;
  if (spec.key_count_at > 0) row["keyCountAt"] = spec.key_count_at;
  if (spec.key_count_at == KeySpec::kBehindStreams) row["keyStreams"] = true;
  row["aclCategories"] = AclWords(env, spec.acl);
  row["group"] = std::string(spec.group);
  row["since"] = std::string(spec.since);
  row["summary"] = std::string(spec.summary);
  row["complexity"] = std::string(spec.complexity);
  row["syntax"] = std::string(spec.syntax);
  if (!command.subcommands.empty()) {
    row["subcommands"] =
        ListOf(env, command.subcommands, [env](const Command* sub) { return RowOf(env, *sub); });
  }
  return row;
}

}  // namespace

Napi::Array RowsOf(Napi::Env env, const Registry& registry) {
  Napi::Array rows = Napi::Array::New(env);
  for (uint32_t i = 0; i < registry.size(); ++i) {
    if (registry.at(i).parent == nullptr) rows[rows.Length()] = RowOf(env, registry.at(i));
  }
  return rows;
}

void AddRows(Registry* registry, const std::string& parent, const Napi::Array& rows) {
  for (uint32_t i = 0; i < rows.Length(); ++i) {
    const Napi::Object row = static_cast<Napi::Value>(rows.Get(i)).As<Napi::Object>();
    const std::string name = Str(row, "name");
    registry->AddControl(parent, name, static_cast<int16_t>(Num(row, "arity")),
                         FlagsOf(row.Get("flags")), AclOf(row.Get("aclCategories")));
    const Napi::Value subcommands = row.Get("subcommands");
    if (subcommands.IsArray()) AddRows(registry, name, subcommands.As<Napi::Array>());
  }
}

}  // namespace cairn::addon
