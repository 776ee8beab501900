// Garbage collection step by step, over the simulated disk. What random schedules find is in
// vlog_sim_test.cc; here is what must happen, one thing at a time.
#include <chrono>
#include <functional>
#include <thread>

#include "io/sim_disk.h"
#include "vlog_testing.h"

using namespace cairn;
using namespace cairn::testing;

namespace {

VlogOptions GcOptions() {
  VlogOptions options = Driver::Options("/data");
  options.lanes = 1;
  options.segment_bytes = 128u << 10;
  options.cache_bytes = 0;
  options.gc_mode = GcMode::kAggressive;
  options.gc_space_amplification = 110;
  return options;
}

VlogTuning GcTuning(bool gc = true) {
  VlogTuning tuning = Driver::Inline();
  tuning.gc = gc;
  return tuning;
}

std::string Value(int i, size_t bytes = 900) {
  return std::string(bytes, static_cast<char>('a' + i % 26)) + std::to_string(i);
}
std::string Key(int i) { return "key" + std::to_string(i); }

// Fills several segments with keys [0, keys), and overwrites or deletes all but every `keep`th.
void Churn(Driver* driver, int keys, int keep) {
  driver->engine->PauseGc(true);
  for (int i = 0; i < keys; ++i) REQUIRE(driver->Write({driver->Put(0, Key(i), Value(i))}).ok());
  for (int i = 0; i < keys; ++i) {
    if (i % keep == 0) continue;
    REQUIRE(driver->Write({driver->Del(0, Key(i))}).ok());
  }
  driver->engine->PauseGc(false);
}

void CheckChurned(Driver* driver, int keys, int keep) {
  for (int i = 0; i < keys; ++i) {
    const auto got = driver->Get(0, Key(i));
    if (i % keep == 0) {
      REQUIRE_MESSAGE(got.has_value(), Key(i) << " is gone");
      CHECK(*got == Value(i));
    } else {
      CHECK_MESSAGE(!got.has_value(), Key(i) << " came back");
    }
  }
  CHECK(driver->engine->CheckAccountsForTest() == "");
}

void Collect(Driver* driver, int turns = 100) {
  for (int i = 0; i < turns; ++i) driver->Turn(1000);
}

struct Hook {
  GcPoint at;
  std::function<void()> act;
  int calls = 0;
  static void Call(void* context, GcPoint point) {
    auto* hook = static_cast<Hook*>(context);
    if (point != hook->at || hook->act == nullptr) return;
    const std::function<void()> act = std::move(hook->act);  // once
    hook->act = nullptr;
    ++hook->calls;
    act();
  }
};

}  // namespace

TEST_CASE("vlog gc: what lives moves, the space comes back, and a crash changes nothing") {
  SimDisk disk{SimOptions()};
  Driver driver(&disk, GcOptions(), GcTuning());
  REQUIRE(driver.Start().ok());
  Churn(&driver, 1500, 10);
  const uint64_t before = disk.UsedBytes();
  Collect(&driver);
  const VlogStats stats = StatsOf(driver);
  CHECK(stats.lanes[0].gc_segments >= 5);
  CHECK(stats.lanes[0].gc_moved_bytes >= 100 * 900);
  CHECK(stats.gc_written_bytes >= stats.lanes[0].gc_moved_bytes);
  CHECK(disk.UsedBytes() < before / 2);
  CheckChurned(&driver, 1500, 10);
  driver.Abandon();
  disk.Crash();
  Driver again(&disk, GcOptions(), GcTuning());
  REQUIRE(again.Start().ok());
  CheckChurned(&again, 1500, 10);
}

