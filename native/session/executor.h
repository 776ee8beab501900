// Executor: runs the commands of one reactor's connections. It parses input, checks, executes
// through a Txn pass, and puts replies and their gates in order. What needs the outside (sockets,
// timers, TypeScript, disk queues) goes through SessionHost, which the reactor implements. One
// thread.
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "session/blocked_clients.h"
#include "session/bookkeeper.h"
#include "session/connection.h"
#include "session/control_bridge.h"
#include "session/counters.h"
#include "session/large_copies.h"
#include "session/look_ahead.h"
#include "session/replies.h"
#include "session/session_host.h"
#include "session/shared.h"
#include "txn/expiry_sweep.h"
#include "txn/txn_control.h"

namespace cairn {

// What became of one queued command of an EXEC.
struct ExecStep {
  OutBuffer reply;
  uint64_t nanos = 0;
  PassFigures figures;
  std::shared_ptr<const KeyspaceFigures>
      keyspace;  // as it was when this control command's turn came
};

// An EXEC on its way, in two parts.
//
//   pass  (executor_exec.cc) runs the commands that touch keys, in order, all shards latched, and
//         commits them as one unit. It may run several times, so it has no effect but on `steps`:
//         what it must know of SELECT and HELLO it only looks up, and of what control commands will
//         want to show it takes down the figures when their turn comes.
//   walk  (executor_walk.cc) goes through the steps of the committed pass in order, once: books the
//         commands that touched keys, runs those of the session, asks TypeScript for control
//         commands. So each sees the effects of what stands before it and of nothing behind it.
struct ExecRun {
  std::vector<QueuedCommand> queue;
  std::vector<ExecStep> steps;  // one per queued command
  size_t next = 0;              // the walk has come here
  bool whole_keyspace = false;
  bool controls = false;  // has control commands
  bool gated = false;     // the pass has collected tickets
  bool muted = false;     // CLIENT REPLY SKIP came before it
  bool header = true;     // replies were on when it came
  uint64_t nanos = 0;     // what it took
  Slot* slot = nullptr;   // of the reply, if it does not come in the turn of the request
  std::string exec;       // the command's name as sent
};

class Executor {
 public:
  static constexpr uint32_t kParkedReadsMax = 256;

  Executor(Shared* shared, Engine* engine, SessionHost* host, ReactorCounters* counters,
           uint32_t reactor);
  ~Executor();

  // Executes whole commands from the bytes (the start of a command) and returns how many were
  // consumed. Stops when the connection stalls. *needed: more bytes wanted for the command in
  // progress.
  size_t Consume(Connection* conn, const char* data, size_t bytes, size_t* needed);
  // See Replies.
  void EndBatch(Connection* conn) { replies_.EndBatch(conn); }
  void ReleaseSlots(Connection* conn) { replies_.Release(conn); }

  // A ticket that this connection waited for is durable, or its stream has stopped.
  void Advanced(Connection* conn) {
    blocked_.Advanced(conn);
    replies_.Advanced(conn);
  }
  void ControlDone(Connection* conn, std::string_view reply, uint64_t usec);
  // See BlockedClients.
  void TimedOut(Connection* conn) { blocked_.TimedOut(conn); }
  bool Unblock(Connection* conn, bool with_error) { return blocked_.Unblock(conn, with_error); }
  void Unpaused(Connection* conn) { blocked_.Unpaused(conn); }
  // The client sends no more: gives up what might wait for ever (see Connection::Stall).
  void PeerLeft(Connection* conn);
  // The engine is closed for good: puts into conn->out whatever may still be said. `durable`: all
  // that was written before is.
  void EngineLost(Connection* conn, bool durable, std::string_view reason);
  void Forget(Connection* conn);  // before a connection is destroyed

  // See ExpirySweep. Between commands.
  ExpirySweep::Swept SweepShard(uint16_t db, uint16_t shard) {
    uint32_t removed = 0;
    const ExpirySweep::Swept swept = sweep_.Shard(db, shard, context_.now_ms, &removed);
    counters_->expired.Add(removed);
    return swept;
  }

  void SetNow(uint64_t now_ms) { context_.now_ms = now_ms; }
  uint64_t now_ms() const { return context_.now_ms; }
  Shared* shared() { return shared_; }
  Engine* engine() { return engine_; }
  SessionHost* host() { return host_; }
  ReactorCounters* counters() { return counters_; }
  uint32_t parked() const { return parked_count_; }

  // Commands whose commit found no room after their values had arrived. Call now and then.
  void RetryParked();
  // A slice of what takes longer than a turn may: large values that are prepared, commands that
  // look at many keys. Once per turn; the reactor does not sleep while there is any.
  void StepSlices();
  bool slicing() const { return !copies_.empty() || !slices_.empty(); }
  void DropWatches(Connection* conn);
  void DropMulti(Connection* conn);

 private:
  struct ParkedFetch;
  struct ParkedRange;
  // Owned by its fetches while they are under way: the last one to end runs or deletes it.
  struct Parked;
  std::unique_ptr<Parked> TakeParked();
  void GiveParked(std::unique_ptr<Parked> parked);

