// Control commands, alone and inside EXEC: the walk through the steps of a committed EXEC.
#include <utility>

#include "session/executor.h"

namespace cairn {

// Goes on until a control command has to be asked for (ControlDone comes back here), or to the end.
void Executor::WalkExec(Connection* conn, const std::shared_ptr<ExecRun>& run) {
  conn->exec_run = run;
  for (; run->next < run->queue.size(); ++run->next) {
    const QueuedCommand& queued = run->queue[run->next];
    ExecStep& step = run->steps[run->next];
    if (queued.command->Is(kCmdControl)) {
      conn->stall = Connection::kWaitsForControl;
      bridge_.AskInExec(*conn, queued.argv, step.keyspace);
      return;
    }
    if (!queued.command->TouchesKeys()) {
      control_.Begin(conn->db, context_.now_ms);
      books_.StartTimer();
      CallHandler(conn, *queued.command, queued.argv, &step.reply, conn->resp);
      step.nanos = books_.TakeNanos();
    }
    StepDone(conn, run.get());
  }
  FinishExec(conn, run);
}

void Executor::StepDone(Connection* conn, ExecRun* run) {
  const QueuedCommand& queued = run->queue[run->next];
  ExecStep& step = run->steps[run->next];
  const std::span<const std::string_view> argv = queued.argv;
  books_.Book(*conn, *queued.command, argv, step.reply.ViewFrom(0), step.nanos, step.figures);
  books_.Show(*conn, *queued.command, argv);
  run->nanos += step.nanos;
  if (run->muted || conn->reply_mode == ReplyMode::kOff) step.reply.Clear();
}

void Executor::FinishExec(Connection* conn, const std::shared_ptr<ExecRun>& run) {
  conn->exec_run.reset();
  OutBuffer* out = run->slot != nullptr ? &run->slot->bytes : &conn->turn;
  const size_t mark = out->size();
  if (run->header) ReplyWriter(out, conn->resp).ArrayHeader(run->steps.size());
  for (ExecStep& step : run->steps) out->Append(&step.reply);
  BookExec(conn, *run, out->ViewFrom(mark));
  if (run->muted && conn->reply_mode == ReplyMode::kSkip) conn->reply_mode = ReplyMode::kOn;
  if (conn->reply_mode == ReplyMode::kSkipNext) conn->reply_mode = ReplyMode::kSkip;
  const uint32_t replies = out->size() > mark ? 1 : 0;
  if (run->slot == nullptr) {
    conn->turn_replies += replies;
    return;
  }
  // CONFIG SET appendfsync always in the middle of it counts for what was written before.
  const FsyncPolicy policy = shared_->options.fsync.load(std::memory_order_relaxed);
  for (uint32_t stream = 0; policy == FsyncPolicy::kAlways && !run->gated; ++stream) {
    if (stream == engine_->streams()) break;
    run->slot->gate.Add(engine_->LatestTicket(stream));
  }
  run->slot->muted = false;  // muted step by step
  run->slot->replies = replies;
  replies_.Complete(conn, run->slot);
  conn->stall = Connection::kRunning;
  host_->ResumeInput(conn);
}

void Executor::BookExec(Connection* conn, const ExecRun& run, std::string_view reply) {
  const std::string_view argv[] = {run.exec};
  const Command& exec = *shared_->registry.Find("exec");
  books_.Book(*conn, exec, argv, reply, run.nanos, {});
  books_.Show(*conn, exec, argv);
}

void Executor::AbandonExec(Connection* conn, ExecRun* run) {
  for (bool asked = true; run->next < run->queue.size(); ++run->next, asked = false) {
    if (!asked && run->queue[run->next].command->Is(kCmdControl))
      bridge_.AskInExec(*conn, run->queue[run->next].argv, run->steps[run->next].keyspace);
    StepDone(conn, run);
  }
  BookExec(conn, *run, {});
}

void Executor::ControlDone(Connection* conn, std::string_view reply, uint64_t usec) {
  if (conn->stall != Connection::kWaitsForControl) return;
  if (std::shared_ptr<ExecRun> run = conn->exec_run) {
    ExecStep& step = run->steps[run->next];
    step.reply.Append(reply);
    step.nanos = usec * 1000;
    StepDone(conn, run.get());
    ++run->next;
    WalkExec(conn, run);
    return;
  }
  bridge_.Answered(conn, reply, usec * 1000);
}

}  // namespace cairn
