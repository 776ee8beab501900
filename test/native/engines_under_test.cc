// The engines that the contract suite runs on.
#include "engine_host.h"
#include "io/sim_disk.h"
#include "map_engine.h"
#include "vlog_testing.h"

namespace cairn::testing {

namespace {

class MapUnderTest final : public EngineUnderTest {
 public:
  MapUnderTest(uint64_t seed, bool cold) : cold_(cold), disk_(SimOptions()) {
    medium_.random.seed(seed);
  }
  EngineOptions Options() const override {
    EngineOptions options;
    options.cache_bytes = 1u << 20;
    options.any_value = true;
    return options;
  }
  void WantStreams(EngineOptions* options, uint32_t streams) const override {
    SetOwn(options, "streams", std::to_string(streams));
  }
  void WantSmallFiles(EngineOptions* options, uint32_t) const override {
    SetOwn(options, "staged-bytes", std::to_string(256u << 10));
  }
  std::unique_ptr<Engine> NewEngine() override {
    return std::make_unique<MapEngine>(&medium_, cold_);
  }
  void Die(Engine*) override {}
  Disk* disk() override { return &disk_; }
  bool single_stream() const override { return cold_; }
  bool Crash() override { return medium_.Crash(), true; }
  bool Kill() override { return medium_.Kill(), true; }
  bool SetFull(bool full) override { return medium_.full = full, true; }
  bool BreakWrites(bool broken) override { return medium_.broken = broken, true; }

 private:
  const bool cold_;
  MapMedium medium_;
  SimDisk disk_;  // of queues that nothing goes through
};

class VlogUnderTest : public EngineUnderTest {
 public:
  void WantStreams(EngineOptions* options, uint32_t streams) const override {
    SetOwn(options, "lanes", std::to_string(streams));
  }
  void WantSmallFiles(EngineOptions* options, uint32_t power) const override {
    SetOwn(options, "segment-size", std::to_string((64u << 10) << power));
    SetOwn(options, "wal-ring-size", "256kb");
    SetOwn(options, "commit-batch-bytes", "64kb");
  }
};

class SimulatedVlog final : public OnSimDisk<VlogUnderTest> {
 public:
  using OnSimDisk::OnSimDisk;
  EngineOptions Options() const override { return Driver::Texts("/data"); }
  std::unique_ptr<Engine> NewEngine() override {
    return std::make_unique<VlogEngine>(Driver::Inline());
  }
  void Die(Engine* engine) override { static_cast<VlogEngine*>(engine)->AbandonForTest(); }
  bool Crash() override { return disk_.Crash(), true; }
};

// With its threads, as the server has it.
class RealVlog final : public VlogUnderTest {
 public:
  EngineOptions Options() const override { return Driver::Texts(dir_.path() + "/data"); }
  std::unique_ptr<Engine> NewEngine() override { return std::make_unique<VlogEngine>(); }
  void Die(Engine* engine) override { static_cast<VlogEngine*>(engine)->AbandonForTest(); }
  Disk* disk() override { return disk_.get(); }
  bool in_real_time() const override { return true; }

 private:
  TempDir dir_;
  std::unique_ptr<Disk> disk_ = NewPosixDisk(IoBackend::kThreads);
};

}  // namespace

std::unique_ptr<EngineUnderTest> NewMapUnderTest(bool cold) {
  return std::make_unique<MapUnderTest>(1, cold);
}

std::vector<NamedEngine>& EnginesUnderTest() {
  using Made = std::unique_ptr<EngineUnderTest>;
  static std::vector<NamedEngine> engines = {
#if !defined(__SANITIZE_THREAD__)  // all of it on the thread of the test
    {"map", [](uint64_t seed) { return Made(std::make_unique<MapUnderTest>(seed, false)); }, true},
    {"cold map", [](uint64_t seed) { return Made(std::make_unique<MapUnderTest>(seed, true)); },
     true},
    {"vlog", [](uint64_t seed) { return Made(std::make_unique<SimulatedVlog>(seed)); }, true},
#endif
    {"vlog on disk", [](uint64_t) { return Made(std::make_unique<RealVlog>()); }, false},
  };
  return engines;
}

}  // namespace cairn::testing
