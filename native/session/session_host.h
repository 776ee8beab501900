// SessionHost: what running commands needs of the outside: sockets, timers, TypeScript, the disk's
// queues. The reactor implements it; tests have one without sockets. One reactor's thread.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "engine/ticket.h"
#include "session/connection.h"
#include "session/counters.h"
#include "session/serving.h"
#include "session/shared.h"
#include "txn/txn.h"

namespace cairn {

struct ControlMessage {
  uint32_t reactor = 0;
  uint64_t token = 0;
  uint64_t client_id = 0;
  uint16_t db = 0;
  uint8_t resp = 2;
  bool in_multi = false;
  std::string name;
  std::string user;
  std::string frame;
  std::shared_ptr<const KeyspaceFigures> keyspace;  // inside EXEC: what INFO is to show, or null
};

// A script has been running for a while on this reactor. What must wait for it is dispatched again
// when it has ended, and after busy-reply-threshold refused with -BUSY; see Dispatcher::Admit.
enum class Busy : uint8_t { kNo, kOthersWait, kOthersAreRefused };

class SessionHost {
 public:
  virtual ~SessionHost() = default;
  // In the middle of a long script, with its pass under way: lets in from other connections what
  // needs no pass (script_caller.h). `conn` is the one whose command runs.
  virtual void ServeOthers(Connection* conn, Busy busy) {
    (void)conn;
    (void)busy;
  }
  // The connection runs again when the script has ended, or others are refused.
  virtual void WaitForScript(Connection* conn) { (void)conn; }
  // Flush conn at the end of this turn.
  virtual void FlushSoon(Connection* conn) = 0;
  // Call Executor::Advanced(conn) once the ticket is durable, or its stream has stopped.
  virtual void WaitForTicket(Connection* conn, const Ticket& ticket) = 0;
  // The connection runs again when there may be room for what it writes.
  virtual void WaitForRoom(Connection* conn) = 0;
  virtual void WaitForUnpause(Connection* conn) = 0;
  virtual void WaitUntil(Connection* conn, uint64_t deadline_ms) = 0;  // Executor::TimedOut
  virtual Connection* FindConnection(uint32_t index, uint32_t generation) = 0;
  virtual void SendControl(ControlMessage message) = 0;
  virtual void FeedMonitors(const std::string& line) = 0;
  virtual void AddMonitor(Connection* conn) = 0;
  virtual void RemoveMonitor(Connection* conn) = 0;
  virtual void RequestSync() = 0;
  // There are messages for that one's subscribers.
  virtual void RingReactor(uint32_t reactor) = 0;
  // Messages have made the connection's output larger than it may be.
  virtual void OutputGrew(Connection* conn) = 0;
  virtual void Log(int level, const std::string& message) = 0;  // 0 debug .. 3 error
  // Call Executor::Deliver on the reactor that the waiter belongs to, this one or another.
  virtual void SendServed(Served served) = 0;
  // Every reactor looks at its connections anew: Gate::Review.
  virtual void UsersChanged() {}
  // The connection runs again: execute what it has received meanwhile.
  virtual void ResumeInput(Connection* conn) = 0;
};

// What the parts of an executor stand on. Made by it, and outlives them.
struct SessionContext {
  Shared* shared;
  Engine* engine;
  SessionHost* host;
  ReactorCounters* counters;
  uint32_t reactor;     // its number
  uint64_t now_ms = 0;  // wall clock, of this turn
  Busy busy = Busy::kNo;
  bool busy_function = false;  // what runs is a function
};

}  // namespace cairn
