// Seeded schedules of the vlog engine over the simulated disk, against a model. Reproduce one with
//   CAIRN_SIM_SEED=<seed> CAIRN_SIM_RUNS=1 native-tests -tc="vlog sim*"
//
// The model keeps, per lane, the list of units (atomic writes) in log order. After a crash the
// state found must be that of a prefix of each lane's list which contains everything acknowledged
// or observed, and no transaction in part.
#include <cstdio>
#include <map>
#include <random>
#include <set>

#include "io/sim_disk.h"
#include "vlog_sim_model.h"

using namespace cairn;
using namespace cairn::testing;

namespace {

class Schedule {
 public:
  explicit Schedule(uint64_t seed) : seed_(seed), random_(seed) {
    SimOptions options;
    options.seed = seed;
    options.delay_max = 1 + Pick(6);
    if (Pick(4) == 0) options.alignment = {4096, 4096};
    disk_ = std::make_unique<SimDisk>(options);
    tuning_ = Driver::Inline();
    tuning_.prepare_bytes = Pick(3) == 0 ? 0 : 4096u << Pick(4);
    tuning_.prepare_gap = 4096u * Pick(3);
    tuning_.overlap_bytes = Pick(2) == 0 ? 0 : 512u << Pick(5);
    tuning_.gc = Pick(4) != 0;
    tuning_.checkpoints = Pick(3) == 0;
    tuning_.gc_hook = [](void* context, GcPoint) { static_cast<Schedule*>(context)->Meanwhile(); };
    tuning_.gc_context = this;
    model_.Rebase({State()}, 1);
  }

  uint64_t recycled() const { return recycled_; }
  uint64_t collected() const { return collected_; }
  uint64_t checkpoints() const { return checkpoints_; }
  uint64_t rotten() const { return rotten_; }
  uint64_t operations() const { return disk_->operations(); }

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
      for (const State& state : model_.now) {
        for (const auto& [at, cell] : state.cells) {
          keys += 1;
          bytes += at.second.size() + cell.value.size();
        }
      }
      const CheckReport report = Checked();
      CHECK(report.live_keys == keys);
      CHECK(report.live_bytes == bytes);
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
    Result<CheckReport> report = CheckVlogDirectory("/data", disk_.get());
    REQUIRE_MESSAGE(report.ok(), report.status().message());
    CheckIntact(report.value());
    return report.value();
  }

  // Opens, possibly through failures, and compares what is found with the model.
  bool Begin() {
    disk_->SetFaults(SimFaults());
    disk_->SetCapacity(uint64_t{1} << 40);
    CheckReport checked;
    if (disk_->Exists(vlog::ManifestPath("/data")).value()) {
      checked = Checked();
      if (Pick(6) == 0) RotCheckpoint();
    }
    for (int attempt = 0;; ++attempt) {
      REQUIRE(attempt < 20);
      const bool interrupt = attempt < 3 && Pick(4) == 0;
      if (interrupt) disk_->PowerOffAt(disk_->operations() + 1 + Pick(40));
      driver_ = std::make_unique<Driver>(disk_.get(), options_, tuning_);
      Result<RecoveryReport> report = driver_->Start();
      disk_->PowerOffAt(0);
      if (report.ok() && disk_->powered()) {
        // An interrupted start may have lost what was never made durable.
        if (attempt == 0) CHECK(report.value().keys == checked.live_keys);
        break;
      }
      REQUIRE_MESSAGE(!disk_->powered(), report.status().message());
      if (driver_->engine != nullptr) driver_->Abandon();
      driver_.reset();
      disk_->PowerOn();
    }
    Compare();
    return true;
  }

  // A bit of the newest checkpoint flips. The one before, or the log, must do.
  void RotCheckpoint() {
    bool found = false;
    const Result<vlog::Manifest> manifest = vlog::LoadManifest("/data", disk_.get(), &found);
    REQUIRE(manifest.ok());
    const std::vector<vlog::CheckpointEntry>& kept = manifest.value().checkpoints;
    if (kept.empty() || (kept.size() == 1 && manifest.value().needs_checkpoint)) return;
    const std::string path = vlog::CheckpointPath("/data", kept.back().id);
    Result<std::unique_ptr<File>> file = disk_->OpenDirect(path, Disk::Mode::kRead);
    REQUIRE(file.ok());
    const uint64_t bytes = file.value()->Size().value();
    disk_->FlipBit(path, std::uniform_int_distribution<uint64_t>(0, bytes - 1)(random_), Pick(8));
    ++rotten_;
  }