TEST_CASE("vlog gc: a delete outlives the segment it lies in while an older put may be read") {
  SimDisk disk{SimOptions()};
  {
    // The first segment has something that lives, and the put; the delete lies far behind it.
    Driver driver(&disk, GcOptions(), GcTuning(false));
    REQUIRE(driver.Start().ok());
    for (int i = 0; i < 200; ++i) REQUIRE(driver.Write({driver.Put(0, Key(i), Value(i))}).ok());
    REQUIRE(driver.Write({driver.Put(0, "victim", "old")}).ok());
    for (int i = 0; i < 400; ++i) REQUIRE(driver.Write({driver.Put(0, "x", Value(i))}).ok());
    REQUIRE(driver.Write({driver.Del(0, "victim")}).ok());
    for (int i = 0; i < 400; ++i) REQUIRE(driver.Write({driver.Put(0, "x", Value(i))}).ok());
    REQUIRE(driver.Stop().ok());
  }
  {
    Driver driver(&disk, GcOptions(), GcTuning());
    REQUIRE(driver.Start().ok());
    for (int i = 0; i < 300; ++i) REQUIRE(driver.Write({driver.Put(0, "x", Value(i))}).ok());
    Collect(&driver);
    CHECK(StatsOf(driver).lanes[0].gc_segments >= 1);
    driver.Abandon();
    disk.Crash();
  }
  Driver driver(&disk, GcOptions(), GcTuning());
  REQUIRE(driver.Start().ok());
  CHECK(!driver.Get(0, "victim").has_value());
  for (int i = 0; i < 200; ++i) CHECK(driver.Get(0, Key(i)) == Value(i));
}

TEST_CASE("vlog gc: a write in the gap between reading liveness and publishing wins") {
  for (const GcPoint point : {GcPoint::kJudged, GcPoint::kWritten}) {
    SimDisk disk{SimOptions()};
    Hook hook{point, nullptr};
    VlogTuning tuning = GcTuning();
    tuning.gc_hook = &Hook::Call;
    tuning.gc_context = &hook;
    Driver driver(&disk, GcOptions(), tuning);
    REQUIRE(driver.Start().ok());
    std::vector<Ticket> tickets;
    hook.act = [&] {
      for (int i = 0; i < 1500; i += 10) {
        std::vector<Ticket> more;
        const Status status = i % 20 == 0
                                  ? driver.TryApply({driver.Del(0, Key(i))}, &more)
                                  : driver.TryApply({driver.Put(0, Key(i), "newer")}, &more);
        if (status.ok()) tickets.insert(tickets.end(), more.begin(), more.end());
      }
    };
    Churn(&driver, 1500, 10);
    Collect(&driver);
    CHECK(hook.calls == 1);
    CHECK(driver.Durable(tickets));
    const auto check = [&](Driver* at) {
      uint32_t newer = 0;
      for (int i = 0; i < 1500; i += 10) {
        const auto got = at->Get(0, Key(i));
        if (i % 20 == 0) {
          CHECK_MESSAGE(!got.has_value(), Key(i) << " came back");
        } else {
          CHECK(got == "newer");
          newer += 1;
        }
      }
      CHECK(newer == 75);
    };
    check(&driver);
    driver.Abandon();
    disk.Crash();
    Driver again(&disk, GcOptions(), GcTuning());
    REQUIRE(again.Start().ok());
    check(&again);
  }
}

TEST_CASE("vlog gc: an expiry in the gap is not lost, and goes into the copy later") {
  SimDisk disk{SimOptions()};
  Hook hook{GcPoint::kWritten, nullptr};
  VlogTuning tuning = GcTuning();
  tuning.gc_hook = &Hook::Call;
  tuning.gc_context = &hook;
  Driver driver(&disk, GcOptions(), tuning);
  REQUIRE(driver.Start().ok());
  constexpr uint64_t kThen = 1ull << 50;
  hook.act = [&] {
    std::vector<Ticket> tickets;
    for (int i = 0; i < 1500; i += 10)
      REQUIRE(driver.TryApply({driver.Expire(0, Key(i), kThen + i)}, &tickets).ok());
  };
  Churn(&driver, 1500, 10);
  Collect(&driver);
  CHECK(hook.calls == 1);
  // Much more of other keys, so that the expiries' segment is collected as well.
  for (int i = 0; i < 600; ++i) REQUIRE(driver.Write({driver.Put(0, "x", Value(i))}).ok());
  Collect(&driver);
  driver.Abandon();
  disk.Crash();
  Driver again(&disk, GcOptions(), GcTuning());
  REQUIRE(again.Start().ok());
  for (int i = 0; i < 1500; i += 10) CHECK(again.Meta(0, Key(i)).expire_at_ms == kThen + i);
  CheckChurned(&again, 1500, 10);
}

