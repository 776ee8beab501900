// The handlers of commands on sorted sets and places, for their tables, and the tables' rows. What
// each does is said by its row; see command.h for the rules of a handler.
#pragma once

#include <span>

#include "command/command.h"

namespace cairn {

std::span<const CommandSpec> ZsetCommands();
std::span<const CommandSpec> GeoCommands();

// Sorted sets.
void HandleZAdd(Call& call);
void HandleZIncrBy(Call& call);
void HandleZRem(Call& call);
void HandleZCard(Call& call);
void HandleZScore(Call& call);
void HandleZMScore(Call& call);
void HandleZCount(Call& call);
void HandleZLexCount(Call& call);
void HandleZRank(Call& call);
void HandleZRevRank(Call& call);
void HandleZRange(Call& call);
void HandleZRevRange(Call& call);
void HandleZRangeByScore(Call& call);
void HandleZRevRangeByScore(Call& call);
void HandleZRangeByLex(Call& call);
void HandleZRevRangeByLex(Call& call);
void HandleZRangeStore(Call& call);
void HandleZRemRangeByRank(Call& call);
void HandleZRemRangeByScore(Call& call);
void HandleZRemRangeByLex(Call& call);
void HandleZPopMin(Call& call);
void HandleZPopMax(Call& call);
void HandleZMPop(Call& call);
void HandleBZPopMin(Call& call);
void HandleBZPopMax(Call& call);
void HandleBZMPop(Call& call);
void HandleZUnion(Call& call);
void HandleZUnionStore(Call& call);
void HandleZInter(Call& call);
void HandleZInterStore(Call& call);
void HandleZInterCard(Call& call);
void HandleZDiff(Call& call);
void HandleZDiffStore(Call& call);
void HandleZRandMember(Call& call);
void HandleZScan(Call& call);

// Geo.
void HandleGeoAdd(Call& call);
void HandleGeoDist(Call& call);
void HandleGeoHash(Call& call);
void HandleGeoPos(Call& call);
void HandleGeoSearch(Call& call);
void HandleGeoSearchStore(Call& call);
void HandleGeoRadius(Call& call);
void HandleGeoRadiusRo(Call& call);
void HandleGeoRadiusByMember(Call& call);
void HandleGeoRadiusByMemberRo(Call& call);

}  // namespace cairn
