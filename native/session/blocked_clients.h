// BlockedClients: clients that wait for something other than the bytes of their next command, as
// they asked for (WAIT, WAITAOF, BLPOP ...: kBlocked) or an administrator did (CLIENT PAUSE:
// kWaitsForPause).
//
// A blocked client has a slot for its reply, and one thing ends its wait: what it waits for comes
// (Advanced, Deliver), its time is over (TimedOut), CLIENT UNBLOCK, or it goes. One that may wait
// for ever is given up when it has sent its last byte (PeerLeft); see the table at
// Connection::Stall. A paused command has not begun, and is dispatched again.
//
// Who waits for keys is served by whoever writes to them (serving.h), on any reactor. So each of
// these ends has to claim the waiter first, and what comes too late lets go.
//
// One reactor's thread. State per connection: Connection::blocked. Lists of who waits for a ticket,
// a time or the end of a pause are the host's.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "session/bookkeeper.h"
#include "session/connection.h"
#include "session/replies.h"
#include "session/serving.h"
#include "session/session_host.h"

namespace cairn {

class BlockedClients {
 public:
  BlockedClients(const SessionContext& context, TxnControl* control, Replies* replies,
                 Bookkeeper* books)
      : context_(context), control_(control), replies_(replies), books_(books) {}

  // WAIT and, `aof`, WAITAOF: answers in conn->turn, or blocks the connection.
  void Wait(Connection* conn, const Command& command, std::span<const std::string_view> argv,
            bool aof);
  // A command that asks to wait for keys, in a pass that is committed and still latched. slot: of
  // its reply. before: as what it has waited already, or null; it keeps its place and its time
  // then.
  void WaitForKeys(Connection* conn, const Command& command, std::span<const std::string_view> argv,
                   Slot* slot, const BlockedCommand* before);
  // Somebody has served a command that waited for keys. True: it is to run itself, see Take.
  [[nodiscard]] bool Deliver(Served served);
  // The connection of such a command, whose wait is over without a reply; null: it is gone.
  Connection* Take(const BlockedCommand& waiter, Slot** slot);
  // The command at hand runs after the pause.
  void Pause(Connection* conn);
  // It runs at that time.
  void PauseUntil(Connection* conn, uint64_t deadline_ms);

  // A ticket that the connection waited for is durable, or its stream has stopped.
  void Advanced(Connection* conn);
  void TimedOut(Connection* conn);
  // CLIENT UNBLOCK. False: it is not blocked.
  bool Unblock(Connection* conn, bool with_error);
  void Unpaused(Connection* conn);
  // The client sends no more: gives up what might wait for ever.
  void PeerLeft(Connection* conn);
  void Forget(Connection* conn);

 private:
  // `met`: what it waited for has come.
  void Finish(Connection* conn, bool met, bool with_error);
  void Go(Connection* conn, Slot* slot);
  // Its wait for keys ends for another reason than that it was served. False: too late, it was.
  bool Withdraw(Connection* conn);
  // From the queues of its keys. Takes latches itself.
  void RemoveFromTable(const BlockedCommand& waiter);

  const SessionContext& context_;
  TxnControl* const control_;
  Replies* const replies_;
  Bookkeeper* const books_;
};

}  // namespace cairn
