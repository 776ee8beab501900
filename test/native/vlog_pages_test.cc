// Pages in the vlog engine, beyond what the contract suite asks of every engine: what becomes of
// spaces that were dropped, numbers of spaces, and the types of values, through all that the engine
// does with records.
#include <set>

#include "hex.h"
#include "io/sim_disk.h"
#include "vlog/log/manifest.h"
#include "vlog/log/segment.h"
#include "vlog_testing.h"

using namespace cairn;
using namespace cairn::testing;

namespace {

constexpr char kDir[] = "/data";
constexpr uint64_t kFuture = 1ull << 50;
using What = PageOp::What;

VlogOptions PageOptions(uint32_t lanes = 2) {
  VlogOptions options = Driver::Options(kDir);
  options.lanes = lanes;
  options.segment_bytes = 256u << 10;
  options.cache_bytes = 64u << 10;
  options.gc_mode = GcMode::kAggressive;
  options.gc_space_amplification = 110;
  return options;
}

// A life of the engine, with what tests do to its pages.
class Life {
 public:
  explicit Life(SimDisk* disk, VlogTuning tuning = Driver::Inline(),
                VlogOptions options = PageOptions())
      : driver_(disk, options, tuning) {
    const Result<RecoveryReport> report = driver_.Start();
    REQUIRE_MESSAGE(report.ok(), report.status().message());
    report_ = report.value();
  }
  Driver* operator->() { return &driver_; }
  Driver& driver() { return driver_; }
  const RecoveryReport& report() const { return report_; }
  SpaceStore& store() { return *driver_.engine->spaces(); }

  Status TryNew(uint16_t home, SpaceId* space) {
    LatchGuard guard(driver_.engine->ShardLatch(home));
    return store().NewSpace(home, space);
  }
  SpaceId New(uint16_t home) {
    SpaceId space = 0;
    REQUIRE(TryNew(home, &space).ok());
    return space;
  }
  Status TryApply(std::vector<WriteOp> ops, const std::vector<PageOp>& pages) {
    std::set<uint32_t> shards;
    for (const WriteOp& op : ops) shards.insert(op.shard);
    for (const PageOp& op : pages) shards.insert(HomeOf(op.space));
    std::vector<Ticket> tickets(driver_.engine->streams());
    uint32_t count = 0;
    for (const uint32_t shard : shards) driver_.engine->ShardLatch(shard).Lock();
    Status status = store().Apply(0, ops, pages, tickets.data(), &count);
    for (const uint32_t shard : shards) driver_.engine->ShardLatch(shard).Unlock();
    return status;
  }
  void Apply(const std::vector<WriteOp>& ops, const std::vector<PageOp>& pages) {
    Status status;
    for (int i = 0; i < 1000; ++i) {
      status = TryApply(ops, pages);
      if (status.code() != Code::kBusy) break;
      driver_.Turn();
    }
    REQUIRE_MESSAGE(status.ok(), status.message());
  }
  // So many pages, all saying `text`.
  void Fill(uint16_t ns, SpaceId space, uint64_t pages, const std::string& text) {
    std::vector<PageOp> ops;
    for (uint64_t page = 0; page < pages; ++page) {
      ops.push_back({What::kImage, 3, ns, space, page * page, text, {}});
      if (ops.size() == 100) Apply({}, std::exchange(ops, {}));
    }
    if (!ops.empty()) Apply({}, ops);
  }
  void Drop(uint16_t ns, SpaceId space) {
    Apply({}, {{What::kDropSpace, 0, ns, space, 0, {}, {}}});
  }
  std::optional<std::string> Get(uint16_t ns, SpaceId space, uint64_t page) {
    Read read;
    {
      LatchGuard guard(driver_.engine->ShardLatch(HomeOf(space)));
      PageEntry entry;
      store().FindPage(ns, space, page, &entry);
      if (!entry.found) return std::nullopt;
      CHECK(entry.kind == 3);
      if (entry.resident) return std::string(entry.image);
      read.version = entry.version;
      store().FetchPage(0, ns, space, page, &read);
    }
    driver_.Await(&read);
    REQUIRE_MESSAGE(read.status->ok(), read.status->message());
    return std::string(read.value());
  }
  // How many of the pages that Fill has made are there; all of them whole.
  uint64_t Count(uint16_t ns, SpaceId space, uint64_t pages, const std::string& text) {
    uint64_t count = 0;
    for (uint64_t page = 0; page < pages; ++page) {
      const auto found = Get(ns, space, page * page);
      if (found) CHECK(*found == text);
      count += found ? 1 : 0;
    }
    return count;
  }
  uint64_t Figure(const char* name) {
    FigureList list;
    driver_.engine->Figures({}, &list);
    for (const cairn::Figure& figure : list.all())
      if (std::string_view(figure.row.info) == name) return static_cast<uint64_t>(figure.values[0]);
    FAIL("no such figure: " << name);
    return 0;
  }
  void Settle() {
    for (int i = 0; i < 1000 && Figure("spaces_dropping") != 0; ++i) driver_.Turn();
    REQUIRE(Figure("spaces_dropping") == 0);
    for (uint32_t lane = 0; lane < driver_.engine->streams(); ++lane) {
      for (int i = 0; i < 1000 && !driver_.engine->Durable(driver_.engine->LatestTicket(lane)); ++i)
        driver_.Turn();
    }
    CHECK(driver_.engine->CheckAccountsForTest() == "");
  }
  void Save() {
    const uint64_t asked = driver_.engine->RequestSave();
    for (int i = 0; i < 1000 && driver_.engine->Saves().done < asked; ++i) driver_.Turn();
    REQUIRE(driver_.engine->Saves().last_ok);
  }