TEST_CASE("vlog gc: survivors that cannot be written are written elsewhere, nothing is lost") {
  SimDisk disk{SimOptions()};
  Driver driver(&disk, GcOptions(), GcTuning(false));
  REQUIRE(driver.Start().ok());
  Churn(&driver, 1500, 10);
  REQUIRE(driver.Stop().ok());
  Driver second(&disk, GcOptions(), GcTuning());
  REQUIRE(second.Start().ok());
  SimFaults faults;
  faults.write_error = 0.2;
  faults.sync_error = 0.2;
  disk.SetFaults(faults);
  for (int i = 0; i < 200; ++i) second.engine->Tick(0, second.now_ms += 1500);
  disk.SetFaults(SimFaults());
  Collect(&second);
  CheckChurned(&second, 1500, 10);
  CHECK(StatsOf(second).lanes[0].gc_segments >= 3);
  second.Abandon();
  disk.Crash();
  Driver again(&disk, GcOptions(), GcTuning());
  REQUIRE(again.Start().ok());
  CheckChurned(&again, 1500, 10);
}

TEST_CASE("vlog gc: a damaged segment stays, is told of, and the rest is collected") {
  SimDisk disk{SimOptions()};
  {
    Driver driver(&disk, GcOptions(), GcTuning(false));
    REQUIRE(driver.Start().ok());
    Churn(&driver, 1500, 10);
    driver.engine->RequestSave();
    for (int i = 0; i < 20; ++i) driver.Turn(100);
    REQUIRE(driver.engine->Saves().written == 1);
    REQUIRE(driver.Stop().ok());
  }
  disk.FlipBit(vlog::SegmentPath("/data", 2), 20000);
  Driver driver(&disk, GcOptions(), GcTuning());
  REQUIRE(driver.Start().ok());
  Collect(&driver);
  bool told = false;
  for (const std::string& notice : driver.engine->TakeNotices())
    told = told || notice.find("0000000002.vlog at offset") != std::string::npos;
  CHECK(told);
  CHECK(disk.Exists(vlog::SegmentPath("/data", 2)).value());
  CHECK(StatsOf(driver).lanes[0].gc_segments >= 3);
}

TEST_CASE("vlog gc: after FLUSHALL everything goes without being read") {
  SimDisk disk{SimOptions()};
  Driver driver(&disk, GcOptions(), GcTuning());
  REQUIRE(driver.Start().ok());
  for (int i = 0; i < 1500; ++i) REQUIRE(driver.Write({driver.Put(0, Key(i), Value(i))}).ok());
  const VlogStats before = StatsOf(driver);
  REQUIRE(driver.Write({driver.Flush(kAllNamespaces)}).ok());
  Collect(&driver);
  CHECK(StatsOf(driver).gc_read_bytes == before.gc_read_bytes);
  CHECK(StatsOf(driver).lanes[0].segments <= 3);
  CHECK(StatsOf(driver).lanes[0].gc_segments == before.lanes[0].gc_segments);
  CHECK(StatsOf(driver).lanes[0].gc_reclaimed_segments >= 5);
  CHECK(driver.engine->CheckAccountsForTest() == "");
}

