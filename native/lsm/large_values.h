// What memtables hold that is large. A value in a memtable is copied by who asks RocksDB for it,
// however large it is, and also by who asks only whether it is there; so the memtables tell which
// keys have a large one.
#pragma once

#include <atomic>
#include <cstdint>
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

}  // namespace cairn::lsm