 private:
  Driver driver_;
  RecoveryReport report_;
};

CheckReport Check(SimDisk* disk) {
  Result<CheckReport> report = CheckVlogDirectory(kDir, disk);
  REQUIRE_MESSAGE(report.ok(), report.status().message());
  CheckIntact(report.value());
  return report.value();
}

// Header and first commit of the first segment.
std::string FirstBlocks(SimDisk* disk) {
  constexpr size_t kBytes = 1024;
  const std::unique_ptr<File> file =
      std::move(disk->OpenDirect(vlog::SegmentPath(kDir, 1), Disk::Mode::kRead).value());
  const vlog::AlignedBuffer bytes = vlog::NewAligned(kBytes);
  REQUIRE(file->ReadAt(0, bytes.get(), kBytes).value() == kBytes);
  return std::string(bytes.get(), kBytes);
}

}  // namespace

// A page and the mark of a dropped space, as docs/format.md shows them.
TEST_CASE("vlog pages: byte by byte") {
  SimDisk disk{SimOptions()};
  VlogOptions options = Driver::Options(kDir);
  options.lanes = 1;
  Driver driver(&disk, options, Driver::Inline());
  REQUIRE(driver.Start().ok());
  const SpaceId space = 0x1005;
  const auto apply = [&](const PageOp& op) {
    Ticket ticket;
    uint32_t count = 0;
    LatchGuard guard(driver.engine->ShardLatch(HomeOf(space)));
    REQUIRE(driver.engine->spaces()->Apply(0, {}, std::span(&op, 1), &ticket, &count).ok());
  };
  apply({PageOp::What::kImage, 1, 2, space, 300, "image", {}});
  apply({PageOp::What::kDropSpace, 0, 2, space, 0, {}, {}});
  REQUIRE(driver.Stop().ok());
  CHECK(Hex(FirstBlocks(&disk).substr(512 + 56 + 4, 44)) ==
        R"(01010280100000000500000001000000
01000000000000000000100500000000
0000012c696d616765000000)");
  CHECK(Hex(FirstBlocks(&disk).substr(512 + 56 + 48 + 4, 44)) ==
        R"(01000280100000000100000001000000
01000000000000000000000000000000
000010056400000000000000)");
}

