// ControlBridge: commands that live in TypeScript, on their way there and back.
//
// Frames leave through SessionHost::SendControl and are answered in some later turn, by the token
// of the connection. Until then the connection stands still (kWaitsForControl), so each has at most
// one under way. TypeScript always answers; an answer whose client has gone finds nobody. Commands
// inside EXEC are asked for here, too, but their answers go to who walks the EXEC.
//
// One reactor's thread. State per connection: Connection::control.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string_view>

#include "session/bookkeeper.h"
#include "session/connection.h"
#include "session/replies.h"
#include "session/session_host.h"

namespace cairn {

class ControlBridge {
 public:
  ControlBridge(const SessionContext& context, Replies* replies, Bookkeeper* books)
      : host_(context.host), reactor_(context.reactor), replies_(replies), books_(books) {}

  // A command by itself: its reply gets a slot, and the connection stands still.
  void Run(Connection* conn, const Command& command, std::span<const std::string_view> argv);
  // A command of an EXEC. keyspace: what it is to show of the databases, or null.
  void AskInExec(const Connection& conn, std::span<const std::string_view> argv,
                 std::shared_ptr<const KeyspaceFigures> keyspace);
  // The command by itself is answered: the connection goes on.
  void Answered(Connection* conn, std::string_view reply, uint64_t nanos);
  // The connection goes. What was sent runs all the same, and is booked.
  void Forget(Connection* conn);

 private:
  void Send(const Connection& conn, std::span<const std::string_view> argv, ControlMessage message);
  // Once: as it is answered, or nobody waits any more.
  void Book(Connection* conn, std::string_view reply, uint64_t nanos);

  SessionHost* const host_;
  const uint32_t reactor_;
  Replies* const replies_;
  Bookkeeper* const books_;
};

}  // namespace cairn
