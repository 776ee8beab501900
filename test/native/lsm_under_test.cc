// The lsm engine for the contract suite.
#include <memory>

#include "lsm_engine_testing.h"

namespace cairn::testing {

namespace {

const bool added = [] {
  EnginesUnderTest().push_back({"lsm",
                                [](uint64_t seed) -> std::unique_ptr<EngineUnderTest> {
                                  return std::make_unique<SimulatedLsm>(seed);
                                },
                                false});
  return true;
}();

}  // namespace

}  // namespace cairn::testing
