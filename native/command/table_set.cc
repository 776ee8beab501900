// Rows of the commands on sets. Columns: name, arity, flags, first key, last key, key step, ACL
// categories, group, since, summary, complexity, handler, arguments, where keys are counted.
#include "command/handlers.h"

namespace cairn {
namespace {

inline constexpr uint32_t kRead = kCmdReadOnly | kCmdWaves;
inline constexpr uint32_t kReadFast = kRead | kCmdFast;
inline constexpr uint32_t kWriteFast = kCmdWrite | kCmdFast | kCmdWaves;
inline constexpr uint32_t kGrowFast = kWriteFast | kCmdDenyOom;
inline constexpr uint32_t kStore = kCmdWrite | kCmdDenyOom | kCmdWaves;

inline constexpr std::string_view kAclRead = "@read @set @slow";
inline constexpr std::string_view kAclReadFast = "@read @set @fast";
inline constexpr std::string_view kAclWrite = "@write @set @slow";
inline constexpr std::string_view kAclWriteFast = "@write @set @fast";

constexpr CommandSpec kRows[] = {
    {"sadd", -3, kGrowFast, 1, 1, 1, kAclWriteFast, "set", "1.0.0",
     "Adds members to a set, which is made if the key is missing.", "O(log N) for each member",
     HandleSAdd, "key member [member ...]"},
    {"srem", -3, kWriteFast, 1, 1, 1, kAclWriteFast, "set", "1.0.0", "Removes members from a set.",
     "O(log N) for each member", HandleSRem, "key member [member ...]"},
    {"smove", 4, kWriteFast, 1, 2, 1, kAclWriteFast, "set", "1.0.0",
     "Moves a member from one set to another.", "O(log N)", HandleSMove,
     "source destination member"},
    {"scard", 2, kReadFast, 1, 1, 1, kAclReadFast, "set", "1.0.0",
     "The number of members of a set.", "O(1)", HandleSCard, "key"},
    {"sismember", 3, kReadFast, 1, 1, 1, kAclReadFast, "set", "1.0.0",
     "Whether a set has a member.", "O(log N)", HandleSIsMember, "key member"},
    {"smismember", -3, kReadFast, 1, 1, 1, kAclReadFast, "set", "6.2.0",
     "Which of several members a set has.", "O(log N) for each member", HandleSMIsMember,
     "key member [member ...]"},
    {"smembers", 2, kRead, 1, 1, 1, kAclRead, "set", "1.0.0", "All members of a set.", "O(N)",
     HandleSMembers, "key"},
    {"sscan", -3, kRead, 1, 1, 1, kAclRead, "set", "2.8.0",
     "Some members of a set, and a cursor for the next ones.",
     "O(COUNT) per call, O(N) for all calls", HandleSScan,
     "key cursor [MATCH pattern] [COUNT count]"},
    {"spop", -2, kWriteFast, 1, 1, 1, kAclWriteFast, "set", "1.0.0",
     "Removes random members from a set and returns them.", "O(log N) for each member", HandleSPop,
     "key [count]"},
    {"srandmember", -2, kRead, 1, 1, 1, kAclRead, "set", "1.0.0", "Random members of a set.",
     "O(log N) for each member", HandleSRandMember, "key [count]"},
    {"sinter", -2, kRead, 1, -1, 1, kAclRead, "set", "1.0.0", "What several sets have in common.",
     "O(N*M) in the size of the smallest set and the number of sets", HandleSInter,
     "key [key ...]"},
    {"sintercard", -3, kRead | kCmdMovableKeys, 0, 0, 0, kAclRead, "set", "7.0.0",
     "How many members several sets have in common.",
     "O(N*M) in the size of the smallest set and the number of sets", HandleSInterCard,
     "numkeys key [key ...] [LIMIT limit]", 1},
    {"sinterstore", -3, kStore, 1, -1, 1, kAclWrite, "set", "1.0.0",
     "Stores what several sets have in common.",
     "O(N*M) in the size of the smallest set and the number of sets", HandleSInterStore,
     "destination key [key ...]"},
    {"sunion", -2, kRead, 1, -1, 1, kAclRead, "set", "1.0.0", "The members of several sets.",
     "O(N log N) in the size of all sets", HandleSUnion, "key [key ...]"},
    {"sunionstore", -3, kStore, 1, -1, 1, kAclWrite, "set", "1.0.0",
     "Stores the members of several sets.", "O(N log N) in the size of all sets", HandleSUnionStore,
     "destination key [key ...]"},
    {"sdiff", -2, kRead, 1, -1, 1, kAclRead, "set", "1.0.0",
     "The members of a set that are not in others.",
     "O(N*M) in the size of the first set and the number of sets", HandleSDiff, "key [key ...]"},
    {"sdiffstore", -3, kStore, 1, -1, 1, kAclWrite, "set", "1.0.0",
     "Stores the members of a set that are not in others.",
     "O(N*M) in the size of the first set and the number of sets", HandleSDiffStore,
     "destination key [key ...]"},
};

}  // namespace

std::span<const CommandSpec> SetCommands() { return kRows; }

}  // namespace cairn
