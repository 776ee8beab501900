// Real reactors, each with its thread and its epoll, over an engine on the simulated disk; clients
// at the other ends of socket pairs, driven by the thread of the test.
//
// How long something may take is counted in turns of the reactors, each taken for a tick: a machine
// that is slow makes turns longer, not more; traffic makes them shorter, and then time has to pass.
#pragma once

#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "io/sim_disk.h"
#include "reactor/reactor.h"
#include "vlog_testing.h"

namespace cairn::testing {

struct RigOptions {
  VlogOptions engine = Driver::Options("/data");
  VlogTuning tuning = Driver::Inline();
};

class ReactorRig final : public ReactorHost, public DurabilityListener {
 public:
  // Within so many turns of every reactor all is answered that waits for nothing but the disk.
  static constexpr uint64_t kTurnsMax = 1000;
  static constexpr uint64_t kWallMsMax = 300'000;  // a reactor that stands still

  ReactorRig(SimDisk* disk, const RigOptions& options)
      : disk_(disk), options_(options), engine_(std::make_unique<VlogEngine>(options.tuning)) {
    const Result<RecoveryReport> report = engine_->Open(options.engine, disk, this);
    REQUIRE_MESSAGE(report.ok(), report.status().message());
    shared_.databases = static_cast<uint16_t>(options.engine.databases);
    shared_.context.engine = engine_.get();
    shared_.context.reactors.store(options.engine.reactors);
    shared_.options.fsync.store(options.engine.fsync);
    shared_.registry.AddControl("", "control", -1, 0);
    for (uint32_t i = 0; i < options.engine.reactors; ++i)
      reactors_.push_back(std::make_unique<Reactor>(i, &shared_, engine_.get(), this));
    for (auto& reactor : reactors_) REQUIRE(reactor->Start(&ReactorRig::MakeQueue, this, {}).ok());
    started_.store(true);
  }
  ~ReactorRig() override { Stop(); }

  // As at the end of a server: what is under way is finished, then all is on disk.
  void Stop() {
    if (engine_ == nullptr) return;
    for (auto& reactor : reactors_) reactor->RequestStop();
    for (auto& reactor : reactors_) reactor->Join();
    CHECK(shared_.clients.load() == 0);
    closed_ = engine_->Close();
    reactors_.clear();
    engine_.reset();
  }
  Status closed() const { return closed_; }

  Shared& shared() { return shared_; }
  Engine& engine() { return *engine_; }
  Reactor& reactor(uint32_t number) { return *reactors_[number]; }
  uint32_t reactors() const { return static_cast<uint32_t>(reactors_.size()); }
  std::string log() {
    std::lock_guard<std::mutex> lock(mutex_);
    return log_;
  }

  // The client's end of a new connection.
  int Connect(uint32_t reactor) {
    int ends[2];
    REQUIRE(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) == 0);
    shared_.clients.fetch_add(1);
    const int end = ends[0];
    reactors_[reactor]->Post([end](Reactor* self) { self->Adopt(end, true); });
    return ends[1];
  }

  // The slowest reactor's.
  uint64_t Turns() const {
    uint64_t turns = UINT64_MAX;
    for (const auto& reactor : reactors_) turns = std::min(turns, reactor->counters().turns.Get());
    return turns;
  }
  // Calls `step` until it says that all is done. False: it took too many turns.
  [[nodiscard]] bool Within(uint64_t turns_max, const std::function<bool()>& step) {
    const uint64_t begin = Turns();
    const uint64_t begin_ms = MonotonicMillis();
    while (!step()) {
      const uint64_t ms = MonotonicMillis() - begin_ms;
      const bool in_turns = Turns() - begin > turns_max;
      if ((in_turns && ms > turns_max * Reactor::kTickMs) || ms > kWallMsMax) return step();
      std::this_thread::sleep_for(std::chrono::microseconds(200));
    }
    return true;
  }
  [[nodiscard]] bool Soon(const std::function<bool()>& step) { return Within(kTurnsMax, step); }

  // Control commands wait for the test to answer them, when this is true.
  void HoldControl(bool hold) {
    hold_control_.store(hold);
    if (hold) return;
    std::vector<ControlMessage> held;
    {
      std::lock_guard<std::mutex> lock(mutex_);
      held.swap(held_);
    }
    for (ControlMessage& message : held) Answer(message);
  }

