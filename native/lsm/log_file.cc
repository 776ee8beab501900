#include "lsm/log_file.h"

#include <rocksdb/write_batch.h>

#include <algorithm>
#include <cctype>
#include <string_view>

#include "base/coding.h"

namespace cairn::lsm {

namespace {

using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;
using rocksdb::Slice;

// From a page of its own on: nothing that was synced is written again.
constexpr uint64_t kPageBytes = 4096;
alignas(kPageBytes) constexpr char kZeros[LogFile::kZeroBytes] = {};

}  // namespace

bool IsLogName(const std::string& path) {
  constexpr std::string_view kEnding = ".log";
  std::string_view name = path;
  name.remove_prefix(name.rfind('/') + 1);
  if (!name.ends_with(kEnding) || name.size() == kEnding.size()) return false;
  name.remove_suffix(kEnding.size());
  return std::all_of(name.begin(), name.end(),
                     [](char c) { return std::isdigit(static_cast<unsigned char>(c)) != 0; });
}

IOStatus LogFile::PositionedAppend(const Slice& data, uint64_t offset, const IOOptions& options,
                                   IODebugContext* debug) {
  IOStatus status = FSWritableFileOwnerWrapper::PositionedAppend(data, offset, options, debug);
  if (!status.ok()) return status;
  end_ = offset + data.size();
  const auto now = std::chrono::steady_clock::now();
  const auto passed = std::chrono::duration<double, std::milli>(now - appended_).count();
  const bool slow = static_cast<double>(data.size()) <= passed * kSlowBytesPerMs;
  const bool synced = synced_.exchange(false, std::memory_order_relaxed);
  in_a_row_ = synced ? in_a_row_ + 1 : 0;
  appended_ = now;
  if (slow && in_a_row_ >= kSyncedInARow && !refused_ && zeros_ < end_ + kFewZeroBytes)
    WriteZeros(options, debug);
  return status;
}

void LogFile::WriteZeros(const IOOptions& options, IODebugContext* debug) {
  const uint64_t from = std::max(zeros_, (end_ + kPageBytes - 1) / kPageBytes * kPageBytes);
  const IOStatus status =
      FSWritableFileOwnerWrapper::PositionedAppend(Slice(kZeros, kZeroBytes), from, options, debug);
  refused_ = !status.ok();
  if (status.ok()) zeros_ = from + kZeroBytes;
}

IOStatus LogFile::Sync(const IOOptions& options, IODebugContext* debug) {
  IOStatus status = FSWritableFileOwnerWrapper::Sync(options, debug);
  if (status.ok()) synced_.store(true, std::memory_order_relaxed);
  return status;
}

IOStatus LogFile::Fsync(const IOOptions& options, IODebugContext* debug) {
  IOStatus status = FSWritableFileOwnerWrapper::Fsync(options, debug);
  if (status.ok()) synced_.store(true, std::memory_order_relaxed);
  return status;
}

IOStatus LogFile::Close(const IOOptions& options, IODebugContext* debug) {
  // Zeros that stay there do no harm. Of those that were refused, some may be there.
  if (zeros_ > end_ || refused_) (void)FSWritableFileOwnerWrapper::Truncate(end_, options, debug);
  return FSWritableFileOwnerWrapper::Close(options, debug);
}

rocksdb::WalFilter::WalProcessingOption LogOrder::LogRecordFound(unsigned long long /*log_number*/,
                                                                 const std::string& /*log_name*/,
                                                                 const rocksdb::WriteBatch& batch,
                                                                 rocksdb::WriteBatch* /*new_batch*/,
                                                                 bool* /*changed*/) {
  // A batch begins with the number of its first entry.
  const uint64_t sequence = Little64(batch.Data().data());
  if (next_ != 0 && sequence != next_) {
    ++gaps_;
    if (!go_on_) return WalProcessingOption::kCorruptedRecord;
  }
  next_ = sequence + batch.Count();
  return WalProcessingOption::kContinueProcessing;
}

}  // namespace cairn::lsm
