// The engine contract (engine/engine.h), on every engine: tickets and what they wait for, the end
// of a life in every way, media that are full or broken.
#include "engine/figures.h"
#include "engine_host.h"

using namespace cairn;
using namespace cairn::testing;

namespace {

constexpr uint64_t kFarMs = 4102444800000;  // in 2100

EngineHost::Change OneStream(const EngineUnderTest& medium) {
  return [&medium](EngineOptions* options) { medium.WantStreams(options, 1); };
}

// A key whose writes are committed in that stream.
std::string KeyIn(EngineHost& host, uint32_t stream, const std::string& name) {
  constexpr uint16_t kScratch = EngineHost::kDatabases - 1;
  for (int i = 0;; ++i) {
    std::string key = name + std::to_string(i);
    const std::vector<Ticket> tickets = host.Staged({host.Put(kScratch, key, "")});
    host.Staged({host.Del(kScratch, key)});
    if (tickets[0].stream == stream) return key;
  }
}

}  // namespace

CONTRACT_TEST("tickets: of the streams touched, met in the end, and then asked for no more") {
  EngineHost host(&medium);
  const uint32_t streams = host.engine->streams();
  const std::string first = KeyIn(host, 0, "first");
  const std::string second = KeyIn(host, streams - 1, "second");

  const std::vector<Ticket> one = host.Staged({host.Put(0, first, "v")});
  REQUIRE(one.size() == 1);
  CHECK(one[0].stream == 0);
  const std::vector<Ticket> both =
      host.Staged({host.Put(0, second, "v"), host.Put(0, first, "w"), host.Put(0, second, "w")});
  CHECK(both.size() == (streams == 1 ? 1 : 2));
  CHECK(host.Staged({host.Flush(1)}).size() == streams);

  // Nothing was sent off yet.
  for (const std::string& key : {first, second}) {
    const Entry entry = host.Meta(0, key);
    CHECK(entry.ticket.position != 0);
    CHECK_FALSE(host.Durable({entry.ticket}));
  }
  CHECK(host.UntilDurable(both));
  CHECK(host.Durable(one));  // the earlier one is not later
  for (const std::string& key : {first, second}) CHECK(host.Meta(0, key).ticket.position == 0);
  CHECK(host.durable_calls.load() > 0);

  // Removals are observed by a miss.
  const std::vector<Ticket> removed = host.Staged({host.Del(0, first)});
  const Entry miss = host.Meta(0, first);
  CHECK_FALSE(miss.found);
  CHECK(miss.ticket.position != 0);
  CHECK(host.UntilDurable({miss.ticket}));
  CHECK(host.Durable(removed));
  CHECK(host.Meta(0, first).ticket.position == 0);
  host.Staged({host.Flush(0)});
  CHECK(host.Meta(0, second).ticket.position != 0);
  CHECK(host.UntilDurable({host.Meta(0, second).ticket}));

  // So are changes of expiry.
  host.Set(0, first, "v");
  host.Settle();
  host.Staged({host.Expire(0, first, kFarMs)});
  CHECK(host.Meta(0, first).ticket.position != 0);
  CHECK(host.UntilDurable({host.Meta(0, first).ticket}));
}

CONTRACT_TEST("a unit that changes nothing is answered like any other") {
  EngineHost host(&medium);
  for (int i = 0; i < 2; ++i) {
    CHECK(host.UntilDurable(host.Staged({host.Flush(0)})));
    CHECK(host.UntilDurable(host.Staged({host.Flush(kAllNamespaces)})));
    CHECK(host.UntilDurable(host.Staged({host.Swap(0, 1)})));
    CHECK(host.UntilDurable(host.Staged({host.Put(0, "k", "v"), host.Del(0, "k")})));
    CHECK(host.UntilDurable({host.Meta(0, "k").ticket}));
  }
}

// What a reply shows stands on the latest flush or swap, whatever key it is of.
CONTRACT_TEST("what is seen beside a swap or a flush waits for it") {
  EngineHost host(&medium);
  host.Set(0, "in 0", "v");
  host.Set(1, "in 1", "v");
  host.Settle();
  const auto ticket_of = [&](uint16_t ns, std::string_view key) {
    Entry entry;
    LatchGuard guard(host.engine->ShardLatch(ShardOf(key)));
    host.engine->Find(ns, ShardOf(key), key, true, &entry);
    return entry.ticket;
  };
  const std::vector<Ticket> swapped = host.Staged({host.Swap(0, 1)});
  if (!host.Durable(swapped)) {
    CHECK(ticket_of(0, "in 1").position != 0);
    CHECK(ticket_of(0, "in 0").position != 0);
  }
  CHECK(host.UntilDurable(swapped));
  const std::vector<Ticket> flushed = host.Staged({host.Flush(0)});
  if (!host.Durable(flushed)) CHECK(ticket_of(0, "in 1").position != 0);
  CHECK(host.UntilDurable(flushed));
  CHECK(ticket_of(0, "in 1").position == 0);
}