  static constexpr uint32_t kParkedRunsMax = 1000;  // a command that loses so many races gives up
  static constexpr size_t kSpareParkedMax = 256;

  // kAgain: not consumed, the connection is stalled and the same command will be dispatched again.
  enum class Outcome : uint8_t { kTaken, kAgain };

  Outcome Dispatch(Connection* conn, std::span<const std::string_view> argv);
  const Command* Resolve(Connection* conn, std::span<const std::string_view> argv);
  bool Admit(Connection* conn, const Command& command, std::span<const std::string_view> argv,
             bool* again);
  void Queue(Connection* conn, const Command& command, std::span<const std::string_view> argv);
  enum class Committed : uint8_t { kDone, kBusy, kLarge };
  Outcome RunData(Connection* conn, const Command& command, std::span<const std::string_view> argv);
  Outcome RunSession(Connection* conn, const Command& command,
                     std::span<const std::string_view> argv);
  void Latch(const Command& command, std::span<const std::string_view> argv);
  // resp: in force when the command came, which is not always what the connection speaks by now.
  void CallHandler(Connection* conn, const Command& command, std::span<const std::string_view> argv,
                   OutBuffer* out, uint8_t resp);
  // Commits the pass and unlatches. kBusy: there is no room, nothing happened.
  // kLarge, if asked for: there is so much to copy that it should be prepared first (CopyAhead);
  // nothing happened, all is latched.
  Committed Commit(Connection* conn, const Command& command, OutBuffer* out, size_t mark,
                   PreparedUnit* prepared, bool ask);
  // Who waits for large copies: a connection, or a parked command.
  struct Copying {
    Copying();
    Copying(uint32_t index, uint32_t generation);
    ~Copying();
    Copying(Copying&&) noexcept;
    Copying& operator=(Copying&&) noexcept;
    uint32_t index = 0;
    uint32_t generation = 0;
    std::unique_ptr<Parked> parked;
  };
  // Latched, after a pass with large writes. True: they are being prepared, and the latches are
  // free. False: that would not help.
  bool CopyAhead(std::span<const LargeArguments> sources, Copying waiter);
  static std::vector<LargeArguments> Sources(const ExecRun& run);
  // Keeps large arguments where they are; null if they are small.
  static Owner PinInput(Connection* conn, std::span<const std::string_view> argv);
  // Of the pass that has just ended.
  PassFigures TakeFigures() {
    return {txn_.hits, txn_.misses, txn_.expired, std::exchange(changes_, 0)};
  }
  void Reject(Connection* conn, const Command* command, std::string_view text);

  void Park(Connection* conn, const Command& command, std::span<const std::string_view> argv,
            std::shared_ptr<ExecRun> exec);
  void StartFetches(Parked* parked);
  void FetchDone(Parked* parked, const char* what, const Status& status);
  void ParkAgain(std::unique_ptr<Parked> parked);
  void KeepTickets(Parked* parked);
  void RunParked(std::unique_ptr<Parked> parked);
  bool CopyParked(std::unique_ptr<Parked>* parked, std::span<const LargeArguments> sources);
  void FinishParked(std::unique_ptr<Parked> parked, Connection* conn);

  Outcome RunExec(Connection* conn, std::span<const std::string_view> argv);
  enum class Pass : uint8_t { kDone, kPending, kBusy, kLarge, kAborted };
  Pass ExecPass(Connection* conn, ExecRun* run, PreparedUnit* prepared, bool ask);
  Pass CommitExec(Connection* conn, ExecRun* run, PreparedUnit* prepared);
  void RunSteps(Connection* conn, ExecRun* run);
  void WalkExec(Connection* conn, const std::shared_ptr<ExecRun>& run);
  void StepDone(Connection* conn, ExecRun* run);
  // The client has gone in the middle: nothing is answered, but what was committed counts, and what
  // stands behind it runs.
  void AbandonExec(Connection* conn, ExecRun* run);
  void BookExec(Connection* conn, const ExecRun& run, std::string_view reply);
  void FinishExec(Connection* conn, const std::shared_ptr<ExecRun>& run);

  Shared* shared_;
  Engine* engine_;
  SessionHost* host_;
  ReactorCounters* counters_;
  uint32_t reactor_;
  uint32_t parked_count_ = 0;
  SessionContext context_;
  Replies replies_;
  Bookkeeper books_;
  BlockedClients blocked_;
  ControlBridge bridge_;
  LookAhead look_ahead_;
  Txn txn_;
  TxnControl control_;
  ExpirySweep sweep_;
  OutBuffer scratch_;
  uint64_t http_warned_ms_ = 0;
  uint64_t changes_ = 0;  // by what was committed last, until it is booked
  std::vector<std::unique_ptr<Parked>> retry_;
  std::deque<std::unique_ptr<Parked>> slices_;
  std::vector<std::unique_ptr<Parked>> spare_parked_;
  LargeCopies<Copying> copies_;
};

std::string ClientLine(const Connection& conn, uint64_t now_ms);

}  // namespace cairn
