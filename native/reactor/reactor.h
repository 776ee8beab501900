// Reactor: a thread with one event loop. Its sockets are watched by epoll; its files belong to an
// IoQueue (io_uring, or the thread pool where io_uring is refused), whose completions arrive
// through the same epoll set.
//
// One turn: wait; read and execute what arrived; let the engine start its commits (TurnEnd) and
// hand them to the kernel; then send the replies that may leave. So a commit is on its way before
// the first byte is sent, and everything that arrived in one turn shares it.
//
// Other threads talk to a reactor through Post only (and through StreamMoved after a commit of
// theirs, and through its completion port).
#pragma once

#include <atomic>
#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "base/threads.h"
#include "engine/completion_list.h"
#include "io/disk.h"
#include "reactor/cpu_seat.h"
#include "session/executor.h"

namespace cairn {

class Reactor;

// What reactors need of their surroundings. All thread-safe.
class ReactorHost {
 public:
  virtual ~ReactorHost() = default;
  virtual void SendControl(ControlMessage message) = 0;
  virtual void FeedMonitors(const std::string& line) = 0;
  virtual void Log(int level, const std::string& message) = 0;  // 0 debug .. 3 error
  virtual void EverySecond() = 0;                               // from the first reactor
  virtual void SendServed(uint32_t reactor, Served served) = 0;
  virtual void UsersChanged() {}                        // ReviewUsers on every reactor
  virtual void Ring(uint32_t reactor) = 0;              // Reactor::Ring of that one
  virtual void Accepted(int fd, bool unix_socket) = 0;  // places a new connection on a reactor
};

struct ListenSocket {
  int fd = -1;
  bool unix_socket = false;
};

class Reactor : public SessionHost, public CompletionPort {
 public:
  static constexpr size_t kReadBytes = 64 * 1024;
  static constexpr uint32_t kInputsMax = 16;          // connections read before the first one runs,
  static constexpr size_t kInputBytesMax = 4 * 1024;  // as long as they send little
  // A connection that cannot run now is read up to here; one that may wait for ever, as in Redis,
  // up to client-query-buffer-limit: who does not read does not notice that the client has gone.
  static constexpr size_t kStalledInputMax = 1 << 20;
  // After a failed accept, doubled while it fails on; and how often that is told.
  static constexpr uint64_t kAcceptRestMs = 10;
  static constexpr uint64_t kAcceptRestMsMax = 1000;
  static constexpr uint64_t kAcceptLogMs = 10'000;
  // Room for an argument whose client has sent less than this of it; from then on all of it.
  static constexpr size_t kArgumentStepBytes = 8 << 20;
  static constexpr size_t kLargeReadBytes = 256 * 1024;  // per turn, of a large argument
  static constexpr uint32_t kEventsMax = 256;
  static constexpr uint32_t kCommitEvery = 64;  // connections handled between two looks at the disk
  static constexpr uint32_t kTickMs = 10;
  static constexpr uint32_t kIdleTickMs = 100;
  static constexpr size_t kIdleBufferBytes = 16 * 1024;  // kept by a connection with nothing to do

  Reactor(uint32_t number, Shared* shared, Engine* engine, ReactorHost* host);
  ~Reactor() override;

  Status Start(std::unique_ptr<IoQueue> (*make_queue)(void*, std::string*), void* context,
               std::vector<ListenSocket> listeners);
  void Post(std::function<void(Reactor*)> task);
  // The same for what needs no pass and may be done beside a script that runs (ServeOthers).
  void PostBeside(std::function<void(Reactor*)> task);
  // There is something in its inbox of messages (any thread).
  void Ring() { Wake(); }
  // Tickets of some stream became durable, or it stopped (any thread).
  void StreamMoved();
  // CompletionPort (any thread)
  void Post(Completion* completion) override;
  // Before Start; -1: any. See CpuSeat.
  void PreferCpu(int cpu) { preferred_cpu_ = cpu; }
  // Asks the thread to finish: stop accepting, close idle connections, wait for what is under way,
  // then end. Join after.
  void RequestStop();
  void Join();

