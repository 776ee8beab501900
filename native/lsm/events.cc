#include "lsm/events.h"

#include <cstdarg>
#include <cstdio>
#include <utility>

#include "base/clock.h"

namespace cairn::lsm {

namespace {

constexpr size_t kLineBytesMax = 512;

const char* NameOf(rocksdb::BackgroundErrorReason reason) {
  switch (reason) {
    case rocksdb::BackgroundErrorReason::kFlush:
      return "flush";
    case rocksdb::BackgroundErrorReason::kCompaction:
      return "compaction";
    case rocksdb::BackgroundErrorReason::kWriteCallback:
      return "write";
    case rocksdb::BackgroundErrorReason::kMemTable:
      return "memtable";
    case rocksdb::BackgroundErrorReason::kManifestWrite:
      return "manifest";
    default:
      return "background work";
  }
}

class ErrorLog final : public rocksdb::Logger {
 public:
  explicit ErrorLog(std::shared_ptr<Events> events)
      : Logger(rocksdb::WARN_LEVEL), events_(std::move(events)) {}
  void Logv(const char*, va_list) override {}
  void Logv(const rocksdb::InfoLogLevel level, const char* format, va_list arguments) override {
    const auto least = events_->opening() ? rocksdb::WARN_LEVEL : rocksdb::ERROR_LEVEL;
    if (level < least || level == rocksdb::HEADER_LEVEL) return;
    char line[kLineBytesMax];
    vsnprintf(line, sizeof(line), format, arguments);
    events_->Notice(std::string("RocksDB: ") + line);
  }

 private:
  const std::shared_ptr<Events> events_;
};

}  // namespace

void Events::OnFlushBegin(rocksdb::DB*, const rocksdb::FlushJobInfo&) {
  flushes_.fetch_add(1, std::memory_order_acq_rel);
}

void Events::OnFlushCompleted(rocksdb::DB*, const rocksdb::FlushJobInfo& info) {
  figures_.flushed_bytes.fetch_add(info.table_properties.data_size +
                                       info.table_properties.index_size +
                                       info.table_properties.filter_size,
                                   std::memory_order_relaxed);
}

void Events::OnCompactionCompleted(rocksdb::DB*, const rocksdb::CompactionJobInfo& info) {
  figures_.compactions.fetch_add(1, std::memory_order_relaxed);
  figures_.compacted_read_bytes.fetch_add(info.stats.total_input_bytes, std::memory_order_relaxed);
  figures_.compacted_written_bytes.fetch_add(info.stats.total_output_bytes,
                                             std::memory_order_relaxed);
}

void Events::OnStallConditionsChanged(const rocksdb::WriteStallInfo& info) {
  const auto now = static_cast<int>(info.condition.cur);
  const uint64_t nanos = MonotonicNanos();
  if (info.condition.cur == rocksdb::WriteStallCondition::kNormal) {
    const uint64_t since = stall_since_.exchange(0);
    if (since != 0) figures_.stall_nanos.fetch_add(nanos - since, std::memory_order_relaxed);
  } else {
    uint64_t none = 0;
    stall_since_.compare_exchange_strong(none, nanos);
    const bool stopped = info.condition.cur == rocksdb::WriteStallCondition::kStopped;
    (stopped ? figures_.stops : figures_.delays).fetch_add(1, std::memory_order_relaxed);
    if (stopped)
      Notice("RocksDB holds writes up until compactions have caught up: writers wait meanwhile");
  }
  stall_.store(now, std::memory_order_relaxed);
}

void Events::OnBackgroundError(rocksdb::BackgroundErrorReason reason, rocksdb::Status* error) {
  figures_.background_errors.fetch_add(1, std::memory_order_relaxed);
  if (reason != rocksdb::BackgroundErrorReason::kCompaction || error->IsNoSpace() ||
      error->IsShutdownInProgress()) {
    Notice(std::string("RocksDB: ") + NameOf(reason) + ": " + error->ToString());
    return;
  }
  if (!compactions_failed_.exchange(true)) {
    Notice("RocksDB: compaction: " + error->ToString() +
           ": compactions are stopped until a restart, reads and writes go on");
  }
  // RocksDB stays as it is. What the compaction wrote is thrown away.
  *error = rocksdb::Status::OK();
}

bool Events::stopped() const {
  return static_cast<rocksdb::WriteStallCondition>(stall_.load(std::memory_order_relaxed)) ==
         rocksdb::WriteStallCondition::kStopped;
}

const char* Events::stall() const {
  switch (static_cast<rocksdb::WriteStallCondition>(stall_.load(std::memory_order_relaxed))) {
    case rocksdb::WriteStallCondition::kDelayed:
      return "delayed";
    case rocksdb::WriteStallCondition::kStopped:
      return "stopped";
    default:
      return "none";
  }
}

std::shared_ptr<rocksdb::Logger> Events::NewLogger(const std::shared_ptr<Events>& self) {
  return std::make_shared<ErrorLog>(self);
}

}  // namespace cairn::lsm
