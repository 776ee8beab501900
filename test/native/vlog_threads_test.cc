// Several reactors in threads of their own, over the real disk and its queues: for the thread
// sanitizer, and for the answer that counts, whether all is there after a restart.
#include <pthread.h>

#include <algorithm>
#include <map>
#include <random>
#include <thread>

#include "base/clock.h"
#include "io/sim_disk.h"
#include "vlog_testing.h"

using namespace cairn;
using namespace cairn::testing;

namespace {

constexpr int kRounds = 400;
constexpr int kKeysEach = 150;
constexpr uint64_t kPatienceMs = 80000;  // slow machines, too: what is waited for is an event

using Content = std::map<std::string, std::string>;

class Crew : public DurabilityListener {
 public:
  void OnDurable(uint32_t) override { calls.fetch_add(1); }
  std::atomic<uint64_t> calls{0};
};

class Reactor {
 public:
  Reactor(VlogEngine* engine, Disk* disk, uint32_t id)
      : engine_(engine), disk_(disk), id_(id), random_(id) {}

  void Run() {
    std::unique_ptr<IoQueue> queue = std::move(disk_->NewQueue(IoQueueOptions(), nullptr).value());
    queue_ = queue.get();
    engine_->AttachReactor(id_, queue_, &port_);
    for (int round = 0; round < kRounds; ++round) {
      const uint32_t units = 1 + Pick(8);
      for (uint32_t i = 0; i < units; ++i) WriteSomething();
      for (int i = 0; i < 4; ++i) WriteFleeting();
      Turn();
      LookAhead();
      for (int i = 0; i < 5; ++i) ReadSomething();
      if (round % 100 == 17) engine_->RequestSync(id_);
    }
    while (!Settled()) Turn();
    while (queue_->in_flight() != 0) Turn();
    engine_->DetachReactor(id_);
  }

  Content content;
  std::string failure;

 private:
  uint32_t Pick(uint32_t n) { return std::uniform_int_distribution<uint32_t>(0, n - 1)(random_); }
  std::string Key() { return "r" + std::to_string(id_) + ":" + std::to_string(Pick(kKeysEach)); }
  std::string NewValue() {
    const uint32_t kind = Pick(50);
    return std::string(kind == 0 ? Pick(200000) : Pick(300), static_cast<char>('a' + Pick(26)));
  }
  bool Settled() {
    std::erase_if(waiting_, [&](const Ticket& t) { return engine_->Durable(t); });
    return waiting_.empty();
  }
  void Turn() {
    queue_->Flush();
    queue_->Wait(1);
    engine_->TurnEnd(id_);
    engine_->Tick(id_, MonotonicMillis());
    Settled();
  }

  std::string FleetingKey() {
    return "f" + std::to_string(id_) + ":" + std::to_string(Pick(kKeysEach));
  }

  // Expires soon, and garbage collection drops it: nobody asks what became of it.
  void WriteFleeting() {
    const std::string key = FleetingKey();
    const std::string value(Pick(300), 'f');
    WriteOp op;
    op.kind = WriteKind::kPut;
    op.ns = 1;
    op.shard = ShardOf(key);
    op.key = key;
    op.value = value;
    op.expire_at_ms = WallMillis() + 1 + Pick(20);
    ApplyAll({op});
  }

  // As before a burst, in which keys come up more than once and some do not exist.
  void LookAhead() {
    for (const uint16_t ns : {0, 1, 1}) {
      std::vector<std::string> keys;
      std::vector<KeyHint> hints;
      for (uint32_t i = 1 + Pick(60); i > 0; --i) keys.push_back(ns == 0 ? Key() : FleetingKey());
      for (const std::string& key : keys) hints.push_back({key, ShardOf(key)});
      engine_->Prefetch(ns, hints);
    }
  }

  void WriteSomething() {
    const uint32_t count = Pick(4) == 0 ? 2 + Pick(4) : 1;
    std::vector<WriteOp> ops;
    std::map<std::string, std::string> values;
    for (uint32_t i = 0; i < count; ++i) values[Key()] = NewValue();
    for (const auto& [key, value] : values) {
      WriteOp op;
      op.kind = content.count(key) != 0 && Pick(4) == 0 ? WriteKind::kDelete : WriteKind::kPut;
      op.shard = ShardOf(key);
      op.key = key;
      op.value = op.kind == WriteKind::kPut ? std::string_view(value) : std::string_view();
      ops.push_back(op);
    }
    if (!ApplyAll(ops)) return;
    for (const WriteOp& op : ops) {
      if (op.kind == WriteKind::kPut) {
        content[std::string(op.key)] = op.value;
      } else {
        content.erase(std::string(op.key));
      }
    }
  }

