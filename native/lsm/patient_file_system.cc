#include "lsm/patient_file_system.h"

#include <cerrno>
#include <chrono>
#include <cstring>
#include <thread>
#include <utility>

#include "lsm/log_file.h"

namespace cairn::lsm {

namespace {

using rocksdb::FileOptions;
using rocksdb::FSWritableFile;
using rocksdb::IODebugContext;
using rocksdb::IOOptions;
using rocksdb::IOStatus;
using rocksdb::Slice;

bool IsFull(const IOStatus& status) {
  if (status.IsNoSpace() || status.subcode() == IOStatus::kNoSpace) return true;
  // A quota that is used up has no code of its own there.
  return !status.ok() && status.ToString().find(strerror(EDQUOT)) != std::string::npos;
}

class PatientFile final : public rocksdb::FSWritableFileOwnerWrapper {
 public:
  PatientFile(std::unique_ptr<FSWritableFile>&& file, uint64_t offset, Patience* patience)
      : FSWritableFileOwnerWrapper(std::move(file)), offset_(offset), patience_(patience) {}

  IOStatus Append(const Slice& data, const IOOptions& options, IODebugContext* debug) override {
    return PositionedAppend(data, offset_, options, debug);
  }
  IOStatus Append(const Slice& data, const IOOptions& options, const rocksdb::DataVerificationInfo&,
                  IODebugContext* debug) override {
    return PositionedAppend(data, offset_, options, debug);
  }
  IOStatus PositionedAppend(const Slice& data, uint64_t offset, const IOOptions& options,
                            IODebugContext* debug) override {
    IOStatus status = patience_->Insist(
        [&] { return FSWritableFileOwnerWrapper::PositionedAppend(data, offset, options, debug); });
    if (status.ok()) offset_ = offset + data.size();
    return status;
  }
  IOStatus PositionedAppend(const Slice& data, uint64_t offset, const IOOptions& options,
                            const rocksdb::DataVerificationInfo&, IODebugContext* debug) override {
    return PositionedAppend(data, offset, options, debug);
  }

 private:
  uint64_t offset_;
  Patience* const patience_;
};

class PatientFileSystem final : public rocksdb::FileSystemWrapper {
 public:
  PatientFileSystem(const std::shared_ptr<FileSystem>& base, Patience* patience)
      : FileSystemWrapper(base), patience_(patience) {}
  const char* Name() const override { return "CairnPatient"; }

  IOStatus NewWritableFile(const std::string& path, const FileOptions& options,
                           std::unique_ptr<FSWritableFile>* file, IODebugContext* debug) override {
    // A note of the options in force, of no use to us: it is written with all writers held up, by
    // threads that have to make room.
    if (IsNoteOfOptions(path))
      return FileSystemWrapper::NewWritableFile(path, options, file, debug);
    const IOStatus status = patience_->Insist(
        [&] { return FileSystemWrapper::NewWritableFile(path, options, file, debug); });
    if (status.ok() && IsLogName(path)) *file = std::make_unique<LogFile>(std::move(*file));
    return Wrapped(status, 0, file);
  }
  IOStatus ReopenWritableFile(const std::string& path, const FileOptions& options,
                              std::unique_ptr<FSWritableFile>* file,
                              IODebugContext* debug) override {
    const IOStatus status = patience_->Insist(
        [&] { return FileSystemWrapper::ReopenWritableFile(path, options, file, debug); });
    return Wrapped(status, status.ok() ? (*file)->GetFileSize(IOOptions(), debug) : 0, file);
  }
  IOStatus ReuseWritableFile(const std::string& path, const std::string& old_path,
                             const FileOptions& options, std::unique_ptr<FSWritableFile>* file,
                             IODebugContext* debug) override {
    const IOStatus status = patience_->Insist(
        [&] { return FileSystemWrapper::ReuseWritableFile(path, old_path, options, file, debug); });
    return Wrapped(status, 0, file);
  }

 private:
  static bool IsNoteOfOptions(const std::string& path) {
    return path.compare(path.rfind('/') + 1, 8, "OPTIONS-") == 0;
  }

  IOStatus Wrapped(const IOStatus& status, uint64_t offset, std::unique_ptr<FSWritableFile>* file) {
    if (status.ok()) *file = std::make_unique<PatientFile>(std::move(*file), offset, patience_);
    return status;
  }

  Patience* const patience_;
};

}  // namespace

IOStatus Patience::Insist(const std::function<IOStatus()>& action) {
  IOStatus status = action();
  if (IsFull(status) && reserve_()) status = action();
  if (!IsFull(status)) return status;
  listener_(true, status.ToString());
  while (IsFull(status) && !given_up_.load(std::memory_order_acquire)) {
    std::this_thread::sleep_for(std::chrono::milliseconds(kRetryMillis));
    status = action();
  }
  listener_(false, "");
  return status;
}

std::shared_ptr<rocksdb::FileSystem> NewPatientFileSystem(
    const std::shared_ptr<rocksdb::FileSystem>& base, Patience* patience) {
  return std::make_shared<PatientFileSystem>(base, patience);
}

}  // namespace cairn::lsm
