// MULTI and the pass of EXEC, WATCH, WAIT: what belongs to the session rather than to a key.
#include <utility>

#include "base/check.h"
#include "resp/errors.h"
#include "resp/number.h"
#include "session/executor.h"
#include "session/session_commands.h"

namespace cairn {

Executor::Outcome Executor::RunSession(Connection* conn, const Command& command,
                                       std::span<const std::string_view> argv) {
  std::string_view name = command.name;
  if (name == "exec") return RunExec(conn, argv);
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
      DropMulti(conn);
      DropWatches(conn);
      reply.Ok();
    }
  } else if (name == "watch") {
    if (conn->multi != nullptr) {
      reply.Error(errors::kWatchInMulti);
    } else {
      return RunData(conn, command, argv);
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
    DropMulti(conn);
    DropWatches(conn);
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
  } else {
    CAIRN_CHECK(command.spec.handler != nullptr, "a row has a handler or a case above");
    control_.Begin(conn->db, context_.now_ms);
    CallHandler(conn, command, argv, &conn->turn, conn->resp);
    figures = TakeFigures();
  }
  books_.BookNow(*conn, command, argv, conn->turn.ViewFrom(mark), figures);
  const bool silent = conn->turn.size() == mark && conn->reply_mode == ReplyMode::kOn;
  if (!silent) replies_.Made(conn, mark);
  books_.Show(*conn, command, argv);
  return Outcome::kTaken;
}

void Executor::DropWatches(Connection* conn) { control_.Unwatch(&conn->watcher); }

void Executor::DropMulti(Connection* conn) { conn->multi.reset(); }

// --- EXEC ---

Executor::Outcome Executor::RunExec(Connection* conn, std::span<const std::string_view> argv) {
  size_t mark = conn->turn.size();
  ReplyWriter reply(&conn->turn, conn->resp);
  const Command* exec = conn->last_command;
  if (conn->multi == nullptr) {
    reply.Error(errors::kExecWithoutMulti);
  } else if (conn->multi->broken) {
    reply.Error(errors::kExecAbort);
    DropMulti(conn);
    DropWatches(conn);
  } else {
    auto run = std::make_shared<ExecRun>();
    run->exec = argv[0];
    run->header = conn->reply_mode == ReplyMode::kOn;
    run->muted = conn->reply_mode == ReplyMode::kSkip;
    run->queue = std::move(conn->multi->queue);
    for (const QueuedCommand& queued : run->queue) {
      run->whole_keyspace |= queued.command->Is(kCmdWholeKeyspace | kCmdAllLatches);
      run->controls |= queued.command->Is(kCmdControl);
    }
    control_.Begin(conn->db, context_.now_ms);
    Pass pass = ExecPass(conn, run.get(), conn->prepared.unit.get(), true);
    if (pass == Pass::kLarge) {
      if (CopyAhead(Sources(*run), {conn->index, conn->generation})) {
        conn->multi->queue = std::move(run->queue);
        conn->stall = Connection::kWaitsForCopies;
        return Outcome::kAgain;
      }
      pass = CommitExec(conn, run.get(), nullptr);
    }
    if (pass == Pass::kBusy) {
      conn->multi->queue = std::move(run->queue);
      conn->stall = Connection::kWaitsForRoom;
      host_->WaitForRoom(conn);
      return Outcome::kAgain;
    }
    conn->prepared.Clear();
    if (pass == Pass::kPending) {
      Park(conn, *exec, {}, run);
      return Outcome::kTaken;
    }
    if (pass == Pass::kDone) {
      if (run->controls) run->slot = replies_.Expect(conn);
      TicketSet& gate = run->slot != nullptr ? run->slot->gate : conn->turn_gate;
      for (const Ticket& ticket : control_.tickets()) gate.Add(ticket);
      WalkExec(conn, run);
      return Outcome::kTaken;
    }
    for (const Ticket& ticket : control_.tickets()) conn->turn_gate.Add(ticket);
    conn->turn.Append(&scratch_);
  }
  books_.BookNow(*conn, *exec, argv, conn->turn.ViewFrom(mark), {});
  replies_.Made(conn, mark);
  books_.Show(*conn, *exec, argv);
  return Outcome::kTaken;
}

