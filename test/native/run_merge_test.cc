// Sorting by runs, and the texts that are kept beside.
#include "command/run_merge.h"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstdint>
#include <random>
#include <string>
#include <utility>
#include <vector>

namespace cairn {
namespace {

using Item = std::pair<uint32_t, size_t>;
struct ByFirst {
  int operator()(const Item& a, const Item& b) const {
    return static_cast<int>(a.first > b.first) - static_cast<int>(a.first < b.first);
  }
};
using Merge = RunMerge<Item, ByFirst>;

std::vector<Item> AllOf(Merge* merge) {
  std::vector<Item> all;
  for (Item item; merge->Next(&item);) all.push_back(item);
  return all;
}

TEST_CASE("run merge: sorts, leaves equal items in their order, and begins again") {
  std::mt19937 random(1);
  constexpr size_t kRun = Merge::kRunMax;
  for (const size_t count :
       {size_t{0}, size_t{1}, size_t{2}, kRun - 1, kRun, kRun + 1, 2 * kRun, 5 * kRun + 7}) {
    for (const uint32_t kinds : {1u, 1000u}) {
      CAPTURE(count);
      std::vector<Item> sorted;
      Merge merge;
      for (size_t i = 0; i < count; ++i) {
        sorted.push_back({random() % kinds, i});
        merge.Add(sorted.back());
      }
      std::sort(sorted.begin(), sorted.end());
      merge.Seal();
      CHECK(AllOf(&merge) == sorted);
      merge.Rewind();
      CHECK(AllOf(&merge) == sorted);
    }
  }
}

TEST_CASE("text blocks: texts stay as they were, large ones and empty ones, too") {
  TextBlocks blocks;
  std::vector<std::string> texts;
  std::vector<std::string_view> kept;
  for (size_t i = 0; i < 2000; ++i) {
    texts.push_back(std::string(i % 100 == 99 ? 100'000 : i % 97, static_cast<char>('a' + i % 26)));
    kept.push_back(blocks.Keep(texts.back()));
  }
  const TextBlocks moved = std::move(blocks);
  CHECK(std::vector<std::string_view>(texts.begin(), texts.end()) == kept);
}

}  // namespace
}  // namespace cairn
