// Connections that wait for tickets, for room for their writes, or for keys.
#include <utility>

#include "reactor/reactor.h"

namespace cairn {

void Reactor::WaitForTicket(Connection* conn, const Ticket& ticket) {
  ticket_waiters_[ticket.stream].push_back(TicketWaiter{HandleOf(*conn), ticket});
  ++waiter_count_;
}

void Reactor::ReleaseTickets() {
  for (uint32_t stream = 0; stream < ticket_waiters_.size(); ++stream) {
    auto& waiters = ticket_waiters_[stream];
    if (waiters.empty()) continue;
    const bool stopped = !engine_->Durable(waiters.front().ticket) && engine_->Stopped(stream);
    // Who has to go on waiting, because the stream goes on meanwhile, comes in again at the end.
    for (size_t left = waiters.size(); left != 0; --left) {
      if (!stopped && !engine_->Durable(waiters.front().ticket)) break;
      Handle handle = waiters.front().handle;
      waiters.pop_front();
      --waiter_count_;
      Connection* conn = FindConnection(handle.index, handle.generation);
      if (conn != nullptr) executor_.Advanced(conn);
    }
  }
  // Trying again without news would only burn the core that the disk's work needs.
  if (!room_came_) return;
  room_came_ = false;
  for (size_t i = room_waiters_.size(); i-- > 0;) {
    Connection* conn = FindConnection(room_waiters_[i].index, room_waiters_[i].generation);
    if (conn != nullptr && conn->stall == Connection::kWaitsForRoom) {
      conn->stall = Connection::kRunning;
      ResumeInput(conn);
    }
  }
  waiter_count_ -= static_cast<uint32_t>(room_waiters_.size());
  room_waiters_.clear();
}

void Reactor::SendServed(Served served) {
  const uint32_t reactor = served.waiter->reactor;
  if (reactor == number_) return executor_.Deliver(std::move(served));
  host_->SendServed(reactor, std::move(served));
}

// Room comes with the next completed commit, of whichever stream: trying again then is cheap.
void Reactor::WaitForRoom(Connection* conn) {
  room_waiters_.push_back(HandleOf(*conn));
  ++waiter_count_;
}

}  // namespace cairn
