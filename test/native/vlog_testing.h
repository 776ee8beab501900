// A small driver around the vlog engine for tests: one or more reactors in one thread, with helpers
// that run until durable.
#pragma once

#include <doctest/doctest.h>

#include <cstdlib>
#include <filesystem>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "base/clock.h"
#include "base/slot.h"
#include "engine/engine.h"
#include "engine_testing.h"
#include "io/disk.h"
#include "vlog/check.h"
#include "vlog/vlog_engine.h"

namespace cairn::testing {

class TempDir {
 public:
  TempDir() {
    std::string pattern = (std::filesystem::temp_directory_path() / "cairn-vlog-XXXXXX").string();
    path_ = mkdtemp(pattern.data());
  }
  ~TempDir() { std::filesystem::remove_all(path_); }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// Shows what it is set to.
struct ManualClock final : Clock {
  uint64_t WallMillis() const override { return wall_ms; }
  uint64_t wall_ms = 1700000000000;
};

inline void CheckIntact(const CheckReport& report) {
  for (const CheckFinding& finding : report.findings) {
    if (finding.kind == CheckFinding::Kind::kDamaged) {
      FAIL_CHECK(finding.file << " at offset " << finding.offset << ": " << finding.reason);
    }
  }
}

// An engine with `reactors` reactors that all run in the calling thread.
class Driver final : public EngineDriver<VlogEngine, VlogOptions> {
 public:
  static VlogOptions Options(const std::string& dir) {
    VlogOptions options;
    options.lanes_auto = false;
    options.dir = dir;
    options.reactors = 1;
    options.lanes = 2;
    options.segment_bytes = 1u << 20;
    options.wal_ring_bytes = 1u << 20;
    options.commit_batch_bytes = 128u << 10;
    options.cache_bytes = 1u << 20;
    return options;
  }

  Driver(Disk* disk, const VlogOptions& options, VlogTuning tuning = Inline())
      : EngineDriver(disk, options), tuning_(tuning) {}
  // The same for who knows the contract alone.
  static EngineOptions Texts(const std::string& dir) {
    EngineOptions options;
    options.dir = dir;
    options.cache_bytes = 1u << 20;
    options.any_value = true;
    options.own = {{"lanes", "2"},
                   {"segment-size", "1mb"},
                   {"wal-ring-size", "1mb"},
                   {"commit-batch-bytes", "128kb"}};
    return options;
  }
  static VlogTuning Inline() {
    VlogTuning tuning;
    tuning.inline_maintenance = true;
    tuning.recovery_threads = 1;
    tuning.salt = 0x5a17;
    tuning.gc = false;
    tuning.gc_segments_let_be = 0;
    tuning.free_bytes_min = 0;
    tuning.checkpoints = false;
    return tuning;
  }

 protected:
  std::unique_ptr<VlogEngine> Make() override { return std::make_unique<VlogEngine>(tuning_); }
  void Die(VlogEngine* dying) override { dying->AbandonForTest(); }
  bool HasThreads() const override { return !tuning_.inline_maintenance; }

 private:
  VlogTuning tuning_;
};

inline VlogStats StatsOf(const Driver& driver) {
  VlogStats stats;
  driver.engine->Stats(&stats);
  return stats;
}

}  // namespace cairn::testing
