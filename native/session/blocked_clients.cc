#include "session/blocked_clients.h"

#include <string>

#include "resp/errors.h"
#include "session/session_commands.h"

namespace cairn {

void BlockedClients::Wait(Connection* conn, const Command& command,
                          std::span<const std::string_view> argv, bool aof) {
  ReplyWriter reply(&conn->turn, conn->resp);
  const Engine& engine = *context_.engine;
  WaitArgs args;
  if (std::string_view error = ReadWait(argv, context_.now_ms, &args); !error.empty()) {
    reply.Error(error);
    return;
  }
  const auto [local, replicas, timeout] = args;
  TicketSet gate;
  if (aof && local > 0) {
    context_.host->RequestSync();
    for (uint32_t stream = 0; stream < engine.streams(); ++stream)
      gate.Add(engine.LatestTicket(stream));
  }
  const bool met = replicas <= 0 && gate.Unmet(engine) == nullptr;
  if (met) {
    if (!aof) {
      reply.Integer(0);
    } else {
      reply.ArrayHeader(2);
      reply.Integer(1);
      reply.Integer(0);
    }
    return;
  }
  // Without replicas only the time limit ends a wait for them.
  Slot* const slot = replies_->Expect(conn);
  const uint64_t deadline_ms = timeout == 0 ? 0 : context_.now_ms + static_cast<uint64_t>(timeout);
  conn->blocked = {slot, &command, gate, deadline_ms, aof, replicas > 0};
  conn->stall = Connection::kBlocked;
  context_.counters->blocked.Add(1);
  if (timeout != 0) context_.host->WaitUntil(conn, deadline_ms);
  if (const Ticket* ticket = gate.Unmet(engine)) context_.host->WaitForTicket(conn, *ticket);
}

void BlockedClients::Finish(Connection* conn, bool met, bool with_error) {
  Slot* slot = conn->blocked.slot;
  if (conn->stall != Connection::kBlocked || slot == nullptr) return;
  conn->blocked.slot = nullptr;
  ReplyWriter reply(&slot->bytes, conn->resp);
  if (with_error) {
    reply.Error(errors::kUnblocked);
  } else if (!conn->blocked.aof) {
    reply.Integer(0);
  } else {
    const bool durable = met || conn->blocked.gate.Unmet(*context_.engine) == nullptr;
    reply.ArrayHeader(2);
    reply.Integer(durable ? 1 : 0);
    reply.Integer(0);
  }
  context_.counters->blocked.Sub(1);
  slot->replies = 1;
  books_->StartTimer();
  // Without its arguments: as in Redis, which logs no waits.
  books_->BookNow(*conn, *conn->blocked.command, {}, slot->bytes.ViewFrom(0), {});
  replies_->Complete(conn, slot);
  conn->stall = Connection::kRunning;
  context_.host->ResumeInput(conn);
}

void BlockedClients::Advanced(Connection* conn) {
  if (conn->stall != Connection::kBlocked) return;
  const Ticket* ticket = conn->blocked.gate.Unmet(*context_.engine);
  std::string reason;
  if (ticket == nullptr) {
    if (!conn->blocked.replicas) Finish(conn, true, false);
  } else if (context_.engine->Stopped(ticket->stream, &reason)) {
    Finish(conn, false, false);
  } else {
    context_.host->WaitForTicket(conn, *ticket);
  }
}

void BlockedClients::TimedOut(Connection* conn) {
  const uint64_t deadline_ms = conn->blocked.deadline_ms;
  if (conn->stall == Connection::kBlocked && deadline_ms != 0 && deadline_ms <= context_.now_ms)
    Finish(conn, false, false);
}

bool BlockedClients::Unblock(Connection* conn, bool with_error) {
  if (conn->stall != Connection::kBlocked) return false;
  Finish(conn, false, with_error);
  return true;
}

void BlockedClients::Pause(Connection* conn) {
  conn->stall = Connection::kWaitsForPause;
  context_.counters->blocked.Add(1);
  context_.host->WaitForUnpause(conn);
}

void BlockedClients::Unpaused(Connection* conn) {
  if (conn->stall != Connection::kWaitsForPause) return;
  context_.counters->blocked.Sub(1);
  conn->stall = Connection::kRunning;
  context_.host->ResumeInput(conn);
}

void BlockedClients::PeerLeft(Connection* conn) {
  if (!conn->MayWaitForEver()) return;
  if (conn->stall == Connection::kBlocked) {
    // Behind the reply that never comes no command has run, but what it monitored may stand there.
    replies_->GiveUp(conn, conn->blocked.slot);
    conn->blocked.slot = nullptr;
    conn->blocked.gate.Clear();
  }
  context_.counters->blocked.Sub(1);
  conn->stall = Connection::kRunning;
  conn->in.Clear();
  conn->close_after_reply = true;
  context_.host->FlushSoon(conn);
}

void BlockedClients::Forget(Connection* conn) {
  if (conn->stall == Connection::kWaitsForPause || conn->stall == Connection::kBlocked)
    context_.counters->blocked.Sub(1);
}

}  // namespace cairn
