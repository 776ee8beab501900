#include "lsm_file_system.h"

#include <doctest/doctest.h>
#include <errno.h>

#include <algorithm>
#include <cstring>
#include <string>
#include <utility>
#include <vector>

#include "base/check.h"
#include "lsm/log_file.h"

namespace cairn::testing {

namespace {

using rocksdb::FileOptions;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;
using rocksdb::Slice;

IOStatus Converted(const Status& status) {
  if (status.ok()) return IOStatus::OK();
  if (status.sys_errno() == ENOENT) return IOStatus::PathNotFound(status.message());
  if (status.code() == Code::kNoSpace) return IOStatus::NoSpace(status.message());
  return IOStatus::IOError(status.message());
}

std::string WithoutSlash(std::string path) {
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  return path;
}

// Memory and ranges as the disk wants them.
class Bounce {
 public:
  explicit Bounce(const IoAlignment& alignment) : alignment_(alignment) {}

  uint64_t Down(uint64_t offset) const { return offset / alignment_.offset * alignment_.offset; }
  uint64_t Up(uint64_t offset) const { return Down(offset + alignment_.offset - 1); }
  char* Memory(size_t bytes) {
    memory_.resize(bytes + alignment_.memory);
    const auto address = reinterpret_cast<uintptr_t>(memory_.data());
    return memory_.data() + (alignment_.memory - address % alignment_.memory) % alignment_.memory;
  }

 private:
  IoAlignment alignment_;
  std::vector<char> memory_;
};

// *result may be shorter than `bytes` only at the end of the file.
IOStatus ReadUnaligned(File* file, uint64_t offset, size_t bytes, char* scratch, Slice* result) {
  *result = Slice(scratch, 0);
  Bounce bounce(file->alignment());
  const uint64_t begin = bounce.Down(offset);
  const size_t wanted = bounce.Up(offset + bytes) - begin;
  char* const memory = bounce.Memory(wanted);
  const Result<size_t> got = file->ReadAt(begin, memory, wanted);
  if (!got.ok()) return Converted(got.status());
  const size_t skipped = offset - begin;
  if (got.value() <= skipped) return IOStatus::OK();
  const size_t count = std::min(bytes, got.value() - skipped);
  std::memcpy(scratch, memory + skipped, count);
  *result = Slice(scratch, count);
  return IOStatus::OK();
}

class SequentialFile final : public rocksdb::FSSequentialFile {
 public:
  explicit SequentialFile(std::unique_ptr<File> file) : file_(std::move(file)) {}
  IOStatus Read(size_t n, const IOOptions&, Slice* result, char* scratch,
                IODebugContext*) override {
    IOStatus status = ReadUnaligned(file_.get(), offset_, n, scratch, result);
    offset_ += result->size();
    return status;
  }
  IOStatus Skip(uint64_t n) override {
    offset_ += n;
    return IOStatus::OK();
  }

 private:
  const std::unique_ptr<File> file_;
  uint64_t offset_ = 0;
};

class RandomAccessFile final : public rocksdb::FSRandomAccessFile {
 public:
  explicit RandomAccessFile(std::unique_ptr<File> file) : file_(std::move(file)) {}
  IOStatus Read(uint64_t offset, size_t n, const IOOptions&, Slice* result, char* scratch,
                IODebugContext*) const override {
    return ReadUnaligned(file_.get(), offset, n, scratch, result);
  }

 private:
  const std::unique_ptr<File> file_;
};

// For small writes, each within a sector.
class RandomRWFile final : public rocksdb::FSRandomRWFile {
 public:
  explicit RandomRWFile(std::unique_ptr<File> file) : file_(std::move(file)) {}
  IOStatus Write(uint64_t offset, const Slice& data, const IOOptions&, IODebugContext*) override {
    Bounce bounce(file_->alignment());
    const uint64_t begin = bounce.Down(offset);
    const size_t bytes = bounce.Up(offset + data.size()) - begin;
    const Result<uint64_t> size = file_->Size();
    if (!size.ok()) return Converted(size.status());
    char* const memory = bounce.Memory(bytes);
    std::memset(memory, 0, bytes);
    const Result<size_t> got = file_->ReadAt(begin, memory, bytes);
    if (!got.ok()) return Converted(got.status());
    std::memcpy(memory + (offset - begin), data.data(), data.size());
    const Status status = file_->WriteAt(begin, memory, bytes);
    if (!status.ok()) return Converted(status);
    const uint64_t end = std::max(size.value(), offset + data.size());
    return begin + bytes > end ? Converted(file_->Truncate(end)) : IOStatus::OK();
  }
  IOStatus Read(uint64_t offset, size_t n, const IOOptions&, Slice* result, char* scratch,
                IODebugContext*) const override {
    return ReadUnaligned(file_.get(), offset, n, scratch, result);
  }
  IOStatus Flush(const IOOptions&, IODebugContext*) override { return IOStatus::OK(); }
  IOStatus Sync(const IOOptions&, IODebugContext*) override { return Converted(file_->Sync()); }
  IOStatus Fsync(const IOOptions&, IODebugContext*) override { return Converted(file_->Sync()); }
  IOStatus Close(const IOOptions&, IODebugContext*) override { return IOStatus::OK(); }

