#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

#include "io/disk.h"
#include "io/posix_file.h"

namespace cairn {
namespace {

inline constexpr size_t kSmallFileMax = 1 << 20;
inline constexpr mode_t kDirMode = 0750;
inline constexpr mode_t kFileMode = 0640;
inline constexpr const char* kTemporarySuffix = ".tmp";

class UniqueFd {
 public:
  explicit UniqueFd(int fd) : fd_(fd) {}
  ~UniqueFd() {
    if (fd_ >= 0) close(fd_);
  }
  UniqueFd(const UniqueFd&) = delete;
  UniqueFd& operator=(const UniqueFd&) = delete;
  int get() const { return fd_; }
  int Release() { return std::exchange(fd_, -1); }

 private:
  int fd_;
};

std::string ParentOf(const std::string& path) {
  const size_t last = path.find_last_not_of('/');
  const size_t slash = last == std::string::npos ? last : path.find_last_of('/', last);
  if (slash == std::string::npos) return path.empty() || path[0] != '/' ? "." : "/";
  return slash == 0 ? "/" : path.substr(0, slash);
}

class PosixLock final : public FileLock {
 public:
  explicit PosixLock(int fd) : fd_(fd) {}
  // The file stays, empty: removing it would race with a process that has just opened it.
  ~PosixLock() override { (void)!ftruncate(fd_.get(), 0); }

 private:
  UniqueFd fd_;
};

Status HeldBySomeone(const std::string& path, int fd) {
  char text[32] = {};
  long pid = 0;
  if (pread(fd, text, sizeof(text) - 1, 0) > 0) pid = strtol(text, nullptr, 10);
  const std::string holder = pid > 0 ? "process " + std::to_string(pid) : "another process";
  return Status(Code::kBusy, path + ": locked by " + holder, EWOULDBLOCK);
}

Status WriteWhole(const std::string& path, int fd, std::string_view content) {
  while (!content.empty()) {
    const ssize_t n = write(fd, content.data(), content.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) return ErrnoStatus(path, "write", n == 0 ? EIO : errno);
    content.remove_prefix(static_cast<size_t>(n));
  }
  return Status::Ok();
}

class PosixDisk final : public Disk {
 public:
  explicit PosixDisk(IoBackend backend)
      : backend_(backend),
        durable_(std::make_shared<DurableChoice>(DurableMethod::kDataSyncWrite)) {}

  Result<std::unique_ptr<File>> OpenDirect(const std::string& path, Mode mode) override {
    return PosixFile::Open(path, mode);
  }
  Status CreateDir(const std::string& path) override;
  Status SyncDir(const std::string& path) override;
  Status Rename(const std::string& from, const std::string& to) override;
  Status Remove(const std::string& path) override;
  Result<std::vector<std::string>> List(const std::string& dir) override;
  Result<bool> Exists(const std::string& path) override;
  Result<uint64_t> Links(const std::string& path) override;
  Result<std::string> ReadSmall(const std::string& path) override;
  Status WriteSmallAtomic(const std::string& path, std::string_view content) override;
  Result<uint64_t> FreeBytes(const std::string& dir) override;
  Result<std::unique_ptr<FileLock>> LockFile(const std::string& path) override;
  Result<std::unique_ptr<IoQueue>> NewQueue(const IoQueueOptions& options,
                                            std::string* why) override {
    return NewQueueFor(options, durable_, why);
  }
  Status ProbeDurableWrite(const std::string& dir, std::string* report) override;
  uint64_t OpenFiles() const override { return PosixFile::OpenCount(); }
  const char* DurableWriteMethod() const override {
    return durable_->load() == DurableMethod::kDataSyncWrite ? "RWF_DSYNC" : "fdatasync";
  }

 private:
  Result<std::unique_ptr<IoQueue>> NewQueueFor(const IoQueueOptions& options,
                                               std::shared_ptr<const DurableChoice> durable,
                                               std::string* why);

