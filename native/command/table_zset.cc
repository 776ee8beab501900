// Rows of the commands on sorted sets. Columns: name, arity, flags, first key, last key, key step,
// ACL categories, group, since, summary, complexity, handler, arguments, where keys are counted.
#include "command/zset_handlers.h"

namespace cairn {
namespace {

// What a sorted set consists of is found out by reading it.
inline constexpr uint32_t kReadFast = kCmdReadOnly | kCmdFast | kCmdWaves;
inline constexpr uint32_t kRead = kCmdReadOnly | kCmdWaves;
inline constexpr uint32_t kAddFast = kCmdWrite | kCmdDenyOom | kCmdFast | kCmdWaves;
inline constexpr uint32_t kStore = kCmdWrite | kCmdDenyOom | kCmdWaves;
inline constexpr uint32_t kTakeFast = kCmdWrite | kCmdFast | kCmdWaves;
inline constexpr uint32_t kTake = kCmdWrite | kCmdWaves;
inline constexpr uint32_t kReadMany = kRead | kCmdMovableKeys;
inline constexpr uint32_t kStoreMany = kStore | kCmdMovableKeys;

inline constexpr std::string_view kAclRead = "@read @sortedset @slow";
inline constexpr std::string_view kAclReadFast = "@read @sortedset @fast";
inline constexpr std::string_view kAclWrite = "@write @sortedset @slow";
inline constexpr std::string_view kAclWriteFast = "@write @sortedset @fast";

inline constexpr std::string_view kAclBlocking = "@write @sortedset @slow @blocking";
inline constexpr std::string_view kAclBlockingFast = "@write @sortedset @fast @blocking";

inline constexpr int16_t kCountedAt1 = 1;
inline constexpr int16_t kCountedAt2 = 2;

inline constexpr std::string_view kLogN = "O(log N) in the number of members";
inline constexpr std::string_view kLogNAndM =
    "O(log N + M) in the number of members, and of those that are shown";
inline constexpr std::string_view kRemoved =
    "O(M * log N) in the number of members, and of those that go";
inline constexpr std::string_view kUnion =
    "O(N) in the number of members of all sets, and O(M * log M) in that of the result";
inline constexpr std::string_view kInter =
    "O(N * K * log N) in the members of the smallest set and the number of sets, and O(M * log M) "
    "in the members of the result";
inline constexpr std::string_view kDiff =
    "O(N * K * log N) in the members of the first set and the number of sets, and O(M * log M) in "
    "the members of the result";

constexpr CommandSpec kRows[] = {
    {"zadd", -4, kAddFast, 1, 1, 1, kAclWriteFast, "sorted-set", "1.2.0",
     "Adds members with scores, or changes the scores of those that are there.",
     "O(log N) for each member", HandleZAdd,
     "key [NX | XX] [GT | LT] [CH] [INCR] score member [score member ...]"},
    {"zincrby", 4, kAddFast, 1, 1, 1, kAclWriteFast, "sorted-set", "1.2.0",
     "Adds to the score of a member; a missing one counts as 0.", kLogN, HandleZIncrBy,
     "key increment member"},
    {"zrem", -3, kTakeFast, 1, 1, 1, kAclWriteFast, "sorted-set", "1.2.0", "Removes members.",
     "O(log N) for each member", HandleZRem, "key member [member ...]"},
    {"zcard", 2, kReadFast, 1, 1, 1, kAclReadFast, "sorted-set", "1.2.0", "The number of members.",
     "O(1)", HandleZCard, "key"},
    {"zscore", 3, kReadFast, 1, 1, 1, kAclReadFast, "sorted-set", "1.2.0", "The score of a member.",
     kLogN, HandleZScore, "key member"},
    {"zmscore", -3, kReadFast, 1, 1, 1, kAclReadFast, "sorted-set", "6.2.0",
     "The scores of several members.", "O(log N) for each member", HandleZMScore,
     "key member [member ...]"},
    {"zcount", 4, kReadFast, 1, 1, 1, kAclReadFast, "sorted-set", "2.0.0",
     "How many members have scores in a range.", kLogN, HandleZCount, "key min max"},
    {"zlexcount", 4, kReadFast, 1, 1, 1, kAclReadFast, "sorted-set", "2.8.9",
     "How many members, all of the same score, lie in a range of bytes.", kLogN, HandleZLexCount,
     "key min max"},
    {"zrank", -3, kReadFast, 1, 1, 1, kAclReadFast, "sorted-set", "2.0.0",
     "How many members come before one.", kLogN, HandleZRank, "key member [WITHSCORE]"},
    {"zrevrank", -3, kReadFast, 1, 1, 1, kAclReadFast, "sorted-set", "2.0.0",
     "How many members come behind one.", kLogN, HandleZRevRank, "key member [WITHSCORE]"},
    {"zrange", -4, kRead, 1, 1, 1, kAclRead, "sorted-set", "1.2.0",
     "Members in a range of ranks, of scores or of bytes.", kLogNAndM, HandleZRange,
     "key start stop [BYSCORE | BYLEX] [REV] [LIMIT offset count] [WITHSCORES]"},
    {"zrevrange", -4, kRead, 1, 1, 1, kAclRead, "sorted-set", "1.2.0",
     "Members in a range of ranks, counted from the greatest score.", kLogNAndM, HandleZRevRange,
     "key start stop [WITHSCORES]"},
    {"zrangebyscore", -4, kRead, 1, 1, 1, kAclRead, "sorted-set", "1.0.5",
     "Members in a range of scores.", kLogNAndM, HandleZRangeByScore,
     "key min max [WITHSCORES] [LIMIT offset count]"},
    {"zrevrangebyscore", -4, kRead, 1, 1, 1, kAclRead, "sorted-set", "2.2.0",
     "Members in a range of scores, from the greatest on.", kLogNAndM, HandleZRevRangeByScore,
     "key max min [WITHSCORES] [LIMIT offset count]"},
    {"zrangebylex", -4, kRead, 1, 1, 1, kAclRead, "sorted-set", "2.8.9",
     "Members, all of the same score, in a range of bytes.", kLogNAndM, HandleZRangeByLex,
     "key min max [LIMIT offset count]"},
    {"zrevrangebylex", -4, kRead, 1, 1, 1, kAclRead, "sorted-set", "2.8.9",
     "Members, all of the same score, in a range of bytes, from its end on.", kLogNAndM,
     HandleZRevRangeByLex, "key max min [LIMIT offset count]"},
    {"zrangestore", -5, kStore, 1, 2, 1, kAclWrite, "sorted-set", "6.2.0",
     "Puts a range of a sorted set into another key.", kLogNAndM, HandleZRangeStore,
     "dst src min max [BYSCORE | BYLEX] [REV] [LIMIT offset count]"},
    {"zremrangebyrank", 4, kTake, 1, 1, 1, kAclWrite, "sorted-set", "2.0.0",
     "Removes members in a range of ranks.", kRemoved, HandleZRemRangeByRank, "key start stop"},
    {"zremrangebyscore", 4, kTake, 1, 1, 1, kAclWrite, "sorted-set", "1.2.0",
     "Removes members in a range of scores.", kRemoved, HandleZRemRangeByScore, "key min max"},
    {"zremrangebylex", 4, kTake, 1, 1, 1, kAclWrite, "sorted-set", "2.8.9",
     "Removes members, all of the same score, in a range of bytes.", kRemoved, HandleZRemRangeByLex,
     "key min max"},
    {"zpopmin", -2, kTakeFast, 1, 1, 1, kAclWriteFast, "sorted-set", "5.0.0",
     "Takes members of the least scores.", kRemoved, HandleZPopMin, "key [count]"},
    {"zpopmax", -2, kTakeFast, 1, 1, 1, kAclWriteFast, "sorted-set", "5.0.0",
     "Takes members of the greatest scores.", kRemoved, HandleZPopMax, "key [count]"},
    {"zmpop", -4, kTake | kCmdMovableKeys, 0, 0, 0, kAclWrite, "sorted-set", "7.0.0",
     "Takes members of the least or the greatest scores from the first of several keys that is "
     "there.",
     "O(K) in the number of keys, and O(M * log N) for members as ZPOPMIN", HandleZMPop,
     "numkeys key [key ...] <MIN | MAX> [COUNT count]", kCountedAt1},
    {"bzpopmin", -3, kTakeFast | kCmdBlocking, 1, -2, 1, kAclBlockingFast, "sorted-set", "5.0.0",
     "Takes the member of the least score from the first of several keys that is there; waits for "
     "it.",
     kRemoved, HandleBZPopMin, "key [key ...] timeout"},
    {"bzpopmax", -3, kTakeFast | kCmdBlocking, 1, -2, 1, kAclBlockingFast, "sorted-set", "5.0.0",
     "Takes the member of the greatest score from the first of several keys that is there; waits "
     "for it.",
     kRemoved, HandleBZPopMax, "key [key ...] timeout"},
    {"bzmpop", -5, kTake | kCmdBlocking | kCmdMovableKeys, 0, 0, 0, kAclBlocking, "sorted-set",
     "7.0.0", "ZMPOP that waits for members.",
     "O(K) in the number of keys, and O(M * log N) for members as ZPOPMIN", HandleBZMPop,
     "timeout numkeys key [key ...] <MIN | MAX> [COUNT count]", kCountedAt2},
    {"zunion", -3, kReadMany, 0, 0, 0, kAclRead, "sorted-set", "6.2.0",
     "The union of several sorted sets, or sets.", kUnion, HandleZUnion,
     "numkeys key [key ...] [WEIGHTS weight [weight ...]] [AGGREGATE <SUM | MIN | MAX>] "
     "[WITHSCORES]",
     kCountedAt1},
    {"zunionstore", -4, kStoreMany, 1, 1, 1, kAclWrite, "sorted-set", "2.0.0",
     "Puts the union of several sorted sets, or sets.", kUnion, HandleZUnionStore,
     "destination numkeys key [key ...] [WEIGHTS weight [weight ...]] [AGGREGATE <SUM | MIN | "
     "MAX>]",
     kCountedAt2},
    {"zinter", -3, kReadMany, 0, 0, 0, kAclRead, "sorted-set", "6.2.0",
     "The intersection of several sorted sets, or sets.", kInter, HandleZInter,
     "numkeys key [key ...] [WEIGHTS weight [weight ...]] [AGGREGATE <SUM | MIN | MAX>] "
     "[WITHSCORES]",
     kCountedAt1},
    {"zinterstore", -4, kStoreMany, 1, 1, 1, kAclWrite, "sorted-set", "2.0.0",
     "Puts the intersection of several sorted sets, or sets.", kInter, HandleZInterStore,
     "destination numkeys key [key ...] [WEIGHTS weight [weight ...]] [AGGREGATE <SUM | MIN | "
     "MAX>]",
     kCountedAt2},
    {"zintercard", -3, kReadMany, 0, 0, 0, kAclRead, "sorted-set", "7.0.0",
     "The number of members that several sorted sets, or sets, have in common.", kInter,
     HandleZInterCard, "numkeys key [key ...] [LIMIT limit]", kCountedAt1},
    {"zdiff", -3, kReadMany, 0, 0, 0, kAclRead, "sorted-set", "6.2.0",
     "Members of the first sorted set, or set, that are in no other.", kDiff, HandleZDiff,
     "numkeys key [key ...] [WITHSCORES]", kCountedAt1},
    {"zdiffstore", -4, kStoreMany, 1, 1, 1, kAclWrite, "sorted-set", "6.2.0",
     "Puts members of the first sorted set, or set, that are in no other.", kDiff, HandleZDiffStore,
     "destination numkeys key [key ...]", kCountedAt2},
    {"zrandmember", -2, kRead, 1, 1, 1, kAclRead, "sorted-set", "6.2.0", "Members at random.",
     "O(M * log N) in the number of members, and of those that are shown", HandleZRandMember,
     "key [count [WITHSCORES]]"},
    {"zscan", -3, kRead, 1, 1, 1, kAclRead, "sorted-set", "2.8.0",
     "Some of the members with their scores, and a cursor for more.",
     "O(COUNT) per call, O(N) for all calls", HandleZScan,
     "key cursor [MATCH pattern] [COUNT count]"},
};

}  // namespace

std::span<const CommandSpec> ZsetCommands() { return kRows; }

}  // namespace cairn
