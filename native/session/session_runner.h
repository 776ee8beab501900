// SessionRunner: runs the commands that change the session rather than keys: MULTI, DISCARD, WATCH,
// WAIT, MONITOR, SUBSCRIBE and its kin, QUIT, RESET; EXEC it passes on. Those that only look at the
// session, or set a field of it, are handlers like all others (session_commands.h).
//
// One reactor's thread.
#pragma once

#include <span>
#include <string_view>

#include "session/blocked_clients.h"
#include "session/bookkeeper.h"
#include "session/command_runner.h"
#include "session/exec_runner.h"
#include "session/pass.h"
#include "session/replies.h"
#include "session/session_host.h"
#include "session/subscriptions.h"
#include "session/tracking.h"

namespace cairn {

class SessionRunner {
 public:
  SessionRunner(const SessionContext& context, Replies* replies, Bookkeeper* books,
                BlockedClients* blocked, CommandRunner* commands, ExecRunner* execs,
                Subscriptions* subscriptions, Tracking* tracking)
      : shared_(context.shared),
        host_(context.host),
        replies_(replies),
        books_(books),
        blocked_(blocked),
        commands_(commands),
        execs_(execs),
        subscriptions_(subscriptions),
        tracking_(tracking) {}

  // A command with kCmdSession.
  Outcome Run(Connection* conn, const Command& command, std::span<const std::string_view> argv);
  // The connection gets no more lines of MONITOR.
  void StopMonitor(Connection* conn);

 private:
  void Multi(Connection* conn, ReplyWriter* reply);
  void Discard(Connection* conn, ReplyWriter* reply);
  void Monitor(Connection* conn, ReplyWriter* reply);
  void Reset(Connection* conn);
  Outcome Subscribe(Connection* conn, const Command& command,
                    std::span<const std::string_view> argv);

  Shared* const shared_;
  SessionHost* const host_;
  Replies* const replies_;
  Bookkeeper* const books_;
  BlockedClients* const blocked_;
  CommandRunner* const commands_;
  ExecRunner* const execs_;
  Subscriptions* const subscriptions_;
  Tracking* const tracking_;
};

}  // namespace cairn
