#include "session/serving.h"

#include <algorithm>
#include <utility>

#include "command/command.h"
#include "session/session_host.h"

namespace cairn {

void BlockedCommand::Take(const Command& its, std::span<const std::string_view> arguments) {
  command = &its;
  words.assign(arguments.begin(), arguments.end());
  argv.assign(words.begin(), words.end());
}

void BlockedCommand::Say(size_t argument, std::string_view word) {
  words[argument] = word;
  argv[argument] = words[argument];
}

bool Serving::Waiting() const { return context_.shared->waiters.waiting(); }

void Serving::Forget() {
  served_.clear();
  chosen_.clear();
  told_.clear();
}

// The writes grow while those who wait are served: what a BLMOVE pushes serves others.
void Serving::RunAll() {
  const uint16_t db = txn_.db();
  const WaiterTable& table = context_.shared->waiters;
  bool whole = false;
  control_.SetServing(true);
  // Keys that somebody waits for, and up to which write they are done with.
  struct Seen {
    uint16_t db;
    std::string_view key;
    size_t writes;
  };
  std::vector<Seen> seen;
  for (size_t i = 0; i < control_.writes().size() && !txn_.pending(); ++i) {
    const WriteOp op = control_.writes()[i];
    if (op.kind == WriteKind::kFlush || op.kind == WriteKind::kSwap) {
      whole = true;
      continue;
    }
    if (table.Of(op.shard, op.ns, op.key) == nullptr) continue;
    auto known = std::find_if(seen.begin(), seen.end(), [&](const Seen& one) {
      return one.db == op.ns && one.key == op.key;
    });
    if (known == seen.end()) known = seen.insert(known, {op.ns, op.key, 0});
    if (i < known->writes) continue;
    if (!RunKey(op.ns, op.shard, op.key)) break;
    known->writes = control_.writes().size();
  }
  if (whole && !txn_.pending()) {
    // Any key may have come, or gone; all latches are held.
    std::vector<WatchedKey> keys;
    table.ForEachKey([&](const WatchedKey& key) { keys.push_back(key); });
    for (const WatchedKey& key : keys) {
      if (!RunKey(key.db, key.shard, key.key)) break;
    }
  }
  control_.SetServing(false);
  txn_.set_db(db);
}

// False: the pass is pending.
bool Serving::RunKey(uint16_t db, uint16_t shard, std::string_view key) {
  const WaiterTable::Queue* const queue = context_.shared->waiters.Of(shard, db, key);
  if (queue == nullptr) return true;
  for (const auto& [order, waiter] : queue->waiters) {
    if (!waiter->waits() || chosen_.count(waiter.get()) != 0) continue;
    txn_.set_db(db);
    const KeyMeta meta = txn_.Peek(key);
    if (txn_.pending()) return false;
    if (!meta.found && queue->when_gone == 0) return true;
    if (!waiter->terms.when_gone && (!meta.found || meta.type != waiter->terms.type)) continue;
    if (served_.size() == kServedMax) {
      told_.push_back({nullptr, db, shard, std::string(key)});
      return true;
    }
    if (!RunOne(waiter)) return false;
  }
  return true;
}

bool Serving::RunOne(const std::shared_ptr<Waiter>& waiter) {
  const auto blocked = std::static_pointer_cast<BlockedCommand>(waiter);
  const uint64_t begun = __builtin_ia32_rdtsc();
  Served served;
  // Booked by itself: what the pass counts goes on where it was.
  const PassFigures before = {txn_.hits, txn_.misses, txn_.expired, 0};
  const int64_t extra = std::exchange(txn_.extra_changes, 0);
  const size_t writes = txn_.write_count();
  txn_.hits = txn_.misses = txn_.expired = 0;
  ReplyWriter reply(&served.reply, blocked->client.resp, &txn_);
  txn_.set_count_hits(blocked->command->Is(kCmdReadOnly));
  // A copy: somebody else may be trying to serve it at this moment.
  Client client;
  client.id = blocked->client.id;
  client.db = blocked->client.db;
  client.resp = blocked->client.resp;
  Call call{blocked->argv, txn_, reply, client, context_.shared->context};
  control_.SetMayWait(true);
  blocked->command->spec.handler(call);
  control_.SetMayWait(false);
  const auto written = static_cast<int64_t>(txn_.write_count() - writes);
  const int64_t changes = written - txn_.expired + txn_.extra_changes;
  served.figures = {txn_.hits, txn_.misses, txn_.expired, static_cast<uint64_t>(changes)};
  txn_.hits = before.hits;
  txn_.misses = before.misses;
  txn_.expired = before.expired;
  txn_.extra_changes = extra - written;
  if (txn_.pending()) return false;
  if (control_.TakeApart()) {
    chosen_.insert(waiter.get());
    told_.push_back({waiter, 0, 0, {}});
  }
  if (control_.TakeWait()) return true;  // it goes on waiting
  served.nanos = static_cast<uint64_t>(static_cast<double>(__builtin_ia32_rdtsc() - begun) *
                                       context_.shared->nanos_per_tick);
  served.waiter = blocked;
  chosen_.insert(waiter.get());
  served_.push_back(std::move(served));
  return true;
}

bool Serving::ClaimAll() {
  for (size_t i = 0; i < served_.size(); ++i) {
    if (served_[i].waiter->Claim()) continue;
    while (i-- > 0) served_[i].waiter->state.store(Waiter::State::kWaiting);
    Forget();
    txn_.Again();
    return false;
  }
  return true;
}

void Serving::SettleAll(bool committed) {
  chosen_.clear();
  if (!committed) {
    for (const Served& served : served_) served.waiter->state.store(Waiter::State::kWaiting);
    return Forget();
  }
  for (const Served& served : served_) {
    served.waiter->state.store(Waiter::State::kOver);
    RemoveLatched(*served.waiter);
  }
  TellOthers();
}

void Serving::TellOthers() {
  std::vector<std::shared_ptr<Waiter>> others;
  for (const Told& told : told_) {
    if (told.waiter != nullptr) {
      if (told.waiter->Claim(Waiter::State::kOver)) others.push_back(told.waiter);
      continue;
    }
    const WaiterTable::Queue* const queue =
        context_.shared->waiters.Of(told.shard, told.db, told.key);
    if (queue == nullptr) continue;
    for (const auto& [order, waiter] : queue->waiters) {
      if (waiter->Claim(Waiter::State::kOver)) others.push_back(waiter);
    }
  }
  told_.clear();
  Tell(others);
}

void Serving::Gone(uint16_t db, uint16_t shard, std::string_view key) {
  Forget();
  if (!Waiting()) return;
  const WaiterTable::Queue* const queue = context_.shared->waiters.Of(shard, db, key);
  if (queue == nullptr || queue->when_gone == 0) return;
  std::vector<std::shared_ptr<Waiter>> others;
  for (const auto& [order, waiter] : queue->waiters) {
    if (waiter->terms.when_gone && waiter->Claim(Waiter::State::kOver)) others.push_back(waiter);
  }
  Tell(others);
}

// Claimed, each.
void Serving::Tell(const std::vector<std::shared_ptr<Waiter>>& others) {
  for (const std::shared_ptr<Waiter>& waiter : others) {
    RemoveLatched(*waiter);
    Served served;
    served.waiter = std::static_pointer_cast<BlockedCommand>(waiter);
    served.again = true;
    served_.push_back(std::move(served));
  }
}

// The rest of its keys are left to its own reactor.
void Serving::RemoveLatched(const Waiter& waiter) {
  for (const WatchedKey& key : waiter.keys) {
    if (control_.Latched(key.shard)) context_.shared->waiters.Remove(key, waiter);
  }
}

void Serving::SendAll() {
  const std::vector<Ticket>& tickets = control_.tickets();
  for (Served& served : std::exchange(served_, {})) {
    served.tickets.assign(tickets.begin(), tickets.end());
    context_.host->SendServed(std::move(served));
  }
}

}  // namespace cairn