  // --- ReactorHost, DurabilityListener: on any thread ---
  void SendControl(ControlMessage message) override {
    if (!hold_control_.load()) return Answer(message);
    std::lock_guard<std::mutex> lock(mutex_);
    held_.push_back(std::move(message));
  }
  void FeedMonitors(const std::string& line) override {
    for (auto& reactor : reactors_)
      reactor->Post([line](Reactor* self) { self->MonitorLine(line); });
  }
  void Log(int, const std::string& message) override {
    std::lock_guard<std::mutex> lock(mutex_);
    log_ += message + "\n";
  }
  void EverySecond() override {}
  void SendServed(uint32_t reactor, Served served) override {
    const auto shared = std::make_shared<Served>(std::move(served));
    reactors_[reactor]->Post(
        [shared](Reactor* self) { self->executor()->Deliver(std::move(*shared)); });
  }
  void Ring(uint32_t reactor) override { reactors_[reactor]->Ring(); }
  void Accepted(int fd, bool) override { close(fd); }
  void OnDurable(uint32_t) override {
    if (!started_.load() || reactors_.size() == 1) return;
    for (auto& reactor : reactors_) reactor->StreamMoved();
  }

 private:
  static std::unique_ptr<IoQueue> MakeQueue(void* context, std::string*) {
    auto* rig = static_cast<ReactorRig*>(context);
    return std::move(rig->disk_->NewQueue(IoQueueOptions(), nullptr).value());
  }
  // What TypeScript does for the server: later, from another thread, or from this one's mailbox.
  void Answer(const ControlMessage& message) {
    const uint64_t token = message.token;
    reactors_[message.reactor]->Post(
        [token](Reactor* self) { self->ControlReply(token, "+controlled\r\n", 1); });
  }

  SimDisk* disk_;
  RigOptions options_;
  Shared shared_;
  std::unique_ptr<VlogEngine> engine_;
  std::vector<std::unique_ptr<Reactor>> reactors_;
  std::atomic<bool> started_{false};
  std::atomic<bool> hold_control_{false};
  Status closed_;
  std::mutex mutex_;
  std::string log_;
  std::vector<ControlMessage> held_;
};

// A client that never blocks: what it sends goes as far as the socket takes it, each Pump.
class RigClient {
 public:
  explicit RigClient(ReactorRig* rig, uint32_t reactor = 0) : fd_(rig->Connect(reactor)) {}
  ~RigClient() { Close(); }
  RigClient(const RigClient&) = delete;
  RigClient& operator=(const RigClient&) = delete;

  void Send(const std::string& bytes) { unsent_ += bytes; }
  // Sends what it can, `send_max` at most, and reads what there is, `read_max` at most.
  void Pump(size_t send_max = SIZE_MAX, size_t read_max = SIZE_MAX) {
    while (fd_ >= 0 && sent_ < unsent_.size() && send_max != 0) {
      const size_t bytes = std::min(unsent_.size() - sent_, send_max);
      const ssize_t sent = send(fd_, unsent_.data() + sent_, bytes, MSG_NOSIGNAL);
      if (sent < 0) break;
      sent_ += static_cast<size_t>(sent);
      send_max -= static_cast<size_t>(sent);
    }
    char buffer[64 * 1024];
    while (fd_ >= 0 && !ended_ && read_max != 0) {
      const ssize_t got = recv(fd_, buffer, std::min(sizeof(buffer), read_max), 0);
      if (got < 0 && errno == EAGAIN) break;
      if (got <= 0) ended_ = true;
      if (got <= 0) break;
      received.append(buffer, static_cast<size_t>(got));
      read_max -= static_cast<size_t>(got);
    }
  }
  bool all_sent() const { return sent_ == unsent_.size(); }
  void EndSending() { (void)shutdown(fd_, SHUT_WR); }
  void Close() {
    if (fd_ >= 0) close(fd_);
    fd_ = -1;
  }
  bool ended() const { return ended_; }

  std::string received;

 private:
  int fd_;
  std::string unsent_;
  size_t sent_ = 0;
  bool ended_ = false;
};

}  // namespace cairn::testing
