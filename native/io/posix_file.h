// Inside native/io only: the real file behind both queues, and what they share.
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "io/disk.h"

namespace cairn {

// How kWriteDataSync becomes durable: one write with RWF_DSYNC, or a write followed by fdatasync.
// Which one is faster depends on the drive (see ProbeDurableWrite). Shared by a disk and all its
// queues, hence atomic.
enum class DurableMethod : uint8_t { kDataSyncWrite, kWriteThenSync };
using DurableChoice = std::atomic<DurableMethod>;

// "PATH: WHAT: Permission denied"; ENOSPC and EDQUOT become kNoSpace. Counted, see IoErrors.
Status ErrnoStatus(const std::string& path, std::string_view what, int error, bool reads = false);

// Immutable after construction, so any thread may use it.
class PosixFile final : public File {
 public:
  static Result<std::unique_ptr<File>> Open(const std::string& path, Disk::Mode mode);
  ~PosixFile() override;
  PosixFile(const PosixFile&) = delete;
  PosixFile& operator=(const PosixFile&) = delete;

  const std::string& path() const override { return path_; }
  IoAlignment alignment() const override { return alignment_; }
  bool direct() const override { return direct_; }
  Result<uint64_t> Size() override;
  Status Allocate(uint64_t offset, uint64_t bytes) override;
  Status Truncate(uint64_t bytes) override;
  Result<size_t> ReadAt(uint64_t offset, void* data, size_t bytes) override;
  Status WriteAt(uint64_t offset, const void* data, size_t bytes) override;
  Status Sync() override;

  int fd() const { return fd_; }
  // Of this process.
  static uint64_t OpenCount() { return open_count_.load(std::memory_order_relaxed); }

 private:
  Status WriteZeros(uint64_t from, uint64_t end);
  PosixFile(std::string path, int fd, bool direct, IoAlignment alignment)
      : path_(std::move(path)), fd_(fd), direct_(direct), alignment_(alignment) {
    open_count_.fetch_add(1, std::memory_order_relaxed);
  }

  static inline std::atomic<uint64_t> open_count_{0};

  const std::string path_;
  const int fd_;
  const bool direct_;
  const IoAlignment alignment_;
};

// The queues of the real disk hold only files that PosixFile::Open made.
inline int FdOf(const IoRequest& request) { return static_cast<PosixFile*>(request.file)->fd(); }

inline constexpr uint32_t kQueueDepthMax = 4096;

// A refusal reads "io_uring refused (Operation not permitted)"; UringRefusalHint tells the
// operator, in a few words, what to look at, or nothing.
std::string UringRefusalHint(int error);
// `modes_skipped`, for tests, passes over the best ring modes as an older kernel would: 1 leaves
// COOP_TASKRUN, 2 a ring without flags. `entries`, likewise: of the ring, at least 2; 0: two per
// slot.
Result<std::unique_ptr<IoQueue>> NewUringQueue(const IoQueueOptions& options,
                                               std::shared_ptr<const DurableChoice> durable,
                                               uint32_t modes_skipped = 0, uint32_t entries = 0);
Result<std::unique_ptr<IoQueue>> NewThreadsQueue(const IoQueueOptions& options,
                                                 std::shared_ptr<const DurableChoice> durable);

// Times both methods on a small file in `dir` through queues made by `new_queue`, stores the faster
// one in *choice.
class QueueFactory {
 public:
  virtual ~QueueFactory() = default;
  virtual Result<std::unique_ptr<IoQueue>> New(std::shared_ptr<const DurableChoice> durable) = 0;
};
Status MeasureDurableWrite(const std::string& dir, QueueFactory& queues, DurableChoice* choice,
                           std::string* report);

}  // namespace cairn