  bool ApplyAll(const std::vector<WriteOp>& ops) {
    std::vector<uint16_t> shards;
    for (const WriteOp& op : ops) shards.push_back(op.shard);
    std::sort(shards.begin(), shards.end());
    shards.erase(std::unique(shards.begin(), shards.end()), shards.end());
    const uint64_t started = MonotonicMillis();
    for (;;) {
      std::vector<Ticket> tickets(engine_->lane_count());
      uint32_t got = 0;
      for (uint16_t shard : shards) engine_->ShardLatch(shard).Lock();
      Status status = engine_->Apply(id_, ops, tickets.data(), &got);
      for (uint16_t shard : shards) engine_->ShardLatch(shard).Unlock();
      if (status.ok()) {
        waiting_.insert(waiting_.end(), tickets.begin(), tickets.begin() + got);
        return true;
      }
      if (status.code() != Code::kBusy || MonotonicMillis() > started + kPatienceMs) {
        failure = "write: " + status.message();
        return false;
      }
      Turn();
    }
  }

  void ReadSomething() {
    const std::string key = Key();
    const uint16_t shard = ShardOf(key);
    const auto expected = content.find(key);
    Entry entry;
    Read read;
    {
      LatchGuard guard(engine_->ShardLatch(shard));
      engine_->Find(0, shard, key, true, &entry);
      if (entry.found != (expected != content.end())) failure = "found " + key;
      if (!entry.found) return;
      if (entry.resident) {
        if (entry.value != expected->second) failure = "value in memory of " + key;
        return;
      }
      read.version = entry.version;
      engine_->Fetch(id_, 0, shard, key, &read);
    }
    while (!read.status) Turn();
    if (!read.status->ok()) {
      failure = "read: " + read.status->message();
    } else if (read.value() != expected->second) {
      failure = "value on disk of " + key;
    }
  }

  VlogEngine* const engine_;
  Disk* const disk_;
  const uint32_t id_;
  IoQueue* queue_ = nullptr;
  Port port_;
  std::mt19937 random_;
  std::vector<Ticket> waiting_;
};

}  // namespace

// With garbage collection and checkpoints at work all the time, by threads of their own: to those a
// single reactor is as much company as several are.
TEST_CASE("vlog threads: reactors at once, and everything in the background") {
  struct Case {
    uint32_t reactors;
    FsyncPolicy policy;
    bool killed;
  };
  TempDir dir;
  int number = 0;
  for (const auto& [reactor_count, policy, killed] :
       {Case{3, FsyncPolicy::kAlways, false}, Case{3, FsyncPolicy::kEverySecond, false},
        Case{3, FsyncPolicy::kAlways, true}, Case{1, FsyncPolicy::kEverySecond, false}}) {
    CAPTURE(number);
    std::unique_ptr<Disk> disk = NewPosixDisk(IoBackend::kAuto);
    VlogOptions options = Driver::Options(dir.path() + "/data" + std::to_string(number++));
    options.reactors = reactor_count;
    options.lanes = 2;
    options.segment_bytes = 512u << 10;
    options.gc_mode = GcMode::kAggressive;
    options.gc_max_parallel = 2;
    options.gc_space_amplification = 110;
    options.cache_bytes = 64u << 10;
    options.fsync = policy;
    Content content;
    Crew crew;
    {
      VlogTuning tuning;
      tuning.expired_for_ms = 0;
      VlogEngine engine(tuning);
      REQUIRE(engine.Open(options, disk.get(), &crew).ok());
      std::vector<std::unique_ptr<Reactor>> reactors;
      std::vector<std::thread> threads;
      for (uint32_t i = 0; i < reactor_count; ++i) {
        reactors.push_back(std::make_unique<Reactor>(&engine, disk.get(), i));
        threads.emplace_back([reactor = reactors.back().get()] { reactor->Run(); });
      }
      for (int i = 0; i < 20; ++i) {
        VlogStats stats;
        engine.Stats(&stats);
        CHECK(stats.lanes.size() == 2);
        if (i % 3 == 0) engine.RequestSave();
        if (i % 7 == 0) engine.SetGcMode(i % 2, i % 3 == 0 ? GcMode::kLazy : GcMode::kAggressive);
        if (i == 11) engine.PauseGc(true);
        if (i == 13) engine.PauseGc(false);
        (void)engine.TakeNotices();
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
      }
      for (std::thread& thread : threads) thread.join();
      for (const auto& reactor : reactors) {
        CHECK(reactor->failure == "");
        content.insert(reactor->content.begin(), reactor->content.end());
      }
      CHECK(engine.KeyCount(0) == content.size());
      VlogStats stats;
      engine.Stats(&stats);
      CHECK(stats.lanes[0].gc_segments + stats.lanes[1].gc_segments > 0);
      CHECK(stats.gc_written_bytes > 0);
      const SaveStats checkpoint = engine.Saves();
      CHECK(checkpoint.written > 0);
      CHECK_MESSAGE(checkpoint.last_ok, checkpoint.last_error);
      if (killed) {
        engine.AbandonForTest();
      } else {
        CHECK(engine.Close().ok());
      }
    }
    CHECK(crew.calls > 0);
    options.reactors = 1;
    Driver driver(disk.get(), options, VlogTuning());
    Result<RecoveryReport> report = driver.Start();
    REQUIRE_MESSAGE(report.ok(), report.status().message());
    CHECK(driver.engine->KeyCount(0) == content.size());
    for (const auto& [key, value] : content) {
      const auto got = driver.Get(0, key);
      REQUIRE(got.has_value());
      CHECK(*got == value);
    }
    CHECK(driver.Stop().ok());
  }
}

