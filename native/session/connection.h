// Connection: everything the server keeps for one client. Owned by one reactor; only its thread
// touches it.
//
// Replies leave in command order. They pass through up to three places:
//   turn    replies of the batch that is being executed now, and the tickets they depend on
//   slots   batches that may not leave yet: tickets must first be durable (gate), or a reply is
//           still being made (pending)
//   out     bytes that may be sent; what the socket did not take stays here
#pragma once

#include <cstdint>
#include <deque>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "acl/users.h"
#include "command/client.h"
#include "command/registry.h"
#include "resp/parser.h"
#include "resp/reply.h"
#include "session/large_copies.h"
#include "session/subscriber.h"
#include "session/tracking_state.h"
#include "txn/watch.h"

namespace cairn {

// A few tickets, at most one per stream.
class TicketSet {
 public:
  void Add(const Ticket& ticket) {
    for (uint32_t i = 0; i < count_; ++i) {
      if (inline_[i].stream == ticket.stream) {
        if (ticket.position > inline_[i].position) inline_[i].position = ticket.position;
        return;
      }
    }
    if (count_ < kInline) {
      inline_[count_++] = ticket;
      return;
    }
    for (Ticket& known : more_) {
      if (known.stream != ticket.stream) continue;
      if (ticket.position > known.position) known.position = ticket.position;
      return;
    }
    more_.push_back(ticket);
  }
  // The first ticket that is not durable, or null.
  const Ticket* Unmet(const Engine& engine) const {
    for (uint32_t i = 0; i < count_; ++i) {
      if (!engine.Durable(inline_[i])) return &inline_[i];
    }
    for (const Ticket& ticket : more_) {
      if (!engine.Durable(ticket)) return &ticket;
    }
    return nullptr;
  }
  // visit(const Ticket&)
  template <typename Visit>
  void ForEach(Visit visit) const {
    for (uint32_t i = 0; i < count_; ++i) visit(inline_[i]);
    for (const Ticket& ticket : more_) visit(ticket);
  }
  bool empty() const { return count_ == 0; }
  void Clear() {
    count_ = 0;
    more_.clear();
  }

 private:
  static constexpr uint32_t kInline = 2;
  Ticket inline_[kInline];
  uint32_t count_ = 0;
  std::vector<Ticket> more_;
};

struct Slot {
  OutBuffer bytes;
  TicketSet gate;
  uint32_t replies = 0;  // frames in bytes; so many errors replace them if the stream fails
  bool pending = false;  // bytes are still to come
  bool muted = false;    // CLIENT REPLY was OFF or SKIP when the command came
  bool waiting = false;  // registered with its reactor for an unmet ticket
};

struct QueuedCommand {
  const Command* command;
  std::vector<std::string_view> argv;
  Owner memory;  // of the arguments
};

// MULTI up to EXEC.
struct MultiState {
  std::vector<QueuedCommand> queue;
  uint64_t bytes = 0;
  bool broken = false;  // an error while queueing: EXEC refuses
};

struct BlockedCommand;

// A client that waits: WAIT, WAITAOF, or for keys (BlockedClients).
struct Blocked {
  Slot* slot = nullptr;  // of its reply
  const Command* command = nullptr;
  TicketSet gate;
  uint64_t deadline_ms = 0;  // 0: none
  bool aof = false;
  bool replicas = false;                             // it waits for some, which never come
  std::shared_ptr<BlockedCommand> command_for_keys;  // null: it waits for something else
};

// A command that TypeScript works on, outside EXEC (ControlBridge).
struct ControlCommand {
  Slot* slot = nullptr;  // of its reply
  const Command* command = nullptr;
  std::vector<std::string> argv;  // for the slow log
};

enum class ReplyMode : uint8_t { kOn, kOff, kSkipNext, kSkip };

struct Connection : Client {
  // Why no further command of this connection runs now, who ends that, and what becomes of it when
  // the client sends no more (FIN: it is gone, or has shut down its sending half and still reads).
  //
  //   stall              ended by                    FIN
  //   kRunning           -                           what was sent is answered, then it is closed
  //   kWaitsForValues    the disk                    the same
  //   kWaitsForReads     the disk                    the same
  //   kWaitsForRoom      commits, granted room       the same
  //   kWaitsForCopies    the reactor, by turns       the same
  //   kWaitsForControl   TypeScript                  the same
  //   kWaitsForScript    the reactor's long script   the same
  //   kBlocked, on disk  a sync (WAITAOF 1 0)        the same
  //   kWaitsForOutput    the client, by reading      the same; if it is gone an RST follows
  //   kBlocked, else     a write, time, or nobody   given up (Executor::PeerLeft): earlier replies
  //   kWaitsForPause     the end of the pause        go out, the command does not run, it is closed
  //
  // A FIN is seen by who reads, so a connection that may wait for ever is read. An RST, or a Unix
  // socket closed at the other end, destroys the connection in every state (EPOLLHUP).
  enum Stall : uint8_t {
    kRunning,
    kWaitsForValues,   // a command that writes waits for values from disk
    kWaitsForControl,  // TypeScript has the command
    kWaitsForRoom,     // a WAL ring was full; the command runs again
    kWaitsForCopies,   // large values are being prepared; the command runs again
    kWaitsForPause,    // CLIENT PAUSE, or wrong passwords before this one; it runs again
    kWaitsForScript,   // a script of this reactor runs; the command runs again
    kWaitsForOutput,   // too many unsent replies
    kWaitsForReads,    // too many parked reads
    kBlocked,          // WAIT, WAITAOF, BLPOP ...
  };

