// Pages in the lsm engine, beyond what the contract suite asks of every engine: through flushes and
// compactions, what `cairn check` says of them, and numbers of spaces.
#include <algorithm>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "host_pages.h"
#include "lsm/check.h"
#include "lsm_engine_testing.h"
#include "vlog_testing.h"

using namespace cairn;
using namespace cairn::testing;

namespace {

void Compact(EngineHost* host) {
  host->Settle();
  const std::string_view words[] = {"compact"};
  std::string reply;
  REQUIRE(host->engine->Command(words, &reply).ok());
}

uint64_t Dropping(const EngineHost& host) {
  FigureList list;
  host.engine->Figures({}, &list);
  for (const Figure& figure : list.all())
    if (std::string_view(figure.row.info) == "spaces_dropping")
      return static_cast<uint64_t>(figure.values[0]);
  FAIL("no such figure");
  return 0;
}

void Fill(EngineHost* host, uint16_t ns, SpaceId space, uint64_t pages, const std::string& image) {
  std::vector<PageOp> ops;
  for (uint64_t page = 0; page < pages; ++page)
    ops.push_back(Pages::Image(ns, space, page, image, 2));
  Pages(host).Staged({}, ops);
}

}  // namespace

TEST_CASE("lsm pages: they and types of values go through compactions") {
  const ValueType types[] = {ValueType::kString, ValueType::kList, ValueType::kSet,
                             ValueType::kZset,   ValueType::kHash, ValueType::kStream};
  SimulatedLsm medium(1);
  EngineHost host(&medium, [](EngineOptions* options) { options->cache_bytes = 0; });
  const SpaceId space = Pages(&host).New(9);
  const auto key = [](ValueType type) { return "k" + std::to_string(static_cast<int>(type)); };
  const auto check = [&](const std::string& image) {
    for (const ValueType type : types) {
      CHECK(host.Meta(0, key(type)).type == type);
      CHECK(host.Get(0, key(type)) == std::string(2000, 'v'));
    }
    for (const uint64_t page : {0, 1, 99}) CHECK(Pages(&host).Get(0, space, page) == image);
    CHECK(host.engine->KeyCount(0) == std::size(types));
  };
  for (const char version : {'a', 'b'}) {
    for (const ValueType type : types) {
      const std::string name = key(type), value(2000, 'v');
      WriteOp op = host.Put(0, name, value);
      op.type = type;
      host.Staged({op});
    }
    const std::string image(3000, version);
    Fill(&host, 0, space, 100, image);
    check(image);
    Compact(&host);
    check(image);
    host.Reopen();
    check(image);
  }
}

TEST_CASE("lsm pages: what is left of dropped spaces goes, also after a start") {
  SimulatedLsm medium(1);
  EngineHost host(&medium);
  const SpaceId gone = Pages(&host).New(9), other = Pages(&host).New(9);
  Fill(&host, 0, gone, 3000, "gone");
  Fill(&host, 0, other, 30, "other");
  host.Settle();
  REQUIRE(host.UntilDurable(Pages(&host).Staged({}, {Pages::Drop(0, gone)})));
  REQUIRE(host.CrashAndReopen(false));
  REQUIRE(host.Until([&] { return Dropping(host) == 0; }));
  host.Settle();
  for (const uint64_t page : {0, 1500, 2999})
    CHECK_FALSE(Pages(&host).Get(0, gone, page).has_value());
  CHECK(Pages(&host).Get(0, other, 29) == "other");
  host.Reopen();
  CHECK(Dropping(host) == 0);
  for (const uint64_t page : {0, 1500, 2999})
    CHECK_FALSE(Pages(&host).Get(0, gone, page).has_value());
}

