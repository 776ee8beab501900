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
  memory["cacheGhostBytes"] = N(env, snapshot.engine.cache_ghost_bytes);
  memory["cacheBytesMax"] = N(env, figures.cache_bytes_max);
  memory["walRingBytes"] = N(env, snapshot.engine.wal_ring_bytes);
  memory["clientQueryBytes"] = N(env, figures.query_bytes);
  memory["clientOutputBytes"] = N(env, figures.output_bytes);
  return memory;
}

Napi::Array LanesOf(Napi::Env env, const Snapshot& snapshot) {
  return ListOf(env, snapshot.engine.lanes, [&](const LaneStats& lane) {
    Napi::Object row = Napi::Object::New(env);
    row["lane"] = N(env, lane.lane);
    row["readOnlyReason"] = Bytes(env, lane.read_only ? lane.reason : "");
    row["durablePos"] = N(env, lane.durable_position);
    row["stagedPos"] = N(env, snapshot.staged_positions[lane.lane]);
    row["stagedBytes"] = N(env, lane.staged_bytes);
    row["commits"] = N(env, lane.commits);
    row["commitBytes"] = N(env, lane.record_bytes);
    row["paddingBytes"] = N(env, lane.padding_bytes);
    row["syncs"] = N(env, lane.syncs);
    row["commitUsecTotal"] = N(env, lane.commit_nanos / 1000);
    row["preparedBytes"] = N(env, lane.prepared_bytes);
    row["segments"] = N(env, lane.segments);
    row["diskBytes"] = N(env, lane.disk_bytes);
    row["logBytes"] = N(env, lane.log_bytes);
    row["liveBytes"] = N(env, lane.live_bytes);
    row["commitsInFlight"] = N(env, lane.commits_in_flight);
    row["gcMode"] = std::string(lane.gc_mode);
    row["gcSegments"] = N(env, lane.gc_segments);
    row["gcMovedBytes"] = N(env, lane.gc_moved_bytes);
    row["gcReclaimedSegments"] = N(env, lane.gc_reclaimed_segments);
    row["gcReclaimedBytes"] = N(env, lane.gc_reclaimed_bytes);
    return row;
  });
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

Napi::Object LogOf(Napi::Env env, const EngineStats& engine) {
  Napi::Object log = Napi::Object::New(env);
  log["bytes"] = N(env, engine.log_bytes);
  log["liveBytes"] = N(env, engine.log_live_bytes);
  log["freeBytes"] = N(env, engine.free_bytes);
  log["segmentsActive"] = N(env, engine.segments_active);
  log["segmentsSealed"] = N(env, engine.segments_sealed);
  log["segmentsSurvivors"] = N(env, engine.segments_survivors);
  log["writeErrors"] = N(env, engine.write_errors);
  log["readErrors"] = N(env, engine.read_errors);
  return log;
}

Napi::Object GcOf(Napi::Env env, const EngineStats& engine) {
  Napi::Object gc = Napi::Object::New(env);
  gc["paused"] = Napi::Boolean::New(env, engine.gc_paused);
  gc["isolation"] = engine.gc_isolation.empty() ? "none" : engine.gc_isolation;
  gc["reads"] = N(env, engine.gc_reads);
  gc["readBytes"] = N(env, engine.gc_read_bytes);
  gc["writes"] = N(env, engine.gc_writes);
  gc["writtenBytes"] = N(env, engine.gc_written_bytes);
  return gc;
}

Napi::Object Log2Of(Napi::Env env, const Log2Histogram& histogram) {
  Napi::Object out = Napi::Object::New(env);
  out["counts"] = ListOf(env, histogram.counts, [env](uint64_t count) { return N(env, count); });
  out["sum"] = N(env, histogram.sum);
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
  out["lanes"] = LanesOf(env, snapshot);
  out["io"] = IoOf(env, server, snapshot);
  out["reactors"] = ReactorsOf(env, snapshot);
  out["recovery"] = ReportOf(env, plane->recovery);
  Napi::Object causes = Napi::Object::New(env);
  Put(&causes, snapshot.device_bytes);
  out["deviceBytesByCause"] = causes;
  out["log"] = LogOf(env, snapshot.engine);
  out["gc"] = GcOf(env, snapshot.engine);
  out["checkpoint"] = CheckpointOf(env, snapshot.engine.save);
  out["commitNanos"] = Log2Of(env, snapshot.engine.commit_nanos);
  out["commitSizes"] = Log2Of(env, snapshot.engine.commit_bytes);
  out["readNanos"] = Log2Of(env, snapshot.engine.read_nanos);
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

void ResetHistograms(DataPlane* plane, const std::vector<std::string>& names) {
  if (!plane->Running()) return;
  const Registry& registry = plane->server.shared().registry;
  for (const auto& reactor : plane->server.reactors()) {
    reactor->Post([names, &registry](Reactor* self) {
      for (uint32_t number = 0; number < registry.size(); ++number) {
        const std::string& name = registry.at(number).name;
        if (!names.empty() && std::find(names.begin(), names.end(), name) == names.end()) continue;
        LatencyHistogramCounts* histogram = self->counters().per_command[number].histogram.load();
        if (histogram != nullptr) histogram->Clear();
      }
    });
  }
}

}  // namespace cairn::addon
