// Places as members of a sorted set, by geohash: GEOADD, GEODIST, GEOHASH, GEOPOS.

#include <cstdio>
#include <vector>

#include "command/geo_args.h"
#include "command/zset_add.h"
#include "command/zset_handlers.h"

namespace cairn {

using tree::Outcome;
using Element = ZsetValue::Element;

bool GeoPointArgs(Call& call, size_t at, geo::Point* point) {
  if (!FloatArg(call, call.argv[at], errors::kNotFloat, &point->longitude)) return false;
  if (!FloatArg(call, call.argv[at + 1], errors::kNotFloat, &point->latitude)) return false;
  return geo::OnMap(*point) || Refuse(call, errors::GeoPoint(point->longitude, point->latitude));
}

bool GeoUnitArg(Call& call, std::string_view arg, double* metres) {
  if (Is(arg, "m")) {
    *metres = 1;
  } else if (Is(arg, "km")) {
    *metres = 1000;
  } else if (Is(arg, "ft")) {
    *metres = 0.3048;
  } else if (Is(arg, "mi")) {
    *metres = 1609.34;
  } else {
    return Refuse(call, errors::kGeoUnit);
  }
  return true;
}

void ReplyLength(ReplyWriter& reply, double length) {
  char text[32];  // no two places are farther apart than ten million feet times ten
  const int bytes = std::snprintf(text, sizeof(text), "%.4f", length);
  reply.Bulk({text, static_cast<size_t>(bytes)});
}

namespace {

// As INCRBYFLOAT writes numbers, in RESP3 as a double.
void ReplyDegrees(ReplyWriter& reply, double degrees) {
  if (reply.version() < 3) return reply.LongDoubleBulk(degrees);
  char line[kLongDoubleTextBytes + 3] = {','};
  size_t bytes = 1 + FormatLongDouble(degrees, line + 1);
  line[bytes++] = '\r';
  line[bytes++] = '\n';
  reply.Raw({line, bytes});
}

}  // namespace

void ReplyPoint(ReplyWriter& reply, const geo::Point& point) {
  reply.ArrayHeader(2);
  ReplyDegrees(reply, point.longitude);
  ReplyDegrees(reply, point.latitude);
}

namespace {

bool ReadPoint(Call& call, size_t first, size_t i, Element* element) {
  geo::Point point;
  const size_t at = first + 3 * i;
  if (!GeoPointArgs(call, at, &point)) return false;
  *element = {call.argv[at + 2], static_cast<double>(geo::Encode(point))};
  return true;
}

}  // namespace

void HandleGeoAdd(Call& call) {
  AddRules rules;
  size_t first = 2;
  for (; first < call.argv.size(); ++first) {
    const std::string_view arg = call.argv[first];
    if (Is(arg, "nx")) {
      rules.only_new = true;
    } else if (Is(arg, "xx")) {
      rules.only_present = true;
    } else if (Is(arg, "ch")) {
      rules.count_changed = true;
    } else {
      break;
    }
  }
  const size_t left = call.argv.size() - first;
  if (left == 0 || left % 3 != 0 || (rules.only_new && rules.only_present))
    return call.reply.Error(errors::kSyntax);
  AddAndReply(call, first, left / 3, ReadPoint, rules);
}

void HandleGeoDist(Call& call) {
  double unit = 1;
  if (call.argv.size() > 5) return call.reply.Error(errors::kSyntax);
  if (call.argv.size() == 5 && !GeoUnitArg(call, call.argv[4], &unit)) return;
  ZsetValue zset = ZsetOf(call, call.argv[1]);
  bool there = false;
  if (!OpenZset(call, &zset, &there)) return;
  if (!there) return call.reply.Null();
  bool found[2] = {};
  double scores[2] = {};
  const Outcome a = zset.Find(call.argv[2], &found[0], &scores[0]);
  const Outcome b = zset.Find(call.argv[3], &found[1], &scores[1]);
  if (!Done(call, zset, a == Outcome::kDone ? b : a)) return;
  if (!found[0] || !found[1]) return call.reply.Null();
  ReplyLength(call.reply, geo::Distance(geo::Decode(scores[0]), geo::Decode(scores[1])) / unit);
}

void HandleGeoHash(Call& call) {
  ReplyMembers(
      call, [&](double score) { geo::Text(score, call.reply.BulkSpace(geo::kTextBytes)); },
      [&] { call.reply.Null(); });
}

void HandleGeoPos(Call& call) {
  ReplyMembers(
      call, [&](double score) { ReplyPoint(call.reply, geo::Decode(score)); },
      [&] { call.reply.NullArray(); });
}

}  // namespace cairn
