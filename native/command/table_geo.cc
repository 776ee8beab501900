// Rows of the commands on places. Columns: name, arity, flags, first key, last key, key step, ACL
// categories, group, since, summary, complexity, handler, arguments, where keys are counted
// (never), where STORE may stand.
#include "command/zset_handlers.h"

namespace cairn {
namespace {

inline constexpr uint32_t kRead = kCmdReadOnly | kCmdWaves;
inline constexpr uint32_t kWrite = kCmdWrite | kCmdDenyOom | kCmdWaves;

inline constexpr std::string_view kAclRead = "@read @geo @slow";
inline constexpr std::string_view kAclWrite = "@write @geo @slow";

inline constexpr std::string_view kEach = "O(log N) for each member";
inline constexpr std::string_view kSearch =
    "O(log N + M) in the number of members, and of those in the cells around the shape";

constexpr CommandSpec kRows[] = {
    {"geoadd", -5, kWrite, 1, 1, 1, kAclWrite, "geo", "3.2.0",
     "Adds members at places, or moves those that are there.", kEach, HandleGeoAdd,
     "key [NX | XX] [CH] longitude latitude member [longitude latitude member ...]"},
    {"geodist", -4, kRead, 1, 1, 1, kAclRead, "geo", "3.2.0",
     "How far two members are from each other.", kEach, HandleGeoDist,
     "key member1 member2 [M | KM | FT | MI]"},
    {"geohash", -2, kRead, 1, 1, 1, kAclRead, "geo", "3.2.0", "The geohashes of members.", kEach,
     HandleGeoHash, "key [member [member ...]]"},
    {"geopos", -2, kRead, 1, 1, 1, kAclRead, "geo", "3.2.0",
     "Where members are, to some centimetres.", kEach, HandleGeoPos, "key [member [member ...]]"},
    {"geosearch", -7, kRead, 1, 1, 1, kAclRead, "geo", "6.2.0", "Members within a circle or a box.",
     kSearch, HandleGeoSearch,
     "key <FROMMEMBER member | FROMLONLAT longitude latitude> <BYRADIUS radius <M | KM | FT | MI> "
     "| BYBOX width height <M | KM | FT | MI>> [ASC | DESC] [COUNT count [ANY]] [WITHCOORD] "
     "[WITHDIST] [WITHHASH]"},
    {"geosearchstore", -8, kWrite, 1, 2, 1, kAclWrite, "geo", "6.2.0",
     "Puts members within a circle or a box into another key.", kSearch, HandleGeoSearchStore,
     "destination source <FROMMEMBER member | FROMLONLAT longitude latitude> <BYRADIUS radius <M | "
     "KM | FT | MI> | BYBOX width height <M | KM | FT | MI>> [ASC | DESC] [COUNT count [ANY]] "
     "[STOREDIST]"},
    {"georadius", -6, kWrite | kCmdMovableKeys, 1, 1, 1, kAclWrite, "geo", "3.2.0",
     "Members within a circle; puts them into another key if asked.", kSearch, HandleGeoRadius,
     "key longitude latitude radius <M | KM | FT | MI> [WITHCOORD] [WITHDIST] [WITHHASH] [COUNT "
     "count [ANY]] [ASC | DESC] [STORE key | STOREDIST key]",
     0},
    {"georadius_ro", -6, kRead, 1, 1, 1, kAclRead, "geo", "3.2.10", "Members within a circle.",
     kSearch, HandleGeoRadiusRo,
     "key longitude latitude radius <M | KM | FT | MI> [WITHCOORD] [WITHDIST] [WITHHASH] [COUNT "
     "count [ANY]] [ASC | DESC]"},
    {"georadiusbymember", -5, kWrite | kCmdMovableKeys, 1, 1, 1, kAclWrite, "geo", "3.2.0",
     "Members within a circle around one of them; puts them into another key if asked.", kSearch,
     HandleGeoRadiusByMember,
     "key member radius <M | KM | FT | MI> [WITHCOORD] [WITHDIST] [WITHHASH] [COUNT count [ANY]] "
     "[ASC | DESC] [STORE key | STOREDIST key]",
     0},
    {"georadiusbymember_ro", -5, kRead, 1, 1, 1, kAclRead, "geo", "3.2.10",
     "Members within a circle around one of them.", kSearch, HandleGeoRadiusByMemberRo,
     "key member radius <M | KM | FT | MI> [WITHCOORD] [WITHDIST] [WITHHASH] [COUNT count [ANY]] "
     "[ASC | DESC]"},
};

}  // namespace

std::span<const CommandSpec> GeoCommands() { return kRows; }

}  // namespace cairn
