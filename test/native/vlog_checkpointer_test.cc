// When checkpoints are written, and what becomes of one, before a host that is none.
#include <doctest/doctest.h>

#include <string>
#include <utility>
#include <vector>

#include "io/sim_disk.h"
#include "vlog/checkpoint/checkpointer.h"
#include "vlog/log/manifest.h"

using namespace cairn;
using vlog::Checkpointer;
using vlog::CheckpointInfo;
using vlog::LogAmount;
using vlog::Pointer;
using vlog::SegmentSpace;

namespace {

constexpr uint64_t kMiB = 1u << 20;

struct FakeHost final : vlog::CheckpointHost {
  uint64_t Keys() const override { return keys; }
  LogAmount LogSoFar() const override { return log; }
  bool AnyLaneStopped() const override { return stopped; }
  Removals RemovalsKept() override { return removals; }
  bool NewestIsOfNow() override { return of_now; }

  LogAmount Begin(CheckpointInfo* info) override {
    CHECK(!underway);
    underway = true;
    info->id = next_id++;
    info->epoch = info->lanes = info->incarnation = 1;
    info->log_from = {4096};
    info->units = {1};
    return log;
  }
  std::vector<uint16_t> TreesOf(uint16_t shard) override {
    return shard == 7 ? std::vector<uint16_t>{3} : std::vector<uint16_t>();
  }
  bool Walk(uint16_t shard, uint16_t tree, std::string* from,
            vlog::CheckpointWriter* out) override {
    // A key per call, as far as there are any.
    const std::string key = from->empty() ? "a" : *from;
    out->Add(shard, tree, key, Pointer(), 0);
    *from = std::string(1, static_cast<char>(key[0] + 1));
    return key != "c";
  }
  void LookAtTrees(uint64_t*, std::vector<vlog::TreeEntry>*) override {}
  std::vector<uint64_t> StagedEnds() const override { return {8192}; }
  bool Durable(const std::vector<uint64_t>& ends, Status* status) override {
    CHECK(ends == std::vector<uint64_t>{8192});
    if (stopped) *status = Status(Code::kReadOnly, "a lane has stopped");
    return durable && status->ok();
  }
  Status Name(const CheckpointInfo& info, std::vector<uint32_t>* old) override {
    CHECK(underway);
    if (!name_status.ok()) return name_status;
    named.push_back(info);
    if (named.size() > 1) old->push_back(named[named.size() - 2].id);
    return Status();
  }
  void End() override { underway = false; }
  void IsolateThread() override {}
  void WakeMaintenance() override { ++woken; }
  void Notice(const std::string& text) override { notices.push_back(text); }

  uint64_t keys = 3;
  LogAmount log;
  Removals removals;
  bool stopped = false;
  bool of_now = false;
  bool durable = true;
  Status name_status;
  uint32_t next_id = 1;
  bool underway = false;
  uint32_t woken = 0;
  std::vector<CheckpointInfo> named;
  std::vector<std::string> notices;
};

struct Setting {
  Setting() : disk(SimOptions()), checkpointer(&host) {
    REQUIRE(disk.CreateDir("/data").ok());
    REQUIRE(space.Begin({.dir = "/data", .disk = &disk, .lanes = 1, .segment_bytes = kMiB}).ok());
  }
  void Open(bool by_itself, const CheckpointInfo* newest = nullptr) {
    checkpointer.Open({.dir = "/data",
                       .disk = &disk,
                       .space = &space,
                       .clock = &kSystemClock,
                       .by_itself = by_itself,
                       .has_thread = false},
                      newest);
    REQUIRE(checkpointer.Start());
  }
  std::vector<std::string> Names() {
    space.RemoveAll();
    return disk.List("/data").value();
  }

  SimDisk disk;
  SegmentSpace space;
  FakeHost host;
  Checkpointer checkpointer;
};

}  // namespace

