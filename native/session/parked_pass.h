// ParkedPass: a command, or an EXEC, whose pass could not be its last one, with all it needs to run
// again without its connection's input.
//
// Owned by its reads while they are under way (the last one to end hands it to ParkedPasses), else
// by the queue of ParkedPasses that it waits in. It outlives its connection, whose generation
// tells.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "engine/engine.h"
#include "session/connection.h"
#include "session/large_copies.h"
#include "txn/txn_control.h"

namespace cairn {

class ParkedPasses;
struct ExecRun;
struct ParkedPass;

struct ParkedFetch final : FetchRequest {
  ParkedPasses* passes = nullptr;
  ParkedPass* parked = nullptr;
  uint16_t db = 0;
  bool page = false;
  std::string key;
  void Done(Status status) override;
};

struct ParkedRange final : RangeRequest {
  ParkedPasses* passes = nullptr;
  ParkedPass* parked = nullptr;
  void Done(Status status) override;
};

struct ParkedPass {
  uint32_t index = 0;  // of its connection
  uint32_t generation = 0;
  Slot* slot = nullptr;
  const Command* command = nullptr;
  std::vector<std::string> arguments;
  std::vector<std::string_view> argv;
  std::shared_ptr<ExecRun> exec;  // null: a single command
  bool frozen = false;            // read-only: answered from what its first pass saw
  bool scripts = false;           // runs some, each of which may find out key by key what it reads
  uint16_t db = 0;
  uint8_t resp = 2;  // of the connection when the command came
  uint32_t runs = 0;
  uint32_t outstanding = 0;
  uint64_t bytes = 0;      // of the values it waits for
  std::string_view error;  // for the client
  SavedTxn saved;
  Owner input;                             // of large arguments
  std::shared_ptr<BlockedCommand> waited;  // it has waited for keys, as this
  PreparedWrites prepared;
  // Those that are done keep what `saved` refers to.
  std::vector<std::unique_ptr<ParkedFetch>> fetches;
  std::vector<std::unique_ptr<ParkedRange>> ranges;

  bool sliced() const { return exec == nullptr && command->Is(kCmdWaves); }
  // Saved: what its earlier passes have seen is in its progress, and need not be seen again.
  bool progresses() const { return saved.progress != nullptr; }
  // Takes the command in. Arguments are copied, unless they are large and can be pinned.
  void SetCommand(Connection* conn, const Command& its, std::span<const std::string_view> words);
  // Whether its memory is worth keeping for the next one.
  bool Small() const;
  // Forgets everything but memory.
  void Clear();
};

}  // namespace cairn
