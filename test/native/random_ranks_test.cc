// Ranks at random.
#include "command/random_ranks.h"

#include <doctest/doctest.h>

#include <cstdlib>
#include <map>
#include <set>

namespace cairn {
namespace {

std::set<uint64_t> Drawn(uint64_t count, uint64_t wanted, SplitMix* random) {
  std::set<uint64_t> drawn;
  DifferentRanks ranks(count, wanted);
  while (!ranks.at_end()) {
    const uint64_t rank = ranks.Next(random);
    CHECK(rank < count);
    CHECK(drawn.insert(rank).second);
  }
  CHECK(drawn.size() == wanted);
  return drawn;
}

TEST_CASE("random ranks: as many as wanted, each once") {
  SplitMix random{1};
  CHECK(DifferentRanks().at_end());
  constexpr uint64_t kCounts[] = {0, 1, 2, 3, 100, 5000};
  for (const uint64_t count : kCounts) {
    for (const uint64_t wanted : {uint64_t{0}, count / 2, count}) Drawn(count, wanted, &random);
  }
}

TEST_CASE("random ranks: each set of them is as likely as any other") {
  constexpr int kRounds = 10'000, kSets = 10;  // 2 of 5
  SplitMix random{2};
  std::map<std::set<uint64_t>, int> times;
  for (int round = 0; round < kRounds; ++round) ++times[Drawn(5, 2, &random)];
  CHECK(times.size() == kSets);
  // Five deviations of a binomial distribution.
  for (const auto& [ranks, seen] : times) CHECK(std::abs(seen - kRounds / kSets) < 150);
}

}  // namespace
}  // namespace cairn
