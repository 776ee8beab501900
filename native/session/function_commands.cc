// Handlers of FCALL and FUNCTION.
#include <string>
#include <vector>

#include "base/text.h"
#include "resp/errors.h"
#include "resp/glob.h"
#include "script/shebang.h"
#include "session/executor.h"
#include "session/session_commands.h"
#include "session/session_handlers.h"

namespace cairn {

namespace {

Scripts& ScriptsOf(Call& call) { return ConnectionOf(call).executor->scripts(); }
Shared& SharedOf(Call& call) { return *ConnectionOf(call).executor->shared(); }

// Of a change: without an error the pass is pending, and nobody sees the reply.
void Answer(Call& call, bool done, const std::string& error) {
  done ? call.reply.Ok() : call.reply.Error(error.empty() ? errors::kInternal : error);
}

void ReplyFlags(Call& call, uint32_t flags) {
  std::vector<std::string_view> names;
  for (uint32_t bit = 1; bit != 0 && bit <= flags; bit <<= 1) {
    const std::string_view name = (flags & bit) != 0 ? script::FlagName(bit) : "";
    if (!name.empty()) names.push_back(name);
  }
  call.reply.SetHeader(names.size());
  for (const std::string_view name : names) call.reply.Simple(name);
}

void ReplyLibrary(Call& call, const FunctionLibrary& library, bool with_code) {
  ReplyWriter& reply = call.reply;
  reply.MapHeader(with_code ? 4 : 3);
  reply.Bulk("library_name");
  reply.Bulk(library.name);
  reply.Bulk("engine");
  reply.Bulk("LUA");
  reply.Bulk("functions");
  reply.ArrayHeader(library.functions.size());
  for (const script::RegisteredFunction& function : library.functions) {
    reply.MapHeader(3);
    reply.Bulk("name");
    reply.Bulk(function.name);
    reply.Bulk("description");
    function.has_description ? reply.Bulk(function.description) : reply.Null();
    reply.Bulk("flags");
    ReplyFlags(call, function.flags);
  }
  if (!with_code) return;
  reply.Bulk("library_code");
  reply.Bulk(library.code);
}

}  // namespace

void FcallCommand(Call& call) { ScriptsOf(call).CallFunction(call, false); }
void FcallRoCommand(Call& call) { ScriptsOf(call).CallFunction(call, true); }

void FunctionLoadCommand(Call& call) {
  const std::span<const std::string_view> argv = call.argv;
  bool replace = false;
  for (size_t i = 2; i + 1 < argv.size(); ++i) {
    if (!EqualsIgnoreCase(argv[i], "replace"))
      return call.reply.Error(errors::Whole("ERR Unknown option given: ", argv[i], ""));
    replace = true;
  }
  std::string name, error;
  if (ScriptsOf(call).LoadLibrary(call.txn, argv.back(), replace, &name, &error)) {
    call.reply.Bulk(name);
  } else {
    Answer(call, false, error);
  }
}

void FunctionDeleteCommand(Call& call) {
  std::string error;
  const bool done = ScriptsOf(call).DeleteLibrary(call.txn, call.argv[2], &error);
  Answer(call, done, error);
}

void FunctionFlushCommand(Call& call) {
  if (call.argv.size() > 3)
    return call.reply.Error(errors::SubcommandArguments(call.argv[1], "FUNCTION"));
  if (call.argv.size() == 3 && !EqualsIgnoreCase(call.argv[2], "sync") &&
      !EqualsIgnoreCase(call.argv[2], "async")) {
    return call.reply.Error(errors::kFunctionFlush);
  }
  std::string error;
  const bool done = ScriptsOf(call).FlushLibraries(call.txn, &error);
  Answer(call, done, error);
}

void FunctionListCommand(Call& call) {
  bool with_code = false;
  const std::string_view* pattern = nullptr;
  for (size_t i = 2; i < call.argv.size(); ++i) {
    if (!with_code && EqualsIgnoreCase(call.argv[i], "withcode")) {
      with_code = true;
    } else if (pattern == nullptr && EqualsIgnoreCase(call.argv[i], "libraryname")) {
      if (i + 1 == call.argv.size()) return call.reply.Error(errors::kNoLibraryPattern);
      pattern = &call.argv[++i];
    } else {
      return call.reply.Error(errors::Whole("ERR Unknown argument ", call.argv[i], ""));
    }
  }
  std::vector<const FunctionLibrary*> shown;
  for (const auto& [name, library] : ScriptsOf(call).Functions(call.txn).libraries()) {
    if (pattern == nullptr || GlobMatch(*pattern, name, true)) shown.push_back(library.get());
  }
  call.reply.ArrayHeader(shown.size());
  for (const FunctionLibrary* library : shown) ReplyLibrary(call, *library, with_code);
}

void FunctionDumpCommand(Call& call) {
  call.reply.Bulk(call.txn.Copy(ScriptsOf(call).Functions(call.txn).Dump()));
}

void FunctionRestoreCommand(Call& call) {
  using Restore = Scripts::Restore;
  if (call.argv.size() > 4)
    return call.reply.Error(errors::SubcommandArguments(call.argv[1], "FUNCTION"));
  Restore how = Restore::kAppend;
  if (call.argv.size() == 4) {
    const std::string_view policy = call.argv[3];
    if (EqualsIgnoreCase(policy, "flush")) {
      how = Restore::kFlush;
    } else if (EqualsIgnoreCase(policy, "replace")) {
      how = Restore::kReplace;
    } else if (!EqualsIgnoreCase(policy, "append")) {
      return call.reply.Error(errors::kRestorePolicy);
    }
  }
  std::vector<std::string> codes;
  std::string error;
  const bool done = FunctionSet::ReadDump(call.argv[2], &codes, &error) &&
                    ScriptsOf(call).RestoreLibraries(call.txn, codes, how, &error);
  Answer(call, done, error);
}

void FunctionKillCommand(Call& call) { KillScripts(call, true); }

void FunctionStatsCommand(Call& call) {
  Shared& shared = SharedOf(call);
  const std::optional<RunningScripts::Shown> running = shared.running_scripts.Longest();
  if (running.has_value() && !running->function) return call.reply.Error(errors::kBusyScript);
  ReplyWriter& reply = call.reply;
  reply.MapHeader(2);
  reply.Bulk("running_script");
  if (running.has_value()) {
    reply.MapHeader(3);
    reply.Bulk("name");
    reply.Bulk(running->name);
    reply.Bulk("command");
    reply.ArrayHeader(running->command.size());
    for (const std::string& word : running->command) reply.Bulk(word);
    reply.Bulk("duration_ms");
    reply.Integer(static_cast<int64_t>(running->nanos / 1'000'000));
  } else {
    reply.Null();
  }
  const FunctionStore::Set set = shared.functions.current();
  reply.Bulk("engines");
  reply.MapHeader(1);
  reply.Bulk("LUA");
  reply.MapHeader(2);
  reply.Bulk("libraries_count");
  reply.Integer(static_cast<int64_t>(set->libraries().size()));
  reply.Bulk("functions_count");
  reply.Integer(static_cast<int64_t>(set->functions()));
}

}  // namespace cairn