TEST_CASE("vlog gc: what has expired is dropped, and does not return as what it was before") {
  SimDisk disk{SimOptions()};
  {
    Driver driver(&disk, GcOptions(), GcTuning(false));
    REQUIRE(driver.Start().ok());
    for (int i = 0; i < 300; ++i) REQUIRE(driver.Write({driver.Put(0, Key(i), "for ever")}).ok());
    for (int i = 0; i < 500; ++i) REQUIRE(driver.Write({driver.Put(0, "x", Value(i))}).ok());
    // Long past: nobody has looked at the keys since.
    for (int i = 0; i < 300; i += 2)
      REQUIRE(driver.Write({driver.Put(0, Key(i), Value(i), 1000)}).ok());
    for (int i = 0; i < 500; ++i) REQUIRE(driver.Write({driver.Put(0, "x", Value(i))}).ok());
    driver.Abandon();
    disk.Kill();
  }
  {
    Driver driver(&disk, GcOptions(), GcTuning());
    REQUIRE(driver.Start().ok());
    for (int i = 0; i < 300; ++i) REQUIRE(driver.Write({driver.Put(0, "x", Value(i))}).ok());
    Collect(&driver);
    CHECK(StatsOf(driver).lanes[0].gc_segments >= 1);
    driver.Abandon();
    disk.Crash();
  }
  Driver driver(&disk, GcOptions(), GcTuning());
  REQUIRE(driver.Start().ok());
  for (int i = 0; i < 300; ++i) {
    const auto got = driver.Get(0, Key(i));
    if (i % 2 == 0) {
      CHECK_MESSAGE(!got.has_value(), Key(i) << " came back");
    } else {
      CHECK(got == "for ever");
    }
  }
}

TEST_CASE("vlog gc: removals go once two checkpoints know them") {
  SimDisk disk{SimOptions()};
  Driver driver(&disk, GcOptions(), GcTuning());
  REQUIRE(driver.Start().ok());
  // Something old that lives, so that the deletes never are the first in the log.
  for (int i = 0; i < 200; ++i) REQUIRE(driver.Write({driver.Put(1, Key(i), Value(i))}).ok());
  for (int i = 0; i < 6000; ++i) {
    REQUIRE(driver.Write({driver.Put(0, Key(i), "short")}).ok());
    REQUIRE(driver.Write({driver.Del(0, Key(i))}).ok());
  }
  Collect(&driver);
  const uint64_t carried = StatsOf(driver).log_bytes;
  CHECK(carried > StatsOf(driver).log_live_bytes + 6000 * 32);
  for (int round = 0; round < 2; ++round) {
    driver.engine->RequestSave();
    Collect(&driver, 5);
  }
  CHECK(driver.engine->Saves().written == 2);
  for (int i = 0; i < 300; ++i) REQUIRE(driver.Write({driver.Put(0, "x", Value(i))}).ok());
  Collect(&driver);
  CHECK(StatsOf(driver).log_bytes < carried / 2);
  driver.Abandon();
  disk.Crash();
  Driver again(&disk, GcOptions(), GcTuning());
  REQUIRE(again.Start().ok());
  CHECK(again.engine->KeyCount(0) == 1);
  CHECK(again.engine->KeyCount(1) == 200);
}

namespace {

void Checkpoint(Driver* driver) {
  const uint64_t asked = driver->engine->RequestSave();
  for (int i = 0; i < 100 && driver->engine->Saves().done < asked; ++i) driver->Turn(1000);
  REQUIRE(driver->engine->Saves().last_ok);
}

}  // namespace

