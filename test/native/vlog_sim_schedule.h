// One seeded schedule of the vlog engine over the simulated disk; see vlog_sim_test.cc.
//
// The model keeps, per lane, the list of units (atomic writes) in log order. After a crash the
// state found must be that of a prefix of each lane's list which contains everything acknowledged
// or observed, and no transaction in part. Keys expire by a wall clock that is set forwards and
// backwards meanwhile; vlog_sim_model.h says what follows.
//
// Liveness. Once faults have ended, what was applied is durable, and what is asked for is applied,
// within kAnswerMs of simulated time, however large the one and however long nobody wrote before:
// with no other traffic, for news that only comes with other traffic is news that nobody owes.
#pragma once

#include <cstdio>
#include <map>
#include <random>
#include <set>

#include "io/sim_disk.h"
#include "vlog_sim_compare.h"
#include "vlog_sim_model.h"
#include "vlog_sim_pages.h"

namespace cairn::testing {

class Schedule {
 public:
  explicit Schedule(uint64_t seed)
      : seed_(seed), random_(seed), model_(clock_, tuning_.expired_for_ms) {
    SimOptions options;
    options.seed = seed;
    options.delay_max = 1 + Pick(6);
    disk_ = std::make_unique<SimDisk>(options);
    if (Pick(4) == 0) Move();
    tuning_ = Driver::Inline();
    tuning_.prepare_bytes = Pick(3) == 0 ? 0 : 4096u << Pick(4);
    tuning_.prepare_gap = 4096u * Pick(3);
    tuning_.overlap_bytes = Pick(2) == 0 ? 0 : 512u << Pick(5);
    tuning_.gc = Pick(4) != 0;
    tuning_.checkpoints = Pick(3) == 0;
    if (Pick(2) == 0) tuning_.segment_bytes_min = (8u << 10) << Pick(4);
    if (Pick(2) == 0) tuning_.gc_segments_let_be = Pick(5);
    tuning_.idle_room_bytes = Pick(3) == 0 ? 4u << 20 : 4096u << Pick(4);
    tuning_.clock = &clock_;
    static constexpr uint32_t kSteps[] = {0, 40, 40, 400};
    checkpoint_steps_ = kSteps[Pick(4)];
    sweeps_ = Pick(3) == 0;
    pages_.on = Pick(2) == 0;
    tuning_.pages_per_slice = 1 + Pick(3);
    tuning_.gc_hook = [](void* context, GcPoint) { static_cast<Schedule*>(context)->Meanwhile(); };
    tuning_.gc_context = this;
    model_.Rebase({State()}, 1);
  }

  const Tally& tally() const { return tally_; }
  uint64_t operations() const { return disk_->operations(); }
  // Equal for equal runs: of all disk operations, and all that was picked.
  uint64_t Trace() { return disk_->TraceHash() ^ random_() ^ clock_.MonotonicNanos(); }

  void Run() {
    const uint32_t lives = 2 + Pick(4);
    for (uint32_t life = 0; life < lives; ++life) {
      Configure();
      if (!Begin()) continue;
      living_ = true;
      Live();
      living_ = false;
      End();
    }
    Configure();
    Begin();
    if (driver_ != nullptr) {
      REQUIRE(driver_->Stop().ok());
      driver_.reset();
      uint64_t keys = 0;
      uint64_t bytes = 0;
      uint64_t pages = 0;
      for (const State& state : model_.now) {
        for (const auto& [at, cell] : state.cells) {
          if (model_.Expired(cell)) continue;
          if (IsOfPages(at.first)) {
            pages += 1;
            continue;
          }
          keys += 1;
          bytes += at.second.size() + cell.value.size();
        }
      }
      const CheckReport report = Checked();
      CHECK(report.live_keys == keys);
      CHECK(report.live_bytes == bytes);
      CHECK(report.live_pages == pages);
    }
  }

 private:
  uint32_t Pick(uint32_t n) { return std::uniform_int_distribution<uint32_t>(0, n - 1)(random_); }