CONTRACT_TEST("the latest ticket covers all that was applied in its stream") {
  EngineHost host(&medium);
  for (uint32_t stream = 0; stream < host.engine->streams(); ++stream) {
    std::vector<std::string> keys;
    for (int i = 0; i < 20; ++i) keys.push_back(KeyIn(host, stream, "k" + std::to_string(i) + ":"));
    host.Settle();
    CHECK(host.Durable({host.engine->LatestTicket(stream)}));
    for (const std::string& key : keys) host.Set(0, key, std::string(3000, 'v'));
    const Ticket staged = host.engine->LatestTicket(stream);
    CHECK(staged.stream == stream);
    CHECK_FALSE(host.Durable({staged}));
    CHECK(host.UntilDurable({staged}));
    for (const std::string& key : keys) CHECK(host.Meta(0, key).ticket.position == 0);
  }
}

CONTRACT_TEST("what nobody waits for is on its way at the next tick") {
  EngineHost host(&medium);
  WriteOp op = host.Put(0, "k", "v");
  op.awaited = false;
  const std::vector<Ticket> tickets = host.Staged({op});
  CHECK(host.Get(0, "k") == "v");
  CHECK(host.UntilDurable(tickets));
  // Or with what somebody waits for.
  WriteOp del = host.Del(0, "k");
  del.awaited = false;
  const std::vector<Ticket> first = host.Staged({del});
  CHECK(host.UntilDurable(host.Staged({host.Put(0, "k", "w")})));
  CHECK(host.Durable(first));
  host.Reopen();
  CHECK(host.Get(0, "k") == "w");
}

CONTRACT_TEST("a sync makes durable what was staged, whatever the policy") {
  for (const FsyncPolicy policy :
       {FsyncPolicy::kAlways, FsyncPolicy::kEverySecond, FsyncPolicy::kNo}) {
    CAPTURE(static_cast<int>(policy));
    EngineHost host(&medium, [&](EngineOptions* options) { options->fsync = policy; });
    host.Set(0, "k", std::to_string(static_cast<int>(policy)));
    const std::vector<Ticket> all = {host.engine->LatestTicket(0), host.engine->LatestTicket(1)};
    host.engine->RequestSync(0);
    CHECK(host.UntilDurable(all));
    if (host.CrashAndReopen(true))
      CHECK(host.Get(0, "k") == std::to_string(static_cast<int>(policy)));
  }
}

CONTRACT_TEST("everysec syncs by itself; a change to always asks for no restart") {
  EngineHost host(&medium,
                  [](EngineOptions* options) { options->fsync = FsyncPolicy::kEverySecond; });
  CHECK(host.UntilDurable(host.Staged({host.Put(0, "k", "1")})));
  REQUIRE(host.engine->SetOption("appendfsync", "always").ok());
  CHECK(host.UntilDurable(host.Staged({host.Put(0, "k", "2")})));
  REQUIRE(host.engine->SetOption("appendfsync", "no").ok());
  const std::vector<Ticket> tickets = host.Staged({host.Put(0, "k", "3")});
  for (int i = 0; i < 10; ++i) host.Pass(10);
  REQUIRE(host.engine->SetOption("appendfsync", "always").ok());
  host.engine->RequestSync(0);
  CHECK(host.UntilDurable(tickets));
}

CONTRACT_TEST("an orderly end keeps all that was applied, waited for or not") {
  for (const FsyncPolicy policy :
       {FsyncPolicy::kAlways, FsyncPolicy::kEverySecond, FsyncPolicy::kNo}) {
    EngineHost host(&medium, [&](EngineOptions* options) { options->fsync = policy; });
    host.Staged({host.Flush(kAllNamespaces)});
    for (int i = 0; i < 100; ++i)
      host.Set(0, "k" + std::to_string(i), std::string(static_cast<size_t>(i) * 50, 'v'), kFarMs);
    WriteOp unawaited = host.Put(0, "unawaited", "v");
    unawaited.awaited = false;
    host.Staged({unawaited});
    if (policy == FsyncPolicy::kNo) host.engine->SkipFinalSave();
    host.Reopen();
    CHECK(host.found().keys == 101);
    CHECK(host.engine->KeyCount(0) == 101);
    CHECK(host.engine->ExpiringCount(0) == 100);
    for (int i = 0; i < 100; ++i)
      CHECK(host.Get(0, "k" + std::to_string(i)) == std::string(static_cast<size_t>(i) * 50, 'v'));
    CHECK(host.Meta(0, "unawaited").ticket.position == 0);
  }
}