// A checkpoint names keys that expire later. They leave the index without a delete of their own,
// and then their segment goes: the next start must neither miss it nor bring anything back.
TEST_CASE("vlog gc: expired keys that a checkpoint knows") {
  for (const bool while_down : {true, false}) {
    CAPTURE(while_down);
    SimDisk disk{SimOptions()};
    VlogOptions options = GcOptions();
    options.segment_bytes = 64u << 10;
    VlogTuning tuning = GcTuning();
    tuning.expired_for_ms = 0;
    ManualClock clock;
    tuning.clock = &clock;
    const uint64_t soon = clock.wall_ms + 300;
    {
      Driver driver(&disk, options, tuning);
      REQUIRE(driver.Start().ok());
      driver.engine->PauseGc(true);
      REQUIRE(driver.Write({driver.Put(0, "stays", "x")}).ok());
      for (int i = 0; i < 40; ++i)
        REQUIRE(driver.Write({driver.Put(0, Key(i), Value(i, 4000), soon)}).ok());
      for (int i = 0; i < 40; ++i)
        REQUIRE(driver.Write({driver.Put(0, Key(100 + i), Value(i, 4000))}).ok());
      for (int i = 0; i < 40; ++i)
        REQUIRE(driver.Write({driver.Put(0, Key(100 + i), Value(i, 4000))}).ok());
      Checkpoint(&driver);
      Checkpoint(&driver);
      clock.wall_ms = soon;
      if (!while_down) {
        driver.engine->PauseGc(false);
        Collect(&driver);
        CHECK(driver.engine->KeyCount(0) < 81);  // some at least
      }
      driver.Abandon();
    }
    for (int life = 0; life < 3; ++life) {
      Driver driver(&disk, options, tuning);
      Result<RecoveryReport> report = driver.Start();
      REQUIRE_MESSAGE(report.ok(), report.status().message());
      CHECK(report.value().notices.empty());
      CHECK(report.value().keys == 41);
      Collect(&driver);
      for (int i = 0; i < 40; ++i) CHECK(driver.Get(0, Key(100 + i)) == Value(i, 4000));
      driver.Abandon();
      disk.Crash();
    }
  }
}

// A start leaves a key out that has expired, and a checkpoint knows that. Then the clock is set
// back, the key's segment goes, and the checkpoint is damaged: the log alone still has an older
// value.
TEST_CASE(
    "vlog gc: an expired key does not return as what it was before, with the clock set back") {
  SimDisk disk{SimOptions()};
  ManualClock clock;
  VlogTuning tuning = GcTuning();
  tuning.clock = &clock;
  const uint64_t now = clock.wall_ms;
  {
    Driver driver(&disk, GcOptions(), tuning);
    REQUIRE(driver.Start().ok());
    driver.engine->PauseGc(true);
    REQUIRE(driver.Write({driver.Put(0, "k", "old")}).ok());
    // Hardly any padding: only what is overwritten makes segments worth collecting.
    for (int i = 0; i < 100; ++i)
      REQUIRE(driver.Write({driver.Put(1, Key(i), Value(i, 8050))}).ok());
    REQUIRE(driver.Write({driver.Put(0, "k", "new", now + 60000)}).ok());
    for (int i = 0; i < 500; ++i) REQUIRE(driver.Write({driver.Put(0, "x", Value(i))}).ok());
    driver.Abandon();
  }
  clock.wall_ms = now + 3600000;
  {
    Driver driver(&disk, GcOptions(), tuning);
    REQUIRE(driver.Start().ok());
    driver.engine->PauseGc(true);
    CHECK(!driver.Meta(0, "k").found);
    Checkpoint(&driver);
    driver.Abandon();
  }
  clock.wall_ms = now;
  {
    Driver driver(&disk, GcOptions(), tuning);
    REQUIRE(driver.Start().ok());
    CHECK(!driver.Meta(0, "k").found);
    for (int i = 0; i < 300; ++i) REQUIRE(driver.Write({driver.Put(0, "x", Value(i))}).ok());
    Collect(&driver);
    CHECK(StatsOf(driver).lanes[0].gc_segments >= 2);
    driver.Abandon();
    disk.Crash();
  }
  bool found = false;
  const Result<vlog::Manifest> manifest = vlog::LoadManifest("/data", &disk, &found);
  REQUIRE(manifest.ok());
  REQUIRE(manifest.value().checkpoints.size() == 1);
  disk.FlipBit(vlog::CheckpointPath("/data", manifest.value().checkpoints[0].id), 100);
  Driver driver(&disk, GcOptions(), tuning);
  REQUIRE(driver.Start().ok());
  CHECK(!driver.Get(0, "k").has_value());
  CHECK(driver.engine->KeyCount(1) == 100);
}