  void Compare() {
    // What is there now, by namespace.
    std::map<std::pair<uint16_t, std::string>, Cell> found;
    for (uint16_t ns = 0; ns < kSpaces; ++ns) {
      uint64_t keys = 0;
      for (int i = 0; i < kKeys; ++i) {
        const std::string key = "k" + std::to_string(i);
        const Entry entry = driver_->Meta(ns, key);
        if (!entry.found) continue;
        ++keys;
        CHECK(entry.ticket.position == 0);
        const auto value = driver_->Get(ns, key);
        REQUIRE(value.has_value());
        found[{ns, key}] = {*value, entry.expire_at_ms};
      }
      CHECK(driver_->engine->KeyCount(ns) == keys);
    }
    CHECK(driver_->engine->CheckAccountsForTest() == "");
    const auto matches = [&](const State& state, uint32_t lane) {
      for (uint16_t ns = 0; ns < kSpaces; ++ns) {
        for (int i = 0; i < kKeys; ++i) {
          const std::string key = "k" + std::to_string(i);
          if (model_.LaneOf(key) != lane) continue;
          const auto here = found.find({ns, key});
          const auto there = state.cells.find({state.tree_of[ns], key});
          if ((here == found.end()) != (there == state.cells.end())) return false;
          if (here != found.end() && !(here->second == there->second)) return false;
        }
      }
      return true;
    };
    std::vector<std::set<size_t>> possible(model_.lanes);
    for (uint32_t lane = 0; lane < model_.lanes; ++lane) {
      State state = model_.base[lane];
      std::string below;
      for (size_t n = 0;; ++n) {
        if (n >= model_.floor[lane] && matches(state, lane)) possible[lane].insert(n);
        if (n < model_.floor[lane] && matches(state, lane)) below += " " + std::to_string(n);
        if (n == model_.log[lane].size()) break;
        model_.ApplyTo(&state, lane, *model_.log[lane][n]);
      }
      REQUIRE_MESSAGE(!possible[lane].empty(),
                      Explain(lane, found) << "; would fit:" << below << "; life: " << note_);
    }
    std::vector<size_t> cut(model_.lanes);
    for (uint32_t lane = 0; lane < model_.lanes; ++lane) cut[lane] = *possible[lane].rbegin();
    for (bool changed = true; changed;) {
      changed = false;
      for (const auto& unit : model_.units) {
        bool missing = false;
        for (const auto& [lane, at] : unit->index) missing = missing || at >= cut[lane];
        if (!missing) continue;
        for (const auto& [lane, at] : unit->index) {
          if (at >= cut[lane]) continue;
          auto lower = possible[lane].upper_bound(at);
          REQUIRE_MESSAGE(lower != possible[lane].begin(),
                          "seed " << seed_
                                  << ": a transaction is there in part: " << Describe(*unit)
                                  << "; lane " << lane << " needs it, floor " << model_.floor[lane]
                                  << "; cuts " << Numbers(cut) << "; " << note_);
          cut[lane] = *--lower;
          changed = true;
        }
      }
    }
    std::vector<State> states;
    for (uint32_t lane = 0; lane < model_.lanes; ++lane) {
      State state = model_.base[lane];
      for (size_t n = 0; n < cut[lane]; ++n) model_.ApplyTo(&state, lane, *model_.log[lane][n]);
      states.push_back(state);
    }
    for (uint32_t lane = 1; lane < model_.lanes; ++lane)
      REQUIRE(states[lane].tree_of == states[0].tree_of);
    model_.Rebase(states, options_.lanes);
  }

  static std::string Numbers(const std::vector<size_t>& numbers) {
    std::string text;
    for (const size_t number : numbers) text += (text.empty() ? "" : ",") + std::to_string(number);
    return text;
  }
  static std::string Describe(const Unit& unit) {
    std::string text = unit.acknowledged ? "acknowledged," : "";
    for (const auto& [lane, at] : unit.index)
      text += " lane " + std::to_string(lane) + " unit " + std::to_string(at) + ",";
    for (const Change& change : unit.changes) {
      text += " kind " + std::to_string(static_cast<int>(change.op.kind)) + " ns " +
              std::to_string(change.op.ns) + " " + change.key + "=" + change.value.substr(0, 8);
    }
    for (const Ticket& ticket : unit.tickets) {
      text += "; ticket of lane " + std::to_string(ticket.lane) + " " +
              std::to_string(vlog::SegmentOf(ticket.position)) + ":" +
              std::to_string(vlog::OffsetOf(ticket.position));
    }
    return text;
  }