 private:
  const std::unique_ptr<File> file_;
};

class WritableFile final : public rocksdb::FSWritableFile {
 public:
  // `tail`: what is in the last, incomplete sector.
  WritableFile(std::unique_ptr<File> file, uint64_t bytes, std::string tail)
      : file_(std::move(file)), bytes_(bytes), file_bytes_(bytes), tail_(std::move(tail)) {}

  using rocksdb::FSWritableFile::Append;
  IOStatus Append(const Slice& data, const IOOptions&, IODebugContext*) override {
    if (data.empty()) return IOStatus::OK();
    Bounce bounce(file_->alignment());
    const size_t bytes = tail_.size() + data.size();
    const size_t padded = bounce.Up(bytes);
    char* const memory = bounce.Memory(padded);
    std::memcpy(memory, tail_.data(), tail_.size());
    std::memcpy(memory + tail_.size(), data.data(), data.size());
    std::memset(memory + bytes, 0, padded - bytes);
    const uint64_t begin = bytes_ - tail_.size();
    const uint64_t end = std::max(file_bytes_, begin + bytes);
    Status status = file_->WriteAt(begin, memory, padded);
    if (status.ok() && begin + padded > end) status = file_->Truncate(end);
    if (!status.ok()) return Converted(status);
    bytes_ += data.size();
    file_bytes_ = end;
    const size_t whole = bounce.Down(bytes);
    tail_.assign(memory + whole, bytes - whole);
    return IOStatus::OK();
  }
  using rocksdb::FSWritableFile::PositionedAppend;
  IOStatus PositionedAppend(const Slice& data, uint64_t offset, const IOOptions& options,
                            IODebugContext* debug) override {
    if (offset == bytes_ && !IsZeros(data)) return Append(data, options, debug);
    // Zeros ahead, in sectors of their own (lsm/log_file.h).
    Bounce bounce(file_->alignment());
    CAIRN_CHECK(offset >= bytes_ && IsZeros(data) && bounce.Down(offset) == offset &&
                bounce.Down(data.size()) == data.size());
    char* const memory = bounce.Memory(data.size());
    std::memset(memory, 0, data.size());
    const Status status = file_->WriteAt(offset, memory, data.size());
    if (status.ok()) file_bytes_ = std::max(file_bytes_, offset + data.size());
    return status.ok() ? IOStatus::OK() : Converted(status);
  }
  IOStatus Truncate(uint64_t size, const IOOptions&, IODebugContext*) override {
    // RocksDB cuts off only what was allocated ahead.
    CAIRN_CHECK(size >= bytes_);
    if (size >= file_bytes_) return IOStatus::OK();
    file_bytes_ = size;
    return Converted(file_->Truncate(size));
  }
  IOStatus Close(const IOOptions&, IODebugContext*) override { return IOStatus::OK(); }
  IOStatus Flush(const IOOptions&, IODebugContext*) override { return IOStatus::OK(); }
  IOStatus Sync(const IOOptions&, IODebugContext*) override { return Converted(file_->Sync()); }
  uint64_t GetFileSize(const IOOptions&, IODebugContext*) override { return bytes_; }
  bool IsSyncThreadSafe() const override { return true; }

 private:
  static bool IsZeros(const Slice& data) {
    return std::all_of(data.data(), data.data() + data.size(), [](char c) { return c == 0; });
  }

  const std::unique_ptr<File> file_;
  uint64_t bytes_;       // without the zeros ahead
  uint64_t file_bytes_;  // with them
  std::string tail_;
};

class Directory final : public rocksdb::FSDirectory {
 public:
  Directory(Disk* disk, std::string path) : disk_(disk), path_(std::move(path)) {}
  IOStatus Fsync(const IOOptions&, IODebugContext*) override {
    return Converted(disk_->SyncDir(path_));
  }

