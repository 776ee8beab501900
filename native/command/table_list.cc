// Rows of the list commands. Columns: see table_string.cc.
#include "command/handlers.h"

namespace cairn {
namespace {

inline constexpr uint32_t kRead = kCmdReadOnly | kCmdWaves;
inline constexpr uint32_t kReadFast = kRead | kCmdFast;
inline constexpr uint32_t kRemove = kCmdWrite | kCmdWaves;
inline constexpr uint32_t kRemoveFast = kRemove | kCmdFast;
inline constexpr uint32_t kWrite = kRemove | kCmdDenyOom;
inline constexpr uint32_t kWriteFast = kWrite | kCmdFast;

inline constexpr std::string_view kAclRead = "@read @list @slow";
inline constexpr std::string_view kAclReadFast = "@read @list @fast";
inline constexpr std::string_view kAclWrite = "@write @list @slow";
inline constexpr std::string_view kAclWriteFast = "@write @list @fast";
inline constexpr std::string_view kAclBlocking = "@write @list @slow @blocking";

inline constexpr std::string_view kEnds = "source destination <LEFT | RIGHT> <LEFT | RIGHT>";

constexpr CommandSpec kRows[] = {
    {"lpush", -3, kWriteFast, 1, 1, 1, kAclWriteFast, "list", "1.0.0",
     "Puts elements before the first one of a list, one after the other.",
     "O(N log(M)) for N elements that come to M", HandleLPush, "key element [element ...]"},
    {"rpush", -3, kWriteFast, 1, 1, 1, kAclWriteFast, "list", "1.0.0",
     "Puts elements behind the last one of a list.", "O(N log(M)) for N elements that come to M",
     HandleRPush, "key element [element ...]"},
    {"lpushx", -3, kWriteFast, 1, 1, 1, kAclWriteFast, "list", "2.2.0",
     "LPUSH, if the list exists.", "O(N log(M)) for N elements that come to M", HandleLPushX,
     "key element [element ...]"},
    {"rpushx", -3, kWriteFast, 1, 1, 1, kAclWriteFast, "list", "2.2.0",
     "RPUSH, if the list exists.", "O(N log(M)) for N elements that come to M", HandleRPushX,
     "key element [element ...]"},
    {"lpop", -2, kRemoveFast, 1, 1, 1, kAclWriteFast, "list", "1.0.0",
     "Takes the first elements out of a list.", "O(N) for N elements that go", HandleLPop,
     "key [count]"},
    {"rpop", -2, kRemoveFast, 1, 1, 1, kAclWriteFast, "list", "1.0.0",
     "Takes the last elements out of a list.", "O(N) for N elements that go", HandleRPop,
     "key [count]"},
    {"llen", 2, kReadFast, 1, 1, 1, kAclReadFast, "list", "1.0.0", "The length of a list.", "O(1)",
     HandleLLen, "key"},
    {"lindex", 3, kRead, 1, 1, 1, kAclRead, "list", "1.0.0", "The element at a position.",
     "O(log(N))", HandleLIndex, "key index"},
    {"lset", 4, kWrite, 1, 1, 1, kAclWrite, "list", "1.0.0",
     "Puts another element in the place of one.", "O(log(N))", HandleLSet, "key index element"},
    {"lrange", 4, kRead, 1, 1, 1, kAclRead, "list", "1.0.0",
     "Elements from one position to another.", "O(log(N) + M) for M elements shown", HandleLRange,
     "key start stop"},
    {"ltrim", 4, kRemove, 1, 1, 1, kAclWrite, "list", "1.0.0",
     "Keeps the elements from one position to another.", "O(log(N) + M) for M pages that go",
     HandleLTrim, "key start stop"},
    {"lrem", 4, kRemove, 1, 1, 1, kAclWrite, "list", "1.0.0",
     "Takes elements of this content out of a list.", "O(N + M log(N)) for M elements that go",
     HandleLRem, "key count element"},
    {"linsert", 5, kWrite, 1, 1, 1, kAclWrite, "list", "2.2.0",
     "Puts an element before or behind another one.", "O(N) up to that one", HandleLInsert,
     "key <BEFORE | AFTER> pivot element"},
    {"lpos", -3, kRead, 1, 1, 1, kAclRead, "list", "6.0.6",
     "Positions of elements of this content.", "O(N)", HandleLPos,
     "key element [RANK rank] [COUNT num-matches] [MAXLEN len]"},
    {"lmove", 5, kWrite, 1, 2, 1, kAclWrite, "list", "6.2.0",
     "Takes an element out of one list and puts it into another.", "O(log(N))", HandleLMove, kEnds},
    {"rpoplpush", 3, kWrite, 1, 2, 1, kAclWrite, "list", "1.2.0",
     "LMOVE from the end of one list to the front of another.", "O(log(N))", HandleRPopLPush,
     "source destination"},
    {"lmpop", -4, kRemove | kCmdMovableKeys, 0, 0, 0, kAclWrite, "list", "7.0.0",
     "Takes elements out of the first list that has some.", "O(N + M) for N keys and M elements",
     HandleLMPop, "numkeys key [key ...] <LEFT | RIGHT> [COUNT count]", 1},
    {"blpop", -3, kRemove | kCmdBlocking, 1, -2, 1, kAclBlocking, "list", "2.0.0",
     "Takes the first element out of the first list that has one; waits for it.", "O(N) for N keys",
     HandleBLPop, "key [key ...] timeout"},
    {"brpop", -3, kRemove | kCmdBlocking, 1, -2, 1, kAclBlocking, "list", "2.0.0",
     "Takes the last element out of the first list that has one; waits for it.", "O(N) for N keys",
     HandleBRPop, "key [key ...] timeout"},
    {"blmove", 6, kWrite | kCmdBlocking, 1, 2, 1, kAclBlocking, "list", "6.2.0",
     "LMOVE that waits for an element.", "O(log(N))", HandleBLMove,
     "source destination <LEFT | RIGHT> <LEFT | RIGHT> timeout"},
    {"brpoplpush", 4, kWrite | kCmdBlocking, 1, 2, 1, kAclBlocking, "list", "2.2.0",
     "RPOPLPUSH that waits for an element.", "O(log(N))", HandleBRPopLPush,
     "source destination timeout"},
    {"blmpop", -5, kRemove | kCmdBlocking | kCmdMovableKeys, 0, 0, 0, kAclBlocking, "list", "7.0.0",
     "LMPOP that waits for an element.", "O(N + M) for N keys and M elements", HandleBLMPop,
     "timeout numkeys key [key ...] <LEFT | RIGHT> [COUNT count]", 2},
};

}  // namespace

std::span<const CommandSpec> ListCommands() { return kRows; }

}  // namespace cairn
