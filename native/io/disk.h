// The one interface to storage: blocking calls for set-up, recovery and maintenance (Disk, File),
// and a queue per thread for the hot path (IoQueue). Back ends: io_uring, thread pool, and a
// simulated disk for tests. Nothing above this folder calls open(2), pread(2) or io_uring itself.
//
// Direct I/O rules: offsets, lengths and memory addresses of every transfer are multiples of
// File::alignment(). Files opened by OpenDirect bypass the page cache (O_DIRECT where the file
// system has it; tmpfs has not, then buffered, said by File::direct()).
#pragma once

#include <sys/uio.h>

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/status.h"

namespace cairn {

// From statx(STATX_DIOALIGN) where the kernel tells, else from the device's logical block, at least
// 512.
struct IoAlignment {
  uint32_t memory = 512;
  uint32_t offset = 512;
};

// A file. Blocking calls may come from any thread; the object outlives all requests that name it.
// The destructor closes.
class File {
 public:
  virtual ~File() = default;
  virtual const std::string& path() const = 0;
  virtual IoAlignment alignment() const = 0;
  virtual bool direct() const = 0;
  virtual Result<uint64_t> Size() = 0;
  // Reserves blocks for [offset, offset + bytes) and extends the size; kNoSpace if there is no room
  // (nothing changed).
  virtual Status Allocate(uint64_t offset, uint64_t bytes) = 0;
  virtual Status Truncate(uint64_t bytes) = 0;
  // Reads up to bytes; fewer only at the end of the file. Retries short reads and EINTR.
  virtual Result<size_t> ReadAt(uint64_t offset, void* data, size_t bytes) = 0;
  // Writes all bytes or fails. Durable only after Sync().
  virtual Status WriteAt(uint64_t offset, const void* data, size_t bytes) = 0;
  virtual Status Sync() = 0;  // fdatasync
};

enum class IoOp : uint8_t {
  kRead,
  kWrite,          // not durable by itself
  kWriteDataSync,  // durable when it completes successfully (RWF_DSYNC, or write + linked
                   // fdatasync, as the probe chose)
  kSync,           // fdatasync of the file
};

// One asynchronous request. Owned by the caller, which keeps it and all memory it names alive and
// unmoved until `done` ran. `iov` is not copied. `done` runs on the queue's thread inside Poll() or
// Wait(). result: bytes transferred (may be short: a short write is NOT retried by the queue), or
// -errno.
struct IoRequest {
  IoOp op = IoOp::kRead;
  File* file = nullptr;
  uint64_t offset = 0;
  const iovec* iov = nullptr;
  uint32_t iov_count = 0;  // at most kIoVecMax
  void (*done)(IoRequest* request, int64_t result) = nullptr;
  void* owner = nullptr;      // for the caller
  IoRequest* next = nullptr;  // for the queue
};

inline constexpr uint32_t kIoVecMax = 64;

// Failures of the device or of the file system on it, of the whole process: counted in io/ and
// nowhere else, where an errno becomes a Status and where a request completes. A full disk is not
// one, nor is a name that does not exist or a feature that is not there.
class IoErrors {
 public:
  static IoErrors& All();
  static bool IsOne(int error);
  void Count(bool reads, int error) {
    if (IsOne(error)) (reads ? reads_ : writes_).fetch_add(1, std::memory_order_relaxed);
  }
  uint64_t reads() const { return reads_.load(std::memory_order_relaxed); }
  uint64_t writes() const { return writes_.load(std::memory_order_relaxed); }

