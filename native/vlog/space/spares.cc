#include "vlog/space/spares.h"

namespace cairn::vlog {
namespace {

constexpr std::string_view kSegmentSuffix = ".vlog";
constexpr std::string_view kSpareSuffix = ".spare";

}  // namespace

Status SpareSegments::Begin(const std::string& dir, Disk* disk, const Limits& limits) {
  dir_ = dir;
  disk_ = disk;
  limits_ = limits;
  std::lock_guard<std::mutex> lock(mutex_);
  spares_.clear();
  Result<std::vector<std::string>> names = disk_->List(dir_);
  if (!names.ok()) return names.status();
  for (const std::string& name : names.value()) {
    if (!name.ends_with(kSpareSuffix)) continue;
    const std::string path = dir_ + "/" + name;
    const uint64_t bytes = FileBytes(disk_, path);
    if (spares_.size() < limits_.files && Fits(bytes)) {
      spares_.push_back({path, bytes});
      continue;
    }
    Status status = disk_->Remove(path);
    if (!status.ok()) return status;
  }
  PublishLocked();
  return Status();
}

void SpareSegments::End() {
  std::lock_guard<std::mutex> lock(mutex_);
  spares_.clear();
  PublishLocked();
}

bool SpareSegments::Keep(const std::string& path, uint64_t bytes) {
  std::lock_guard<std::mutex> lock(mutex_);
  if (spares_.size() >= limits_.files || !Fits(bytes) || !path.ends_with(kSegmentSuffix))
    return false;
  Result<uint64_t> links = disk_->Links(path);
  if (!links.ok() || links.value() != 1) return false;
  const std::string spare =
      path.substr(0, path.size() - kSegmentSuffix.size()) + std::string(kSpareSuffix);
  if (!disk_->Rename(path, spare).ok()) return false;
  spares_.push_back({spare, bytes});
  PublishLocked();
  return true;
}

std::string SpareSegments::Take(uint64_t wanted) {
  std::lock_guard<std::mutex> lock(mutex_);
  for (size_t i = spares_.size(); i-- > 0;) {
    if (Suits(spares_[i].bytes, wanted)) return TakeLocked(i);
  }
  return {};
}

std::string SpareSegments::TakeAny() {
  std::lock_guard<std::mutex> lock(mutex_);
  return spares_.empty() ? std::string() : TakeLocked(spares_.size() - 1);
}

std::string SpareSegments::TakeLocked(size_t index) {
  std::string path = std::move(spares_[index].path);
  spares_.erase(spares_.begin() + static_cast<std::ptrdiff_t>(index));
  PublishLocked();
  return path;
}

bool SpareSegments::DropOne() {
  const std::string path = TakeAny();
  return !path.empty() && disk_->Remove(path).ok();
}

void SpareSegments::PublishLocked() {
  uint64_t bytes = 0;
  for (const Spare& spare : spares_) bytes += spare.bytes;
  count_.store(static_cast<uint32_t>(spares_.size()), std::memory_order_relaxed);
  bytes_.store(bytes, std::memory_order_relaxed);
}

}  // namespace cairn::vlog
