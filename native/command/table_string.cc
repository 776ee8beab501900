// Rows of the string commands. Columns: name, arity, flags, first key, last key, key step, ACL
// categories, group, since, summary, complexity, handler, arguments.
#include "command/handlers.h"

namespace cairn {
namespace {

inline constexpr uint32_t kReadFast = kCmdReadOnly | kCmdFast;
inline constexpr uint32_t kRead = kCmdReadOnly;
inline constexpr uint32_t kWrite = kCmdWrite | kCmdDenyOom;
inline constexpr uint32_t kWriteFast = kCmdWrite | kCmdDenyOom | kCmdFast;

inline constexpr std::string_view kAclRead = "@read @string @slow";
inline constexpr std::string_view kAclReadFast = "@read @string @fast";
inline constexpr std::string_view kAclWrite = "@write @string @slow";
inline constexpr std::string_view kAclWriteFast = "@write @string @fast";

constexpr CommandSpec kRows[] = {
    {"get", 2, kReadFast, 1, 1, 1, kAclReadFast, "string", "1.0.0", "The value of a key.", "O(1)",
     HandleGet, "key"},
    {"set", -3, kWrite, 1, 1, 1, kAclWrite, "string", "1.0.0",
     "Puts a value, on conditions and with a time to live if asked.", "O(1)", HandleSet,
     "key value [NX | XX] [GET] [EX seconds | PX milliseconds | EXAT unix-time-seconds | PXAT "
     "unix-time-milliseconds | KEEPTTL]"},
    {"getex", -2, kCmdWrite | kCmdFast, 1, 1, 1, kAclWriteFast, "string", "6.2.0",
     "The value of a key; gives it a time to live or takes it away.", "O(1)", HandleGetEx,
     "key [EX seconds | PX milliseconds | EXAT unix-time-seconds | PXAT unix-time-milliseconds | "
     "PERSIST]"},
    {"getdel", 2, kCmdWrite | kCmdFast, 1, 1, 1, kAclWriteFast, "string", "6.2.0",
     "The value of a key, which is deleted.", "O(1)", HandleGetDel, "key"},
    {"getset", 3, kWriteFast, 1, 1, 1, kAclWriteFast, "string", "1.0.0",
     "Puts a value and returns the one before.", "O(1)", HandleGetSet, "key value"},
    {"setnx", 3, kWriteFast, 1, 1, 1, kAclWriteFast, "string", "1.0.0",
     "Puts a value unless the key exists.", "O(1)", HandleSetNx, "key value"},
    {"setex", 4, kWrite, 1, 1, 1, kAclWrite, "string", "2.0.0",
     "Puts a value with a time to live in seconds.", "O(1)", HandleSetEx, "key seconds value"},
    {"psetex", 4, kWrite, 1, 1, 1, kAclWrite, "string", "2.6.0",
     "Puts a value with a time to live in milliseconds.", "O(1)", HandlePSetEx,
     "key milliseconds value"},
    {"mget", -2, kReadFast, 1, -1, 1, kAclReadFast, "string", "1.0.0",
     "The values of several keys.", "O(N) in the number of keys", HandleMGet, "key [key ...]"},
    {"mset", -3, kWrite, 1, -1, 2, kAclWrite, "string", "1.0.1", "Puts several values as one unit.",
     "O(N) in the number of keys", HandleMSet, "key value [key value ...]"},
    {"msetnx", -3, kWrite, 1, -1, 2, kAclWrite, "string", "1.0.1",
     "Puts several values as one unit unless one of the keys exists.", "O(N) in the number of keys",
     HandleMSetNx, "key value [key value ...]"},
    {"append", 3, kWriteFast, 1, 1, 1, kAclWriteFast, "string", "2.0.0",
     "Adds bytes to the end of a value.", "O(N) in the length of the new value", HandleAppend,
     "key value"},
    {"strlen", 2, kReadFast, 1, 1, 1, kAclReadFast, "string", "2.2.0",
     "The length of a value in bytes.", "O(1)", HandleStrLen, "key"},
    {"setrange", 4, kWrite, 1, 1, 1, kAclWrite, "string", "2.2.0",
     "Overwrites a part of a value, which grows if it must.", "O(N) in the length of the new value",
     HandleSetRange, "key offset value"},
    {"getrange", 4, kRead, 1, 1, 1, kAclRead, "string", "2.4.0",
     "A part of a value, by byte offsets.", "O(N) in the length of the part", HandleGetRange,
     "key start end"},
    {"substr", 4, kRead, 1, 1, 1, kAclRead, "string", "1.0.0", "The old name of GETRANGE.",
     "O(N) in the length of the part", HandleGetRange, "key start end"},
    {"incr", 2, kWriteFast, 1, 1, 1, kAclWriteFast, "string", "1.0.0",
     "Adds one to an integer; a missing key counts as 0.", "O(1)", HandleIncr, "key"},
    {"decr", 2, kWriteFast, 1, 1, 1, kAclWriteFast, "string", "1.0.0",
     "Takes one from an integer; a missing key counts as 0.", "O(1)", HandleDecr, "key"},
    {"incrby", 3, kWriteFast, 1, 1, 1, kAclWriteFast, "string", "1.0.0",
     "Adds a number to an integer; a missing key counts as 0.", "O(1)", HandleIncrBy,
     "key increment"},
    {"decrby", 3, kWriteFast, 1, 1, 1, kAclWriteFast, "string", "1.0.0",
     "Takes a number from an integer; a missing key counts as 0.", "O(1)", HandleDecrBy,
     "key decrement"},
    {"incrbyfloat", 3, kWriteFast, 1, 1, 1, kAclWriteFast, "string", "2.6.0",
     "Adds a fraction to a number; a missing key counts as 0.", "O(1)", HandleIncrByFloat,
     "key increment"},
    {"lcs", -3, kRead, 1, 2, 1, kAclRead, "string", "7.0.0",
     "The longest common subsequence of two values.", "O(N*M/64) in the lengths of the values",
     HandleLcs, "key1 key2 [LEN] [IDX] [MINMATCHLEN min-match-len] [WITHMATCHLEN]"},
};

}  // namespace

std::span<const CommandSpec> StringCommands() { return kRows; }

}  // namespace cairn
