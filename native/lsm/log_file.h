// A log of RocksDB with its blocks ahead: while it grows slowly, and one append after the other is
// synced, zeros are written ahead of its end, and are durable by the next sync. The syncs after
// that find the file as long as it was and its blocks in their places, and need not make the file
// system's own journal durable as well: about half of the time that they take.
//
//   | record | record | record | 0 0 0 0 0 0 0 0 |
//                              ^ end             ^ size of the file, until it is closed
//
// RocksDB skips zeros, to the end of their block of 32 KiB, without a word. So it would also skip a
// hole that a power failure left in what was not synced, and show what was written later without
// what was written before. LogOrder ends the replay there; whoever opens such logs needs it.
#pragma once

#include <rocksdb/file_system.h>
#include <rocksdb/wal_filter.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>

namespace cairn::lsm {

// Whether that is the name of a log of RocksDB: "000123.log".
bool IsLogName(const std::string& path);

// Appends name their offset (PositionedAppend); one thread at a time, Sync from any.
class LogFile final : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  static constexpr uint64_t kZeroBytes = 512u << 10;  // at once
  static constexpr uint64_t kFewZeroBytes = kZeroBytes / 4;
  // Above, the blocks are taken as they come: each would be written twice.
  static constexpr uint64_t kSlowBytesPerMs = 32u << 10;
  // Appends in a row, each behind a sync of all before it. So zeros never come before a record that
  // is durable: a log without its beginning could not be told from a whole one.
  static constexpr uint32_t kSyncedInARow = 4;

  explicit LogFile(std::unique_ptr<rocksdb::FSWritableFile>&& file)
      : FSWritableFileOwnerWrapper(std::move(file)) {}

  rocksdb::IOStatus PositionedAppend(const rocksdb::Slice& data, uint64_t offset,
                                     const rocksdb::IOOptions& options,
                                     rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus Sync(const rocksdb::IOOptions& options,
                         rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus Fsync(const rocksdb::IOOptions& options,
                          rocksdb::IODebugContext* debug) override;
  rocksdb::IOStatus Close(const rocksdb::IOOptions& options,
                          rocksdb::IODebugContext* debug) override;
  uint64_t GetFileSize(const rocksdb::IOOptions&, rocksdb::IODebugContext*) override {
    return end_;
  }

 private:
  void WriteZeros(const rocksdb::IOOptions& options, rocksdb::IODebugContext* debug);

  uint64_t end_ = 0;      // of the records
  uint64_t zeros_ = 0;    // their end; below end_: there are none
  bool refused_ = false;  // the disk had no room for zeros, or worse: there will be no more
  std::chrono::steady_clock::time_point appended_;
  uint32_t in_a_row_ = 0;
  std::atomic<bool> synced_{false};  // since the latest append
};

// Takes a record of a log only if it is the next one: all that is written goes to the logs, so
// their sequence numbers have no gaps. A salvage goes on behind gaps, and hears how many there
// were. One thread, for one recovery.
class LogOrder final : public rocksdb::WalFilter {
 public:
  explicit LogOrder(bool go_on = false) : go_on_(go_on) {}
  uint64_t gaps() const { return gaps_; }

  const char* Name() const override { return "cairn.LogOrder"; }
  WalProcessingOption LogRecordFound(unsigned long long log_number, const std::string& log_name,
                                     const rocksdb::WriteBatch& batch,
                                     rocksdb::WriteBatch* new_batch, bool* changed) override;

 private:
  const bool go_on_;
  uint64_t gaps_ = 0;
  uint64_t next_ = 0;  // sequence number; 0: of any
};

}  // namespace cairn::lsm