 private:
  std::atomic<uint64_t> reads_{0};
  std::atomic<uint64_t> writes_{0};  // and all else that changes something: syncs, names, sizes
};

// How every queue ends a request.
inline void CompleteRequest(IoRequest* request, int64_t result) {
  if (result < 0) IoErrors::All().Count(request->op == IoOp::kRead, static_cast<int>(-result));
  request->done(request, result);
}

// A submission queue of one thread: only that thread calls it. More than the ring holds is queued
// in order and submitted as completions make room, so Submit never fails or blocks. Poll never
// blocks; Wait blocks up to the given time for at least one completion (and returns 0 at once when
// nothing is in flight). EventFd() is readable whenever Poll() has something to do, now and then
// also when it has not, but not for entries that the kernel refuses for want of memory: whoever has
// something in flight polls every tick, too, which is when they are tried again. -1 if the back end
// has none (simulated disk). Callbacks may Submit and Flush, not Poll. A thread that sleeps in
// epoll_wait(2) must expect EINTR: some io_uring modes complete by interrupting the sleeper.
class IoQueue {
 public:
  virtual ~IoQueue() = default;  // requires in_flight() == 0
  virtual void Submit(IoRequest* request) = 0;
  virtual void Flush() = 0;     // hands what was submitted to the kernel, in one batch
  virtual unsigned Poll() = 0;  // runs callbacks; returns how many
  virtual unsigned Wait(uint32_t timeout_ms) = 0;
  virtual int EventFd() const = 0;
  virtual uint32_t in_flight() const = 0;
  virtual const char* name() const = 0;  // "io_uring", "threads", "simulated"
};

enum class IoBackend : uint8_t { kAuto, kUring, kThreads };

struct IoQueueOptions {
  uint32_t depth = 256;  // entries in flight at once
  bool sqpoll = false;
  uint32_t threads = 4;  // workers of the thread-pool back end
};

// An advisory lock on a file, held until destruction.
class FileLock {
 public:
  virtual ~FileLock() = default;
};

class Disk {
 public:
  virtual ~Disk() = default;
  enum class Mode : uint8_t { kRead, kReadWrite, kCreate /* read-write, must not exist */ };
  virtual Result<std::unique_ptr<File>> OpenDirect(const std::string& path, Mode mode) = 0;
  virtual Status CreateDir(const std::string& path) = 0;  // with parents; ok if it exists
  virtual Status SyncDir(const std::string& path) = 0;
  virtual Status Rename(const std::string& from, const std::string& to) = 0;
  virtual Status Remove(const std::string& path) = 0;
  virtual Result<std::vector<std::string>> List(const std::string& dir) = 0;  // names, sorted
  virtual Result<bool> Exists(const std::string& path) = 0;
  virtual Result<uint64_t> Links(const std::string& path) = 0;  // names that the file has
  // Small files (at most 1 MiB): whole read; atomic durable replace (temporary file, sync, rename,
  // directory sync).
  virtual Result<std::string> ReadSmall(const std::string& path) = 0;
  virtual Status WriteSmallAtomic(const std::string& path, std::string_view content) = 0;
  virtual Result<uint64_t> FreeBytes(const std::string& dir) = 0;
  virtual Result<std::unique_ptr<FileLock>> LockFile(
      const std::string& path) = 0;  // kBusy if held; names the holder's pid
  // A queue for the calling thread. kUring refused (EPERM, ENOSYS, memlock): an error under
  // IoBackend::kUring, the thread-pool back end under kAuto; *why (may be null) then says in one
  // line what was refused.
  virtual Result<std::unique_ptr<IoQueue>> NewQueue(const IoQueueOptions& options,
                                                    std::string* why) = 0;
  // Measures in `dir` which durable write is faster on this device, RWF_DSYNC or write + fdatasync,
  // and makes all queues of this disk use it for kWriteDataSync. Called once at start, before the
  // load; takes at most about a second. *report (may be null) gets one line with the figures. An
  // error leaves the default (RWF_DSYNC) in place.
  virtual Status ProbeDurableWrite(const std::string& dir, std::string* report) = 0;
  virtual const char* DurableWriteMethod() const = 0;  // "RWF_DSYNC", "fdatasync", "simulated"
  // Descriptors that files of OpenDirect hold now.
  virtual uint64_t OpenFiles() const { return 0; }
};

// Size of a file that need not be open; 0 if it cannot be told.
inline uint64_t FileBytes(Disk* disk, const std::string& path) {
  const Result<std::unique_ptr<File>> file = disk->OpenDirect(path, Disk::Mode::kRead);
  if (!file.ok()) return 0;
  const Result<uint64_t> size = file.value()->Size();
  return size.ok() ? size.value() : 0;
}

// The real disk. Queues may outlive it, files need not be closed first.
std::unique_ptr<Disk> NewPosixDisk(IoBackend backend);

}  // namespace cairn
