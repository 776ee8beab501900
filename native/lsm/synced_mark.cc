#include "lsm/synced_mark.h"

#include <string_view>

#include "base/coding.h"
#include "base/crc32c.h"

namespace cairn::lsm {

namespace {

constexpr std::string_view kMagic = "cairnsyn";
constexpr size_t kSummedBytes = kMagic.size() + 8;
constexpr size_t kBytes = kSummedBytes + 4;

std::string Encoded(uint64_t version) {
  std::string bytes(kMagic);
  AppendLittle64(&bytes, version);
  AppendLittle32(&bytes, Crc32c(bytes.data(), bytes.size()));
  return bytes;
}

}  // namespace

std::optional<uint64_t> SyncedMark::Read(Disk* disk, const std::string& dir, bool* damaged) {
  const Result<bool> exists = disk->Exists(PathIn(dir));
  *damaged = false;
  if (exists.ok() && !exists.value()) return std::nullopt;
  const Result<std::string> bytes = disk->ReadSmall(PathIn(dir));
  *damaged = !bytes.ok() || bytes.value().size() != kBytes;
  if (*damaged) return std::nullopt;
  const uint64_t version = Little64(bytes.value().data() + kMagic.size());
  *damaged = bytes.value() != Encoded(version);
  if (*damaged) return std::nullopt;
  return version;
}

std::string SyncedMark::Contradiction(const std::string& dir, uint64_t found, uint64_t synced) {
  return dir + "/rocksdb: the log contradicts itself: it can be read up to version " +
         std::to_string(found) + ", but all up to version " + std::to_string(synced) +
         " had been synced (" + PathIn(dir) + "): a log is damaged or missing";
}

rocksdb::Status SyncedMark::Open(rocksdb::FileSystem* files, const std::string& dir,
                                 uint64_t version) {
  const std::string path = PathIn(dir);
  dirty_ = false;
  failed_ = false;
  version_ = version;
  uint64_t bytes = 0;
  rocksdb::Status status = files->GetFileSize(path, {}, &bytes, nullptr);
  if (!status.ok() || bytes != kBytes) {
    std::unique_ptr<rocksdb::FSWritableFile> made;
    status = files->NewWritableFile(path, {}, &made, nullptr);
    if (status.ok()) status = made->Append(Encoded(version), {}, nullptr);
    if (status.ok()) status = made->Fsync({}, nullptr);
    if (status.ok()) status = made->Close({}, nullptr);
    std::unique_ptr<rocksdb::FSDirectory> directory;
    if (status.ok()) status = files->NewDirectory(dir, {}, &directory, nullptr);
    if (status.ok()) status = directory->Fsync({}, nullptr);
  }
  if (status.ok()) status = files->NewRandomRWFile(path, {}, &file_, nullptr);
  if (status.ok()) status = Write(version);
  if (status.ok()) status = file_->Fsync({}, nullptr);
  if (!status.ok()) file_.reset();
  return status;
}

rocksdb::Status SyncedMark::Write(uint64_t version) {
  return file_->Write(0, Encoded(version), {}, nullptr);
}

void SyncedMark::Note(uint64_t version) {
  if (file_ == nullptr || version <= version_ || failed_.load(std::memory_order_relaxed)) return;
  version_ = version;
  if (Write(version).ok()) {
    dirty_.store(true, std::memory_order_release);
  } else {
    failed_.store(true, std::memory_order_relaxed);
  }
}

void SyncedMark::Sync() {
  if (file_ == nullptr || !dirty_.exchange(false)) return;
  if (!file_->Sync({}, nullptr).ok()) failed_.store(true, std::memory_order_relaxed);
}

}  // namespace cairn::lsm
