#include "session/blocked_clients.h"

#include <memory>
#include <string>
#include <utility>

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
  conn->blocked = {slot, &command, gate, deadline_ms, aof, replicas > 0, nullptr};
  conn->stall = Connection::kBlocked;
  context_.counters->blocked.Add(1);
  if (timeout != 0) context_.host->WaitUntil(conn, deadline_ms);
  if (const Ticket* ticket = gate.Unmet(engine)) context_.host->WaitForTicket(conn, *ticket);
}

void BlockedClients::WaitForKeys(Connection* conn, const Command& command,
                                 std::span<const std::string_view> argv, Slot* slot,
                                 const BlockedCommand* before) {
  WaiterTable& table = context_.shared->waiters;
  auto waiter = std::make_shared<BlockedCommand>();
  waiter->reactor = context_.reactor;
  waiter->index = conn->index;
  waiter->generation = conn->generation;
  waiter->client.id = conn->id;
  waiter->client.db = conn->db;
  waiter->client.resp = conn->resp;
  waiter->Take(command, argv);
  control_->DescribeWait(waiter.get());
  for (const auto& [argument, word] : control_->wait_words()) waiter->Say(argument, word);
  waiter->order = before != nullptr ? before->order : table.NextOrder();
  if (before != nullptr) waiter->terms.deadline_ms = before->terms.deadline_ms;
  for (const Ticket& ticket : control_->tickets()) slot->gate.Add(ticket);
  table.Add(waiter);
  const uint64_t deadline_ms = waiter->terms.deadline_ms;
  conn->blocked = {slot, &command, {}, deadline_ms, false, false, std::move(waiter)};
  conn->stall = Connection::kBlocked;
  context_.counters->blocked.Add(1);
  if (deadline_ms != 0) context_.host->WaitUntil(conn, deadline_ms);
}

void BlockedClients::RemoveFromTable(const BlockedCommand& waiter) {
  for (const WatchedKey& key : waiter.keys) {
    LatchGuard guard(context_.engine->ShardLatch(key.shard));
    context_.shared->waiters.Remove(key, waiter);
  }
}

bool BlockedClients::Withdraw(Connection* conn) {
  const std::shared_ptr<BlockedCommand> waiter = conn->blocked.command_for_keys;
  if (!waiter->Claim(Waiter::State::kOver)) return false;
  RemoveFromTable(*waiter);
  conn->blocked.command_for_keys.reset();
  return true;
}

Connection* BlockedClients::Take(const BlockedCommand& waiter, Slot** slot) {
  RemoveFromTable(waiter);
  Connection* conn = context_.host->FindConnection(waiter.index, waiter.generation);
  if (conn == nullptr || conn->blocked.command_for_keys.get() != &waiter) return nullptr;
  *slot = std::exchange(conn->blocked.slot, nullptr);
  conn->blocked.command_for_keys.reset();
  context_.counters->blocked.Sub(1);
  return conn;
}

bool BlockedClients::Deliver(Served served) {
  if (served.again) return true;
  const BlockedCommand& waiter = *served.waiter;
  Slot* slot = nullptr;
  Connection* conn = Take(waiter, &slot);
  if (conn == nullptr) return false;
  slot->bytes.Append(&served.reply);
  slot->replies = 1;
  for (const Ticket& ticket : served.tickets) slot->gate.Add(ticket);
  books_->Book(*conn, *waiter.command, waiter.argv, slot->bytes.ViewFrom(0), served.nanos,
               served.figures);
  Go(conn, slot);
  return false;
}

void BlockedClients::Go(Connection* conn, Slot* slot) {
  replies_->Complete(conn, slot);
  conn->stall = Connection::kRunning;
  context_.host->ResumeInput(conn);
}

void BlockedClients::Finish(Connection* conn, bool met, bool with_error) {
  Slot* slot = conn->blocked.slot;
  if (conn->stall != Connection::kBlocked || slot == nullptr) return;
  conn->blocked.slot = nullptr;
  ReplyWriter reply(&slot->bytes, conn->resp);
  if (with_error) {
    reply.Error(errors::kUnblocked);
  } else if (!conn->blocked.command->Is(kCmdSession)) {
    reply.NullArray();
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
  Go(conn, slot);
}

void BlockedClients::Advanced(Connection* conn) {
  if (conn->stall != Connection::kBlocked || conn->blocked.command_for_keys != nullptr) return;
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
  if (conn->stall == Connection::kWaitsForPause && deadline_ms != 0 &&
      deadline_ms <= context_.now_ms) {
    conn->blocked.deadline_ms = 0;
    return Unpaused(conn);
  }
  if (conn->stall != Connection::kBlocked || deadline_ms == 0 || deadline_ms > context_.now_ms)
    return;
  if (conn->blocked.command_for_keys != nullptr && !Withdraw(conn)) {
    // It is being served; if nothing comes of that, its time is still over.
    context_.host->WaitUntil(conn, deadline_ms);
    return;
  }
  Finish(conn, false, false);
}

bool BlockedClients::Unblock(Connection* conn, bool with_error) {
  if (conn->stall != Connection::kBlocked) return false;
  if (conn->blocked.command_for_keys != nullptr && !Withdraw(conn)) return false;
  Finish(conn, false, with_error);
  return true;
}

void BlockedClients::Pause(Connection* conn) {
  conn->stall = Connection::kWaitsForPause;
  conn->blocked.deadline_ms = 0;
  context_.counters->blocked.Add(1);
  context_.host->WaitForUnpause(conn);
}

void BlockedClients::PauseUntil(Connection* conn, uint64_t deadline_ms) {
  conn->stall = Connection::kWaitsForPause;
  conn->blocked.deadline_ms = deadline_ms;
  context_.counters->blocked.Add(1);
  context_.host->WaitUntil(conn, deadline_ms);
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
    if (conn->blocked.command_for_keys != nullptr && !Withdraw(conn)) {
      // Its reply is on the way, and the last one.
      conn->in.Clear();
      conn->close_after_reply = true;
      return;
    }
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
  if (conn->blocked.command_for_keys != nullptr) (void)Withdraw(conn);
  if (conn->stall == Connection::kWaitsForPause || conn->stall == Connection::kBlocked)
    context_.counters->blocked.Sub(1);
}

}  // namespace cairn
