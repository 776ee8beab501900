// What the contract suite (engine_contract_*_test.cc) needs of an engine and of the medium it lives
// on, and the driver that runs it. The suite says what the contract says in terms of EngineHost
// alone: when the contract's calls change, this file and engine_testing.h change with them; a new
// engine is one more EngineUnderTest in EnginesUnderTest().
#pragma once

#include <algorithm>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "engine_testing.h"
#include "io/sim_disk.h"
#include "page_testing.h"

namespace cairn::testing {

// An engine, and a medium that outlives its lives.
class EngineUnderTest {
 public:
  virtual ~EngineUnderTest() = default;
  virtual EngineOptions Options() const = 0;
  virtual std::unique_ptr<Engine> NewEngine() = 0;
  // As if its process had died; detached, and what the medium lost is lost already.
  virtual void Die(Engine* engine) = 0;
  virtual Disk* disk() = 0;
  virtual void WantStreams(EngineOptions*, uint32_t) const {}
  // Less in each file and in memory, by powers of two: more happens.
  virtual void WantSmallFiles(EngineOptions*, uint32_t /*power*/) const {}
  // Threads of its own, or a real disk: what takes time then takes it in earnest.
  virtual bool in_real_time() const { return false; }
  // Makes what is durable leave memory, as far as the engine's cache lets it.
  virtual void Cool(Engine*) {}
  // Waits until a sweep by `now_ms` has everything to report that is due.
  virtual void AwaitDue(Engine*, uint64_t now_ms) { (void)now_ms; }
  // It commits everything in one stream, whatever it is asked for.
  virtual bool single_stream() const { return false; }

  // What happens to the medium; false: it cannot be made to. The engine in use is dead after the
  // first two.
  virtual bool Crash() { return false; }  // a power failure: what was not synced may be lost
  virtual bool Kill() { return false; }   // the process dies: what was written stays
  virtual bool SetFull(bool) { return false; }
  virtual bool BreakWrites(bool) { return false; }
};

// On the simulated disk.
template <typename Base>
class OnSimDisk : public Base {
 public:
  explicit OnSimDisk(uint64_t seed) : disk_(Sim(seed)) {}
  SimDisk* disk() override { return &disk_; }
  bool Kill() override { return disk_.Kill(), true; }
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

 protected:
  SimDisk disk_;

 private:
  static SimOptions Sim(uint64_t seed) {
    SimOptions options;
    options.seed = seed;
    return options;
  }
};

struct NamedEngine {
  const char* name;
  std::unique_ptr<EngineUnderTest> (*make)(uint64_t seed);
  bool simulated;  // quick, and each seed gives the same run again
};
// Files that are not always built add theirs before main begins.
std::vector<NamedEngine>& EnginesUnderTest();
// The reference model, under the thread sanitizer too, where the list has only what uses threads.
std::unique_ptr<EngineUnderTest> NewMapUnderTest(bool cold);

// A key's state as a read shows it.
struct Seen {
  std::string value;
  uint64_t expire_at_ms = 0;
  bool operator==(const Seen&) const = default;
};

struct Listed {
  std::string key;
  uint64_t expire_at_ms = 0;
  bool operator==(const Listed&) const = default;
};

class EngineHost final : public EngineDriver<Engine> {
 public:
  using Change = std::function<void(EngineOptions*)>;
  static constexpr uint16_t kDatabases = 4;
  // Within these turns all ends that may be waited for, unless something is broken.
  static constexpr int kTurnsMax = 20000;
  static constexpr size_t kKeysPerVisitMax = 64;  // of a sweep

  // Opened.
  explicit EngineHost(EngineUnderTest* under_test, const Change& change = {})
      : EngineDriver(under_test->disk(), under_test->Options()), under_test_(under_test) {
    options_.databases = kDatabases;
    if (change) change(&options_);
    const Result<RecoveryReport> report = Start();
    REQUIRE_MESSAGE(report.ok(), report.status().message());
    found_ = report.value();
  }