TEST_CASE("vlog checkpointer: one that is asked for is written, awaited and named") {
  Setting one;
  one.Open(false);
  one.checkpointer.Service();
  CHECK(one.host.next_id == 1);  // nobody has asked
  const uint64_t request = one.checkpointer.Request();
  one.host.durable = false;
  for (int step = 0; step < 3; ++step) one.checkpointer.Service();
  CHECK(one.host.underway);
  CHECK(one.host.named.empty());
  CHECK(one.checkpointer.Stats().running);
  CHECK(one.checkpointer.Stats().done < request);
  one.host.durable = true;
  one.checkpointer.Service();
  CHECK(!one.host.underway);
  REQUIRE(one.host.named.size() == 1);
  CHECK(one.host.named[0].entries == 3);
  CHECK(one.host.woken == 1);
  const SaveStats stats = one.checkpointer.Stats();
  CHECK(!stats.running);
  CHECK(stats.done == request);
  CHECK(stats.last_ok);
  CHECK(stats.last_keys == 3);
  CHECK(stats.written == 1);
  CHECK(one.Names() == std::vector<std::string>{"0000000001.ckpt"});

  one.checkpointer.Request();
  for (int step = 0; step < 2; ++step) one.checkpointer.Service();
  CHECK(one.Names() == std::vector<std::string>{"0000000002.ckpt"});  // the older one is gone
}

TEST_CASE("vlog checkpointer: one that fails goes, unless the manifest may name it") {
  Setting one;
  one.Open(false);
  one.checkpointer.Request();
  one.checkpointer.Service();
  one.host.stopped = true;  // what it has seen will not be durable
  one.host.durable = false;
  one.checkpointer.Service();
  CHECK(!one.host.underway);
  CHECK(!one.checkpointer.Stats().last_ok);
  CHECK(one.checkpointer.Stats().last_error == "a lane has stopped");
  CHECK(one.host.notices == std::vector<std::string>{"checkpoint: a lane has stopped"});
  CHECK(one.Names().empty());

  one.host.stopped = false;
  one.host.durable = true;
  one.host.name_status = Status(Code::kIoError, "no manifest");
  one.checkpointer.Request();
  for (int step = 0; step < 2; ++step) one.checkpointer.Service();
  CHECK(!one.checkpointer.Stats().last_ok);
  CHECK(one.Names() == std::vector<std::string>{"0000000002.ckpt"});
}

TEST_CASE("vlog checkpointer: it is due when a start would have to read much") {
  Setting one;
  CheckpointInfo newest;
  newest.created_ms = 77;
  newest.entries = 5;
  one.Open(true, &newest);
  CHECK(one.checkpointer.Stats().last_wall_ms == 77);
  CHECK(one.checkpointer.Stats().last_keys == 5);
  one.checkpointer.Service();
  CHECK(one.host.next_id == 1);
  one.host.log.bytes = 16ull << 30;
  one.host.stopped = true;
  one.checkpointer.Service();
  CHECK(one.host.next_id == 1);  // it would not count
  one.host.stopped = false;
  for (int step = 0; step < 2; ++step) one.checkpointer.Service();
  CHECK(one.host.named.size() == 1);
  for (int step = 0; step < 4; ++step) one.checkpointer.Service();
  CHECK(one.host.named.size() == 1);  // it counts from there
}

TEST_CASE("vlog checkpointer: the last one is written unless it would say nothing new") {
  Setting one;
  one.Open(true);
  one.host.of_now = true;
  CHECK(one.checkpointer.WriteFinal().ok());
  CHECK(one.host.named.empty());
  one.host.of_now = false;
  one.checkpointer.SkipFinal();
  CHECK(one.checkpointer.WriteFinal().ok());
  CHECK(one.host.named.empty());
  one.checkpointer.Close();
  one.Open(true);
  CHECK(one.checkpointer.WriteFinal().ok());
  CHECK(one.host.named.size() == 1);
  CHECK(!one.host.underway);
}
