// A small driver around an engine for tests: one or more reactors in one thread, with helpers that
// run until durable. Engines bring their own face of it (vlog_testing.h; engine_host.h for the
// contract suite, which knows the contract alone).
#pragma once

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <thread>
#include <vector>

#include "base/slot.h"
#include "engine/completion_list.h"
#include "engine/engine.h"
#include "engine/stats.h"
#include "io/disk.h"

namespace cairn::testing {

struct Read : FetchRequest {
  std::optional<Status> status;
  void Done(Status result) override { status = std::move(result); }
};

// What completes elsewhere, run by the thread of the test.
class Port final : public CompletionPort {
 public:
  void Post(Completion* completion) override { completions_.Add(completion); }
  size_t Run() { return completions_.Run(); }

 private:
  CompletionList completions_;
};

struct ReadKeys : RangeRequest {
  std::optional<Status> status;
  void Done(Status result) override { status = std::move(result); }
};

// Says an option of the engine's own.
inline void SetOwn(EngineOptions* options, const std::string& name, const std::string& value) {
  std::erase_if(options->own, [&](const OptionText& own) { return own.name == name; });
  options->own.push_back({name, value});
}

// An engine with `reactors` reactors that all run in the calling thread.
template <class EngineType, class Options = EngineOptions>
class EngineDriver : public DurabilityListener {
 public:
  EngineDriver(Disk* disk, const Options& options) : disk_(disk), options_(options) {}
  ~EngineDriver() override {
    if (engine != nullptr) (void)Stop();
  }

  Result<RecoveryReport> Start() {
    engine = Make();
    Result<RecoveryReport> report = engine->Open(options_, disk_, this);
    if (!report.ok()) {
      engine.reset();
      return report;
    }
    for (uint32_t r = 0; r < options_.reactors; ++r) {
      queues_.push_back(std::move(disk_->NewQueue(IoQueueOptions(), nullptr).value()));
      engine->AttachReactor(r, queues_.back().get(), &port_);
    }
    return report;
  }
  Status Stop() {
    Drain();
    for (uint32_t r = 0; r < options_.reactors; ++r) engine->DetachReactor(r);
    Status status = engine->Close();
    engine.reset();
    queues_.clear();
    return status;
  }
  // As after kill -9: nothing is written any more.
  void Abandon() {
    Drain();
    for (uint32_t r = 0; r < options_.reactors; ++r) engine->DetachReactor(r);
    Die(engine.get());
    engine.reset();
    queues_.clear();
  }
  void Drain() {
    for (int i = 0; i < 100000 && InFlight() != 0; ++i) Poll(1);
    REQUIRE(InFlight() == 0);
  }
  uint32_t InFlight() const {
    uint32_t sum = 0;
    for (const auto& queue : queues_) sum += queue->in_flight();
    return sum;
  }
  void Poll(uint32_t wait_ms = 0) {
    for (uint32_t r = 0; r < queues_.size(); ++r) {
      queues_[r]->Flush();
      if (wait_ms != 0 && queues_[r]->in_flight() != 0) {
        queues_[r]->Wait(wait_ms);
      } else {
        queues_[r]->Poll();
      }
    }
    port_.Run();
  }
  // One turn of every reactor, `ms` later.
  void Turn(uint64_t ms = 10, uint32_t wait_ms = 0) {
    now_ms += ms;
    Poll(wait_ms);
    for (uint32_t r = 0; r < queues_.size(); ++r) {
      engine->TurnEnd(r);
      engine->Tick(r, now_ms);
    }
  }

  // One turn of one reactor: what the others have at the disk stays there.
  void TurnOf(uint32_t reactor, uint64_t ms = 10) {
    now_ms += ms;
    queues_[reactor]->Flush();
    queues_[reactor]->Poll();
    port_.Run();
    engine->TurnEnd(reactor);
    engine->Tick(reactor, now_ms);
  }

