// The queue of MULTI and the pass of EXEC.
#include "session/exec_runner.h"

#include <cstring>
#include <utility>

#include "resp/errors.h"
#include "session/parked_passes.h"
#include "session/session_commands.h"
#include "session/tracking.h"

namespace cairn {

void ExecRunner::Queue(Connection* conn, const Command& command,
                       std::span<const std::string_view> argv) {
  QueuedCommand queued{&command, {argv.begin(), argv.end()}, conn->PinArguments(argv)};
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
  replies_->Made(conn, mark);
}

bool ExecRunner::AnyQueued(const Connection& conn, uint32_t flags) {
  bool any = false;
  for (const QueuedCommand& queued : conn.multi->queue) any |= queued.command->Is(flags);
  return any;
}

void ExecRunner::Discard(Connection* conn) {
  conn->multi.reset();
  DropWatches(conn);
}

namespace {

std::vector<LargeArguments> Sources(const ExecRun& run) {
  std::vector<LargeArguments> sources;
  for (const QueuedCommand& queued : run.queue) sources.push_back({queued.argv, queued.memory});
  return sources;
}

}  // namespace

Outcome ExecRunner::Run(Connection* conn, const Command& exec,
                        std::span<const std::string_view> argv) {
  size_t mark = conn->turn.size();
  ReplyWriter reply(&conn->turn, conn->resp);
  if (conn->multi == nullptr) {
    reply.Error(errors::kExecWithoutMulti);
  } else if (conn->multi->broken) {
    reply.Error(errors::kExecAbort);
    Discard(conn);
  } else {
    auto run = std::make_shared<ExecRun>();
    run->exec = argv[0];
    run->header = conn->reply_mode == ReplyMode::kOn;
    run->muted = conn->reply_mode == ReplyMode::kSkip;
    run->queue = std::move(conn->multi->queue);
    for (const QueuedCommand& queued : run->queue) {
      run->whole_keyspace |= queued.command->Is(kCmdWholeKeyspace | kCmdAllLatches);
      run->controls |= queued.command->Is(kCmdControl);
      run->scripts |= queued.command->Is(kCmdScript);
    }
    run->denials = gate_->Foresee(conn, run->queue);
    pass_->Begin(conn->db);
    Attempt attempt = RunPass(conn, run.get(), conn->prepared.unit.get(), true);
    if (attempt == Attempt::kLarge) {
      if (pass_->PrepareAhead(Sources(*run), &conn->prepared)) {
        conn->multi->queue = std::move(run->queue);
        parked_->AwaitCopies(conn);
        return Outcome::kAgain;
      }
      attempt = Commit(conn, run.get(), nullptr);
    }
    if (attempt == Attempt::kBusy) {
      conn->multi->queue = std::move(run->queue);
      conn->stall = Connection::kWaitsForRoom;
      host_->WaitForRoom(conn);
      return Outcome::kAgain;
    }
    conn->prepared.Clear();
    if (attempt == Attempt::kPending) {
      parked_->Park(conn, exec, {}, run);
      return Outcome::kTaken;
    }
    if (attempt == Attempt::kDone) {
      if (run->controls) run->slot = replies_->Expect(conn);
      TicketSet& gate = run->slot != nullptr ? run->slot->gate : conn->turn_gate;
      for (const Ticket& ticket : pass_->control().tickets()) gate.Add(ticket);
      Walk(conn, run);
      return Outcome::kTaken;
    }
    for (const Ticket& ticket : pass_->control().tickets()) conn->turn_gate.Add(ticket);
    conn->turn.Append(&aborted_);
  }
  books_->BookNow(*conn, exec, argv, conn->turn.ViewFrom(mark), {});
  replies_->Made(conn, mark);
  books_->Show(*conn, exec, argv);
  return Outcome::kTaken;
}

PassEnd ExecRunner::RunAgain(Connection* conn, ParkedPass* parked) {
  ExecRun* const run = parked->exec.get();
  Attempt attempt = RunPass(conn, run, parked->prepared.unit.get(), true);
  if (attempt == Attempt::kLarge) {
    if (pass_->PrepareAhead(Sources(*run), &parked->prepared)) return PassEnd::kCopies;
    attempt = Commit(conn, run, nullptr);
  }
  if (attempt == Attempt::kBusy) return PassEnd::kBusy;
  if (attempt == Attempt::kPending) return PassEnd::kPending;
  if (attempt == Attempt::kDone) return PassEnd::kWalk;
  const std::string_view argv[] = {run->exec};
  OutBuffer* const out = &parked->slot->bytes;
  out->Append(&aborted_);
  books_->BookNow(*conn, *parked->command, argv, out->ViewFrom(0), {});
  books_->Show(*conn, *parked->command, argv);
  return PassEnd::kDone;
}

void ExecRunner::LatchAllOf(const Connection& conn, const ExecRun& run) {
  TxnControl& control = pass_->control();
  if (run.whole_keyspace) {
    control.LatchAll();
    return;
  }
  for (const QueuedCommand& queued : run.queue) {
    control.Collect(queued.argv, queued.command->spec.keys());
  }
  for (const WatchedKey& watched : conn.watcher.keys) control.Collect(watched.key);
  control.LatchCollected();
}

// Runs what touches keys in one pass and commits. kAborted: aborted_ holds the whole reply (a
// touched watch, a refused write). kPending, kLarge: still latched. Otherwise unlatched.
ExecRunner::Attempt ExecRunner::RunPass(Connection* conn, ExecRun* run, PreparedUnit* prepared,
                                        bool ask) {
  TxnControl& control = pass_->control();
  if (CAIRN_UNLIKELY(conn->tracking != nullptr)) control.SetTraced(Tracking::Follows(*conn));
  LatchAllOf(*conn, *run);
  aborted_.Clear();
  if (control.Touched(conn->watcher)) {
    control.Unlatch();
    ReplyWriter(&aborted_, conn->resp).NullArray();
    Discard(conn);
    return Attempt::kAborted;
  }
  RunSteps(conn, run);
  pass_->serving().Run();
  control.LookAtWatched();
  if (pass_->txn().pending()) return Attempt::kPending;
  if (ask && prepared == nullptr && control.WriteBytes() >= kLargeUnitBytes) return Attempt::kLarge;
  return Commit(conn, run, prepared);
}

// Latched, after a whole pass.
ExecRunner::Attempt ExecRunner::Commit(Connection* conn, ExecRun* run, PreparedUnit* prepared) {
  TxnControl& control = pass_->control();
  if (control.has_writes()) {
    if (!pass_->serving().Claim()) return Attempt::kPending;
    Status status = control.Commit(prepared);
    pass_->serving().Settle(status.ok());
    if (!status.ok()) {
      control.Unlatch();
      if (status.code() == Code::kBusy) return Attempt::kBusy;
      Pass::RefuseWrites(status, &aborted_);
      Discard(conn);
      return Attempt::kAborted;
    }
  }
  tracking_->Tell(*conn, &control);
  scripts_->Committed(pass_->txn());
  control.Unlatch();
  pass_->serving().Send();
  run->nanos += books_->TakeNanos();
  Discard(conn);
  return Attempt::kDone;
}

namespace {

bool ShowsKeyspace(const Command& command) {
  return command.name == "info" || command.name == "memory|stats";
}

}  // namespace

// Latched. Fills the steps of the commands that touch keys, and touches nothing else: the pass may
// be thrown away.
void ExecRunner::RunSteps(Connection* conn, ExecRun* run) {
  Txn& txn = pass_->txn();
  TxnControl& control = pass_->control();
  uint16_t db = conn->db;
  uint8_t resp = conn->resp;
  run->steps.clear();
  run->steps.resize(run->queue.size());
  run->gated = pass_->Gated();
  run->nanos = 0;
  books_->StartTimer();
  std::shared_ptr<const KeyspaceFigures> keyspace;
  uint64_t changes = 0, expired = 0;
  for (size_t i = 0; i < run->queue.size(); ++i) {
    const QueuedCommand& queued = run->queue[i];
    const Command& command = *queued.command;
    ExecStep& step = run->steps[i];
    const std::span<const std::string_view> argv = queued.argv;
    if (CAIRN_UNLIKELY(run->Denied(i))) {
      ReplyWriter(&step.reply, resp).Error(Gate::ExecText(run->denials[i].denial.what));
      continue;
    }
    if (!command.TouchesKeys()) {
      if (command.name == "select") (void)DatabaseArg(argv[1], shared_->databases, &db);
      if (command.name == "hello") resp = ProtocolAfterHello(*conn, argv, resp);
      if (!ShowsKeyspace(command)) continue;
      if (keyspace == nullptr) keyspace = std::make_shared<KeyspaceFigures>(txn.Keyspace());
      step.keyspace = keyspace;
      continue;
    }
    txn.set_db(db);
    for (const std::string_view argument : argv) {
      if (CAIRN_UNLIKELY(argument.size() >= kLargeValueBytes))
        control.Lend(argument, queued.memory);
    }
    pass_->RunHandler(conn, command, argv, &step.reply, resp);
    if (command.Is(kCmdWrite | kCmdScript)) keyspace.reset();
    if (command.Is(kCmdScript) && !scripts_->ledger().empty())
      step.called = std::make_unique<ScriptLedger>(scripts_->Take());
    step.nanos = books_->TakeNanos();
    step.figures.hits = std::exchange(txn.hits, 0);
    step.figures.misses = std::exchange(txn.misses, 0);
    step.figures.expired = std::exchange(txn.expired, 0);
    expired += step.figures.expired;
    step.figures.changes =
        control.Changes(expired) - std::exchange(changes, control.Changes(expired));
  }
}

}  // namespace cairn
