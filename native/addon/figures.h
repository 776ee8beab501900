// Figures: one look at everything the data plane counts, in plain C++. Main thread only.
//
// Reactors zero their own counters when statistics are reset, and so does the engine with its
// figures. Of what it has saved it tells all; what was saved by then is subtracted here.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "engine/figures.h"
#include "engine/stats.h"
#include "server/server.h"

namespace cairn::addon {

struct CommandFigures {
  uint32_t number = 0;  // in the registry
  uint64_t calls = 0;
  uint64_t nanos = 0;
  uint64_t rejected = 0;
  uint64_t failed = 0;
};

struct DatabaseFigures {
  uint16_t number = 0;
  uint64_t keys = 0;
  uint64_t expires = 0;
  uint64_t mean_ttl_ms = 0;  // of those that expire; estimated
};

struct ReactorFigures {
  uint32_t number = 0;
  uint64_t clients = 0;
  uint64_t commands = 0;
  uint64_t cpu_nanos = 0;
  uint64_t turns = 0;
  uint64_t longest_turn_nanos = 0;
};

struct MemoryFigures {
  uint64_t used_bytes = 0;
  uint64_t used_bytes_peak = 0;
  uint64_t cache_bytes_max = 0;
  uint64_t query_bytes = 0;
  uint64_t output_bytes = 0;
};

struct NamedFigure {
  const char* name;  // of the field in src/native.ts
  uint64_t value;
};

struct Snapshot {
  EngineStats engine;
  SaveStats save;
  FigureList figures;
  std::vector<std::string> refusals;  // by stream: why it does not take writes
  std::vector<NamedFigure> numbers;
  std::vector<CommandFigures> commands;
  std::vector<DatabaseFigures> databases;
  std::vector<ReactorFigures> reactors;
  MemoryFigures memory;
};

class Figures {
 public:
  using Member = Counter ReactorCounters::*;

  explicit Figures(Server* server) : server_(server) {}

  // running: reactors and engine may be looked at. Else the last look is given again.
  const Snapshot& Look(bool running);
  // Only NativeCounters: cheap.
  const std::vector<NamedFigure>& LookAtCounters(bool running);
  // What is counted here and in the engine begins anew; for reactors: ResetCounters.
  void Reset(bool running);

 private:
  uint64_t Sum(Member member) const;
  uint64_t ScriptMachineBytes() const;
  uint64_t Max(Member member) const;
  void LookAtEngine();
  void LookAtNumbers();
  void LookAtCommands();
  void LookAtDatabases();
  void LookAtReactors();
  void LookAtMemory();

  Server* const server_;
  Snapshot snapshot_;
  std::vector<NamedFigure> counters_;
  uint64_t saves_reset_at_ = 0;
};

}  // namespace cairn::addon
