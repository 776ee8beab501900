// The hot path of a command: latch, handler, commit.
#include "session/command_runner.h"

#include "session/blocked_clients.h"
#include "session/parked_passes.h"
#include "session/tracking.h"

namespace cairn {

void CommandRunner::Latch(const Command& command, std::span<const std::string_view> argv) {
  const CommandSpec& spec = command.spec;
  TxnControl& control = pass_->control();
  const KeySpec keys = spec.keys();
  if (!keys.any()) {
    if (spec.flags & kCmdAllLatches) control.LatchAll();
  } else if (keys.one()) {
    std::string_view key = argv[static_cast<size_t>(spec.first_key)];
    control.LatchKey(key, look_ahead_->Shard(key));
  } else {
    control.LatchKeys(argv, keys);
  }
}

// An earlier pass found that it needs more than what its keys say.
void CommandRunner::LatchMore(const Command& command, std::span<const std::string_view> argv) {
  const CommandSpec& spec = command.spec;
  TxnControl& control = pass_->control();
  if (spec.flags & kCmdAllLatches) return control.LatchAll();
  control.Collect(argv, spec.keys());
  control.LatchCollected();
}

Outcome CommandRunner::Run(Connection* conn, const Command& command,
                           std::span<const std::string_view> argv) {
  TxnControl& control = pass_->control();
  pass_->Begin(conn->db);
  control.SetSliced(command.Is(kCmdWaves));
  control.SetMayWait(command.Is(kCmdBlocking));
  if (CAIRN_UNLIKELY(conn->tracking != nullptr)) control.SetTraced(Tracking::Follows(*conn));
  Latch(command, argv);
  size_t mark = conn->turn.size();
  pass_->RunHandler(conn, command, argv, &conn->turn, conn->resp);
  pass_->serving().Run();
  control.LookAtWatched();
  if (CAIRN_UNLIKELY(pass_->txn().pending())) {
    conn->turn.Truncate(mark);
    conn->prepared.Clear();
    parked_->Park(conn, command, argv, nullptr);
    return Outcome::kTaken;
  }
  Committed committed = Commit(conn, command, &conn->turn, mark, conn->prepared.unit.get(), true);
  if (CAIRN_UNLIKELY(committed == Committed::kLarge)) {
    const LargeArguments source = {argv, conn->PinArguments(argv)};
    const size_t pinned = source.memory != nullptr ? 1 : 0;  // else they may not stay
    if (pass_->PrepareAhead({&source, pinned}, &conn->prepared)) {
      conn->turn.Truncate(mark);
      parked_->AwaitCopies(conn);
      return Outcome::kAgain;
    }
    committed = Commit(conn, command, &conn->turn, mark, nullptr, false);
  }
  if (CAIRN_UNLIKELY(committed == Committed::kAgain)) {
    conn->turn.Truncate(mark);
    conn->prepared.Clear();
    parked_->Park(conn, command, argv, nullptr);
    return Outcome::kTaken;
  }
  if (CAIRN_UNLIKELY(committed == Committed::kWaits)) {
    blocked_->WaitForKeys(conn, command, argv, replies_->Expect(conn), nullptr);
    control.Unlatch();
    books_->BookFigures(pass_->TakeFigures());
    pass_->serving().Send();
    books_->Show(*conn, command, argv);
    return Outcome::kTaken;
  }
  if (CAIRN_UNLIKELY(committed == Committed::kBusy)) {
    conn->turn.Truncate(mark);
    conn->stall = Connection::kWaitsForRoom;
    host_->WaitForRoom(conn);
    return Outcome::kAgain;
  }
  if (CAIRN_UNLIKELY(conn->prepared.unit != nullptr)) conn->prepared.Clear();
  for (const Ticket& ticket : control.tickets()) conn->turn_gate.Add(ticket);
  Book(conn, command, argv, conn->turn.ViewFrom(mark), true);
  replies_->Made(conn, mark);
  return Outcome::kTaken;
}

inline void CommandRunner::Book(Connection* conn, const Command& command,
                                std::span<const std::string_view> argv, std::string_view reply,
                                bool show) {
  const bool script = CAIRN_UNLIKELY(command.Is(kCmdScript));
  const bool counted = script && scripts_->ledger().counted;
  books_->BookNow(*conn, command, argv, reply, pass_->TakeFigures(), counted);
  if (show) books_->Show(*conn, command, argv);
  if (script && !scripts_->ledger().empty()) books_->BookCalled(scripts_->Take());
}

PassEnd CommandRunner::RunAgain(Connection* conn, ParkedPass* parked) {
  const Command& command = *parked->command;
  OutBuffer* out = &parked->slot->bytes;
  pass_->control().SetSliced(parked->sliced());
  pass_->control().SetMayWait(command.Is(kCmdBlocking));
  if (CAIRN_UNLIKELY(conn->tracking != nullptr))
    pass_->control().SetTraced(!parked->frozen && Tracking::Follows(*conn));
  if (pass_->control().needs_latches()) {
    LatchMore(command, parked->argv);
  } else if (!parked->frozen) {
    Latch(command, parked->argv);
  }
  pass_->RunHandler(conn, command, parked->argv, out, parked->resp);
  if (!parked->frozen) pass_->serving().Run();
  pass_->control().LookAtWatched();
  if (pass_->txn().pending()) return PassEnd::kPending;
  Committed committed = Committed::kDone;
  if (parked->frozen) {
    pass_->control().TellEvents();
  } else {
    committed = Commit(conn, command, out, 0, parked->prepared.unit.get(), true);
  }
  if (committed == Committed::kLarge) {
    const LargeArguments source = {parked->argv, parked->input};
    if (pass_->PrepareAhead({&source, 1}, &parked->prepared)) return PassEnd::kCopies;
    committed = Commit(conn, command, out, 0, nullptr, false);
  }
  if (committed == Committed::kAgain) return PassEnd::kPending;
  if (committed == Committed::kBusy) return PassEnd::kBusy;
  if (committed == Committed::kWaits) {
    if (parked->waited == nullptr) books_->Show(*conn, command, parked->argv);
    blocked_->WaitForKeys(conn, command, parked->argv, parked->slot, parked->waited.get());
    pass_->control().Unlatch();
    books_->BookFigures(pass_->TakeFigures());
    pass_->serving().Send();
    return PassEnd::kWaits;
  }
  Book(conn, command, parked->argv, out->ViewFrom(0), !parked->frozen && parked->waited == nullptr);
  return PassEnd::kDone;
}

CommandRunner::Committed CommandRunner::Commit(Connection* conn, const Command& command,
                                               OutBuffer* out, size_t mark, PreparedUnit* prepared,
                                               bool ask) {
  TxnControl& control = pass_->control();
  if (control.has_writes()) {
    if (ask && prepared == nullptr && CAIRN_UNLIKELY(control.WriteBytes() >= kLargeUnitBytes))
      return Committed::kLarge;
    if (!pass_->serving().Claim()) return Committed::kAgain;
    Status status = control.Commit(prepared);
    pass_->serving().Settle(status.ok());
    if (CAIRN_UNLIKELY(!status.ok())) {
      // A read that met an expired key answers all the same; the key goes another time.
      if (command.Is(kCmdReadOnly)) tracking_->TellReads(*conn, &control);
      if (command.Is(kCmdReadOnly) && pass_->txn().waits()) return Committed::kWaits;
      control.Unlatch();
      if (command.Is(kCmdReadOnly)) return Committed::kDone;
      if (status.code() == Code::kBusy) return Committed::kBusy;
      (void)control.TakeWait();
      out->Truncate(mark);
      Pass::RefuseWrites(status, out);
      return Committed::kDone;
    }
    pass_->CountChanges();
  }
  if (CAIRN_UNLIKELY(control.watching())) control.PlaceWatches(&conn->watcher);
  if (CAIRN_UNLIKELY(command.Is(kCmdScript))) scripts_->Committed(pass_->txn());
  tracking_->Tell(*conn, &control);
  if (CAIRN_UNLIKELY(pass_->txn().waits())) return Committed::kWaits;
  control.Unlatch();
  pass_->serving().Send();
  return Committed::kDone;
}

}  // namespace cairn