CONTRACT_TEST("a checkpoint that was asked for is served") {
  EngineHost host(&medium);
  for (int i = 0; i < 50; ++i) host.Set(0, "k" + std::to_string(i), "v");
  const uint64_t first = host.engine->RequestSave();
  REQUIRE(host.Until([&] { return host.engine->Saves().done >= first; }));
  CHECK(host.engine->Saves().last_ok);
  host.Set(0, "k0", "w");
  const uint64_t second = host.engine->RequestSave();
  CHECK(second > first);
  REQUIRE(host.Until([&] { return host.engine->Saves().done >= second; }));
  host.Set(0, "k1", "w");
  host.engine->SkipFinalSave();
  host.Reopen();
  CHECK(host.engine->KeyCount(0) == 50);
  CHECK(host.Get(0, "k0") == "w");
  CHECK(host.Get(0, "k1") == "w");
}

CONTRACT_TEST("figures have names of their own, and counters begin again at a reset") {
  EngineHost host(&medium);
  for (int i = 0; i < 10; ++i) host.Set(0, "k" + std::to_string(i), "v");
  host.Settle();
  for (uint32_t stream = 0; stream < host.engine->streams(); ++stream)
    CHECK(host.engine->State(stream) == StreamState::kRunning);
  FigureList before, after;
  host.engine->Figures({}, &before);
  host.engine->ResetFigures();
  host.engine->Figures({}, &after);
  REQUIRE(!before.all().empty());
  REQUIRE(before.all().size() == after.all().size());
  std::set<std::string> infos, metrics;
  uint64_t counted = 0;
  for (size_t i = 0; i < after.all().size(); ++i) {
    const Figure& figure = after.all()[i];
    const FigureRow& row = figure.row;
    const std::string info = row.info, metric = row.metric;
    CAPTURE(info);
    CAPTURE(metric);
    CHECK((!info.empty() || !metric.empty()));
    if (!info.empty()) CHECK(infos.insert(info).second);
    if (!metric.empty()) CHECK(std::string_view(row.help).ends_with("."));
    CHECK(figure.labels.empty() == (std::string_view(row.label).empty() || !figure.text.empty()));
    for (const std::string& label : figure.labels)
      CHECK(metrics.insert(metric + " " + label).second);
    if (!metric.empty() && figure.labels.empty()) CHECK(metrics.insert(metric).second);
    if (row.kind != FigureKind::kCounter) continue;
    if (!metric.empty()) CHECK(metric.ends_with("_total"));
    REQUIRE(figure.values.size() == std::max<size_t>(1, figure.labels.size()));
    for (const double value : before.all()[i].values) counted += value > 0 ? 1 : 0;
  }
  CHECK(counted != 0);
  (void)host.engine->TakeNotices();
}

CONTRACT_TEST("one look tells what the engine tells one by one") {
  EngineHost host(&medium);
  for (int i = 0; i < 10; ++i) host.Set(0, "k" + std::to_string(i), "v");
  host.Settle();
  EngineStats stats, stats_of_look;
  FigureList list, list_of_look;
  host.engine->Stats(&stats);
  host.engine->Figures({.found = 7}, &list);
  host.engine->Look({.found = 7}, &stats_of_look, &list_of_look);
  CHECK(stats.data_bytes == stats_of_look.data_bytes);
  CHECK(stats.block_bytes == stats_of_look.block_bytes);
  CHECK(stats.io_backend == stats_of_look.io_backend);
  REQUIRE(list.all().size() == list_of_look.all().size());
  for (size_t i = 0; i < list.all().size(); ++i) {
    const Figure &one = list.all()[i], &other = list_of_look.all()[i];
    CHECK(std::string(one.row.info) == other.row.info);
    CHECK(std::string(one.row.metric) == other.row.metric);
    if (std::string_view(one.row.info) == "user_bytes_written") CHECK(one.values == other.values);
  }
}

