// Other clients beside a script that runs for long. Lua cannot be left in the middle and come back
// to, so its hook asks now and then, and the reactor does here, within the script's turn, what a
// turn does as far as it needs neither the pass, which is the script's, nor a latch, nor the disk's
// queue: accepts, reads, runs commands on no key, sends. What else comes waits (Dispatcher::Admit).
//
// Nothing that a turn has under way above this may change under it: the running script's connection
// is left alone, connections are closed only after it, and what was read in this turn and not run
// yet moves to its connection.
#include <sys/epoll.h>

#include <utility>

#include "base/clock.h"
#include "reactor/reactor.h"

namespace cairn {

void Reactor::ServeOthers(Connection* conn, Busy busy) {
  if (beside_ || detaching_ || engine_lost_) return;
  beside_ = true;
  executor_.SetBusy(busy, executor_.scripts().runs_function());
  const uint64_t now_ms = executor_.now_ms();
  executor_.SetNow(WallMillis());
  SetInputsAside(conn);
  if (busy == Busy::kOthersAreRefused) ResumeScriptWaiters();
  TakeEventsBeside(conn);
  RunMailbox();
  std::vector<Connection*> resume = std::exchange(resume_, {});
  for (Connection* other : resume) {
    if (other == conn || other->closed) {
      resume_.push_back(other);
      continue;
    }
    other->resume_queued = false;
    Execute(other);
  }
  FlushBeside(conn);
  executor_.SetNow(now_ms);
  executor_.SetBusy(Busy::kNo, false);
  beside_ = false;
}

// In the order in which it came: what is read from now on goes behind it.
void Reactor::SetInputsAside(const Connection* running) {
  for (uint32_t i = inputs_run_; i < input_count_; ++i) {
    Input& input = inputs_[i];
    if (input.bytes == 0 || input.conn == running) continue;
    if (!input.conn->closed) {
      input.conn->in.Append(std::string_view(input.data, input.bytes));
      ResumeInput(input.conn);  // perhaps nothing more comes that would run it
    }
    input.bytes = 0;
  }
}

void Reactor::TakeEventsBeside(const Connection* running) {
  epoll_event events[kEventsMax];
  const int count = epoll_wait(epoll_fd_, events, kEventsMax, 0);
  for (int i = 0; i < count; ++i) {
    const uint64_t tag = events[i].data.u64;
    if ((tag >> 62) == 0) {
      Connection* conn =
          FindConnection(static_cast<uint32_t>(tag >> 32), static_cast<uint32_t>(tag));
      if (conn == nullptr || conn->closed || conn == running) continue;
      if (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) Read(conn);
      if (events[i].events & EPOLLOUT) FlushSoon(conn);
    } else if ((tag & kTagListen) == kTagListen) {
      const size_t listener = tag & ~kTagListen;
      if (listener < listeners_.size()) Accept(listeners_[listener]);
    }
  }
}

void Reactor::FlushBeside(const Connection* running) {
  std::vector<Connection*> flush = std::exchange(flush_, {});
  for (Connection* conn : flush) {
    if (conn == running || conn->closed) {
      flush_.push_back(conn);
      continue;
    }
    conn->flush_queued = false;
    if (!FlushOpen(conn)) FlushSoon(conn);  // destroyed when the script has ended
  }
}

void Reactor::WaitForScript(Connection* conn) { script_waiters_.push_back(HandleOf(*conn)); }

void Reactor::ResumeScriptWaiters() {
  for (const Handle& handle : std::exchange(script_waiters_, {})) {
    Connection* conn = FindConnection(handle.index, handle.generation);
    if (conn == nullptr || conn->stall != Connection::kWaitsForScript) continue;
    conn->stall = Connection::kRunning;
    ResumeInput(conn);
  }
}

}  // namespace cairn
