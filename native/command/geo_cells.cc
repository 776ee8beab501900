#include "command/geo_cells.h"

#include <algorithm>
#include <cmath>

namespace cairn::geo {
namespace {

constexpr double kEarthRadius = 6372797.560856;  // metres
// Half the circumference of the earth on a map, metres.
constexpr double kMercatorMax = 20037726.37;
constexpr double kPi = 3.14159265358979323846;
constexpr double kRadiansPerDegree = kPi / 180;

double Radians(double degrees) { return degrees * kRadiansPerDegree; }
double Degrees(double radians) { return radians / kRadiansPerDegree; }

struct Range {
  double min;
  double max;
  double size() const { return max - min; }
};
constexpr Range kLongitudes{-kLongitudeMax, kLongitudeMax};
constexpr Range kLatitudes{-kLatitudeMax, kLatitudeMax};
constexpr Range kTextLatitudes{-90, 90};

// The bits of a number of 32, each followed by a zero; and back.
uint64_t Spread(uint32_t number) {
  uint64_t x = number;
  x = (x | x << 16) & 0x0000ffff0000ffff;
  x = (x | x << 8) & 0x00ff00ff00ff00ff;
  x = (x | x << 4) & 0x0f0f0f0f0f0f0f0f;
  x = (x | x << 2) & 0x3333333333333333;
  x = (x | x << 1) & 0x5555555555555555;
  return x;
}
uint32_t Gather(uint64_t x) {
  x &= 0x5555555555555555;
  x = (x | x >> 1) & 0x3333333333333333;
  x = (x | x >> 2) & 0x0f0f0f0f0f0f0f0f;
  x = (x | x >> 4) & 0x00ff00ff00ff00ff;
  x = (x | x >> 8) & 0x0000ffff0000ffff;
  x = (x | x >> 16) & 0x00000000ffffffff;
  return static_cast<uint32_t>(x);
}

// A cell by its place among 2^steps times 2^steps.
struct Place {
  uint32_t x = 0;
  uint32_t y = 0;
  uint32_t steps = 0;

  uint64_t bits() const { return Spread(y) | Spread(x) << 1; }
  Range longitudes() const { return Part(kLongitudes, x); }
  Range latitudes() const { return Part(kLatitudes, y); }
  // The map has no edges here: what is beyond one comes in at the other.
  Place Moved(int east, int north) const {
    const uint32_t mask = (1u << steps) - 1;
    return {(x + static_cast<uint32_t>(east)) & mask, (y + static_cast<uint32_t>(north)) & mask,
            steps};
  }
  Cell cell() const {
    const uint32_t shift = 2 * (kSteps - steps);
    return {static_cast<double>(bits() << shift), static_cast<double>((bits() + 1) << shift)};
  }

