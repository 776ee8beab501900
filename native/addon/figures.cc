#include "addon/figures.h"

#include <algorithm>
#include <array>

#include "base/clock.h"

namespace cairn::addon {

namespace {

using R = ReactorCounters;

struct ReactorSum {
  const char* name;
  Figures::Member member;
};

constexpr ReactorSum kCounterSums[] = {
    {"commandsProcessed", &R::commands},
    {"netInputBytes", &R::net_in},
    {"netOutputBytes", &R::net_out},
    {"changes", &R::changes},
};

constexpr ReactorSum kSums[] = {
    {"blockedClients", &R::blocked},
    {"totalConnections", &R::connections},
    {"rejectedConnections", &R::rejected_connections},
    {"outputLimitDisconnections", &R::output_limit_disconnections},
    {"queryLimitDisconnections", &R::query_limit_disconnections},
    {"readsProcessed", &R::reads},
    {"writesProcessed", &R::writes},
    {"keyspaceHits", &R::hits},
    {"keyspaceMisses", &R::misses},
    {"expiredKeys", &R::expired},
    {"authFailures", &R::auth_failures},
    {"totalErrorReplies", &R::error_replies},
};

constexpr auto kEngineCounters = std::to_array({
    &EngineStats::cache_evictions,
    &EngineStats::disk_reads,
    &EngineStats::disk_read_bytes,
    &EngineStats::disk_read_nanos,
    &EngineStats::wal_ring_reads,
    &EngineStats::checksum_errors,
    &EngineStats::gc_written_bytes,
    &EngineStats::gc_read_bytes,
    &EngineStats::gc_reads,
    &EngineStats::gc_writes,
    &EngineStats::user_bytes,
    &EngineStats::write_errors,
    &EngineStats::read_errors,
});
constexpr auto kSaveCounters = std::to_array({&SaveStats::written, &SaveStats::written_bytes});
constexpr auto kHistograms = std::to_array(
    {&EngineStats::commit_nanos, &EngineStats::commit_bytes, &EngineStats::read_nanos});
constexpr auto kLaneCounters = std::to_array({
    &LaneStats::commits,
    &LaneStats::commit_bytes,
    &LaneStats::record_bytes,
    &LaneStats::padding_bytes,
    &LaneStats::prepared_bytes,
    &LaneStats::syncs,
    &LaneStats::commit_nanos,
    &LaneStats::gc_segments,
    &LaneStats::gc_moved_bytes,
    &LaneStats::gc_reclaimed_segments,
    &LaneStats::gc_reclaimed_bytes,
});

// After a reload the engine counts from zero again: then nothing is to be subtracted.
uint64_t Since(uint64_t now, uint64_t then) { return now >= then ? now - then : now; }

void Subtract(Log2Histogram* now, const Log2Histogram& then) {
  now->sum = Since(now->sum, then.sum);
  for (uint32_t i = 0; i < Log2Histogram::kBuckets; ++i)
    now->counts[i] = Since(now->counts[i], then.counts[i]);
}

}  // namespace

uint64_t Figures::Sum(Member member) const {
  uint64_t sum = 0;
  for (const auto& reactor : server_->reactors()) sum += (reactor->counters().*member).Get();
  return sum;
}

uint64_t Figures::Max(Member member) const {
  uint64_t max = 0;
  for (const auto& reactor : server_->reactors()) {
    max = std::max(max, (reactor->counters().*member).Get());
  }
  return max;
}

const std::vector<NamedFigure>& Figures::LookAtCounters(bool running) {
  if (running || counters_.empty()) {
    counters_.clear();
    for (const ReactorSum& sum : kCounterSums) {
      counters_.push_back({sum.name, running ? Sum(sum.member) : 0});
    }
  }
  return counters_;
}

const Snapshot& Figures::Look(bool running) {
  LookAtCounters(running);
  if (running) {
    LookAtEngine();
    LookAtMemory();
    LookAtNumbers();
    LookAtCommands();
    LookAtDatabases();
    LookAtReactors();
  } else if (snapshot_.numbers.empty()) {
    LookAtNumbers();  // before the first start: all zero
  }
  return snapshot_;
}

void Figures::Reset(bool running) {
  if (!running) return;
  server_->engine().Stats(&reset_at_);
  server_->ResetStats();
}

void Figures::LookAtEngine() {
  EngineStats& engine = snapshot_.engine;
  server_->engine().Stats(&engine);
  for (auto member : kEngineCounters) engine.*member = Since(engine.*member, reset_at_.*member);
  for (auto member : kSaveCounters)
    engine.save.*member = Since(engine.save.*member, reset_at_.save.*member);
  for (auto member : kHistograms) Subtract(&(engine.*member), reset_at_.*member);
  snapshot_.staged_positions.clear();
  for (size_t i = 0; i < engine.lanes.size(); ++i) {
    LaneStats& lane = engine.lanes[i];
    snapshot_.staged_positions.push_back(server_->engine().LatestTicket(lane.lane).position);
    if (i >= reset_at_.lanes.size()) continue;
    for (auto member : kLaneCounters)
      lane.*member = Since(lane.*member, reset_at_.lanes[i].*member);
  }
}

void Figures::LookAtNumbers() {
  Shared& shared = server_->shared();
  const EngineStats& engine = snapshot_.engine;
  uint64_t record_bytes = 0, commit_bytes = 0, padding_bytes = 0, prepared_bytes = 0;
  for (const LaneStats& lane : engine.lanes) {
    record_bytes += lane.record_bytes;
    commit_bytes += lane.commit_bytes;
    padding_bytes += lane.padding_bytes;
    prepared_bytes += lane.prepared_bytes;
  }
  snapshot_.device_bytes = {
      {"commit", commit_bytes - std::min(commit_bytes, padding_bytes)},
      {"padding", padding_bytes},
      {"prepared", prepared_bytes},
      {"gc", engine.gc_written_bytes},
      {"checkpoint", engine.save.written_bytes},
  };
  uint64_t device_bytes = 0;
  for (const NamedFigure& cause : snapshot_.device_bytes) device_bytes += cause.value;
  // What neither the disk nor the WAL ring answered came from the cache.
  const uint64_t not_cached = engine.disk_reads + engine.wal_ring_reads;
  const uint64_t hits = Sum(&R::hits);
  const uint64_t user_bytes =
      engine.user_bytes != 0 ? engine.user_bytes : Sum(&R::user_bytes_written);
  std::vector<NamedFigure>& numbers = snapshot_.numbers;
  numbers.clear();
  for (const ReactorSum& sum : kSums) numbers.push_back({sum.name, Sum(sum.member)});
  numbers.insert(numbers.end(),
                 {
                     {"clients", shared.clients.load()},
                     {"clientsPeak", shared.clients_peak.load()},
                     {"monitors", shared.monitors.load()},
                     {"maxInputBuffer", Max(&R::max_query)},
                     {"maxOutputBuffer", Max(&R::max_output)},
                     {"cacheEvictions", engine.cache_evictions},
                     {"readsFromCache", hits - std::min(hits, not_cached)},
                     {"readsFromWalRing", engine.wal_ring_reads},
                     {"readsFromDisk", engine.disk_reads},
                     {"diskReadBytes", engine.disk_read_bytes},
                     {"diskReadUsecTotal", engine.disk_read_nanos / 1000},
                     {"diskReadsInFlight", engine.disk_reads_in_flight},
                     {"corruptReads", engine.checksum_errors},
                     {"segmentsRecycled", engine.segments_recycled},
                     {"spareSegments", engine.spare_segments},
                     {"spareBytes", engine.spare_bytes},
                     {"userBytesWritten", user_bytes != 0 ? user_bytes : record_bytes},
                     {"deviceBytesWritten", device_bytes},
                     {"lastSyncTime", server_->last_durable_ms() / 1000},
                     {"unexpectedErrorReplies", 0},
                     {"slowlogLength", shared.slowlog.size()},
                 });
}

void Figures::LookAtCommands() {
  snapshot_.commands.clear();
  const uint32_t commands = server_->shared().registry.size();
  for (uint32_t number = 0; number < commands; ++number) {
    CommandFigures sum;
    sum.number = number;
    for (const auto& reactor : server_->reactors()) {
      const CommandCounters& one = reactor->counters().per_command[number];
      sum.calls += one.calls.Get();
      sum.nanos += one.nanos.Get();
      sum.rejected += one.rejected.Get();
      sum.failed += one.failed.Get();
    }
    if (sum.calls + sum.rejected != 0) snapshot_.commands.push_back(sum);
  }
}

void Figures::LookAtDatabases() {
  snapshot_.databases.clear();
  const Engine& engine = server_->engine();
  for (uint16_t db = 0; db < server_->shared().databases; ++db) {
    const uint64_t keys = engine.KeyCount(db);
    if (keys == 0) continue;
    const uint64_t expires = engine.ExpiringCount(db);
    const uint64_t ttl = expires == 0 ? 0 : engine.MeanTtlMillis(db, WallMillis());
    snapshot_.databases.push_back({db, keys, expires, ttl});
  }
}

void Figures::LookAtReactors() {
  snapshot_.reactors.clear();
  for (const auto& reactor : server_->reactors()) {
    const ReactorCounters& counters = reactor->counters();
    snapshot_.reactors.push_back({reactor->number(), counters.clients.Get(),
                                  counters.commands.Get(), reactor->cpu_nanos(),
                                  counters.turns.Get(), counters.longest_turn_nanos.Get()});
  }
}

void Figures::LookAtMemory() {
  const EngineStats& engine = snapshot_.engine;
  MemoryFigures& memory = snapshot_.memory;
  memory.query_bytes = Sum(&R::query_bytes);
  memory.output_bytes = Sum(&R::output_bytes);
  memory.used_bytes = engine.index_bytes + engine.cache_bytes + engine.wal_ring_bytes +
                      memory.query_bytes + memory.output_bytes;
  memory.used_bytes_peak = std::max(memory.used_bytes_peak, memory.used_bytes);
  memory.cache_bytes_max = server_->cache_bytes_max();
}

}  // namespace cairn::addon
