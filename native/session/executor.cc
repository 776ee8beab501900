// The hot path: parse, check, execute, commit, order replies.
#include "session/executor.h"

#include <cstring>
#include <utility>

#include "base/text.h"
#include "resp/errors.h"

namespace cairn {

size_t Executor::Consume(Connection* conn, const char* data, size_t bytes, size_t* needed) {
  size_t done = 0;
  *needed = 0;
  books_.StartTimer();
  control_.SetGated(shared_->options.fsync.load(std::memory_order_relaxed) == FsyncPolicy::kAlways);
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

Executor::Outcome Executor::Dispatch(Connection* conn, std::span<const std::string_view> argv) {
  const Command* command = Resolve(conn, argv);
  if (CAIRN_UNLIKELY(command == nullptr)) return Outcome::kTaken;
  bool again = false;
  conn->last_command = command;
  if (!Admit(conn, *command, argv, &again)) return again ? Outcome::kAgain : Outcome::kTaken;
  if (CAIRN_LIKELY((command->spec.flags & (kCmdSession | kCmdControl)) == 0)) {
    return RunData(conn, *command, argv);
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
      for (const QueuedCommand& queued : conn->multi->queue) keys |= queued.command->Is(kKeys);
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
      for (const QueuedCommand& queued : conn->multi->queue)
        writes |= queued.command->Is(kCmdWrite | kCmdMayReplicate);
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
      Queue(conn, command, argv);
      return false;
    }
  }
  return true;
}

void Executor::Queue(Connection* conn, const Command& command,
                     std::span<const std::string_view> argv) {
  if (command.Is(kCmdNoMulti)) {
    Reject(conn, &command, errors::kNotInMulti);
    return;
  }
  QueuedCommand queued{&command, {argv.begin(), argv.end()}, PinInput(conn, argv)};
  size_t bytes = 0;
  for (std::string_view arg : argv) bytes += arg.size();
  conn->multi->bytes += bytes;
  if (queued.memory == nullptr) {
    const auto copy = std::make_shared_for_overwrite<char[]>(bytes);
    char* at = copy.get();
    for (std::string_view& arg : queued.argv) {
      if (!arg.empty()) std::memcpy(at, arg.data(), arg.size());
      arg = {at, arg.size()};
      at += arg.size();
    }
    queued.memory = copy;
  }
  if (conn->multi->bytes > shared_->options.query_buffer_limit.load(std::memory_order_relaxed)) {
    counters_->query_limit_disconnections.Add(1);
    conn->closed = true;
    host_->FlushSoon(conn);
    return;
  }
  conn->multi->queue.push_back(std::move(queued));
  size_t mark = conn->turn.size();
  ReplyWriter(&conn->turn, conn->resp).Queued();
  replies_.Made(conn, mark);
}

void Executor::Latch(const Command& command, std::span<const std::string_view> argv) {
  const CommandSpec& spec = command.spec;
  if (spec.first_key == 0) {
    if (spec.flags & kCmdAllLatches) control_.LatchAll();
  } else if (spec.first_key == spec.last_key) {
    std::string_view key = argv[static_cast<size_t>(spec.first_key)];
    control_.LatchKey(key, look_ahead_.Shard(key));
  } else {
    control_.LatchKeys(argv, KeySpec{spec.first_key, spec.last_key, spec.key_step});
  }
}

void Executor::CallHandler(Connection* conn, const Command& command,
                           std::span<const std::string_view> argv, OutBuffer* out, uint8_t resp) {
  ReplyWriter reply(out, resp, &txn_);
  txn_.set_count_hits((command.spec.flags & kCmdReadOnly) != 0);
  Call call{argv, txn_, reply, *conn, shared_->context};
  command.spec.handler(call);
}

Executor::Outcome Executor::RunData(Connection* conn, const Command& command,
                                    std::span<const std::string_view> argv) {
  control_.Begin(conn->db, context_.now_ms);
  control_.SetSliced(command.Is(kCmdWaves));
  Latch(command, argv);
  size_t mark = conn->turn.size();
  CallHandler(conn, command, argv, &conn->turn, conn->resp);
  control_.LookAtWatched();
  if (CAIRN_UNLIKELY(txn_.pending())) {
    conn->turn.Truncate(mark);
    conn->prepared.Clear();
    Park(conn, command, argv, nullptr);
    return Outcome::kTaken;
  }
  Committed committed = Commit(conn, command, &conn->turn, mark, conn->prepared.unit.get(), true);
  if (CAIRN_UNLIKELY(committed == Committed::kLarge)) {
    const LargeArguments source = {argv, PinInput(conn, argv)};
    const size_t pinned = source.memory != nullptr ? 1 : 0;  // else they may not stay
    if (CopyAhead({&source, pinned}, {conn->index, conn->generation})) {
      conn->turn.Truncate(mark);
      conn->stall = Connection::kWaitsForCopies;
      return Outcome::kAgain;
    }
    committed = Commit(conn, command, &conn->turn, mark, nullptr, false);
  }
  if (CAIRN_UNLIKELY(committed == Committed::kBusy)) {
    conn->turn.Truncate(mark);
    conn->stall = Connection::kWaitsForRoom;
    host_->WaitForRoom(conn);
    return Outcome::kAgain;
  }
  if (CAIRN_UNLIKELY(conn->prepared.unit != nullptr)) conn->prepared.Clear();
  for (const Ticket& ticket : control_.tickets()) conn->turn_gate.Add(ticket);
  books_.BookNow(*conn, command, argv, conn->turn.ViewFrom(mark), TakeFigures());
  replies_.Made(conn, mark);
  books_.Show(*conn, command, argv);
  return Outcome::kTaken;
}

Executor::Committed Executor::Commit(Connection* conn, const Command& command, OutBuffer* out,
                                     size_t mark, PreparedUnit* prepared, bool ask) {
  if (control_.has_writes()) {
    if (ask && prepared == nullptr && CAIRN_UNLIKELY(control_.WriteBytes() >= kLargeUnitBytes))
      return Committed::kLarge;
    Status status = control_.Commit(prepared);
    if (CAIRN_UNLIKELY(!status.ok())) {
      control_.Unlatch();
      // A read that met an expired key answers all the same; the key goes another time.
      if (command.Is(kCmdReadOnly)) return Committed::kDone;
      if (status.code() == Code::kBusy) return Committed::kBusy;
      out->Truncate(mark);
      ReplyWriter(out, 2).Error(status.code() == Code::kTooLarge
                                    ? errors::Error(status.message())
                                    : errors::DiskRefusedWrite(status.message()));
      return Committed::kDone;
    }
    changes_ = control_.Changes(txn_.expired);
  }
  if (CAIRN_UNLIKELY(control_.watching())) control_.PlaceWatches(&conn->watcher);
  control_.Unlatch();
  return Committed::kDone;
}

void Executor::Reject(Connection* conn, const Command* command, std::string_view text) {
  size_t mark = conn->turn.size();
  if (command != nullptr && command->name == "exec" && text.starts_with("ERR ")) {
    // A refused EXEC gives the transaction up and says why.
    ReplyWriter(&conn->turn, conn->resp)
        .Error(errors::Text("EXECABORT Transaction discarded because of: ", text.substr(4)));
    DropMulti(conn);
    DropWatches(conn);
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

}  // namespace cairn
