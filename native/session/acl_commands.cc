// ACL: the commands, but LOAD and SAVE, which are about files and live in TypeScript.
#include <sys/random.h>

#include <algorithm>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/text.h"
#include "command/args.h"
#include "resp/errors.h"
#include "session/executor.h"
#include "session/session_commands.h"
#include "session/session_handlers.h"

namespace cairn {

namespace {

acl::Users& UsersOf(Call& call) { return ConnectionOf(call).executor->shared()->users; }
acl::Log& LogOf(Call& call) { return ConnectionOf(call).executor->shared()->acl_log; }
void TellReactors(Call& call) { ConnectionOf(call).executor->host()->UsersChanged(); }

void WriteSelector(const acl::Selector& selector, ReplyWriter* reply) {
  reply->Bulk("commands");
  reply->Bulk(selector.commands().Describe());
  reply->Bulk("keys");
  reply->Bulk(selector.DescribeKeys());
  reply->Bulk("channels");
  reply->Bulk(selector.DescribeChannels());
}

std::string_view ReasonName(acl::LogEntry::Reason reason) {
  constexpr std::string_view kNames[] = {"command", "key", "channel", "auth"};
  return kNames[static_cast<size_t>(reason)];
}

std::string_view ContextName(acl::LogEntry::Context context) {
  constexpr std::string_view kNames[] = {"toplevel", "multi", "lua"};
  return kNames[static_cast<size_t>(context)];
}

void WriteEntry(const acl::LogEntry& entry, uint64_t now_ms, ReplyWriter* reply) {
  reply->MapHeader(10);
  reply->Bulk("count");
  reply->Integer(static_cast<int64_t>(entry.count));
  reply->Bulk("reason");
  reply->Bulk(ReasonName(entry.reason));
  reply->Bulk("context");
  reply->Bulk(ContextName(entry.context));
  reply->Bulk("object");
  reply->Bulk(entry.object);
  reply->Bulk("username");
  reply->Bulk(entry.user);
  reply->Bulk("age-seconds");
  reply->Double(static_cast<double>(now_ms - std::min(now_ms, entry.updated_ms)) / 1000);
  reply->Bulk("client-info");
  reply->Bulk(entry.client);
  reply->Bulk("entry-id");
  reply->Integer(static_cast<int64_t>(entry.id));
  reply->Bulk("timestamp-created");
  reply->Integer(static_cast<int64_t>(entry.created_ms));
  reply->Bulk("timestamp-last-updated");
  reply->Integer(static_cast<int64_t>(entry.updated_ms));
}

// What the user may not do with that command line, in words; empty: nothing.
std::string DryRun(Call& call, const acl::User& user, const Command& command) {
  const auto argv = call.argv.subspan(3);
  const acl::Denial denial = ConnectionOf(call).executor->gate().judge()->Ask(user, command, argv);
  const std::string object(denial.object);
  switch (denial.what) {
    case acl::Denied::kNothing:
      return {};
    case acl::Denied::kCommand:
      return "This user has no permissions to run the '" + object + "' command";
    case acl::Denied::kKey:
      return "This user has no permissions to access the '" + object + "' key";
    case acl::Denied::kChannel:
      return "This user has no permissions to access the '" + object + "' channel";
  }
  return {};
}

}  // namespace

void AclSetUserCommand(Call& call) {
  if (!acl::ValidUserName(call.argv[2])) return call.reply.Error(errors::kAclUserName);
  const std::string error = UsersOf(call).Set(call.argv[2], call.argv.subspan(3));
  if (!error.empty()) return call.reply.Error(error);
  TellReactors(call);
  call.reply.Ok();
}

void AclDelUserCommand(Call& call) {
  const auto names = call.argv.subspan(2);
  if (std::find(names.begin(), names.end(), acl::Users::kDefault) != names.end())
    return call.reply.Error(errors::kAclDefaultUser);
  int64_t deleted = 0;
  for (const std::string_view name : names) deleted += UsersOf(call).Delete(name) ? 1 : 0;
  if (deleted != 0) TellReactors(call);
  call.reply.Integer(deleted);
}

void AclGetUserCommand(Call& call) {
  const auto user = UsersOf(call).Find(call.argv[2]);
  if (user == nullptr) return call.reply.Null();
  ReplyWriter& reply = call.reply;
  reply.MapHeader(6);
  reply.Bulk("flags");
  const auto flags = user->Flags();
  reply.SetHeader(flags.size());
  for (const std::string_view flag : flags) reply.Bulk(flag);
  reply.Bulk("passwords");
  reply.ArrayHeader(user->passwords().size());
  for (const std::string& hash : user->passwords()) reply.Bulk(hash);
  WriteSelector(user->root(), &reply);
  reply.Bulk("selectors");
  reply.ArrayHeader(user->selectors().size() - 1);
  for (size_t i = 1; i < user->selectors().size(); ++i) {
    reply.MapHeader(3);
    WriteSelector(user->selectors()[i], &reply);
  }
}

void AclListCommand(Call& call) {
  const std::vector<std::string> lines = UsersOf(call).Describe();
  call.reply.ArrayHeader(lines.size());
  for (const std::string& line : lines) call.reply.Bulk(line);
}

void AclUsersCommand(Call& call) {
  const auto all = UsersOf(call).All();
  call.reply.ArrayHeader(all.size());
  for (const auto& user : all) call.reply.Bulk(user->name());
}

void AclWhoAmICommand(Call& call) {
  const Connection& conn = ConnectionOf(call);
  call.reply.Bulk(conn.login.user != nullptr ? conn.login.user->name() : acl::Users::kDefault);
}

void AclCatCommand(Call& call) {
  if (call.argv.size() > 3)
    return call.reply.Error(errors::SubcommandArguments(call.argv[1], "ACL"));
  if (call.argv.size() == 2) {
    call.reply.ArrayHeader(acl::kCategoryCount);
    for (const std::string_view name : acl::kCategories) call.reply.Bulk(name);
    return;
  }
  const auto category = acl::FindCategory(call.argv[2]);
  if (!category.has_value()) return call.reply.Error(errors::AclCategory(call.argv[2]));
  const acl::Catalog& catalog = UsersOf(call).catalog();
  std::vector<std::string_view> names;
  for (uint32_t i = 0; i < catalog.size(); ++i) {
    const Command& command = catalog.at(i);
    if (command.parent != nullptr && !acl::Catalog::HasSubcommands(*command.parent)) continue;
    if ((catalog.CategoriesOf(i) >> *category & 1) != 0) names.push_back(command.name);
  }
  call.reply.ArrayHeader(names.size());
  for (const std::string_view name : names) call.reply.Bulk(name);
}

void AclGenPassCommand(Call& call) {
  constexpr int64_t kBitsMax = 4096;
  int64_t bits = 256;
  if (call.argv.size() > 3)
    return call.reply.Error(errors::SubcommandArguments(call.argv[1], "ACL"));
  if (call.argv.size() == 3) {
    const std::string_view error =
        ReadInteger(call.argv[2], {1, kBitsMax, errors::kNotInteger, errors::kAclGenPass}, &bits);
    if (!error.empty()) return call.reply.Error(error);
  }
  uint8_t random[kBitsMax / 8];
  const auto digits = static_cast<size_t>((bits + 3) / 4);
  size_t done = 0;
  while (done < (digits + 1) / 2) {
    const ssize_t got = getrandom(random + done, (digits + 1) / 2 - done, 0);
    if (got > 0) done += static_cast<size_t>(got);
  }
  std::string text;
  for (size_t i = 0; i < digits; ++i)
    text += kHexDigits[random[i / 2] >> (i % 2 == 0 ? 4 : 0) & 15];
  call.reply.Bulk(text);
}

void AclLogCommand(Call& call) {
  constexpr int64_t kShown = 10;
  int64_t count = kShown;
  if (call.argv.size() > 3)
    return call.reply.Error(errors::SubcommandArguments(call.argv[1], "ACL"));
  if (call.argv.size() == 3) {
    if (EqualsIgnoreCase(call.argv[2], "reset")) {
      LogOf(call).Reset();
      return call.reply.Ok();
    }
    const std::string_view error = ReadInteger(call.argv[2], {}, &count);
    if (!error.empty()) return call.reply.Error(error);
  }
  const auto entries = LogOf(call).Latest(static_cast<size_t>(std::max<int64_t>(count, 0)));
  call.reply.ArrayHeader(entries.size());
  for (const acl::LogEntry& entry : entries) WriteEntry(entry, WallMillis(), &call.reply);
}

void AclDryRunCommand(Call& call) {
  const auto user = UsersOf(call).Find(call.argv[2]);
  if (user == nullptr) return call.reply.Error(errors::AclNoUser(call.argv[2]));
  const auto argv = call.argv.subspan(3);
  const Command* command = ConnectionOf(call).executor->shared()->registry.Find(argv[0]);
  if (command != nullptr && command->Is(kCmdContainer) && argv.size() > 1)
    command = Registry::Subcommand(*command, argv[1]);
  if (command == nullptr) return call.reply.Error(errors::AclNoCommand(argv[0]));
  if (!command->ArityFits(argv.size())) return call.reply.Error(errors::WrongArity(command->name));
  const std::string denied = DryRun(call, *user, *command);
  denied.empty() ? call.reply.Ok() : call.reply.Bulk(denied);
}

namespace {

constexpr uint32_t kPlain = kCmdNoScript | kCmdLoading | kCmdStale;
constexpr uint32_t kManage = kPlain | kCmdAdmin;
constexpr std::string_view kManageAcl = "@admin @slow @dangerous";

constexpr CommandSpec kAcl[] = {
    {"acl", -2, 0, 0, 0, 0, "@slow", "server", "6.0.0", "Who may do what.",
     "Depends on the subcommand.", nullptr, ""},
    {"acl|setuser", -3, kManage | kCmdSecret, 0, 0, 0, kManageAcl, "server", "6.0.0",
     "Makes a user, or changes what one may do.", "O(N) in the number of rules", AclSetUserCommand,
     "username [rule [rule ...]]"},
    {"acl|deluser", -3, kManage, 0, 0, 0, kManageAcl, "server", "6.0.0",
     "Deletes users, and closes their connections.", "O(1) for each user", AclDelUserCommand,
     "username [username ...]"},
    {"acl|getuser", 3, kManage, 0, 0, 0, kManageAcl, "server", "6.0.0", "Describes a user.",
     "O(N) in the number of its rules", AclGetUserCommand, "username"},
    {"acl|list", 2, kManage, 0, 0, 0, kManageAcl, "server", "6.0.0",
     "Lists the users with their rules, as files have them.", "O(N) in the number of users",
     AclListCommand, ""},
    {"acl|users", 2, kManage, 0, 0, 0, kManageAcl, "server", "6.0.0", "Lists the users.",
     "O(N) in the number of users", AclUsersCommand, ""},
    {"acl|whoami", 2, kPlain, 0, 0, 0, "@slow", "server", "6.0.0",
     "Answers the user of this connection.", "O(1)", AclWhoAmICommand, ""},
    {"acl|cat", -2, kPlain, 0, 0, 0, "@slow", "server", "6.0.0",
     "Lists the categories, or the commands of one.", "O(1), it is bounded", AclCatCommand,
     "[category]"},
    {"acl|genpass", -2, kPlain, 0, 0, 0, "@slow", "server", "6.0.0",
     "Answers random hexadecimal digits.", "O(1)", AclGenPassCommand, "[bits]"},
    {"acl|log", -2, kManage, 0, 0, 0, kManageAcl, "server", "6.0.0", "Lists what was denied last.",
     "O(N) in the number of entries", AclLogCommand, "[count | RESET]"},
    {"acl|dryrun", -4, kManage, 0, 0, 0, kManageAcl, "server", "7.0.0",
     "Says whether a user may run a command, and runs nothing.", "O(1)", AclDryRunCommand,
     "username command [arg [arg ...]]"},
};

}  // namespace

std::span<const CommandSpec> AclCommands() { return kAcl; }

}  // namespace cairn
