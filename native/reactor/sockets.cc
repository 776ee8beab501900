// The reactor's sockets: accept, read, write, limits.
#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/clock.h"
#include "base/slot.h"
#include "reactor/reactor.h"
#include "resp/errors.h"
#include "resp/skim.h"
#include "session/client_line.h"

namespace cairn {

namespace {

constexpr int kAcceptsPerTurn = 64;

std::string AddressText(const sockaddr_storage& address, bool* loopback) {
  char text[INET6_ADDRSTRLEN] = "?";
  *loopback = false;
  if (address.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
    inet_ntop(AF_INET, &v4.sin_addr, text, sizeof(text));
    *loopback = (ntohl(v4.sin_addr.s_addr) >> 24) == 127;
    return std::string(text) + ":" + std::to_string(ntohs(v4.sin_port));
  }
  if (address.ss_family == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address);
    inet_ntop(AF_INET6, &v6.sin6_addr, text, sizeof(text));
    const uint8_t* b = v6.sin6_addr.s6_addr;
    *loopback = IN6_IS_ADDR_LOOPBACK(&v6.sin6_addr) ||
                (IN6_IS_ADDR_V4MAPPED(&v6.sin6_addr) && b[12] == 127);
    return "[" + std::string(text) + "]:" + std::to_string(ntohs(v6.sin6_port));
  }
  return "?";
}

void Refuse(int fd, std::string_view error) {
  std::string line = "-" + std::string(error) + "\r\n";
  (void)!send(fd, line.data(), line.size(), MSG_NOSIGNAL | MSG_DONTWAIT);
  close(fd);
}

}  // namespace

void Reactor::Accept(const ListenSocket& listener) {
  for (int i = 0; i < kAcceptsPerTurn; ++i) {
    int fd = accept4(listener.fd, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0) {
      if (errno == EINTR || errno == ECONNABORTED) continue;
      if (errno != EAGAIN) RestAccepting(errno);
      return;
    }
    accept_rest_ms_ = 0;
    if (shared_->clients.load() >=
        std::min(shared_->options.maxclients.load(), shared_->clients_possible.load())) {
      counters_.rejected_connections.Add(1);
      Refuse(fd, errors::kMaxClients);
      continue;
    }
    uint64_t now = shared_->clients.fetch_add(1) + 1;
    uint64_t peak = shared_->clients_peak.load();
    while (now > peak && !shared_->clients_peak.compare_exchange_weak(peak, now)) {
    }
    host_->Accepted(fd, listener.unix_socket);
  }
}

// Who waits to be accepted is in the kernel's queue and keeps the listener readable: looking at it
// again at once would only burn the processor that the clients need.
void Reactor::RestAccepting(int error) {
  const uint64_t now_ms = MonotonicMillis();
  accept_rest_ms_ = std::clamp(2 * accept_rest_ms_, kAcceptRestMs, kAcceptRestMsMax);
  accept_again_ms_ = now_ms + accept_rest_ms_;
  WatchListeners(false);
  if (accept_logged_ms_ != 0 && now_ms < accept_logged_ms_ + kAcceptLogMs) return;
  accept_logged_ms_ = now_ms;
  host_->Log(2, "accepting connections fails: " + std::string(strerror(error)) +
                    "; clients wait, trying again in " + std::to_string(accept_rest_ms_) + " ms");
}

void Reactor::WatchListeners(bool watch) {
  for (size_t i = 0; i < listeners_.size(); ++i) {
    epoll_event event{};
    event.events = watch ? static_cast<uint32_t>(EPOLLIN) : 0u;
    event.data.u64 = kTagListen | i;
    epoll_ctl(epoll_fd_, EPOLL_CTL_MOD, listeners_[i].fd, &event);
  }
  if (watch) accept_again_ms_ = 0;
}

