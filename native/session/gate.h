// Gate: whether a connection's user may run a command. For users who may do everything it is one
// comparison (Open); for all others the command's row, keys and channels are looked at, and what is
// denied goes to the log of ACL LOG.
//
//   Dispatcher    each command, also those that MULTI queues and those that live in TypeScript
//   ExecRunner    the queue once more when EXEC comes (Foresee)
//   ScriptCaller  what scripts call, as who runs them (AskInScript)
//   reactor       after a change of users, all of its connections (Review)
//
// One reactor's thread.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "acl/judge.h"
#include "acl/log.h"
#include "session/connection.h"
#include "session/session_host.h"

namespace cairn {

// What an EXEC will not run, of one queued command; texts live as long as the queue.
struct ExecDenial {
  acl::Denial denial;
  std::string user;
};

class Gate {
 public:
  explicit Gate(const SessionContext& context)
      : context_(context), judge_(&context.shared->users) {}

  // The first state of a connection, and what RESET leads back to.
  static void Begin(Shared* shared, Connection* conn);
  // AUTH and HELLO. False: no such pair, which is logged and counted.
  bool LogIn(Connection* conn, std::string_view command, std::string_view user,
             std::string_view password);
  // Milliseconds that an attempt from there waits before it is looked at.
  uint64_t LoginDelay(const Connection& conn);
  bool LoggedIn(Connection* conn);

  bool Open(const Connection& conn) const {
    return CAIRN_LIKELY(conn.login.free_at == context_.shared->users.generation());
  }
  // Empty: it may run. Otherwise the text of the refusal; or the connection is closed, and nothing
  // is answered.
  std::string Ask(Connection* conn, const Command& command, std::span<const std::string_view> argv);
  // Of each queued command whether it may still run, as the users are after the ones before it.
  // Empty: all may.
  std::vector<ExecDenial> Foresee(Connection* conn, std::span<const QueuedCommand> queue);
  static std::string_view ExecText(acl::Denied denied);
  void LogExec(const Connection& conn, const ExecDenial& denial);
  // Inside a script.
  acl::Denial AskInScript(const Connection& conn, const Command& command,
                          std::span<const std::string_view> argv);
  static acl::LogEntry EntryOf(const Connection& conn, const acl::Denial& denial,
                               acl::LogEntry::Context context, uint64_t now_ms);

  // After a change of users. True: the connection is to be closed, *at_once or when what was
  // answered is sent.
  bool Review(Connection* conn, bool* at_once);
  acl::Judge* judge() { return &judge_; }

 private:
  void Refresh(Connection* conn);
  static bool KeepsSubscriptions(const Connection& conn);

  const SessionContext& context_;
  acl::Judge judge_;
};

}  // namespace cairn
