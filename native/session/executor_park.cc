// Commands that wait for what they read, or for their next slice.
#include <algorithm>
#include <tuple>
#include <utility>

#include "resp/errors.h"
#include "session/executor.h"

namespace cairn {

struct Executor::ParkedFetch : FetchRequest {
  Executor* executor = nullptr;
  Parked* parked = nullptr;
  uint16_t db = 0;
  std::string key;
  void Done(Status status) override;
};

struct Executor::ParkedRange : RangeRequest {
  Executor* executor = nullptr;
  Parked* parked = nullptr;
  void Done(Status status) override;
};

struct Executor::Parked {
  uint32_t index = 0;
  uint32_t generation = 0;
  Slot* slot = nullptr;
  const Command* command = nullptr;
  std::vector<std::string> arguments;
  std::vector<std::string_view> argv;
  std::shared_ptr<ExecRun> exec;  // null: a single command
  bool frozen = false;            // read-only: answered from what its first pass saw
  uint16_t db = 0;
  uint8_t resp = 2;  // of the connection when the command came
  uint32_t runs = 0;
  uint32_t outstanding = 0;
  uint64_t bytes = 0;      // of the values it waits for
  std::string_view error;  // for the client
  SavedTxn saved;
  Owner input;  // of large arguments
  PreparedWrites prepared;
  // Those that are done keep what `saved` refers to.
  std::vector<std::unique_ptr<ParkedFetch>> fetches;
  std::vector<std::unique_ptr<ParkedRange>> ranges;

