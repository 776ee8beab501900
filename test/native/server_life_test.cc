// The life of a server, ended at any point: a signal may come between any two calls, and during
// each.
#include <unistd.h>

#include <atomic>
#include <thread>

#include "server/server.h"
#include "vlog_testing.h"

using namespace cairn;
using namespace cairn::testing;

namespace {

ServerOptions OptionsFor(const TempDir& dir) {
  ServerOptions options;
  options.engine = Driver::Texts(dir.path() + "/data");
  options.engine.reactors = 2;
  options.io_backend = IoBackend::kThreads;
  options.disk_cpu = false;
  options.unix_path = dir.path() + "/socket";
  return options;
}

// Keys on two lanes, each overwritten often, so that the log takes longer than the checkpoint.
void Fill(const TempDir& dir, int writes, bool checkpoint) {
  std::unique_ptr<Disk> disk = NewPosixDisk(IoBackend::kThreads);
  VlogTuning tuning = Driver::Inline();
  tuning.checkpoints = checkpoint;
  Driver driver(disk.get(), Driver::Options(dir.path() + "/data"), tuning);
  REQUIRE(driver.Start().ok());
  for (int i = 0; i < writes; ++i) {
    std::vector<WriteOp> ops;
    std::vector<std::string> keys;
    for (int k = 0; k < 100; ++k) keys.push_back("key:" + std::to_string((i % 50) * 100 + k));
    for (const std::string& key : keys) ops.push_back(driver.Put(0, key, "value"));
    REQUIRE(driver.Write(ops).ok());
  }
  if (!checkpoint) driver.engine->SkipFinalSave();
  REQUIRE(driver.Stop().ok());
}

}  // namespace

TEST_CASE("server life: an open that is told to stop leaves everything as it was") {
  for (const bool checkpoint : {false, true}) {
    CAPTURE(checkpoint);
    TempDir dir;
    Fill(dir, 60, checkpoint);
    std::unique_ptr<Disk> disk = NewPosixDisk(IoBackend::kThreads);
    const std::atomic<bool> stop{true};
    VlogOptions options = Driver::Options(dir.path() + "/data");
    options.stop = &stop;
    for (int round = 0; round < 2; ++round) {
      Driver stopped(disk.get(), options);
      const Result<RecoveryReport> report = stopped.Start();
      REQUIRE_FALSE(report.ok());
      CHECK(report.status().code() == Code::kBusy);
    }
    Driver driver(disk.get(), Driver::Options(dir.path() + "/data"));
    const Result<RecoveryReport> report = driver.Start();
    REQUIRE_MESSAGE(report.ok(), report.status().message());
    CHECK(report.value().keys == 5000);
    CHECK((report.value().checkpoint_keys != 0) == checkpoint);
    CHECK(report.value().notices.empty());
  }
}

TEST_CASE("server life: a call at the wrong time is refused, not carried out") {
  TempDir dir;
  Server server(OptionsFor(dir));
  CHECK(server.Listen().status().message() == "not open");
  CHECK(server.Reload().status().message() == "not open");
  CHECK(server.Sync().ok());
  REQUIRE(server.Open().ok());
  CHECK(server.Open().status().message() == "open already");
  CHECK(server.Reload().status().message() == "not listening");
  CHECK(server.Sync().ok());
  REQUIRE(server.Listen().ok());
  CHECK(server.Listen().status().message() == "listening already");
  REQUIRE(server.Reload().ok());
  REQUIRE(server.Stop().ok());
  CHECK(server.Open().status().code() == Code::kBusy);
  CHECK(server.Listen().status().code() == Code::kBusy);
  CHECK(server.Reload().status().code() == Code::kBusy);
  CHECK(server.Clients().empty());
  CHECK(server.Sync().ok());
  CHECK(server.Stop().ok());
  CHECK_FALSE(std::filesystem::exists(dir.path() + "/socket"));
}

TEST_CASE("server life: stopped after no, one, or every step") {
  for (int steps = 0; steps <= 3; ++steps) {
    CAPTURE(steps);
    TempDir dir;
    Server server(OptionsFor(dir));
    if (steps >= 1) REQUIRE(server.Open().ok());
    if (steps >= 2) REQUIRE(server.Listen().ok());
    if (steps >= 3) REQUIRE(server.Reload().ok());
    CHECK(server.Stop().ok());
  }
}

TEST_CASE("server life: a stop that comes at any moment of a start") {
  TempDir dir;
  Fill(dir, 300, false);
  int early = 0;
  for (int round = 0; round < 20; ++round) {
    CAPTURE(round);
    Server server(OptionsFor(dir));
    std::thread signal([&server, round] {
      usleep(static_cast<useconds_t>(round) * 1000);
      server.RequestStop();
    });
    const Result<RecoveryReport> report = server.Open();
    Status status = report.status();
    if (status.ok()) status = server.Listen().status();
    signal.join();
    if (!status.ok()) {
      ++early;
      CHECK_MESSAGE(status.code() == Code::kBusy, status.message());
    }
    if (report.ok()) CHECK(report.value().keys == 5000);
    CHECK(server.Stop(false).ok());
  }
  CHECK(early > 0);
  Server server(OptionsFor(dir));
  const Result<RecoveryReport> report = server.Open();
  REQUIRE_MESSAGE(report.ok(), report.status().message());
  CHECK(report.value().keys == 5000);
}
