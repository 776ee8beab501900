// Places on the earth as numbers, and the cells that a search has to look at. Pure functions.
//
// Longitude and latitude are divided into 2^26 steps each, latitude from -85.05112878 to
// 85.05112878 degrees, where a Web Mercator map is a square (EPSG 3857). The two numbers of 26 bits
// are interleaved, latitude in the even bits (Morton, 1966), so that the 2 * s highest bits of the
// 52 say in which of 4^s cells a place is, and a cell is a range of scores.
//
//   +-----+-----+     s = 1: which quarter of the map, by bits 51 and 50
//   |  1  |  3  |     cell 2 has the scores from 2 << 50 to below 3 << 50
//   +-----+-----+
//   |  0  |  2  |
//   +-----+-----+
//
// What is looked for lies in the cell around the centre or in one of the eight around that: s is as
// great as that permits. Cells that the search does not reach are left out. Results are those of
// Redis, to the bit: also the order in which cells are looked at.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace cairn::geo {

inline constexpr double kLongitudeMax = 180;
inline constexpr double kLatitudeMax = 85.05112878;
inline constexpr uint32_t kSteps = 26;

struct Point {
  double longitude = 0;
  double latitude = 0;
};

inline bool OnMap(const Point& p) {
  return p.longitude >= -kLongitudeMax && p.longitude <= kLongitudeMax &&
         p.latitude >= -kLatitudeMax && p.latitude <= kLatitudeMax;
}

// A point of the map as a score, and the middle of the cell that a score is (of any score).
uint64_t Encode(const Point& point);
Point Decode(double score);

// The usual text of a geohash: 11 characters, of latitudes up to 90 degrees.
inline constexpr size_t kTextBytes = 11;
void Text(double score, char* to);

// Metres on a sphere (haversine).
double Distance(const Point& a, const Point& b);

// What a search covers: a circle, or a box with two sides along meridians.
struct Shape {
  Point centre;
  bool box = false;
  double radius = 0;  // metres
  double width = 0;
  double height = 0;
};
// Whether it does; *distance from its centre.
bool Covers(const Shape& shape, const Point& point, double* distance);

// The scores from `from` on, below `to`.
struct Cell {
  double from = 0;
  double to = 0;
};
struct Cells {
  std::array<Cell, 9> cells;
  size_t count = 0;
};
// Those that a search looks at, in its order; none comes twice.
Cells CellsOf(const Shape& shape);

}  // namespace cairn::geo
