// Rows of the HyperLogLog commands. Columns: name, arity, flags, first key, last key, key step, ACL
// categories, group, since, summary, complexity, handler, arguments.
#include "command/handlers.h"

namespace cairn {
namespace {

inline constexpr uint32_t kWrite = kCmdWrite | kCmdDenyOom;

constexpr CommandSpec kRows[] = {
    {"pfadd", -2, kWrite | kCmdFast, 1, 1, 1, "@write @hyperloglog @fast", "hyperloglog", "2.8.9",
     "Adds elements to a HyperLogLog, which is made if the key is missing.",
     "O(1) for each element, and O(N) in the length of the value if it changes", HandlePfAdd,
     "key [element [element ...]]"},
    // Of Redis's it may write, so a pause of writes holds it up there; and so here.
    {"pfcount", -2, kCmdReadOnly | kCmdMayReplicate, 1, -1, 1, "@read @hyperloglog @slow",
     "hyperloglog", "2.8.9",
     "About how many different elements were added to a HyperLogLog, or to one of several.",
     "O(N) in the number of keys, with some microseconds for each", HandlePfCount, "key [key ...]"},
    {"pfmerge", -2, kWrite, 1, -1, 1, "@write @hyperloglog @slow", "hyperloglog", "2.8.9",
     "Adds to a HyperLogLog all that was added to others.",
     "O(N) in the number of keys, with some microseconds for each", HandlePfMerge,
     "destkey [sourcekey [sourcekey ...]]"},
    {"pfdebug", 3, kWrite | kCmdAdmin, 2, 2, 1, "@write @hyperloglog @admin @slow @dangerous",
     "hyperloglog", "2.8.9",
     "What a HyperLogLog consists of: GETREG, DECODE, ENCODING; TODENSE changes its form. GETREG "
     "does, too.",
     "O(1)", HandlePfDebug, "subcommand key"},
    {"pfselftest", 1, kCmdAdmin, 0, 0, 0, "@hyperloglog @admin @slow @dangerous", "hyperloglog",
     "2.8.9", "Tests the arithmetic of HyperLogLogs.", "O(1)", HandlePfSelfTest, ""},
};

}  // namespace

std::span<const CommandSpec> HyperLogLogCommands() { return kRows; }

}  // namespace cairn
