// A reactor without sockets: an executor with connections in memory, over the engine of a driver
// (engine_testing.h). Input is bytes, replies are bytes; one Turn does what a turn of a reactor
// does.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "session/executor.h"
#include "vlog_testing.h"

namespace cairn::testing {

template <class DriverType>
class SocketlessReactor final : public SessionHost {
 public:
  SocketlessReactor(Shared* shared, DriverType* driver, uint32_t number)
      : driver_(driver),
        shared_(shared),
        executor_(
            (counters_.per_command = std::vector<CommandCounters>(shared->registry.size()), shared),
            driver->engine.get(), this, &counters_, number) {}
  ~SocketlessReactor() override {
    for (auto& conn : connections_) {
      if (conn != nullptr) executor_.Forget(conn.get());
    }
  }

  Connection* Connect() {
    auto conn = std::make_unique<Connection>(&shared_->context.proto_max_bulk_len);
    conn->executor = &executor_;
    conn->index = static_cast<uint32_t>(connections_.size());
    conn->generation = 1;
    conn->authenticated = true;
    conn->parser.SetAuthenticated(true);
    connections_.push_back(std::move(conn));
    received_.emplace_back();
    return connections_.back().get();
  }
  void Send(Connection* conn, std::string_view bytes) {
    conn->in.Append(bytes);
    Execute(conn);
  }
  // The client is gone, and its memory with it.
  void Disconnect(Connection* conn) {
    executor_.Forget(conn);
    std::erase_if(lane_waiters_, [conn](const LaneWaiter& waiter) { return waiter.conn == conn; });
    std::erase(room_waiters_, conn);
    std::erase_if(timers_, [conn](const Timer& timer) { return timer.conn == conn; });
    std::erase(resume_, conn);
    connections_[conn->index].reset();
  }
  // What has been sent to the client and not taken yet.
  std::string& Received(const Connection* conn) { return received_[conn->index]; }

  // `ms` later: the disk, then what waits for it, then the replies.
  void Turn(uint64_t ms, uint64_t wall_ms) {
    executor_.SetNow(wall_ms);
    driver_->Turn(ms);
    executor_.RetryParked();
    executor_.StepSlices();
    std::vector<LaneWaiter> lanes = std::move(lane_waiters_);
    lane_waiters_.clear();
    for (const LaneWaiter& waiter : lanes) {
      std::string reason;
      const bool due =
          driver_->engine->Durable(waiter.ticket) ||
          driver_->engine->State(waiter.ticket.stream, &reason) == StreamState::kFailed;
      due ? executor_.Advanced(waiter.conn) : lane_waiters_.push_back(waiter);
    }
    std::vector<Connection*> room = std::move(room_waiters_);
    room_waiters_.clear();
    for (Connection* conn : room) {
      if (conn->stall != Connection::kWaitsForRoom) continue;
      conn->stall = Connection::kRunning;
      ResumeInput(conn);
    }
    std::vector<Timer> timers = std::move(timers_);
    timers_.clear();
    for (const Timer& timer : timers) {
      timer.deadline_ms <= wall_ms ? executor_.TimedOut(timer.conn) : timers_.push_back(timer);
    }
    std::vector<Connection*> resume = std::move(resume_);
    resume_.clear();
    for (Connection* conn : resume) Execute(conn);
    executor_.DeliverMessages();
    for (auto& conn : connections_) {
      if (conn == nullptr) continue;
      executor_.ReleaseSlots(conn.get());
      while (!conn->out.empty()) {
        const std::string_view front = conn->out.Front();
        received_[conn->index].append(front);
        conn->out.Consume(front.size());
      }
    }
  }
  Executor* executor() { return &executor_; }
  // All reactors by number, if there are several.
  std::vector<SocketlessReactor*> peers;
  ReactorCounters& counters() { return counters_; }

  void FlushSoon(Connection*) override {}  // all are flushed, each turn
  void WaitForTicket(Connection* conn, const Ticket& ticket) override {
    lane_waiters_.push_back({conn, ticket});
  }
  void WaitForRoom(Connection* conn) override { room_waiters_.push_back(conn); }
  void WaitForUnpause(Connection*) override {}
  void WaitUntil(Connection* conn, uint64_t deadline_ms) override {
    timers_.push_back({conn, deadline_ms});
  }
  Connection* FindConnection(uint32_t index, uint32_t generation) override {
    return index < connections_.size() && generation == 1 ? connections_[index].get() : nullptr;
  }
  void SendControl(ControlMessage) override {}
  void FeedMonitors(const std::string&) override {}
  void AddMonitor(Connection*) override {}
  void RemoveMonitor(Connection*) override {}
  void RequestSync() override {}
  void RingReactor(uint32_t) override {}  // turns do not sleep
  void OutputGrew(Connection*) override {}
  void Log(int, const std::string&) override {}
  void SendServed(Served served) override {
    const uint32_t to = served.waiter->reactor;
    SocketlessReactor* const peer = to < peers.size() ? peers[to] : this;
    peer->executor_.Deliver(std::move(served));
  }
  void ResumeInput(Connection* conn) override { resume_.push_back(conn); }

 private:
  struct LaneWaiter {
    Connection* conn;
    Ticket ticket;
  };
  struct Timer {
    Connection* conn;
    uint64_t deadline_ms;
  };

  void Execute(Connection* conn) {
    if (conn->stall != Connection::kRunning || conn->in.empty()) return;
    conn->in.Consume(executor_.Consume(conn, conn->in.data(), conn->in.size(), &conn->in_needed));
    executor_.EndBatch(conn);
  }

  DriverType* driver_;
  Shared* shared_;
  ReactorCounters counters_;
  std::vector<std::unique_ptr<Connection>> connections_;
  std::vector<std::string> received_;
  std::vector<LaneWaiter> lane_waiters_;
  std::vector<Connection*> room_waiters_;
  std::vector<Timer> timers_;
  std::vector<Connection*> resume_;
  Executor executor_;
};

}  // namespace cairn::testing