// Runs what touches keys in one pass and commits. kAborted: scratch_ holds the whole reply (a
// touched watch, a refused write). kPending: still latched. Otherwise unlatched.
Executor::Pass Executor::ExecPass(Connection* conn, ExecRun* run, PreparedUnit* prepared,
                                  bool ask) {
  if (run->whole_keyspace) {
    control_.LatchAll();
  } else {
    for (const QueuedCommand& queued : run->queue) {
      const CommandSpec& spec = queued.command->spec;
      control_.Collect(queued.argv, KeySpec{spec.first_key, spec.last_key, spec.key_step});
    }
    for (const WatchedKey& watched : conn->watcher.keys) control_.Collect(watched.key);
    control_.LatchCollected();
  }
  scratch_.Clear();
  if (control_.Touched(conn->watcher)) {
    control_.Unlatch();
    ReplyWriter(&scratch_, conn->resp).NullArray();
    DropMulti(conn);
    DropWatches(conn);
    return Pass::kAborted;
  }
  RunSteps(conn, run);
  control_.LookAtWatched();
  if (txn_.pending()) return Pass::kPending;
  if (ask && prepared == nullptr && control_.WriteBytes() >= kLargeUnitBytes) return Pass::kLarge;
  return CommitExec(conn, run, prepared);
}

// Latched, after a whole pass.
Executor::Pass Executor::CommitExec(Connection* conn, ExecRun* run, PreparedUnit* prepared) {
  if (control_.has_writes()) {
    Status status = control_.Commit(prepared);
    if (!status.ok()) {
      control_.Unlatch();
      if (status.code() == Code::kBusy) return Pass::kBusy;
      ReplyWriter(&scratch_, 2)
          .Error(status.code() == Code::kTooLarge ? errors::Error(status.message())
                                                  : errors::DiskRefusedWrite(status.message()));
      DropMulti(conn);
      DropWatches(conn);
      return Pass::kAborted;
    }
  }
  control_.Unlatch();
  run->nanos += books_.TakeNanos();
  DropMulti(conn);
  DropWatches(conn);
  return Pass::kDone;
}

namespace {

bool ShowsKeyspace(const Command& command) {
  return command.name == "info" || command.name == "memory|stats";
}

}  // namespace

// Latched. Fills the steps of the commands that touch keys, and touches nothing else: the pass may
// be thrown away.
void Executor::RunSteps(Connection* conn, ExecRun* run) {
  uint16_t db = conn->db;
  uint8_t resp = conn->resp;
  run->steps.clear();
  run->steps.resize(run->queue.size());
  run->gated = shared_->options.fsync.load(std::memory_order_relaxed) == FsyncPolicy::kAlways;
  run->nanos = 0;
  books_.StartTimer();
  std::shared_ptr<const KeyspaceFigures> keyspace;
  uint64_t changes = 0, expired = 0;
  for (size_t i = 0; i < run->queue.size(); ++i) {
    const QueuedCommand& queued = run->queue[i];
    const Command& command = *queued.command;
    ExecStep& step = run->steps[i];
    const std::span<const std::string_view> argv = queued.argv;
    if (!command.TouchesKeys()) {
      if (command.name == "select") (void)DatabaseArg(argv[1], shared_->databases, &db);
      if (command.name == "hello") resp = ProtocolAfterHello(*conn, argv, resp);
      if (!ShowsKeyspace(command)) continue;
      if (keyspace == nullptr) keyspace = std::make_shared<KeyspaceFigures>(txn_.Keyspace());
      step.keyspace = keyspace;
      continue;
    }
    txn_.set_db(db);
    for (const std::string_view argument : argv) {
      if (CAIRN_UNLIKELY(argument.size() >= kLargeValueBytes))
        control_.Lend(argument, queued.memory);
    }
    CallHandler(conn, command, argv, &step.reply, resp);
    if (command.Is(kCmdWrite)) keyspace.reset();
    step.nanos = books_.TakeNanos();
    step.figures.hits = std::exchange(txn_.hits, 0);
    step.figures.misses = std::exchange(txn_.misses, 0);
    step.figures.expired = std::exchange(txn_.expired, 0);
    expired += step.figures.expired;
    step.figures.changes =
        control_.Changes(expired) - std::exchange(changes, control_.Changes(expired));
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
  DropMulti(conn);
  DropWatches(conn);
  if (conn->monitor) host_->RemoveMonitor(conn);
  if (std::shared_ptr<ExecRun> run = std::move(conn->exec_run)) {
    AbandonExec(conn, run.get());
  } else {
    bridge_.Forget(conn);
  }
}

}  // namespace cairn