void Reactor::Adopt(int fd, bool unix_socket) {
  bool loopback = true;
  std::string addr, laddr;
  if (!unix_socket) {
    sockaddr_storage peer{}, local{};
    socklen_t peer_bytes = sizeof(peer), local_bytes = sizeof(local);
    getpeername(fd, reinterpret_cast<sockaddr*>(&peer), &peer_bytes);
    getsockname(fd, reinterpret_cast<sockaddr*>(&local), &local_bytes);
    bool ignored;
    addr = AddressText(peer, &loopback);
    laddr = AddressText(local, &ignored);
    int one = 1;
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    int keepalive = static_cast<int>(shared_->options.tcp_keepalive_s.load());
    if (keepalive > 0) {
      int interval = std::max(1, keepalive / 3), probes = 3;
      setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof(one));
      setsockopt(fd, IPPROTO_TCP, TCP_KEEPIDLE, &keepalive, sizeof(keepalive));
      setsockopt(fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval, sizeof(interval));
      setsockopt(fd, IPPROTO_TCP, TCP_KEEPCNT, &probes, sizeof(probes));
    }
  } else {
    sockaddr_un local{};
    socklen_t bytes = sizeof(local);
    getsockname(fd, reinterpret_cast<sockaddr*>(&local), &bytes);
    addr = laddr = std::string(local.sun_path) + ":0";
  }
  if (!loopback && shared_->options.protected_mode.load() && shared_->users.default_nopass()) {
    counters_.rejected_connections.Add(1);
    shared_->clients.fetch_sub(1);
    Refuse(fd, errors::kProtectedMode);
    return;
  }
  uint32_t index;
  if (!free_indexes_.empty()) {
    index = free_indexes_.back();
    free_indexes_.pop_back();
  } else {
    index = static_cast<uint32_t>(connections_.size());
    connections_.emplace_back();
  }
  auto conn = std::make_unique<Connection>(&shared_->context.proto_max_bulk_len);
  conn->executor = &executor_;
  conn->id = shared_->next_client_id.fetch_add(1);
  conn->fd = fd;
  conn->index = index;
  conn->generation = next_generation_++;
  if (next_generation_ >= (1u << 21)) next_generation_ = 1;  // tokens stay below 2^53
  conn->unix_socket = unix_socket;
  conn->from_loopback = loopback;
  conn->addr = std::move(addr);
  conn->laddr = std::move(laddr);
  conn->created_ms = conn->last_active_ms = executor_.now_ms();
  Gate::Begin(shared_, conn.get());
  conn->epoll_events = EPOLLIN;
  epoll_event event{};
  event.events = conn->epoll_events;
  event.data.u64 = conn->Token();
  epoll_ctl(epoll_fd_, EPOLL_CTL_ADD, fd, &event);
  counters_.clients.Add(1);
  counters_.connections.Add(1);
  shared_->directory.Add(conn->id, {number_, conn->Token()});
  connections_[index] = std::move(conn);
}

void Reactor::Destroy(Connection* conn) {
  shared_->directory.Remove(conn->id);
  executor_.Forget(conn);
  epoll_ctl(epoll_fd_, EPOLL_CTL_DEL, conn->fd, nullptr);
  close(conn->fd);
  counters_.clients.Sub(1);
  shared_->clients.fetch_sub(1);
  resume_.erase(std::remove(resume_.begin(), resume_.end(), conn), resume_.end());
  if (conn->flush_queued)
    flush_.erase(std::remove(flush_.begin(), flush_.end(), conn), flush_.end());
  uint32_t index = conn->index;
  connections_[index].reset();
  free_indexes_.push_back(index);
}

void Reactor::Read(Connection* conn) {
  // A connection in the middle of a command, or one that cannot run now, collects its input;
  // everybody else is served straight from the shared buffer.
  bool direct = conn->in.empty() && conn->stall == Connection::kRunning && !beside_;
  char* target = read_buffer_.get() + input_bytes_;
  size_t room = kReadBytes;
  if (!direct) {
    room = std::max(kReadBytes, std::min(conn->in_needed, kLargeReadBytes));
    target = conn->in.Reserve(room);
  }
  ssize_t got = recv(conn->fd, target, room, 0);
  if (got <= 0) {
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) return;
    const bool owed = !conn->slots.empty() || !conn->out.empty() || !conn->turn.empty() ||
                      conn->stall != Connection::kRunning || conn->resume_queued;
    if (got == 0 && owed && !conn->read_closed) {
      conn->read_closed = true;  // perhaps half closed: what was asked is still answered
      executor_.PeerLeft(conn);
      UpdateEvents(conn);
    } else {
      conn->closed = true;
    }
    FlushSoon(conn);
    return;
  }
  counters_.reads.Add(1);
  counters_.net_in.Add(static_cast<uint64_t>(got));
  conn->net_in += static_cast<uint64_t>(got);
  conn->last_active_ms = executor_.now_ms();
  if (conn->close_after_reply) return;  // what comes behind the end is not read
  if (!direct) {
    conn->in.Commit(static_cast<size_t>(got));
    Execute(conn);
    return;
  }
  constexpr size_t kLine = 64;
  inputs_[input_count_++] = {conn, target, static_cast<size_t>(got)};
  input_bytes_ += (static_cast<size_t>(got) + kLine - 1) / kLine * kLine;
  if (input_count_ == kInputsMax || input_bytes_ >= kInputBytesMax) RunInputs();
}