TEST_CASE("vlog gc: a small log that is written to is let be, but for a need of space") {
  SimDisk disk{SimOptions()};
  VlogOptions options = GcOptions();
  options.gc_mode = GcMode::kLazy;
  VlogTuning tuning = GcTuning();
  tuning.gc_segments_let_be = 8;
  const uint64_t let_be = 8 * options.segment_bytes;
  Driver driver(&disk, options, tuning);
  REQUIRE(driver.Start().ok());
  // Something lives for long in every segment, so that none dies as a whole.
  int written = 0;
  const auto churn = [&](int writes) {
    for (const int end = written + writes; written < end; ++written) {
      const int key = written % 64 == 0 ? 100 + written / 64 : written % 40;
      REQUIRE(driver.Write({driver.Put(0, Key(key), Value(key))}).ok());
      driver.Turn(1);
    }
  };
  const auto used = [&] { return StatsOf(driver).log_bytes; };
  churn(1000);
  CHECK(used() > let_be / 2);
  CHECK(StatsOf(driver).gc_reads == 0);
  churn(3000);
  CHECK(StatsOf(driver).gc_reads > 0);
  CHECK(used() > let_be / 2);
  CHECK(used() < let_be + 3 * options.segment_bytes);
  SUBCASE("until nobody writes") {
    for (int i = 0; i < 4; ++i) driver.Turn(1000);
    CHECK(used() > let_be / 2);
    Collect(&driver);
    CHECK(used() < options.segment_bytes);
  }
  SUBCASE("until space is to be kept to") {
    driver.engine->SetGcMode(0, GcMode::kAggressive);
    churn(1500);
    CHECK(used() < 3 * options.segment_bytes);
  }
  SUBCASE("less if the disk is small") {
    disk.SetCapacity(disk.UsedBytes() + 5 * let_be);
    churn(1500);
    CHECK(used() < let_be * 7 / 8);
  }
  SUBCASE("not at all if the disk is about full") {
    disk.SetCapacity(disk.UsedBytes() + 40 * let_be);
    REQUIRE(driver.engine->SetOption("min-free-bytes", std::to_string(25 * let_be)).ok());
    churn(1500);
    CHECK(used() < 3 * options.segment_bytes);
  }
  CHECK(driver.engine->CheckAccountsForTest() == "");
}

// Garbage collection waits for something to become durable, a checkpoint waits for garbage
// collection, and then the engine is closed, so that nobody starts a sync any more.
TEST_CASE("vlog gc: Close ends what waits for what only it could end") {
  SimDisk disk{SimOptions()};
  VlogOptions options = GcOptions();
  options.segment_bytes = 64u << 10;
  options.fsync = FsyncPolicy::kNo;
  VlogTuning tuning;
  tuning.prepare_bytes = 0;
  Driver driver(&disk, options, tuning);
  REQUIRE(driver.Start().ok());
  driver.engine->PauseGc(true);
  const auto apply = [&](const WriteOp& op) {
    std::vector<Ticket> tickets;
    for (int i = 0; i < 10000; ++i) {
      const Status status = driver.TryApply({op}, &tickets);
      if (status.ok()) return;
      REQUIRE(status.code() == Code::kBusy);
      driver.Turn(60, 1);
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
    FAIL("busy for ever");
  };
  const std::string value(4000, 'v');
  for (int i = 0; i < 13; ++i) apply(driver.Put(0, Key(i), value));
  apply(driver.Put(0, "x", "1"));
  for (int i = 0; i < 14; ++i) apply(driver.Put(0, Key(0), value));
  apply(driver.Del(0, "x"));
  for (int i = 0; i < 60; ++i) apply(driver.Put(0, "t", value));
  for (int i = 0; i < 100; ++i) {
    driver.Turn(60, 1);
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  apply(driver.Put(0, "x", "2"));
  apply(driver.Del(0, "x"));
  driver.engine->PauseGc(false);
  std::this_thread::sleep_for(std::chrono::milliseconds(300));
  driver.engine->RequestSave();
  std::this_thread::sleep_for(std::chrono::milliseconds(100));
  CHECK(driver.Stop().ok());
}