  // A connection that another thread has accepted.
  void Give(int fd, bool unix_socket);
  // Of clients, with those that were given to it and that it has not met yet.
  uint64_t load() const {
    return counters_.clients.Get() + arriving_.load(std::memory_order_relaxed);
  }

  uint32_t number() const { return number_; }
  ReactorCounters& counters() { return counters_; }
  uint64_t cpu_nanos() const { return cpu_nanos_.load(std::memory_order_relaxed); }

  // --- on the reactor's thread (tasks given to Post) ---
  void Adopt(int fd, bool unix_socket);
  Executor* executor() { return &executor_; }
  void ForEachConnection(const std::function<void(Connection*)>& visit);
  void Kill(Connection* conn, bool after_reply);
  // Users have changed: closes the connections of those that are gone, or may not listen any more.
  void ReviewUsers();
  void ControlReply(uint64_t token, std::string_view data, uint64_t usec);
  void Unpause();
  void MonitorLine(const std::string& line);
  void StopAccepting();
  // DEBUG RELOAD: finishes what is in flight, detaches from the engine, calls `quiet` (which blocks
  // until the engine is open again), attaches anew. If it is not, the reactor tells its clients and
  // ends.
  struct Reopened {
    Status status;
    bool durable = true;  // what was written before
  };
  void Quiesce(const std::function<Reopened()>& quiet);
  void ResetCounters();

  // --- SessionHost ---
  void ServeOthers(Connection* conn, Busy busy) override;
  void WaitForScript(Connection* conn) override;
  void FlushSoon(Connection* conn) override;
  void WaitForTicket(Connection* conn, const Ticket& ticket) override;
  void WaitForRoom(Connection* conn) override;
  void WaitForUnpause(Connection* conn) override;
  void WaitUntil(Connection* conn, uint64_t deadline_ms) override;
  Connection* FindConnection(uint32_t index, uint32_t generation) override;
  void SendControl(ControlMessage message) override;
  void FeedMonitors(const std::string& line) override;
  void AddMonitor(Connection* conn) override;
  void RemoveMonitor(Connection* conn) override;
  void RequestSync() override;
  void RingReactor(uint32_t reactor) override { host_->Ring(reactor); }
  void OutputGrew(Connection* conn) override { CheckOutputLimits(conn); }
  void Log(int level, const std::string& message) override { host_->Log(level, message); }
  void SendServed(Served served) override;
  void UsersChanged() override { host_->UsersChanged(); }
  void ResumeInput(Connection* conn) override;

 private:
  struct Handle {
    uint32_t index;
    uint32_t generation;
  };
  struct TicketWaiter {
    Handle handle;
    Ticket ticket;
  };
  struct Input {  // what a connection sent, in read_buffer_
    Connection* conn;
    const char* data;
    size_t bytes;
  };
  struct Timer {
    uint64_t deadline_ms;
    Handle handle;
  };
  static constexpr uint64_t kTagWake = 1ull << 62;
  static constexpr uint64_t kTagIo = 2ull << 62;
  static constexpr uint64_t kTagListen = 3ull << 62;

