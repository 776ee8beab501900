// Options: the rows and their values, and what the vlog engine makes of its own.
#include <set>
#include <string>
#include <vector>

#include "engine/option_row.h"
#include "io/sim_disk.h"
#include "server/engine_factory.h"
#include "server/option_tables.h"
#include "server/server_options.h"
#include "vlog/vlog.h"
#include "vlog_testing.h"

using namespace cairn;
using namespace cairn::testing;

namespace {

constexpr OptionRow kBytesRow = {"bytes", OptionKind::kBytes, "64mb", 1024, kNoLimit};

std::string Error(const OptionRow& row, std::string_view text) {
  const Result<int64_t> value = OptionValue(row, text);
  return value.ok() ? "" : value.status().message();
}

}  // namespace

TEST_CASE("options: values") {
  const OptionRow integer = {"count", OptionKind::kInteger, "1", -1, 64};
  CHECK(OptionValue(integer, "-1").value() == -1);
  CHECK(OptionValue(integer, "64").value() == 64);
  CHECK(Error(integer, "65") == "count must be between -1 and 64");
  for (const char* text : {"", "x", "1x", " 1", "1.5", "99999999999999999999"})
    CHECK(Error(integer, text) == "count is not a number");
  CHECK(OptionValue(integer, "65", true).value() == 65);

  CHECK(OptionValue(kBytesRow, "1024").value() == 1024);
  CHECK(OptionValue(kBytesRow, "2k").value() == 2000);
  CHECK(OptionValue(kBytesRow, "2KB").value() == 2048);
  CHECK(OptionValue(kBytesRow, "3gb").value() == int64_t{3} << 30);
  CHECK(OptionValue(kBytesRow, "9223372036854775807").value() == kNoLimit);
  CHECK(OptionValue(kBytesRow, "9223372036854775807gb").value() == kNoLimit);
  CHECK(Error(kBytesRow, "1023") == "bytes must be between 1024 and 9223372036854775807");
  CHECK(Error(kBytesRow, "1tb") == "bytes is not a number");
  CHECK(Error(kBytesRow, "mb") == "bytes is not a number");

  const OptionRow ratio = {"ratio", OptionKind::kHundredths, "1.4", 105, 1000};
  CHECK(OptionValue(ratio, "1.4").value() == 140);
  CHECK(OptionValue(ratio, "1.05").value() == 105);
  CHECK(OptionValue(ratio, "10").value() == 1000);
  CHECK(Error(ratio, "1.04") == "ratio must be between 1.05 and 10");
  for (const char* text : {"", ".", "1.", "1.405", "-1.40", "1.-4", "x"})
    CHECK(Error(ratio, text) == "ratio is not a number");

  const OptionRow flag = {"flag", OptionKind::kFlag, "no"};
  CHECK(OptionValue(flag, "yes").value() == 1);
  CHECK(OptionValue(flag, "No").value() == 0);
  CHECK(Error(flag, "1") == "flag must be no or yes");
  OptionRow choice = {"choice", OptionKind::kChoice, "b"};
  choice.choices = "a b c";
  CHECK(OptionValue(choice, "C").value() == 2);
  CHECK(Error(choice, "ab") == "choice must be a, b or c");
  CHECK(OptionChoice(choice, 1) == "b");

  OptionRow automatic = integer;
  automatic.automatic = true;
  CHECK(OptionValue(automatic, "auto").value() == kAutomatic);
  CHECK(Error(integer, "auto") == "count is not a number");
  const OptionRow mode = {"mode", OptionKind::kMode, "0", 0, 07777};
  CHECK(OptionValue(mode, "700").value() == 0700);
  CHECK(Error(mode, "8") == "mode is not a number");
}

TEST_CASE("options: of vlog, by name") {
  EngineOptions given;
  given.reactors = 8;
  given.own = {{"segment-size", "2mb"}, {"gc-mode", "aggressive"}};
  const Result<VlogOptions> options = VlogOptions::From(given);
  REQUIRE(options.ok());
  CHECK(options.value().segment_bytes == 2u << 20);
  CHECK(options.value().gc_mode == GcMode::kAggressive);
  CHECK(options.value().gc_space_amplification == 140);  // the row's
  CHECK(options.value().lanes_auto);
  CHECK(options.value().lanes == 4);
  given.own = {{"segment-size", "1kb"}};
  CHECK(VlogOptions::From(given).status().message().starts_with("segment-size must be between"));
  given.own = {{"rocksdb-x", "1"}};
  CHECK(VlogOptions::From(given).status().message() == "the engine vlog has no option 'rocksdb-x'");
}

