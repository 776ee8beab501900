// Handlers of EVAL, EVALSHA and SCRIPT.
#include <string>

#include "base/text.h"
#include "resp/errors.h"
#include "session/executor.h"
#include "session/session_commands.h"
#include "session/session_handlers.h"

namespace cairn {

namespace {

Scripts& ScriptsOf(Call& call) { return ConnectionOf(call).executor->scripts(); }
Shared& SharedOf(Call& call) { return *ConnectionOf(call).executor->shared(); }

}  // namespace

void EvalCommand(Call& call) { ScriptsOf(call).Eval(call, false, false); }
void EvalShaCommand(Call& call) { ScriptsOf(call).Eval(call, true, false); }
void EvalRoCommand(Call& call) { ScriptsOf(call).Eval(call, false, true); }
void EvalShaRoCommand(Call& call) { ScriptsOf(call).Eval(call, true, true); }

void ScriptLoadCommand(Call& call) {
  std::string sha, error;
  ScriptsOf(call).Load(call.argv[2], &sha, &error) ? call.reply.Bulk(sha) : call.reply.Error(error);
}

void ScriptExistsCommand(Call& call) {
  const std::span<const std::string_view> names = call.argv.subspan(2);
  call.reply.ArrayHeader(names.size());
  for (const std::string_view name : names)
    call.reply.Integer(SharedOf(call).scripts.Find(name) != nullptr ? 1 : 0);
}

void ScriptFlushCommand(Call& call) {
  if (call.argv.size() > 3) {
    call.reply.Error(errors::SubcommandArguments(call.argv[1], "SCRIPT"));
  } else if (call.argv.size() == 3 && !EqualsIgnoreCase(call.argv[2], "sync") &&
             !EqualsIgnoreCase(call.argv[2], "async")) {
    call.reply.Error(errors::kScriptFlush);
  } else {
    SharedOf(call).scripts.Flush();
    call.reply.Ok();
  }
}

void ScriptKillCommand(Call& call) { KillScripts(call, false); }

void KillScripts(Call& call, bool functions) {
  using Answer = RunningScripts::KillAnswer;
  switch (SharedOf(call).running_scripts.Kill(functions)) {
    case Answer::kKilled:
      return call.reply.Ok();
    case Answer::kNone:
      return call.reply.Error(errors::kNotBusy);
    case Answer::kWrote:
      return call.reply.Error(errors::kUnkillable);
    case Answer::kOtherKind:
      return call.reply.Error(functions ? errors::kBusyScript : errors::kBusyFunction);
  }
}

void ScriptDebugCommand(Call& call) {
  const std::string_view mode = call.argv[2];
  if (EqualsIgnoreCase(mode, "no")) return call.reply.Ok();
  const bool known = EqualsIgnoreCase(mode, "yes") || EqualsIgnoreCase(mode, "sync");
  call.reply.Error(known ? errors::kNoDebugger
                         : std::string_view("ERR Use SCRIPT DEBUG YES/SYNC/NO"));
}

}  // namespace cairn