 private:
  Range Part(const Range& range, uint32_t at) const {
    const auto parts = static_cast<double>(uint64_t{1} << steps);
    return {range.min + at / parts * range.size(),
            range.min + (static_cast<double>(at) + 1) / parts * range.size()};
  }
};

uint32_t StepOf(double value, const Range& range, uint32_t steps) {
  return static_cast<uint32_t>((value - range.min) / range.size() *
                               static_cast<double>(uint64_t{1} << steps));
}

Place PlaceOf(const Point& point, uint32_t steps, const Range& latitudes = kLatitudes) {
  return {StepOf(point.longitude, kLongitudes, steps), StepOf(point.latitude, latitudes, steps),
          steps};
}

double MiddleOf(const Range& range, double max) {
  return std::clamp((range.min + range.max) / 2, -max, max);
}

// Scores that no place has are given what the conversion in hardware makes of them.
uint64_t BitsOf(double score) {
  constexpr double kTooLarge = 9223372036854775808.0;
  if (score >= 2 * kTooLarge) return 0;
  if (score < -kTooLarge) return uint64_t{1} << 63;
  if (score >= kTooLarge) return static_cast<uint64_t>(score);
  return static_cast<uint64_t>(static_cast<int64_t>(score));
}

double LatitudeDistance(double a, double b) {
  return kEarthRadius * std::fabs(Radians(a) - Radians(b));
}

// So many steps that the cells around the centre reach as far as the search does, nearly always.
uint32_t StepsFor(double metres, double latitude) {
  if (metres == 0) return kSteps;
  int steps = 1;
  for (; metres < kMercatorMax; metres *= 2) ++steps;
  steps -= 2;
  const double high = std::fabs(latitude);  // degrees are shorter there
  steps -= (high > 66) + (high > 80);
  return static_cast<uint32_t>(std::clamp(steps, 1, static_cast<int>(kSteps)));
}

struct Bounds {
  Range longitudes;
  Range latitudes;
};

Bounds BoundsOf(const Shape& shape) {
  const double height = shape.box ? shape.height / 2 : shape.radius;
  const double width = shape.box ? shape.width / 2 : shape.radius;
  const Point& at = shape.centre;
  const double up = Degrees(height / kEarthRadius);
  // Where the shape is widest in degrees: at its side towards the pole.
  const double widest = at.latitude < 0 ? at.latitude - up : at.latitude + up;
  const double aside = Degrees(width / kEarthRadius / std::cos(Radians(widest)));
  return {{at.longitude - aside, at.longitude + aside}, {at.latitude - up, at.latitude + up}};
}

// Whether the cells around this one leave out a part of what is within the bounds.
bool TooSmall(const Place& centre, const Bounds& bounds) {
  return centre.Moved(0, 1).latitudes().max < bounds.latitudes.max ||
         centre.Moved(0, -1).latitudes().min > bounds.latitudes.min ||
         centre.Moved(1, 0).longitudes().max < bounds.longitudes.max ||
         centre.Moved(-1, 0).longitudes().min > bounds.longitudes.min;
}

}  // namespace

uint64_t Encode(const Point& point) { return PlaceOf(point, kSteps).bits(); }

Point Decode(double score) {
  const uint64_t bits = BitsOf(score);
  const Place place{Gather(bits >> 1), Gather(bits), kSteps};
  return {MiddleOf(place.longitudes(), kLongitudeMax), MiddleOf(place.latitudes(), kLatitudeMax)};
}

void Text(double score, char* to) {
  constexpr char kDigits[] = "0123456789bcdefghjkmnpqrstuvwxyz";
  constexpr int kBits = 2 * kSteps;
  const uint64_t bits = PlaceOf(Decode(score), kSteps, kTextLatitudes).bits();
  for (int i = 0; i < static_cast<int>(kTextBytes); ++i) {
    // Of the last digit there are two bits only, which do not count.
    const int shift = kBits - 5 * (i + 1);
    to[i] = kDigits[shift < 0 ? 0 : bits >> shift & 31];
  }
}

double Distance(const Point& a, const Point& b) {
  const double v = std::sin((Radians(b.longitude) - Radians(a.longitude)) / 2);
  if (v == 0) return LatitudeDistance(a.latitude, b.latitude);
  const double u = std::sin((Radians(b.latitude) - Radians(a.latitude)) / 2);
  const double chord =
      u * u + std::cos(Radians(a.latitude)) * std::cos(Radians(b.latitude)) * v * v;
  return 2.0 * kEarthRadius * std::asin(std::sqrt(chord));
}

bool Covers(const Shape& shape, const Point& point, double* distance) {
  const Point& centre = shape.centre;
  if (!shape.box) {
    *distance = Distance(centre, point);
    return *distance <= shape.radius;
  }
  if (LatitudeDistance(point.latitude, centre.latitude) > shape.height / 2) return false;
  const Point aside{centre.longitude, point.latitude};
  if (Distance(point, aside) > shape.width / 2) return false;
  *distance = Distance(centre, point);
  return true;
}

Cells CellsOf(const Shape& shape) {
  const Bounds bounds = BoundsOf(shape);
  const double reach =
      shape.box
          ? std::sqrt(shape.width / 2 * (shape.width / 2) + shape.height / 2 * (shape.height / 2))
          : shape.radius;
  uint32_t steps = StepsFor(reach, shape.centre.latitude);
  Place centre = PlaceOf(shape.centre, steps);
  if (steps > 1 && TooSmall(centre, bounds)) centre = PlaceOf(shape.centre, --steps);
  // Sides that the search does not reach.
  const bool all = steps < 2;
  const bool south = all || centre.latitudes().min >= bounds.latitudes.min;
  const bool north = all || centre.latitudes().max <= bounds.latitudes.max;
  const bool west = all || centre.longitudes().min >= bounds.longitudes.min;
  const bool east = all || centre.longitudes().max <= bounds.longitudes.max;
  constexpr int kOrder[9][2] = {{0, 0}, {0, 1},  {0, -1}, {1, 0},  {-1, 0},
                                {1, 1}, {-1, 1}, {1, -1}, {-1, -1}};
  Cells cells;
  uint64_t seen[9];
  for (const auto& [x, y] : kOrder) {
    if ((y < 0 && !south) || (y > 0 && !north) || (x < 0 && !west) || (x > 0 && !east)) continue;
    // (On the very edge of the map the centre is in a cell behind it, as places there are.)
    const Place place = x == 0 && y == 0 ? centre : centre.Moved(x, y);
    uint64_t* const end = seen + cells.count;
    if (std::find(seen, end, place.bits()) != end) continue;
    *end = place.bits();
    cells.cells[cells.count++] = place.cell();
  }
  return cells;
}

}  // namespace cairn::geo
