// What RocksDB says of itself: flushes, stalls, errors in the background, its log. Kept as figures,
// and as notices for the operator; its log is not written to a file, which would grow and fail with
// the disk it tells about.
//
// Threads: RocksDB calls from all of its own, with its mutex held or not; nothing here waits.
#pragma once

#include <rocksdb/env.h>
#include <rocksdb/listener.h>

#include <atomic>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "lsm/findings.h"

namespace cairn::lsm {

class Events final : public rocksdb::EventListener {
 public:
  // --- rocksdb::EventListener ---
  void OnFlushBegin(rocksdb::DB*, const rocksdb::FlushJobInfo&) override;
  void OnFlushCompleted(rocksdb::DB*, const rocksdb::FlushJobInfo& info) override;
  void OnCompactionCompleted(rocksdb::DB*, const rocksdb::CompactionJobInfo& info) override;
  void OnStallConditionsChanged(const rocksdb::WriteStallInfo& info) override;
  void OnBackgroundError(rocksdb::BackgroundErrorReason reason, rocksdb::Status* error) override;

  // Those that have begun: before one is done, and memory knows less, it has been counted.
  uint64_t flushes() const { return flushes_.load(std::memory_order_acquire); }

  struct Figures {
    std::atomic<uint64_t> flushed_bytes{0};
    std::atomic<uint64_t> compactions{0};
    std::atomic<uint64_t> compacted_read_bytes{0};
    std::atomic<uint64_t> compacted_written_bytes{0};
    std::atomic<uint64_t> delays{0};  // times that writes were slowed down
    std::atomic<uint64_t> stops{0};   // or stopped
    std::atomic<uint64_t> background_errors{0};
    std::atomic<uint64_t> stall_nanos{0};  // that ended
  };
  const Figures& figures() const { return figures_; }
  // "none", "delayed", "stopped".
  const char* stall() const;
  bool stopped() const;

  // A compaction failed, so that a file cannot be read, or written. RocksDB would take no writes
  // any more and try again each second; instead whoever asks is to stop compactions for good, for
  // reads of what is in good order, and writes, need none.
  bool compactions_failed() const { return compactions_failed_.load(std::memory_order_acquire); }
  void Begin() { compactions_failed_.store(false, std::memory_order_release); }  // of a life

  // While a database is opened, warnings are told as well: they say what a recovery has cut off.
  void Opening(bool opening) { opening_.store(opening, std::memory_order_relaxed); }
  bool opening() const { return opening_.load(std::memory_order_relaxed); }
  // Notices since the last call.
  std::vector<std::string> Take() { return findings_.Take(); }
  void Notice(std::string text) { findings_.Add(std::move(text)); }

  // RocksDB's log: what is an error there becomes a notice.
  std::shared_ptr<rocksdb::Logger> NewLogger(const std::shared_ptr<Events>& self);

 private:
  std::atomic<uint64_t> flushes_{0};
  std::atomic<bool> opening_{false};
  std::atomic<bool> compactions_failed_{false};
  std::atomic<int> stall_{0};
  std::atomic<uint64_t> stall_since_{0};
  Figures figures_;
  Findings findings_;
};

}  // namespace cairn::lsm