CONTRACT_TEST("options that change while it is open lose nothing") {
  EngineHost host(&medium);
  const auto fill = [&](const std::string& value) {
    for (int i = 0; i < 100; ++i) host.Set(0, "k" + std::to_string(i), value);
    host.Settle();
  };
  fill("1");
  CHECK(host.engine->SetOption("cache-size", "0").ok());
  fill("2");
  CHECK(host.engine->SetOption("cache-size", "1mb").ok());
  CHECK(host.engine->SetOption("min-free-bytes", "0").ok());
  fill("3");
  for (int i = 0; i < 100; ++i) CHECK(host.Get(0, "k" + std::to_string(i)) == "3");
}

CONTRACT_TEST("a place in use is refused, and so is a start that is told to stop") {
  EngineHost host(&medium);
  host.Set(0, "k", "v");
  std::unique_ptr<Engine> second = medium.NewEngine();
  CHECK(second->Open(host.options(), medium.disk(), &host).status().code() == Code::kBusy);
  second.reset();
  CHECK(host.Get(0, "k") == "v");
  REQUIRE(host.Stop().ok());
  const std::atomic<bool> stop{true};
  EngineOptions options = host.options();
  options.stop = &stop;
  std::unique_ptr<Engine> stopped = medium.NewEngine();
  CHECK(stopped->Open(options, medium.disk(), &host).status().code() == Code::kBusy);
  stopped.reset();
  host.Reopen();
  CHECK(host.Get(0, "k") == "v");
}

CONTRACT_TEST("more databases, another number of lanes: what was there is there") {
  EngineHost host(&medium);
  for (int i = 0; i < 50; ++i) host.Set(3, "k" + std::to_string(i), "v");
  for (const uint32_t lanes : {1u, 3u, 2u}) {
    host.Reopen([&](EngineOptions* options) {
      medium.WantStreams(options, lanes);
      options->databases += 2;
    });
    CHECK(host.engine->streams() == (medium.single_stream() ? 1 : lanes));
    CHECK(host.engine->KeyCount(3) == 50);
    host.Set(static_cast<uint16_t>(host.options().databases - 1), "new", "v");
    CHECK(host.Get(3, "k7") == "v");
  }
}

CONTRACT_TEST("the process dies, or the power fails: what was acknowledged is there") {
  for (const bool power : {false, true}) {
    CAPTURE(power);
    EngineHost host(&medium);
    host.Staged({host.Flush(kAllNamespaces)});
    std::vector<Ticket> tickets;
    for (int i = 0; i < 60; ++i) {
      const std::string number = std::to_string(i);
      tickets =
          host.Staged({host.Put(0, "a" + number, std::string(static_cast<size_t>(i) * 200, 'v')),
                       host.Put(1, "b" + number, number, kFarMs)});
      if (i % 10 == 9) REQUIRE(host.UntilDurable(tickets));
    }
    REQUIRE(host.UntilDurable(host.Staged({host.Del(0, "a3"), host.Expire(1, "b4", 0)})));
    // Nobody has waited for this one: a unit is there as a whole, or not at all.
    host.Staged({host.Put(0, "late", "1"), host.Put(1, "late", "1"), host.Del(0, "a5")});
    if (!host.CrashAndReopen(power)) return;
    for (int i = 0; i < 60; ++i) {
      const std::string number = std::to_string(i);
      if (i == 5) continue;
      CHECK(host.Meta(0, "a" + number).found == (i != 3));
      if (i != 3)
        CHECK(host.Get(0, "a" + number) == std::string(static_cast<size_t>(i) * 200, 'v'));
      CHECK(host.See(1, "b" + number) == Seen{number, i == 4 ? 0 : kFarMs});
    }
    const bool late = host.Meta(0, "late").found;
    CHECK(host.Meta(1, "late").found == late);
    CHECK(host.Meta(0, "a5").found == !late);
    // What is found is durable: nothing waits for it.
    CHECK(host.Meta(0, "a1").ticket.position == 0);
    CHECK(host.Meta(0, "a3").ticket.position == 0);
  }
}

CONTRACT_TEST("flushes and swaps that were acknowledged outlive a crash") {
  for (const bool power : {false, true}) {
    EngineHost host(&medium);
    host.Staged({host.Flush(kAllNamespaces)});
    for (int i = 0; i < 30; ++i) host.Set(0, "k" + std::to_string(i), "in 0");
    for (int i = 0; i < 30; ++i) host.Set(1, "k" + std::to_string(i), "in 1");
    host.Staged({host.Swap(0, 2)});
    REQUIRE(host.UntilDurable(host.Staged({host.Flush(1)})));
    if (!host.CrashAndReopen(power)) return;
    CHECK(host.engine->KeyCount(0) == 0);
    CHECK(host.engine->KeyCount(1) == 0);
    CHECK(host.engine->KeyCount(2) == 30);
    CHECK(host.Get(2, "k0") == "in 0");
  }
}