  void Configure() {
    options_ = Driver::Options("/data");
    options_.reactors = 1 + Pick(2);
    options_.lanes = Pick(3) == 0 ? 1 + Pick(4) : model_.lanes;
    options_.segment_bytes = (64u << 10) << Pick(3);
    options_.commit_batch_bytes = 64u << 10;
    options_.wal_ring_bytes = 256u << 10;
    options_.cache_bytes = Pick(2) == 0 ? 0 : 64u << 10;
    options_.fsync = Pick(2) == 0 ? FsyncPolicy::kAlways : static_cast<FsyncPolicy>(Pick(3));
    options_.commit_delay_us = Pick(8) == 0 ? 1 : 0;
    options_.gc_mode = static_cast<GcMode>(Pick(3));
    options_.gc_space_amplification = 101 + Pick(4) * 40;
    ++generation_;
  }

  CheckReport Checked() {
    Result<CheckReport> report = CheckVlogDirectory("/data", disk_.get(), clock_.WallMillis());
    REQUIRE_MESSAGE(report.ok(), report.status().message());
    CheckIntact(report.value());
    return report.value();
  }

  // Opens, possibly through failures, and compares what is found with the model.
  bool Begin() {
    disk_->SetFaults(SimFaults());
    disk_->SetCapacity(uint64_t{1} << 40);
    CheckReport checked;
    bool rotten = false;
    WhileDown();
    if (disk_->Exists(vlog::ManifestPath("/data")).value()) {
      checked = Checked();
      rotten = Pick(4) == 0 && RotCheckpoint();
    }
    for (int attempt = 0;; ++attempt) {
      REQUIRE(attempt < 20);
      if (attempt != 0) {
        WhileDown();
        if (Pick(4) == 0) options_.lanes = 1 + Pick(4);
      }
      const bool interrupt = attempt < 3 && Pick(4) == 0;
      if (interrupt) disk_->PowerOffAt(disk_->operations() + 1 + Pick(40));
      driver_ = std::make_unique<Driver>(disk_.get(), options_, tuning_);
      Result<RecoveryReport> report = driver_->Start();
      disk_->PowerOffAt(0);
      if (report.ok() && disk_->powered()) {
        // An interrupted start may have lost what was never made durable, and one that has to go
        // further back may find what an earlier one left out.
        if (attempt == 0 && !rotten) CHECK(report.value().keys == checked.live_keys);
        break;
      }
      REQUIRE_MESSAGE(!disk_->powered(), report.status().message() << "; " << note_);
      if (driver_->engine != nullptr) driver_->Abandon();
      driver_.reset();
      disk_->PowerOn();
    }
    Compare();
    return true;
  }

  // The clock goes on, or is another's; the directory stays, or is moved.
  void WhileDown() {
    clock_.Pass(Pick(5000));
    if (Pick(3) == 0) SetClock();
    if (Pick(3) == 0) Move();
  }

  // To a device or file system of another kind.
  void Move() {
    static constexpr uint32_t kBlocks[] = {512, 512, 1024, 4096, 4096, 16384};
    const uint32_t block = kBlocks[Pick(6)];
    disk_->SetDevice({std::min(block, 4096u), block}, Pick(4) != 0);
    ++tally_.moved;
  }

  // Wrong by seconds to hours, or right again.
  void SetClock() {
    static constexpr int64_t kUnits[] = {1000, 60 * 1000, 3600 * 1000};
    int64_t skew = 0;
    if (Pick(2) == 0) skew = kUnits[Pick(3)] * (static_cast<int64_t>(Pick(25)) - 12);
    clock_.Set(clock_.WallMillis() + static_cast<uint64_t>(skew - skew_));
    skew_ = skew;
  }

  // A bit of the newest checkpoint flips, or of all. The one before, or the log, must do.
  bool RotCheckpoint() {
    bool found = false;
    const Result<vlog::Manifest> manifest = vlog::LoadManifest("/data", disk_.get(), &found);
    REQUIRE(manifest.ok());
    const std::vector<vlog::CheckpointEntry>& kept = manifest.value().checkpoints;
    size_t most = kept.size() - (manifest.value().needs_checkpoint ? 1 : 0);
    if (kept.empty() || most == 0) return false;
    if (Pick(2) == 0) most = 1;
    for (size_t i = 0; i < most; ++i) {
      const std::string path = vlog::CheckpointPath("/data", kept[kept.size() - 1 - i].id);
      Result<std::unique_ptr<File>> file = disk_->OpenDirect(path, Disk::Mode::kRead);
      REQUIRE(file.ok());
      const uint64_t bytes = file.value()->Size().value();
      disk_->FlipBit(path, std::uniform_int_distribution<uint64_t>(0, bytes - 1)(random_), Pick(8));
      ++tally_.rotten;
    }
    return true;
  }

