// A file system on which a full disk is no error but a wait: who writes waits until there is room
// again, or until it is told to give up. So RocksDB never sees a full disk, which it takes badly
// (an error in the log stops the database until its memtables are flushed, for which there is no
// room either; a library with asserts may stop the process), and nothing has to be done again.
//
// Every append names its offset, so that one that was cut short can be repeated as a whole. A sync
// is not repeated: what it failed to write may be gone from memory.
//
// Logs are prepared ahead (log_file.h).
#pragma once

#include <rocksdb/file_system.h>

#include <atomic>
#include <functional>
#include <memory>
#include <string>

namespace cairn::lsm {

// What waits for room, and who hears of it. Thread-safe.
class Patience {
 public:
  static constexpr uint64_t kRetryMillis = 50;

  // `waits(true, reason)` when a thread begins to wait, `waits(false, "")` when it has got its room
  // or gives up; on that thread.
  using Listener = std::function<void(bool waits, const std::string& reason)>;
  // Makes room from a reserve, on that thread. False: there is none left.
  using Reserve = std::function<bool()>;
  Patience(Listener listener, Reserve reserve)
      : listener_(std::move(listener)), reserve_(std::move(reserve)) {}

  void Begin() { given_up_.store(false, std::memory_order_release); }
  // From now on nobody waits: errors are errors.
  void GiveUp() { given_up_.store(true, std::memory_order_release); }
  // Repeats `action` while it says that the disk is full.
  rocksdb::IOStatus Insist(const std::function<rocksdb::IOStatus()>& action);

 private:
  Listener listener_;
  Reserve reserve_;
  std::atomic<bool> given_up_{false};
};

// `patience` outlives the file system and its files.
std::shared_ptr<rocksdb::FileSystem> NewPatientFileSystem(
    const std::shared_ptr<rocksdb::FileSystem>& base, Patience* patience);

}  // namespace cairn::lsm
