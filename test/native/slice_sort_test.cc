// Sorting in pieces.
#include "command/slice_sort.h"

#include <doctest/doctest.h>

#include <random>
#include <utility>
#include <vector>

namespace cairn {
namespace {

TEST_CASE("slice sort: sorts, and leaves equal items in their order") {
  std::mt19937 random(1);
  using Item = std::pair<uint32_t, size_t>;
  const auto less = [](const Item& a, const Item& b) { return a.first < b.first; };
  constexpr size_t kPiece = SliceSort<Item>::kPiece;
  for (const size_t count : {size_t{0}, size_t{1}, size_t{2}, kPiece - 1, kPiece, kPiece + 1,
                             2 * kPiece, 3 * kPiece, 5 * kPiece + 7, 8 * kPiece, 40 * kPiece + 1}) {
    CAPTURE(count);
    std::vector<Item> items;
    for (size_t i = 0; i < count; ++i) items.push_back({random() % 1000, i});
    std::vector<Item> sorted = items;
    std::stable_sort(sorted.begin(), sorted.end(), less);
    SliceSort<Item> sort(&items);
    size_t steps = 1;
    while (!sort.Step(less)) ++steps;
    CHECK(items == sorted);
    CHECK(steps <= (count / kPiece + 2) * 8);
    CHECK(sort.Step(less));
  }
}

}  // namespace
}  // namespace cairn
