// Executor: runs the commands of one reactor's connections. This is the door for the reactor and
// the server, and the place where the parts behind it are put together:
//
//   Dispatcher      from bytes to commands: parses, checks, hands on; what is refused
//   Gate            who may run what
//   CommandRunner   one command: latches, handler, commit, reply
//   ExecRunner      MULTI and EXEC: the queue, the pass, the walk through its steps
//   SessionRunner   commands that change the session: MULTI, WATCH, WAIT, RESET, ...
//   ControlBridge   commands that live in TypeScript, there and back
//   ParkedPasses    commands that wait for reads, copies, slices or room, and run again
//   Subscriptions   publish and subscribe, keyspace events
//   Tracking        clients with caches of their own
//   BlockedClients  clients that wait because they asked to (WAIT), or are paused
//   Replies         what was answered, in order, until it may leave
//   Bookkeeper      statistics, slow log, latency, MONITOR
//   Pass            the one pass that is under way
//   LookAhead       keys of what is pipelined, looked up ahead
//   Scripts         the machine for scripts, and what it has compiled
//
// Parts know each other by the pointers they are made with; what is kept per connection stands in
// connection.h. What needs the outside (sockets, timers, TypeScript, disk queues) goes through
// SessionHost, which the reactor implements.
//
// One reactor's thread. Every connection is Forgotten before the executor goes, and nothing is
// parked any more.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "session/blocked_clients.h"
#include "session/bookkeeper.h"
#include "session/command_runner.h"
#include "session/connection.h"
#include "session/control_bridge.h"
#include "session/dispatcher.h"
#include "session/exec_runner.h"
#include "session/gate.h"
#include "session/look_ahead.h"
#include "session/parked_passes.h"
#include "session/pass.h"
#include "session/replies.h"
#include "session/scripts.h"
#include "session/session_host.h"
#include "session/session_runner.h"
#include "session/subscriptions.h"
#include "session/tracking.h"
#include "txn/expiry_sweep.h"

namespace cairn {

class Executor {
 public:
  Executor(Shared* shared, Engine* engine, SessionHost* host, ReactorCounters* counters,
           uint32_t reactor);
  Executor(const Executor&) = delete;
  Executor& operator=(const Executor&) = delete;

  // See Dispatcher.
  size_t Consume(Connection* conn, const char* data, size_t bytes, size_t* needed) {
    return dispatcher_.Consume(conn, data, bytes, needed);
  }
  // See Replies.
  void EndBatch(Connection* conn) { replies_.EndBatch(conn); }
  void ReleaseSlots(Connection* conn) { replies_.Release(conn); }

  // A ticket that this connection waited for is durable, or its stream has stopped.
  void Advanced(Connection* conn) {
    blocked_.Advanced(conn);
    replies_.Advanced(conn);
  }
  // TypeScript has answered.
  void ControlDone(Connection* conn, std::string_view reply, uint64_t usec);
  // A waiter of this reactor was served, see serving.h.
  void Deliver(Served served);
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

  // See ParkedPasses.
  void RetryParked() { parked_.Retry(); }
  void StepSlices() { parked_.StepSlices(); }
  bool slicing() const { return parked_.slicing(); }
  uint32_t parked() const { return parked_.count(); }

  // See Subscriptions. The reactor does not sleep while there is something to deliver.
  void DeliverMessages() { subscriptions_.EndTurn(); }
  void RingBells() { subscriptions_.RingBells(); }
  bool delivering() const { return subscriptions_.busy(); }

  // After a change of users; see Gate::Review.
  bool Review(Connection* conn, bool* at_once) { return gate_.Review(conn, at_once); }
  void Tick() { tracking_.Tick(); }
  // See ExpirySweep. Between commands.
  ExpirySweep::Swept SweepShard(uint16_t db, uint16_t shard);

  // While others are served beside a script that runs.
  void SetBusy(Busy busy, bool function) {
    context_.busy = busy;
    context_.busy_function = function;
  }
  // Whether ControlDone may be called beside it: not for an EXEC, whose walk needs the pass.
  static bool MayAnswerBeside(const Connection& conn) { return conn.exec_run == nullptr; }

  void SetNow(uint64_t now_ms) { context_.now_ms = now_ms; }
  uint64_t now_ms() const { return context_.now_ms; }

  // --- for handlers, which find the executor by their connection ---
  Shared* shared() { return context_.shared; }
  ReactorCounters* counters() { return context_.counters; }
  Scripts& scripts() { return scripts_; }
  Gate& gate() { return gate_; }
  SessionHost* host() { return context_.host; }
  void DropWatches(Connection* conn) { execs_.DropWatches(conn); }
  Subscriptions* subscriptions() { return &subscriptions_; }
  Tracking* tracking() { return &tracking_; }

 private:
  SessionContext context_;
  Gate gate_;
  Replies replies_;
  Bookkeeper books_;
  Scripts scripts_;
  Subscriptions subscriptions_;
  Tracking tracking_;
  LookAhead look_ahead_;
  Pass pass_;
  CommandRunner commands_;
  Pass pass_beside_;  // a script's: of commands that touch no key
  CommandRunner commands_beside_;
  ControlBridge bridge_;
  ExecRunner execs_;
  ParkedPasses parked_;
  BlockedClients blocked_;
  SessionRunner session_;
  Dispatcher dispatcher_;
  ExpirySweep sweep_;
};

}  // namespace cairn
