// The lsm engine: what clients ask for and what is on disk meets bounds, which are answers and
// never the end of the process.
#include <doctest/doctest.h>

#include <string>
#include <vector>

#include "lsm/namespaces.h"
#include "lsm_engine_testing.h"
#include "lsm_testing.h"

using namespace cairn;
using namespace cairn::testing;
using lsm::kDroppedCollectionsMax;
using lsm::Namespaces;

namespace {

// "first\nfirst + 1\n...", `count` of them.
std::string Numbers(uint32_t first, size_t count) {
  std::string text;
  for (size_t i = 0; i < count; ++i) text += std::to_string(first + i) + "\n";
  return text;
}

// Writes a metadata record behind the engine's back, while it is closed.
void Forge(SimDisk* disk, std::string_view name, const std::string& text) {
  const std::unique_ptr<rocksdb::Env> env = NewDiskEnv(disk);
  LsmDb setup;
  rocksdb::Options options = setup.options;
  options.env = env.get();
  rocksdb::DB* opened = nullptr;
  REQUIRE(rocksdb::DB::Open(options, "/data/rocksdb", &opened).ok());
  const std::unique_ptr<rocksdb::DB> db(opened);
  rocksdb::WriteOptions write;
  write.sync = true;
  REQUIRE(db->Put(write, lsm::MetadataKey(name),
                  StoredValue({.kind = lsm::Kind::kMetadata, .version = 1}, text))
              .ok());
}

std::string OpenError(SimulatedLsm* medium) {
  struct : DurabilityListener {
    void OnDurable(uint32_t) override {}
  } listener;
  EngineOptions options = medium->Options();
  options.databases = EngineHost::kDatabases;
  const std::unique_ptr<Engine> engine = medium->NewEngine();
  const Result<RecoveryReport> report = engine->Open(options, medium->disk(), &listener);
  if (!report.ok()) return report.status().message();
  REQUIRE(engine->Close().ok());
  return "";
}

std::string FaultOf(const lsm::FormatFault& fault) { return fault ? fault.Text() : ""; }

}  // namespace

TEST_CASE("lsm bounds: metadata of namespaces") {
  Namespaces namespaces;
  CHECK(FaultOf(namespaces.ParseMapping("20000\n" + Numbers(1, kDatabasesMax))) == "");
  CHECK(namespaces.count() == kDatabasesMax);
  CHECK(FaultOf(namespaces.ParseMapping("20000\n" + Numbers(1, kDatabasesMax + 1))) ==
        "too many databases at byte 87204");
  CHECK(FaultOf(namespaces.ParseMapping("0\n")) == "no such collection at byte 0");
  CHECK(FaultOf(namespaces.ParseMapping("3\n3\n")) == "no such collection at byte 2");

  REQUIRE(FaultOf(namespaces.ParseMapping("4000000000\n1\n7\n")) == "");
  CHECK(FaultOf(namespaces.ParseDropped(Numbers(8, kDroppedCollectionsMax))) == "");
  CHECK(namespaces.dropped().size() == kDroppedCollectionsMax);
  CHECK(FaultOf(namespaces.ParseDropped(Numbers(8, kDroppedCollectionsMax + 1)))
            .starts_with("too many collections at byte "));
  CHECK(FaultOf(namespaces.ParseDropped("3\n2\n")) == "not in order at byte 2");
  CHECK(FaultOf(namespaces.ParseDropped("0\n")) == "no such collection at byte 0");
  CHECK(FaultOf(namespaces.ParseDropped("2\n4000000000\n")) == "no such collection at byte 2");
  CHECK(FaultOf(namespaces.ParseDropped("2\n7\n")) == "collection of a database at byte 2");

  bool changed = false;
  REQUIRE(FaultOf(namespaces.ParseMapping("4294967294\n1\n")) == "");
  CHECK_FALSE(namespaces.Begin(3, &changed));
  CHECK(namespaces.Begin(2, &changed));
  CHECK(namespaces.unused() == 0);
}

TEST_CASE("lsm bounds: what is on disk and breaks them refuses the start") {
  SimulatedLsm medium(1);
  REQUIRE(OpenError(&medium) == "");
  Forge(medium.disk(), "dropped", Numbers(8, kDroppedCollectionsMax + 1));
  Forge(medium.disk(), "namespaces", "4000000000\n1\n2\n3\n4\n");
  CHECK(OpenError(&medium).starts_with("metadata 'dropped': too many collections at byte "));
  Forge(medium.disk(), "dropped", "");
  Forge(medium.disk(), "namespaces", "20000\n" + Numbers(1, kDatabasesMax + 1));
  CHECK(OpenError(&medium) == "metadata 'namespaces': too many databases at byte 87204");
  Forge(medium.disk(), "namespaces", "4294967294\n1\n2\n");
  CHECK(OpenError(&medium).starts_with("/data: the numbers of collections are used up"));
  Forge(medium.disk(), "namespaces", "5\n1\n2\n3\n4\n");
  CHECK(OpenError(&medium) == "");
}

TEST_CASE("lsm bounds: a flush that finds no number for its collection is refused") {
  SimulatedLsm medium(1);
  REQUIRE(OpenError(&medium) == "");
  Forge(medium.disk(), "namespaces", "4294967293\n1\n2\n3\n4\n");
  EngineHost host(&medium);
  std::vector<Ticket> tickets;
  host.Set(0, "a", "1");
  CHECK(host.TryApply({host.Flush(0)}, &tickets).ok());
  host.Set(0, "a", "2");
  // None of the unit is applied.
  const Status refused =
      host.TryApply({host.Put(1, "b", "1"), host.Flush(kAllNamespaces)}, &tickets);
  CHECK(refused.code() == Code::kTooLarge);
  CHECK(refused.message().starts_with("the numbers of collections are used up"));
  CHECK_FALSE(host.See(1, "b").has_value());
  CHECK(host.See(0, "a")->value == "2");
  CHECK(host.TryApply({host.Swap(0, 1)}, &tickets).ok());  // needs none
  CHECK(host.TryApply({host.Flush(0)}, &tickets).ok());
  host.Set(0, "a", "3");
  CHECK(host.TryApply({host.Flush(0)}, &tickets).ok());
  CHECK(host.TryApply({host.Flush(0)}, &tickets).code() == Code::kTooLarge);
  host.Set(0, "a", "4");
  host.Reopen();
  CHECK(host.See(0, "a")->value == "4");
  CHECK(host.See(1, "a")->value == "2");
}

TEST_CASE("lsm bounds: a unit flushes no more databases than are cleaned up again") {
  SimulatedLsm medium(1);
  EngineHost host(&medium);
  std::vector<Ticket> tickets;
  // As MULTI, so many times FLUSHDB.
  const std::vector<WriteOp> flushes(kDroppedCollectionsMax + 1, host.Flush(0));
  CHECK(host.TryApply(flushes, &tickets).code() == Code::kTooLarge);
  CHECK(host.TryApply({host.Flush(0)}, &tickets).ok());
}
