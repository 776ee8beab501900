// The lsm engine on the simulated disk, for the contract suite and for tests of its own.
#pragma once

#include <chrono>
#include <memory>
#include <thread>
#include <utility>

#include "engine_host.h"
#include "io/sim_disk.h"
#include "lsm/lsm_engine.h"
#include "lsm_file_system.h"

namespace cairn::testing {

// RocksDB on the simulated disk. Its threads are real, and so is the time it takes.
class SimulatedLsm final : public OnSimDisk<EngineUnderTest> {
 public:
  explicit SimulatedLsm(uint64_t seed) : OnSimDisk(seed), files_(NewDiskFileSystem(&disk_)) {}
  EngineOptions Options() const override {
    EngineOptions options;
    options.dir = "/data";
    options.cache_bytes = 1u << 20;
    options.any_value = true;
    for (const auto& [name, value] :
         {std::pair("rocksdb-write-buffer-size", "1mb"),
          std::pair("rocksdb-arena-block-size", "64kb"),
          std::pair("rocksdb-target-file-size-base", "1mb"),
          std::pair("rocksdb-max-bytes-for-level-base", "4mb"),
          std::pair("rocksdb-flush-threads", "1"), std::pair("rocksdb-compaction-threads", "1"),
          std::pair("lsm-read-threads", "2")})
      options.own.push_back({name, value});
    return options;
  }
  std::unique_ptr<Engine> NewEngine() override {
    lsm::LsmEngine::Tuning tuning;
    tuning.file_system = files_;
    tuning.reserve_bytes = 64u << 10;
    tuning.staged_bytes_max = 1u << 20;
    return std::make_unique<lsm::LsmEngine>(tuning);
  }
  void Die(Engine* engine) override {
    static_cast<lsm::LsmEngine*>(engine)->AbandonForTest();
    disk_.PowerOn();
  }
  bool in_real_time() const override { return true; }
  bool single_stream() const override { return true; }
  void Cool(Engine* engine) override {
    const uint64_t wanted = engine->RequestSave();
    while (engine->Saves().done < wanted) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  void AwaitDue(Engine* engine, uint64_t now_ms) override {
    static_cast<lsm::LsmEngine*>(engine)->AwaitDueForTest(now_ms);
  }
  bool Crash() override { return disk_.PowerOff(), true; }

 private:
  std::shared_ptr<rocksdb::FileSystem> files_;
};

}  // namespace cairn::testing
