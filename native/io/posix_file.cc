#include "io/posix_file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

namespace cairn {
namespace {

inline constexpr uint32_t kSectorBytes = 512;
// Where nobody tells the logical block size: right for every drive sold, padding is a little
// wasteful on some.
inline constexpr uint32_t kAlignmentUnknown = 4096;
inline constexpr uint32_t kAlignmentMax = 64 * 1024;
inline constexpr uint64_t kZerosBytes = 256u << 10;  // at a time
inline constexpr int kInterruptsMax = 64;            // EINTR in a row of one call
inline constexpr mode_t kFileMode = 0640;

// Retries `call` (which returns -1 and sets errno) while signals interrupt it.
template <typename Call>
auto RetryInterrupted(Call call) {
  auto result = call();
  for (int i = 0; result < 0 && errno == EINTR && i < kInterruptsMax; ++i) result = call();
  return result;
}

// STATX_DIOALIGN (Linux 6.1) as the kernel ABI fixes it, so that older C library headers suffice.
inline constexpr unsigned kStatxDirectAlign = 0x2000;
inline constexpr size_t kStatxMemAlignAt = 0x98;
inline constexpr size_t kStatxOffsetAlignAt = 0x9c;

bool UsableAlignment(uint32_t value) {
  return value != 0 && value <= kAlignmentMax && (value & (value - 1)) == 0;
}

// The device's logical block size, from sysfs: of the disk itself, or of the disk that a partition
// lies on. 0: unknown.
uint32_t LogicalBlock(dev_t device) {
  for (const char* up : {"", "../"}) {
    char name[96];
    std::snprintf(name, sizeof(name), "/sys/dev/block/%u:%u/%squeue/logical_block_size",
                  major(device), minor(device), up);
    std::unique_ptr<FILE, int (*)(FILE*)> file(std::fopen(name, "re"), std::fclose);
    unsigned value = 0;
    if (file != nullptr && std::fscanf(file.get(), "%u", &value) == 1) return value;
  }
  return 0;
}

// *direct turns false when the kernel says that this file has no direct I/O.
IoAlignment AlignmentOf(int fd, bool* direct) {
  IoAlignment alignment{kSectorBytes, kSectorBytes};
  struct statx info;
  memset(&info, 0, sizeof(info));
  if (statx(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS | kStatxDirectAlign, &info) != 0) {
    return IoAlignment{kAlignmentUnknown, kAlignmentUnknown};
  }
  if ((info.stx_mask & kStatxDirectAlign) != 0) {
    const char* raw = reinterpret_cast<const char*>(&info);
    uint32_t memory;
    uint32_t offset;
    memcpy(&memory, raw + kStatxMemAlignAt, sizeof(memory));
    memcpy(&offset, raw + kStatxOffsetAlignAt, sizeof(offset));
    if (UsableAlignment(offset) && UsableAlignment(memory)) {
      alignment.memory = std::max(memory, kSectorBytes);
      alignment.offset = std::max(offset, kSectorBytes);
      return alignment;
    }
    if (offset == 0) {
      *direct = false;
      return alignment;
    }
  }
  const uint32_t block = LogicalBlock(makedev(info.stx_dev_major, info.stx_dev_minor));
  const uint32_t chosen =
      UsableAlignment(block) ? std::max(block, kSectorBytes) : kAlignmentUnknown;
  return IoAlignment{chosen, chosen};
}

std::string At(const char* what, uint64_t bytes, uint64_t offset) {
  return std::string(what) + " of " + std::to_string(bytes) + " bytes at offset " +
         std::to_string(offset);
}

}  // namespace

IoErrors& IoErrors::All() {
  static IoErrors all;
  return all;
}

bool IoErrors::IsOne(int error) {
  switch (error) {
    case EIO:
    case ENXIO:
    case ENODEV:
    case EROFS:  // a file system that met damage makes itself read-only
    case ENODATA:
    case EILSEQ:
    case EBADMSG:
    case EUCLEAN:
    case ETIMEDOUT:
    case EREMOTEIO:
    case ENOLINK:
    case ESTALE:
    case ESHUTDOWN:
      return true;
    default:
      return false;
  }
}

Status ErrnoStatus(const std::string& path, std::string_view what, int error, bool reads) {
  IoErrors::All().Count(reads, error);
  char buffer[128];
  const char* text = strerror_r(error, buffer, sizeof(buffer));
  std::string message = path;
  message.append(": ").append(what).append(": ").append(text);
  const bool full = error == ENOSPC || error == EDQUOT;
  return Status(full ? Code::kNoSpace : Code::kIoError, std::move(message), error);
}

Result<std::unique_ptr<File>> PosixFile::Open(const std::string& path, Disk::Mode mode) {
  int flags = O_CLOEXEC;
  if (mode == Disk::Mode::kRead) flags |= O_RDONLY;
  if (mode == Disk::Mode::kReadWrite) flags |= O_RDWR;
  if (mode == Disk::Mode::kCreate) flags |= O_RDWR | O_CREAT | O_EXCL;
  bool direct = true;
  int fd = RetryInterrupted([&] { return open(path.c_str(), flags | O_DIRECT, kFileMode); });
  if (fd < 0 && errno == EINVAL) {
    // A file system without O_DIRECT. It may have created the file before it looked at the flag.
    direct = false;
    fd = RetryInterrupted([&] { return open(path.c_str(), flags & ~O_EXCL, kFileMode); });
  }
  if (fd < 0) return ErrnoStatus(path, "open", errno, mode == Disk::Mode::kRead);
  const bool asked = direct;
  const IoAlignment alignment = AlignmentOf(fd, &direct);
  if (asked && !direct) {
    const int now = fcntl(fd, F_GETFL);
    if (now < 0 || fcntl(fd, F_SETFL, now & ~O_DIRECT) != 0) {
      const int error = errno;
      close(fd);
      return ErrnoStatus(path, "clear O_DIRECT", error);
    }
  }
  return std::unique_ptr<File>(new PosixFile(path, fd, direct, alignment));
}

PosixFile::~PosixFile() {
  close(fd_);
  open_count_.fetch_sub(1, std::memory_order_relaxed);
}

Result<uint64_t> PosixFile::Size() {
  struct stat info;
  if (fstat(fd_, &info) != 0) return ErrnoStatus(path_, "stat", errno, true);
  return static_cast<uint64_t>(info.st_size);
}

Status PosixFile::Allocate(uint64_t offset, uint64_t bytes) {
  const Result<uint64_t> before = Size();
  if (!before.ok()) return before.status();
  const uint64_t end = offset + bytes;
  struct statvfs space;
  if (end > before.value() && fstatvfs(fd_, &space) == 0) {
    // Look before leaping: a failing fallocate can take the last free block for a moment, away from
    // everybody else.
    const uint64_t free_bytes = static_cast<uint64_t>(space.f_bavail) * space.f_frsize;
    if (end - std::max(before.value(), offset) > free_bytes) {
      return ErrnoStatus(path_, At("allocate", bytes, offset), ENOSPC);
    }
  }
  const int failed = RetryInterrupted(
      [&] { return fallocate(fd_, 0, static_cast<off_t>(offset), static_cast<off_t>(bytes)); });
  if (failed == 0) return Status::Ok();
  const int error = errno;
  // Where the file system cannot reserve blocks (ext3), zeros do. Otherwise commits would find the
  // disk full, which nobody can take back any more.
  Status status = error == EOPNOTSUPP ? WriteZeros(before.value(), end)
                                      : ErrnoStatus(path_, At("allocate", bytes, offset), error);
  if (status.ok()) return status;
  // It may have grown the file part of the way: give that back.
  const Result<uint64_t> after = Size();
  if (after.ok() && after.value() != before.value()) {
    const Status undone = Truncate(before.value());
    if (!undone.ok()) return undone;
  }
  return status;
}

// What the file had before is ours, and so has blocks.
Status PosixFile::WriteZeros(uint64_t from, uint64_t end) {
  alignas(kAlignmentMax) static char zeros[kZerosBytes] = {};
  const uint64_t whole = (from + alignment_.offset - 1) / alignment_.offset * alignment_.offset;
  Status status = whole > from && whole <= end ? Truncate(whole) : Status::Ok();
  for (uint64_t at = whole; status.ok() && at < end; at += kZerosBytes)
    status = WriteAt(at, zeros, std::min<uint64_t>(kZerosBytes, end - at));
  return status;
}

Status PosixFile::Truncate(uint64_t bytes) {
  const int failed = RetryInterrupted([&] { return ftruncate(fd_, static_cast<off_t>(bytes)); });
  if (failed != 0) return ErrnoStatus(path_, "truncate to " + std::to_string(bytes), errno);
  return Status::Ok();
}

Result<size_t> PosixFile::ReadAt(uint64_t offset, void* data, size_t bytes) {
  size_t done = 0;
  while (done < bytes) {
    const ssize_t n = RetryInterrupted([&] {
      return pread(fd_, static_cast<char*>(data) + done, bytes - done,
                   static_cast<off_t>(offset + done));
    });
    if (n < 0) return ErrnoStatus(path_, At("read", bytes - done, offset + done), errno, true);
    done += static_cast<size_t>(n);
    // Only the end of the file cuts a read at an odd place; asking again there would violate the
    // alignment.
    if (n == 0 || done % alignment_.offset != 0) break;
  }
  return done;
}

Status PosixFile::WriteAt(uint64_t offset, const void* data, size_t bytes) {
  size_t done = 0;
  while (done < bytes) {
    const ssize_t n = RetryInterrupted([&] {
      return pwrite(fd_, static_cast<const char*>(data) + done, bytes - done,
                    static_cast<off_t>(offset + done));
    });
    if (n < 0) return ErrnoStatus(path_, At("write", bytes - done, offset + done), errno);
    done += static_cast<size_t>(n);
    if (n == 0 || (direct_ && done < bytes && done % alignment_.offset != 0)) {
      return ErrnoStatus(path_, At("short write", bytes - done, offset + done), EIO);
    }
  }
  return Status::Ok();
}

Status PosixFile::Sync() {
  if (RetryInterrupted([&] { return fdatasync(fd_); }) != 0) {
    return ErrnoStatus(path_, "fdatasync", errno);
  }
  return Status::Ok();
}

}  // namespace cairn
