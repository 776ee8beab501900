// ExecRunner: transactions of a connection, from the commands that MULTI queues to the reply of
// EXEC. An EXEC goes in two parts:
//
//   pass  (exec_runner.cc) runs the commands that touch keys, in order, all shards latched, and
//         commits them as one unit. It may run several times, so it has no effect but on `steps`:
//         what it must know of SELECT and HELLO it only looks up, and of what control commands will
//         want to show it takes down the figures when their turn comes.
//   walk  (exec_walk.cc) goes through the steps of the committed pass in order, once: books the
//         commands that touched keys, runs those of the session, asks TypeScript for control
//         commands. So each sees the effects of what stands before it and of nothing behind it.
//
// What is queued is bounded by client-query-buffer-limit. A pass that waits is parked
// (ParkedPasses); while a walk waits for TypeScript, the EXEC is its connection's
// (Connection::exec_run), and its client's going does not end it (Abandon).
//
// One reactor's thread. State per connection: multi, watcher, exec_run.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "session/bookkeeper.h"
#include "session/control_bridge.h"
#include "session/gate.h"
#include "session/pass.h"
#include "session/replies.h"
#include "session/scripts.h"

namespace cairn {

class ParkedPasses;
class Tracking;
struct ParkedPass;

// What became of one queued command of an EXEC.
struct ExecStep {
  OutBuffer reply;
  uint64_t nanos = 0;
  PassFigures figures;
  // As it was when this control command's turn came.
  std::shared_ptr<const KeyspaceFigures> keyspace;
  std::unique_ptr<ScriptLedger> called;  // by a script
};

struct ExecRun {
  std::vector<QueuedCommand> queue;
  std::vector<ExecStep> steps;      // one per queued command
  std::vector<ExecDenial> denials;  // the same, of those that may not run any more; empty: all may
  size_t next = 0;                  // the walk has come here
  bool whole_keyspace = false;
  bool controls = false;  // has control commands
  bool scripts = false;   // runs some
  bool gated = false;     // the pass has collected tickets
  bool muted = false;     // CLIENT REPLY SKIP came before it
  bool header = true;     // replies were on when it came
  uint64_t nanos = 0;     // what it took
  Slot* slot = nullptr;   // of the reply, if it does not come in the turn of the request
  std::string exec;       // the command's name as sent

  bool Denied(size_t at) const { return !denials.empty() && !denials[at].denial.allowed(); }
};

class ExecRunner {
 public:
  ExecRunner(const SessionContext& context, Gate* gate, Pass* pass, Replies* replies,
             Bookkeeper* books, Scripts* scripts, ControlBridge* bridge, ParkedPasses* parked,
             Tracking* tracking)
      : shared_(context.shared),
        engine_(context.engine),
        host_(context.host),
        counters_(context.counters),
        gate_(gate),
        pass_(pass),
        replies_(replies),
        books_(books),
        scripts_(scripts),
        bridge_(bridge),
        parked_(parked),
        tracking_(tracking) {}

  // A command between MULTI and EXEC, checked.
  void Queue(Connection* conn, const Command& command, std::span<const std::string_view> argv);
  // Whether one of the queued commands has one of the flags.
  static bool AnyQueued(const Connection& conn, uint32_t flags);
  // Forgets the queue and what is watched for it.
  void Discard(Connection* conn);
  void DropWatches(Connection* conn) { pass_->control().Unwatch(&conn->watcher); }

  Outcome Run(Connection* conn, const Command& exec, std::span<const std::string_view> argv);
  // The next pass of a parked one, loaded. kWalk: it is committed; Walk is next.
  PassEnd RunAgain(Connection* conn, ParkedPass* parked);
  // Goes on until a control command has to be asked for, or to the end.
  void Walk(Connection* conn, const std::shared_ptr<ExecRun>& run);
  // The control command that conn->exec_run has come to is answered.
  void Answered(Connection* conn, std::string_view reply, uint64_t nanos);
  // The client has gone in the middle of the walk: nothing is answered, but what was committed
  // counts, and what stands behind it runs.
  void Abandon(Connection* conn, ExecRun* run);

 private:
  enum class Attempt : uint8_t { kDone, kPending, kBusy, kLarge, kAborted };

  Attempt RunPass(Connection* conn, ExecRun* run, PreparedUnit* prepared, bool ask);
  Attempt Commit(Connection* conn, ExecRun* run, PreparedUnit* prepared);
  void LatchAllOf(const Connection& conn, const ExecRun& run);
  void RunSteps(Connection* conn, ExecRun* run);
  void StepDone(Connection* conn, ExecRun* run);
  void Book(Connection* conn, const ExecRun& run, std::string_view reply);
  void Finish(Connection* conn, const std::shared_ptr<ExecRun>& run);

  Shared* const shared_;
  Engine* const engine_;
  SessionHost* const host_;
  ReactorCounters* const counters_;
  Gate* const gate_;
  Pass* const pass_;
  Replies* const replies_;
  Bookkeeper* const books_;
  Scripts* const scripts_;
  ControlBridge* const bridge_;
  ParkedPasses* const parked_;
  Tracking* const tracking_;
  OutBuffer aborted_;  // the whole reply of a pass that was given up
};

}  // namespace cairn