namespace {

// While it lives no thread can start: there is no room for a stack as large as the default.
class NoMoreThreads {
 public:
  NoMoreThreads() {
    REQUIRE(pthread_getattr_default_np(&before_) == 0);
    pthread_attr_t huge;
    REQUIRE(pthread_getattr_default_np(&huge) == 0);
    REQUIRE(pthread_attr_setstacksize(&huge, size_t{1} << 47) == 0);
    REQUIRE(pthread_setattr_default_np(&huge) == 0);
    pthread_attr_destroy(&huge);
  }
  ~NoMoreThreads() {
    pthread_setattr_default_np(&before_);
    pthread_attr_destroy(&before_);
  }

 private:
  pthread_attr_t before_;
};

void WaitAwhile(Driver* driver) {
  driver->Turn(10, 1);
  std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

}  // namespace

TEST_CASE("vlog threads: what the system has no thread for is done with fewer") {
  SimDisk disk{SimOptions()};
  VlogOptions options = Driver::Options("/data");
  options.segment_bytes = 128u << 10;
  options.cache_bytes = 0;
  options.gc_mode = GcMode::kAggressive;
  options.gc_max_parallel = 3;
  options.gc_space_amplification = 110;
  const auto key = [](int i) { return "key" + std::to_string(i); };
  const std::string value(900, 'v');
  constexpr int kKeys = 1500;
  {
    Driver driver(&disk, options, VlogTuning());
    REQUIRE(driver.Start().ok());
    driver.engine->PauseGc(true);
    for (int i = 0; i < kKeys; ++i) REQUIRE(driver.Write({driver.Put(0, key(i), value)}).ok());
    for (int i = 0; i < kKeys; ++i) {
      if (i % 10 != 0) REQUIRE(driver.Write({driver.Del(0, key(i))}).ok());
    }
    const NoMoreThreads none;
    driver.engine->PauseGc(false);
    const auto collected = [&] {
      const VlogStats stats = StatsOf(driver);
      return stats.lanes[0].gc_segments + stats.lanes[1].gc_segments;
    };
    const uint64_t deadline = MonotonicMillis() + kPatienceMs;
    while (collected() < 5 && MonotonicMillis() < deadline) WaitAwhile(&driver);
    CHECK(collected() >= 5);
    int told = 0;
    for (const std::string& notice : driver.engine->TakeNotices())
      told += notice.find("refuses another thread") != std::string::npos ? 1 : 0;
    CHECK(told == 1);
    driver.engine->RequestSave();
    while (driver.engine->Saves().done == 0 && MonotonicMillis() < deadline) WaitAwhile(&driver);
    CHECK(driver.engine->Saves().last_ok);
    REQUIRE(driver.Write({driver.Put(0, "last", value)}).ok());
    driver.Abandon();
  }
  // So are the loading of a checkpoint and the replay of the log behind it.
  VlogTuning tuning = Driver::Inline();
  tuning.recovery_threads = 4;
  Driver driver(&disk, options, tuning);
  const NoMoreThreads none;
  const Result<RecoveryReport> report = driver.Start();
  REQUIRE_MESSAGE(report.ok(), report.status().message());
  CHECK(report.value().keys == kKeys / 10 + 1);
  for (int i = 0; i < kKeys; ++i) CHECK(driver.Get(0, key(i)).has_value() == (i % 10 == 0));
}

TEST_CASE("vlog threads: what a checkpoint wrote is read again at its pace") {
  SimDisk disk{SimOptions()};
  VlogOptions options = Driver::Options("/data");
  options.checkpoint_bytes_per_second = 1;  // which is to say, as slow as it gets: 1 MiB
  VlogTuning tuning;
  tuning.checkpoints = false;  // but for the one that is asked for
  Driver driver(&disk, options, tuning);
  REQUIRE(driver.Start().ok());
  // Not so much that the writing, too, takes its time.
  for (int i = 0; i < 30; ++i)
    REQUIRE(
        driver.Write({driver.Put(0, std::string(60000, static_cast<char>('0' + i)), "v")}).ok());
  driver.engine->RequestSave();
  const auto stats = [&] { return driver.engine->Saves(); };
  while (stats().written_bytes == 0) WaitAwhile(&driver);
  const uint64_t written_ms = MonotonicMillis();
  while (stats().done == 0) WaitAwhile(&driver);
  CHECK(stats().last_ok);
  CHECK(MonotonicMillis() - written_ms >= 150);  // for 1.8 MB
}
