// Executor: runs the commands of one reactor's connections. It parses input, checks, executes
// through a Txn pass, and puts replies and their gates in order. What needs the outside (sockets,
// timers, TypeScript, disk queues) goes through SessionHost, which the reactor implements. One
// thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "session/blocked_clients.h"
#include "session/bookkeeper.h"
#include "session/command_runner.h"
#include "session/connection.h"
#include "session/control_bridge.h"
#include "session/counters.h"
#include "session/exec_runner.h"
#include "session/look_ahead.h"
#include "session/parked_passes.h"
#include "session/pass.h"
#include "session/replies.h"
#include "session/session_host.h"
#include "session/shared.h"
#include "txn/expiry_sweep.h"

namespace cairn {

class Executor {
 public:
  Executor(Shared* shared, Engine* engine, SessionHost* host, ReactorCounters* counters,
           uint32_t reactor);

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
  ReactorCounters* counters() { return counters_; }

  // See ParkedPasses.
  void RetryParked() { parked_.Retry(); }
  void StepSlices() { parked_.StepSlices(); }
  bool slicing() const { return parked_.slicing(); }
  uint32_t parked() const { return parked_.count(); }
  void DropWatches(Connection* conn) { exec_.DropWatches(conn); }

 private:
  Outcome Dispatch(Connection* conn, std::span<const std::string_view> argv);
  const Command* Resolve(Connection* conn, std::span<const std::string_view> argv);
  bool Admit(Connection* conn, const Command& command, std::span<const std::string_view> argv,
             bool* again);
  Outcome RunSession(Connection* conn, const Command& command,
                     std::span<const std::string_view> argv);
  void Reset(Connection* conn);
  void Reject(Connection* conn, const Command* command, std::string_view text);

  Shared* shared_;
  Engine* engine_;
  SessionHost* host_;
  ReactorCounters* counters_;
  SessionContext context_;
  Replies replies_;
  Bookkeeper books_;
  LookAhead look_ahead_;
  Pass pass_;
  CommandRunner commands_;
  ControlBridge bridge_;
  ExecRunner exec_;
  ParkedPasses parked_;
  BlockedClients blocked_;
  ExpirySweep sweep_;
  uint64_t http_warned_ms_ = 0;
};

std::string ClientLine(const Connection& conn, uint64_t now_ms);

}  // namespace cairn
