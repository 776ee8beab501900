// MULTI / EXEC, WATCH, WAIT, control commands: what belongs to the session rather than to a key.
#include <x86intrin.h>

#include "base/check.h"
#include "base/clock.h"
#include "resp/errors.h"
#include "resp/number.h"
#include "session/executor.h"
#include "session/redact.h"

namespace cairn {

Executor::Outcome Executor::RunSession(Connection* conn, const Command& command,
                                       std::span<const std::string_view> argv) {
  std::string_view name = command.name;
  if (name == "exec") return RunExec(conn, argv);
  size_t mark = conn->turn.size();
  ReplyWriter reply(&conn->turn, conn->resp);
  txn_.hits = txn_.misses = txn_.expired = 0;
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
      RunWatch(conn, argv);
      reply.Ok();
    }
  } else if (name == "wait" || name == "waitaof") {
    RunWait(conn, argv, name == "waitaof");
    if (conn->stall == Connection::kBlocked) return Outcome::kTaken;
  } else if (name == "monitor") {
    reply.Ok();
    if (!conn->monitor) host_->AddMonitor(conn);
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
    CAIRN_CHECK(command.spec.handler != nullptr);
    control_.Begin(conn->db, now_ms_);
    CallHandler(conn, command, argv, &conn->turn);
  }
  Account(conn, command, argv, conn->turn, mark);
  ReplyMade(conn, mark);
  return Outcome::kTaken;
}

// --- WATCH ---

void Executor::RunWatch(Connection* conn, std::span<const std::string_view> argv) {
  if (conn->watch_state == nullptr) conn->watch_state = std::make_shared<WatchState>();
  for (std::string_view key : argv.subspan(1)) {
    bool known = false;
    for (const WatchedKey& watched : conn->watched)
      known |= watched.db == conn->db && watched.key == key;
    if (known) continue;
    uint16_t shard = ShardOf(key);
    LatchGuard guard(engine_->ShardLatch(shard));
    Entry entry;
    engine_->Find(conn->db, shard, key, false, &entry);
    bool expired = entry.found && entry.expire_at_ms != 0 && entry.expire_at_ms <= now_ms_;
    shared_->watches.Add(shard, conn->db, key, conn->watch_state);
    conn->watched.push_back(WatchedKey{conn->db, shard, expired, std::string(key)});
  }
}

void Executor::DropWatches(Connection* conn) {
  for (const WatchedKey& watched : conn->watched) {
    LatchGuard guard(engine_->ShardLatch(watched.shard));
    shared_->watches.Remove(watched.shard, watched.db, watched.key, conn->watch_state.get());
  }
  conn->watched.clear();
  conn->watch_state.reset();
}

void Executor::DropMulti(Connection* conn) { conn->multi.reset(); }

// Latched: all watched keys.
bool Executor::WatchedKeysTouched(Connection* conn) {
  if (conn->watch_state == nullptr) return false;
  if (conn->watch_state->dirty.load(std::memory_order_relaxed)) return true;
  for (const WatchedKey& watched : conn->watched) {
    Entry entry;
    engine_->Find(watched.db, watched.shard, watched.key, false, &entry);
    bool expired = entry.found && entry.expire_at_ms != 0 && entry.expire_at_ms <= now_ms_;
    if (expired && !watched.expired) return true;
  }
  return false;
}

// --- EXEC ---

Executor::Outcome Executor::RunExec(Connection* conn, std::span<const std::string_view> argv) {
  size_t mark = conn->turn.size();
  ReplyWriter reply(&conn->turn, conn->resp);
  const Command* exec = conn->last_command;
  if (conn->multi == nullptr) {
    reply.Error(errors::kExecWithoutMulti);
    FeedMonitors(conn, *exec, argv);
  } else if (conn->multi->broken) {
    reply.Error(errors::kExecAbort);
    FeedMonitors(conn, *exec, argv);
    DropMulti(conn);
    DropWatches(conn);
  } else {
    auto run = std::make_shared<ExecRun>();
    run->exec = argv[0];
    run->queue = std::move(conn->multi->queue);
    for (const QueuedCommand& queued : run->queue) {
      run->whole_keyspace |= queued.command->Is(kCmdWholeKeyspace | kCmdAllLatches);
    }
    control_.Begin(conn->db, now_ms_);
    Pass pass = ExecPass(conn, run.get());
    if (pass == Pass::kBusy) {
      conn->multi->queue = std::move(run->queue);
      conn->stall = Connection::kWaitsForLane;
      host_->WaitForRoom(conn, busy_lane_);
      return Outcome::kAgain;
    }
    if (pass == Pass::kPending) {
      Park(conn, *exec, {}, run);
      return Outcome::kTaken;
    }
    for (const Ticket& ticket : control_.tickets()) conn->turn_gate.Add(ticket);
    if (pass == Pass::kDone) {
      ExecDone(conn, run);
      return Outcome::kTaken;
    }
    conn->turn.Append(scratch_.view());
  }
  Account(conn, *exec, argv, conn->turn, mark);
  ReplyMade(conn, mark);
  return Outcome::kTaken;
}

