#include "session/dispatcher.h"

#include <algorithm>
#include <iterator>
#include <string>
#include <utility>

#include "base/text.h"
#include "resp/errors.h"
#include "session/session_commands.h"
#include "session/tracking.h"

namespace cairn {

size_t Dispatcher::Consume(Connection* conn, const char* data, size_t bytes, size_t* needed) {
  size_t done = 0;
  *needed = 0;
  const bool beside = CAIRN_UNLIKELY(context_.busy != Busy::kNo);
  const uint64_t timer = to_.books->timer();
  to_.books->StartTimer();
  if (!beside) to_.pass->FollowPolicy();
  while (done < bytes && conn->stall == Connection::kRunning && !conn->close_after_reply &&
         !conn->closed) {
    to_.look_ahead->Next(*conn, data + done, bytes - done);
    Request request;
    ParseResult result = conn->parser.Parse(data + done, bytes - done, &request);
    if (CAIRN_LIKELY(result == ParseResult::kComplete)) {
      if (Dispatch(conn, request.argv) == Outcome::kAgain) break;
      done += request.consumed;
      if (CAIRN_UNLIKELY(conn->OutputBytes() > Connection::kOutputPauseBytes) &&
          conn->stall == Connection::kRunning) {
        conn->stall = Connection::kWaitsForOutput;
      }
    } else if (result == ParseResult::kEmpty) {
      done += request.consumed;
    } else if (result == ParseResult::kIncomplete) {
      *needed = request.bytes_needed;
      break;
    } else {
      Reject(conn, nullptr, request.error);
      conn->close_after_reply = true;
      done = bytes;
    }
  }
  to_.look_ahead->End();
  if (beside) to_.books->SetTimer(timer);  // of the script
  return done;
}

Outcome Dispatcher::Dispatch(Connection* conn, std::span<const std::string_view> argv) {
  const Command* command = Resolve(conn, argv);
  if (CAIRN_UNLIKELY(command == nullptr)) return Outcome::kTaken;
  bool again = false;
  conn->last_command = command;
  if (!Admit(conn, *command, argv, &again)) return again ? Outcome::kAgain : Outcome::kTaken;
  if (CAIRN_LIKELY(conn->tracking == nullptr)) return HandOn(conn, *command, argv);
  const Caching before = conn->tracking->caching;
  Tracking::NextCommand(conn, *command);
  const Outcome outcome = HandOn(conn, *command, argv);
  if (outcome == Outcome::kAgain) conn->tracking->caching = before;
  return outcome;
}

inline Outcome Dispatcher::HandOn(Connection* conn, const Command& command,
                                  std::span<const std::string_view> argv) {
  if (CAIRN_LIKELY((command.spec.flags & (kCmdSession | kCmdControl | kCmdSecret)) == 0)) {
    return (CAIRN_LIKELY(context_.busy == Busy::kNo) ? to_.commands : to_.commands_beside)
        ->Run(conn, command, argv);
  }
  if (command.Is(kCmdControl)) {
    to_.bridge->Run(conn, command, argv);
    return Outcome::kTaken;
  }
  if (command.Is(kCmdSession)) return to_.session->Run(conn, command, argv);
  if (command.Is(kCmdNoAuth) && !AdmitLogin(conn, command, argv)) return Outcome::kAgain;
  return (context_.busy == Busy::kNo ? to_.commands : to_.commands_beside)
      ->Run(conn, command, argv);
}

bool Dispatcher::AdmitLogin(Connection* conn, const Command& command,
                            std::span<const std::string_view> argv) {
  if (std::exchange(conn->login_delayed, false)) return true;
  const uint64_t wait_ms = to_.gate->LoginDelay(*conn);
  if (CAIRN_LIKELY(wait_ms == 0) || !CredentialsOf(command, argv).any) return true;
  conn->login_delayed = true;
  to_.blocked->PauseUntil(conn, context_.now_ms + wait_ms);
  return false;
}

void Dispatcher::RefuseUnknown(Connection* conn, std::span<const std::string_view> argv) {
  // A web page made a browser speak to us: the first line of HTTP must not be followed by its body
  // as commands.
  if (!EqualsIgnoreCase(argv[0], "post") && !EqualsIgnoreCase(argv[0], "host:")) {
    Reject(conn, nullptr, errors::UnknownCommand(argv));
    return;
  }
  constexpr uint64_t kWarnEveryMs = 60'000;
  if (context_.now_ms >= http_warned_ms_ + kWarnEveryMs) {
    http_warned_ms_ = context_.now_ms;
    host_->Log(2, "closing client " + conn->addr +
                      ": it sends POST or Host: as commands, which is what a browser does on "
                      "behalf of a web page that attacks servers behind it");
  }
  conn->closed = true;
  host_->FlushSoon(conn);
}

const Command* Dispatcher::Resolve(Connection* conn, std::span<const std::string_view> argv) {
  const Command* command = shared_->registry.Find(argv[0]);
  if (CAIRN_UNLIKELY(command == nullptr)) {
    RefuseUnknown(conn, argv);
    return nullptr;
  }
  if (command->Is(kCmdContainer) && argv.size() > 1) {
    const Command* sub = Registry::Subcommand(*command, argv[1]);
    bool debug = command->name == "debug";  // keeps one text of its own for all refusals
    if (debug && (sub == nullptr || !sub->ArityFits(argv.size()))) {
      Reject(conn, command, errors::DebugSubcommand(argv[1]));
      return nullptr;
    }
    if (sub == nullptr) {
      std::string upper = command->name;
      for (char& c : upper) c = static_cast<char>(c >= 'a' && c <= 'z' ? c - 32 : c);
      Reject(conn, command, errors::UnknownSubcommand(argv[1], upper));
      return nullptr;
    }
    command = sub;
  }
  if (CAIRN_UNLIKELY(!command->ArityFits(argv.size()))) {
    Reject(conn, command, errors::WrongArity(command->name));
    return nullptr;
  }
  return command;
}

bool Dispatcher::RunsBeside(const Connection& conn, const Command& command) {
  const std::string_view name = command.name;
  const bool watches = conn.watcher.state != nullptr;  // to let go of them takes latches
  if (name == "exec" || name == "watch") return false;
  if (name == "discard" || name == "reset" || name == "unwatch") return !watches;
  return conn.multi != nullptr || !command.TouchesKeys();
}

bool Dispatcher::AdmitBeside(Connection* conn, const Command& command, bool* again) {
  if (RunsBeside(*conn, command)) return true;
  const bool refused = context_.busy == Busy::kOthersAreRefused && conn->watcher.state == nullptr;
  if (refused) {
    Reject(conn, &command, context_.busy_function ? errors::kBusyFunction : errors::kBusyScript);
  } else {
    conn->stall = Connection::kWaitsForScript;
    host_->WaitForScript(conn);
    *again = true;
  }
  return false;
}

namespace {

// RESP2 cannot tell a message from a reply, so there is hardly anything that such clients may ask.
bool AllowedToSubscribers(const Command& command) {
  constexpr std::string_view kNames[] = {"ping",         "subscribe",    "unsubscribe",
                                         "psubscribe",   "punsubscribe", "ssubscribe",
                                         "sunsubscribe", "quit",         "reset"};
  return std::find(std::begin(kNames), std::end(kNames), command.name) != std::end(kNames);
}

}  // namespace

// What would fill inboxes further: messages, events of keys, and what CLIENT TRACKING tells.
bool Dispatcher::Publishes(const Connection& conn, const Command& command) const {
  uint32_t flags = kCmdPubSub;
  const bool told = shared_->options.notified.load(std::memory_order_relaxed) != 0 ||
                    shared_->tracking.client_count().load(std::memory_order_relaxed) != 0;
  if (told) flags |= kCmdWrite | kCmdScript;
  if (command.name == "exec" && conn.multi != nullptr) return ExecRunner::AnyQueued(conn, flags);
  return conn.multi == nullptr && command.Is(flags) && !AllowedToSubscribers(command);
}

bool Dispatcher::Admit(Connection* conn, const Command& command,
                       std::span<const std::string_view> argv, bool* again) {
  if (CAIRN_UNLIKELY(!to_.gate->Open(*conn))) {
    const std::string why = to_.gate->Ask(conn, command, argv);
    if (!why.empty()) Reject(conn, &command, why);
    if (!why.empty() || conn->closed || conn->close_after_reply) return false;
  }
  if (CAIRN_UNLIKELY(context_.busy != Busy::kNo) && !AdmitBeside(conn, command, again))
    return false;
  if (CAIRN_UNLIKELY(conn->subscriber != nullptr) && conn->resp == 2 &&
      !AllowedToSubscribers(command)) {
    Reject(conn, &command, errors::NotInSubscribeMode(command.name));
    return false;
  }
  if (CAIRN_UNLIKELY(conn->monitor)) {  // stands where a replica stands in Redis: no pause for it
    constexpr uint32_t kKeys = kCmdReadOnly | kCmdWrite | kCmdMayReplicate;
    bool keys = command.Is(kKeys);
    if (command.name == "exec" && conn->multi != nullptr) {
      keys |= ExecRunner::AnyQueued(*conn, kKeys);
    }
    if (keys) {
      Reject(conn, &command, errors::kMonitorKeys);
      return false;
    }
  }
  PauseMode pause = shared_->pause_mode.load(std::memory_order_relaxed);
  if (CAIRN_UNLIKELY(pause != PauseMode::kNone) && !conn->monitor) {
    bool writes = command.Is(kCmdWrite | kCmdMayReplicate);
    if (command.name == "exec" && conn->multi != nullptr) {
      writes |= ExecRunner::AnyQueued(*conn, kCmdWrite | kCmdMayReplicate);
    } else if (conn->multi != nullptr) {
      writes = false;
    }
    if ((pause == PauseMode::kAll && command.name != "client|unpause") || writes) {
      to_.blocked->Pause(conn);
      *again = true;
      return false;
    }
  }
  if (CAIRN_UNLIKELY(shared_->pubsub.crowded()) && Publishes(*conn, command)) {
    conn->stall = Connection::kWaitsForRoom;
    host_->WaitForRoom(conn);
    *again = true;
    return false;
  }
  if (CAIRN_UNLIKELY(conn->multi != nullptr)) {
    std::string_view name = command.name;
    if (name != "exec" && name != "discard" && name != "multi" && name != "watch" &&
        name != "quit" && name != "reset") {
      if (command.Is(kCmdNoMulti)) {
        Reject(conn, &command, errors::kNotInMulti);
      } else {
        to_.execs->Queue(conn, command, argv);
      }
      return false;
    }
  }
  return true;
}

void Dispatcher::Reject(Connection* conn, const Command* command, std::string_view text) {
  size_t mark = conn->turn.size();
  const bool whole =
      text.starts_with("BUSY ") || text.starts_with("NOPERM ") || text.starts_with("NOAUTH ");
  if (command != nullptr && command->name == "exec" && (whole || text.starts_with("ERR "))) {
    // A refused EXEC gives the transaction up and says why.
    ReplyWriter(&conn->turn, conn->resp)
        .Error(errors::Text("EXECABORT Transaction discarded because of: ",
                            text.substr(whole ? 0 : 4)));
    to_.execs->Discard(conn);
  } else {
    ReplyWriter(&conn->turn, conn->resp).Error(text);
  }
  to_.books->Rejected(command, text);
  if (conn->multi != nullptr) conn->multi->broken = true;
  to_.replies->Made(conn, mark);
}

}  // namespace cairn
