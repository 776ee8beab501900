// What the tests of room on the disk share.
#pragma once

#include <string>
#include <vector>

#include "io/sim_disk.h"
#include "vlog_testing.h"

namespace cairn::testing {

inline VlogOptions SpaceOptions() {
  VlogOptions options = Driver::Options("/data");
  options.lanes = 1;
  options.segment_bytes = 4u << 20;
  options.cache_bytes = 0;
  return options;
}

// Applies without waiting longer than `turns`.
inline Status Attempt(Driver* driver, const WriteOp& op, int turns = 200) {
  std::vector<Ticket> tickets;
  Status status;
  for (int i = 0; i < turns; ++i) {
    status = driver->TryApply({op}, &tickets);
    if (status.code() != Code::kBusy) break;
    driver->Turn(10);
  }
  for (int i = 0; status.ok() && !driver->Durable(tickets) && i < turns; ++i) driver->Turn(10);
  return status;
}

// Overwrites a few keys until a dead segment has become a spare that nobody needs yet.
inline void WriteUntilSpare(Driver* driver) {
  const std::string value(3000, 'a');
  for (int i = 0; i < 4000 && StatsOf(*driver).spare_segments == 0; ++i) {
    REQUIRE(driver->Write({driver->Put(0, "k" + std::to_string(i % 20), value)}).ok());
    driver->Turn(50);
  }
  REQUIRE(StatsOf(*driver).spare_segments == 1);
}

// Writes a value until the lane has made its next segment, so that maintenance leaves the disk
// alone.
inline void WriteAndRest(Driver* driver, const std::string& key) {
  for (const char* value : {"0", "1"}) REQUIRE(driver->Write({driver->Put(0, key, value)}).ok());
  for (int i = 0; i < 5; ++i) driver->Turn(10);
}

}  // namespace cairn::testing