// Runs all queued commands in one pass and commits. kAborted: scratch_ holds the whole reply (a
// touched watch, a refused write). kPending: still latched. Otherwise unlatched.
Executor::Pass Executor::ExecPass(Connection* conn, ExecRun* run) {
  auto show_exec = [&] {
    const std::string_view argv[] = {run->exec};
    FeedMonitors(conn, *shared_->registry.Find("exec"), argv);
  };
  if (run->whole_keyspace) {
    control_.LatchAll();
  } else {
    for (const QueuedCommand& queued : run->queue) {
      std::vector<std::string_view> argv(queued.argv.begin(), queued.argv.end());
      const CommandSpec& spec = queued.command->spec;
      control_.Collect(argv, KeySpec{spec.first_key, spec.last_key, spec.key_step});
    }
    for (const WatchedKey& watched : conn->watched) control_.Collect(watched.key);
    control_.LatchCollected();
  }
  scratch_.Clear();
  if (WatchedKeysTouched(conn)) {
    control_.Unlatch();
    ReplyWriter(&scratch_, conn->resp).NullArray();
    show_exec();
    DropMulti(conn);
    DropWatches(conn);
    return Pass::kAborted;
  }
  uint16_t db = conn->db;
  uint8_t resp = conn->resp;
  run->replies.clear();
  run->replies.resize(run->queue.size());
  uint32_t hits = 0, misses = 0, expired = 0;
  ticks_ = __rdtsc();
  for (size_t i = 0; i < run->queue.size(); ++i) {
    const QueuedCommand& queued = run->queue[i];
    if (queued.command->Is(kCmdControl)) continue;
    std::vector<std::string_view> argv(queued.argv.begin(), queued.argv.end());
    txn_.set_db(conn->db);
    CallHandler(conn, *queued.command, argv, &run->replies[i]);
    hits += txn_.hits;
    misses += txn_.misses;
    expired += txn_.expired;
    if (!txn_.pending()) {
      Account(conn, *queued.command, argv, run->replies[i], 0);
    } else {
      txn_.hits = txn_.misses = txn_.expired = 0;
    }
  }
  if (txn_.pending()) {
    conn->db = db;
    conn->resp = resp;
    return Pass::kPending;
  }
  if (control_.has_writes()) {
    Status status = control_.Commit(&busy_lane_);
    if (!status.ok()) {
      control_.Unlatch();
      conn->db = db;
      conn->resp = resp;
      if (status.code() == Code::kBusy) return Pass::kBusy;
      ReplyWriter(&scratch_, 2).Error(errors::DiskRefusedWrite(status.message()));
      show_exec();
      DropMulti(conn);
      DropWatches(conn);
      return Pass::kAborted;
    }
    counters_->user_bytes_written.Add(control_.WriteBytes());
  }
  control_.Unlatch();
  DropMulti(conn);
  DropWatches(conn);
  if (shared_->monitors.load(std::memory_order_relaxed) != 0) {
    for (const QueuedCommand& queued : run->queue) {
      FeedMonitors(conn, *queued.command,
                   std::vector<std::string_view>(queued.argv.begin(), queued.argv.end()));
    }
    show_exec();
  }
  return Pass::kDone;
}

// The pass is committed. Control commands in it run now, one after another; then the reply is
// whole.
void Executor::ExecDone(Connection* conn, const std::shared_ptr<ExecRun>& run) {
  bool control = false;
  for (const QueuedCommand& queued : run->queue) control |= queued.command->Is(kCmdControl);
  if (conn->control_slot == nullptr && !control) {
    size_t mark = conn->turn.size();
    ReplyWriter(&conn->turn, conn->resp).ArrayHeader(run->replies.size());
    for (const OutBuffer& reply : run->replies) conn->turn.Append(reply.view());
    static const std::string_view kArgv[] = {"exec"};
    Account(conn, *shared_->registry.Find("exec"), kArgv, conn->turn, mark);
    ReplyMade(conn, mark);
    return;
  }
  if (conn->control_slot == nullptr) {
    TicketSet gate = conn->turn_gate;
    conn->control_slot = PushPending(conn);
    conn->control_slot->gate = gate;
  }
  conn->exec_run = run;
  NextExecControl(conn, run);
}

