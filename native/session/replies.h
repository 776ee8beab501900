// Replies: puts what commands answer in order, and lets it go once what it promises is durable.
//
// A connection's replies pass through the places that connection.h draws: turn, slots, out; this
// class alone moves them from one to the next. A command that answers in its own turn appends to
// conn->turn and its tickets to conn->turn_gate; one that answers later gets a slot in its place
// (Expect), which holds up all that comes behind it until it is complete.
//
// One reactor's thread. What is unsent is bounded by Connection::kOutputPauseBytes, beyond which
// the connection's next commands wait.
#pragma once

#include <cstddef>
#include <string_view>
#include <vector>

#include "session/connection.h"
#include "session/session_host.h"

namespace cairn {

class Replies {
 public:
  explicit Replies(const SessionContext& context) : engine_(context.engine), host_(context.host) {}

  // conn->turn has a reply from mark on: counted, or taken away as CLIENT REPLY wants it.
  void Made(Connection* conn, size_t mark) {
    if (CAIRN_LIKELY(conn->reply_mode == ReplyMode::kOn)) {
      ++conn->turn_replies;
    } else {
      Mute(conn, mark);
    }
  }
  // A command has been answered, in whatever way: CLIENT REPLY SKIP is over, or begins.
  static void NextReplyMode(Connection* conn);
  // Ends a batch: moves conn->turn to where it belongs.
  void EndBatch(Connection* conn);
  // A slot for the reply of a command that answers later, behind all replies made so far. It stays
  // where it is until it has left.
  Slot* Expect(Connection* conn);
  // The slot has its reply.
  void Complete(Connection* conn, Slot* slot);
  // The slot's reply will never come: it goes, and with it what stands behind it.
  void GiveUp(Connection* conn, const Slot* slot);
  // A push message for a client that waits because it asked to: it goes before the reply that is
  // waited for, perhaps for ever. False: it has to go behind all replies.
  bool PushAhead(Connection* conn, std::string_view frame);
  // Moves replies that may leave from slots to out.
  void Release(Connection* conn);
  // A ticket that the first slot waited for is durable, or its stream has stopped.
  void Advanced(Connection* conn) {
    if (!conn->slots.empty()) conn->slots.front().waiting = false;
    host_->FlushSoon(conn);
  }
  // The engine is closed for good: moves to out whatever may still be said. `durable`: all that was
  // written before is.
  void EngineLost(Connection* conn, bool durable, std::string_view reason);

 private:
  static constexpr size_t kSpareBuffersMax = 256;
  static constexpr size_t kSpareBufferBytesMax = 16 * 1024;

  static void Mute(Connection* conn, size_t mark);
  OutBuffer TakeSpare();
  void GiveSpare(OutBuffer buffer);

  Engine* const engine_;
  SessionHost* const host_;
  std::vector<OutBuffer> spare_;
};

}  // namespace cairn
