// Rows of the commands on keys and databases. Columns: name, arity, flags, first key, last key, key
// step, ACL categories, group, since, summary, complexity, handler, arguments.
#include "command/handlers.h"

namespace cairn {
namespace {

inline constexpr uint32_t kReadFast = kCmdReadOnly | kCmdFast;
inline constexpr uint32_t kRead = kCmdReadOnly;
inline constexpr uint32_t kWrite = kCmdWrite;
inline constexpr uint32_t kWriteFast = kCmdWrite | kCmdFast;
inline constexpr uint32_t kWhole = kCmdWholeKeyspace;
inline constexpr uint32_t kWalk = kCmdWholeKeyspace | kCmdWaves;
inline constexpr uint32_t kFlush = kCmdWrite | kCmdWholeKeyspace | kCmdAllLatches;
inline constexpr uint32_t kHelp = kCmdLoading | kCmdStale;

inline constexpr std::string_view kAclRead = "@keyspace @read @slow";
inline constexpr std::string_view kAclReadFast = "@keyspace @read @fast";
inline constexpr std::string_view kAclReadDanger = "@keyspace @read @slow @dangerous";
inline constexpr std::string_view kAclWrite = "@keyspace @write @slow";
inline constexpr std::string_view kAclWriteFast = "@keyspace @write @fast";
inline constexpr std::string_view kAclWriteDanger = "@keyspace @write @slow @dangerous";

constexpr CommandSpec kRows[] = {
    {"del", -2, kWrite, 1, -1, 1, kAclWrite, "generic", "1.0.0", "Deletes keys.",
     "O(N) in the number of keys", HandleDel, "key [key ...]"},
    {"unlink", -2, kWriteFast, 1, -1, 1, kAclWriteFast, "generic", "4.0.0",
     "Deletes keys, as DEL does.", "O(N) in the number of keys", HandleDel, "key [key ...]"},
    {"exists", -2, kReadFast, 1, -1, 1, kAclReadFast, "generic", "1.0.0",
     "How many of the keys exist.", "O(N) in the number of keys", HandleExists, "key [key ...]"},
    {"type", 2, kReadFast, 1, 1, 1, kAclReadFast, "generic", "1.0.0",
     "The type of the value of a key.", "O(1)", HandleType, "key"},
    {"touch", -2, kReadFast, 1, -1, 1, kAclReadFast, "generic", "3.2.1",
     "How many of the keys exist.", "O(N) in the number of keys", HandleExists, "key [key ...]"},
    {"keys", 2, kRead | kWalk, 0, 0, 0, kAclReadDanger, "generic", "1.0.0",
     "All keys that match a pattern.", "O(N) in the number of keys that begin as the pattern does",
     HandleKeys, "pattern"},
    {"scan", -2, kRead | kWalk, 0, 0, 0, kAclRead, "generic", "2.8.0",
     "A part of the keys, and a cursor for the next part.",
     "O(COUNT) per call, O(N) for all calls in the number of keys that begin as the pattern does",
     HandleScan, "cursor [MATCH pattern] [COUNT count] [TYPE type]"},
    {"randomkey", 1, kRead | kWalk, 0, 0, 0, kAclRead, "generic", "1.0.0",
     "Some key of the database.", "O(1)", HandleRandomKey},
    {"dbsize", 1, kReadFast | kWhole, 0, 0, 0, kAclReadFast, "server", "1.0.0",
     "The number of keys in the database.", "O(1)", HandleDbSize},
    {"rename", 3, kWrite, 1, 2, 1, kAclWrite, "generic", "1.0.0",
     "Gives a key another name, in place of what had it.", "O(N) in the length of the value",
     HandleRename, "key newkey"},
    {"renamenx", 3, kWriteFast, 1, 2, 1, kAclWriteFast, "generic", "1.0.0",
     "Gives a key another name unless that exists.", "O(N) in the length of the value",
     HandleRenameNx, "key newkey"},
    {"copy", -3, kCmdWrite | kCmdDenyOom | kCmdWaves, 1, 2, 1, kAclWrite, "generic", "6.2.0",
     "Copies the value of a key to another key or database.", "O(N) in the length of the value",
     HandleCopy, "source destination [DB destination-db] [REPLACE]"},
    {"move", 3, kWriteFast | kCmdWaves, 1, 1, 1, kAclWriteFast, "generic", "1.0.0",
     "Moves a key to another database.", "O(N) in the length of the value", HandleMove, "key db"},
    {"swapdb", 3, kFlush | kCmdFast, 0, 0, 0, "@keyspace @write @fast @dangerous", "server",
     "4.0.0", "Exchanges two databases.", "O(1)", HandleSwapDb, "index1 index2"},
    {"flushdb", -1, kFlush, 0, 0, 0, kAclWriteDanger, "server", "1.0.0",
     "Deletes all keys of the database.", "O(N) in the number of keys of the database",
     HandleFlushDb, "[ASYNC | SYNC]"},
    {"flushall", -1, kFlush, 0, 0, 0, kAclWriteDanger, "server", "1.0.0",
     "Deletes all keys of all databases.", "O(N) in the number of keys", HandleFlushAll,
     "[ASYNC | SYNC]"},
    {"expire", -3, kWriteFast, 1, 1, 1, kAclWriteFast, "generic", "1.0.0",
     "Gives a key a time to live in seconds.", "O(1)", HandleExpire,
     "key seconds [NX | XX | GT | LT]"},
    {"pexpire", -3, kWriteFast, 1, 1, 1, kAclWriteFast, "generic", "2.6.0",
     "Gives a key a time to live in milliseconds.", "O(1)", HandlePExpire,
     "key milliseconds [NX | XX | GT | LT]"},
    {"expireat", -3, kWriteFast, 1, 1, 1, kAclWriteFast, "generic", "1.2.0",
     "Lets a key end at a Unix time in seconds.", "O(1)", HandleExpireAt,
     "key unix-time-seconds [NX | XX | GT | LT]"},
    {"pexpireat", -3, kWriteFast, 1, 1, 1, kAclWriteFast, "generic", "2.6.0",
     "Lets a key end at a Unix time in milliseconds.", "O(1)", HandlePExpireAt,
     "key unix-time-milliseconds [NX | XX | GT | LT]"},
    {"ttl", 2, kReadFast, 1, 1, 1, kAclReadFast, "generic", "1.0.0",
     "How long a key has to live, in seconds.", "O(1)", HandleTtl, "key"},
    {"pttl", 2, kReadFast, 1, 1, 1, kAclReadFast, "generic", "2.6.0",
     "How long a key has to live, in milliseconds.", "O(1)", HandlePTtl, "key"},
    {"expiretime", 2, kReadFast, 1, 1, 1, kAclReadFast, "generic", "7.0.0",
     "The Unix time at which a key ends, in seconds.", "O(1)", HandleExpireTime, "key"},
    {"pexpiretime", 2, kReadFast, 1, 1, 1, kAclReadFast, "generic", "7.0.0",
     "The Unix time at which a key ends, in milliseconds.", "O(1)", HandlePExpireTime, "key"},
    {"persist", 2, kWriteFast, 1, 1, 1, kAclWriteFast, "generic", "2.2.0",
     "Takes the time to live from a key.", "O(1)", HandlePersist, "key"},
    {"object", -2, kCmdContainer, 0, 0, 0, "@slow", "generic", "2.2.3",
     "What a key looks like inside.", "Depends on the subcommand.", nullptr},
    {"object|encoding", 3, kRead, 2, 2, 1, kAclRead, "generic", "2.2.3",
     "How Redis would hold the value.", "O(1)", HandleObjectEncoding, "key"},
    {"object|freq", 3, kRead, 2, 2, 1, kAclRead, "generic", "4.0.0",
     "An error: use is not counted.", "O(1)", HandleObjectFreq, "key"},
    {"object|idletime", 3, kRead, 2, 2, 1, kAclRead, "generic", "2.2.3",
     "0 for every key: times of use are not kept.", "O(1)", HandleObjectIdleTime, "key"},
    {"object|refcount", 3, kRead, 2, 2, 1, kAclRead, "generic", "2.2.3",
     "1 for every key: values are not shared.", "O(1)", HandleObjectRefCount, "key"},
    {"object|help", 2, kHelp, 0, 0, 0, "@keyspace @slow", "generic", "6.2.0",
     "The subcommands of OBJECT.", "O(1)", HandleObjectHelp},
    {"memory", -2, kCmdContainer, 0, 0, 0, "@slow", "server", "4.0.0", "What takes memory.",
     "Depends on the subcommand.", nullptr},
    {"memory|usage", -3, kRead | kCmdWaves, 2, 2, 1, "@read @slow", "server", "4.0.0",
     "The bytes of RAM that a key takes.", "O(1)", HandleMemoryUsage, "key [SAMPLES count]"},
    {"dump", 2, kRead | kCmdWaves, 1, 1, 1, kAclRead, "generic", "2.6.0",
     "The value of a key in Redis's exchange format.", "O(N) in the length of the value",
     HandleDump, "key"},
    {"restore", -4, kCmdWrite | kCmdDenyOom | kCmdWaves, 1, 1, 1, kAclWriteDanger, "generic",
     "2.6.0", "Puts a value that is given in Redis's exchange format.",
     "O(N) in the length of the value", HandleRestore,
     "key ttl serialized-value [REPLACE] [ABSTTL] [IDLETIME seconds] [FREQ frequency]"},
    {"sort", -2, kCmdWrite | kCmdDenyOom | kCmdMovableKeys | kCmdWaves, 1, 1, 1,
     "@write @set @sortedset @list @slow @dangerous", "generic", "1.0.0",
     "The elements of a list, set or sorted set in order, or what keys named after them hold.",
     "O(N log N + M) in the number of elements, and of those returned", HandleSort,
     "key [BY pattern] [LIMIT offset count] [GET pattern ...] [ASC | DESC] [ALPHA] "
     "[STORE destination]"},
    {"sort_ro", -2, kRead | kCmdMovableKeys | kCmdWaves, 1, 1, 1,
     "@read @set @sortedset @list @slow @dangerous", "generic", "7.0.0", "SORT without STORE.",
     "O(N log N + M) in the number of elements, and of those returned", HandleSortRo,
     "key [BY pattern] [LIMIT offset count] [GET pattern ...] [ASC | DESC] [ALPHA]"},
};

}  // namespace

std::span<const CommandSpec> KeyspaceCommands() { return kRows; }

}  // namespace cairn