// Runs what was read. Several connections are read before the first of them runs, so that the
// look-ups of their keys can overlap.
void Reactor::RunInputs() {
  if (input_count_ == 0) return;
  if (input_count_ > 1) LookAhead();
  for (uint32_t i = 0; i < input_count_; ++i) {
    inputs_run_ = i + 1;
    RunInput(inputs_[i]);
  }
  input_count_ = inputs_run_ = 0;
  input_bytes_ = 0;
  queue_->Flush();  // the disk can begin with what they read
}

// Names the keys of single commands to the engine. What is pipelined looks after itself.
void Reactor::LookAhead() {
  KeyHint hints[kInputsMax];
  size_t count = 0;
  uint16_t db = 0;
  for (uint32_t i = 0; i < input_count_; ++i) {
    const Input& input = inputs_[i];
    std::string_view key;
    const char* end = input.data + input.bytes;
    if (SkimCommand(input.data, end, &key) != end || key.data() == nullptr) continue;
    if (count != 0 && input.conn->db != db) continue;
    db = input.conn->db;
    hints[count++] = KeyHint{key, ShardOf(key)};
  }
  if (count > 1) engine_->Prefetch(db, std::span<const KeyHint>(hints, count));
}

// Room for a large argument, in two steps: a length that a client has only announced takes no more
// than kArgumentStepBytes. Who has sent that much gets all of it: moving a larger buffer would take
// milliseconds, and what is not used yet takes no memory.
void Reactor::ReserveArgument(Connection* conn, size_t more) {
  if (conn->in_needed <= kReadBytes) return;
  const bool sure = conn->in.size() + more >= kArgumentStepBytes;
  conn->in.Reserve(more + (sure ? conn->in_needed : std::min(conn->in_needed, kArgumentStepBytes)));
}

void Reactor::RunInput(const Input& input) {
  Connection* conn = input.conn;
  if (conn->closed || conn->close_after_reply) return;
  if (conn->stall != Connection::kRunning || !conn->in.empty()) {  // an earlier input did that
    conn->in.Append(std::string_view(input.data, input.bytes));
    Execute(conn);
    return;
  }
  size_t done = executor_.Consume(conn, input.data, input.bytes, &conn->in_needed);
  if (done < input.bytes && !conn->close_after_reply && !conn->closed) {
    ReserveArgument(conn, input.bytes - done);
    conn->in.Append(std::string_view(input.data + done, input.bytes - done));
    UpdateEvents(conn);
  }
  executor_.EndBatch(conn);
}

// Runs what the connection has collected.
void Reactor::Execute(Connection* conn) {
  if (conn->stall == Connection::kRunning && !conn->in.empty() && !conn->close_after_reply) {
    size_t done = executor_.Consume(conn, conn->in.data(), conn->in.size(), &conn->in_needed);
    conn->in.Consume(done);
    if (conn->in.empty() && conn->in.capacity() >= kArgumentStepBytes) conn->in.Shrink(0);
    ReserveArgument(conn, 0);
    if (conn->close_after_reply) conn->in.Clear();
    executor_.EndBatch(conn);
  }
  if (conn->in.size() > shared_->options.query_buffer_limit.load(std::memory_order_relaxed)) {
    host_->Log(
        2, "closing client " + conn->addr + ": its query buffer exceeds client-query-buffer-limit");
    counters_.query_limit_disconnections.Add(1);
    conn->closed = true;
    FlushSoon(conn);
  }
  if (conn->read_closed) executor_.PeerLeft(conn);
  UpdateEvents(conn);
}

void Reactor::UpdateEvents(Connection* conn) {
  if (conn->closed) return;
  bool can_read =
      !conn->read_closed && (conn->stall == Connection::kRunning || conn->MayWaitForEver() ||
                             conn->in.size() < kStalledInputMax);
  uint32_t events = (can_read ? static_cast<uint32_t>(EPOLLIN) : 0u) |
                    (conn->out.empty() ? 0u : static_cast<uint32_t>(EPOLLOUT));
  if (events == conn->epoll_events) return;
  conn->epoll_events = events;
  epoll_event event{};
  event.events = events;
  event.data.u64 = conn->Token();
  epoll_ctl(epoll_fd_, EPOLL_CTL_MOD, conn->fd, &event);
}

void Reactor::FlushAll() {
  // Flushing may resume connections and queue more; those are for the next turn.
  flushing_.swap(flush_);
  uint32_t handled = 0;
  for (Connection* conn : flushing_) {
    if (++handled % kCommitEvery == 0) KickDisk();
    conn->flush_queued = false;
    Flush(conn);
  }
  flushing_.clear();
}

