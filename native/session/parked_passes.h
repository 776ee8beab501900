// ParkedPasses: passes that wait, and what ends each wait.
//
//   waits for            because                              ended by
//   values, keys         memory does not know them            the engine: the last of its reads
//   its next slice       it looks at much (kCmdWaves)         StepSlices, in turns
//   its turn             it waited for keys, which are there  StepSlices, in turns
//   copies               its writes are large                 StepSlices, in turns
//   room                 its commit found none                Retry, now and then
//
// Then the pass is run again by who runs such: CommandRunner, or ExecRunner if it is an EXEC. A
// pass that goes on waiting parks again; one that loses its race with writers too often gives up.
// What waits for copies may also be the command at the head of a connection's input, which is
// dispatched again when they are there.
//
// A read-only command is frozen when it parks: it will answer what it saw, so the connection goes
// on behind it, up to kReadsMax and to values of Connection::kOutputPauseBytes. Behind all others
// the connection stands still.
//
// One reactor's thread. Reads that are under way end before the executor does (the reactor detaches
// from the engine first).
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <string_view>
#include <vector>

#include "session/bookkeeper.h"
#include "session/large_copies.h"
#include "session/parked_pass.h"
#include "session/pass.h"
#include "session/replies.h"

namespace cairn {

class CommandRunner;
class ExecRunner;
class Tracking;

class ParkedPasses {
 public:
  static constexpr uint32_t kReadsMax = 256;  // of one connection

  ParkedPasses(const SessionContext& context, Pass* pass, Replies* replies, Bookkeeper* books,
               CommandRunner* commands, ExecRunner* execs, Tracking* tracking)
      : context_(context),
        pass_(pass),
        replies_(replies),
        books_(books),
        commands_(commands),
        execs_(execs),
        tracking_(tracking) {}

  // Latched, after a pending pass. Unlatches. exec: null for a single command.
  void Park(Connection* conn, const Command& command, std::span<const std::string_view> argv,
            std::shared_ptr<ExecRun> exec);
  // Copies conn->prepared, then lets the connection go on with it.
  void AwaitCopies(Connection* conn);

  // A command that waited for keys (BlockedClients::Take), and is to try for itself, soon.
  void RunWaiting(Connection* conn, Slot* slot, std::shared_ptr<BlockedCommand> waiter);

  // Passes whose commit found no room. Call now and then.
  void Retry();
  // A slice of what takes longer than a turn may. Once per turn; the reactor does not sleep while
  // there is any.
  void StepSlices();
  bool slicing() const { return !copies_.empty() || !slices_.empty(); }
  uint32_t count() const { return count_; }

 private:
  friend struct ParkedFetch;
  friend struct ParkedRange;

  static constexpr uint32_t kRunsMax = 1000;  // a command that loses so many races gives up,
  static constexpr uint32_t kScriptRunsMax = 100'000;  // or reads so many keys one after the other
  static constexpr size_t kSpareMax = 256;

  // Who waits for large copies: a connection, or a parked pass.
  struct Copying {
    uint32_t index = 0;
    uint32_t generation = 0;
    std::unique_ptr<ParkedPass> parked;
  };

  std::unique_ptr<ParkedPass> Take();
  void Give(std::unique_ptr<ParkedPass> parked);
  void StartReads(ParkedPass* parked);
  void FetchDone(ParkedFetch* fetch, const Status& status);
  void RangeDone(ParkedRange* range, const Status& status);
  void ReadDone(ParkedPass* parked, const char* what, const Status& status);
  void KeepTickets(ParkedPass* parked);
  // One more pass, and what becomes of it.
  void Run(std::unique_ptr<ParkedPass> parked);
  void ParkAgain(std::unique_ptr<ParkedPass> parked);
  void SaveUndone(ParkedPass* parked);
  void CopyAhead(std::unique_ptr<ParkedPass> parked);
  void Walk(std::unique_ptr<ParkedPass> parked, Connection* conn);
  void LetWait(std::unique_ptr<ParkedPass> parked, Connection* conn);
  void GiveUp(std::unique_ptr<ParkedPass> parked, Connection* conn);
  void Finish(std::unique_ptr<ParkedPass> parked, Connection* conn);

  const SessionContext& context_;
  Pass* const pass_;
  Replies* const replies_;
  Bookkeeper* const books_;
  CommandRunner* const commands_;
  ExecRunner* const execs_;
  Tracking* const tracking_;
  uint32_t count_ = 0;
  std::vector<std::unique_ptr<ParkedPass>> retry_;
  std::deque<std::unique_ptr<ParkedPass>> slices_;
  std::vector<std::unique_ptr<ParkedPass>> spare_;
  LargeCopies<Copying> copies_;
};

}  // namespace cairn