TEST_CASE("options: changed while vlog is open, and its commands") {
  SimDisk disk{SimOptions()};
  Driver driver(&disk, Driver::Options("/data"));
  REQUIRE(driver.Start().ok());
  const auto modes = [&] {
    std::string all;
    for (const LaneStats& lane : StatsOf(driver).lanes) all += std::string(lane.gc_mode) + " ";
    return all;
  };
  const auto set = [&](const char* name, const char* value) {
    return driver.engine->SetOption(name, value).message();
  };
  const auto command = [&](std::vector<std::string_view> words) {
    std::string reply;
    return driver.engine->Command(words, &reply).message();
  };
  CHECK(set("gc-mode", "throttled") == "");
  CHECK(modes() == "throttled throttled ");
  CHECK(command({"GC", "mode", "1", "LAZY"}) == "");
  CHECK(modes() == "throttled lazy ");
  CHECK(set("gc-iops", "7") == "");
  CHECK(modes() == "throttled lazy ");
  CHECK(set("gc-mode", "aggressive") == "");
  CHECK(modes() == "aggressive aggressive ");
  CHECK(set("gc-mode", "quick") == "gc-mode must be lazy, throttled or aggressive");
  CHECK(set("lanes", "3") == "lanes takes effect at the next start only");
  CHECK(set("port", "3") == "the engine vlog has no option 'port'");
  CHECK(command({"gc", "mode", "2", "lazy"}) == "no lane '2': it must be 0 to 1");
  CHECK(command({"gc", "mode", "", "lazy"}) == "no lane '': it must be 0 to 1");
  CHECK(command({"gc", "mode", "1", "x"}) ==
        "unknown mode 'x': gc-mode must be lazy, throttled or aggressive");
  CHECK(command({"gc", "pause"}) == "");
  CHECK(StatsOf(driver).gc_paused);
  CHECK(command({"gc", "resume"}) == "");
  CHECK_FALSE(StatsOf(driver).gc_paused);
  for (const auto& words : std::vector<std::vector<std::string_view>>{
           {}, {"gc"}, {"compact"}, {"gc", "pause", "x"}, {"gc", "mode"}})
    CHECK(command(words).starts_with("the engine vlog has no command"));
}

TEST_CASE("options: what a command sets outlives Close and Open, what an option sets does not") {
  SimDisk disk{SimOptions()};
  VlogEngine engine(Driver::Inline());
  struct Listener final : DurabilityListener {
    void OnDurable(uint32_t) override {}
  } listener;
  REQUIRE(engine.Open(Driver::Options("/data"), &disk, &listener).ok());
  std::string reply;
  const std::string_view mode[] = {"gc", "mode", "1", "aggressive"};
  REQUIRE(engine.SetOption("gc-mode", "throttled").ok());
  REQUIRE(engine.Command(mode, &reply).ok());
  REQUIRE(engine.Close().ok());
  REQUIRE(engine.Open(Driver::Options("/data"), &disk, &listener).ok());
  VlogStats stats;
  engine.Stats(&stats);
  CHECK(stats.lanes[0].gc_mode == "lazy");
  CHECK(stats.lanes[1].gc_mode == "aggressive");
  REQUIRE(engine.Close().ok());
}

TEST_CASE("options: engines by name") {
  CHECK(NewEngine("vlog").ok());
  CHECK(NewEngine("btree").status().message() == "there is no engine 'btree'");
}

TEST_CASE("options: every row of every table is sound") {
  std::set<std::string> names;
  for (const TableRow& one : OptionTable()) {
    const OptionRow& row = one.row;
    CAPTURE(row.name);
    CHECK(names.insert(row.name).second);
    CHECK(std::string_view(row.doc).size() > 20);
    CHECK(row.min <= row.max);
    const bool chooses = row.kind == OptionKind::kChoice || row.kind == OptionKind::kLetters;
    CHECK(chooses == (std::string_view(row.choices) != ""));
    // What depends on the machine is resolved before it comes here.
    if (row.kind >= OptionKind::kText || row.kind == OptionKind::kShareOfBytes) continue;
    const Result<int64_t> value = OptionValue(row, row.initial);
    CHECK_MESSAGE(value.ok(), value.status().message());
  }
  CHECK(FindOptionRow("gc-mode")->engine == std::string("vlog"));
  CHECK(FindOptionRow("lsm-exact-counts")->engine == std::string("lsm"));
  CHECK(FindOptionRow("port")->engine == nullptr);
  CHECK(FindOptionRow("ports") == nullptr);
}

