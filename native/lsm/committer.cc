#include "lsm/committer.h"

#include <rocksdb/write_batch.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "base/check.h"
#include "base/clock.h"
#include "lsm/key.h"
#include "lsm/look_ahead.h"
#include "lsm/memtable.h"
#include "lsm/slices.h"

namespace cairn::lsm {

namespace {

constexpr size_t kEncodedOverhead = 64;  // of a write in a batch

void Encode(const Batch& batch, rocksdb::WriteBatch* to) {
  std::string index_key;
  // First what goes beside the writes: those of the same batch may know better.
  for (const BatchRecord& record : batch.records) {
    if (record.deletion) {
      to->Delete(Sliced(record.key));
    } else {
      to->Put(Sliced(record.key), Sliced(record.value));
    }
  }
  for (const PendingWrite* write : batch.writes) {
    const std::string_view user_key = write->key.substr(kPrefixBytes);
    KeyPrefix prefix = ParseKey(write->key).prefix;
    prefix.index = key_value_index::kExpiry;
    if (write->drops_expiry()) {
      EncodeExpiryKey(prefix, write->old_expire_at_ms, user_key, &index_key);
      to->Delete(Sliced(index_key));
    }
    if (write->deletion()) {
      to->Delete(Sliced(write->key));
      continue;
    }
    to->Put(Sliced(write->key), Sliced(write->value));
    if (write->adds_expiry()) {
      EncodeExpiryKey(prefix, write->expire_at_ms, user_key, &index_key);
      to->Put(Sliced(index_key), {});
    }
  }
}

// That Encode makes of it.
size_t EntriesOf(const PendingWrite& write) {
  return 1 + (write.drops_expiry() ? 1 : 0) + (write.adds_expiry() ? 1 : 0);
}

// What this thread has given to RocksDB, and how far that is.
struct Writing {
  const Batch* batch = nullptr;
  Committer* synced = nullptr;  // who is to hear that it is being inserted, and so is synced
  size_t entries_left = 0;      // before the next write
  size_t next = 0;              // write
};
thread_local Writing writing;

// Before each insertion.
std::span<const std::string_view> KeysSoon(Writing* at) {
  if (at->entries_left != 0) {
    --at->entries_left;
    return {};
  }
  const std::vector<PendingWrite*>& writes = at->batch->writes;
  if (at->next == writes.size()) return {};
  at->entries_left = EntriesOf(*writes[at->next]) - 1;
  const size_t first = at->next++;
  if (first % kKeysSoonMax != 0) return {};
  thread_local std::string_view keys[kKeysSoonMax];
  const size_t count = std::min(kKeysSoonMax, writes.size() - first);
  for (size_t i = 0; i < count; ++i) keys[i] = writes[first + i]->key;
  return {keys, count};
}

}  // namespace

bool Committer::Start(Parts parts) {
  parts_ = std::move(parts);
  fsync_.store(parts_.fsync);
  started_.store(true, std::memory_order_release);
  return thread_.Start([this] { Work(); });
}

void Committer::Stop() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
    work_.notify_one();
    settled_.notify_all();
  }
  thread_.Join();
}

void Committer::Abandon() {
  {
    const std::lock_guard lock(mutex_);
    abandoned_ = true;
  }
  Stop();
}

// ---- from reactors ----

void Committer::Added(uint64_t bytes, bool awaited) {
  open_->touched = true;
  open_->bytes += bytes;
  staged_bytes_.fetch_add(bytes, std::memory_order_relaxed);
  latest_.store(open_->number, std::memory_order_release);
  open_any_.store(true, std::memory_order_relaxed);
  if (awaited && open_->awaited++ == 0) open_awaited_.store(true, std::memory_order_relaxed);
}

void Committer::Kick(bool all) {
  if (!open_awaited_.load(std::memory_order_relaxed) &&
      !(all && open_any_.load(std::memory_order_relaxed)))
    return;
  const std::lock_guard lock(mutex_);
  if (kicked_ || open_->awaited < gathered_wanted_) return;
  kicked_ = true;
  work_.notify_one();
}