  void Compare() {
    std::map<Place, Cell> found;
    for (uint16_t ns = 0; ns < kSpaces; ++ns) {
      uint64_t keys = 0;
      uint64_t expiring = 0;
      for (int i = 0; i < kKeys; ++i) {
        const std::string key = KeyOf(i);
        const Entry entry = driver_->Meta(ns, key);
        if (!entry.found) continue;
        ++keys;
        if (entry.expire_at_ms != 0) ++expiring;
        CHECK(entry.ticket.position == 0);
        const auto value = driver_->Get(ns, key);
        REQUIRE(value.has_value());
        found[{ns, key}] = {*value, entry.expire_at_ms};
      }
      CHECK(driver_->engine->KeyCount(ns) == keys);
      CHECK(driver_->engine->ExpiringCount(ns) == expiring);
    }
    const std::set<SpaceId> there = pages_.FindAll(&found);
    CHECK(driver_->engine->CheckAccountsForTest() == "");
    Comparison comparison(
        &model_, found, pages_.known(),
        "seed " + std::to_string(seed_) + " life " + std::to_string(generation_) + ", " + note_);
    comparison.Run(options_.lanes);
    pages_.Restart(there);
    tally_.left_out += comparison.left_out();
    tally_.returned += comparison.returned();
  }

  // Soon, in a while, never.
  uint64_t Deadline() {
    const uint64_t now = clock_.WallMillis();
    switch (Pick(4)) {
      case 0:
        return (1ull << 50) + Pick(1000);
      case 1:
        return now + 1 + Pick(12 * 3600 * 1000);
      case 2:
        return now + 1 + Pick(300 * 1000);
      default:
        return now + 1 + Pick(3000);
    }
  }

  // What the index must say of a key.
  const Cell* Look(uint16_t ns, const std::string& key) {
    const Cell* cell = model_.Look(ns, key);
    if (cell == nullptr || !model_.MayBeDropped(*cell) || driver_->Meta(ns, key).found) return cell;
    model_.Dropped(ns, key);
    ++tally_.dropped;
    return nullptr;
  }

  std::shared_ptr<Unit> NewUnit() {
    auto unit = std::make_shared<Unit>();
    const uint32_t kind = Pick(40);
    if (kind == 0) {
      unit->changes.push_back(
          {driver_->Flush(Pick(3) == 0 ? kAllNamespaces : static_cast<uint16_t>(Pick(kSpaces))), "",
           ""});
      return unit;
    }
    if (kind >= 2 && kind < 10 && pages_.on) {
      pages_.AddTo(unit.get(), &serial_);
      if (!unit->changes.empty() && Pick(2) == 0) return unit;  // else with keys
    }
    if (kind == 1) {
      const uint16_t a = static_cast<uint16_t>(Pick(kSpaces));
      unit->changes.push_back({driver_->Swap(a, static_cast<uint16_t>((a + 1) % kSpaces)), "", ""});
      return unit;
    }
    const uint32_t count = Pick(3) == 0 ? 2 + Pick(6) : 1;
    std::map<Place, bool> exists;
    for (uint32_t i = 0; i < count; ++i) {
      Change change;
      // Half of the keys are seldom written: segments with them stay, with what they were before.
      const int number = static_cast<int>(Pick(6) == 0 ? Pick(kKeys) : Pick(kKeys / 2));
      const bool cold = number >= kKeys / 2;
      change.key = KeyOf(number);
      const uint16_t ns = static_cast<uint16_t>(Pick(kSpaces));
      const Place at(ns, change.key);
      if (exists.count(at) == 0) {
        const Cell* cell = Look(ns, change.key);
        exists[at] = cell != nullptr && !model_.Expired(*cell);
        // Who comes upon an expired key removes it.
        if (cell != nullptr && !exists[at]) {
          unit->changes.push_back({driver_->Del(ns, ""), change.key, ""});
          ++tally_.removed;
        }
      }
      const uint32_t what = exists[at] ? Pick(5) : 0;
      if (what == 1) {
        change.op = driver_->Del(ns, "");
        exists[at] = false;
      } else if (what == 2) {
        change.op = driver_->Expire(ns, "", Pick(3) == 0 ? 0 : Deadline());
      } else {
        change.value = "v" + std::to_string(++serial_) + ":";
        const uint32_t size = Pick(cold ? 4 : 24);
        change.value.resize(change.value.size() + (size == 0  ? Pick(90000)
                                                   : size < 4 ? Pick(5000)
                                                              : Pick(200)),
                            static_cast<char>('a' + serial_ % 26));
        change.op = driver_->Put(ns, "", "", Pick(3) == 0 ? Deadline() : 0);
        exists[at] = true;
      }
      unit->changes.push_back(std::move(change));
    }
    return unit;
  }

