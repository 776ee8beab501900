// The hot path: parse, check, execute, commit, order replies.
#include "session/executor.h"

#include <utility>

#include "base/text.h"
#include "resp/errors.h"

namespace cairn {

Executor::Executor(Shared* shared, Engine* engine, SessionHost* host, ReactorCounters* counters,
                   uint32_t reactor)
    : shared_(shared),
      engine_(engine),
      host_(host),
      counters_(counters),
      context_{shared, engine, host, counters, reactor},
      replies_(context_),
      books_(context_),
      look_ahead_(engine),
      pass_(context_),
      commands_(context_, &pass_, &replies_, &books_, &look_ahead_, &parked_),
      bridge_(context_, &replies_, &books_),
      exec_(context_, &pass_, &replies_, &books_, &bridge_, &parked_),
      parked_(context_, &pass_, &replies_, &books_, &commands_, &exec_),
      blocked_(context_, &replies_, &books_),
      sweep_(engine, &pass_.txn(), &pass_.control()) {}

size_t Executor::Consume(Connection* conn, const char* data, size_t bytes, size_t* needed) {
  size_t done = 0;
  *needed = 0;
  books_.StartTimer();
  pass_.FollowPolicy();
  while (done < bytes && conn->stall == Connection::kRunning && !conn->close_after_reply &&
         !conn->closed) {
    look_ahead_.Next(*conn, data + done, bytes - done);
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
  look_ahead_.End();
  return done;
}

Outcome Executor::Dispatch(Connection* conn, std::span<const std::string_view> argv) {
  const Command* command = Resolve(conn, argv);
  if (CAIRN_UNLIKELY(command == nullptr)) return Outcome::kTaken;
  bool again = false;
  conn->last_command = command;
  if (!Admit(conn, *command, argv, &again)) return again ? Outcome::kAgain : Outcome::kTaken;
  if (CAIRN_LIKELY((command->spec.flags & (kCmdSession | kCmdControl)) == 0)) {
    return commands_.Run(conn, *command, argv);
  }
  if (command->Is(kCmdControl)) {
    bridge_.Run(conn, *command, argv);
    return Outcome::kTaken;
  }
  return RunSession(conn, *command, argv);
}

const Command* Executor::Resolve(Connection* conn, std::span<const std::string_view> argv) {
  const Command* command = shared_->registry.Find(argv[0]);
  if (CAIRN_UNLIKELY(command == nullptr)) {
    // A web page made a browser speak to us: the first line of HTTP must not be followed by its
    // body as commands.
    if (EqualsIgnoreCase(argv[0], "post") || EqualsIgnoreCase(argv[0], "host:")) {
      constexpr uint64_t kWarnEveryMs = 60'000;
      if (context_.now_ms >= http_warned_ms_ + kWarnEveryMs) {
        http_warned_ms_ = context_.now_ms;
        host_->Log(2, "closing client " + conn->addr +
                          ": it sends POST or Host: as commands, which is what a browser does on "
                          "behalf of a web page that attacks servers behind it");
      }
      conn->closed = true;
      host_->FlushSoon(conn);
      return nullptr;
    }
    Reject(conn, nullptr, errors::UnknownCommand(argv));
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

// False: the command does not run now; *again tells whether it is to be dispatched again later.
bool Executor::Admit(Connection* conn, const Command& command,
                     std::span<const std::string_view> argv, bool* again) {
  if (CAIRN_UNLIKELY(!conn->authenticated) && !command.Is(kCmdNoAuth)) {
    Reject(conn, &command, errors::kNoAuth);
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
      blocked_.Pause(conn);
      *again = true;
      return false;
    }
  }
  if (CAIRN_UNLIKELY(conn->multi != nullptr)) {
    std::string_view name = command.name;
    if (name != "exec" && name != "discard" && name != "multi" && name != "watch" &&
        name != "quit" && name != "reset") {
      if (command.Is(kCmdNoMulti)) {
        Reject(conn, &command, errors::kNotInMulti);
      } else {
        exec_.Queue(conn, command, argv);
      }
      return false;
    }
  }
  return true;
}

void Executor::Reject(Connection* conn, const Command* command, std::string_view text) {
  size_t mark = conn->turn.size();
  if (command != nullptr && command->name == "exec" && text.starts_with("ERR ")) {
    // A refused EXEC gives the transaction up and says why.
    ReplyWriter(&conn->turn, conn->resp)
        .Error(errors::Text("EXECABORT Transaction discarded because of: ", text.substr(4)));
    exec_.Discard(conn);
  } else {
    ReplyWriter(&conn->turn, conn->resp).Error(text);
  }
  books_.Rejected(command, text);
  if (conn->multi != nullptr) conn->multi->broken = true;
  replies_.Made(conn, mark);
}

void Executor::EngineLost(Connection* conn, bool durable, std::string_view reason) {
  replies_.EngineLost(conn, durable, reason);
  conn->control.slot = nullptr;
  conn->blocked.slot = nullptr;
  conn->exec_run.reset();
}

void Executor::ControlDone(Connection* conn, std::string_view reply, uint64_t usec) {
  if (conn->stall != Connection::kWaitsForControl) return;
  if (conn->exec_run != nullptr) {
    exec_.Answered(conn, reply, usec * 1000);
  } else {
    bridge_.Answered(conn, reply, usec * 1000);
  }
}

void Executor::PeerLeft(Connection* conn) {
  if (conn->monitor) {  // a feed has no end of its own
    host_->RemoveMonitor(conn);
    conn->monitor = false;
  }
  blocked_.PeerLeft(conn);
}

void Executor::Forget(Connection* conn) {
  blocked_.Forget(conn);
  exec_.Discard(conn);
  if (conn->monitor) host_->RemoveMonitor(conn);
  if (std::shared_ptr<ExecRun> run = std::move(conn->exec_run)) {
    exec_.Abandon(conn, run.get());
  } else {
    bridge_.Forget(conn);
  }
}

void Executor::Reset(Connection* conn) {
  exec_.Discard(conn);
  if (conn->monitor) host_->RemoveMonitor(conn);
  conn->monitor = false;
  conn->db = 0;
  conn->resp = 2;
  conn->name.clear();
  conn->reply_mode = ReplyMode::kOn;
  conn->no_evict = conn->no_touch = false;
  conn->authenticated = !shared_->options.has_password();
  conn->parser.SetAuthenticated(conn->authenticated);
  ReplyWriter(&conn->turn, 2).Simple("RESET");
}

Outcome Executor::RunSession(Connection* conn, const Command& command,
                             std::span<const std::string_view> argv) {
  std::string_view name = command.name;
  if (name == "exec") return exec_.Run(conn, command, argv);
  size_t mark = conn->turn.size();
  ReplyWriter reply(&conn->turn, conn->resp);
  PassFigures figures;
  if (name == "multi") {
    if (conn->multi != nullptr) {
      // The queue stays usable, as in Redis: only the reply is an error.
      reply.Error(errors::kNestedMulti);
    } else {
      conn->multi = std::make_unique<MultiState>();
      reply.Ok();
    }
  } else if (name == "discard") {
    if (conn->multi == nullptr) {
      reply.Error(errors::kDiscardWithoutMulti);
    } else {
      exec_.Discard(conn);
      reply.Ok();
    }
  } else if (name == "watch") {
    if (conn->multi != nullptr) {
      reply.Error(errors::kWatchInMulti);
    } else {
      return commands_.Run(conn, command, argv);
    }
  } else if (name == "wait" || name == "waitaof") {
    blocked_.Wait(conn, command, argv, name == "waitaof");
    if (conn->stall == Connection::kBlocked) {
      books_.Show(*conn, command, argv);
      return Outcome::kTaken;
    }
  } else if (name == "monitor") {
    if (!conn->monitor) {  // a second one is not answered, as in Redis
      reply.Ok();
      host_->AddMonitor(conn);
    }
    conn->monitor = true;
  } else if (name == "quit") {
    reply.Ok();
    conn->close_after_reply = true;
  } else if (name == "reset") {
    Reset(conn);
  } else {
    CAIRN_CHECK(command.spec.handler != nullptr, "a row has a handler or a case above");
    pass_.Begin(conn->db);
    pass_.RunHandler(conn, command, argv, &conn->turn, conn->resp);
    figures = pass_.TakeFigures();
  }
  books_.BookNow(*conn, command, argv, conn->turn.ViewFrom(mark), figures);
  const bool silent = conn->turn.size() == mark && conn->reply_mode == ReplyMode::kOn;
  if (!silent) replies_.Made(conn, mark);
  books_.Show(*conn, command, argv);
  return Outcome::kTaken;
}

}  // namespace cairn
