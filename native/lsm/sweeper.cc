#include "lsm/sweeper.h"

#include <chrono>
#include <memory>
#include <set>
#include <thread>
#include <utility>

#include "base/clock.h"
#include "lsm/comparator.h"
#include "lsm/key.h"
#include "lsm/slices.h"
#include "lsm/value.h"

namespace cairn::lsm {

namespace {}  // namespace

bool Sweeper::Start(Parts parts) {
  parts_ = std::move(parts);
  stop_ = false;
  return thread_.Start([this] { Work(); });
}

void Sweeper::Stop() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
    wake_.notify_one();
  }
  thread_.Join();
}

void Sweeper::Want(uint64_t now_ms) {
  now_ms_.store(now_ms, std::memory_order_relaxed);
  wanted_.store(true, std::memory_order_relaxed);
}

void Sweeper::AwaitPassForTest(uint64_t now_ms) {
  Want(now_ms);
  std::unique_lock lock(mutex_);
  from_front_ = true;
  // One may be under way.
  for (const uint64_t wanted = passes_ + 2; passes_ < wanted && !stop_;) {
    wanted_.store(true);
    lock.unlock();
    std::this_thread::sleep_for(std::chrono::milliseconds(1));
    lock.lock();
  }
}

void Sweeper::Work() {
  uint64_t front_ms = 0;
  std::unique_lock lock(mutex_);
  while (!stop_) {
    wake_.wait_for(lock, std::chrono::milliseconds(kPassMillis), [this] { return stop_; });
    if (stop_) return;
    if (!wanted_.exchange(false, std::memory_order_relaxed)) continue;
    const uint64_t now = MonotonicMillis();
    const bool from_front = std::exchange(from_front_, false) || now >= front_ms + kFromFrontMillis;
    lock.unlock();
    if (from_front) front_ms = now;
    Pass(now_ms_.load(std::memory_order_relaxed), from_front);
    lock.lock();
    ++passes_;
  }
}

void Sweeper::Pass(uint64_t until_ms, bool from_front) {
  if (from_front) {
    cursors_.clear();
    DropForeign();
  }
  for (uint16_t ns = 0; ns < parts_.namespaces->count(); ++ns) {
    const Namespaces::Slot& slot = parts_.namespaces->slot(ns);
    if (slot.expiring.load(std::memory_order_relaxed) == 0) continue;
    if (waiting_.load(std::memory_order_relaxed) >= kDueMax) return;
    ScanNamespace(ns, until_ms, &cursors_[slot.collection.load(std::memory_order_relaxed)]);
  }
}

void Sweeper::ScanNamespace(uint16_t ns, uint64_t until_ms, std::string* cursor) {
  const uint32_t collection = parts_.namespaces->slot(ns).collection.load();
  char prefix[kPrefixBytes];
  EncodePrefix({.collection = collection, .index = key_value_index::kExpiry}, prefix);
  const std::string begin(prefix, kPrefixBytes);
  const std::string end = PrefixSuccessor(begin);
  const rocksdb::Slice upper = Sliced(end);
  rocksdb::ReadOptions options;
  options.total_order_seek = true;
  options.iterate_upper_bound = &upper;
  options.verify_checksums = parts_.verify_checksums;
  const std::unique_ptr<rocksdb::Iterator> at(parts_.db->NewIterator(options));
  at->Seek(Sliced(cursor->empty() ? begin : *cursor));
  rocksdb::ReadOptions read;
  read.verify_checksums = parts_.verify_checksums;
  std::string stored_key;
  for (; at->Valid() && waiting_.load(std::memory_order_relaxed) < kDueMax; at->Next()) {
    const std::string_view entry = Viewed(at->key());
    if (CheckKey(entry)) continue;
    const std::string_view user_key = ParseKey(entry).user_key;
    if (ExpireAtOf(user_key) > until_ms) break;
    *cursor = std::string(entry) + '\0';
    Due due{collection, ExpireAtOf(user_key), std::string(user_key.substr(kExpiryBytes))};
    const uint16_t shard = ShardOf(due.key);
    EncodeKey({.collection = collection}, due.key, &stored_key);
    rocksdb::PinnableSlice value;
    const rocksdb::Status status =
        parts_.db->Get(read, parts_.db->DefaultColumnFamily(), Sliced(stored_key), &value);
    ParsedValue parsed;
    const bool there = status.ok() && !ParseValue(Viewed(value), &parsed);
    if (!there && !status.IsNotFound()) continue;  // unreadable: reads of the key say so
    if (!there || parsed.head.expire_at_ms != due.expire_at_ms) {
      parts_.stale(due, shard);
      continue;
    }
    const LatchGuard guard(parts_.latch(shard));
    due_[shard].push_back(std::move(due));
    waiting_.fetch_add(1, std::memory_order_relaxed);
  }
}

// Due keys of collections that no namespace is any more.
void Sweeper::DropForeign() {
  std::set<uint32_t> current;
  for (uint16_t ns = 0; ns < parts_.namespaces->count(); ++ns)
    current.insert(parts_.namespaces->slot(ns).collection.load(std::memory_order_relaxed));
  for (uint16_t shard = 0; shard < kShardCount; ++shard) {
    const LatchGuard guard(parts_.latch(shard));
    Took(std::erase_if(due_[shard],
                       [&](const Due& due) { return !current.contains(due.collection); }));
  }
}

}  // namespace cairn::lsm