  // Replies waiting for a client that does not read: beyond this its commands wait too.
  static constexpr uint64_t kOutputPauseBytes = 32ull << 20;

  class Executor* executor = nullptr;
  // proto-max-bulk-len, which outlives it.
  explicit Connection(const std::atomic<uint64_t>* bulk_bytes_max)
      : parser(ParserOptions{.bulk_bytes_max_now = bulk_bytes_max}) {}

  int fd = -1;
  uint32_t index = 0;       // in its reactor's table
  uint32_t generation = 0;  // tells a reused index apart
  uint32_t epoll_events = 0;
  bool unix_socket = false;
  bool from_loopback = false;

  RequestParser parser;
  OutBuffer in;
  size_t in_needed = 0;  // more bytes that the command in progress wants
  OutBuffer turn;
  TicketSet turn_gate;
  uint32_t turn_replies = 0;
  std::deque<Slot> slots;  // addresses stay valid: only pushed at the back and popped at the front
  uint64_t slot_bytes = 0;
  OutBuffer out;

  Stall stall = kRunning;
  uint32_t parked_reads = 0;
  uint64_t parked_bytes = 0;       // of the values they wait for
  bool close_after_reply = false;  // no more commands; close once everything is sent
  bool closed = false;             // socket error or kill: to be destroyed at the end of the turn
  bool read_closed = false;        // the peer sends no more, but may still read
  bool resume_queued = false;      // in the reactor's list of those that run again
  bool flush_queued = false;       // in the reactor's list for this turn
  bool monitor = false;
  bool touched = false;  // has got messages in the delivery under way
  ReplyMode reply_mode = ReplyMode::kOn;

  acl::Login login;
  bool login_delayed = false;  // its AUTH has waited, and runs

  PreparedWrites prepared;  // of the command that runs again
  std::unique_ptr<MultiState> multi;
  Watcher watcher;
  std::unique_ptr<Subscriber> subscriber;   // null: it has subscribed to nothing
  std::unique_ptr<TrackingState> tracking;  // null: CLIENT TRACKING is off

  std::string addr;
  std::string laddr;
  uint64_t created_ms = 0;  // wall clock
  uint64_t last_active_ms = 0;
  uint64_t soft_limit_since_ms = 0;
  const Command* last_command = nullptr;
  uint64_t net_in = 0;
  uint64_t net_out = 0;

  Blocked blocked;
  ControlCommand control;
  std::shared_ptr<struct ExecRun> exec_run;  // a committed EXEC whose steps are being walked

  // What a host knows the connection by: it never means another one.
  uint64_t Token() const { return (static_cast<uint64_t>(index) << 32) | generation; }
  // The next move is the client's, and only its: the time limit for idle clients counts.
  bool WaitsForClient() const {
    return (stall == kRunning && (slots.empty() || !out.empty())) || stall == kWaitsForOutput;
  }
  bool MayWaitForEver() const {
    return stall == kWaitsForPause ||
           (stall == kBlocked && (blocked.replicas || blocked.command_for_keys != nullptr));
  }
  uint64_t OutputBytes() const { return out.size() + turn.size() + slot_bytes; }
  // Keeps large arguments in their place, in `in`. Null if they are small, or stand elsewhere.
  Owner PinArguments(std::span<const std::string_view> argv);
};

}  // namespace cairn
