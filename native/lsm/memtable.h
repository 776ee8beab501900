// The memtables: trees (memtable_tree.h) where keys are in the order of their bytes, RocksDB's skip
// lists where they are not, and a look at what comes to them.
//
// RocksDB inserts a batch after its log has it; one that is to be synced, after the log and the
// directory of the log were synced. Its first insertion is therefore the moment from which it is
// durable, and DB::Write says so only after the last.
//
// A value in a memtable is copied by who asks RocksDB for it, however large it is, and also by who
// asks only whether it is there. So the memtables tell which keys have a large one: LargeValues.
#pragma once

#include <rocksdb/memtablerep.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "lsm/value.h"

namespace cairn::lsm {

// Keys whose newest entry in the memtables is a large value of a client (kLargeValueBytes), with
// its head: as many as memtables have room for. A key leaves when a smaller value or a deletion is
// inserted, and when its memtable goes, which a flush has made a file by then. Thread-safe.
class LargeValues {
 public:
  struct Found {
    ValueHead head;
    uint64_t body_bytes = 0;
  };
  bool empty() const { return count_.load(std::memory_order_acquire) == 0; }
  // As of the insertions so far.
  std::optional<Found> Find(std::string_view stored_key) const;

  // --- for memtables ---
  void Inserted(const void* memtable, std::string_view stored_key, const Found& found);
  void Replaced(std::string_view stored_key);
  void Gone(const void* memtable);

 private:
  struct Held {
    const void* memtable;
    Found found;
  };
  mutable std::mutex mutex_;
  std::unordered_map<std::string, Held> held_;
  std::atomic<size_t> count_{0};
};

// `inserting` is called before each insertion, on the thread that inserts; one at a time
// (allow_concurrent_memtable_write is off). `large` outlives them.
std::shared_ptr<rocksdb::MemTableRepFactory> NewMemtables(void (*inserting)(), LargeValues* large);

}  // namespace cairn::lsm
