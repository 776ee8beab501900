// The lsm engine for the contract suite.
#include <chrono>
#include <memory>
#include <thread>

#include "engine_host.h"
#include "io/sim_disk.h"
#include "lsm/lsm_engine.h"
#include "lsm_file_system.h"

namespace cairn::testing {

namespace {

// RocksDB on the simulated disk. Its threads are real, and so is the time it takes.
class SimulatedLsm final : public EngineUnderTest {
 public:
  explicit SimulatedLsm(uint64_t seed) : disk_(Sim(seed)), files_(NewDiskFileSystem(&disk_)) {}
  EngineOptions Options() const override {
    EngineOptions options;
    options.dir = "/data";
    options.cache_bytes = 1u << 20;
    options.any_value = true;
    return options;
  }
  std::unique_ptr<Engine> NewEngine() override {
    lsm::LsmEngine::Tuning tuning;
    tuning.file_system = files_;
    tuning.staged_bytes_max = 1u << 20;
    tuning.settings = SmallSettings();
    return std::make_unique<lsm::LsmEngine>(tuning);
  }
  void Die(Engine* engine) override {
    static_cast<lsm::LsmEngine*>(engine)->AbandonForTest();
    disk_.PowerOn();
  }
  Disk* disk() override { return &disk_; }
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
  bool SetFull(bool full) override {
    disk_.SetCapacity(full ? disk_.UsedBytes() : uint64_t{1} << 40);
    return true;
  }
  bool BreakWrites(bool broken) override {
    SimFaults faults;
    faults.write_error = broken ? 1 : 0;
    disk_.SetFaults(faults);
    return true;
  }

 private:
  static SimOptions Sim(uint64_t seed) {
    SimOptions options;
    options.seed = seed;
    return options;
  }
  static lsm::Settings SmallSettings() {
    lsm::Settings settings;
    settings.write_buffer_bytes = 1u << 20;
    settings.arena_block_bytes = 64u << 10;
    settings.block_cache_bytes = 1u << 20;
    settings.block_cache_shard_bits = 0;
    settings.target_file_bytes = 1u << 20;
    settings.level_base_bytes = 4u << 20;
    settings.read_threads = 2;
    return settings;
  }
  SimDisk disk_;
  std::shared_ptr<rocksdb::FileSystem> files_;
};

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
