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
    if (name.ends_with(kGoneSuffix)) paths_.push_back(dir + "/" + name);
  }
  return Status();
}

void FileRemover::End() {
  std::lock_guard<std::mutex> lock(mutex_);
  paths_.clear();
  first_.reset();
  due_ms_ = 0;
}

void FileRemover::Add(const std::string& path) {
  std::lock_guard<std::mutex> lock(mutex_);
  std::string gone = path + std::string(kGoneSuffix);
  if (disk_->Rename(path, gone).ok()) {
    paths_.push_back(std::move(gone));
  } else {
    (void)disk_->Remove(path);
  }
}

uint64_t FileRemover::Step(uint64_t now_ms) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (paths_.empty()) return kIdle;
  if (now_ms < due_ms_) return due_ms_ - now_ms;
  if (!CutLocked()) RemoveFirstLocked();
  if (paths_.empty()) return kIdle;
  due_ms_ = paths_.size() > kUnhurriedMax ? now_ms : now_ms + kPieceMillis;
  return due_ms_ - now_ms;
}

bool FileRemover::RemoveOne() {
  std::lock_guard<std::mutex> lock(mutex_);
  if (paths_.empty()) return false;
  RemoveFirstLocked();
  return true;
}

bool FileRemover::empty() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return paths_.empty();
}

void FileRemover::RemoveFirstLocked() {
  first_.reset();
  (void)disk_->Remove(paths_.front());
  paths_.pop_front();
}

// Takes a piece off the end of the first file. False: what is left of it may go as a whole.
bool FileRemover::CutLocked() {
  if (first_ == nullptr) {
    const Result<uint64_t> links = disk_->Links(paths_.front());
    if (!links.ok() || links.value() != 1) return false;
    Result<std::unique_ptr<File>> file = disk_->OpenDirect(paths_.front(), Disk::Mode::kReadWrite);
    if (!file.ok()) return false;
    const Result<uint64_t> size = file.value()->Size();
    if (!size.ok()) return false;
    first_ = std::move(file.value());
    bytes_ = size.value();
  }
  if (bytes_ <= kPieceBytes) return false;
  // Synced, or the file system would collect the pieces and give them back together.
  if (!first_->Truncate(bytes_ - kPieceBytes).ok() || !first_->Sync().ok()) return false;
  bytes_ -= kPieceBytes;
  return true;
}

}  // namespace cairn::vlog
