#include "session/client_line.h"

#include <algorithm>

#include "session/exec_runner.h"

namespace cairn {

ClientKind KindOf(const Connection& conn) {
  if (conn.monitor) return kReplicaClients;
  return conn.subscriber != nullptr ? kPubSubClients : kNormalClients;
}

std::string_view KindName(ClientKind kind) {
  constexpr std::string_view kNames[kClientKinds] = {"normal", "replica", "pubsub"};
  return kNames[kind];
}

std::string ClientLine(const Connection& conn, uint64_t now_ms) {
  std::string flags;
  if (conn.monitor) flags += 'O';
  if (conn.subscriber != nullptr) flags += 'P';
  const bool in_multi = conn.multi != nullptr || conn.exec_run != nullptr;
  if (in_multi) flags += 'x';
  if (conn.stall == Connection::kBlocked || conn.stall == Connection::kWaitsForPause) flags += 'b';
  if (conn.tracking != nullptr) {
    flags += 't';
    if (conn.tracking->broken) flags += 'R';
    if (conn.tracking->bcast) flags += 'B';
  }
  if (conn.watcher.state != nullptr && conn.watcher.state->dirty.load()) flags += 'd';
  if (conn.close_after_reply) flags += 'c';
  if (conn.closed) flags += 'A';
  if (conn.unix_socket) flags += 'U';
  if (conn.no_evict) flags += 'e';
  if (conn.no_touch) flags += 'T';
  if (flags.empty()) flags = "N";
  auto number = [](uint64_t n) { return std::to_string(n); };
  auto subscribed = [&](Topic topic) {
    return number(conn.subscriber == nullptr ? 0 : conn.subscriber->count(topic));
  };
  uint64_t multi_bytes = conn.multi != nullptr ? conn.multi->bytes : 0;
  // Nothing here is a fixed buffer, Redis's obl: all that is unsent stands as the list that tools
  // and output limits look at.
  uint64_t buffers = (conn.out.empty() ? 0u : 1u) + (conn.turn.empty() ? 0u : 1u);
  for (const Slot& slot : conn.slots) buffers += slot.bytes.empty() ? 0u : 1u;
  uint64_t memory = sizeof(Connection) + conn.in.capacity() + conn.out.capacity() +
                    conn.turn.capacity() + conn.slot_bytes + multi_bytes + conn.parser.heap_bytes();
  std::string line =
      "id=" + number(conn.id) + " addr=" + conn.addr + " laddr=" + conn.laddr +
      " fd=" + std::to_string(conn.fd) + " name=" + conn.name +
      " age=" + number((now_ms - std::min(now_ms, conn.created_ms)) / 1000) +
      " idle=" + number((now_ms - std::min(now_ms, conn.last_active_ms)) / 1000) +
      " flags=" + flags + " db=" + number(conn.db) + " sub=" + subscribed(Topic::kChannel) +
      " psub=" + subscribed(Topic::kPattern) + " ssub=" + subscribed(Topic::kShardChannel) +
      " multi=" +
      (conn.exec_run != nullptr ? number(conn.exec_run->queue.size())
       : conn.multi != nullptr  ? number(conn.multi->queue.size())
                                : "-1") +
      " qbuf=" + number(conn.in.size()) +
      " qbuf-free=" + number(conn.in.capacity() - conn.in.size()) +
      " argv-mem=0 multi-mem=" + number(multi_bytes) + " rbs=" + number(conn.turn.capacity()) +
      " rbp=" + number(conn.turn.size()) + " obl=0 oll=" + number(buffers) +
      " omem=" + number(conn.OutputBytes()) + " tot-mem=" + number(memory) +
      " events=" + ((conn.epoll_events & 4u) != 0 ? "rw" : "r") +
      " cmd=" + (conn.last_command != nullptr ? conn.last_command->name : std::string("NULL")) +
      " user=" + (conn.login.user != nullptr ? conn.login.user->name() : std::string("default")) +
      " redir=" + (conn.tracking != nullptr ? number(conn.tracking->redirect) : std::string("-1")) +
      " resp=" + number(conn.resp) + " lib-name=" + conn.lib_name + " lib-ver=" + conn.lib_version;
  return line;
}

}  // namespace cairn