  void Live() {
    SimFaults faults;
    const uint32_t trouble = Pick(8);
    if (trouble == 0) faults.write_error = 0.01;
    if (trouble == 1) faults.sync_error = 0.02;
    if (trouble <= 3) faults.short_write = 0.2;
    if (trouble == 5) faults.read_error = 0.02;
    if (trouble == 6) faults.no_space = 0.01 + 0.3 * Pick(4);
    disk_->SetFaults(faults);
    if (trouble == 4) disk_->SetCapacity(disk_->UsedBytes() + Pick(300000));
    if (Pick(2) == 0) disk_->PowerOffAt(disk_->operations() + 1 + Pick(200));
    const uint32_t steps = 20 + Pick(250);
    note_ = "trouble " + std::to_string(trouble) + " policy " +
            std::to_string(static_cast<int>(options_.fsync));
    waiting_.clear();
    for (uint32_t step = 0; step < steps && disk_->powered(); ++step) {
      if (Pick(5) < 3) (void)TryUnit(NewUnit());
      if (Pick(3) == 0) LookAround();
      if (pages_.on && Pick(6) == 0) pages_.LookAround();
      if (sweeps_ && Pick(12) == 0) Sweep();
      if (Pick(40) == 0) SetClock();
      if (Pick(100) == 0) Idle();
      if (Pick(100) == 0) (void)TryUnit(LoneUnit());
      if (Pick(2) == 0) {
        const uint64_t ms = Pick(3) == 0 ? 1 + Pick(700) : Pick(12);
        clock_.Pass(ms);
        driver_->Turn(ms);
      }
      if (Pick(60) == 0) driver_->engine->RequestSync(Pick(options_.reactors));
      if (Pick(80) == 0) {
        static constexpr const char* kPolicies[] = {"always", "everysec", "no"};
        REQUIRE(driver_->engine->SetOption("appendfsync", kPolicies[Pick(3)]).ok());
      }
      if (checkpoint_steps_ != 0 && Pick(checkpoint_steps_) == 0) driver_->engine->RequestSave();
      std::erase_if(waiting_, [&](const std::shared_ptr<Unit>& unit) {
        if (!driver_->Durable(unit->tickets)) return false;
        model_.Require(*unit);
        return true;
      });
      CheckStops();
    }
    disk_->PowerOffAt(0);
    if (disk_->powered() && Pick(3) == 0) Settle();
    waiting_.clear();
    CHECK(driver_->engine->CheckAccountsForTest() == "");
  }

  // Nobody writes, for seconds to hours.
  void Idle() {
    static constexpr uint64_t kIdles[] = {3000, 15000, 120 * 1000, 3 * 3600 * 1000};
    const uint64_t ms = kIdles[Pick(4)] / kIdleTurns;
    const uint64_t used = disk_->UsedBytes();
    for (int turn = 0; turn < kIdleTurns && disk_->powered(); ++turn) {
      clock_.Pass(ms);
      driver_->Turn(ms);
    }
    tally_.given_back += disk_->UsedBytes() < used ? 1 : 0;
  }

  // Puts of any size: nothing, as much as a chunk, as the WAL ring, as several segments.
  std::shared_ptr<Unit> LoneUnit() {
    static constexpr uint32_t kSizes[] = {1, 1000, 60000, 300000, 1200000};
    auto unit = std::make_shared<Unit>();
    const uint32_t count = Pick(3) == 0 ? 2 + Pick(3) : 1;
    for (uint32_t i = 0; i < count; ++i) {
      Change change;
      change.key = KeyOf(static_cast<int>(Pick(kKeys)));
      change.value = "v" + std::to_string(++serial_) + ":";
      const uint32_t size = Pick(kSizes[Pick(5)]);
      change.value.resize(change.value.size() + size, static_cast<char>('a' + serial_ % 26));
      change.op = driver_->Put(static_cast<uint16_t>(Pick(kSpaces)), "", "");
      unit->changes.push_back(std::move(change));
    }
    return unit;
  }

