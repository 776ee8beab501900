// Dispatcher: from bytes to commands. It parses input, finds each command's row, checks whether it
// may run now, and hands it to who runs it: CommandRunner, ControlBridge, SessionRunner, or the
// queue of MULTI. What is refused is answered here.
//
// The order of a connection's commands is kept by its stall (Connection::Stall): while there is
// one, nothing is dispatched. One reactor's thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>

#include "session/blocked_clients.h"
#include "session/bookkeeper.h"
#include "session/command_runner.h"
#include "session/control_bridge.h"
#include "session/exec_runner.h"
#include "session/gate.h"
#include "session/look_ahead.h"
#include "session/pass.h"
#include "session/replies.h"
#include "session/session_runner.h"

namespace cairn {

class Dispatcher {
 public:
  // What commands go through, and to. Outlives the dispatcher.
  struct Ways {
    Gate* gate;
    Pass* pass;
    Replies* replies;
    Bookkeeper* books;
    LookAhead* look_ahead;
    BlockedClients* blocked;
    CommandRunner* commands;
    CommandRunner* commands_beside;  // a script's pass that is under way
    ExecRunner* execs;
    ControlBridge* bridge;
    SessionRunner* session;
  };
  Dispatcher(const SessionContext& context, const Ways& ways)
      : shared_(context.shared), host_(context.host), context_(context), to_(ways) {}

  // Executes whole commands from the bytes (the start of a command) and returns how many were
  // consumed. Stops when the connection stalls. *needed: more bytes wanted for the command in
  // progress.
  size_t Consume(Connection* conn, const char* data, size_t bytes, size_t* needed);

 private:
  Outcome Dispatch(Connection* conn, std::span<const std::string_view> argv);
  // An attempt to log in, from an address that has to wait. False: it waits, and comes again.
  bool AdmitLogin(Connection* conn, const Command& command, std::span<const std::string_view> argv);
  // To the part that runs it.
  Outcome HandOn(Connection* conn, const Command& command, std::span<const std::string_view> argv);
  // Null: refused.
  const Command* Resolve(Connection* conn, std::span<const std::string_view> argv);
  void RefuseUnknown(Connection* conn, std::span<const std::string_view> argv);
  // False: the command does not run now; *again tells whether it is to be dispatched again later.
  bool Admit(Connection* conn, const Command& command, std::span<const std::string_view> argv,
             bool* again);
  bool Publishes(const Connection& conn, const Command& command) const;
  void Reject(Connection* conn, const Command* command, std::string_view text);
  // Beside a script that runs: whether the command needs no pass and no latch.
  static bool RunsBeside(const Connection& conn, const Command& command);
  // False: it has to wait (*again), or was refused.
  bool AdmitBeside(Connection* conn, const Command& command, bool* again);

  Shared* const shared_;
  SessionHost* const host_;
  const SessionContext& context_;
  const Ways to_;
  uint64_t http_warned_ms_ = 0;
};

}  // namespace cairn
