// Rows of the bit commands. Columns: name, arity, flags, first key, last key, key step, ACL
// categories, group, since, summary, complexity, handler, arguments.
#include "command/handlers.h"

namespace cairn {
namespace {

inline constexpr uint32_t kReadFast = kCmdReadOnly | kCmdFast;
inline constexpr uint32_t kRead = kCmdReadOnly;
inline constexpr uint32_t kWrite = kCmdWrite | kCmdDenyOom;

inline constexpr std::string_view kAclRead = "@read @bitmap @slow";
inline constexpr std::string_view kAclReadFast = "@read @bitmap @fast";
inline constexpr std::string_view kAclWrite = "@write @bitmap @slow";

constexpr CommandSpec kRows[] = {
    {"setbit", 4, kWrite, 1, 1, 1, kAclWrite, "bitmap", "2.2.0",
     "Sets or clears a bit and returns what it was.", "O(N) in the length of the value",
     HandleSetBit, "key offset value"},
    {"getbit", 3, kReadFast, 1, 1, 1, kAclReadFast, "bitmap", "2.2.0", "One bit of a value.",
     "O(1)", HandleGetBit, "key offset"},
    {"bitcount", -2, kRead, 1, 1, 1, kAclRead, "bitmap", "2.6.0",
     "How many bits are set in a value or a part of it.", "O(N) in the length of the part",
     HandleBitCount, "key [start end [BYTE | BIT]]"},
    {"bitpos", -3, kRead, 1, 1, 1, kAclRead, "bitmap", "2.8.7",
     "Where the first set or clear bit is.", "O(N) in the length of the part", HandleBitPos,
     "key bit [start [end [BYTE | BIT]]]"},
    {"bitop", -4, kWrite, 2, -1, 1, kAclWrite, "bitmap", "2.6.0",
     "Combines values bit by bit and puts the result.", "O(N) in the lengths of the values",
     HandleBitOp, "<AND | OR | XOR | NOT> destkey key [key ...]"},
    {"bitfield", -2, kWrite, 1, 1, 1, kAclWrite, "bitmap", "3.2.0",
     "Reads, sets and adds to integers of any width inside a value.",
     "O(1) for each integer; O(N) in the length of the value if it changes", HandleBitField,
     "key [GET encoding offset | OVERFLOW <WRAP | SAT | FAIL> | SET encoding offset value | "
     "INCRBY encoding offset increment] ..."},
    {"bitfield_ro", -2, kReadFast, 1, 1, 1, kAclReadFast, "bitmap", "6.0.0",
     "Reads integers of any width inside a value.", "O(1) for each integer", HandleBitFieldRo,
     "key [GET encoding offset] ..."},
};

}  // namespace

std::span<const CommandSpec> BitCommands() { return kRows; }

}  // namespace cairn