TEST_CASE("vlog pages: a dropped space goes piece by piece, wherever a crash comes") {
  constexpr uint64_t kPages = 6000, kOthers = 50;
  for (const int turns : {0, 1, 2, 50}) {
    for (const bool saved : {false, true}) {
      CAPTURE(turns);
      CAPTURE(saved);
      SimDisk disk{SimOptions()};
      SpaceId gone = 0, other = 0;
      {
        Life life(&disk);
        gone = life.New(7);
        other = life.New(7);
        life->Put(0, "root", "of gone");
        life.Fill(1, gone, kPages, "gone");
        life.Fill(1, other, kOthers, "other");
        if (saved) life.Save();
        CHECK(life.Figure("pages") == kPages + kOthers);
        life.Drop(1, gone);
        CHECK(life.Figure("spaces_dropping") == 1);
        for (int i = 0; i < turns; ++i) life->Turn();
        const bool done = life.Figure("spaces_dropping") == 0;
        CHECK(done == (turns == 50));
        CHECK(life.Count(1, gone, kPages, "gone") == 0);
        CHECK(life.Count(1, other, kOthers, "other") == kOthers);
        if (saved) life.Save();
        for (int i = 0; i < 3; ++i) life->Turn();
        life->Abandon();
        disk.Kill();
      }
      const CheckReport between = Check(&disk);
      CHECK(between.live_pages == kOthers);
      CHECK(between.live_keys == 0);
      {
        Life life(&disk);
        CHECK(life.report().keys == 0);
        CHECK(life->engine->KeyCount(1) == 0);
        CHECK(life.store().AnyPages());
        CHECK(life.Figure("spaces_dropping") == between.dropped_spaces);
        CHECK(life.Count(1, gone, kPages, "gone") == 0);
        life.Settle();
        CHECK(life.Figure("pages") == kOthers);
        CHECK(life.Count(1, gone, kPages, "gone") == 0);
        CHECK(life.Count(1, other, kOthers, "other") == kOthers);
        REQUIRE(life->Stop().ok());
      }
      const CheckReport after = Check(&disk);
      CHECK(after.live_pages == kOthers);
      CHECK(after.live_page_bytes == kOthers * 5);
      CHECK(after.dropped_spaces == 0);
    }
  }
}

TEST_CASE("vlog pages: what is being dropped follows swaps, and goes with flushes") {
  constexpr uint64_t kPages = 5000;
  SimDisk disk{SimOptions()};
  Life life(&disk);
  const SpaceId a = life.New(1), b = life.New(2);
  life.Fill(0, a, kPages, "a");
  life.Fill(1, b, kPages, "b");
  life.Drop(0, a);
  REQUIRE(life->Write({life->Swap(0, 1)}).ok());
  const SpaceId c = life.New(3);
  life.Fill(0, c, 10, "c");
  life.Drop(0, b);
  REQUIRE(life->Write({life->Flush(0)}).ok());
  life.Settle();
  CHECK(life.Figure("pages") == 0);
  for (const uint16_t ns : {0, 1}) {
    CHECK(life.Count(ns, a, kPages, "a") == 0);
    CHECK(life.Count(ns, b, kPages, "b") == 0);
    CHECK(life.Count(ns, c, 10, "c") == 0);
  }
  REQUIRE(life->Write({life->Flush(kAllNamespaces)}).ok());
  CHECK_FALSE(life.store().AnyPages());
  REQUIRE(life->Stop().ok());
  CHECK(Check(&disk).live_pages == 0);
  Life again(&disk);
  CHECK_FALSE(again.store().AnyPages());
}

TEST_CASE("vlog pages: numbers of spaces are set aside before they are used") {
  SimDisk disk{SimOptions()};
  VlogTuning tuning = Driver::Inline();
  tuning.space_numbers = 4;
  std::set<SpaceId> given;
  for (int round = 0; round < 5; ++round) {
    Life life(&disk, tuning);
    int busy = 0;
    for (int i = 0; i < 10; ++i) {
      SpaceId space = 0;
      Status status = life.TryNew(9, &space);
      if (!status.ok()) {
        CHECK(status.code() == Code::kBusy);
        ++busy;
        for (int turn = 0; turn < 20 && !status.ok(); ++turn) {
          life->Turn(100);
          status = life.TryNew(9, &space);
        }
        REQUIRE(status.ok());
      }
      CHECK(given.insert(space).second);
    }
    CHECK(busy == 2);
    life->Abandon();
    if (round % 2 == 0) {
      disk.Crash();
    } else {
      disk.Kill();
    }
  }
}

TEST_CASE("vlog pages: a manifest that was rebuilt gives no space an id that another has") {
  SimDisk disk{SimOptions()};
  SpaceId latest = 0;
  for (int i = 0; i < 3; ++i) {
    Life life(&disk);
    latest = life.New(5);
    life.Fill(0, latest, 3, "page");
    REQUIRE(life->Stop().ok());
  }
  REQUIRE(disk.WriteSmallAtomic(vlog::ManifestPath(kDir), "damaged").ok());
  VlogOptions options = PageOptions();
  options.salvage = true;
  Life life(&disk, Driver::Inline(), options);
  CHECK(life.Count(0, latest, 3, "page") == 3);
  CHECK(life.New(5) > latest + (SpaceId{1000} << 32 << kHomeBits));
}

