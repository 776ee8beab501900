// The lsm engine, beyond what the contract says: its reserve, waits that have an end.
#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <functional>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <vector>

#include "engine/figures.h"
#include "engine_host.h"
#include "lsm/rocksdb_options.h"
#include "lsm_engine_testing.h"

using namespace cairn;
using namespace cairn::testing;

namespace {

constexpr int kMany = 600;

std::string Key(int i) { return "key" + std::to_string(1000 + i); }
// Of a kilobyte that no compression makes smaller.
std::string Value(int i, int version) {
  std::mt19937_64 random(static_cast<uint64_t>(i) * 1000 + static_cast<uint64_t>(version));
  std::string value(1000, 0);
  for (char& c : value) c = static_cast<char>(random());
  return value;
}

std::vector<std::string> Tables(SimDisk* disk) {
  std::vector<std::string> tables;
  const std::vector<std::string> names = disk->List("/data/rocksdb").value();
  for (const std::string& name : names) {
    if (name.ends_with(".sst")) tables.push_back("/data/rocksdb/" + name);
  }
  return tables;
}

Status Compact(EngineHost* host) {
  const std::string_view words[] = {"compact"};
  std::string reply;
  return host->engine->Command(words, &reply);
}

void WriteAll(EngineHost* host, int version, int step) {
  for (int i = 0; i < kMany; i += step) host->Set(0, Key(i), Value(i, version));
  host->Settle();
}

EngineHost::Change SmallTables() {
  return [](EngineOptions* options) {
    options->cache_bytes = 0;
    SetOwn(options, "rocksdb-target-file-size-base", "64kb");
  };
}

// One table in the middle becomes unreadable, perhaps for once only, and a compaction meets it.
void CompactUnreadable(const std::function<void(SimDisk*, const std::string&)>& damage) {
  SimulatedLsm medium(1);
  EngineHost host(&medium, SmallTables());
  WriteAll(&host, 1, 1);
  REQUIRE(Compact(&host).ok());
  const std::vector<std::string> tables = Tables(medium.disk());
  REQUIRE(tables.size() >= 5);
  WriteAll(&host, 2, 7);  // over all of them
  host.Reopen();          // nothing of them is in memory
  damage(medium.disk(), tables[tables.size() / 2]);

  const Status compacted = Compact(&host);
  INFO(compacted.message());
  CHECK_FALSE(compacted.ok());
  int unreadable = 0;
  const auto look = [&](int version, int step) {
    unreadable = 0;
    for (int i = 0; i < kMany; ++i) {
      Status status;
      const std::optional<std::string> value = host.Get(0, Key(i), &status);
      unreadable += status.ok() ? 0 : 1;
      if (!status.ok()) continue;
      REQUIRE(value.has_value());  // never missing
      CHECK(*value == Value(i, i % step == 0 ? version : i % 7 == 0 ? 2 : 1));
    }
  };
  look(2, 7);
  CHECK(host.engine->State(0) == StreamState::kRunning);
  WriteAll(&host, 3, 5);
  look(3, 5);
  CHECK_FALSE(Compact(&host).ok());
  bool told = false;
  for (const std::string& notice : host.engine->TakeNotices())
    told |= notice.find("compactions are stopped until a restart") != std::string::npos;
  CHECK(told);
  FigureList figures;
  host.engine->Figures(FigureInput(), &figures);
  bool shown = false;
  for (const Figure& figure : figures.all())
    shown |= figure.row.info == std::string_view("compaction_state") && figure.text == "stopped";
  CHECK(shown);
}

}  // namespace

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

TEST_CASE("lsm compaction: one that meets an unreadable file stops compactions, and nothing else") {
  SUBCASE("a block in the middle") {
    CompactUnreadable([](SimDisk* disk, const std::string& table) {
      disk->FlipBit(table, FileBytes(disk, table) / 2);
    });
  }
  SUBCASE("the first block") {
    CompactUnreadable([](SimDisk* disk, const std::string& table) { disk->FlipBit(table, 20); });
  }
  for (const uint32_t skip : {0, 1, 2, 3, 5}) {  // whatever it reads first
    SUBCASE("read errors") {
      CompactUnreadable([&](SimDisk* disk, const std::string& table) {
        disk->Inject({.op = SimOp::kRead, .path = table, .skip = skip, .times = 1, .error = EIO});
      });
    }
  }
}
