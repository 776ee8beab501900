// Seeded schedules of the vlog engine over the simulated disk, against a model. Reproduce one with
//   CAIRN_SIM_SEED=<seed> CAIRN_SIM_RUNS=1 native-tests -tc="vlog sim*"
#include "environment.h"
#include "vlog_sim_schedule.h"

using namespace cairn;
using namespace cairn::testing;

TEST_CASE("vlog sim: seeded schedules of writes, expiries, faults and crashes" *
          doctest::test_suite("long")) {
  const uint64_t first = FromEnvironment("CAIRN_SIM_SEED", 1);
  const uint64_t runs = FromEnvironment("CAIRN_SIM_RUNS", Runs(450));
  Tally sum;
  uint64_t operations = 0;
  for (uint64_t seed = first; seed < first + runs; ++seed) {
    INFO("CAIRN_SIM_SEED=" << seed << " CAIRN_SIM_RUNS=1");
    Schedule schedule(seed);
    schedule.Run();
    sum.Add(schedule.tally());
    operations += schedule.operations();
  }
  MESSAGE("seeds " << runs << ", simulated disk operations " << operations << "; segments recycled "
                   << sum.recycled << ", collected " << sum.collected << "; checkpoints "
                   << sum.checkpoints << ", damaged " << sum.rotten << "; expired keys removed "
                   << sum.removed << ", dropped by collection " << sum.dropped
                   << ", left out by a start " << sum.left_out << ", found again " << sum.returned
                   << "; room given back " << sum.given_back << ", steps with a stopped lane "
                   << sum.stopped << ", lone units " << sum.lone << ", the slowest answered after "
                   << sum.slowest_ms << " ms; moved to another device " << sum.moved
                   << "; pages written " << sum.pages << ", spaces dropped " << sum.spaces);
  if (runs >= 100) {
    CHECK(sum.recycled > runs / 2);
    CHECK(sum.collected > runs);
    CHECK(sum.checkpoints > runs);
    CHECK(sum.rotten > runs / 10);
    CHECK(sum.removed > runs);
    CHECK(sum.dropped > runs / 30);
    CHECK(sum.left_out > runs);
    CHECK(sum.returned > runs / 30);
    CHECK(sum.given_back > runs / 10);
    CHECK(sum.stopped > runs);
    CHECK(sum.lone > runs);
    CHECK(sum.moved > runs);
    CHECK(sum.pages > 10 * runs);
    CHECK(sum.spaces > runs / 2);
  }
}

TEST_CASE("vlog sim: a seed gives the same run again") {
  const uint64_t first = FromEnvironment("CAIRN_SIM_SEED", 1);
  for (uint64_t seed = first; seed < first + 3; ++seed) {
    Schedule one(seed);
    one.Run();
    Schedule other(seed);
    other.Run();
    CHECK_MESSAGE(one.Trace() == other.Trace(), "CAIRN_SIM_SEED=" << seed);
  }
}
