#include "session/executor.h"

#include <memory>
#include <utility>

namespace cairn {

Executor::Executor(Shared* shared, Engine* engine, SessionHost* host, ReactorCounters* counters,
                   uint32_t reactor)
    : context_{shared, engine, host, counters, reactor},
      gate_(context_),
      replies_(context_),
      books_(context_),
      scripts_(context_),
      subscriptions_(context_, &replies_, &tracking_),
      tracking_(context_, &subscriptions_, &replies_),
      look_ahead_(engine),
      pass_(context_),
      commands_(context_, &pass_, &replies_, &books_, &scripts_, &look_ahead_, &parked_, &blocked_,
                &tracking_),
      pass_beside_(context_),
      commands_beside_(context_, &pass_beside_, &replies_, &books_, &scripts_, &look_ahead_,
                       &parked_, &blocked_, &tracking_),
      bridge_(context_, &replies_, &books_),
      execs_(context_, &gate_, &pass_, &replies_, &books_, &scripts_, &bridge_, &parked_,
             &tracking_),
      parked_(context_, &pass_, &replies_, &books_, &commands_, &execs_, &tracking_),
      blocked_(context_, &pass_.control(), &replies_, &books_),
      session_(context_, &replies_, &books_, &blocked_, &commands_, &execs_, &subscriptions_,
               &tracking_),
      dispatcher_(context_, {.gate = &gate_,
                             .pass = &pass_,
                             .replies = &replies_,
                             .books = &books_,
                             .look_ahead = &look_ahead_,
                             .blocked = &blocked_,
                             .commands = &commands_,
                             .commands_beside = &commands_beside_,
                             .execs = &execs_,
                             .bridge = &bridge_,
                             .session = &session_}),
      sweep_(engine, &pass_.txn(), &pass_.control(), reactor, &pass_.serving()) {
  shared->users.Begin();
  pass_.control().SetEventSink(&subscriptions_);
  pass_.control().SetTracked(&shared->tracking.client_count());
}

void Executor::ControlDone(Connection* conn, std::string_view reply, uint64_t usec) {
  if (conn->stall != Connection::kWaitsForControl) return;
  if (conn->exec_run != nullptr) {
    execs_.Answered(conn, reply, usec * 1000);
  } else {
    bridge_.Answered(conn, reply, usec * 1000);
  }
}

void Executor::Deliver(Served served) {
  const std::shared_ptr<BlockedCommand> waiter = served.waiter;
  if (!blocked_.Deliver(std::move(served))) return;
  Slot* slot = nullptr;
  if (Connection* conn = blocked_.Take(*waiter, &slot)) parked_.RunWaiting(conn, slot, waiter);
}

void Executor::PeerLeft(Connection* conn) {
  session_.StopMonitor(conn);  // a feed has no end of its own
  subscriptions_.Drop(conn);
  blocked_.PeerLeft(conn);
}

void Executor::EngineLost(Connection* conn, bool durable, std::string_view reason) {
  replies_.EngineLost(conn, durable, reason);
  conn->control.slot = nullptr;
  conn->blocked.slot = nullptr;
  conn->blocked.command_for_keys.reset();
  conn->exec_run.reset();
}

void Executor::Forget(Connection* conn) {
  blocked_.Forget(conn);
  execs_.Discard(conn);
  session_.StopMonitor(conn);
  subscriptions_.Drop(conn);
  tracking_.TurnOff(conn);
  if (const std::shared_ptr<ExecRun> run = std::move(conn->exec_run)) {
    execs_.Abandon(conn, run.get());
  } else {
    bridge_.Forget(conn);
  }
}

ExpirySweep::Swept Executor::SweepShard(uint16_t db, uint16_t shard) {
  uint32_t removed = 0;
  pass_.FollowPolicy();
  const ExpirySweep::Swept swept = sweep_.Shard(db, shard, context_.now_ms, &removed);
  context_.counters->expired.Add(removed);
  return swept;
}

}  // namespace cairn
