#include "vlog/space/file_remover.h"

#include <algorithm>
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
    if (name.ends_with(kGoneSuffix)) AppendLocked(dir + "/" + name, 0, false);
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
  Release(path);
  std::lock_guard<std::mutex> lock(mutex_);
  std::string gone = path + std::string(kGoneSuffix);
  if (disk_->Rename(path, gone).ok()) {
    AppendLocked(std::move(gone), 0, false);
  } else {
    (void)disk_->Remove(path);
  }
}

void FileRemover::Shorten(const std::string& path, uint64_t bytes) {
  Release(path);
  std::lock_guard<std::mutex> lock(mutex_);
  AppendLocked(path, bytes, true);
}

void FileRemover::Release(const std::string& path) {
  std::lock_guard<std::mutex> lock(mutex_);
  const auto found = std::find_if(files_.begin(), files_.end(), [&](const Entry& entry) {
    return entry.shortens && entry.path == path;
  });
  if (found != files_.end()) DropLocked(static_cast<size_t>(found - files_.begin()));
}

uint64_t FileRemover::Step(uint64_t now_ms) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (files_.empty()) return kIdle;
  if (now_ms < due_ms_) return due_ms_ - now_ms;
  uint64_t cut = 0;
  for (uint32_t i = 0; i < kFilesPerStep && !files_.empty() && cut < kPieceBytes; ++i) {
    const uint64_t left = files_.front().bytes - files_.front().until;
    if (i != 0 && cut + left > kPieceBytes) break;
    cut += std::min(left, kPieceBytes);
    if (!CutLocked()) FinishFirstLocked();
  }
  if (files_.empty()) return kIdle;
  due_ms_ = bytes_ > kUnhurriedBytes ? now_ms : now_ms + kPieceMillis;
  return due_ms_ - now_ms;
}

bool FileRemover::RemoveOne() {
  std::lock_guard<std::mutex> lock(mutex_);
  if (files_.empty()) return false;
  FinishFirstLocked();
  return true;
}

bool FileRemover::empty() const {
  std::lock_guard<std::mutex> lock(mutex_);
  return files_.empty();
}

void FileRemover::FinishFirstLocked() {
  const Entry& entry = files_.front();
  if (!entry.shortens) {
    first_.reset();
    (void)disk_->Remove(entry.path);
  } else if (OpenFirstLocked()) {
    (void)first_->Truncate(entry.until);
  }
  DropLocked(0);
}

void FileRemover::DropLocked(size_t index) {
  if (index == 0) first_.reset();
  bytes_ -= files_[index].bytes - files_[index].until;
  files_.erase(files_.begin() + static_cast<std::ptrdiff_t>(index));
}

// Takes a piece off the end of the first file. False: what is left to do may be done at once.
bool FileRemover::CutLocked() {
  Entry& entry = files_.front();
  if (entry.bytes - entry.until <= kPieceBytes) return false;
  if (first_ == nullptr && !entry.shortens) {
    const Result<uint64_t> links = disk_->Links(entry.path);
    if (!links.ok() || links.value() != 1) return false;
  }
  if (!OpenFirstLocked()) return false;
  // Synced, or the file system would collect the pieces and give them back together.
  if (!first_->Truncate(entry.bytes - kPieceBytes).ok() || !first_->Sync().ok()) return false;
  entry.bytes -= kPieceBytes;
  bytes_ -= kPieceBytes;
  return true;
}

bool FileRemover::OpenFirstLocked() {
  if (first_ != nullptr) return true;
  Result<std::unique_ptr<File>> file =
      disk_->OpenDirect(files_.front().path, Disk::Mode::kReadWrite);
  if (file.ok()) first_ = std::move(file.value());
  return file.ok();
}

void FileRemover::AppendLocked(std::string path, uint64_t until, bool shortens) {
  const uint64_t bytes = FileBytes(disk_, path);  // 0: then what there is goes in one piece
  if (shortens && bytes <= until) return;
  files_.push_back({std::move(path), bytes, until, shortens});
  bytes_ += bytes - until;
}

}  // namespace cairn::vlog