  std::string Explain(uint32_t lane,
                      const std::map<std::pair<uint16_t, std::string>, Cell>& found) {
    std::string text = "seed " + std::to_string(seed_) + " life " + std::to_string(generation_) +
                       ": lane " + std::to_string(lane) + " of " + std::to_string(model_.lanes) +
                       " has no prefix of " + std::to_string(model_.log[lane].size()) +
                       " units, at least " + std::to_string(model_.floor[lane]) +
                       ", that gives what was found;";
    // How far the nearest prefix is away.
    State state = model_.base[lane];
    std::string nearest;
    size_t fewest = SIZE_MAX;
    for (size_t n = 0;; ++n) {
      std::string differs = "after " + std::to_string(n) + ":";
      size_t count = 0;
      for (uint16_t ns = 0; ns < kSpaces; ++ns) {
        for (int i = 0; i < kKeys; ++i) {
          const std::string key = "k" + std::to_string(i);
          if (model_.LaneOf(key) != lane) continue;
          const auto here = found.find({ns, key});
          const auto there = state.cells.find({state.tree_of[ns], key});
          const auto show = [](bool none, const Cell& cell) {
            return none ? std::string("nothing")
                        : cell.value.substr(0, 8) + "@" + std::to_string(cell.expire);
          };
          const Cell empty;
          const bool no_here = here == found.end();
          const bool no_there = there == state.cells.end();
          const std::string is = show(no_here, no_here ? empty : here->second);
          const std::string should = show(no_there, no_there ? empty : there->second);
          if (is == should) continue;
          ++count;
          differs += " " + std::to_string(ns) + "/" + key + " is " + is + ", not " + should + ";";
        }
      }
      if (n >= model_.floor[lane] && count < fewest) {
        fewest = count;
        nearest = differs;
      }
      if (n == model_.log[lane].size()) break;
      model_.ApplyTo(&state, lane, *model_.log[lane][n]);
    }
    return text + " nearest " + nearest;
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
    if (kind == 1) {
      const uint16_t a = static_cast<uint16_t>(Pick(kSpaces));
      unit->changes.push_back({driver_->Swap(a, static_cast<uint16_t>((a + 1) % kSpaces)), "", ""});
      return unit;
    }
    const uint32_t count = Pick(3) == 0 ? 2 + Pick(6) : 1;
    std::map<std::pair<uint16_t, std::string>, bool> exists;
    for (uint32_t i = 0; i < count; ++i) {
      Change change;
      change.key = "k" + std::to_string(Pick(kKeys));
      const uint16_t ns = static_cast<uint16_t>(Pick(kSpaces));
      const std::pair<uint16_t, std::string> at(ns, change.key);
      if (exists.count(at) == 0) exists[at] = model_.Look(ns, change.key) != nullptr;
      const uint32_t what = exists[at] ? Pick(5) : 0;
      if (what == 1) {
        change.op = driver_->Del(ns, "");
        exists[at] = false;
      } else if (what == 2) {
        change.op = driver_->Expire(ns, "", Pick(3) == 0 ? 0 : (1ull << 50) + Pick(1000));
      } else {
        change.value = "v" + std::to_string(++serial_) + ":";
        const uint32_t size = Pick(20);
        change.value.resize(change.value.size() + (size == 0  ? Pick(90000)
                                                   : size < 4 ? Pick(5000)
                                                              : Pick(200)),
                            static_cast<char>('a' + serial_ % 26));
        change.op = driver_->Put(ns, "", "", Pick(4) == 0 ? (1ull << 50) + Pick(1000) : 0);
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
    disk_->SetFaults(faults);
    if (trouble == 4) disk_->SetCapacity(disk_->UsedBytes() + Pick(300000));
    if (Pick(2) == 0) disk_->PowerOffAt(disk_->operations() + 1 + Pick(200));
    const uint32_t steps = 20 + Pick(250);
    note_ = "trouble " + std::to_string(trouble) + " policy " +
            std::to_string(static_cast<int>(options_.fsync));
    waiting_.clear();
    for (uint32_t step = 0; step < steps && disk_->powered(); ++step) {
      if (Pick(5) < 3) TryUnit();
      if (Pick(3) == 0) LookAround();
      if (Pick(2) == 0) driver_->Turn(Pick(3) == 0 ? 1 + Pick(700) : Pick(12));
      if (Pick(60) == 0) driver_->engine->RequestSync(Pick(options_.reactors));
      if (Pick(80) == 0) driver_->engine->SetFsyncPolicy(static_cast<FsyncPolicy>(Pick(3)));
      if (Pick(40) == 0) driver_->engine->RequestCheckpoint();
      std::erase_if(waiting_, [&](const std::shared_ptr<Unit>& unit) {
        if (!driver_->Durable(unit->tickets)) return false;
        model_.Require(*unit);
        return true;
      });
    }
    waiting_.clear();
    CHECK(driver_->engine->CheckAccountsForTest() == "");
    disk_->PowerOffAt(0);
  }

  void TryUnit() {
    std::shared_ptr<Unit> unit = NewUnit();
    std::vector<WriteOp> ops;
    for (Change& change : unit->changes) {
      change.op.key = change.key;
      change.op.value = change.value;
      change.op.shard = ShardOf(change.key);
      ops.push_back(change.op);
    }
    Status status = driver_->TryApply(ops, &unit->tickets, Pick(options_.reactors));
    if (status.ok()) {
      model_.Add(unit);
      waiting_.push_back(unit);
      return;
    }
    const bool fair = status.code() == Code::kBusy || status.code() == Code::kReadOnly ||
                      status.code() == Code::kNoSpace;
    REQUIRE_MESSAGE(fair, status.message());
  }

  // In the gaps of garbage collection and of checkpoints.
  void Meanwhile() {
    if (!living_ || !disk_->powered()) return;
    while (Pick(3) == 0) TryUnit();
    if (Pick(4) == 0) LookAround();
  }

  // Reads must show what was applied, and once their ticket is due it must be durable.
  void LookAround() {
    const uint16_t ns = static_cast<uint16_t>(Pick(kSpaces));
    const std::string key = "k" + std::to_string(Pick(kKeys));
    const Cell* expected = model_.Look(ns, key);
    Entry entry;
    driver_->engine->Find(ns, ShardOf(key), key, true, &entry);
    REQUIRE(entry.found == (expected != nullptr));
    const bool due = entry.ticket.position == 0 ||
                     driver_->engine->DurablePosition(entry.ticket.lane) >= entry.ticket.position;
    if (due) model_.Observed(ns, key);
    if (!entry.found) return;
    REQUIRE(entry.expire_at_ms == expected->expire);
    REQUIRE(entry.value_bytes == expected->value.size());
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
    EngineStats stats;
    driver_->engine->Stats(&stats);
    recycled_ += stats.segments_recycled;
    for (const LaneStats& lane : stats.lanes) collected_ += lane.gc_segments;
    checkpoints_ += driver_->engine->Checkpoint().written;
    for (uint32_t lane = 0; lane < options_.lanes; ++lane) {
      std::string reason;
      if (driver_->engine->LaneFailed(lane, &reason))
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

  const uint64_t seed_;
  std::mt19937_64 random_;
  std::unique_ptr<SimDisk> disk_;
  EngineOptions options_;
  VlogTuning tuning_;
  std::unique_ptr<Driver> driver_;
  Model model_;
  uint64_t serial_ = 0;
  bool living_ = false;                         // between Begin and End
  std::vector<std::shared_ptr<Unit>> waiting_;  // applied, not durable yet
  uint64_t recycled_ = 0;                       // segments, in all lives
  uint64_t collected_ = 0;                      // likewise
  uint64_t checkpoints_ = 0;
  uint64_t rotten_ = 0;  // checkpoints that lost a bit
  uint32_t generation_ = 0;
  std::string note_;  // how this life went
};

uint64_t FromEnvironment(const char* name, uint64_t otherwise) {
  const char* text = std::getenv(name);
  return text == nullptr ? otherwise : std::strtoull(text, nullptr, 10);
}

}  // namespace

TEST_CASE("vlog sim: seeded schedules of writes, faults and crashes") {
  const uint64_t first = FromEnvironment("CAIRN_SIM_SEED", 1);
  const uint64_t runs = FromEnvironment("CAIRN_SIM_RUNS", 300);
  uint64_t recycled = 0;
  uint64_t collected = 0;
  uint64_t checkpoints = 0;
  uint64_t rotten = 0;
  uint64_t operations = 0;
  for (uint64_t seed = first; seed < first + runs; ++seed) {
    INFO("CAIRN_SIM_SEED=" << seed << " CAIRN_SIM_RUNS=1");
    Schedule schedule(seed);
    schedule.Run();
    recycled += schedule.recycled();
    collected += schedule.collected();
    checkpoints += schedule.checkpoints();
    rotten += schedule.rotten();
    operations += schedule.operations();
  }
  MESSAGE("seeds " << runs << ", simulated disk operations " << operations << "; segments recycled "
                   << recycled << ", collected " << collected << "; checkpoints " << checkpoints
                   << ", damaged " << rotten);
  if (runs >= 100) {
    CHECK(recycled > runs / 2);
    CHECK(collected > runs);
    CHECK(checkpoints > runs);
    CHECK(rotten > runs / 10);
  }
}
