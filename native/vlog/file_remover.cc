#include "vlog/file_remover.h"

#include <string_view>
#include <utility>

namespace cairn::vlog {
namespace {

constexpr std::string_view kGoneSuffix = ".gone";

}  // namespace

Status FileRemover::Begin(const std::string& dir, Disk* disk) {
  disk_ = disk;
  End();
  Result<std::vector<std::string>> names = disk->List(dir);
  if (!names.ok()) return names.status();
  std::lock_guard<std::mutex> lock(mutex_);
  for (const std::string& name : names.value()) {
    if (name.ends_with(kGoneSuffix)) AppendLocked(dir + "/" + name);
  }
  return Status();
}

void FileRemover::End() {
  std::lock_guard<std::mutex> lock(mutex_);
  files_.clear();
  bytes_ = 0;
  first_.reset();
  due_ms_ = 0;
}

void FileRemover::Add(const std::string& path) {
  std::lock_guard<std::mutex> lock(mutex_);
  std::string gone = path + std::string(kGoneSuffix);
  if (disk_->Rename(path, gone).ok()) {
    AppendLocked(std::move(gone));
  } else {
    (void)disk_->Remove(path);
  }
}

uint64_t FileRemover::Step(uint64_t now_ms) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (files_.empty()) return kIdle;
  if (now_ms < due_ms_) return due_ms_ - now_ms;
  if (!CutLocked()) RemoveFirstLocked();
  if (files_.empty()) return kIdle;
  due_ms_ = bytes_ > kUnhurriedBytes ? now_ms : now_ms + kPieceMillis;
  return due_ms_ - now_ms;
}

bool FileRemover::RemoveOne() {
  std::lock_guard<std::mutex> lock(mutex_);
  if (files_.empty()) return false;
  RemoveFirstLocked();
  return true;
}

bool FileRemover::empty() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return files_.empty();
}

void FileRemover::RemoveFirstLocked() {
  first_.reset();
  (void)disk_->Remove(files_.front().path);
  bytes_ -= files_.front().bytes;
  files_.pop_front();
}

// Takes a piece off the end of the first file. False: what is left of it may go as a whole.
bool FileRemover::CutLocked() {
  Entry& entry = files_.front();
  if (entry.bytes <= kPieceBytes) return false;
  if (first_ == nullptr) {
    const Result<uint64_t> links = disk_->Links(entry.path);
    if (!links.ok() || links.value() != 1) return false;
    Result<std::unique_ptr<File>> file = disk_->OpenDirect(entry.path, Disk::Mode::kReadWrite);
    if (!file.ok()) return false;
    first_ = std::move(file.value());
  }
  // Synced, or the file system would collect the pieces and give them back together.
  if (!first_->Truncate(entry.bytes - kPieceBytes).ok() || !first_->Sync().ok()) return false;
  entry.bytes -= kPieceBytes;
  bytes_ -= kPieceBytes;
  return true;
}

void FileRemover::AppendLocked(std::string path) {
  const uint64_t bytes = FileBytes(disk_, path);  // 0: then it goes in one piece
  files_.push_back({std::move(path), bytes});
  bytes_ += bytes;
}

}  // namespace cairn::vlog
