// Rows of the stream commands. Columns: name, arity, flags, first key, last key, key step, ACL
// categories, group, since, summary, complexity, handler, arguments.
#include "command/handlers.h"

namespace cairn {
namespace {

inline constexpr uint32_t kRead = kCmdReadOnly | kCmdWaves;
inline constexpr uint32_t kWrite = kCmdWrite | kCmdWaves;
inline constexpr uint32_t kAdd = kWrite | kCmdDenyOom;
inline constexpr uint32_t kHelp = kCmdLoading | kCmdStale;
inline constexpr std::string_view kAclReadSlow = "@read @stream @slow";
inline constexpr std::string_view kAclWriteSlow = "@write @stream @slow";
inline constexpr std::string_view kAclWriteFast = "@write @stream @fast";
inline constexpr std::string_view kLog = "O(log N) in the entries of the stream";
inline constexpr std::string_view kOf = "O(log N + M) with M entries returned";

constexpr CommandSpec kRows[] = {
    {"xadd", -5, kAdd | kCmdFast, 1, 1, 1, kAclWriteFast, "stream", "5.0.0",
     "Adds an entry to a stream, which is made if the key is missing, and may trim it.",
     "O(log N), and what is trimmed is erased by and by", HandleXAdd,
     "key [NOMKSTREAM] [<MAXLEN | MINID> [= | ~] threshold [LIMIT count]] <* | id> "
     "field value [field value ...]"},
    {"xdel", -3, kWrite | kCmdFast, 1, 1, 1, kAclWriteFast, "stream", "5.0.0",
     "Removes entries from a stream.", "O(log N) for each id", HandleXDel, "key id [id ...]"},
    {"xlen", 2, kCmdReadOnly | kCmdFast, 1, 1, 1, "@read @stream @fast", "stream", "5.0.0",
     "The number of entries in a stream.", "O(1)", HandleXLen, "key"},
    {"xrange", -4, kRead, 1, 1, 1, kAclReadSlow, "stream", "5.0.0",
     "Entries of a stream in a range of ids.", kOf, HandleXRange, "key start end [COUNT count]"},
    {"xrevrange", -4, kRead, 1, 1, 1, kAclReadSlow, "stream", "5.0.0",
     "Entries of a stream in a range of ids, the last one first.", kOf, HandleXRevRange,
     "key end start [COUNT count]"},
    {"xread", -4, kRead | kCmdBlocking | kCmdMovableKeys, 0, 0, 0, "@read @stream @slow @blocking",
     "stream", "5.0.0", "Entries of one or more streams behind an id of each; may wait for them.",
     "O(log N + M) for each stream, with M entries returned", HandleXRead,
     "[COUNT count] [BLOCK milliseconds] STREAMS key [key ...] id [id ...]",
     KeySpec::kBehindStreams},
    {"xreadgroup", -7, kWrite | kCmdBlocking | kCmdMovableKeys, 0, 0, 0,
     "@write @stream @slow @blocking", "stream", "5.0.0",
     "New entries of streams for a consumer of a group, or those pending for it; may wait for "
     "them.",
     "O(M log N) for each stream, with M entries returned", HandleXReadGroup,
     "GROUP group consumer [COUNT count] [BLOCK milliseconds] [NOACK] STREAMS key [key ...] "
     "id [id ...]",
     KeySpec::kBehindStreams},
    {"xtrim", -4, kWrite, 1, 1, 1, kAclWriteSlow, "stream", "5.0.0",
     "Removes entries from the beginning of a stream.",
     "O(log N), and what is trimmed is erased by and by", HandleXTrim,
     "key <MAXLEN | MINID> [= | ~] threshold [LIMIT count]"},
    {"xsetid", -3, kAdd | kCmdFast, 1, 1, 1, kAclWriteFast, "stream", "5.0.0",
     "Sets the last id of a stream, and what else it keeps of entries that are gone.", "O(log N)",
     HandleXSetId, "key last-id [ENTRIESADDED entries-added] [MAXDELETEDID max-deleted-id]"},
    {"xack", -4, kWrite | kCmdFast, 1, 1, 1, kAclWriteFast, "stream", "5.0.0",
     "Tells a consumer group that entries are worked off: they are not pending any more.",
     "O(log N) for each id", HandleXAck, "key group id [id ...]"},
    {"xclaim", -6, kWrite | kCmdFast, 1, 1, 1, kAclWriteFast, "stream", "5.0.0",
     "Makes pending entries those of another consumer of the group.", "O(log N) for each id",
     HandleXClaim,
     "key group consumer min-idle-time id [id ...] [IDLE ms] [TIME unix-time-milliseconds] "
     "[RETRYCOUNT count] [FORCE] [JUSTID] [LASTID lastid]"},
    {"xautoclaim", -6, kWrite | kCmdFast, 1, 1, 1, kAclWriteFast, "stream", "6.2.0",
     "Makes entries that have been pending for long those of another consumer of the group.",
     "O(M log N) with M entries looked at", HandleXAutoClaim,
     "key group consumer min-idle-time start [COUNT count] [JUSTID]"},
    {"xpending", -3, kRead, 1, 1, 1, kAclReadSlow, "stream", "5.0.0",
     "What is pending in a consumer group.",
     "O(log N + M) with M entries looked at; without a range O(M log N) in its consumers",
     HandleXPending, "key group [[IDLE min-idle-time] start end count [consumer]]"},

    {"xgroup", -2, kCmdContainer, 0, 0, 0, "@slow", "stream", "5.0.0",
     "Manages consumer groups of streams.", "Depends on the subcommand.", nullptr},
    {"xgroup|create", -5, kAdd, 2, 2, 1, kAclWriteSlow, "stream", "5.0.0",
     "Makes a consumer group.", kLog, HandleXGroupCreate,
     "key group <id | $> [MKSTREAM] [ENTRIESREAD entries-read]"},
    {"xgroup|createconsumer", 5, kAdd, 2, 2, 1, kAclWriteSlow, "stream", "6.2.0",
     "Makes a consumer of a group.", kLog, HandleXGroupCreateConsumer, "key group consumer"},
    {"xgroup|delconsumer", 5, kWrite, 2, 2, 1, kAclWriteSlow, "stream", "5.0.0",
     "Removes a consumer, and what is pending for it.",
     "O(log N), and what was pending is erased by and by", HandleXGroupDelConsumer,
     "key group consumer"},
    {"xgroup|destroy", 4, kWrite, 2, 2, 1, kAclWriteSlow, "stream", "5.0.0",
     "Removes a consumer group.", "O(log N), and what was pending is erased by and by",
     HandleXGroupDestroy, "key group"},
    {"xgroup|help", 2, kHelp, 0, 0, 0, "@stream @slow", "stream", "5.0.0",
     "Explains the subcommands.", "O(1)", HandleXGroupHelp, ""},
    {"xgroup|setid", -5, kWrite, 2, 2, 1, kAclWriteSlow, "stream", "5.0.0",
     "Sets the id behind which a consumer group goes on.", kLog, HandleXGroupSetId,
     "key group <id | $> [ENTRIESREAD entries-read]"},

    {"xinfo", -2, kCmdContainer, 0, 0, 0, "@slow", "stream", "5.0.0",
     "Describes streams, their groups and consumers.", "Depends on the subcommand.", nullptr},
    {"xinfo|consumers", 4, kRead, 2, 2, 1, kAclReadSlow, "stream", "5.0.0",
     "The consumers of a group.", "O(M log N) in the consumers", HandleXInfoConsumers, "key group"},
    {"xinfo|groups", 3, kRead, 2, 2, 1, kAclReadSlow, "stream", "5.0.0",
     "The consumer groups of a stream.", "O(M log N) in the groups", HandleXInfoGroups, "key"},
    {"xinfo|help", 2, kHelp, 0, 0, 0, "@stream @slow", "stream", "5.0.0",
     "Explains the subcommands.", "O(1)", HandleXInfoHelp, ""},
    {"xinfo|stream", -3, kRead, 2, 2, 1, kAclReadSlow, "stream", "5.0.0",
     "What a stream is; FULL: with its entries and groups.", kOf, HandleXInfoStream,
     "key [FULL [COUNT count]]"},
};

}  // namespace

std::span<const CommandSpec> StreamCommands() { return kRows; }

}  // namespace cairn