  // A lane that has stopped for good or for now has a reason, and takes nothing meanwhile.
  void CheckStops() {
    for (uint32_t lane = 0; lane < options_.lanes; ++lane) {
      std::string reason;
      if (!driver_->engine->Stopped(lane, &reason)) continue;
      REQUIRE(!reason.empty());
      if (driver_->engine->State(lane) != StreamState::kFailed) {
        ++tally_.stopped;
        REQUIRE(driver_->engine->State(lane) >= StreamState::kRefusing);
      }
    }
  }

  // Durable, or known never to be: either way the client has its answer.
  bool Answered(const Unit& unit) {
    if (driver_->Durable(unit.tickets)) {
      model_.Require(unit);
      return true;
    }
    for (const Ticket& ticket : unit.tickets) {
      if (!driver_->engine->Durable(ticket) &&
          driver_->engine->State(ticket.stream) == StreamState::kFailed)
        return true;
    }
    return false;
  }

  // The faults end, and so does the traffic but for one unit at a time.
  void Settle() {
    disk_->SetFaults(SimFaults());
    disk_->SetCapacity(uint64_t{1} << 40);
    living_ = false;  // nothing in the gaps of garbage collection either
    Await([&] {
      std::erase_if(waiting_, [&](const std::shared_ptr<Unit>& unit) { return Answered(*unit); });
      return waiting_.empty();
    });
    for (uint32_t rounds = Pick(4); rounds != 0; --rounds) {
      if (Pick(3) != 0) Idle();
      const std::shared_ptr<Unit> unit = LoneUnit();
      ++tally_.lone;
      bool applied = false;
      Await([&] {
        if (applied) return Answered(*unit);
        const Status status = TryUnit(unit);
        applied = status.ok();
        return status.code() == Code::kReadOnly;  // refused for good, which is an answer
      });
      waiting_.clear();
    }
    living_ = true;
  }

  template <typename Done>
  void Await(Done done) {
    const uint64_t begun_ms = driver_->now_ms;
    for (;;) {
      const uint64_t ms = driver_->now_ms - begun_ms;
      tally_.slowest_ms = std::max(tally_.slowest_ms, ms);
      if (done()) return;
      REQUIRE_MESSAGE(ms < kAnswerMs, "no answer within " << ms << " ms; " << note_);
      // What is promised without `always` is promised at a sync.
      driver_->engine->RequestSync(0);
      clock_.Pass(kTurnMs);
      driver_->Turn(kTurnMs);
    }
  }

  Status TryUnit(const std::shared_ptr<Unit>& unit) {
    const Status status = pages_.Try(unit.get(), Pick(options_.reactors));
    if (status.ok()) {
      model_.Add(unit);
      waiting_.push_back(unit);
      return status;
    }
    const bool fair = status.code() == Code::kBusy || status.code() == Code::kReadOnly ||
                      status.code() == Code::kNoSpace;
    REQUIRE_MESSAGE(fair, status.message());
    return status;
  }

  // Of an expired key; `awaited`: by who came upon it.
  void Remove(uint16_t ns, const std::string& key, bool awaited) {
    auto unit = std::make_shared<Unit>();
    unit->changes.push_back({driver_->Del(ns, ""), key, ""});
    unit->changes[0].op.awaited = awaited;
    (void)TryUnit(unit);
    ++tally_.removed;
  }

  // A few at a time, as reactors do it.
  void Sweep() {
    struct Collect final : Engine::KeyVisitor {
      std::set<std::string> keys;
      bool OnKey(std::string_view key, uint64_t, ValueType) override {
        return keys.emplace(key).second;
      }
    };
    const uint16_t ns = static_cast<uint16_t>(Pick(kSpaces));
    const uint64_t now = clock_.WallMillis();
    size_t visits = Pick(3) == 0 ? SIZE_MAX : 1 + Pick(8);
    for (int i = static_cast<int>(Pick(kKeys)); i < kKeys && visits != 0; ++i) {
      const std::string key = KeyOf(i);
      Collect expired;
      bool all = false;
      {
        LatchGuard guard(driver_->engine->ShardLatch(ShardOf(key)));
        all = driver_->engine->SweepExpired(ns, ShardOf(key), now, &visits, &expired);
      }
      const Cell* cell = Look(ns, key);
      const bool due = cell != nullptr && cell->expire != 0 && cell->expire <= now - now % 1000;
      const bool told = expired.keys.count(key) != 0;
      if (told || all) REQUIRE(told == due);
      if (told && Pick(8) != 0) Remove(ns, key, false);
    }
  }