  void Run();
  static void LetKernelWorkersGoFirst();
  void Turn(int timeout_ms);
  int TurnTimeout() const;
  void Accept(const ListenSocket& listener);
  void RestAccepting(int error);
  void WatchListeners(bool watch);
  void Read(Connection* conn);
  void RunInputs();
  void LookAhead();
  void RunInput(const Input& input);
  void ReserveArgument(Connection* conn, size_t more);
  void Execute(Connection* conn);
  void UpdateEvents(Connection* conn);
  void FlushAll();
  void Flush(Connection* conn);
  bool FlushOpen(Connection* conn);
  bool Send(Connection* conn);
  void CheckOutputLimits(Connection* conn);
  void Destroy(Connection* conn);
  void ReleaseTickets();
  void KickDisk();
  void RunMailbox();
  void Wake();
  void Tick();
  void CheckTimers();
  void CheckIdle();
  void ForgetWaiters();
  void SweepExpired(bool idle);
  bool SweepUntil(int64_t end_ns);
  bool StopReached();
  // --- beside_script.cc ---
  void SetInputsAside(const Connection* running);
  void TakeEventsBeside(const Connection* running);
  void FlushBeside(const Connection* running);
  void ResumeScriptWaiters();
  void DetachEngine();
  void EndWithoutEngine(const Reopened& reopened);
  Handle HandleOf(const Connection& conn) const { return {conn.index, conn.generation}; }

  uint32_t number_;
  Shared* shared_;
  Engine* engine_;
  ReactorHost* host_;
  ReactorCounters counters_;
  Executor executor_;
  std::unique_ptr<IoQueue> queue_;
  Threads thread_;
  int epoll_fd_ = -1;
  int wake_fd_ = -1;
  std::vector<ListenSocket> listeners_;
  std::unique_ptr<char[]> read_buffer_;  // of kInputBytesMax, and kReadBytes more
  Input inputs_[kInputsMax];             // read in this turn and not run yet
  uint32_t input_count_ = 0;
  uint32_t inputs_run_ = 0;  // of them, the one that runs included
  size_t input_bytes_ = 0;

  std::vector<std::unique_ptr<Connection>> connections_;
  std::vector<uint32_t> free_indexes_;
  uint32_t next_generation_ = 1;
  std::vector<Connection*> flush_;
  std::vector<Connection*> flushing_;
  std::vector<Connection*> resume_;

  std::vector<std::deque<TicketWaiter>> ticket_waiters_;  // by stream, positions ascending
  uint32_t waiter_count_ = 0;
  std::atomic<uint32_t> waiters_published_{0};
  std::vector<Handle> room_waiters_;
  std::vector<Handle> pause_waiters_;
  std::vector<Handle> script_waiters_;
  std::vector<Timer> timers_;
  std::vector<Handle> monitors_;

  std::mutex mailbox_mutex_;
  std::vector<std::function<void(Reactor*)>> mailbox_;
  std::vector<std::function<void(Reactor*)>> mailbox_beside_;
  CompletionList completions_;
  std::atomic<bool> wake_pending_{false};

  uint64_t last_tick_ms_ = 0;
  uint64_t last_second_ms_ = 0;
  uint64_t last_work_ms_ = 0;
  uint64_t longest_turn_ticks_ = 0;  // since the statistics were zeroed
  bool sweeping_ = false;            // a round of the sweep for expired keys is under way
  uint64_t sweep_second_ = 0;        // of the wall clock: when it began
  int64_t sweep_clock_ns_ = 0;
  int64_t sweep_left_ns_ = 0;  // time that the sweep may use now
  uint32_t sweep_shard_ = 0;
  uint32_t sweep_db_ = 0;
  std::atomic<uint64_t> cpu_nanos_{0};
  int preferred_cpu_ = -1;
  CpuSeat seat_;
  uint64_t accept_rest_ms_ = 0;   // of the latest rest; 0: accepting works
  uint64_t accept_again_ms_ = 0;  // when listeners are watched again; 0: they are
  uint64_t accept_logged_ms_ = 0;
  bool room_came_ = false;  // a commit ended, or time passed: there may be room for writes again
  std::atomic<uint32_t> arriving_{0};
  bool stopping_ = false;
  bool beside_ = false;       // others are served beside a script
  bool detaching_ = false;    // and none are while the engine goes
  bool engine_lost_ = false;  // nothing touches it any more
  uint64_t stop_deadline_ms_ = 0;
};

}  // namespace cairn