void Committer::Sync() {
  const std::lock_guard lock(mutex_);
  sync_wanted_ = true;
  work_.notify_one();
}

StreamState Committer::State(std::string* reason) const {
  const StreamState state = state_.load(std::memory_order_acquire);
  if (reason != nullptr && state != StreamState::kRunning) {
    const std::lock_guard lock(state_mutex_);
    *reason = stopped_ || failed_ ? reason_ : refusal_;
  }
  return state;
}

void Committer::Refuse(bool refuse, const std::string& reason) {
  {
    const std::lock_guard lock(state_mutex_);
    if (refusing_ == refuse) return;
    refusing_ = refuse;
    refusal_ = reason;
    if (!stopped_ && !failed_)
      state_.store(refuse ? StreamState::kRefusing : StreamState::kRunning,
                   std::memory_order_release);
  }
  Announce();
}

bool Committer::AwaitWritten() {
  std::unique_lock lock(mutex_);
  const uint64_t wanted = latest_.load(std::memory_order_relaxed);
  if (written() >= wanted) return true;
  kicked_ = urgent_ = true;
  work_.notify_one();
  const auto hopeless = [this] { return state_.load() >= StreamState::kStopped; };
  settled_.wait(lock, [&] { return written() >= wanted || hopeless() || stop_; });
  return written() >= wanted;
}

// ---- the thread ----

void Committer::Work() {
  thread_id_.store(std::this_thread::get_id());
  std::unique_lock lock(mutex_);
  for (;;) {
    work_.wait(lock, [this] { return kicked_ || sync_wanted_ || stop_; });
    if (abandoned_) return;
    Gather(&lock);
    if (abandoned_) return;
    kicked_ = urgent_ = false;
    const bool ending = stop_;
    const bool sync = std::exchange(sync_wanted_, false) || ending;
    std::unique_ptr<Batch> batch = Seal();
    if (batch == nullptr && !sync) continue;
    lock.unlock();
    const Outcome outcome = Commit(batch.get(), sync);
    lock.lock();
    if (outcome == Outcome::kGivenUp) {
      given_up_ = std::move(batch);
      return;
    }
    if (batch != nullptr) {
      batch->Clear();
      spare_ = std::move(batch);
    }
    if (ending) return;
  }
}

void Committer::Gather(std::unique_lock<std::mutex>* lock) {
  const auto urgent = [this] { return urgent_ || sync_wanted_ || stop_; };
  if (urgent() || fsync_.load(std::memory_order_relaxed) != FsyncPolicy::kAlways) return;
  gathered_wanted_ = gathering_.Wanted(open_->awaited);
  if (gathered_wanted_ == 0) return;
  kicked_ = false;
  work_.wait_for(*lock, std::chrono::nanoseconds(gathering_.WaitNanos()),
                 [&] { return kicked_ || urgent(); });
  if (!urgent()) gathering_.Waited(open_->awaited >= gathered_wanted_);
  gathered_wanted_ = 0;
}

std::unique_ptr<Batch> Committer::Seal() {
  if (open_->empty()) return nullptr;
  parts_.seal(open_.get());
  std::unique_ptr<Batch> sealed = std::move(open_);
  open_ = spare_ != nullptr ? std::move(spare_) : std::make_unique<Batch>();
  open_->number = next_number_++;
  open_awaited_.store(false, std::memory_order_relaxed);
  open_any_.store(false, std::memory_order_relaxed);
  return sealed;
}