  const IoBackend backend_;
  const std::shared_ptr<DurableChoice> durable_;
};

Status PosixDisk::CreateDir(const std::string& path) {
  struct stat info;
  if (stat(path.c_str(), &info) == 0) {
    return S_ISDIR(info.st_mode) ? Status::Ok() : ErrnoStatus(path, "create directory", ENOTDIR);
  }
  const std::string parent = ParentOf(path);
  if (parent != path) {  // each step is shorter: the recursion ends at "/" or "."
    const Status made = CreateDir(parent);
    if (!made.ok()) return made;
  }
  if (mkdir(path.c_str(), kDirMode) != 0 && errno != EEXIST) {
    return ErrnoStatus(path, "create directory", errno);
  }
  return SyncDir(parent);
}

Status PosixDisk::SyncDir(const std::string& path) {
  const UniqueFd fd(open(path.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd.get() < 0) return ErrnoStatus(path, "open directory", errno);
  // EINVAL: a file system on which directories cannot be synced, and need not be.
  if (fsync(fd.get()) != 0 && errno != EINVAL) return ErrnoStatus(path, "sync directory", errno);
  return Status::Ok();
}

Status PosixDisk::Rename(const std::string& from, const std::string& to) {
  if (rename(from.c_str(), to.c_str()) != 0) return ErrnoStatus(from, "rename to " + to, errno);
  return Status::Ok();
}

Status PosixDisk::Remove(const std::string& path) {
  if (unlink(path.c_str()) != 0) return ErrnoStatus(path, "remove", errno);
  return Status::Ok();
}

Result<std::vector<std::string>> PosixDisk::List(const std::string& dir) {
  const std::unique_ptr<DIR, int (*)(DIR*)> stream(opendir(dir.c_str()), closedir);
  if (stream == nullptr) return ErrnoStatus(dir, "open directory", errno, true);
  std::vector<std::string> names;
  errno = 0;
  while (const dirent* entry = readdir(stream.get())) {
    const std::string_view name = entry->d_name;
    if (name != "." && name != "..") names.emplace_back(name);
    errno = 0;
  }
  if (errno != 0) return ErrnoStatus(dir, "read directory", errno, true);
  std::sort(names.begin(), names.end());
  return names;
}

Result<bool> PosixDisk::Exists(const std::string& path) {
  struct stat info;
  if (stat(path.c_str(), &info) == 0) return true;
  if (errno == ENOENT || errno == ENOTDIR) return false;
  return ErrnoStatus(path, "stat", errno, true);
}

Result<std::string> PosixDisk::ReadSmall(const std::string& path) {
  const UniqueFd fd(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (fd.get() < 0) return ErrnoStatus(path, "open", errno, true);
  std::string content;
  char chunk[4096];
  for (;;) {
    const ssize_t n = read(fd.get(), chunk, sizeof(chunk));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return ErrnoStatus(path, "read", errno, true);
    if (n == 0) return content;
    content.append(chunk, static_cast<size_t>(n));
    if (content.size() > kSmallFileMax) {
      return Status(Code::kTooLarge, path + ": larger than " + std::to_string(kSmallFileMax) +
                                         " bytes, not a file of ours");
    }
  }
}

Status PosixDisk::WriteSmallAtomic(const std::string& path, std::string_view content) {
  if (content.size() > kSmallFileMax) {
    return Status(Code::kTooLarge,
                  path + ": more than " + std::to_string(kSmallFileMax) + " bytes");
  }
  const std::string temporary = path + kTemporarySuffix;
  Status status;
  {
    const UniqueFd fd(open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, kFileMode));
    if (fd.get() < 0) return ErrnoStatus(temporary, "create", errno);
    status = WriteWhole(temporary, fd.get(), content);
    if (status.ok() && fsync(fd.get()) != 0) status = ErrnoStatus(temporary, "fsync", errno);
  }
  if (status.ok()) status = Rename(temporary, path);
  if (!status.ok()) {
    unlink(temporary.c_str());
    return status;
  }
  return SyncDir(ParentOf(path));
}

Result<uint64_t> PosixDisk::Links(const std::string& path) {
  struct stat info;
  if (stat(path.c_str(), &info) != 0) return ErrnoStatus(path, "stat", errno, true);
  return static_cast<uint64_t>(info.st_nlink);
}

Result<uint64_t> PosixDisk::FreeBytes(const std::string& dir) {
  struct statvfs space;
  if (statvfs(dir.c_str(), &space) != 0) return ErrnoStatus(dir, "statvfs", errno, true);
  return static_cast<uint64_t>(space.f_bavail) * space.f_frsize;
}

Result<std::unique_ptr<FileLock>> PosixDisk::LockFile(const std::string& path) {
  UniqueFd fd(open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, kFileMode));
  if (fd.get() < 0) return ErrnoStatus(path, "open", errno);
  if (flock(fd.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno == EWOULDBLOCK) return HeldBySomeone(path, fd.get());
    return ErrnoStatus(path, "lock", errno);
  }
  const std::string pid = std::to_string(getpid()) + "\n";
  if (ftruncate(fd.get(), 0) != 0) return ErrnoStatus(path, "truncate", errno);
  const Status written = WriteWhole(path, fd.get(), pid);
  // On a full disk the lock still holds; only the name of its holder is missing.
  if (!written.ok() && written.code() != Code::kNoSpace) return written;
  return std::unique_ptr<FileLock>(new PosixLock(fd.Release()));
}

Result<std::unique_ptr<IoQueue>> PosixDisk::NewQueueFor(
    const IoQueueOptions& options, std::shared_ptr<const DurableChoice> durable, std::string* why) {
  if (options.depth == 0 || options.depth > kQueueDepthMax || options.threads == 0 ||
      options.threads > kQueueDepthMax) {
    return Status(Code::kInvalid, "I/O queue depth and threads must be from 1 to " +
                                      std::to_string(kQueueDepthMax));
  }
  if (backend_ == IoBackend::kThreads) return NewThreadsQueue(options, std::move(durable));
  Result<std::unique_ptr<IoQueue>> queue = NewUringQueue(options, durable);
  if (queue.ok()) return queue;
  const Status refusal = queue.status();
  const std::string hint = UringRefusalHint(refusal.sys_errno());
  if (backend_ == IoBackend::kUring) {
    const std::string message = refusal.message() + (hint.empty() ? "" : ": " + hint);
    if (why != nullptr) *why = message;
    return Status(refusal.code(), message, refusal.sys_errno());
  }
  if (why != nullptr) {
    *why = refusal.message() + ": using epoll and a thread pool" +
           (hint.empty() ? "" : " (" + hint + ")");
  }
  return NewThreadsQueue(options, std::move(durable));
}

Status PosixDisk::ProbeDurableWrite(const std::string& dir, std::string* report) {
  class Factory final : public QueueFactory {
   public:
    explicit Factory(PosixDisk* disk) : disk_(disk) {}
    Result<std::unique_ptr<IoQueue>> New(std::shared_ptr<const DurableChoice> durable) override {
      IoQueueOptions options;
      options.depth = 4;
      options.threads = 1;
      return disk_->NewQueueFor(options, std::move(durable), nullptr);
    }

   private:
    PosixDisk* const disk_;
  };
  Factory factory(this);
  return MeasureDurableWrite(dir, factory, durable_.get(), report);
}

}  // namespace

std::unique_ptr<Disk> NewPosixDisk(IoBackend backend) {
  return std::make_unique<PosixDisk>(backend);
}

}  // namespace cairn