 private:
  Disk* const disk_;
  const std::string path_;
};

class Lock final : public rocksdb::FileLock {
 public:
  explicit Lock(std::unique_ptr<cairn::FileLock> lock) : lock_(std::move(lock)) {}

 private:
  const std::unique_ptr<cairn::FileLock> lock_;
};

class DiskFileSystem final : public rocksdb::FileSystem {
 public:
  explicit DiskFileSystem(Disk* disk) : disk_(disk) {}
  const char* Name() const override { return "CairnDisk"; }

  IOStatus NewSequentialFile(const std::string& path, const FileOptions&,
                             std::unique_ptr<rocksdb::FSSequentialFile>* file,
                             IODebugContext*) override {
    Result<std::unique_ptr<File>> opened = disk_->OpenDirect(path, Disk::Mode::kRead);
    if (!opened.ok()) return Converted(opened.status());
    *file = std::make_unique<SequentialFile>(std::move(opened.value()));
    return IOStatus::OK();
  }
  IOStatus NewRandomAccessFile(const std::string& path, const FileOptions&,
                               std::unique_ptr<rocksdb::FSRandomAccessFile>* file,
                               IODebugContext*) override {
    Result<std::unique_ptr<File>> opened = disk_->OpenDirect(path, Disk::Mode::kRead);
    if (!opened.ok()) return Converted(opened.status());
    *file = std::make_unique<RandomAccessFile>(std::move(opened.value()));
    return IOStatus::OK();
  }
  IOStatus NewWritableFile(const std::string& path, const FileOptions&,
                           std::unique_ptr<rocksdb::FSWritableFile>* file,
                           IODebugContext*) override {
    Result<std::unique_ptr<File>> opened = OpenToWrite(path);
    if (!opened.ok()) return Converted(opened.status());
    const Status cut = opened.value()->Truncate(0);
    if (!cut.ok()) return Converted(cut);
    *file = std::make_unique<WritableFile>(std::move(opened.value()), 0, "");
    return IOStatus::OK();
  }
  IOStatus ReopenWritableFile(const std::string& path, const FileOptions&,
                              std::unique_ptr<rocksdb::FSWritableFile>* file,
                              IODebugContext*) override {
    Result<std::unique_ptr<File>> opened = OpenToWrite(path);
    if (!opened.ok()) return Converted(opened.status());
    const Result<uint64_t> bytes = opened.value()->Size();
    if (!bytes.ok()) return Converted(bytes.status());
    const uint64_t whole = Bounce(opened.value()->alignment()).Down(bytes.value());
    std::string tail(bytes.value() - whole, '\0');
    Slice read;
    const IOStatus status =
        ReadUnaligned(opened.value().get(), whole, tail.size(), tail.data(), &read);
    if (!status.ok()) return status;
    *file = std::make_unique<WritableFile>(std::move(opened.value()), bytes.value(), tail);
    return IOStatus::OK();
  }
  IOStatus NewRandomRWFile(const std::string& path, const FileOptions&,
                           std::unique_ptr<rocksdb::FSRandomRWFile>* file,
                           IODebugContext*) override {
    Result<std::unique_ptr<File>> opened = disk_->OpenDirect(path, Disk::Mode::kReadWrite);
    if (!opened.ok()) return Converted(opened.status());
    *file = std::make_unique<RandomRWFile>(std::move(opened.value()));
    return IOStatus::OK();
  }
  IOStatus NewDirectory(const std::string& path, const IOOptions&,
                        std::unique_ptr<rocksdb::FSDirectory>* directory,
                        IODebugContext*) override {
    *directory = std::make_unique<Directory>(disk_, WithoutSlash(path));
    return IOStatus::OK();
  }

