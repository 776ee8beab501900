// Error texts of commands on sorted sets and places; see errors.h. Texts equal Redis's, byte for
// byte.
#pragma once

#include <cstdio>
#include <string>
#include <string_view>

#include "resp/errors.h"

namespace cairn::errors {

// Sorted sets.
inline constexpr std::string_view kNotScoreRange = "ERR min or max is not a float";
inline constexpr std::string_view kNotLexRange = "ERR min or max not valid string range item";
inline constexpr std::string_view kZaddNxWithXx =
    "ERR XX and NX options at the same time are not compatible";
inline constexpr std::string_view kZaddGtLtNx =
    "ERR GT, LT, and/or NX options at the same time are not compatible";
inline constexpr std::string_view kZaddIncrPairs =
    "ERR INCR option supports a single increment-element pair";
inline constexpr std::string_view kScoreNan = "ERR resulting score is not a number (NaN)";
inline constexpr std::string_view kRangeLimit =
    "ERR syntax error, LIMIT is only supported in combination with either BYSCORE or BYLEX";
inline constexpr std::string_view kRangeLexScores =
    "ERR syntax error, WITHSCORES not supported in combination with BYLEX";
inline constexpr std::string_view kWeightNotFloat = "ERR weight value is not a float";
inline constexpr std::string_view kLimitNegative = "ERR LIMIT can't be negative";

// Geo.
inline constexpr std::string_view kGeoUnit =
    "ERR unsupported unit provided. please use M, KM, FT, MI";
inline constexpr std::string_view kGeoRadius = "ERR need numeric radius";
inline constexpr std::string_view kGeoRadiusNegative = "ERR radius cannot be negative";
inline constexpr std::string_view kGeoWidth = "ERR need numeric width";
inline constexpr std::string_view kGeoHeight = "ERR need numeric height";
inline constexpr std::string_view kGeoBoxNegative = "ERR height or width cannot be negative";
inline constexpr std::string_view kGeoNoMember = "ERR could not decode requested zset member";
inline constexpr std::string_view kGeoCount = "ERR COUNT must be > 0";
inline constexpr std::string_view kGeoAnyCount = "ERR the ANY argument requires COUNT argument";

// `option`: what stores.
inline Text GeoStoreWith(std::string_view option) {
  return Text("ERR ", option, " is not compatible with WITHDIST, WITHHASH and WITHCOORD options");
}
inline Text NoInputKeys(std::string_view command) {
  return Text("ERR at least 1 input key is needed for '", command, "' command");
}
inline std::string GeoPoint(double longitude, double latitude) {
  char text[700];  // a number may have 309 digits before its point
  const int bytes = std::snprintf(text, sizeof(text), "%f,%f", longitude, latitude);
  return Whole("ERR invalid longitude,latitude pair ",
               std::string_view(text, static_cast<size_t>(bytes)), "");
}
// `command` as it was sent.
inline std::string GeoOneOf(std::string_view choice, std::string_view command) {
  return Whole("ERR exactly one of ", choice, " can be specified for ").append(command);
}

}  // namespace cairn::errors
