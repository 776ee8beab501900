// Server: the native side as a whole. Owns disk, engine, reactors and what they share. No Node in
// here: addon/ puts a face on it, native tests drive it directly.
//
// Life: Open (which takes the addresses first), AddControl rows (any time before Listen), Listen,
// ..., Stop. Open, Listen, Stop, Reload and Clients block and may be called from any one thread at
// a time that is not a reactor; the rest is thread-safe. A life call that comes at the wrong time
// is refused: a signal may end the server between any two of them. RequestStop makes the first Open
// give up, however much there is to recover; from then on there is nothing but Stop. A Reload after
// which the engine is not open again (a disk that fails, no file descriptors) has told the clients
// and ended the reactors; Stop then says why.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "io/disk.h"
#include "reactor/reactor.h"
#include "server/listeners.h"
#include "session/shared.h"

namespace cairn {

struct ServerOptions {
  std::string engine_name = "vlog";
  EngineOptions engine;
  IoBackend io_backend = IoBackend::kAuto;
  bool sqpoll = false;
  bool disk_cpu = true;  // reactor 0 runs where the completions of the disk arrive
  std::vector<std::string> bind;
  uint16_t port = 6379;
  int backlog = 511;
  std::string unix_path;
  uint32_t unix_mode = 0;
  std::vector<OptionText> live;  // those that Server::SetOption may change
};

struct LogEntry {
  int level;
  uint64_t time_ms;
  std::string message;
};

struct ClientInfo {
  uint64_t id;
  ClientKind kind;
  std::string line;
};

struct KillFilter {
  std::vector<uint64_t> ids;
  // An empty text is a condition, too: it is nobody's address.
  std::optional<std::string> addr;
  std::optional<std::string> laddr;
  std::optional<std::string> type;
  std::optional<std::string> user;
  int64_t max_age_s = -1;
  bool skip_me = true;
  uint64_t caller = 0;
};

class Server : public ReactorHost, public DurabilityListener {
 public:
  static constexpr size_t kLogQueueMax = 1024;
  static constexpr uint32_t kIoDepth = 256;
  // Descriptors kept back from clients, beside those that are open when the reactors start.
  static constexpr uint64_t kFilesPerReactor = 4;  // epoll, eventfd, ring, the ring's eventfd
  static constexpr uint64_t kFilesOfControl = 32;  // metrics, CONFIG REWRITE, a new log file

  explicit Server(ServerOptions options);
  ~Server() override;

  Shared& shared() { return shared_; }
  Engine& engine() { return *engine_; }
  const ServerOptions& options() const { return options_; }
  const RecoveryReport& recovery() const { return recovery_; }
  bool is_open() const { return open_.load(); }

  Result<RecoveryReport> Open();
  // Addresses listened on, readable.
  Result<std::vector<std::string>> Listen();
  void RequestStop() { stop_requested_.store(true); }
  // save: the engine does at its end what makes the next start short.
  Status Stop(bool save = true);
  Result<RecoveryReport> Reload();
  Status Sync();

  std::vector<ClientInfo> Clients();
  uint64_t KillClients(const KillFilter& filter);
  bool UnblockClient(uint64_t id, bool with_error);
  void Pause(uint64_t until_ms, PauseMode mode);
  void Unpause();
  void ResetStats();
  // Every reactor looks at its connections anew.
  void UsersChanged() override;
  // As in Redis refused, beyond what the limit of open files has room for; *possible then says how
  // many would be.
  bool SetMaxClients(uint64_t clients, uint64_t* possible);
  void ControlReply(uint32_t reactor, uint64_t token, std::string data, uint64_t usec);
  // An option that changes at run time, of the server or of its engine. While the engine is open,
  // and not during a life call. A reload keeps it.
  Status SetOption(const std::string& name, const std::string& value);
  uint64_t cache_bytes_max() const { return cache_bytes_max_.load(std::memory_order_relaxed); }
  // Wall clock of the latest commit or sync that moved a durable position; 0: none yet.
  uint64_t last_durable_ms() const { return last_durable_ms_.load(std::memory_order_relaxed); }

  // Called from reactor threads when the queues become non-empty; must not block.
  void SetNotify(std::function<void()> control, std::function<void()> log);
  std::vector<ControlMessage> TakeControl();
  std::vector<LogEntry> TakeLog(uint64_t* dropped);

  const std::vector<std::unique_ptr<Reactor>>& reactors() const { return reactors_; }
  std::string io_backend_why();
  std::string sync_report() const { return sync_report_; }

  // --- ReactorHost ---
  void SendControl(ControlMessage message) override;
  void FeedMonitors(const std::string& line) override;
  void Log(int level, const std::string& message) override;
  std::string NameOf(uint32_t stream) const;  // for messages
  void EverySecond() override;
  void SendServed(uint32_t reactor, Served served) override;
  void Ring(uint32_t reactor) override { reactors_[reactor]->Ring(); }
  void Accepted(int fd, bool unix_socket) override;
  // --- DurabilityListener ---
  void OnDurable(uint32_t stream) override;

 private:
  // An error unless the server is as far as that, and is to go on.
  Status RequireLife(bool open, bool listening) const;
  void EndReactors();
  Reactor::Reopened Reopen();
  Status Bind();
  // Lowers maxclients to what the limit of open files has room for.
  Status FitClients();
  uint64_t FilesKept() const;
  uint64_t ClientsPossible(uint64_t clients);
  void LookAtFiles();
  static std::unique_ptr<IoQueue> MakeQueue(void* context, std::string* error);
  void FindDiskCpu();
  Status SetEngineOption(const std::string& name, const std::string& value);
  Status ApplyLive();
  // With what was set while the server ran.
  EngineOptions LiveEngineOptions();
  // Runs the task on every reactor and waits for all, who may be busy: not on the main thread, and
  // not with a mutex held that reactors take.
  void OnAllReactors(const std::function<void(Reactor*)>& task, bool beside = true);

  ServerOptions options_;
  Shared shared_;
  std::unique_ptr<Disk> disk_;
  std::unique_ptr<Engine> engine_;
  Listeners listeners_;
  RecoveryReport recovery_;
  std::vector<std::unique_ptr<Reactor>> reactors_;
  std::vector<std::atomic<bool>> failure_told_;  // by stream
  std::vector<bool> refusing_;  // by stream, as told in the log; first reactor only
  std::mutex mutex_;
  std::mutex wake_mutex_;  // of reactors_, against an engine that commits on threads of its own
  std::string io_why_;
  std::string sync_report_;
  int disk_cpu_ = -1;
  std::function<void()> notify_control_;
  std::function<void()> notify_log_;
  std::vector<ControlMessage> control_;
  std::vector<LogEntry> log_;
  uint64_t log_dropped_ = 0;
  std::atomic<uint32_t> next_reactor_{0};
  std::atomic<uint64_t> cache_bytes_max_{0};
  EngineOptions live_;  // as they are now; options_.engine keeps those of the start; under mutex_
  std::atomic<uint64_t> last_durable_ms_{0};
  std::atomic<bool> stop_requested_{false};
  std::atomic<bool> open_{false};
  Status lost_;                   // why there is no engine: none was made, or a reload lost it
  uint64_t own_files_ = 0;        // kept back, without data files; 0: not known yet
  bool files_are_short_ = false;  // as told in the log; first reactor only
};

}  // namespace cairn