void Executor::NextExecControl(Connection* conn, const std::shared_ptr<ExecRun>& run) {
  for (; run->next_control < run->queue.size(); ++run->next_control) {
    const QueuedCommand& queued = run->queue[run->next_control];
    if (!queued.command->Is(kCmdControl)) continue;
    conn->stall = Connection::kWaitsForControl;
    conn->control_command = queued.command;
    SendControl(conn, std::vector<std::string_view>(queued.argv.begin(), queued.argv.end()), true);
    return;
  }
  Slot* slot = conn->control_slot;
  conn->control_slot = nullptr;
  std::shared_ptr<ExecRun> keep = std::move(conn->exec_run);
  ReplyWriter(&slot->bytes, conn->resp).ArrayHeader(run->replies.size());
  for (const OutBuffer& reply : run->replies) slot->bytes.Append(reply.view());
  slot->replies = 1;
  CompleteSlot(conn, slot);
  conn->stall = Connection::kRunning;
  host_->ResumeInput(conn);
}

// --- control commands ---

void Executor::RunControl(Connection* conn, const Command& command,
                          std::span<const std::string_view> argv) {
  conn->control_slot = PushPending(conn);
  conn->control_command = &command;
  conn->control_argv.assign(argv.begin(), argv.end());
  conn->stall = Connection::kWaitsForControl;
  SendControl(conn, argv, false);
}

void Executor::SendControl(Connection* conn, std::span<const std::string_view> argv,
                           bool in_multi) {
  OutBuffer frame;
  ReplyWriter writer(&frame, 2);
  writer.ArrayHeader(argv.size());
  for (std::string_view arg : argv) writer.Bulk(arg);
  ControlMessage message;
  message.reactor = reactor_;
  message.token = Token(*conn);
  message.client_id = conn->id;
  message.db = conn->db;
  message.resp = conn->resp;
  message.in_multi = in_multi;
  message.name = conn->name;
  message.frame.assign(frame.data(), frame.size());
  host_->SendControl(std::move(message));
}

void Executor::ControlDone(Connection* conn, std::string_view reply, uint64_t usec) {
  if (conn->stall != Connection::kWaitsForControl || conn->control_slot == nullptr) return;
  const Command& command = *conn->control_command;
  txn_.hits = txn_.misses = txn_.expired = 0;
  ticks_ = __rdtsc() -
           static_cast<uint64_t>(static_cast<double>(usec) * 1000.0 / shared_->nanos_per_tick);
  if (conn->exec_run != nullptr) {
    std::shared_ptr<ExecRun> run = conn->exec_run;
    OutBuffer& out = run->replies[run->next_control];
    out.Append(reply);
    std::vector<std::string_view> argv(run->queue[run->next_control].argv.begin(),
                                       run->queue[run->next_control].argv.end());
    Account(conn, command, argv, out, 0);
    ++run->next_control;
    NextExecControl(conn, run);
    return;
  }
  Slot* slot = conn->control_slot;
  conn->control_slot = nullptr;
  slot->bytes.Append(reply);
  slot->replies = 1;
  const std::vector<std::string> sent = std::move(conn->control_argv);
  conn->control_argv.clear();
  Account(conn, command, std::vector<std::string_view>(sent.begin(), sent.end()), slot->bytes, 0);
  CompleteSlot(conn, slot);
  conn->stall = Connection::kRunning;
  host_->ResumeInput(conn);
}

// --- WAIT, WAITAOF ---

void Executor::RunWait(Connection* conn, std::span<const std::string_view> argv, bool aof) {
  ReplyWriter reply(&conn->turn, conn->resp);
  int64_t local = 0, replicas = 0, timeout = 0;
  size_t at = 1;
  if (aof && (!ParseInt64(argv[at++], &local) || local < 0 || local > 1)) {
    reply.Error("ERR value is out of range, value must between 0 and 1");
    return;
  }
  if (!ParseInt64(argv[at++], &replicas)) {
    reply.Error(errors::kNotInteger);
    return;
  }
  if (aof && replicas < 0) {
    reply.Error(errors::kNotPositive);
    return;
  }
  if (!ParseInt64(argv[at], &timeout)) {
    reply.Error(errors::kTimeoutNotInteger);
    return;
  }
  if (timeout < 0) {
    reply.Error(errors::kTimeoutNegative);
    return;
  }
  TicketSet gate;
  if (aof && local > 0) {
    host_->RequestSync();
    for (uint32_t lane = 0; lane < engine_->lane_count(); ++lane)
      gate.Add(engine_->StagedTicket(lane));
  }
  const bool met = replicas <= 0 && gate.Unmet(*engine_) == nullptr;
  if (met) {
    if (!aof) {
      reply.Integer(0);
    } else {
      reply.ArrayHeader(2);
      reply.Integer(1);
      reply.Integer(0);
    }
    return;
  }
  // Without replicas only the time limit ends a wait for them.
  conn->control_slot = PushPending(conn);
  conn->control_command = conn->last_command;
  conn->stall = Connection::kBlocked;
  conn->block_aof = aof;
  conn->block_gate = gate;
  conn->block_deadline_ms = timeout == 0 ? 0 : now_ms_ + static_cast<uint64_t>(timeout);
  counters_->blocked.Add(1);
  if (timeout != 0) host_->WaitUntil(conn, conn->block_deadline_ms);
  conn->block_replicas = replicas > 0;
  if (const Ticket* ticket = gate.Unmet(*engine_)) {
    host_->WaitForLane(conn, *ticket);
  }
}

