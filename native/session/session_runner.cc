#include "session/session_runner.h"

#include <memory>

#include "base/check.h"
#include "resp/errors.h"
#include "session/gate.h"
#include "session/session_commands.h"

namespace cairn {

Outcome SessionRunner::Run(Connection* conn, const Command& command,
                           std::span<const std::string_view> argv) {
  const std::string_view name = command.name;
  if (name == "exec") {
    subscriptions_->Deliver();  // it may change them
    return execs_->Run(conn, command, argv);
  }
  if (name == "watch" && conn->multi == nullptr) return commands_->Run(conn, command, argv);
  if (command.Is(kCmdPubSub)) return Subscribe(conn, command, argv);
  const size_t mark = conn->turn.size();
  ReplyWriter reply(&conn->turn, conn->resp);
  if (name == "multi") {
    Multi(conn, &reply);
  } else if (name == "discard") {
    Discard(conn, &reply);
  } else if (name == "watch") {
    reply.Error(errors::kWatchInMulti);
  } else if (name == "wait" || name == "waitaof") {
    blocked_->Wait(conn, command, argv, name == "waitaof");
    if (conn->stall == Connection::kBlocked) {
      books_->Show(*conn, command, argv);
      return Outcome::kTaken;
    }
  } else if (name == "monitor") {
    Monitor(conn, &reply);
  } else if (name == "quit") {
    reply.Ok();
    conn->close_after_reply = true;
  } else if (name == "reset") {
    Reset(conn);
  } else {
    CAIRN_CHECK(false, "a row with kCmdSession has a case above");
  }
  books_->BookNow(*conn, command, argv, conn->turn.ViewFrom(mark), {});
  const bool silent = conn->turn.size() == mark && conn->reply_mode == ReplyMode::kOn;
  if (!silent) replies_->Made(conn, mark);
  books_->Show(*conn, command, argv);
  return Outcome::kTaken;
}

// Confirmations are pushes, as messages are: CLIENT REPLY does not keep them back.
Outcome SessionRunner::Subscribe(Connection* conn, const Command& command,
                                 std::span<const std::string_view> argv) {
  subscriptions_->Deliver();
  const size_t mark = conn->turn.size();
  ReplyWriter reply(&conn->turn, conn->resp);
  conn->turn_replies += RunSubscribe(conn, command, argv, subscriptions_, &reply);
  books_->BookNow(*conn, command, argv, conn->turn.ViewFrom(mark), {});
  Replies::NextReplyMode(conn);
  books_->Show(*conn, command, argv);
  return Outcome::kTaken;
}

void SessionRunner::Multi(Connection* conn, ReplyWriter* reply) {
  if (conn->multi != nullptr) {
    // The queue stays usable, as in Redis: only the reply is an error.
    reply->Error(errors::kNestedMulti);
  } else {
    conn->multi = std::make_unique<MultiState>();
    reply->Ok();
  }
}

void SessionRunner::Discard(Connection* conn, ReplyWriter* reply) {
  if (conn->multi == nullptr) {
    reply->Error(errors::kDiscardWithoutMulti);
  } else {
    execs_->Discard(conn);
    reply->Ok();
  }
}

void SessionRunner::Monitor(Connection* conn, ReplyWriter* reply) {
  if (!conn->monitor) {  // a second one is not answered, as in Redis
    reply->Ok();
    host_->AddMonitor(conn);
  }
  conn->monitor = true;
}

void SessionRunner::StopMonitor(Connection* conn) {
  if (conn->monitor) host_->RemoveMonitor(conn);
  conn->monitor = false;
}

void SessionRunner::Reset(Connection* conn) {
  execs_->Discard(conn);
  StopMonitor(conn);
  subscriptions_->Drop(conn);
  tracking_->TurnOff(conn);
  conn->db = 0;
  conn->resp = 2;
  conn->name.clear();
  conn->reply_mode = ReplyMode::kOn;
  conn->no_evict = conn->no_touch = false;
  Gate::Begin(shared_, conn);
  ReplyWriter(&conn->turn, 2).Simple("RESET");
}

}  // namespace cairn