  // In the gaps of garbage collection and of checkpoints.
  void Meanwhile() {
    if (!living_ || !disk_->powered()) return;
    while (Pick(3) == 0) (void)TryUnit(NewUnit());
    if (Pick(4) == 0) LookAround();
    if (Pick(20) == 0) SetClock();
  }

  // Reads must show what was applied, and once their ticket is due it must be durable.
  void LookAround() {
    const uint16_t ns = static_cast<uint16_t>(Pick(kSpaces));
    const std::string key = KeyOf(static_cast<int>(Pick(kKeys)));
    const Cell* expected = Look(ns, key);
    Entry entry;
    {
      LatchGuard guard(driver_->engine->ShardLatch(ShardOf(key)));
      driver_->engine->Find(ns, ShardOf(key), key, true, &entry);
    }
    REQUIRE(entry.found == (expected != nullptr));
    const bool due = entry.ticket.position == 0 || driver_->engine->Durable(entry.ticket);
    if (due) model_.Observed(ns, key);
    if (!entry.found) return;
    REQUIRE(entry.expire_at_ms == expected->expire);
    REQUIRE(entry.value_bytes == expected->value.size());
    if (model_.Expired(*expected) && Pick(2) == 0) return Remove(ns, key, true);
    if (entry.resident) {
      REQUIRE(entry.value == expected->value);
      return;
    }
    Status status;
    const auto value = driver_->Get(ns, key, &status);
    if (!value.has_value()) {
      REQUIRE_MESSAGE(status.code() == Code::kIoError, status.message());
      return;
    }
    REQUIRE(*value == expected->value);
  }

  void End() {
    const uint32_t how = disk_->powered() ? Pick(4) : 3;
    VlogStats stats;
    driver_->engine->Stats(&stats);
    tally_.recycled += stats.segments_recycled;
    for (const LaneStats& lane : stats.lanes) tally_.collected += lane.gc_segments;
    tally_.checkpoints += driver_->engine->Saves().written;
    for (uint32_t lane = 0; lane < options_.lanes; ++lane) {
      std::string reason;
      if (driver_->engine->State(lane, &reason) == StreamState::kFailed)
        note_ += "; lane " + std::to_string(lane) + " failed: " + reason;
    }
    note_ += "; end " + std::to_string(how);
    if (how == 0) {
      disk_->SetFaults(SimFaults());
      disk_->SetCapacity(uint64_t{1} << 40);
      if (driver_->Stop().ok()) {
        for (uint32_t lane = 0; lane < model_.lanes; ++lane)
          model_.floor[lane] = model_.log[lane].size();
      }
    } else if (how == 1) {
      disk_->Kill();
      driver_->Abandon();
    } else {
      if (disk_->powered()) disk_->PowerOff();
      driver_->Abandon();
      disk_->PowerOn();
    }
    driver_.reset();
  }

  static constexpr uint64_t kAnswerMs = 5000;
  static constexpr uint64_t kTurnMs = 10;
  static constexpr int kIdleTurns = 20;

  const uint64_t seed_;
  std::mt19937_64 random_;
  std::unique_ptr<SimDisk> disk_;
  VlogOptions options_;
  VlogTuning tuning_;
  SimClock clock_;
  std::unique_ptr<Driver> driver_;
  Model model_;
  uint64_t serial_ = 0;
  bool living_ = false;                         // between Begin and End
  std::vector<std::shared_ptr<Unit>> waiting_;  // applied, not durable yet
  Tally tally_;
  uint32_t checkpoint_steps_ = 0;  // between those that are asked for, on average; 0: none are
  bool sweeps_ = false;
  SimPages pages_{&model_, &driver_, &tally_, [this](uint32_t n) { return Pick(n); }};
  int64_t skew_ = 0;  // of the wall clock, in ms
  uint32_t generation_ = 0;
  std::string note_;  // how this life went
};

}  // namespace cairn::testing