  // Threads of the engine may still tell of commits: while this is whole.
  ~EngineHost() override {
    if (engine != nullptr) (void)Stop();
  }

  EngineUnderTest& medium() { return *under_test_; }
  const EngineOptions& options() const { return options_; }
  const RecoveryReport& found() const { return found_; }

  // ---- lives ----

  void Reopen(const Change& change = {}) {
    if (engine != nullptr) REQUIRE(Stop().ok());
    if (change) change(&options_);
    const Result<RecoveryReport> report = Start();
    REQUIRE_MESSAGE(report.ok(), report.status().message());
    found_ = report.value();
  }
  // False if the medium cannot.
  bool CrashAndReopen(bool power, const Change& change = {}) {
    if (!(power ? under_test_->Crash() : under_test_->Kill())) return false;
    Abandon();
    Reopen(change);
    return true;
  }

  // ---- turns ----

  void AwaitRead() override { Pass(1); }
  // Time goes by: virtual, and where there are threads real time, too.
  void Pass(uint64_t ms) {
    Turn(ms, 1);
    if (HasThreads()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  }
  bool Until(const std::function<bool()>& reached, uint64_t ms = 10) {
    for (int i = 0; i < kTurnsMax; ++i) {
      if (reached()) return true;
      Pass(ms);
    }
    return reached();
  }
  [[nodiscard]] bool UntilDurable(const std::vector<Ticket>& tickets) {
    return Until([&] { return Durable(tickets); });
  }
  // Durable, and whatever can leave memory has left it.
  void Settle() {
    for (uint32_t lane = 0; lane < engine->streams(); ++lane)
      REQUIRE(UntilDurable({engine->LatestTicket(lane)}));
    for (int i = 0; i < 3; ++i) Pass(10);
    under_test_->Cool(engine.get());
  }

  // ---- writes ----

  // Applied, waiting for room if need be.
  std::vector<Ticket> Staged(const std::vector<WriteOp>& ops, uint32_t reactor = 0) {
    std::vector<Ticket> tickets;
    Status status;
    REQUIRE(Until([&] {
      status = TryApply(ops, &tickets, reactor);
      return status.code() != Code::kBusy;
    }));
    REQUIRE_MESSAGE(status.ok(), status.message());
    return tickets;
  }
  void Set(uint16_t ns, std::string_view key, std::string_view value, uint64_t expire = 0) {
    Staged({Put(ns, key, value, expire)});
  }

  // ---- reads ----

  std::optional<Seen> See(uint16_t ns, const std::string& key) {
    const Entry entry = Meta(ns, key);
    if (!entry.found) return std::nullopt;
    const std::optional<std::string> value = Get(ns, key);
    REQUIRE(value.has_value());
    return Seen{*value, entry.expire_at_ms};
  }
  // Some keys of a part from `from` on. *end: these are the last ones.
  std::vector<Listed> Range(uint16_t ns, uint32_t part, std::string_view from, uint32_t most,
                            bool* end, std::string_view prefix = {}) {
    ReadKeys read;
    read.ns = ns;
    read.part = part;
    read.from = from;
    read.prefix = prefix;
    read.keys_max = most;
    engine->ReadRange(0, &read);
    if (!engine->RangesInMemory()) Await(&read);
    REQUIRE(read.status.has_value() != engine->RangesInMemory());
    CHECK(read.rows().size() <= most);
    CHECK((read.end || !read.rows().empty()));
    std::vector<Listed> listed;
    for (const RangeRequest::Row& row : read.rows()) {
      CHECK(row.type == ValueType::kString);
      CHECK(row.key.starts_with(prefix));
      CHECK(engine->PartOf(ShardOf(row.key)) == part);
      listed.push_back({std::string(row.key), row.expire_at_ms});
    }
    *end = read.end;
    return listed;
  }
  // The keys of a shard, in order.
  std::vector<Listed> List(uint16_t ns, uint16_t shard, std::string_view from = {},
                           size_t most = SIZE_MAX) {
    std::vector<Listed> listed;
    std::string next(from);
    for (bool end = false; !end && listed.size() < most;) {
      const auto room =
          static_cast<uint32_t>(std::min<size_t>(most - listed.size(), RangeRequest::kKeysMax));
      for (Listed& one : Range(ns, engine->PartOf(shard), next, room, &end)) {
        next = one.key + '\0';
        if (ShardOf(one.key) == shard) listed.push_back(std::move(one));
      }
    }
    return listed;
  }
  // All keys, part by part.
  std::vector<Listed> ListAll(uint16_t ns) {
    std::vector<Listed> all;
    for (uint32_t part = 0; part < engine->parts(); ++part) {
      std::string next;
      for (bool end = false; !end;) {
        std::vector<Listed> listed = Range(ns, part, next, RangeRequest::kKeysMax, &end);
        if (!listed.empty()) next = listed.back().key + '\0';
        all.insert(all.end(), listed.begin(), listed.end());
      }
    }
    return all;
  }
  // Some key, as `random` has it.
  std::optional<std::string> Random(uint16_t ns, uint64_t random) {
    ReadKeys read;
    read.ns = ns;
    read.random = true;
    engine->RandomKey(0, random, &read);
    if (!engine->RangesInMemory()) Await(&read);
    if (read.rows().empty()) return std::nullopt;
    CHECK(read.rows().size() == 1);
    return std::string(read.rows()[0].key);
  }
  void AwaitDue(uint64_t now_ms) {
    Pass(10);
    under_test_->AwaitDue(engine.get(), now_ms);
  }
  // Deletes what a sweep reports, `visits` at a time, until it says that this was all. How many.
  size_t Sweep(uint16_t ns, uint16_t shard, uint64_t now_ms, size_t visits,
               std::vector<std::string>* swept = nullptr) {
    struct Visitor : Engine::KeyVisitor {
      bool OnKey(std::string_view key, uint64_t, ValueType) override {
        keys.push_back(std::string(key));
        return true;
      }
      std::vector<std::string> keys;
    };
    size_t total = 0;
    AwaitDue(now_ms);
    for (bool all = false; !all;) {
      Visitor visitor;
      size_t left = visits;
      {
        LatchGuard guard(engine->ShardLatch(shard));
        all = engine->SweepExpired(ns, shard, now_ms, &left, &visitor);
      }
      CHECK(left <= visits);
      CHECK(visitor.keys.size() <= visits * kKeysPerVisitMax);  // the latch is not held for long
      REQUIRE((all || !visitor.keys.empty()));
      for (const std::string& key : visitor.keys) Staged({Del(ns, key)});
      total += visitor.keys.size();
      if (swept != nullptr) swept->insert(swept->end(), visitor.keys.begin(), visitor.keys.end());
    }
    return total;
  }

 protected:
  std::unique_ptr<Engine> Make() override {
    std::unique_ptr<Engine> made = under_test_->NewEngine();
    if (made->spaces() != nullptr) made->spaces()->UseFolds(&SuiteFolds::Get());
    return made;
  }
  void Die(Engine* dying) override { under_test_->Die(dying); }
  bool HasThreads() const override { return under_test_->in_real_time(); }

 private:
  EngineUnderTest* under_test_;
  RecoveryReport found_;
};

// A test of the contract, run on every engine: CONTRACT_TEST("...") { uses medium, an
// EngineUnderTest& }. One engine: -sc=map
#define CONTRACT_TEST(title) CONTRACT_TEST_NAMED(DOCTEST_ANONYMOUS(contract_test_), title)
#define CONTRACT_TEST_NAMED(body, title)                                \
  static void body(EngineUnderTest& medium);                            \
  TEST_CASE("engine contract: " title) {                                \
    for (const NamedEngine& engine_under_test : EnginesUnderTest()) {   \
      SUBCASE(engine_under_test.name) body(*engine_under_test.make(1)); \
    }                                                                   \
  }                                                                     \
  static void body([[maybe_unused]] EngineUnderTest& medium)

}  // namespace cairn::testing
