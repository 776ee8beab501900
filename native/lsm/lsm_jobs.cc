// What goes on in the background of an lsm engine: room on the disk, saves, collections that were
// dropped, stale entries of the expiry index.
#include <rocksdb/convenience.h>

#include <algorithm>
#include <chrono>
#include <iterator>
#include <string>
#include <utility>
#include <vector>

#include "base/check.h"
#include "base/clock.h"
#include "lsm/key.h"
#include "lsm/lsm_engine.h"
#include "lsm/slices.h"

namespace cairn::lsm {

namespace {

constexpr uint64_t kJobMillis = 100;
constexpr uint64_t kTrimMillis = 1000;
constexpr uint64_t kCleanAfterMillis = 5000;  // after the last flush of a namespace
constexpr size_t kDroppedMany = 1024;         // collections: then at once
constexpr uint64_t kStallMillis = 5000;
constexpr uint64_t kMarkMillis = 1000;
// What compactions need beside what is told to be kept free.
constexpr uint64_t kFreeBytesLast = 4u << 20;

// What clients keep in a collection: first key, and first one behind it.
struct CollectionRange {
  explicit CollectionRange(uint32_t collection) {
    char prefix[kPrefixBytes];
    EncodePrefix({.collection = collection}, prefix);
    begin.assign(prefix, kCollectionPrefixBytes);
    end = PrefixSuccessor(begin);
  }
  std::string begin;
  std::string end;
};

}  // namespace

void LsmEngine::RunJobs() {
  std::unique_lock lock(jobs_mutex_);
  while (!jobs_stop_) {
    jobs_wake_.wait_for(lock, std::chrono::milliseconds(kJobMillis),
                        [this] { return jobs_stop_ || flush_wanted_ > saves_.done; });
    if (jobs_stop_) return;
    const uint64_t flush = flush_wanted_ > saves_.done ? flush_wanted_ : 0;
    const bool clean = drops_waiting_ && !events_->compactions_failed() &&
                       (dropped_.size() >= kDroppedMany ||
                        MonotonicMillis() >= dropped_at_ms_ + kCleanAfterMillis);
    if (clean) drops_waiting_ = false;
    // Without `always`, nobody else may ever sync.
    const uint64_t now = MonotonicMillis();
    const bool sync = any_undurable_drop_ && now >= drops_synced_ms_ + kCleanAfterMillis;
    if (sync) drops_synced_ms_ = now;
    lock.unlock();
    if (sync) committer_->Sync();
    if (flush != 0) Flush(flush);
    if (clean) CleanDropped();
    lock.lock();
  }
}

// What must go on while a job takes its time.
void LsmEngine::Watch() {
  uint64_t stalled_since = 0;
  std::unique_lock lock(jobs_mutex_);
  while (!jobs_stop_) {
    jobs_wake_.wait_for(lock, std::chrono::milliseconds(kJobMillis),
                        [this] { return jobs_stop_.load(); });
    if (jobs_stop_) return;
    lock.unlock();
    // An end waits for what an operator has asked for.
    if (options_.stop != nullptr && options_.stop->load()) compact_canceled_ = true;
    CheckRoom();
    if (events_->compactions_failed() && !compactions_stopped_) {
      compactions_stopped_ =
          db_->SetOptions({{"disable_auto_compactions", "true"}}).ok();  // else again
    }
    // Old versions can forget to schedule the compaction that ends a stall.
    const uint64_t now = MonotonicMillis();
    if (now >= mark_synced_ms_ + kMarkMillis) {
      mark_.Sync();
      mark_synced_ms_ = now;
    }
    if (!events_->stopped() || stalled_since == 0) stalled_since = now;
    if (now >= stalled_since + kStallMillis && !events_->compactions_failed()) {
      (void)db_->EnableAutoCompaction({db_->DefaultColumnFamily()});
      stalled_since = now;
    }
    lock.lock();
  }
}

// Refuses writes while there is still room for what memtables have yet to become.
void LsmEngine::CheckRoom() {
  const Result<uint64_t> free = disk_->FreeBytes(options_.dir);
  if (!free.ok()) return;
  free_bytes_.store(free.value(), std::memory_order_relaxed);
  uint64_t memtables = 0;
  (void)db_->GetIntProperty(rocksdb::DB::Properties::kCurSizeAllMemTables, &memtables);
  const uint64_t wanted =
      min_free_bytes_.load(std::memory_order_relaxed) + memtables + kFreeBytesLast;
  TrimArchive(free.value() < wanted + tuning_.reserve_bytes);
  if (free.value() >= wanted + tuning_.reserve_bytes) KeepReserve();
  const bool reserve = [this] {
    const std::lock_guard lock(reserve_mutex_);
    return reserve_;
  }();
  committer_->Refuse(free.value() < wanted || !reserve,
                     options_.dir + ": the disk is full: " + std::to_string(free.value() >> 20) +
                         " MB are free, " + std::to_string(wanted >> 20) +
                         " MB are kept for what is in memory");
}

// Logs that are kept for who reads on from an older point: RocksDB itself looks after them every
// ten minutes only, and knows no bound that moves with the room that there is.
void LsmEngine::TrimArchive(bool all) {
  const uint64_t now = MonotonicMillis();
  if (!all && now < trimmed_at_ms_ + kTrimMillis) return;
  trimmed_at_ms_ = now;
  const std::string dir = options_.dir + "/rocksdb/archive";
  std::vector<std::string> names;
  if (!env_->GetChildren(dir, &names).ok()) return;
  std::sort(names.rbegin(), names.rend());  // the newest first: numbers of six digits and more
  std::stable_sort(names.begin(), names.end(),
                   [](const std::string& a, const std::string& b) { return a.size() > b.size(); });
  uint64_t kept = 0;
  for (const std::string& name : names) {
    if (!name.ends_with(".log")) continue;
    uint64_t bytes = 0;
    const std::string path = dir + "/" + name;
    if (!env_->GetFileSize(path, &bytes).ok()) continue;
    kept += bytes;
    if (all || kept > own_.max_total_wal_bytes) (void)env_->DeleteFile(path);
  }
}

// A file that takes room and is given up when RocksDB finds none: so that deletes, which need a
// little, go on.
void LsmEngine::FindReserve() {
  const std::lock_guard lock(reserve_mutex_);
  const Result<std::unique_ptr<File>> file =
      disk_->OpenDirect(ReservePath(), Disk::Mode::kReadWrite);
  if (!file.ok()) return;
  // Its blocks are asked for again: a power failure may have left the size alone. One that was cut
  // short gives back what it has, for who is short of room when the server starts.
  const Result<uint64_t> bytes = file.value()->Size();
  reserve_ = bytes.ok() && bytes.value() >= tuning_.reserve_bytes &&
             file.value()->Allocate(0, tuning_.reserve_bytes).ok();
  if (!reserve_) (void)disk_->Remove(ReservePath());
}

void LsmEngine::KeepReserve() {
  const std::lock_guard lock(reserve_mutex_);
  if (reserve_) return;
  Result<std::unique_ptr<File>> file = disk_->OpenDirect(ReservePath(), Disk::Mode::kCreate);
  if (!file.ok()) return;
  reserve_ = file.value()->Allocate(0, tuning_.reserve_bytes).ok();
  if (!reserve_) (void)disk_->Remove(ReservePath());
}

bool LsmEngine::ReleaseReserve() {
  const std::lock_guard lock(reserve_mutex_);
  if (!reserve_) return false;
  reserve_ = false;
  if (!disk_->Remove(ReservePath()).ok()) return false;
  committer_->Refuse(true,
                     options_.dir + ": the disk is full: what was kept for deletes is in use");
  return true;
}

// A thread of RocksDB, or of ours in RocksDB, waits for room on the disk.
void LsmEngine::Waits(bool waits, const std::string& reason) {
  if (committer_->IsThisThread()) {
    committer_->SetWaiting(waits, options_.dir + ": the disk is full: " + reason);
  } else if (waits) {
    committer_->Refuse(
        true, options_.dir + ": the disk is full: " + reason);  // until CheckRoom finds some
    events_->Notice("the disk is full, background work waits: " + reason);
  }
}

uint64_t LsmEngine::RequestSave() {
  const std::lock_guard lock(jobs_mutex_);
  jobs_wake_.notify_all();
  // One that is being served may have begun before what is to be saved was written.
  return ++flush_wanted_;
}

SaveStats LsmEngine::Saves() const {
  const std::lock_guard lock(jobs_mutex_);
  return saves_;
}

void LsmEngine::Flush(uint64_t wanted) {
  const uint64_t started = MonotonicMillis();
  {
    const std::lock_guard lock(jobs_mutex_);
    saves_.running = true;
  }
  std::string error;
  if (!committer_->AwaitWritten()) {
    committer_->State(&error);
    if (error.empty()) error = "the engine is being closed";
  }
  if (error.empty()) {
    rocksdb::FlushOptions options;
    options.allow_write_stall = true;
    const rocksdb::Status status = db_->Flush(options);
    if (!status.ok()) error = "RocksDB: " + status.ToString();
  }
  const std::lock_guard lock(jobs_mutex_);
  saves_.running = false;
  saves_.done = wanted;
  saves_.last_ok = error.empty();
  saves_.last_error = error;
  saves_.last_millis = MonotonicMillis() - started;
  if (!error.empty()) return;
  saves_.last_wall_ms = WallMillis();
  saves_.last_keys = namespaces_.keys();
  ++saves_.written;
}

// On the committer's thread.
void LsmEngine::Settled(const Batch* batch, uint64_t durable) {
  if (batch != nullptr && batch->version != 0) written_version_ = batch->version;
  if (durable == committer_->written()) mark_.Note(written_version_);
  NoteDrops(batch, durable);
}

// On the committer's thread. A compaction may drop a collection when the batch that took its name
// away is durable, and not before: a power failure would bring back the name, and half of the keys.
void LsmEngine::NoteDrops(const Batch* batch, uint64_t durable) {
  if (batch != nullptr && !batch->dropped.empty())
    undurable_drops_.emplace_back(batch->number, batch->dropped);
  if (undurable_drops_.empty()) return;
  const std::lock_guard lock(jobs_mutex_);
  const size_t before = dropped_.size();
  while (!undurable_drops_.empty() && undurable_drops_.front().first <= durable) {
    const std::vector<uint32_t>& collections = undurable_drops_.front().second;
    dropped_.insert(dropped_.end(), collections.begin(), collections.end());
    undurable_drops_.pop_front();
  }
  any_undurable_drop_ = !undurable_drops_.empty();
  if (dropped_.size() == before) return;
  std::sort(dropped_.begin(), dropped_.end());
  auto rules = std::make_shared<DropRules>();
  rules->collections = dropped_;
  gate_.Publish(std::move(rules));
  drops_waiting_ = true;
  dropped_at_ms_ = MonotonicMillis();
}

void LsmEngine::CleanDropped() {
  const std::shared_ptr<const DropRules> rules = gate_.InForce();
  const std::vector<uint32_t>& dropped = rules->collections;
  for (size_t i = 0; i < dropped.size() && !jobs_stop_ && !events_->compactions_failed();) {
    if (IsGone(dropped[i])) {
      ++i;
      continue;
    }
    // Neighbours in one go.
    size_t end = i + 1;
    while (end < dropped.size() && dropped[end] == dropped[end - 1] + 1) ++end;
    const std::string begin = CollectionRange(dropped[i]).begin;
    const std::string behind = CollectionRange(dropped[end - 1]).end;
    const rocksdb::Slice from = Sliced(begin);
    const rocksdb::Slice to = Sliced(behind);
    rocksdb::CompactRangeOptions options;
    options.exclusive_manual_compaction = false;
    options.canceled = &jobs_stop_;
    options.bottommost_level_compaction =
        rocksdb::BottommostLevelCompaction::kIfHaveCompactionFilter;
    (void)rocksdb::DeleteFilesInRange(db_.get(), db_->DefaultColumnFamily(), &from, &to, false);
    (void)db_->CompactRange(options, &from, &to);
    i = end;
  }
  std::vector<uint32_t> gone;
  for (const uint32_t collection : dropped) {
    if (IsGone(collection)) gone.push_back(collection);
  }
  {
    const std::lock_guard lock(jobs_mutex_);
    std::vector<uint32_t> left;
    std::set_difference(dropped_.begin(), dropped_.end(), gone.begin(), gone.end(),
                        std::back_inserter(left));
    dropped_ = std::move(left);
    if (!dropped_.empty()) {  // a reader held it, or a compaction was under way: again, later
      drops_waiting_ = true;
      dropped_at_ms_ = MonotonicMillis();
    }
  }
  if (gone.empty()) return;
  const std::lock_guard lock(committer_->mutex());
  namespaces_.Forget(gone, &committer_->open());
  committer_->Added(0, false);
}

bool LsmEngine::IsGone(uint32_t collection) const {
  const CollectionRange range(collection);
  const rocksdb::Slice upper = Sliced(range.end);
  rocksdb::ReadOptions options;
  options.total_order_seek = true;
  options.iterate_upper_bound = &upper;
  const std::unique_ptr<rocksdb::Iterator> at(db_->NewIterator(options));
  at->Seek(Sliced(range.begin));
  return !at->Valid() && at->status().ok();
}

// An entry of the expiry index whose key has another expiry, or none: so after blind writes.
void LsmEngine::DropStale(const Sweeper::Due& due, uint16_t shard) {
  std::string key;
  EncodeKey({.collection = due.collection}, due.key, &key);
  const LatchGuard guard(ShardLatch(shard));
  if (pending_.Find(shard, key, HashOf(key)) != nullptr) return;
  rocksdb::PinnableSlice stored;
  const InMemory memory = LookInMemory(key, &stored);
  if (memory.state == InMemory::State::kUnknown) return;
  const bool found = memory.state != InMemory::State::kMissing;
  if (found && memory.head.expire_at_ms == due.expire_at_ms) return;
  BatchRecord record;
  EncodeExpiryKey({.collection = due.collection, .index = key_value_index::kExpiry},
                  due.expire_at_ms, due.key, &record.key);
  record.deletion = true;
  const std::lock_guard lock(committer_->mutex());
  if (!committer_->HasRoom()) return;  // it comes again
  const uint64_t bytes = record.key.size();
  committer_->open().records.push_back(std::move(record));
  committer_->Added(bytes, false);
}

}  // namespace cairn::lsm
