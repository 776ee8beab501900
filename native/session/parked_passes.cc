#include "session/parked_passes.h"

#include <algorithm>
#include <tuple>
#include <utility>

#include "resp/errors.h"
#include "session/command_runner.h"
#include "session/exec_runner.h"
#include "session/serving.h"
#include "session/tracking.h"

namespace cairn {

// Parking is the way of every read from disk, so its memory is used again.
std::unique_ptr<ParkedPass> ParkedPasses::Take() {
  if (spare_.empty()) return std::make_unique<ParkedPass>();
  std::unique_ptr<ParkedPass> parked = std::move(spare_.back());
  spare_.pop_back();
  return parked;
}

void ParkedPasses::Give(std::unique_ptr<ParkedPass> parked) {
  if (spare_.size() >= kSpareMax || !parked->Small()) return;
  parked->Clear();
  spare_.push_back(std::move(parked));
}

void ParkedPasses::Park(Connection* conn, const Command& command,
                        std::span<const std::string_view> argv, std::shared_ptr<ExecRun> exec) {
  std::unique_ptr<ParkedPass> parked = Take();
  parked->index = conn->index;
  parked->generation = conn->generation;
  parked->db = conn->db;
  parked->resp = conn->resp;
  parked->exec = std::move(exec);
  parked->frozen =
      parked->exec == nullptr && command.Is(kCmdReadOnly) && !command.Is(kCmdWaves | kCmdScript);
  parked->scripts = parked->exec != nullptr ? parked->exec->scripts : command.Is(kCmdScript);
  parked->SetCommand(conn, command, argv);
  if (parked->frozen) {
    pass_->control().Freeze(argv, command.spec.keys());
  }
  // What changes between its slices it is told of, behind its reply.
  if (CAIRN_UNLIKELY(conn->tracking != nullptr) && parked->exec == nullptr)
    tracking_->Read(*conn, command, argv);
  pass_->control().Save(&parked->saved);
  parked->slot = replies_->Expect(conn);
  if (parked->progresses()) KeepTickets(parked.get());
  if (parked->frozen) {
    books_->Show(*conn, command, argv);  // in the order in which it was asked
    for (const Txn::Missing& missing : parked->saved.missing) parked->bytes += missing.value_bytes;
    conn->parked_bytes += parked->bytes;
    if (++conn->parked_reads >= kReadsMax || conn->parked_bytes > Connection::kOutputPauseBytes)
      conn->stall = Connection::kWaitsForReads;
  } else {
    conn->stall = Connection::kWaitsForValues;
  }
  ++count_;
  StartReads(parked.release());
  pass_->control().Unlatch();
}

// Latched: the versions to read are current. Each is read once. Takes the pass over.
void ParkedPasses::StartReads(ParkedPass* parked) {
  std::vector<Txn::Missing>& missing = parked->saved.missing;
  const auto place = [](const Txn::Missing& one) {
    return std::tie(one.version, one.db, one.page, one.key);
  };
  auto less = [&](const Txn::Missing& a, const Txn::Missing& b) { return place(a) < place(b); };
  auto same = [&](const Txn::Missing& a, const Txn::Missing& b) { return place(a) == place(b); };
  std::sort(missing.begin(), missing.end(), less);
  missing.erase(std::unique(missing.begin(), missing.end(), same), missing.end());
  if (parked->progresses()) {
    parked->saved.ranges.clear();
    parked->ranges.clear();
    if (parked->saved.again) {  // what it saw, it has
      parked->saved.fetched.clear();
      parked->fetches.clear();
    }
  }
  std::vector<RangeQuery>& ranges = parked->saved.missing_ranges;
  parked->outstanding = static_cast<uint32_t>(missing.size() + ranges.size());
  if (parked->outstanding == 0) {
    if (parked->saved.busy) {
      retry_.emplace_back(parked);
    } else {
      slices_.emplace_back(parked);
    }
    return;
  }
  Engine* const engine = context_.engine;
  for (Txn::Missing& wanted : missing) {
    auto fetch = std::make_unique<ParkedFetch>();
    fetch->passes = this;
    fetch->parked = parked;
    fetch->db = wanted.db;
    fetch->key = std::move(wanted.key);
    fetch->version = wanted.version;
    fetch->unknown = wanted.unknown;
    fetch->page = wanted.page;
    ParkedFetch* raw = fetch.get();
    parked->fetches.push_back(std::move(fetch));
    if (raw->page) {
      const auto place = Txn::PageKey::Of(raw->key);
      engine->spaces()->FetchPage(context_.reactor, wanted.db, place.space, place.page, raw);
    } else {
      engine->Fetch(context_.reactor, wanted.db, wanted.shard, raw->key, raw);
    }
  }
  missing.clear();
  for (RangeQuery& wanted : ranges) {
    CAIRN_CHECK(!engine->RangesInMemory(), "else they are not missing");
    auto range = std::make_unique<ParkedRange>();
    range->passes = this;
    range->parked = parked;
    static_cast<RangeQuery&>(*range) = std::move(wanted);
    ParkedRange* raw = range.get();
    parked->ranges.push_back(std::move(range));
    Txn::StartRange(engine, context_.reactor, raw);
  }
  ranges.clear();
}

void ParkedPasses::FetchDone(ParkedFetch* fetch, const Status& status) {
  ParkedPass* const parked = fetch->parked;
  if (status.ok()) {
    pass_->control().AddFetched(
        &parked->saved, {fetch->db, fetch->version, fetch->key, fetch->result(), fetch->page});
  }
  ReadDone(parked, "a value", status);
}

void ParkedPasses::RangeDone(ParkedRange* range, const Status& status) {
  ParkedPass* const parked = range->parked;
  if (status.ok()) parked->saved.ranges.push_back(range);
  ReadDone(parked, "keys", status);
}

// The last one that a pass waits for runs it.
void ParkedPasses::ReadDone(ParkedPass* parked, const char* what, const Status& status) {
  if (!status.ok()) {
    context_.host->Log(3, std::string("reading ") + what + " failed: " + status.message());
    if (parked->error.empty())
      parked->error =
          status.code() == Code::kCorruption ? errors::kValueCorrupt : errors::kReadFailed;
  }
  if (--parked->outstanding == 0) Run(std::unique_ptr<ParkedPass>(parked));
}

// Each slice shows something.
void ParkedPasses::KeepTickets(ParkedPass* parked) {
  for (const Ticket& ticket : pass_->control().tickets()) parked->slot->gate.Add(ticket);
}

void ParkedPasses::Run(std::unique_ptr<ParkedPass> parked) {
  Connection* conn = context_.host->FindConnection(parked->index, parked->generation);
  if (conn == nullptr) {
    --count_;
    return;
  }
  books_->StartTimer();
  pass_->FollowPolicy();
  if (!parked->error.empty() || parked->runs > (parked->scripts ? kScriptRunsMax : kRunsMax))
    return GiveUp(std::move(parked), conn);
  if (!parked->frozen) parked->saved.now_ms = context_.now_ms;
  pass_->control().Load(&parked->saved, parked->db, parked->frozen);
  const PassEnd end = parked->exec != nullptr ? execs_->RunAgain(conn, parked.get())
                                              : commands_->RunAgain(conn, parked.get());
  switch (end) {
    case PassEnd::kPending:
      return ParkAgain(std::move(parked));
    case PassEnd::kBusy:
      SaveUndone(parked.get());
      retry_.push_back(std::move(parked));
      return;
    case PassEnd::kCopies:
      return CopyAhead(std::move(parked));
    case PassEnd::kWalk:
      return Walk(std::move(parked), conn);
    case PassEnd::kWaits:
      return LetWait(std::move(parked), conn);
    case PassEnd::kDone:
      KeepTickets(parked.get());
      return Finish(std::move(parked), conn);
  }
}

// Latched, after a pending pass. Unlatches.
void ParkedPasses::ParkAgain(std::unique_ptr<ParkedPass> parked) {
  parked->prepared.Clear();
  parked->slot->bytes.Clear();
  pass_->control().Save(&parked->saved);
  parked->progresses() ? KeepTickets(parked.get()) : void(++parked->runs);
  StartReads(parked.release());
  pass_->control().Unlatch();
}

// A pass of which nothing happened, and which has all that it reads.
void ParkedPasses::SaveUndone(ParkedPass* parked) {
  parked->slot->bytes.Clear();
  pass_->control().Save(&parked->saved);
  parked->saved.missing.clear();
}

void ParkedPasses::CopyAhead(std::unique_ptr<ParkedPass> parked) {
  SaveUndone(parked.get());
  PreparedWrites writes = std::exchange(parked->prepared, {});
  copies_.Add({std::move(writes), {parked->index, parked->generation, std::move(parked)}});
}

void ParkedPasses::AwaitCopies(Connection* conn) {
  PreparedWrites writes = std::exchange(conn->prepared, {});
  copies_.Add({std::move(writes), {conn->index, conn->generation, nullptr}});
  conn->stall = Connection::kWaitsForCopies;
}

// From here on the EXEC is its connection's (Connection::exec_run).
void ParkedPasses::Walk(std::unique_ptr<ParkedPass> parked, Connection* conn) {
  KeepTickets(parked.get());
  pass_->control().ForgetFetched();
  --count_;
  const std::shared_ptr<ExecRun> run = parked->exec;
  run->slot = parked->slot;
  execs_->Walk(conn, run);
}

// From here on it is its connection's (Connection::blocked).
void ParkedPasses::LetWait(std::unique_ptr<ParkedPass> parked, Connection* conn) {
  --count_;
  // It may wait for ever now: whoever reads looks whether the client has gone.
  context_.host->ResumeInput(conn);
  pass_->control().ForgetFetched();
  Give(std::move(parked));
}

void ParkedPasses::RunWaiting(Connection* conn, Slot* slot,
                              std::shared_ptr<BlockedCommand> waiter) {
  std::unique_ptr<ParkedPass> parked = Take();
  parked->index = conn->index;
  parked->generation = conn->generation;
  parked->db = waiter->client.db;
  parked->resp = waiter->client.resp;
  parked->frozen = false;
  parked->command = waiter->command;
  parked->argv = waiter->argv;
  parked->waited = std::move(waiter);
  parked->slot = slot;
  conn->stall = Connection::kWaitsForValues;
  ++count_;
  slices_.push_back(std::move(parked));
}

void ParkedPasses::GiveUp(std::unique_ptr<ParkedPass> parked, Connection* conn) {
  OutBuffer* const out = &parked->slot->bytes;
  ReplyWriter(out, 2).Error(parked->error.empty() ? errors::kInternal : parked->error);
  books_->BookNow(*conn, *parked->command, parked->argv, out->ViewFrom(0), {});
  if (parked->exec != nullptr) execs_->Discard(conn);
  Finish(std::move(parked), conn);
}

void ParkedPasses::Finish(std::unique_ptr<ParkedPass> parked, Connection* conn) {
  --count_;
  Slot* slot = parked->slot;
  slot->replies = 1;
  replies_->Complete(conn, slot);
  bool resume = false;
  if (parked->frozen) {
    --conn->parked_reads;
    conn->parked_bytes -= parked->bytes;
    resume = conn->stall == Connection::kWaitsForReads && conn->parked_reads < kReadsMax / 2 &&
             conn->parked_bytes <= Connection::kOutputPauseBytes / 2;
  } else {
    resume = conn->stall == Connection::kWaitsForValues;
  }
  pass_->control().ForgetFetched();
  Give(std::move(parked));
  if (resume) {
    conn->stall = Connection::kRunning;
    context_.host->ResumeInput(conn);
  }
}

void ParkedPasses::Retry() {
  std::vector<std::unique_ptr<ParkedPass>> retry = std::move(retry_);
  retry_.clear();
  for (auto& parked : retry) Run(std::move(parked));
}

void ParkedPasses::StepSlices() {
  if (!slices_.empty()) {  // one of each, in turns
    std::unique_ptr<ParkedPass> next = std::move(slices_.front());
    slices_.pop_front();
    Run(std::move(next));
  }
  SessionHost* const host = context_.host;
  copies_.DropGone([host](const Copying& waiter) {
    return waiter.parked == nullptr &&
           host->FindConnection(waiter.index, waiter.generation) == nullptr;
  });
  LargeCopies<Copying>::Item done;
  if (!copies_.Step(&done)) return;
  if (done.waiter.parked != nullptr) {
    done.waiter.parked->prepared = std::move(done.writes);
    Run(std::move(done.waiter.parked));
    return;
  }
  Connection* conn = host->FindConnection(done.waiter.index, done.waiter.generation);
  if (conn == nullptr || conn->stall != Connection::kWaitsForCopies) return;
  conn->prepared = std::move(done.writes);
  conn->stall = Connection::kRunning;
  host->ResumeInput(conn);
}

}  // namespace cairn