  IOStatus FileExists(const std::string& path, const IOOptions&, IODebugContext*) override {
    const Result<bool> exists = disk_->Exists(WithoutSlash(path));
    if (!exists.ok()) return Converted(exists.status());
    return exists.value() ? IOStatus::OK() : IOStatus::NotFound(path);
  }
  IOStatus GetChildren(const std::string& path, const IOOptions&, std::vector<std::string>* names,
                       IODebugContext*) override {
    Result<std::vector<std::string>> listed = disk_->List(WithoutSlash(path));
    if (!listed.ok()) return Converted(listed.status());
    *names = std::move(listed.value());
    return IOStatus::OK();
  }
  IOStatus DeleteFile(const std::string& path, const IOOptions&, IODebugContext*) override {
    return Converted(disk_->Remove(path));
  }
  IOStatus RenameFile(const std::string& from, const std::string& to, const IOOptions&,
                      IODebugContext*) override {
    return Converted(disk_->Rename(from, to));
  }
  IOStatus CreateDir(const std::string& path, const IOOptions&, IODebugContext*) override {
    return Converted(disk_->CreateDir(WithoutSlash(path)));
  }
  IOStatus CreateDirIfMissing(const std::string& path, const IOOptions&, IODebugContext*) override {
    return Converted(disk_->CreateDir(WithoutSlash(path)));
  }
  IOStatus DeleteDir(const std::string& path, const IOOptions&, IODebugContext*) override {
    return IOStatus::NotSupported("removing directories", path);
  }
  IOStatus GetFileSize(const std::string& path, const IOOptions&, uint64_t* bytes,
                       IODebugContext*) override {
    const Result<std::unique_ptr<File>> file = disk_->OpenDirect(path, Disk::Mode::kRead);
    if (!file.ok()) return Converted(file.status());
    const Result<uint64_t> size = file.value()->Size();
    if (!size.ok()) return Converted(size.status());
    *bytes = size.value();
    return IOStatus::OK();
  }
  IOStatus GetFileModificationTime(const std::string&, const IOOptions&, uint64_t* time,
                                   IODebugContext*) override {
    *time = 0;
    return IOStatus::OK();
  }
  IOStatus GetFreeSpace(const std::string& path, const IOOptions&, uint64_t* bytes,
                        IODebugContext*) override {
    const Result<uint64_t> free = disk_->FreeBytes(WithoutSlash(path));
    if (!free.ok()) return Converted(free.status());
    *bytes = free.value();
    return IOStatus::OK();
  }
  IOStatus LockFile(const std::string& path, const IOOptions&, rocksdb::FileLock** lock,
                    IODebugContext*) override {
    Result<std::unique_ptr<cairn::FileLock>> locked = disk_->LockFile(path);
    if (!locked.ok()) return Converted(locked.status());
    *lock = new Lock(std::move(locked.value()));
    return IOStatus::OK();
  }
  IOStatus UnlockFile(rocksdb::FileLock* lock, const IOOptions&, IODebugContext*) override {
    delete lock;
    return IOStatus::OK();
  }
  IOStatus GetTestDirectory(const IOOptions&, std::string* path, IODebugContext*) override {
    *path = "/test";
    return IOStatus::OK();
  }
  IOStatus GetAbsolutePath(const std::string& path, const IOOptions&, std::string* absolute,
                           IODebugContext*) override {
    *absolute = path;
    return IOStatus::OK();
  }
  IOStatus IsDirectory(const std::string& path, const IOOptions&, bool* is,
                       IODebugContext*) override {
    *is = disk_->List(WithoutSlash(path)).ok();
    return IOStatus::OK();
  }

 private:
  // Creates it if it is not there.
  Result<std::unique_ptr<File>> OpenToWrite(const std::string& path) {
    const Result<bool> exists = disk_->Exists(path);
    if (!exists.ok()) return exists.status();
    return disk_->OpenDirect(path, exists.value() ? Disk::Mode::kReadWrite : Disk::Mode::kCreate);
  }

  Disk* const disk_;
};

}  // namespace

std::shared_ptr<rocksdb::FileSystem> NewDiskFileSystem(Disk* disk) {
  return std::make_shared<DiskFileSystem>(disk);
}

std::unique_ptr<rocksdb::Env> NewDiskEnv(Disk* disk) {
  return rocksdb::NewCompositeEnv(NewDiskFileSystem(disk));
}

std::string LogIn(Disk* disk, const std::string& dir) {
  const std::vector<std::string> names = disk->List(dir).value();
  for (const std::string& name : names) {
    std::string path = dir + "/" + name;
    if (lsm::IsLogName(name) && FileBytes(disk, path) > 0) return path;
  }
  FAIL("no log");
  return "";
}

uint64_t LogBytes(Disk* disk, const std::string& log) {
  return disk->ReadSmall(log).value().find_last_not_of('\0') + 1;
}

}  // namespace cairn::testing
