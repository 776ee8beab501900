// Places and lengths as clients write them, and as they are answered. Those that return bool answer
// the client themselves when they return false.
#pragma once

#include <string_view>

#include "command/geo_cells.h"
#include "command/zset_args.h"

namespace cairn {

// Longitude and latitude, at argv[at] and the one behind it.
bool GeoPointArgs(Call& call, size_t at, geo::Point* point);
// Metres in one of a unit: m, km, ft, mi.
bool GeoUnitArg(Call& call, std::string_view arg, double* metres);
// With four digits behind the point.
void ReplyLength(ReplyWriter& reply, double length);
void ReplyPoint(ReplyWriter& reply, const geo::Point& point);

}  // namespace cairn
