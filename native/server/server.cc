#include "server/server.h"

#include <unistd.h>
#include <x86intrin.h>

#include <algorithm>

#include "base/clock.h"
#include "base/threads.h"
#include "io/completion_cpu.h"
#include "server/engine_factory.h"
#include "server/open_files.h"
#include "session/client_line.h"
#include "session/version.h"

namespace cairn {

namespace {

// Length of one tick of the cycle counter in nanoseconds.
double MeasureTick() {
  constexpr uint64_t kMeasureNanos = 5'000'000;
  uint64_t start = MonotonicNanos(), ticks = __rdtsc(), now;
  do {
    now = MonotonicNanos();
  } while (now - start < kMeasureNanos);
  return static_cast<double>(now - start) / static_cast<double>(__rdtsc() - ticks);
}

}  // namespace

Server::Server(ServerOptions options)
    : options_(std::move(options)), disk_(NewPosixDisk(options_.io_backend)) {
  Result<std::unique_ptr<Engine>> engine = NewEngine(options_.engine_name);
  if (engine.ok()) engine_ = std::move(engine.value());
  lost_ = engine.status();
  options_.engine.stop = &stop_requested_;
  shared_.databases = static_cast<uint16_t>(options_.engine.databases);
  shared_.port = options_.port;
  shared_.context.engine = engine_.get();
  shared_.context.reactors.store(options_.engine.reactors);
  shared_.context.warn = [this](const std::string& message) { Log(3, message); };
  shared_.options.fsync.store(options_.engine.fsync);
  cache_bytes_max_.store(options_.engine.cache_bytes);
  live_ = options_.engine;
  Status applied = ApplyLive();
  if (lost_.ok()) lost_ = std::move(applied);
  shared_.nanos_per_tick = MeasureTick();
}

Server::~Server() { (void)Stop(); }

Status Server::RequireLife(bool open, bool listening) const {
  if (stop_requested_.load()) return Status(Code::kBusy, "the server stops");
  if (open != is_open()) return Status(Code::kInvalid, open ? "not open" : "open already");
  if (listening != !reactors_.empty())
    return Status(Code::kInvalid, listening ? "not listening" : "listening already");
  return Status();
}

Result<RecoveryReport> Server::Open() {
  if (Status life = RequireLife(false, false); !life.ok()) return life;
  if (!lost_.ok()) return lost_;
  Status owned = CheckOwner(options_.engine_name, options_.engine.dir);
  if (!owned.ok()) return owned;
  Status bound = Bind();  // first: a recovery may take minutes
  if (stop_requested_.load()) return RequireLife(false, false);
  if (!bound.ok()) return bound;
  Result<RecoveryReport> report = engine_->Open(options_.engine, disk_.get(), this);
  if (!report.ok()) return report;
  std::vector<std::string> notices;
  Status functions = shared_.functions.Open(options_.engine.dir, kRedisVersion, &notices);
  if (!functions.ok()) {
    (void)engine_->Close();
    return functions;
  }
  for (const std::string& notice : notices) Log(2, notice);
  open_ = true;
  recovery_ = report.value();
  for (const std::string& remark : recovery_.remarks) Log(1, remark);
  refusing_.assign(engine_->streams(), false);
  failure_told_ = std::vector<std::atomic<bool>>(engine_->streams());
  Status probed = disk_->ProbeDurableWrite(options_.engine.dir, &sync_report_);
  Log(probed.ok() ? 1 : 2,
      probed.ok() ? sync_report_ : "probing durable writes failed: " + probed.message());
  FindDiskCpu();
  return report;
}

// The reactor that runs there is interrupted by its own commits; elsewhere it waits until the
// kernel's part of them gets a turn beside some other program.
void Server::FindDiskCpu() {
  if (!options_.disk_cpu) return;
  const Result<int> cpu = FindCompletionCpu(options_.engine.dir);
  if (!cpu.ok())
    return Log(2, "looking for the disk's processor failed: " + cpu.status().message());
  if (cpu.value() == kNoCompletionCpu) return;
  disk_cpu_ = cpu.value();
  Log(1, "the disk's completions all arrive at processor " + std::to_string(disk_cpu_) +
             ": reactor 0 runs there (disk-cpu auto)");
}

std::unique_ptr<IoQueue> Server::MakeQueue(void* context, std::string* error) {
  auto* server = static_cast<Server*>(context);
  IoQueueOptions options;
  options.depth = kIoDepth;
  options.sqpoll = server->options_.sqpoll;
  std::string why;
  Result<std::unique_ptr<IoQueue>> queue = server->disk_->NewQueue(options, &why);
  if (!queue.ok()) {
    *error = queue.status().message();
    return nullptr;
  }
  std::lock_guard<std::mutex> guard(server->mutex_);
  if (!why.empty()) server->io_why_ = why;
  return std::move(queue.value());
}

Status Server::Bind() {
  ListenOptions options;
  options.bind = options_.bind;
  options.port = options_.port;
  options.backlog = options_.backlog;
  options.unix_path = options_.unix_path;
  options.unix_mode = options_.unix_mode;
  options.stop = &stop_requested_;
  std::vector<std::string> notices;
  Status status = listeners_.Bind(options, &notices);
  for (const std::string& notice : notices) Log(2, notice);
  return status;
}

// Data files are counted as they come and go: a log has more segments when more data is in it.
uint64_t Server::FilesKept() const { return own_files_ + disk_->OpenFiles(); }

uint64_t Server::ClientsPossible(uint64_t clients) {
  const uint64_t kept = FilesKept();
  const uint64_t limit = RaiseFileLimit(clients + kept);
  return limit > kept ? limit - kept : 0;
}

Status Server::FitClients() {
  const EngineOptions& engine = options_.engine;
  const uint64_t open = CountOpenFiles();
  own_files_ = open - std::min(open, disk_->OpenFiles()) + kFilesPerReactor * engine.reactors +
               kFilesOfControl + engine_->FilesAhead();
  const uint64_t wanted = shared_.options.maxclients.load();
  const uint64_t possible = ClientsPossible(wanted);
  if (possible == 0) {
    return Status(Code::kInvalid,
                  "the limit of open files ('ulimit -n') is too low: the server "
                  "needs " +
                      std::to_string(FilesKept() + 1) + " for itself and a client");
  }
  shared_.clients_possible.store(possible);
  if (possible >= wanted) return Status::Ok();
  shared_.options.maxclients.store(possible);
  Log(2, "maxclients " + std::to_string(wanted) + " takes " + std::to_string(wanted + FilesKept()) +
             " open files, the system allows " + std::to_string(possible + FilesKept()) +
             ": maxclients is " + std::to_string(possible) +
             " now; raise 'ulimit -n' (LimitNOFILE of a systemd unit) for more");
  return Status::Ok();
}

bool Server::SetMaxClients(uint64_t clients, uint64_t* possible) {
  if (own_files_ != 0 && clients > shared_.options.maxclients.load()) {
    *possible = ClientsPossible(clients);
    if (*possible < clients) return false;
    shared_.clients_possible.store(*possible);
  }
  shared_.options.maxclients.store(clients);
  return true;
}

// What the data takes, clients cannot have.
void Server::LookAtFiles() {
  const uint64_t wanted = shared_.options.maxclients.load();
  const uint64_t limit = FileLimit(), kept = FilesKept();
  const uint64_t possible = limit > kept ? limit - kept : 0;
  shared_.clients_possible.store(possible);
  if ((possible < wanted) == files_are_short_) return;
  files_are_short_ = possible < wanted;
  if (!files_are_short_) return;
  Log(2, "the " + std::to_string(disk_->OpenFiles()) + " files of the log leave room for only " +
             std::to_string(possible) + " of " + std::to_string(wanted) +
             " clients; raise 'ulimit -n' (LimitNOFILE of a systemd unit)");
}

Result<std::vector<std::string>> Server::Listen() {
  if (Status life = RequireLife(true, false); !life.ok()) return life;
  std::vector<std::string> readable;
  std::vector<ListenSocket> sockets;
  Status fits = FitClients();
  if (!fits.ok()) return fits;
  Status listening = listeners_.Listen(&sockets, &readable);
  if (!listening.ok()) return listening;
  std::unique_lock<std::mutex> wake(wake_mutex_);
  for (uint32_t i = 0; i < options_.engine.reactors; ++i) {
    reactors_.push_back(std::make_unique<Reactor>(i, &shared_, engine_.get(), this));
    if (i == 0) reactors_[i]->PreferCpu(disk_cpu_);
  }
  wake.unlock();
  // The first reactor accepts for all, and starts last: by then the others can take connections.
  for (uint32_t i = options_.engine.reactors; i-- > 0;) {
    Status status = reactors_[i]->Start(&Server::MakeQueue, this,
                                        i == 0 ? sockets : std::vector<ListenSocket>());
    if (!status.ok()) {
      EndReactors();  // also those that have no thread: nobody would answer for them
      return status;
    }
  }
  std::string why = io_backend_why();
  if (!why.empty()) {
    Log(2, why);
  } else if (options_.io_backend == IoBackend::kThreads) {
    Log(1, "io-backend threads: using epoll and a thread pool");
  }
  return readable;
}

Status Server::Stop(bool save) {
  RequestStop();
  shared_.running_scripts.StopAll();
  EndReactors();
  if (!open_) return lost_;
  open_ = false;
  if (!save) engine_->SkipFinalSave();
  return engine_->Close();
}

void Server::EndReactors() {
  for (auto& reactor : reactors_) reactor->RequestStop();
  for (auto& reactor : reactors_) reactor->Join();
  listeners_.Close();
  std::vector<std::unique_ptr<Reactor>> ended;
  {
    std::scoped_lock guard(mutex_, wake_mutex_);  // ControlReply, or a commit, may look for one
    ended.swap(reactors_);
  }
}

// beside: also while a script runs.
void Server::OnAllReactors(const std::function<void(Reactor*)>& task, bool beside) {
  std::mutex mutex;
  std::condition_variable done;
  size_t left = reactors_.size();
  for (auto& reactor : reactors_) {
    const auto run = [&](Reactor* self) {
      task(self);
      std::lock_guard<std::mutex> guard(mutex);
      if (--left == 0) done.notify_all();
    };
    beside ? reactor->PostBeside(run) : reactor->Post(run);
  }
  std::unique_lock<std::mutex> lock(mutex);
  done.wait(lock, [&left] { return left == 0; });
}

Result<RecoveryReport> Server::Reload() {
  if (Status life = RequireLife(true, true); !life.ok()) return life;
  for (uint32_t stream = 0; stream < engine_->streams(); ++stream) {
    std::string reason;
    const StreamState state = engine_->State(stream, &reason);
    if (state == StreamState::kRunning) continue;
    // What waits could not be written.
    const char* how = state == StreamState::kFailed ? " has failed: " : " has no room: ";
    return Status(Code::kReadOnly, NameOf(stream) + how + reason);
  }
  std::mutex mutex;
  std::condition_variable changed;
  size_t quiet = 0;
  bool ended = false;
  Reactor::Reopened reopened;
  Threads reload;
  const bool started = reload.Start([&] {
    {
      std::unique_lock<std::mutex> lock(mutex);
      changed.wait(lock, [&] { return quiet == reactors_.size(); });
    }
    reopened = Reopen();
    std::lock_guard<std::mutex> guard(mutex);
    ended = true;
    changed.notify_all();
  });
  if (!started) return Status(Code::kBusy, Threads::kRefused);
  OnAllReactors(
      [&](Reactor* reactor) {
        reactor->Quiesce([&] {
          std::unique_lock<std::mutex> lock(mutex);
          ++quiet;
          changed.notify_all();
          changed.wait(lock, [&] { return ended; });
          return reopened;
        });
      },
      false);
  reload.Join();
  if (reopened.status.ok()) return recovery_;
  Log(3, reopened.status.message());
  open_ = false;
  lost_ = reopened.status;
  RequestStop();
  EndReactors();
  return lost_;
}

// Detached: all reactors. A disk that fails or is full, and a limit of open files, may refuse both
// steps.
Reactor::Reopened Server::Reopen() {
  const auto lost = [](const char* what, const Status& why) {
    return Status(why.code(), std::string(what) + ": " + why.message(), why.sys_errno());
  };
  Status closed = engine_->Close();
  if (!closed.ok()) return {lost("the engine could not be closed in good order", closed), false};
  Result<RecoveryReport> report = engine_->Open(LiveEngineOptions(), disk_.get(), this);
  if (!report.ok())
    return {lost("the engine was closed and cannot be opened again", report.status()), true};
  recovery_ = report.value();
  return {};
}

Status Server::Sync() {
  constexpr int kWaitsMax = 60'000;
  if (!lost_.ok()) return lost_;
  if (reactors_.empty()) return Status::Ok();
  std::vector<Ticket> tickets;
  for (uint32_t stream = 0; stream < engine_->streams(); ++stream)
    tickets.push_back(engine_->LatestTicket(stream));
  for (auto& reactor : reactors_) {
    reactor->Post([](Reactor* self) { self->RequestSync(); });
  }
  for (const Ticket& ticket : tickets) {
    for (int waits = 0; !engine_->Durable(ticket); ++waits) {
      std::string reason;
      if (engine_->Stopped(ticket.stream, &reason)) return Status(Code::kReadOnly, reason);
      if (waits >= kWaitsMax)
        return Status(Code::kIoError, "the disk did not finish a sync within a minute");
      usleep(1000);
    }
  }
  return Status::Ok();
}

std::vector<ClientInfo> Server::Clients() {
  std::mutex mutex;
  std::vector<ClientInfo> all;
  OnAllReactors([&](Reactor* reactor) {
    std::lock_guard<std::mutex> guard(mutex);
    reactor->ForEachConnection([&](Connection* conn) {
      all.push_back(ClientInfo{conn->id, KindOf(*conn), ClientLine(*conn, WallMillis())});
    });
  });
  std::sort(all.begin(), all.end(),
            [](const ClientInfo& a, const ClientInfo& b) { return a.id < b.id; });
  return all;
}

uint64_t Server::KillClients(const KillFilter& filter) {
  std::atomic<uint64_t> killed{0};
  OnAllReactors([&](Reactor* reactor) {
    reactor->ForEachConnection([&](Connection* conn) {
      if (filter.skip_me && conn->id == filter.caller) return;
      if (!filter.ids.empty() &&
          std::find(filter.ids.begin(), filter.ids.end(), conn->id) == filter.ids.end()) {
        return;
      }
      if (filter.addr && *filter.addr != conn->addr) return;
      if (filter.laddr && *filter.laddr != conn->laddr) return;
      if (filter.type && *filter.type != KindName(KindOf(*conn))) return;
      if (filter.user && (conn->login.user == nullptr || *filter.user != conn->login.user->name()))
        return;
      uint64_t age_s = (WallMillis() - std::min(WallMillis(), conn->created_ms)) / 1000;
      if (filter.max_age_s >= 0 && age_s < static_cast<uint64_t>(filter.max_age_s)) return;
      killed.fetch_add(1);
      reactor->Kill(conn, conn->id == filter.caller);
    });
  });
  return killed.load();
}

bool Server::UnblockClient(uint64_t id, bool with_error) {
  std::atomic<bool> done{false};
  OnAllReactors([&](Reactor* reactor) {
    Connection* target = nullptr;
    reactor->ForEachConnection([&](Connection* conn) {
      if (conn->id == id) target = conn;
    });
    if (target != nullptr && reactor->executor()->Unblock(target, with_error)) done.store(true);
  });
  return done.load();
}

void Server::SendServed(uint32_t reactor, Served served) {
  const auto shared = std::make_shared<Served>(std::move(served));
  reactors_[reactor]->Post(
      [shared](Reactor* self) { self->executor()->Deliver(std::move(*shared)); });
}

void Server::Pause(uint64_t until_ms, PauseMode mode) {
  if (shared_.pause_mode.load() != PauseMode::kNone) {
    until_ms = std::max(until_ms, shared_.pause_until_ms.load());
    mode = std::max(mode, shared_.pause_mode.load());
  }
  shared_.pause_until_ms.store(until_ms);
  shared_.pause_mode.store(mode);
}

void Server::Unpause() {
  shared_.pause_mode.store(PauseMode::kNone);
  for (auto& reactor : reactors_) reactor->Post([](Reactor* self) { self->Unpause(); });
}

void Server::UsersChanged() {
  std::lock_guard<std::mutex> guard(wake_mutex_);
  for (auto& reactor : reactors_) reactor->Post([](Reactor* self) { self->ReviewUsers(); });
}

void Server::ResetStats() {
  shared_.errors.Reset();
  OnAllReactors([](Reactor* self) { self->ResetCounters(); });
}

void Server::ControlReply(uint32_t reactor, uint64_t token, std::string data, uint64_t usec) {
  std::lock_guard<std::mutex> guard(mutex_);
  if (reactor >= reactors_.size()) return;
  reactors_[reactor]->PostBeside([token, data = std::move(data), usec](Reactor* self) {
    self->ControlReply(token, data, usec);
  });
}

void Server::SetNotify(std::function<void()> control, std::function<void()> log) {
  std::lock_guard<std::mutex> guard(mutex_);
  notify_control_ = std::move(control);
  notify_log_ = std::move(log);
}

void Server::SendControl(ControlMessage message) {
  std::lock_guard<std::mutex> guard(mutex_);
  control_.push_back(std::move(message));
  if (control_.size() == 1 && notify_control_) notify_control_();
}

std::vector<ControlMessage> Server::TakeControl() {
  std::lock_guard<std::mutex> guard(mutex_);
  return std::exchange(control_, {});
}

void Server::EverySecond() {
  LookAtFiles();
  for (const std::string& notice : engine_->TakeNotices()) Log(2, notice);
  for (uint32_t stream = 0; stream < refusing_.size(); ++stream) {
    std::string reason;
    const StreamState state = engine_->State(stream, &reason);
    const bool refuses = state == StreamState::kRefusing || state == StreamState::kStopped;
    if (refuses == refusing_[stream]) continue;
    refusing_[stream] = refuses;
    if (refuses) {
      Log(3, NameOf(stream) + " refuses writes until there is room in " + options_.engine.dir +
                 ": " + reason + "; deletes and reads go on");
    } else if (state == StreamState::kRunning) {
      Log(1, NameOf(stream) + " takes writes again");
    }
  }
}

std::string Server::NameOf(uint32_t stream) const {
  return "stream " + std::to_string(stream) + " of the engine " + options_.engine_name;
}

void Server::Log(int level, const std::string& message) {
  std::lock_guard<std::mutex> guard(mutex_);
  if (log_.size() >= kLogQueueMax) {
    ++log_dropped_;
    return;
  }
  log_.push_back(LogEntry{level, WallMillis(), message});
  if (log_.size() == 1 && notify_log_) notify_log_();
}

std::vector<LogEntry> Server::TakeLog(uint64_t* dropped) {
  std::lock_guard<std::mutex> guard(mutex_);
  *dropped = std::exchange(log_dropped_, 0);
  return std::exchange(log_, {});
}

std::string Server::io_backend_why() {
  std::lock_guard<std::mutex> guard(mutex_);
  return io_why_;
}

void Server::FeedMonitors(const std::string& line) {
  for (auto& reactor : reactors_) {
    reactor->PostBeside([line](Reactor* self) { self->MonitorLine(line); });
  }
}

void Server::Accepted(int fd, bool unix_socket) {
  // To the reactor with the fewest connections.
  size_t best = 0;
  for (size_t i = 1; i < reactors_.size(); ++i) {
    if (reactors_[i]->load() < reactors_[best]->load()) best = i;
  }
  if (reactors_.size() > 1 && reactors_[best]->load() == reactors_[0]->load()) {
    best = next_reactor_.fetch_add(1) % reactors_.size();
  }
  if (best == 0) {  // accepting happens on the first reactor's thread
    reactors_[0]->Adopt(fd, unix_socket);
  } else {
    reactors_[best]->Give(fd, unix_socket);
  }
}

void Server::OnDurable(uint32_t stream) {
  last_durable_ms_.store(WallMillis(), std::memory_order_relaxed);
  std::string reason;
  if (engine_->Stopped(stream) && engine_->State(stream, &reason) == StreamState::kFailed &&
      stream < failure_told_.size() && !failure_told_[stream].exchange(true)) {
    Log(3, NameOf(stream) + " takes no more writes: " + reason);
  }
  std::unique_lock<std::mutex> guard(wake_mutex_, std::defer_lock);
  if (engine_->CommitsElsewhere()) {
    guard.lock();
  } else if (reactors_.size() == 1) {
    return;  // it is the only reactor's own thread
  }
  for (auto& reactor : reactors_) reactor->StreamMoved();
}

}  // namespace cairn
