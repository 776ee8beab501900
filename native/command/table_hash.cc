// Rows of the hash commands. Columns: name, arity, flags, first key, last key, key step, ACL
// categories, group, since, summary, complexity, handler, arguments.
#include "command/handlers.h"

namespace cairn {
namespace {

inline constexpr uint32_t kRead = kCmdReadOnly | kCmdWaves;
inline constexpr uint32_t kReadFast = kRead | kCmdFast;
inline constexpr uint32_t kRemove = kCmdWrite | kCmdFast | kCmdWaves;
inline constexpr uint32_t kWriteFast = kCmdWrite | kCmdDenyOom | kCmdFast | kCmdWaves;

inline constexpr std::string_view kAclRead = "@read @hash @slow";
inline constexpr std::string_view kAclReadFast = "@read @hash @fast";
inline constexpr std::string_view kAclWriteFast = "@write @hash @fast";

constexpr CommandSpec kRows[] = {
    {"hset", -4, kWriteFast, 1, 1, 1, kAclWriteFast, "hash", "2.0.0",
     "Gives fields of a hash values; says how many are new.", "O(log N) per field", HandleHSet,
     "key <field value> [field value ...]"},
    {"hsetnx", 4, kWriteFast, 1, 1, 1, kAclWriteFast, "hash", "2.0.0",
     "Gives a field of a hash a value unless it is there.", "O(log N)", HandleHSetNx,
     "key field value"},
    {"hmset", -4, kWriteFast, 1, 1, 1, kAclWriteFast, "hash", "2.0.0",
     "Gives fields of a hash values.", "O(log N) per field", HandleHMSet,
     "key <field value> [field value ...]"},
    {"hget", 3, kReadFast, 1, 1, 1, kAclReadFast, "hash", "2.0.0",
     "The value of a field of a hash.", "O(log N)", HandleHGet, "key field"},
    {"hmget", -3, kReadFast, 1, 1, 1, kAclReadFast, "hash", "2.0.0",
     "The values of several fields of a hash.", "O(log N) per field", HandleHMGet,
     "key field [field ...]"},
    {"hgetall", 2, kRead, 1, 1, 1, kAclRead, "hash", "2.0.0", "All fields of a hash, with values.",
     "O(N) in the number of fields", HandleHGetAll, "key"},
    {"hdel", -3, kRemove, 1, 1, 1, kAclWriteFast, "hash", "2.0.0",
     "Removes fields of a hash; says how many there were.", "O(log N) per field", HandleHDel,
     "key field [field ...]"},
    {"hlen", 2, kReadFast, 1, 1, 1, kAclReadFast, "hash", "2.0.0",
     "The number of fields of a hash.", "O(1)", HandleHLen, "key"},
    {"hstrlen", 3, kReadFast, 1, 1, 1, kAclReadFast, "hash", "3.2.0",
     "The length of the value of a field of a hash in bytes.", "O(log N)", HandleHStrLen,
     "key field"},
    {"hexists", 3, kReadFast, 1, 1, 1, kAclReadFast, "hash", "2.0.0", "Whether a hash has a field.",
     "O(log N)", HandleHExists, "key field"},
    {"hkeys", 2, kRead, 1, 1, 1, kAclRead, "hash", "2.0.0", "All fields of a hash.",
     "O(N) in the number of fields", HandleHKeys, "key"},
    {"hvals", 2, kRead, 1, 1, 1, kAclRead, "hash", "2.0.0", "The values of all fields of a hash.",
     "O(N) in the number of fields", HandleHVals, "key"},
    {"hincrby", 4, kWriteFast, 1, 1, 1, kAclWriteFast, "hash", "2.0.0",
     "Adds a number to an integer in a field of a hash; a missing one counts as 0.", "O(log N)",
     HandleHIncrBy, "key field increment"},
    {"hincrbyfloat", 4, kWriteFast, 1, 1, 1, kAclWriteFast, "hash", "2.6.0",
     "Adds a fraction to a number in a field of a hash; a missing one counts as 0.", "O(log N)",
     HandleHIncrByFloat, "key field increment"},
    {"hrandfield", -2, kRead, 1, 1, 1, kAclRead, "hash", "6.2.0",
     "Some fields of a hash, picked at random.", "O(log N) per field", HandleHRandField,
     "key [count [WITHVALUES]]"},
    {"hscan", -3, kRead, 1, 1, 1, kAclRead, "hash", "2.8.0",
     "A part of the fields of a hash, and a cursor for the next part.",
     "O(COUNT) per call, O(N) for all calls", HandleHScan,
     "key cursor [MATCH pattern] [COUNT count] [NOVALUES]"},
    {"hexpire", -6, kWriteFast, 1, 1, 1, kAclWriteFast, "hash", "7.4.0",
     "Gives fields of a hash a time to live in seconds.", "O(log N) per field", HandleHExpire,
     "key seconds [NX | XX | GT | LT] <FIELDS numfields> field [field ...]"},
    {"hpexpire", -6, kWriteFast, 1, 1, 1, kAclWriteFast, "hash", "7.4.0",
     "Gives fields of a hash a time to live in milliseconds.", "O(log N) per field", HandleHPExpire,
     "key milliseconds [NX | XX | GT | LT] <FIELDS numfields> field [field ...]"},
    {"hexpireat", -6, kWriteFast, 1, 1, 1, kAclWriteFast, "hash", "7.4.0",
     "Lets fields of a hash end at a Unix time in seconds.", "O(log N) per field", HandleHExpireAt,
     "key unix-time-seconds [NX | XX | GT | LT] <FIELDS numfields> field [field ...]"},
    {"hpexpireat", -6, kWriteFast, 1, 1, 1, kAclWriteFast, "hash", "7.4.0",
     "Lets fields of a hash end at a Unix time in milliseconds.", "O(log N) per field",
     HandleHPExpireAt,
     "key unix-time-milliseconds [NX | XX | GT | LT] <FIELDS numfields> field [field ...]"},
    {"httl", -5, kReadFast, 1, 1, 1, kAclReadFast, "hash", "7.4.0",
     "How long fields of a hash have to live, in seconds.", "O(log N) per field", HandleHTtl,
     "key <FIELDS numfields> field [field ...]"},
    {"hpttl", -5, kReadFast, 1, 1, 1, kAclReadFast, "hash", "7.4.0",
     "How long fields of a hash have to live, in milliseconds.", "O(log N) per field", HandleHPTtl,
     "key <FIELDS numfields> field [field ...]"},
    {"hexpiretime", -5, kReadFast, 1, 1, 1, kAclReadFast, "hash", "7.4.0",
     "The Unix times at which fields of a hash end, in seconds.", "O(log N) per field",
     HandleHExpireTime, "key <FIELDS numfields> field [field ...]"},
    {"hpexpiretime", -5, kReadFast, 1, 1, 1, kAclReadFast, "hash", "7.4.0",
     "The Unix times at which fields of a hash end, in milliseconds.", "O(log N) per field",
     HandleHPExpireTime, "key <FIELDS numfields> field [field ...]"},
    {"hpersist", -5, kRemove, 1, 1, 1, kAclWriteFast, "hash", "7.4.0",
     "Takes the time to live from fields of a hash.", "O(log N) per field", HandleHPersist,
     "key <FIELDS numfields> field [field ...]"},
    {"hgetdel", -5, kRemove, 1, 1, 1, kAclWriteFast, "hash", "8.0.0",
     "The values of fields of a hash, which are removed.", "O(log N) per field", HandleHGetDel,
     "key <FIELDS numfields> field [field ...]"},
    {"hgetex", -5, kRemove, 1, 1, 1, kAclWriteFast, "hash", "8.0.0",
     "The values of fields of a hash; gives them a time to live or takes it away.",
     "O(log N) per field", HandleHGetEx,
     "key [EX seconds | PX milliseconds | EXAT unix-time-seconds | PXAT unix-time-milliseconds | "
     "PERSIST] <FIELDS numfields> field [field ...]"},
    {"hsetex", -6, kWriteFast, 1, 1, 1, kAclWriteFast, "hash", "8.0.0",
     "Gives fields of a hash values and a time to live, on conditions if asked.",
     "O(log N) per field", HandleHSetEx,
     "key [FNX | FXX] [EX seconds | PX milliseconds | EXAT unix-time-seconds | PXAT "
     "unix-time-milliseconds | KEEPTTL] <FIELDS numfields> <field value> [field value ...]"},
};

}  // namespace

std::span<const CommandSpec> HashCommands() { return kRows; }

}  // namespace cairn