Committer::Outcome Committer::Commit(Batch* batch, bool sync) {
  rocksdb::WriteOptions options;
  options.sync = sync || fsync_.load(std::memory_order_relaxed) == FsyncPolicy::kAlways;
  const uint64_t started = MonotonicNanos();
  rocksdb::Status status;
  if (batch != nullptr) {
    rocksdb::WriteBatch encoded(batch->bytes + batch->writes.size() * kEncodedOverhead);
    Encode(*batch, &encoded);
    writing = {.batch = batch,
               .synced = options.sync ? this : nullptr,
               .entries_left = batch->records.size()};
    status = parts_.db->Write(options, &encoded);
    writing = {};
  } else {
    status = parts_.db->SyncWAL();
  }
  if (!status.ok()) {
    figures_.errors.fetch_add(1, std::memory_order_relaxed);
    SetState(StreamState::kFailed, "RocksDB: " + status.ToString());
    return Outcome::kGivenUp;
  }
  const uint64_t nanos = MonotonicNanos() - started;
  figures_.nanos.fetch_add(nanos, std::memory_order_relaxed);
  bool tell = false;
  {
    const std::lock_guard lock(mutex_);
    tell = std::exchange(room_wanted_, false);
    if (reached_ns_ > started)
      gathering_.Committed(reached_ns_ - started, started + nanos - reached_ns_);
    if (batch != nullptr) {
      figures_.batches.fetch_add(1, std::memory_order_relaxed);
      figures_.bytes.fetch_add(batch->bytes, std::memory_order_relaxed);
      staged_bytes_.fetch_sub(batch->bytes, std::memory_order_relaxed);
      written_.store(batch->number, std::memory_order_release);
    }
    if (options.sync) {
      figures_.syncs.fetch_add(1, std::memory_order_relaxed);
      const uint64_t durable = written_.load(std::memory_order_relaxed);
      tell |= durable_.exchange(durable, std::memory_order_acq_rel) < durable;
    }
    settled_.notify_all();
  }
  if (tell) parts_.listener->OnDurable(0);
  if (batch != nullptr) Retire(batch);
  parts_.settled(batch, durable());
  return Outcome::kDone;
}

std::span<const std::string_view> Committer::Inserting() {
  if (writing.batch == nullptr) return {};
  if (Committer* const synced = std::exchange(writing.synced, nullptr))
    synced->Reached(*writing.batch);
  return KeysSoon(&writing);
}

void Committer::Reached(const Batch& batch) {
  {
    const std::lock_guard lock(mutex_);
    reached_ns_ = MonotonicNanos();
    durable_.store(batch.number, std::memory_order_release);
    gathering_.Synced(batch.awaited + open_->awaited);
  }
  parts_.listener->OnDurable(0);
}

void Committer::Retire(Batch* batch) {
  // RocksDB shows it all: reads that do not find it here any more find it there.
  KeyAhead ahead[kKeysAheadMax];
  for (size_t i = 0; i < batch->writes.size(); ++i) {
    if (i % kKeysAheadMax == 0) {
      size_t count = 0;
      for (; count < kKeysAheadMax && i + count < batch->writes.size(); ++count)
        ahead[count] = {batch->writes[i + count]->shard, batch->writes[i + count]->hash};
      LookAhead(std::span(ahead, count), parts_.latch, *parts_.index, *parts_.records);
    }
    PendingWrite* const write = batch->writes[i];
    const LatchGuard guard(parts_.latch(write->shard));
    if (!parts_.index->Remove(write)) continue;
    // One that was turned off still has records, and shows them.
    if (write->deletion() || !parts_.records->on()) {
      parts_.records->Erase(write->shard, write->key, write->hash);
    } else {
      parts_.records->Put(write->shard, write->key, write->hash, write->value, true);
    }
  }
}

void Committer::SetWaiting(bool waits, std::string reason) {
  SetState(waits ? StreamState::kStopped : StreamState::kRunning, std::move(reason));
}

void Committer::SetState(StreamState state, std::string reason) {
  if (state == StreamState::kRunning && state_.load() < StreamState::kStopped) return;
  {
    const std::lock_guard lock(state_mutex_);
    stopped_ = state == StreamState::kStopped;
    failed_ = state == StreamState::kFailed;
    reason_ = std::move(reason);
    if (state == StreamState::kRunning && refusing_) state = StreamState::kRefusing;
    state_.store(state, std::memory_order_release);
  }
  Announce();
}

void Committer::Announce() {
  {
    const std::lock_guard lock(mutex_);
    settled_.notify_all();
  }
  if (started_.load(std::memory_order_acquire)) parts_.listener->OnDurable(0);
}

}  // namespace cairn::lsm