CONTRACT_TEST("a full medium refuses what needs room, and nothing else; it heals by itself") {
  EngineHost host(&medium, OneStream(medium));
  host.Set(0, "kept", "value", kFarMs);
  host.Set(0, "goes", "value");
  host.Settle();
  if (!medium.SetFull(true)) return;
  // Some room may have been taken ahead.
  const std::string value(50000, 'v');
  std::vector<Ticket> tickets;
  std::vector<Ticket> last;
  Status status;
  int written = 0;
  REQUIRE(host.Until([&] {
    status = host.TryApply({host.Put(0, "k" + std::to_string(written), value)}, &tickets);
    if (status.ok()) {
      ++written;
      last = tickets;
    }
    return !status.ok() && status.code() != Code::kBusy;
  }));
  CHECK(status.code() == Code::kNoSpace);
  CHECK_FALSE(status.message().empty());
  // kStopped, too, if it had nothing in reserve for what it had taken.
  CHECK(host.engine->State(0) != StreamState::kRunning);
  CHECK(host.engine->State(0) != StreamState::kFailed);
  const std::string refused = "k" + std::to_string(written);
  CHECK_FALSE(host.Meta(0, refused).found);
  CHECK(host.engine->KeyCount(0) == static_cast<uint64_t>(written) + 2);
  CHECK(host.See(0, "kept") == Seen{"value", kFarMs});
  // Deletes go on, perhaps after what was taken before.
  REQUIRE(host.Until([&] {
    status = host.TryApply({host.Del(0, "goes")}, &tickets);
    return status.code() != Code::kBusy;
  }));
  INFO(status.message());
  REQUIRE(status.ok());
  CHECK_FALSE(host.Meta(0, "goes").found);
  REQUIRE(medium.SetFull(false));
  CHECK(host.UntilDurable(tickets));
  if (!last.empty()) CHECK(host.UntilDurable(last));
  REQUIRE(host.Until([&] { return host.TryApply({host.Put(0, refused, value)}, &tickets).ok(); }));
  CHECK(host.UntilDurable(tickets));
  CHECK(host.engine->State(0) == StreamState::kRunning);
  host.Reopen();
  CHECK(host.engine->KeyCount(0) == static_cast<uint64_t>(written) + 2);
  CHECK(host.Get(0, refused) == value);
}

CONTRACT_TEST(
    "a medium that refuses writes: an error, reads go on, nothing that was acknowledged is lost") {
  EngineHost host(&medium, OneStream(medium));
  for (int i = 0; i < 20; ++i) host.Set(0, "k" + std::to_string(i), "acknowledged");
  host.Settle();
  if (!medium.BreakWrites(true)) return;
  const std::vector<Ticket> tickets = host.Staged({host.Put(0, "k0", "not acknowledged")});
  const uint64_t calls = host.durable_calls.load();
  std::string reason;
  REQUIRE(host.Until([&] { return host.engine->State(0, &reason) == StreamState::kFailed; }));
  CHECK_FALSE(reason.empty());
  CHECK(host.durable_calls.load() > calls);  // who waits is told
  CHECK(host.engine->Stopped(0, &reason));
  CHECK_FALSE(host.Durable(tickets));
  std::vector<Ticket> none;
  for (const WriteOp& op :
       {host.Put(0, "k1", "v"), host.Del(0, "k1"), host.Expire(0, "k1", kFarMs)})
    CHECK(host.TryApply({op}, &none).code() == Code::kReadOnly);
  CHECK(host.TryApply({host.Flush(0)}, &none).code() == Code::kReadOnly);
  for (int i = 1; i < 20; ++i)
    CHECK(host.See(0, "k" + std::to_string(i)) == Seen{"acknowledged", 0});
  CHECK(host.engine->KeyCount(0) == 20);
  REQUIRE(medium.BreakWrites(false));
  CHECK(host.TryApply({host.Put(0, "k1", "v")}, &none).code() ==
        Code::kReadOnly);  // until a restart
  REQUIRE(host.CrashAndReopen(true));
  for (int i = 1; i < 20; ++i)
    CHECK(host.See(0, "k" + std::to_string(i)) == Seen{"acknowledged", 0});
  CHECK(host.Meta(0, "k0").found);
  CHECK(host.UntilDurable(host.Staged({host.Put(0, "k1", "v")})));
}