TEST_CASE("lsm pages: cairn check knows them") {
  const TempDir dir;
  const std::unique_ptr<Disk> disk = NewPosixDisk(IoBackend::kThreads);
  SimulatedLsm medium(1);
  EngineOptions options = medium.Options();
  options.dir = dir.path() + "/data";
  const auto checked = [&] {
    Result<CheckReport> report = lsm::CheckDirectory(options.dir, disk.get(), 1);
    REQUIRE_MESSAGE(report.ok(), report.status().message());
    for (const CheckFinding& finding : report.value().findings) FAIL_CHECK(finding.reason);
    return report.value();
  };
  class Real final : public EngineUnderTest {
   public:
    Real(EngineOptions options, Disk* disk) : options_(std::move(options)), disk_(disk) {}
    EngineOptions Options() const override { return options_; }
    std::unique_ptr<Engine> NewEngine() override { return std::make_unique<lsm::LsmEngine>(); }
    void Die(Engine* engine) override { static_cast<lsm::LsmEngine*>(engine)->AbandonForTest(); }
    Disk* disk() override { return disk_; }
    bool in_real_time() const override { return true; }
    bool Kill() override { return true; }

   private:
    EngineOptions options_;
    Disk* disk_;
  } real(options, disk.get());
  SpaceId space = 0, flushed = 0;
  {
    EngineHost host(&real);
    space = Pages(&host).New(3);
    flushed = Pages(&host).New(4);
    host.Set(0, "key", "value");
    Fill(&host, 0, space, 10, "image");
    Fill(&host, 1, flushed, 10, "image");
    host.Staged({host.Flush(1)});
    host.Settle();
  }
  CHECK(checked().live_keys == 1);
  CHECK(checked().live_pages == 10);
  CHECK(checked().live_page_bytes == 50);
  CHECK(checked().dropped_spaces == 0);
  {
    // The thread that deletes the pages may have done so before the process dies, or not.
    EngineHost host(&real);
    Pages(&host).Staged({}, {Pages::Drop(0, space)});
    REQUIRE(host.UntilDurable({host.engine->LatestTicket(0)}));
    host.Abandon();
  }
  CHECK(checked().live_pages == 0);
  CHECK(checked().dropped_spaces <= 1);
  {
    EngineHost host(&real);
    REQUIRE(host.Until([&] { return Dropping(host) == 0; }));
  }
  CHECK(checked().dropped_spaces == 0);
}

TEST_CASE("lsm pages: numbers of spaces are set aside before they are used") {
  SimulatedLsm medium(1);
  std::set<SpaceId> given;
  class Few final : public EngineUnderTest {
   public:
    explicit Few(SimulatedLsm* medium)
        : medium_(*medium), files_(NewDiskFileSystem(medium->disk())) {}
    EngineOptions Options() const override { return medium_.Options(); }
    std::unique_ptr<Engine> NewEngine() override {
      lsm::LsmEngine::Tuning tuning;
      tuning.file_system = files_;
      tuning.reserve_bytes = 64u << 10;
      tuning.space_numbers = 4;
      return std::make_unique<lsm::LsmEngine>(tuning);
    }
    void Die(Engine* engine) override { medium_.Die(engine); }
    Disk* disk() override { return medium_.disk(); }
    bool in_real_time() const override { return true; }
    bool Crash() override { return medium_.Crash(); }
    bool Kill() override { return medium_.Kill(); }

   private:
    SimulatedLsm& medium_;
    std::shared_ptr<rocksdb::FileSystem> files_;
  } few(&medium);
  EngineHost host(&few);
  for (int round = 0; round < 4; ++round) {
    for (int i = 0; i < 10; ++i) {
      SpaceId space = 0;
      REQUIRE(host.Until([&] {
        LatchGuard guard(host.engine->ShardLatch(9));
        const Status status = host.engine->spaces()->NewSpace(9, &space);
        CHECK((status.ok() || status.code() == Code::kBusy));
        return status.ok();
      }));
      CHECK(given.insert(space).second);
    }
    REQUIRE(host.CrashAndReopen(round % 2 == 0));
  }
}
