// Rows of scripts. Columns as in command/command.h.
#include "session/session_handlers.h"

namespace cairn {

namespace {

constexpr uint32_t kRun =
    kCmdScript | kCmdNoScript | kCmdSkipMonitor | kCmdStale | kCmdMovableKeys | kCmdNoMandatoryKeys;
constexpr uint32_t kMayWrite = kRun | kCmdMayReplicate;
constexpr uint32_t kReads = kRun | kCmdReadOnly;
// These run in the pass of an EXEC, too: what stands behind them there counts on what they did.
constexpr uint32_t kStore = kCmdScript | kCmdNoScript;

constexpr int16_t kKeys = 2;  // the place of numkeys
constexpr std::string_view kAcl = "@slow @scripting";
constexpr std::string_view kCost = "Depends on the script that is run.";
constexpr std::string_view kByText = "script numkeys [key [key ...]] [arg [arg ...]]";
constexpr std::string_view kBySha = "sha1 numkeys [key [key ...]] [arg [arg ...]]";

constexpr CommandSpec kScripts[] = {
    {"eval", -3, kMayWrite, 0, 0, 0, kAcl, "scripting", "2.6.0", "Runs a script.", kCost,
     EvalCommand, kByText, kKeys},
    {"evalsha", -3, kMayWrite, 0, 0, 0, kAcl, "scripting", "2.6.0",
     "Runs a script that the server knows by its SHA1.", kCost, EvalShaCommand, kBySha, kKeys},
    {"eval_ro", -3, kReads, 0, 0, 0, kAcl, "scripting", "7.0.0",
     "Runs a script that may not write.", kCost, EvalRoCommand, kByText, kKeys},
    {"evalsha_ro", -3, kReads, 0, 0, 0, kAcl, "scripting", "7.0.0",
     "Runs a script that the server knows by its SHA1, and that may not write.", kCost,
     EvalShaRoCommand, kBySha, kKeys},
    {"script", -2, kCmdContainer, 0, 0, 0, "@slow", "scripting", "2.6.0", "Scripts that are kept.",
     "Depends on the subcommand.", nullptr, ""},
    {"script|load", 3, kStore | kCmdStale, 0, 0, 0, kAcl, "scripting", "2.6.0",
     "Keeps a script for EVALSHA, and answers its SHA1.", "O(N) in the length of the script",
     ScriptLoadCommand, "script"},
    {"script|exists", -3, kStore, 0, 0, 0, kAcl, "scripting", "2.6.0",
     "Tells of each SHA1 whether its script is kept.", "O(N) in the number of scripts",
     ScriptExistsCommand, "sha1 [sha1 ...]"},
    {"script|flush", -2, kStore, 0, 0, 0, kAcl, "scripting", "2.6.0", "Forgets all scripts.",
     "O(N) in the number of scripts", ScriptFlushCommand, "[ASYNC | SYNC]"},
    {"script|kill", 2, kCmdNoScript | kCmdAllowBusy, 0, 0, 0, kAcl, "scripting", "2.6.0",
     "Ends the scripts that have been running for a while and have not written.", "O(1)",
     ScriptKillCommand, ""},
    {"script|debug", 3, kCmdNoScript, 0, 0, 0, kAcl, "scripting", "3.2.0",
     "Refused: there is no debugger.", "O(1)", ScriptDebugCommand, "<YES | SYNC | NO>"},
};

constexpr uint32_t kChange = kCmdScript | kCmdNoScript | kCmdWrite;
constexpr uint32_t kShow = kCmdScript | kCmdNoScript;
constexpr uint32_t kAny = kCmdNoScript | kCmdAllowBusy;
constexpr std::string_view kAclWrite = "@write @slow @scripting";
constexpr std::string_view kByName = "function numkeys [key [key ...]] [arg [arg ...]]";

constexpr CommandSpec kFunctions[] = {
    {"fcall", -3, kMayWrite, 0, 0, 0, kAcl, "scripting", "7.0.0", "Calls a function.",
     "Depends on the function that is called.", FcallCommand, kByName, kKeys},
    {"fcall_ro", -3, kReads, 0, 0, 0, kAcl, "scripting", "7.0.0",
     "Calls a function that may not write.", "Depends on the function that is called.",
     FcallRoCommand, kByName, kKeys},
    {"function", -2, kCmdContainer, 0, 0, 0, "@slow", "scripting", "7.0.0",
     "Libraries of functions.", "Depends on the subcommand.", nullptr, ""},
    {"function|load", -3, kChange | kCmdDenyOom, 0, 0, 0, kAclWrite, "scripting", "7.0.0",
     "Keeps a library of functions.", "O(N) in the length of the library", FunctionLoadCommand,
     "[REPLACE] function-code"},
    {"function|delete", 3, kChange, 0, 0, 0, kAclWrite, "scripting", "7.0.0",
     "Deletes a library with its functions.", "O(N) in the length of all libraries",
     FunctionDeleteCommand, "library-name"},
    {"function|flush", -2, kChange, 0, 0, 0, kAclWrite, "scripting", "7.0.0",
     "Deletes all libraries.", "O(N) in the number of functions", FunctionFlushCommand,
     "[ASYNC | SYNC]"},
    {"function|list", -2, kShow, 0, 0, 0, kAcl, "scripting", "7.0.0",
     "Lists the libraries, with their code if asked.", "O(N) in the number of functions",
     FunctionListCommand, "[LIBRARYNAME library-name-pattern] [WITHCODE]"},
    {"function|dump", 2, kShow, 0, 0, 0, kAcl, "scripting", "7.0.0",
     "All libraries in Redis's exchange format.", "O(N) in the length of all libraries",
     FunctionDumpCommand, ""},
    {"function|restore", -3, kChange | kCmdDenyOom, 0, 0, 0, kAclWrite, "scripting", "7.0.0",
     "Keeps the libraries that FUNCTION DUMP has given.", "O(N) in the length of all libraries",
     FunctionRestoreCommand, "serialized-value [FLUSH | APPEND | REPLACE]"},
    {"function|kill", 2, kAny, 0, 0, 0, kAcl, "scripting", "7.0.0",
     "Ends the functions that have been running for a while and have not written.", "O(1)",
     FunctionKillCommand, ""},
    {"function|stats", 2, kAny, 0, 0, 0, kAcl, "scripting", "7.0.0",
     "The function that runs, and how many there are.", "O(1)", FunctionStatsCommand, ""},
};

}  // namespace

void AddScriptCommands(Registry* registry) {
  registry->Add(kScripts);
  registry->Add(kFunctions);
}

}  // namespace cairn
