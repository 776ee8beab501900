#include "addon/stats.h"

#include <algorithm>

#include "addon/convert.h"
#include "addon/reports.h"

namespace cairn::addon {

namespace {

void Put(Napi::Object* out, const std::vector<NamedFigure>& figures) {
  for (const NamedFigure& figure : figures) out->Set(figure.name, N(out->Env(), figure.value));
}

Napi::Array CommandsOf(Napi::Env env, const Registry& registry, const Snapshot& snapshot) {
  return ListOf(env, snapshot.commands, [&](const CommandFigures& command) {
    Napi::Object row = Napi::Object::New(env);
    row["name"] = registry.at(command.number).name;
    row["calls"] = N(env, command.calls);
    row["usec"] = N(env, command.nanos / 1000);
    row["rejected"] = N(env, command.rejected);
    row["failed"] = N(env, command.failed);
    return row;
  });
}

Napi::Array ErrorsOf(Napi::Env env, Shared& shared) {
  return ListOf(env, shared.errors.Get(), [env](const auto& counted) {
    Napi::Object row = Napi::Object::New(env);
    row["code"] = Bytes(env, counted.first);
    row["count"] = N(env, counted.second);
    return row;
  });
}

Napi::Array DatabasesOf(Napi::Env env, const Snapshot& snapshot) {
  return ListOf(env, snapshot.databases, [env](const DatabaseFigures& db) {
    Napi::Object row = Napi::Object::New(env);
    row["db"] = N(env, db.number);
    row["keys"] = N(env, db.keys);
    row["expires"] = N(env, db.expires);
    row["avgTtlMs"] = N(env, db.mean_ttl_ms);
    return row;
  });
}

Napi::Object MemoryOf(Napi::Env env, const Snapshot& snapshot) {
  const MemoryFigures& figures = snapshot.memory;
  Napi::Object memory = Napi::Object::New(env);
  memory["usedBytes"] = N(env, figures.used_bytes);
  memory["usedBytesPeak"] = N(env, figures.used_bytes_peak);
  memory["indexBytes"] = N(env, snapshot.engine.index_bytes);
  memory["cacheBytes"] = N(env, snapshot.engine.cache_bytes);
  memory["cacheBytesMax"] = N(env, figures.cache_bytes_max);
  memory["bufferBytes"] = N(env, snapshot.engine.buffer_bytes);
  memory["clientQueryBytes"] = N(env, figures.query_bytes);
  memory["clientOutputBytes"] = N(env, figures.output_bytes);
  return memory;
}

std::string BackendReason(Server& server, bool threads) {
  std::string why = server.io_backend_why();
  if (!why.empty()) return why;
  return threads ? "io-backend is threads" : "io_uring works";
}

Napi::Object IoOf(Napi::Env env, Server& server, const Snapshot& snapshot) {
  const bool threads = snapshot.engine.io_backend == "threads";
  Napi::Object io = Napi::Object::New(env);
  io["backend"] = threads ? "threads" : "uring";
  io["reason"] = Bytes(env, BackendReason(server, threads));
  io["sqpoll"] = Napi::Boolean::New(env, !threads && server.options().sqpoll);
  io["syncMethod"] = snapshot.engine.durable_write_method;
  io["blockSize"] = N(env, snapshot.engine.block_bytes);
  return io;
}

const char* NameOf(FigureKind kind) {
  switch (kind) {
    case FigureKind::kCounter:
      return "counter";
    case FigureKind::kGauge:
      return "gauge";
    case FigureKind::kText:
      return "text";
    case FigureKind::kStatus:
      return "status";
    case FigureKind::kState:
      return "state";
    case FigureKind::kHistogram:
      return "histogram";
  }
  return "";
}

Napi::Object FigureOf(Napi::Env env, const Figure& figure) {
  const FigureRow& row = figure.row;
  Napi::Object out = Napi::Object::New(env);
  out["info"] = row.info;
  out["metric"] = row.metric;
  out["kind"] = NameOf(row.kind);
  out["unit"] = row.unit;
  out["label"] = row.label;
  out["help"] = row.help;
  out["decimals"] = N(env, row.decimals);
  out["choices"] = row.choices;
  out["labels"] = ListOf(env, figure.labels,
                         [env](const std::string& label) { return Napi::String::New(env, label); });
  out["values"] =
      ListOf(env, figure.values, [env](double value) { return Napi::Number::New(env, value); });
  out["text"] = Bytes(env, figure.text);
  if (row.kind != FigureKind::kHistogram) return out;
  Napi::Object histogram = Napi::Object::New(env);
  histogram["counts"] =
      ListOf(env, figure.histogram.counts, [env](uint64_t count) { return N(env, count); });
  histogram["sum"] = N(env, figure.histogram.sum);
  histogram["fromBits"] = N(env, row.from_bits);
  histogram["toBits"] = N(env, row.to_bits);
  out["histogram"] = histogram;
  return out;
}

Napi::Array ReactorsOf(Napi::Env env, const Snapshot& snapshot) {
  return ListOf(env, snapshot.reactors, [env](const ReactorFigures& reactor) {
    Napi::Object row = Napi::Object::New(env);
    row["reactor"] = N(env, reactor.number);
    row["clients"] = N(env, reactor.clients);
    row["commands"] = N(env, reactor.commands);
    row["cpuUsec"] = N(env, reactor.cpu_nanos / 1000);
    row["turns"] = N(env, reactor.turns);
    row["longestTurnUsec"] = N(env, reactor.longest_turn_nanos / 1000);
    return row;
  });
}

Napi::Array BucketsOf(Napi::Env env, const std::vector<uint64_t>& counts) {
  Napi::Array buckets = Napi::Array::New(env);
  for (uint32_t i = 0; i < counts.size(); ++i) {
    if (counts[i] == 0) continue;
    Napi::Object bucket = Napi::Object::New(env);
    bucket["upperNs"] = N(env, LatencyHistogramCounts::UpperNanos(i));
    bucket["count"] = N(env, counts[i]);
    buckets[buckets.Length()] = bucket;
  }
  return buckets;
}

}  // namespace

Napi::Object CountersOf(Napi::Env env, DataPlane* plane) {
  Napi::Object out = Napi::Object::New(env);
  Put(&out, plane->figures.LookAtCounters(plane->Running()));
  return out;
}

Napi::Object CheckpointOf(Napi::Env env, const SaveStats& stats) {
  Napi::Object out = Napi::Object::New(env);
  out["done"] = N(env, stats.done);
  out["running"] = Napi::Boolean::New(env, stats.running);
  out["runningMs"] = N(env, stats.running_millis);
  out["lastOk"] = Napi::Boolean::New(env, stats.last_ok);
  out["lastError"] = Bytes(env, stats.last_error);
  out["lastTimeMs"] = N(env, stats.last_wall_ms);
  out["lastMs"] = N(env, stats.last_millis);
  out["lastBytes"] = N(env, stats.last_bytes);
  out["lastKeys"] = N(env, stats.last_keys);
  out["written"] = N(env, stats.written);
  out["writtenBytes"] = N(env, stats.written_bytes);
  return out;
}

Napi::Object StatsOf(Napi::Env env, DataPlane* plane) {
  Server& server = plane->server;
  const Snapshot& snapshot = plane->Look();
  Napi::Object out = CountersOf(env, plane);
  Put(&out, snapshot.numbers);
  out["commands"] = CommandsOf(env, server.shared().registry, snapshot);
  out["errors"] = ErrorsOf(env, server.shared());
  out["dbs"] = DatabasesOf(env, snapshot);
  out["memory"] = MemoryOf(env, snapshot);
  out["refusals"] = ListOf(env, snapshot.refusals,
                           [env](const std::string& reason) { return Bytes(env, reason); });
  out["figures"] = ListOf(env, snapshot.figures.all(),
                          [env](const Figure& figure) { return FigureOf(env, figure); });
  out["io"] = IoOf(env, server, snapshot);
  out["reactors"] = ReactorsOf(env, snapshot);
  out["recovery"] = ReportOf(env, plane->recovery);
  out["checkpoint"] = CheckpointOf(env, snapshot.save);
  return out;
}

Napi::Array HistogramsOf(Napi::Env env, DataPlane* plane) {
  using H = LatencyHistogramCounts;
  Napi::Array list = Napi::Array::New(env);
  if (!plane->Running()) return list;
  const Registry& registry = plane->server.shared().registry;
  for (uint32_t number = 0; number < registry.size(); ++number) {
    std::vector<uint64_t> counts(H::kBuckets, 0);
    uint64_t calls = 0;
    for (const auto& reactor : plane->server.reactors()) {
      const H* histogram =
          reactor->counters().per_command[number].histogram.load(std::memory_order_acquire);
      for (uint32_t i = 0; histogram != nullptr && i < H::kBuckets; ++i) {
        const uint64_t count = histogram->count(i);
        counts[i] += count;
        calls += count;
      }
    }
    if (calls == 0) continue;
    Napi::Object row = Napi::Object::New(env);
    row["name"] = registry.at(number).name;
    row["calls"] = N(env, calls);
    row["buckets"] = BucketsOf(env, counts);
    list[list.Length()] = row;
  }
  return list;
}

}  // namespace cairn::addon