  bool sliced() const { return exec == nullptr && command->Is(kCmdWaves); }
  // Saved: what its earlier passes have seen is in its progress, and need not be seen again.
  bool progresses() const { return saved.progress != nullptr; }
};

void Executor::ParkedFetch::Done(Status status) {
  if (status.ok()) executor->control_.AddFetched(&parked->saved, {db, version, key, result()});
  executor->FetchDone(parked, "a value", status);
}

void Executor::ParkedRange::Done(Status status) {
  if (status.ok()) parked->saved.ranges.push_back(this);
  executor->FetchDone(parked, "keys", status);
}

// Parking is the way of every read from disk, so its memory is used again.
std::unique_ptr<Executor::Parked> Executor::TakeParked() {
  if (spare_parked_.empty()) return std::make_unique<Parked>();
  std::unique_ptr<Parked> parked = std::move(spare_parked_.back());
  spare_parked_.pop_back();
  return parked;
}

void Executor::GiveParked(std::unique_ptr<Parked> parked) {
  constexpr size_t kArgumentsMax = 8;
  constexpr size_t kArgumentBytesMax = 1024;
  constexpr size_t kReadsMax = 8;
  bool small = spare_parked_.size() < kSpareParkedMax &&
               parked->arguments.size() <= kArgumentsMax &&
               parked->saved.missing.capacity() <= kReadsMax &&
               parked->saved.fetched.capacity() <= kReadsMax &&
               parked->saved.frozen.capacity() <= kReadsMax &&
               parked->fetches.capacity() <= kReadsMax && parked->ranges.empty();
  for (const std::string& argument : parked->arguments)
    small = small && argument.capacity() <= kArgumentBytesMax;
  if (!small) return;
  parked->slot = nullptr;
  parked->command = nullptr;
  parked->exec.reset();
  parked->runs = parked->outstanding = 0;
  parked->bytes = 0;
  parked->error = {};
  parked->saved.Clear();
  parked->fetches.clear();
  parked->input.reset();
  parked->prepared.Clear();
  spare_parked_.push_back(std::move(parked));
}

Executor::Executor(Shared* shared, Engine* engine, SessionHost* host, ReactorCounters* counters,
                   uint32_t reactor)
    : shared_(shared),
      engine_(engine),
      host_(host),
      counters_(counters),
      reactor_(reactor),
      context_{shared, engine, host, counters, reactor},
      replies_(context_),
      books_(context_),
      blocked_(context_, &replies_, &books_),
      bridge_(context_, &replies_, &books_),
      look_ahead_(engine),
      control_(&txn_, engine, &shared->watches, reactor, shared->databases),
      sweep_(engine, &txn_, &control_) {}

Executor::~Executor() = default;

// Latched, after a pass with pending reads. Unlatches.
void Executor::Park(Connection* conn, const Command& command,
                    std::span<const std::string_view> argv, std::shared_ptr<ExecRun> exec) {
  std::unique_ptr<Parked> parked = TakeParked();
  parked->index = conn->index;
  parked->generation = conn->generation;
  parked->command = &command;
  parked->db = conn->db;
  parked->resp = conn->resp;
  parked->exec = std::move(exec);
  parked->frozen = parked->exec == nullptr && command.Is(kCmdReadOnly) && !command.Is(kCmdWaves);
  parked->input = PinInput(conn, argv);
  if (parked->input != nullptr) {
    parked->argv.assign(argv.begin(), argv.end());
  } else {
    parked->arguments.resize(argv.size());
    for (size_t i = 0; i < argv.size(); ++i) parked->arguments[i].assign(argv[i]);
    parked->argv.assign(parked->arguments.begin(), parked->arguments.end());
  }
  if (parked->frozen) {
    const CommandSpec& spec = command.spec;
    control_.Freeze(argv, KeySpec{spec.first_key, spec.last_key, spec.key_step});
  }
  control_.Save(&parked->saved);
  parked->slot = replies_.Expect(conn);
  if (parked->progresses()) KeepTickets(parked.get());
  if (parked->frozen) {
    books_.Show(*conn, command, argv);  // in the order in which it was asked
    for (const Txn::Missing& missing : parked->saved.missing) parked->bytes += missing.value_bytes;
    conn->parked_bytes += parked->bytes;
    if (++conn->parked_reads >= kParkedReadsMax ||
        conn->parked_bytes > Connection::kOutputPauseBytes) {
      conn->stall = Connection::kWaitsForReads;
    }
  } else {
    conn->stall = Connection::kWaitsForValues;
  }
  ++parked_count_;
  StartFetches(parked.release());
  control_.Unlatch();
}

// Latched: the versions to read are current. Each is read once. Takes the command over.
void Executor::StartFetches(Parked* parked) {
  std::vector<Txn::Missing>& missing = parked->saved.missing;
  const auto place = [](const Txn::Missing& one) { return std::tie(one.version, one.db, one.key); };
  auto less = [&](const Txn::Missing& a, const Txn::Missing& b) { return place(a) < place(b); };
  auto same = [&](const Txn::Missing& a, const Txn::Missing& b) { return place(a) == place(b); };
  std::sort(missing.begin(), missing.end(), less);
  missing.erase(std::unique(missing.begin(), missing.end(), same), missing.end());
  if (parked->progresses()) {
    parked->saved.ranges.clear();
    parked->ranges.clear();
  }
  std::vector<RangeQuery>& ranges = parked->saved.missing_ranges;
  parked->outstanding = static_cast<uint32_t>(missing.size() + ranges.size());
  if (parked->outstanding == 0) {
    slices_.emplace_back(parked);
    return;
  }
  for (Txn::Missing& wanted : missing) {
    auto fetch = std::make_unique<ParkedFetch>();
    fetch->executor = this;
    fetch->parked = parked;
    fetch->db = wanted.db;
    fetch->key = std::move(wanted.key);
    fetch->version = wanted.version;
    fetch->unknown = wanted.unknown;
    ParkedFetch* raw = fetch.get();
    parked->fetches.push_back(std::move(fetch));
    engine_->Fetch(reactor_, wanted.db, wanted.shard, raw->key, raw);
  }
  missing.clear();
  for (RangeQuery& wanted : ranges) {
    CAIRN_CHECK(!engine_->RangesInMemory(), "else they are not missing");
    auto range = std::make_unique<ParkedRange>();
    range->executor = this;
    range->parked = parked;
    static_cast<RangeQuery&>(*range) = std::move(wanted);
    ParkedRange* raw = range.get();
    parked->ranges.push_back(std::move(range));
    Txn::StartRange(engine_, reactor_, raw);
  }
  ranges.clear();
}

// The last one that a command waits for runs it.
void Executor::FetchDone(Parked* parked, const char* what, const Status& status) {
  if (!status.ok()) {
    host_->Log(3, std::string("reading ") + what + " failed: " + status.message());
    if (parked->error.empty())
      parked->error =
          status.code() == Code::kCorruption ? errors::kValueCorrupt : errors::kReadFailed;
  }
  if (--parked->outstanding == 0) RunParked(std::unique_ptr<Parked>(parked));
}

// Each slice shows something.
void Executor::KeepTickets(Parked* parked) {
  for (const Ticket& ticket : control_.tickets()) parked->slot->gate.Add(ticket);
}

// Latched, after a pending pass. Unlatches.
void Executor::ParkAgain(std::unique_ptr<Parked> parked) {
  parked->prepared.Clear();
  parked->slot->bytes.Clear();
  control_.Save(&parked->saved);
  parked->progresses() ? KeepTickets(parked.get()) : void(++parked->runs);
  StartFetches(parked.release());
  control_.Unlatch();
}

void Executor::RunParked(std::unique_ptr<Parked> parked) {
  Connection* conn = host_->FindConnection(parked->index, parked->generation);
  if (conn == nullptr) {
    --parked_count_;
    return;
  }
  books_.StartTimer();
  control_.SetGated(shared_->options.fsync.load(std::memory_order_relaxed) == FsyncPolicy::kAlways);
  OutBuffer* out = &parked->slot->bytes;
  if (!parked->error.empty() || parked->runs > kParkedRunsMax) {
    ReplyWriter(out, 2).Error(parked->error.empty() ? errors::kInternal : parked->error);
    books_.BookNow(*conn, *parked->command, parked->argv, out->ViewFrom(0), {});
    if (parked->exec != nullptr) {
      DropMulti(conn);
      DropWatches(conn);
    }
    FinishParked(std::move(parked), conn);
    return;
  }
  if (!parked->frozen) parked->saved.now_ms = context_.now_ms;
  control_.Load(&parked->saved, parked->db, parked->frozen);
  if (parked->exec != nullptr) {
    Pass pass = ExecPass(conn, parked->exec.get(), parked->prepared.unit.get(), true);
    if (pass == Pass::kLarge) {
      const std::shared_ptr<ExecRun> run = parked->exec;
      if (CopyParked(&parked, Sources(*run))) return;
      pass = CommitExec(conn, run.get(), nullptr);
    }
    if (pass == Pass::kBusy) {
      control_.Save(&parked->saved);
      parked->saved.missing.clear();
      retry_.push_back(std::move(parked));
      return;
    }
    if (pass == Pass::kPending) return ParkAgain(std::move(parked));
    KeepTickets(parked.get());
    control_.ForgetFetched();
    if (pass == Pass::kDone) {
      --parked_count_;
      parked->exec->slot = parked->slot;
      WalkExec(conn, parked->exec);
      return;
    }
    const std::string_view argv[] = {parked->exec->exec};
    out->Append(&scratch_);
    books_.BookNow(*conn, *parked->command, argv, out->ViewFrom(0), {});
    books_.Show(*conn, *parked->command, argv);
    FinishParked(std::move(parked), conn);
    return;
  }
  control_.SetSliced(parked->sliced());
  if (!parked->frozen) Latch(*parked->command, parked->argv);
  CallHandler(conn, *parked->command, parked->argv, out, parked->resp);
  control_.LookAtWatched();
  if (txn_.pending()) return ParkAgain(std::move(parked));
  Committed committed = Committed::kDone;
  if (!parked->frozen)
    committed = Commit(conn, *parked->command, out, 0, parked->prepared.unit.get(), true);
  if (committed == Committed::kLarge) {
    const LargeArguments source = {parked->argv, parked->input};
    const Command& command = *parked->command;
    if (CopyParked(&parked, {&source, 1})) return;
    committed = Commit(conn, command, out, 0, nullptr, false);
  }
  if (committed == Committed::kBusy) {
    out->Clear();
    control_.Save(&parked->saved);
    parked->saved.missing.clear();
    retry_.push_back(std::move(parked));
    return;
  }
  KeepTickets(parked.get());
  books_.BookNow(*conn, *parked->command, parked->argv, out->ViewFrom(0), TakeFigures());
  if (!parked->frozen) books_.Show(*conn, *parked->command, parked->argv);
  FinishParked(std::move(parked), conn);
}

// ---- large values ----

Executor::Copying::Copying() = default;
Executor::Copying::Copying(uint32_t number, uint32_t life) : index(number), generation(life) {}
Executor::Copying::~Copying() = default;
Executor::Copying::Copying(Copying&&) noexcept = default;
Executor::Copying& Executor::Copying::operator=(Copying&&) noexcept = default;

Owner Executor::PinInput(Connection* conn, std::span<const std::string_view> argv) {
  size_t bytes = 0;
  for (std::string_view argument : argv) bytes += argument.size();
  if (CAIRN_LIKELY(bytes < kLargeUnitBytes)) return nullptr;
  // Not with much more memory than the arguments need.
  if (2 * bytes < conn->in.held()) return nullptr;
  const char* const begin = conn->in.data();
  const char* const end = begin + conn->in.size();
  for (const std::string_view argument : argv) {  // some may stand elsewhere: unquoted, inline
    if (argument.data() < begin || argument.data() + argument.size() > end) return nullptr;
  }
  return conn->in.Pin();
}

std::vector<LargeArguments> Executor::Sources(const ExecRun& run) {
  std::vector<LargeArguments> sources;
  for (const QueuedCommand& queued : run.queue) sources.push_back({queued.argv, queued.memory});
  return sources;
}

bool Executor::CopyAhead(std::span<const LargeArguments> sources, Copying waiter) {
  std::vector<LargeArguments> all(sources.begin(), sources.end());
  std::vector<std::string_view> read;  // as RENAME and COPY write it again
  std::vector<Owner> memory;
  control_.ForEachKept([&](std::string_view value, const Owner& owner) {
    read.push_back(value);
    memory.push_back(owner);
  });
  all.push_back({read, nullptr});
  MarkSteady(control_.writes(), all);
  std::unique_ptr<PreparedUnit> unit = engine_->Prepare(reactor_, control_.writes());
  if (unit == nullptr) return false;
  control_.Unlatch();
  for (const LargeArguments& source : sources) {
    if (source.memory != nullptr) memory.push_back(source.memory);
  }
  copies_.Add({{std::move(unit), std::move(memory)}, std::move(waiter)});
  return true;
}

void Executor::StepSlices() {
  if (!slices_.empty()) {  // one of each, in turns
    std::unique_ptr<Parked> next = std::move(slices_.front());
    slices_.pop_front();
    RunParked(std::move(next));
  }
  copies_.DropGone([this](const Copying& waiter) {
    return waiter.parked == nullptr &&
           host_->FindConnection(waiter.index, waiter.generation) == nullptr;
  });
  LargeCopies<Copying>::Item done;
  if (!copies_.Step(&done)) return;
  if (done.waiter.parked != nullptr) {
    done.waiter.parked->prepared = std::move(done.writes);
    RunParked(std::move(done.waiter.parked));
    return;
  }
  Connection* conn = host_->FindConnection(done.waiter.index, done.waiter.generation);
  if (conn == nullptr || conn->stall != Connection::kWaitsForCopies) return;
  conn->prepared = std::move(done.writes);
  conn->stall = Connection::kRunning;
  host_->ResumeInput(conn);
}

// As CopyAhead. The parked command is gone if it is true.
bool Executor::CopyParked(std::unique_ptr<Parked>* parked,
                          std::span<const LargeArguments> sources) {
  Parked* waiting = parked->get();
  if (!CopyAhead(sources, {waiting->index, waiting->generation})) return false;
  waiting->slot->bytes.Clear();
  control_.Save(&waiting->saved);
  waiting->saved.missing.clear();
  copies_.newest().waiter.parked = std::move(*parked);
  return true;
}

void Executor::FinishParked(std::unique_ptr<Parked> parked, Connection* conn) {
  --parked_count_;
  Slot* slot = parked->slot;
  slot->replies = 1;
  replies_.Complete(conn, slot);
  bool resume = false;
  if (parked->frozen) {
    --conn->parked_reads;
    conn->parked_bytes -= parked->bytes;
    resume = conn->stall == Connection::kWaitsForReads &&
             conn->parked_reads < kParkedReadsMax / 2 &&
             conn->parked_bytes <= Connection::kOutputPauseBytes / 2;
  } else {
    resume = conn->stall == Connection::kWaitsForValues;
  }
  control_.ForgetFetched();
  GiveParked(std::move(parked));
  if (resume) {
    conn->stall = Connection::kRunning;
    host_->ResumeInput(conn);
  }
}

void Executor::RetryParked() {
  std::vector<std::unique_ptr<Parked>> retry = std::move(retry_);
  retry_.clear();
  for (auto& parked : retry) RunParked(std::move(parked));
}

}  // namespace cairn
