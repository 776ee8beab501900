#include "reactor/reactor.h"

#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
#include <x86intrin.h>

#include <algorithm>
#include <cerrno>
#include <iterator>

#include "base/clock.h"

namespace cairn {

Reactor::Reactor(uint32_t number, Shared* shared, Engine* engine, ReactorHost* host)
    : number_(number),
      shared_(shared),
      engine_(engine),
      host_(host),
      executor_(shared, engine, this, &counters_, number),
      read_buffer_(new char[kInputBytesMax + kReadBytes]),
      ticket_waiters_(engine->streams()) {
  counters_.per_command = std::vector<CommandCounters>(shared->registry.size());
}

Reactor::~Reactor() {
  for (ListenSocket& listener : listeners_) close(listener.fd);
  if (wake_fd_ >= 0) close(wake_fd_);
  if (epoll_fd_ >= 0) close(epoll_fd_);
}

Status Reactor::Start(std::unique_ptr<IoQueue> (*make_queue)(void*, std::string*), void* context,
                      std::vector<ListenSocket> listeners) {
  epoll_fd_ = epoll_create1(EPOLL_CLOEXEC);
  wake_fd_ = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
  if (epoll_fd_ < 0 || wake_fd_ < 0)
    return Status(Code::kIoError, "epoll or eventfd refused", errno);
  listeners_ = std::move(listeners);
  epoll_event event{};
  event.events = EPOLLIN;
  event.data.u64 = kTagWake;
  epoll_ctl(epoll_fd_, EPOLL_CTL_ADD, wake_fd_, &event);
  for (size_t i = 0; i < listeners_.size(); ++i) {
    event.data.u64 = kTagListen | i;
    epoll_ctl(epoll_fd_, EPOLL_CTL_ADD, listeners_[i].fd, &event);
  }
  // The queue belongs to the thread that uses it, so the thread makes it and reports.
  std::atomic<int> state{0};
  std::string error;
  const bool started = thread_.Start([&, this] {
    pthread_setname_np(pthread_self(), ("reactor-" + std::to_string(number_)).c_str());
    queue_ = make_queue(context, &error);
    if (queue_ == nullptr) {
      state.store(2, std::memory_order_release);
      state.notify_all();
      return;
    }
    engine_->AttachReactor(number_, queue_.get(), this);
    if (queue_->EventFd() >= 0) {
      epoll_event io{};
      io.events = EPOLLIN;
      io.data.u64 = kTagIo;
      epoll_ctl(epoll_fd_, EPOLL_CTL_ADD, queue_->EventFd(), &io);
    }
    state.store(1, std::memory_order_release);
    state.notify_all();
    Run();
  });
  if (!started) return Status(Code::kBusy, Threads::kRefused);
  state.wait(0, std::memory_order_acquire);
  if (state.load() == 1) return Status::Ok();
  thread_.Join();
  return Status(Code::kIoError, error);
}

void Reactor::Post(std::function<void(Reactor*)> task) {
  {
    std::lock_guard<std::mutex> guard(mailbox_mutex_);
    mailbox_.push_back(std::move(task));
  }
  Wake();
}

void Reactor::Give(int fd, bool unix_socket) {
  arriving_.fetch_add(1, std::memory_order_relaxed);
  PostBeside([fd, unix_socket](Reactor* self) {
    self->Adopt(fd, unix_socket);
    self->arriving_.fetch_sub(1, std::memory_order_relaxed);
  });
}

void Reactor::PostBeside(std::function<void(Reactor*)> task) {
  {
    std::lock_guard<std::mutex> guard(mailbox_mutex_);
    mailbox_beside_.push_back(std::move(task));
  }
  Wake();
}

void Reactor::Post(Completion* completion) {
  completions_.Add(completion);
  Wake();
}

void Reactor::Wake() {
  if (!wake_pending_.exchange(true)) {
    uint64_t one = 1;
    (void)!write(wake_fd_, &one, sizeof(one));
  }
}

void Reactor::StreamMoved() {
  // Pairs with the fence in Turn: either this sees the waiter, or the waiter sees the new position.
  std::atomic_thread_fence(std::memory_order_seq_cst);
  if (waiters_published_.load(std::memory_order_relaxed) != 0) Wake();
}

void Reactor::RequestStop() {
  Post([](Reactor* reactor) {
    constexpr uint64_t kStopGraceMs = 5000;
    reactor->StopAccepting();
    reactor->stopping_ = true;
    reactor->stop_deadline_ms_ = MonotonicMillis() + kStopGraceMs;
  });
}

void Reactor::Join() { thread_.Join(); }

// A data-synced write ends in a kernel worker, which sends the flush. On a busy machine that worker
// waits until the running thread's time slice is over, about 3 ms, with every client of the commit
// behind it. The scheduler lets a thread with a shorter slice go first (EEVDF, Linux 6.12+), so the
// reactor asks for a long one, which the threads that it or the kernel starts from here (io_uring's
// workers) do not inherit. Refused on older kernels: no harm.
void Reactor::LetKernelWorkersGoFirst() {
  constexpr uint64_t kResetOnFork = 1;
  constexpr uint64_t kSliceNanos = 100'000'000;
  struct {
    uint32_t size = 48, policy = 0;
    uint64_t flags = kResetOnFork;
    int32_t nice = 0;
    uint32_t priority = 0;
    uint64_t runtime = 0, deadline = 0, period = 0;
  } attributes;
  static_assert(sizeof(attributes) == 48);
  // What the operator has chosen otherwise (policy, nice) stays.
  if (syscall(SYS_sched_getattr, 0, &attributes, sizeof(attributes), 0) != 0) return;
  attributes.flags |= kResetOnFork;
  attributes.runtime = kSliceNanos;
  (void)syscall(SYS_sched_setattr, 0, &attributes, 0);
}

void Reactor::Run() {
  LetKernelWorkersGoFirst();
  seat_.Take(preferred_cpu_, MonotonicMillis());
  last_tick_ms_ = last_second_ms_ = last_work_ms_ = MonotonicMillis();
  executor_.SetNow(WallMillis());
  while (!StopReached()) Turn(TurnTimeout());
  for (auto& conn : connections_) {
    if (conn != nullptr) Destroy(conn.get());
  }
  DetachEngine();
  queue_.reset();
}

// Nothing more will happen: all clients gone or quiet, all replies out.
bool Reactor::StopReached() {
  if (engine_lost_) return true;
  if (!stopping_) return false;
  if (MonotonicMillis() >= stop_deadline_ms_) return true;
  for (auto& conn : connections_) {
    if (conn == nullptr) continue;
    bool busy = !conn->slots.empty() || !conn->out.empty() || conn->parked_reads != 0 ||
                conn->resume_queued || conn->stall == Connection::kWaitsForCopies ||
                conn->stall == Connection::kWaitsForRoom;
    bool waits_forever = conn->stall == Connection::kBlocked ||
                         conn->stall == Connection::kWaitsForPause ||
                         conn->stall == Connection::kWaitsForControl;
    if (busy && !waits_forever) return false;
  }
  return queue_->in_flight() == 0 && executor_.parked() == 0;
}

int Reactor::TurnTimeout() const {
  if (!resume_.empty() || !script_waiters_.empty() || executor_.slicing() || executor_.delivering())
    return 0;
  if (sweeping_) return 1;
  uint64_t idle_ms = MonotonicMillis() - last_work_ms_;
  uint32_t tick = idle_ms < 1000 || stopping_ || !timers_.empty() ? kTickMs : kIdleTickMs;
  return static_cast<int>(tick);
}

void Reactor::Turn(int timeout_ms) {
  waiters_published_.store(waiter_count_, std::memory_order_relaxed);
  std::atomic_thread_fence(std::memory_order_seq_cst);
  if (waiter_count_ != 0) ReleaseTickets();
  if (!flush_.empty() || !resume_.empty()) timeout_ms = 0;

  epoll_event events[kEventsMax];
  int count = epoll_wait(epoll_fd_, events, kEventsMax, timeout_ms);
  const uint64_t begun_ticks = __rdtsc();
  executor_.SetNow(WallMillis());
  bool io = false;
  uint32_t handled = 0;
  // Values that have come from the disk go out before new commands keep them waiting.
  if (executor_.parked() != 0) {
    if (queue_->Poll() != 0) room_came_ = true;
    completions_.Run();
    queue_->Flush();  // reads that had waited for the others
    FlushAll();
  }
  for (int i = 0; i < count; ++i) {
    if (handled == kCommitEvery) {
      handled = 0;
      RunInputs();
      KickDisk();
    }
    uint64_t tag = events[i].data.u64;
    if ((tag >> 62) == 0) {
      Connection* conn =
          FindConnection(static_cast<uint32_t>(tag >> 32), static_cast<uint32_t>(tag));
      if (conn == nullptr || conn->closed) continue;
      ++handled;
      if (events[i].events & (EPOLLIN | EPOLLHUP | EPOLLERR)) Read(conn);
      if (events[i].events & EPOLLOUT) FlushSoon(conn);
      continue;
    }
    RunInputs();  // in the order of the events
    if (tag == kTagWake) {
      uint64_t ignored;
      (void)!read(wake_fd_, &ignored, sizeof(ignored));
      // Only now: a Post that still saw the flag set has its task in the mailbox already.
      wake_pending_.store(false);
      room_came_ = true;
      completions_.Run();
      RunMailbox();
      if (engine_lost_) return;
    } else if (tag == kTagIo) {
      io = true;
    } else {
      const size_t listener = tag & ~kTagListen;  // may be gone: StopAccepting came first
      if (listener < listeners_.size()) Accept(listeners_[listener]);
    }
  }
  RunInputs();
  if ((io || queue_->in_flight() != 0) && queue_->Poll() != 0) room_came_ = true;
  if (CAIRN_UNLIKELY(executor_.slicing())) executor_.StepSlices();
  if (count > 0) last_work_ms_ = last_tick_ms_;
  if (CAIRN_UNLIKELY(!script_waiters_.empty())) ResumeScriptWaiters();
  std::vector<Connection*> resume;
  resume.swap(resume_);
  for (Connection* conn : resume) {
    conn->resume_queued = false;
    if (!conn->closed) Execute(conn);
  }
  uint64_t now = MonotonicMillis();
  if (now - last_tick_ms_ >= kTickMs) {
    last_tick_ms_ = now;
    Tick();
  }
  engine_->TurnEnd(number_);
  queue_->Flush();
  if (waiter_count_ != 0) ReleaseTickets();
  executor_.DeliverMessages();
  FlushAll();
  // Behind the replies of this turn.
  if (shared_->context.active_expire.load(std::memory_order_relaxed) && !stopping_) {
    SweepExpired(count == 0);
    executor_.DeliverMessages();
  }
  counters_.turns.Add(1);
  const uint64_t ticks = __rdtsc() - begun_ticks;
  if (CAIRN_UNLIKELY(ticks > longest_turn_ticks_)) {
    longest_turn_ticks_ = ticks;
    counters_.longest_turn_nanos.Set(
        static_cast<uint64_t>(static_cast<double>(ticks) * shared_->nanos_per_tick));
  }
}

// In the middle of a long turn: what is staged starts its way to the disk if its stream is idle,
// and what has arrived there lets the next commit start, instead of both waiting for the end of the
// turn.
void Reactor::KickDisk() {
  engine_->TurnEnd(number_);
  queue_->Flush();
  if (queue_->in_flight() != 0 && queue_->Poll() != 0) room_came_ = true;
  executor_.RingBells();
}

// Behind all that is under way: nothing is parked and nothing in flight any more.
void Reactor::DetachEngine() {
  detaching_ = true;
  while (queue_->in_flight() > 0 || executor_.parked() > 0) {
    engine_->Tick(number_, MonotonicMillis());
    engine_->TurnEnd(number_);
    queue_->Flush();
    size_t done = completions_.Run();
    done += executor_.slicing() ? queue_->Poll() : queue_->Wait(kTickMs);
    if (done == 0 && !executor_.slicing()) usleep(1000);
    executor_.StepSlices();
    executor_.RetryParked();
  }
  engine_->DetachReactor(number_);
  detaching_ = false;
}

void Reactor::Quiesce(const std::function<Reopened()>& quiet) {
  DetachEngine();
  const Reopened reopened = quiet();
  if (!reopened.status.ok()) return EndWithoutEngine(reopened);
  engine_->AttachReactor(number_, queue_.get(), this);
}

// Sends what sockets take at once: nobody is there to wait for more.
void Reactor::EndWithoutEngine(const Reopened& reopened) {
  engine_lost_ = true;
  StopAccepting();
  for (auto& conn : connections_) {
    if (conn == nullptr || conn->closed) continue;
    executor_.EngineLost(conn.get(), reopened.durable, reopened.status.message());
    for (size_t before = SIZE_MAX; conn->out.size() < before;) {
      before = conn->out.size();
      if (!Send(conn.get())) break;
    }
  }
}

void Reactor::ResetCounters() {
  for (Counter* counter :
       {&counters_.commands, &counters_.net_in, &counters_.net_out, &counters_.reads,
        &counters_.writes, &counters_.hits, &counters_.misses, &counters_.expired,
        &counters_.connections, &counters_.rejected_connections, &counters_.auth_failures,
        &counters_.error_replies, &counters_.output_limit_disconnections,
        &counters_.query_limit_disconnections}) {
    counter->Set(0);
  }
  longest_turn_ticks_ = 0;
  counters_.longest_turn_nanos.Set(0);
  for (CommandCounters& command : counters_.per_command) {
    command.calls.Set(0);
    command.nanos.Set(0);
    command.rejected.Set(0);
    command.failed.Set(0);
    if (LatencyHistogramCounts* histogram = command.histogram.load()) histogram->Clear();
  }
}

void Reactor::RunMailbox() {
  std::vector<std::function<void(Reactor*)>> tasks;
  {
    std::lock_guard<std::mutex> guard(mailbox_mutex_);
    tasks.swap(mailbox_beside_);
    if (!beside_) {
      std::move(mailbox_.begin(), mailbox_.end(), std::back_inserter(tasks));
      mailbox_.clear();
    }
  }
  for (auto& task : tasks) {
    task(this);
    if (engine_lost_) return;
  }
}

// --- SessionHost, small parts ---

void Reactor::FlushSoon(Connection* conn) {
  if (conn->flush_queued) return;
  conn->flush_queued = true;
  flush_.push_back(conn);
}

void Reactor::ResumeInput(Connection* conn) {
  if (conn->resume_queued) return;
  conn->resume_queued = true;
  resume_.push_back(conn);
}

void Reactor::WaitForUnpause(Connection* conn) { pause_waiters_.push_back(HandleOf(*conn)); }

void Reactor::WaitUntil(Connection* conn, uint64_t deadline_ms) {
  timers_.push_back(Timer{deadline_ms, HandleOf(*conn)});
}

Connection* Reactor::FindConnection(uint32_t index, uint32_t generation) {
  if (index >= connections_.size()) return nullptr;
  Connection* conn = connections_[index].get();
  return conn != nullptr && conn->generation == generation ? conn : nullptr;
}

void Reactor::SendControl(ControlMessage message) { host_->SendControl(std::move(message)); }
void Reactor::FeedMonitors(const std::string& line) { host_->FeedMonitors(line); }
void Reactor::RequestSync() { engine_->RequestSync(number_); }

void Reactor::AddMonitor(Connection* conn) {
  monitors_.push_back(HandleOf(*conn));
  shared_->monitors.fetch_add(1);
}

void Reactor::RemoveMonitor(Connection* conn) {
  for (size_t i = 0; i < monitors_.size(); ++i) {
    if (monitors_[i].index != conn->index || monitors_[i].generation != conn->generation) continue;
    monitors_.erase(monitors_.begin() + static_cast<ptrdiff_t>(i));
    shared_->monitors.fetch_sub(1);
    return;
  }
}

void Reactor::MonitorLine(const std::string& line) {
  for (const Handle& handle : monitors_) {
    Connection* conn = FindConnection(handle.index, handle.generation);
    if (conn == nullptr || conn->closed) continue;
    conn->turn.Append("+");
    conn->turn.Append(line);
    executor_.EndBatch(conn);
  }
}

void Reactor::ControlReply(uint64_t token, std::string_view data, uint64_t usec) {
  Connection* conn =
      FindConnection(static_cast<uint32_t>(token >> 32), static_cast<uint32_t>(token));
  if (beside_ && conn != nullptr && !Executor::MayAnswerBeside(*conn)) {
    return Post([token, text = std::string(data), usec](Reactor* self) {
      self->ControlReply(token, text, usec);
    });
  }
  if (conn != nullptr) executor_.ControlDone(conn, data, usec);
}

void Reactor::Unpause() {
  std::vector<Handle> waiters;
  waiters.swap(pause_waiters_);
  for (const Handle& handle : waiters) {
    Connection* conn = FindConnection(handle.index, handle.generation);
    if (conn != nullptr) executor_.Unpaused(conn);
  }
}

void Reactor::ForEachConnection(const std::function<void(Connection*)>& visit) {
  for (auto& conn : connections_) {
    if (conn != nullptr && !conn->closed) visit(conn.get());
  }
}

void Reactor::Kill(Connection* conn, bool after_reply) {
  if (after_reply) {
    conn->close_after_reply = true;
  } else {
    conn->closed = true;
  }
  FlushSoon(conn);
}

// --- timers ---

void Reactor::Tick() {
  engine_->Tick(number_, last_tick_ms_);
  room_came_ = true;
  executor_.RetryParked();
  executor_.Tick();
  CheckTimers();
  if (accept_again_ms_ != 0 && last_tick_ms_ >= accept_again_ms_) WatchListeners(true);
  if (!pause_waiters_.empty() && shared_->pause_until_ms.load() <= executor_.now_ms()) {
    shared_->pause_mode.store(PauseMode::kNone);
    Unpause();
  }
  if (last_tick_ms_ - last_second_ms_ >= 1000) {
    last_second_ms_ = last_tick_ms_;
    seat_.Check(last_tick_ms_);
    CheckIdle();
    if (number_ == 0) host_->EverySecond();
  }
}

void Reactor::CheckTimers() {
  if (timers_.empty()) return;
  std::vector<Timer> due;
  for (size_t i = timers_.size(); i-- > 0;) {
    if (timers_[i].deadline_ms > executor_.now_ms()) continue;
    due.push_back(timers_[i]);
    timers_[i] = timers_.back();
    timers_.pop_back();
  }
  for (const Timer& timer : due) {
    Connection* conn = FindConnection(timer.handle.index, timer.handle.generation);
    if (conn != nullptr) executor_.TimedOut(conn);
  }
}

// Entries of connections that are gone, or do not wait for this any more. Lists stay as long as
// what they are for, however often clients come and go meanwhile.
void Reactor::ForgetWaiters() {
  const auto gone = [this](const Handle& handle) {
    return FindConnection(handle.index, handle.generation) == nullptr;
  };
  std::erase_if(timers_, [this](const Timer& timer) {
    const Connection* conn = FindConnection(timer.handle.index, timer.handle.generation);
    const bool waits = conn != nullptr && (conn->stall == Connection::kBlocked ||
                                           conn->stall == Connection::kWaitsForPause);
    return !waits || conn->blocked.deadline_ms != timer.deadline_ms;
  });
  std::erase_if(pause_waiters_, gone);
  waiter_count_ -= static_cast<uint32_t>(std::erase_if(room_waiters_, gone));
  for (auto& waiters : ticket_waiters_) {  // a stream that moves sees to its own
    if (waiters.size() <= 2 * connections_.size()) continue;
    waiter_count_ -= static_cast<uint32_t>(std::erase_if(
        waiters, [&gone](const TicketWaiter& waiter) { return gone(waiter.handle); }));
  }
}

void Reactor::CheckIdle() {
  timespec cpu;
  if (clock_gettime(CLOCK_THREAD_CPUTIME_ID, &cpu) == 0) {
    cpu_nanos_.store(
        static_cast<uint64_t>(cpu.tv_sec) * 1000000000u + static_cast<uint64_t>(cpu.tv_nsec),
        std::memory_order_relaxed);
  }
  ForgetWaiters();
  uint64_t timeout_ms = shared_->options.timeout_s.load() * 1000;
  uint64_t query = 0, output = 0, max_query = 0, max_output = 0;
  for (auto& slot : connections_) {
    Connection* conn = slot.get();
    if (conn == nullptr) continue;
    uint64_t waiting = conn->OutputBytes();
    // Of a large one, what is used: the rest is not there yet.
    query += std::min(conn->in.capacity(), std::max(conn->in.size(), kArgumentStepBytes));
    output += waiting;
    max_query = std::max(max_query, conn->in.size());
    max_output = std::max(max_output, waiting);
    CheckOutputLimits(conn);
    bool idle =
        timeout_ms != 0 && !conn->monitor && conn->subscriber == nullptr &&
        conn->WaitsForClient() &&
        executor_.now_ms() - std::min(executor_.now_ms(), conn->last_active_ms) > timeout_ms;
    if (idle) Kill(conn, false);
    if (conn->in.empty()) conn->in.Shrink(kIdleBufferBytes);
    if (conn->out.empty()) conn->out.Shrink(kIdleBufferBytes);
    if (conn->turn.empty()) conn->turn.Shrink(kIdleBufferBytes);
  }
  counters_.query_bytes.Set(query);
  counters_.output_bytes.Set(output);
  counters_.max_query.Set(max_query);
  counters_.max_output.Set(max_output);
}

// Removes keys whose time has come. Each reactor looks after the shards whose number modulo the
// reactors is its own. Keys come due by the second, so a round over those shards begins with every
// second of the wall clock. It may use a share of the time, which grows while a round does not end
// in its second, and takes it in slices: short ones, as clients may wait behind them, or all that
// has added up within a millisecond when nothing else is to do.
void Reactor::SweepExpired(bool idle) {
  constexpr int64_t kSliceNanos = 50'000;
  constexpr int64_t kPeriodNanos = 1'000'000;
  const uint64_t second = executor_.now_ms() / 1000;
  if (!sweeping_) {
    if (second == sweep_second_) return;
    sweep_second_ = second;
    sweep_db_ = 0;
    sweep_shard_ = number_;
    sweeping_ = true;
  }
  const int64_t late = second > sweep_second_ ? static_cast<int64_t>(second - sweep_second_) : 0;
  const int64_t effort = shared_->options.expire_effort.load(std::memory_order_relaxed);
  const int64_t percent = std::min<int64_t>(10 + 5 * late, 25) + 2 * (effort - 1);
  const int64_t now = static_cast<int64_t>(MonotonicNanos());
  const int64_t elapsed = std::min(now - sweep_clock_ns_, kPeriodNanos);
  sweep_left_ns_ = std::min(sweep_left_ns_ + elapsed * percent / 100, kPeriodNanos * percent / 100);
  sweep_clock_ns_ = now;
  if (sweep_left_ns_ < kSliceNanos) return;
  const int64_t end = now + (idle ? sweep_left_ns_ : kSliceNanos);
  if (!SweepUntil(end)) sweeping_ = false;
  sweep_left_ns_ -= static_cast<int64_t>(MonotonicNanos()) - now;  // may owe some
}

// False: the round is over.
bool Reactor::SweepUntil(int64_t end_ns) {
  const uint32_t reactors = shared_->context.reactors.load(std::memory_order_relaxed);
  while (sweep_db_ < shared_->databases) {
    if (sweep_shard_ >= kShardCount || engine_->ExpiringCount(sweep_db_) == 0) {
      ++sweep_db_;
      sweep_shard_ = number_;
      continue;
    }
    const auto swept =
        executor_.SweepShard(static_cast<uint16_t>(sweep_db_), static_cast<uint16_t>(sweep_shard_));
    if (swept == ExpirySweep::Swept::kRefused) return false;  // another time
    if (swept == ExpirySweep::Swept::kAll) sweep_shard_ += reactors;
    if (static_cast<int64_t>(MonotonicNanos()) >= end_ns) return true;
  }
  return false;
}

}  // namespace cairn