// False: it has come to its end.
bool Reactor::FlushOpen(Connection* conn) {
  if (!conn->closed) {
    executor_.ReleaseSlots(conn);
    if (!conn->out.empty() && !Send(conn)) conn->closed = true;
    if (conn->out.empty() && !conn->slots.empty()) executor_.ReleaseSlots(conn);
  }
  if (!conn->closed) {
    CheckOutputLimits(conn);
    bool all_sent = conn->out.empty() && conn->slots.empty() && conn->turn.empty();
    bool finished =
        conn->close_after_reply ||
        (conn->read_closed && conn->stall == Connection::kRunning && !conn->resume_queued);
    if (finished && all_sent) conn->closed = true;
  }
  if (conn->closed) return false;
  if (conn->stall == Connection::kWaitsForOutput &&
      conn->OutputBytes() < Connection::kOutputPauseBytes / 2) {
    conn->stall = Connection::kRunning;
    ResumeInput(conn);
  }
  UpdateEvents(conn);
  return true;
}

void Reactor::Flush(Connection* conn) {
  if (!FlushOpen(conn)) Destroy(conn);
}

namespace {

// Gives the memory of sent bytes back while the rest of a large reply goes: piece by piece, as
// freeing all of it at once would take milliseconds.
void GiveBackPages(const char* sent, size_t bytes) {
  constexpr uintptr_t kPageBytes = 4096;
  const uintptr_t begin =
      (reinterpret_cast<uintptr_t>(sent) + kPageBytes - 1) / kPageBytes * kPageBytes;
  const uintptr_t end = (reinterpret_cast<uintptr_t>(sent) + bytes) / kPageBytes * kPageBytes;
  if (begin < end) madvise(reinterpret_cast<void*>(begin), end - begin, MADV_DONTNEED);
}

}  // namespace

bool Reactor::Send(Connection* conn) {
  constexpr size_t kSendBytesMax = 1 << 20;  // fairness: the rest goes in a later turn
  constexpr size_t kLargeBytes = 4 << 20;    // of a buffer that is not worth keeping
  size_t budget = kSendBytesMax;
  while (!conn->out.empty() && budget > 0) {
    const std::string_view front = conn->out.Front();
    const bool own = front.data() == conn->out.data();
    const size_t bytes = std::min(front.size(), budget);
    ssize_t sent = send(conn->fd, front.data(), bytes, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent < 0) {
      if (errno == EINTR) continue;
      return errno == EAGAIN;
    }
    counters_.writes.Add(1);
    counters_.net_out.Add(static_cast<uint64_t>(sent));
    conn->net_out += static_cast<uint64_t>(sent);
    conn->last_active_ms = executor_.now_ms();
    if (CAIRN_UNLIKELY(own && front.size() >= kSendBytesMax && conn->out.capacity() >= kLargeBytes))
      GiveBackPages(front.data(), static_cast<size_t>(sent));
    conn->out.Consume(static_cast<size_t>(sent));
    budget -= static_cast<size_t>(sent);
    if (static_cast<size_t>(sent) < bytes) return true;
  }
  return true;
}

// client-output-buffer-limit: at once beyond the hard limit, after a time beyond the soft one.
void Reactor::CheckOutputLimits(Connection* conn) {
  const ClientKind kind = KindOf(*conn);
  uint64_t hard = shared_->options.output_hard[kind].load(std::memory_order_relaxed);
  uint64_t soft = shared_->options.output_soft[kind].load(std::memory_order_relaxed);
  if (CAIRN_LIKELY(hard == 0 && soft == 0)) return;
  uint64_t waiting = conn->OutputBytes();
  bool over = hard != 0 && waiting > hard;
  if (soft != 0 && waiting > soft) {
    uint64_t seconds = shared_->options.output_soft_seconds[kind].load(std::memory_order_relaxed);
    if (conn->soft_limit_since_ms == 0) conn->soft_limit_since_ms = executor_.now_ms();
    over |= executor_.now_ms() - conn->soft_limit_since_ms > seconds * 1000;
  } else {
    conn->soft_limit_since_ms = 0;
  }
  if (!over || conn->closed) return;
  host_->Log(2, "closing client " + conn->addr + ": its output exceeds client-output-buffer-limit");
  counters_.output_limit_disconnections.Add(1);
  conn->closed = true;
  FlushSoon(conn);
}

void Reactor::StopAccepting() {
  for (ListenSocket& listener : listeners_) {
    epoll_ctl(epoll_fd_, EPOLL_CTL_DEL, listener.fd, nullptr);
    close(listener.fd);
  }
  listeners_.clear();
}

void Reactor::ReviewUsers() {
  ForEachConnection([this](Connection* conn) {
    bool at_once = false;
    if (executor_.Review(conn, &at_once)) Kill(conn, !at_once);
  });
}

}  // namespace cairn
