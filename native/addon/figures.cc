#include "addon/figures.h"

#include <algorithm>

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

// After a reload the engine counts from zero again: then nothing is to be subtracted.
uint64_t Since(uint64_t now, uint64_t then) { return now >= then ? now - then : now; }

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

uint64_t Figures::ScriptMachineBytes() const {
  uint64_t sum = 0;
  for (const auto& reactor : server_->reactors())
    sum += reactor->executor()->scripts().memory_bytes();
  return sum;
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
  server_->engine().ResetFigures();
  saves_reset_at_ = server_->engine().Saves().written;
}

void Figures::LookAtEngine() {
  Engine& engine = server_->engine();
  snapshot_.figures.Clear();
  engine.Look({.found = Sum(&R::hits)}, &snapshot_.engine, &snapshot_.figures);
  snapshot_.save = engine.Saves();
  snapshot_.save.written = Since(snapshot_.save.written, saves_reset_at_);
  snapshot_.refusals.assign(engine.streams(), "");
  for (uint32_t stream = 0; stream < engine.streams(); ++stream)
    (void)engine.State(stream, &snapshot_.refusals[stream]);
}

void Figures::LookAtNumbers() {
  Shared& shared = server_->shared();
  const FunctionStore::Set functions = shared.functions.current();
  std::vector<NamedFigure>& numbers = snapshot_.numbers;
  numbers.clear();
  for (const ReactorSum& sum : kSums) numbers.push_back({sum.name, Sum(sum.member)});
  numbers.insert(numbers.end(),
                 {
                     {"clients", shared.clients.load()},
                     {"clientsPeak", shared.clients_peak.load()},
                     {"monitors", shared.monitors.load()},
                     {"pubsubChannels", shared.pubsub.Names(Topic::kChannel)},
                     {"pubsubPatterns", shared.pubsub.Names(Topic::kPattern)},
                     {"pubsubShardChannels", shared.pubsub.Names(Topic::kShardChannel)},
                     {"pubsubDropped", shared.pubsub.dropped()},
                     {"trackingClients", shared.tracking.client_count().load()},
                     {"trackingKeys", shared.tracking.keys()},
                     {"trackingItems", shared.tracking.items()},
                     {"trackingPrefixes", shared.tracking.prefixes()},
                     {"maxInputBuffer", Max(&R::max_query)},
                     {"maxOutputBuffer", Max(&R::max_output)},
                     {"dataBytes", snapshot_.engine.data_bytes},
                     {"pendingBytes", snapshot_.engine.pending_bytes},
                     {"lastSyncTime", server_->last_durable_ms() / 1000},
                     {"unexpectedErrorReplies", 0},
                     {"slowlogLength", shared.slowlog.size()},
                     {"scripts", shared.scripts.count()},
                     {"scriptsBytes", shared.scripts.bytes()},
                     {"scriptsEvicted", shared.scripts.evicted()},
                     {"scriptMachineBytes", ScriptMachineBytes()},
                     {"functions", functions->functions()},
                     {"libraries", functions->libraries().size()},
                     {"functionsBytes", functions->bytes()},
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
  memory.used_bytes = engine.index_bytes + engine.cache_bytes + engine.buffer_bytes +
                      memory.query_bytes + memory.output_bytes;
  memory.used_bytes_peak = std::max(memory.used_bytes_peak, memory.used_bytes);
  memory.cache_bytes_max = server_->cache_bytes_max();
}

}  // namespace cairn::addon