void Executor::FinishBlocked(Connection* conn, bool met, bool with_error) {
  Slot* slot = conn->control_slot;
  if (conn->stall != Connection::kBlocked || slot == nullptr) return;
  conn->control_slot = nullptr;
  ReplyWriter reply(&slot->bytes, conn->resp);
  if (with_error) {
    reply.Error(errors::kUnblocked);
  } else if (!conn->block_aof) {
    reply.Integer(0);
  } else {
    const bool durable = met || conn->block_gate.Unmet(*engine_) == nullptr;
    reply.ArrayHeader(2);
    reply.Integer(durable ? 1 : 0);
    reply.Integer(0);
  }
  counters_->blocked.Sub(1);
  slot->replies = 1;
  txn_.hits = txn_.misses = txn_.expired = 0;
  ticks_ = __rdtsc();
  Account(conn, *conn->control_command, {}, slot->bytes, 0);  // as in Redis, which logs no waits
  CompleteSlot(conn, slot);
  conn->stall = Connection::kRunning;
  host_->ResumeInput(conn);
}

void Executor::TimedOut(Connection* conn) {
  if (conn->stall == Connection::kBlocked && conn->block_deadline_ms != 0 &&
      conn->block_deadline_ms <= now_ms_) {
    FinishBlocked(conn, false, false);
  }
}

bool Executor::Unblock(Connection* conn, bool with_error) {
  if (conn->stall != Connection::kBlocked) return false;
  FinishBlocked(conn, false, with_error);
  return true;
}

void Executor::PeerLeft(Connection* conn) {
  if (conn->monitor) {  // a feed has no end of its own
    host_->RemoveMonitor(conn);
    conn->monitor = false;
  }
  if (!conn->MayWaitForEver()) return;
  if (conn->stall == Connection::kBlocked) {
    CAIRN_CHECK(conn->control_slot == &conn->slots.back());  // nothing runs behind a wait
    conn->slots.pop_back();
    conn->control_slot = nullptr;
    conn->block_gate.Clear();
    counters_->blocked.Sub(1);
  }
  conn->stall = Connection::kRunning;
  conn->in.Clear();
  conn->close_after_reply = true;
  host_->FlushSoon(conn);
}

void Executor::Forget(Connection* conn) {
  if (conn->stall == Connection::kBlocked) counters_->blocked.Sub(1);
  DropMulti(conn);
  DropWatches(conn);
  if (conn->monitor) host_->RemoveMonitor(conn);
}

// --- MONITOR ---

void Executor::FeedMonitors(Connection* conn, const Command& command,
                            std::span<const std::string_view> argv) {
  if (shared_->monitors.load(std::memory_order_relaxed) == 0 ||
      command.Is(kCmdSkipMonitor | kCmdAdmin)) {
    return;
  }
  std::vector<std::string_view> redacted;
  argv = Redacted(command, argv, &redacted);
  uint64_t micros = WallMicros();
  char head[64];
  snprintf(head, sizeof(head), "%llu.%06llu [%u ",
           static_cast<unsigned long long>(micros / 1000000),
           static_cast<unsigned long long>(micros % 1000000), conn->db);
  std::string line = head;
  line += conn->addr + "]";
  for (std::string_view arg : argv) {
    line += " \"";
    for (char c : arg) {
      switch (c) {
        case '\\':
          line += "\\\\";
          break;
        case '"':
          line += "\\\"";
          break;
        case '\n':
          line += "\\n";
          break;
        case '\r':
          line += "\\r";
          break;
        case '\t':
          line += "\\t";
          break;
        case '\a':
          line += "\\a";
          break;
        case '\b':
          line += "\\b";
          break;
        default:
          if (c >= 0x20 && c < 0x7f) {
            line += c;
          } else {
            char hex[8];
            snprintf(hex, sizeof(hex), "\\x%02x", static_cast<unsigned char>(c));
            line += hex;
          }
      }
    }
    line += '"';
  }
  line += "\r\n";
  host_->FeedMonitors(line);
}

}  // namespace cairn
