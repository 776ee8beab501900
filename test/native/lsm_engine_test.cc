// The lsm engine, beyond what the contract says: its reserve, waits that have an end.
#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <string>
#include <thread>

#include "engine_host.h"
#include "lsm/rocksdb_options.h"
#include "lsm_engine_testing.h"

using namespace cairn;
using namespace cairn::testing;

TEST_CASE("lsm reserve: one that was cut short is made anew") {
  SimulatedLsm medium(1);
  EngineHost host(&medium);
  constexpr char kPath[] = "/data/reserve";
  const uint64_t whole = FileBytes(medium.disk(), kPath);
  CHECK(whole > 0);
  for (const uint64_t left : {uint64_t{0}, whole / 2}) {
    REQUIRE(host.Stop().ok());
    REQUIRE(medium.disk()->OpenDirect(kPath, Disk::Mode::kReadWrite).value()->Truncate(left).ok());
    host.Reopen();
    CHECK(host.Until([&] { return FileBytes(medium.disk(), kPath) == whole; }));
  }
  // On a disk without room for it there is none, and nobody thinks so.
  REQUIRE(host.Stop().ok());
  REQUIRE(medium.disk()->OpenDirect(kPath, Disk::Mode::kReadWrite).value()->Truncate(0).ok());
  host.Reopen([&](EngineOptions* options) { options->min_free_bytes = uint64_t{1} << 41; });
  CHECK(FileBytes(medium.disk(), kPath) == 0);
  CHECK(host.engine->State(0) == StreamState::kRefusing);
}

TEST_CASE("lsm flush: memtables that are to be merged are waited for by nobody") {
  EngineOptions given;
  SetOwn(&given, "rocksdb-min-write-buffer-number-to-merge", "3");
  const lsm::LsmOptions own = lsm::LsmOptions::From(given).value();
  CHECK(own.min_write_buffer_number_to_merge == 3);
  CHECK(lsm::RocksdbOptions(own, nullptr).min_write_buffer_number_to_merge == 1);

  SimulatedLsm medium(1);
  EngineHost host(&medium, [](EngineOptions* options) {
    SetOwn(options, "rocksdb-min-write-buffer-number-to-merge", "3");
    SetOwn(options, "rocksdb-max-write-buffer-number", "6");
  });
  std::atomic<uint64_t> compactions{0};
  std::atomic<bool> stop{false};
  std::thread compacting([&] {
    const std::string_view words[] = {"compact"};
    std::string reply;
    while (!stop) {
      CHECK(host.engine->Command(words, &reply).ok());
      ++compactions;
    }
  });
  const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
  for (int i = 0; i < 60; ++i) {
    host.Set(0, "key" + std::to_string(i), "value");
    const uint64_t wanted = host.engine->RequestSave();
    const uint64_t compacted = compactions;
    while (host.engine->Saves().done < wanted || compactions == compacted) {
      host.Pass(1);
      if (std::chrono::steady_clock::now() < deadline) continue;
      MESSAGE("a flush or a compaction waits for what never comes");
      std::_Exit(1);  // it would be waited for at the end, too
    }
  }
  stop = true;
  compacting.join();
}