TEST_CASE("options: of a server, by name") {
  const auto read = [](std::vector<OptionText> texts) { return ReadOptions(texts); };
  const Result<ServerOptions> options = read({{"port", "7"},
                                              {"bind", "a  b"},
                                              {"unixsocketperm", "770"},
                                              {"io-backend", "threads"},
                                              {"appendfsync", "no"},
                                              {"gc-mode", "lazy"},
                                              {"rocksdb-compression", "no"},
                                              {"timeout", "9"},
                                              {"disk-cpu", "no"},
                                              {"dir", "/d"}});
  REQUIRE(options.ok());
  CHECK(options.value().port == 7);
  CHECK(options.value().bind == std::vector<std::string>{"a", "b"});
  CHECK(options.value().unix_mode == 0770);
  CHECK(options.value().io_backend == IoBackend::kThreads);
  CHECK_FALSE(options.value().disk_cpu);
  CHECK(options.value().engine.fsync == FsyncPolicy::kNo);
  CHECK(options.value().engine.dir == "/d");
  REQUIRE(options.value().engine.own.size() == 1);  // of the engine in use alone
  CHECK(options.value().engine.own[0].name == "gc-mode");
  REQUIRE(options.value().live.size() == 1);
  CHECK(read({{"port", "70000"}}).status().message() == "port must be between 0 and 65535");
  CHECK(read({{"timeout", "x"}}).status().message() == "timeout is not a number");
  CHECK(read({{"rocksdb-compression", "gzip"}}).status().message() ==
        "rocksdb-compression must be no, lz4 or zstd");
  CHECK(read({{"no-such", "1"}}).status().message() == "there is no option 'no-such'");
}

TEST_CASE("options: put into effect by a server, and kept over a reload") {
  TempDir dir;
  const std::vector<OptionText> texts = {
      {"dir", dir.path() + "/data"},
      {"unixsocket", dir.path() + "/s"},
      {"port", "0"},
      {"io-backend", "threads"},
      {"disk-cpu", "no"},
      {"timeout", "9"},
      {"segment-size", "1mb"},
      {"wal-ring-size", "1mb"},
      {"cache-size", "2mb"},
      {"client-output-buffer-limit", "normal 1 2 3 slave 4 5 6 pubsub 7kb 8 9"}};
  Result<ServerOptions> options = ReadOptions(texts);
  REQUIRE(options.ok());
  Server server(options.value());
  Options& shared = server.shared().options;
  CHECK(shared.timeout_s.load() == 9);
  CHECK(shared.output_hard[0].load() == 1);
  CHECK(shared.output_soft_seconds[0].load() == 3);
  CHECK(shared.output_hard[kPubSubClients].load() == 7 * 1024);
  REQUIRE(server.Open().ok());
  REQUIRE(server.Listen().ok());
  CHECK(server.SetOption("timeout", "10").ok());
  CHECK(shared.timeout_s.load() == 10);
  CHECK(server.SetOption("port", "1").message() == "port takes effect at the next start only");
  CHECK(server.SetOption("rocksdb-compression", "no").message() ==
        "the engine vlog has no option 'rocksdb-compression'");
  CHECK(server.SetOption("appendfsync", "everysec").ok());
  CHECK(shared.fsync.load() == FsyncPolicy::kEverySecond);
  CHECK(server.SetOption("cache-size", "3mb").ok());
  CHECK(server.cache_bytes_max() == 3u << 20);
  CHECK(server.SetOption("gc-mode", "aggressive").ok());
  REQUIRE(server.Reload().ok());
  const std::string_view status[] = {"gc", "status"};
  std::string reply;
  CHECK(server.engine().Command(status, &reply).ok());
  CHECK(reply.starts_with("lane 0 mode aggressive log-bytes "));
  CHECK(server.Stop().ok());
}

TEST_CASE("options: what an engine needs of the machine") {
  EngineOptions options;
  options.own = {{"lanes", "3"}, {"wal-ring-size", "2mb"}};
  const EngineNeeds vlog = NeedsOf("vlog", options);
  CHECK(vlog.buffer_bytes == 6u << 20);
  CHECK(vlog.buffers == "rings (wal-ring-size, for each of the lanes: 3)");
  CHECK(vlog.free_bytes_min == kGcFreeBytesMin);
  options.own = {{"rocksdb-write-buffer-size", "1mb"}};
  const EngineNeeds lsm = NeedsOf("lsm", options);
  CHECK(lsm.buffer_bytes == 16u << 20);
  CHECK(lsm.reserved_by.empty());
}