TEST_CASE("vlog pages: types of values survive starts, checkpoints and garbage collection") {
  const ValueType types[] = {ValueType::kString, ValueType::kList, ValueType::kSet,
                             ValueType::kZset,   ValueType::kHash, ValueType::kStream};
  const auto key = [](size_t i, uint64_t expire) {
    return "key" + std::to_string(i) + (expire != 0 ? "expires" : "");
  };
  for (const bool saved : {false, true}) {
    SimDisk disk{SimOptions()};
    VlogTuning tuning = Driver::Inline();
    tuning.gc = true;
    const auto check = [&](Life& life) {
      for (const uint64_t expire : {uint64_t{0}, kFuture}) {
        for (size_t i = 0; i < std::size(types); ++i) {
          const Entry entry = life->Meta(0, key(i, expire));
          CHECK(entry.found);
          CHECK(entry.type == types[i]);
          CHECK(entry.expire_at_ms == expire);
          CHECK(life->Get(0, key(i, expire)) == std::string(1000 + i, 'v'));
        }
      }
    };
    {
      Life life(&disk, tuning, PageOptions(1));
      life->engine->PauseGc(true);
      for (size_t i = 0; i < std::size(types); ++i) {
        const std::string value(1000 + i, 'v');
        const std::string names[] = {key(i, 0), key(i, kFuture)};
        WriteOp plain = life->Put(0, names[0], value);
        WriteOp later = life->Put(0, names[1], value);
        plain.type = later.type = types[i];
        REQUIRE(life->Write({plain}).ok());
        REQUIRE(life->Write({later, life->Expire(0, later.key, kFuture)}).ok());
      }
      check(life);
      const std::string churn(900, 'c');
      for (int i = 0; i < 1500; ++i)
        REQUIRE(life->Write({life->Put(0, "churn" + std::to_string(i % 3), churn)}).ok());
      if (saved) life.Save();
      life->engine->PauseGc(false);
      for (int i = 0; i < 100; ++i) life->Turn(1000);
      uint64_t moved = 0;
      for (const LaneStats& lane : StatsOf(life.driver()).lanes) moved += lane.gc_moved_bytes;
      CHECK(moved > 12000);
      check(life);
      life->Abandon();
      disk.Kill();
    }
    Life life(&disk, tuning, PageOptions(1));
    check(life);
    life.Save();
    REQUIRE(life->Stop().ok());
    Life last(&disk, tuning, PageOptions(1));
    CHECK(last.report().checkpoint_keys > 0);
    check(last);
  }
}

// Its space goes with the unit that deletes it, so it must not go by itself.
TEST_CASE("vlog pages: a collection that has expired waits for its delete") {
  SimDisk disk{SimOptions()};
  VlogTuning tuning = Driver::Inline();
  ManualClock clock;
  tuning.clock = &clock;
  tuning.gc = true;
  const uint64_t expire = clock.wall_ms + 1000;
  {
    Life life(&disk, tuning, PageOptions(1));
    life->engine->PauseGc(true);
    WriteOp hash = life->Put(0, "hash", "root", expire);
    hash.type = ValueType::kHash;
    REQUIRE(life->Write({hash}).ok());
    REQUIRE(life->Write({life->Put(0, "string", "value", expire)}).ok());
    const std::string churn(900, 'c');
    for (int i = 0; i < 1500; ++i)
      REQUIRE(life->Write({life->Put(0, "churn" + std::to_string(i % 3), churn)}).ok());
    clock.wall_ms += 3600 * 1000;
    life->engine->PauseGc(false);
    for (int i = 0; i < 100; ++i) life->Turn(1000);
    CHECK_FALSE(life->Meta(0, "string").found);  // garbage collection has dropped it
    CHECK(life->Meta(0, "hash").found);
    life->Abandon();
    disk.Kill();
  }
  Life life(&disk, tuning, PageOptions(1));
  CHECK_FALSE(life->Meta(0, "string").found);
  CHECK(life->Meta(0, "hash").found);
  CHECK(life->Meta(0, "hash").expire_at_ms == expire);
}