  WriteOp Put(uint16_t ns, std::string_view key, std::string_view value,
              uint64_t expire = 0) const {
    WriteOp op;
    op.kind = WriteKind::kPut;
    op.ns = ns;
    op.shard = ShardOf(key);
    op.key = key;
    op.value = value;
    op.expire_at_ms = expire;
    return op;
  }
  WriteOp Del(uint16_t ns, std::string_view key) const {
    WriteOp op = Put(ns, key, {});
    op.kind = WriteKind::kDelete;
    return op;
  }
  WriteOp Expire(uint16_t ns, std::string_view key, uint64_t expire) const {
    WriteOp op = Put(ns, key, {}, expire);
    op.kind = WriteKind::kExpire;
    return op;
  }
  WriteOp Flush(uint16_t ns) const {
    WriteOp op;
    op.kind = WriteKind::kFlush;
    op.ns = ns;
    return op;
  }
  WriteOp Swap(uint16_t a, uint16_t b) const {
    WriteOp op;
    op.kind = WriteKind::kSwap;
    op.ns = a;
    op.other_ns = b;
    return op;
  }

  uint64_t applied_ = 0;
  Status TryApply(const std::vector<WriteOp>& ops, std::vector<Ticket>* tickets,
                  uint32_t reactor = 0) {
    std::vector<Ticket> room(engine->streams());
    uint32_t count = 0;
    std::set<uint32_t> shards;
    for (const WriteOp& op : ops) {
      const bool all = op.kind == WriteKind::kFlush || op.kind == WriteKind::kSwap;
      for (uint32_t shard = 0; all && shard < kShardCount; ++shard) shards.insert(shard);
      if (!all) shards.insert(op.shard);
    }
    // Large values are prepared every other time: both ways are to be the same.
    std::vector<WriteOp> given = ops;
    for (WriteOp& op : given) op.steady = true;
    std::deque<std::string> values;
    if (!engine->KeepsExpiryApart()) PutExpiries(&given, &values);
    if (engine->WantsBefore()) SetBefore(&given);
    std::unique_ptr<PreparedUnit> prepared;
    if (++applied_ % 2 == 0) prepared = engine->Prepare(reactor, given);
    while (prepared != nullptr && !prepared->Step(kLargeUnitBytes / 3)) {
    }
    for (uint32_t shard : shards) engine->ShardLatch(shard).Lock();
    Status status = engine->Apply(reactor, given, room.data(), &count, prepared.get());
    for (uint32_t shard : shards) engine->ShardLatch(shard).Unlock();
    room.resize(count);
    *tickets = room;
    return status;
  }
  bool Durable(const std::vector<Ticket>& tickets) const {
    for (const Ticket& ticket : tickets) {
      if (!engine->Durable(ticket)) return false;
    }
    return true;
  }
  // Applies and waits until durable.
  Status Write(const std::vector<WriteOp>& ops) {
    std::vector<Ticket> tickets;
    Status status;
    for (int i = 0; i < 10000; ++i) {
      status = TryApply(ops, &tickets);
      if (status.code() != Code::kBusy) break;
      Turn(10, 1);
      if (HasThreads() && InFlight() == 0) {  // for the maintenance thread
        std::this_thread::sleep_for(std::chrono::milliseconds(1));
      }
    }
    for (int i = 0; status.ok() && !Durable(tickets); ++i) {
      REQUIRE(i < 100000);
      for (const Ticket& ticket : tickets) {
        std::string reason;
        if (engine->State(ticket.stream, &reason) == StreamState::kFailed)
          return Status(Code::kIoError, reason);
      }
      Turn(10, 1);
    }
    return status;
  }
  Entry Meta(uint16_t ns, std::string_view key) {
    Entry entry;
    Read read;
    {
      LatchGuard guard(engine->ShardLatch(ShardOf(key)));
      engine->Find(ns, ShardOf(key), key, false, &entry);
      if (!entry.unknown) return entry;
      StartFetch(ns, key, entry, &read);
    }
    Await(&read);
    if (!read.status->ok()) FAIL(read.status->message());
    entry.found = read.result().found;
    entry.type = read.result().type;
    entry.expire_at_ms = read.result().expire_at_ms;
    entry.value_bytes = read.value().size();
    return entry;
  }
  // The value, from wherever it is; nothing if there is no such key.
  std::optional<std::string> Get(uint16_t ns, std::string_view key, Status* status = nullptr) {
    Entry entry;
    Read read;
    {
      LatchGuard guard(engine->ShardLatch(ShardOf(key)));
      engine->Find(ns, ShardOf(key), key, true, &entry);
      if (!entry.found && !entry.unknown) return std::nullopt;
      if (entry.resident) {
        CHECK(entry.value.size() == entry.value_bytes);
        return std::string(entry.value);
      }
      StartFetch(ns, key, entry, &read);
    }
    Await(&read);
    if (status != nullptr) *status = *read.status;
    if (!read.status->ok()) {
      if (status == nullptr) FAIL(read.status->message());
      return std::nullopt;
    }
    if (!read.result().found) return std::nullopt;
    if (!entry.unknown) CHECK(read.value().size() == entry.value_bytes);
    return std::string(read.value());
  }
  // [latched]
  void StartFetch(uint16_t ns, std::string_view key, const Entry& entry, Read* read) {
    read->version = entry.version;
    read->unknown = entry.unknown;
    engine->Fetch(0, ns, ShardOf(key), key, read);
    CHECK_FALSE(read->status.has_value());
  }
  template <typename Request>
  void Await(Request* request) {
    for (int i = 0; i < 100000 && !request->status; ++i) AwaitRead();
    REQUIRE(request->status.has_value());
  }
  // For engines that keep an expiry with the value: a new one is written with the value.
  void PutExpiries(std::vector<WriteOp>* ops, std::deque<std::string>* values) {
    for (size_t i = 0; i < ops->size(); ++i) {
      WriteOp& op = (*ops)[i];
      if (op.kind != WriteKind::kExpire) continue;
      op.kind = WriteKind::kPut;
      size_t earlier = i;
      while (earlier > 0 && ((*ops)[earlier - 1].ns != op.ns || (*ops)[earlier - 1].key != op.key))
        --earlier;
      if (earlier > 0) {
        op.value = (*ops)[earlier - 1].value;
        continue;
      }
      values->push_back(Get(op.ns, op.key).value_or(""));
      op.value = values->back();
    }
  }
  // For engines that want to hear what was there.
  void SetBefore(std::vector<WriteOp>* ops) {
    std::map<std::pair<uint16_t, std::string>, Entry> known;
    bool whole = false;
    for (WriteOp& op : *ops) {
      whole |= op.kind == WriteKind::kFlush || op.kind == WriteKind::kSwap;
      if (whole || op.before != WriteOp::Before::kNotAsked) continue;
      const auto place = std::make_pair(op.ns, std::string(op.key));
      if (!known.contains(place)) known[place] = Meta(op.ns, op.key);
      Entry& entry = known[place];
      op.before = entry.found ? WriteOp::Before::kFound : WriteOp::Before::kMissing;
      op.before_expire_at_ms = entry.found ? entry.expire_at_ms : 0;
      entry.found = op.kind != WriteKind::kDelete;
      entry.expire_at_ms = op.expire_at_ms;
    }
  }

  void OnDurable(uint32_t) override { ++durable_calls; }

  std::unique_ptr<EngineType> engine;
  std::atomic<uint64_t> durable_calls{0};
  uint64_t now_ms = 1000;

 protected:
  virtual std::unique_ptr<EngineType> Make() = 0;
  // As if the process had died; all reactors detached.
  virtual void Die(EngineType* engine) = 0;
  // Of its own, which a driver has to wait for.
  virtual bool HasThreads() const = 0;
  // Lets a read from disk come nearer.
  virtual void AwaitRead() { Poll(1); }

  Disk* disk_;
  Options options_;

 private:
  std::vector<std::unique_ptr<IoQueue>> queues_;
  Port port_;
};

}  // namespace cairn::testing
