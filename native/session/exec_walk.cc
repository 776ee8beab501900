// The walk through the steps of a committed EXEC.
#include <utility>

#include "session/exec_runner.h"

namespace cairn {

void ExecRunner::Walk(Connection* conn, const std::shared_ptr<ExecRun>& run) {
  conn->exec_run = run;
  for (; run->next < run->queue.size(); ++run->next) {
    const QueuedCommand& queued = run->queue[run->next];
    ExecStep& step = run->steps[run->next];
    if (CAIRN_UNLIKELY(run->Denied(run->next))) {
      gate_->LogExec(*conn, run->denials[run->next]);
      StepDone(conn, run.get());
      continue;
    }
    if (queued.command->Is(kCmdControl)) {
      conn->stall = Connection::kWaitsForControl;
      bridge_->AskInExec(*conn, queued.argv, step.keyspace);
      return;
    }
    if (!queued.command->TouchesKeys()) {
      pass_->Begin(conn->db);
      books_->StartTimer();
      pass_->RunHandler(conn, *queued.command, queued.argv, &step.reply, conn->resp);
      step.nanos = books_->TakeNanos();
    }
    StepDone(conn, run.get());
  }
  Finish(conn, run);
}

void ExecRunner::Answered(Connection* conn, std::string_view reply, uint64_t nanos) {
  const std::shared_ptr<ExecRun> run = conn->exec_run;
  ExecStep& step = run->steps[run->next];
  step.reply.Append(reply);
  step.nanos = nanos;
  StepDone(conn, run.get());
  ++run->next;
  Walk(conn, run);
}

void ExecRunner::StepDone(Connection* conn, ExecRun* run) {
  const QueuedCommand& queued = run->queue[run->next];
  ExecStep& step = run->steps[run->next];
  const std::span<const std::string_view> argv = queued.argv;
  const bool counted = step.called != nullptr && step.called->counted;
  books_->Book(*conn, *queued.command, argv, step.reply.ViewFrom(0), step.nanos, step.figures,
               counted);
  books_->Show(*conn, *queued.command, argv);
  if (step.called != nullptr) books_->BookCalled(*step.called);
  run->nanos += step.nanos;
  if (run->muted || conn->reply_mode == ReplyMode::kOff) step.reply.Clear();
}

void ExecRunner::Finish(Connection* conn, const std::shared_ptr<ExecRun>& run) {
  conn->exec_run.reset();
  OutBuffer* out = run->slot != nullptr ? &run->slot->bytes : &conn->turn;
  const size_t mark = out->size();
  if (run->header) ReplyWriter(out, conn->resp).ArrayHeader(run->steps.size());
  for (ExecStep& step : run->steps) out->Append(&step.reply);
  Book(conn, *run, out->ViewFrom(mark));
  if (run->muted && conn->reply_mode == ReplyMode::kSkip) conn->reply_mode = ReplyMode::kOn;
  if (conn->reply_mode == ReplyMode::kSkipNext) conn->reply_mode = ReplyMode::kSkip;
  const uint32_t replies = out->size() > mark ? 1 : 0;
  if (run->slot == nullptr) {
    conn->turn_replies += replies;
    return;
  }
  // CONFIG SET appendfsync always in the middle of it counts for what was written before.
  if (pass_->Gated() && !run->gated) {
    for (uint32_t stream = 0; stream < engine_->streams(); ++stream)
      run->slot->gate.Add(engine_->LatestTicket(stream));
  }
  run->slot->muted = false;  // muted step by step
  run->slot->replies = replies;
  replies_->Complete(conn, run->slot);
  conn->stall = Connection::kRunning;
  host_->ResumeInput(conn);
}

void ExecRunner::Book(Connection* conn, const ExecRun& run, std::string_view reply) {
  const std::string_view argv[] = {run.exec};
  const Command& exec = *shared_->registry.Find("exec");
  books_->Book(*conn, exec, argv, reply, run.nanos, {});
  books_->Show(*conn, exec, argv);
}

void ExecRunner::Abandon(Connection* conn, ExecRun* run) {
  for (bool asked = true; run->next < run->queue.size(); ++run->next, asked = false) {
    const QueuedCommand& queued = run->queue[run->next];
    if (!asked && queued.command->Is(kCmdControl) && !run->Denied(run->next))
      bridge_->AskInExec(*conn, queued.argv, run->steps[run->next].keyspace);
    StepDone(conn, run);
  }
  Book(conn, *run, {});
}

}  // namespace cairn
