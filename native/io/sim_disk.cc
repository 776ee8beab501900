#include "io/sim_disk.h"

#include <errno.h>

#include "io/sim_state.h"

namespace cairn {
namespace {

inline constexpr size_t kSmallFileMax = 1 << 20;

using Lock = std::lock_guard<std::mutex>;

bool Reads(std::string_view what) {
  return what == "read" || what == "stat" || what == "open" || what == "statvfs" ||
         what == "read directory";
}

Status Failure(const std::string& path, const char* what, int64_t result) {
  const int error = static_cast<int>(-result);
  IoErrors::All().Count(Reads(what), error);
  std::string message = path + ": " + what;
  if (error == ENOSPC) {
    return Status(Code::kNoSpace, message + ": No space left on device (simulated)", error);
  }
  return Status(Code::kIoError, message + ": simulated error " + std::to_string(error), error);
}

// Direct I/O would refuse it with EINVAL; here it is a bug that should not hide behind an error.
void CheckAligned(const IoAlignment& alignment, uint64_t offset, const void* data, size_t bytes) {
  CAIRN_CHECK(offset % alignment.offset == 0 && bytes % alignment.offset == 0);
  CAIRN_CHECK(reinterpret_cast<uintptr_t>(data) % alignment.memory == 0);
}

class SimLock final : public FileLock {
 public:
  SimLock(std::shared_ptr<SimState> state, std::string path)
      : state_(std::move(state)), path_(std::move(path)), generation_(state_->generation()) {}
  ~SimLock() override {
    const Lock lock(state_->mutex);
    state_->Unlock(path_, generation_);
  }

 private:
  const std::shared_ptr<SimState> state_;
  const std::string path_;
  const uint64_t generation_;
};

}  // namespace

// --- SimFile

SimFile::SimFile(std::shared_ptr<SimState> state, std::string path, SimInodePtr inode,
                 bool writable)
    : state_(std::move(state)),
      path_(std::move(path)),
      inode_(std::move(inode)),
      writable_(writable),
      alignment_(state_->options().alignment),
      direct_(state_->options().direct),
      generation_(state_->generation()) {
  state_->Opened(inode_);
}

SimFile::~SimFile() {
  const Lock lock(state_->mutex);
  state_->Closed(*inode_);
}

Result<uint64_t> SimFile::Size() {
  const Lock lock(state_->mutex);
  if (!state_->Alive(generation_)) return Failure(path_, "stat", -EIO);
  return inode_->size();
}

Status SimFile::Allocate(uint64_t offset, uint64_t bytes) {
  const Lock lock(state_->mutex);
  if (!state_->Alive(generation_) || !state_->BeginOperation()) {
    return Failure(path_, "allocate", -EIO);
  }
  if (!writable_) return Failure(path_, "allocate", -EBADF);
  const int64_t result = state_->Allocate(path_, inode_.get(), offset, bytes);
  state_->Trace(16, offset, result);
  return result < 0 ? Failure(path_, "allocate", result) : Status::Ok();
}

Status SimFile::Truncate(uint64_t bytes) {
  const Lock lock(state_->mutex);
  if (!state_->Alive(generation_) || !state_->BeginOperation()) {
    return Failure(path_, "truncate", -EIO);
  }
  if (!writable_) return Failure(path_, "truncate", -EBADF);
  state_->Truncate(inode_.get(), bytes);
  state_->Trace(17, bytes, 0);
  return Status::Ok();
}

Result<size_t> SimFile::ReadAt(uint64_t offset, void* data, size_t bytes) {
  CheckAligned(alignment_, offset, data, bytes);
  const Lock lock(state_->mutex);
  if (!state_->Alive(generation_) || !state_->BeginOperation()) return Failure(path_, "read", -EIO);
  const iovec iov = {data, bytes};
  const int64_t result = state_->Read(path_, *inode_, offset, &iov, 1);
  state_->Trace(18, offset, result);
  if (result < 0) return Failure(path_, "read", result);
  return static_cast<size_t>(result);
}

Status SimFile::WriteAt(uint64_t offset, const void* data, size_t bytes) {
  CheckAligned(alignment_, offset, data, bytes);
  const Lock lock(state_->mutex);
  if (!state_->Alive(generation_) || !state_->BeginOperation()) {
    return Failure(path_, "write", -EIO);
  }
  if (!writable_) return Failure(path_, "write", -EBADF);
  const iovec iov = {const_cast<void*>(data), bytes};
  IoRequest request;
  request.op = IoOp::kWrite;
  request.offset = offset;
  request.iov = &iov;
  request.iov_count = 1;
  const int64_t result = state_->Write(path_, inode_.get(), request, false);
  state_->Trace(19, offset, result);
  return result < 0 ? Failure(path_, "write", result) : Status::Ok();
}

Status SimFile::Sync() {
  const Lock lock(state_->mutex);
  if (!state_->Alive(generation_) || !state_->BeginOperation()) return Failure(path_, "sync", -EIO);
  const int64_t result = state_->Sync(path_, inode_.get(), state_->sequence());
  state_->Trace(20, 0, result);
  return result < 0 ? Failure(path_, "sync", result) : Status::Ok();
}

// --- SimDisk: the machine

SimDisk::SimDisk(const SimOptions& options) : state_(std::make_shared<SimState>(options)) {
  CAIRN_CHECK(options.delay_max > 0);
  CAIRN_CHECK(options.alignment.offset % kSimSectorBytes == 0);
}

SimDisk::~SimDisk() = default;

void SimDisk::PowerOff() {
  const Lock lock(state_->mutex);
  state_->PowerOff();
}
void SimDisk::PowerOn() {
  const Lock lock(state_->mutex);
  state_->PowerOn();
}
void SimDisk::Crash() {
  PowerOff();
  PowerOn();
}
void SimDisk::Kill() {
  const Lock lock(state_->mutex);
  state_->Kill();
}
void SimDisk::PowerOffAt(uint64_t operation) {
  const Lock lock(state_->mutex);
  state_->PowerOffAt(operation);
}
bool SimDisk::powered() const {
  const Lock lock(state_->mutex);
  return state_->powered();
}
void SimDisk::SetFaults(const SimFaults& faults) {
  const Lock lock(state_->mutex);
  state_->SetFaults(faults);
}
void SimDisk::Inject(const SimScript& script) {
  CAIRN_CHECK(script.times > 0 && (script.error != 0 || script.op == SimOp::kWrite));
  const Lock lock(state_->mutex);
  state_->Inject(script);
}
void SimDisk::SetCapacity(uint64_t bytes) {
  const Lock lock(state_->mutex);
  state_->SetCapacity(bytes);
}
void SimDisk::SetDevice(const IoAlignment& alignment, bool direct) {
  CAIRN_CHECK(alignment.offset % kSimSectorBytes == 0);
  const Lock lock(state_->mutex);
  state_->SetDevice(alignment, direct);
}
void SimDisk::FlipBit(const std::string& path, uint64_t offset, uint32_t bit) {
  const Lock lock(state_->mutex);
  const SimInodePtr inode = state_->Find(SimNormalize(path));
  CAIRN_CHECK(inode != nullptr);
  inode->FlipBit(offset, bit);
}
uint64_t SimDisk::operations() const {
  const Lock lock(state_->mutex);
  return state_->operations();
}
uint64_t SimDisk::TraceHash() const {
  const Lock lock(state_->mutex);
  return state_->trace_hash();
}
uint64_t SimDisk::UsedBytes() const {
  const Lock lock(state_->mutex);
  return state_->UsedBytes();
}
uint64_t SimDisk::UnsyncedSectors() const {
  const Lock lock(state_->mutex);
  return state_->UnsyncedSectors();
}

// --- SimDisk: the contract of Disk

Result<std::unique_ptr<File>> SimDisk::OpenDirect(const std::string& name, Mode mode) {
  const std::string path = SimNormalize(name);
  const Lock lock(state_->mutex);
  if (!state_->powered()) return Failure(path, "open", -EIO);
  SimInodePtr inode = state_->Find(path);
  if (mode == Mode::kCreate) {
    if (!state_->BeginOperation()) return Failure(path, "create", -EIO);
    if (inode != nullptr || state_->HasDir(path)) return Failure(path, "create", -EEXIST);
    if (!state_->HasDir(SimParent(path))) return Failure(path, "create", -ENOENT);
    inode = state_->Create(path, false);
    state_->Trace(32, inode->id(), 0);
  }
  if (inode == nullptr) return Failure(path, "open", -ENOENT);
  return std::unique_ptr<File>(
      std::make_unique<SimFile>(state_, path, std::move(inode), mode != Mode::kRead));
}

Status SimDisk::CreateDir(const std::string& name) {
  const Lock lock(state_->mutex);
  std::string path = SimNormalize(name);
  if (!state_->powered() || !state_->BeginOperation()) {
    return Failure(path, "create directory", -EIO);
  }
  for (; !state_->HasDir(path); path = SimParent(path)) {
    if (state_->Find(path) != nullptr) return Failure(path, "create directory", -ENOTDIR);
    state_->MakeDir(path);
  }
  return Status::Ok();
}

Status SimDisk::SyncDir(const std::string& name) {
  const std::string path = SimNormalize(name);
  const Lock lock(state_->mutex);
  if (!state_->powered() || !state_->BeginOperation()) return Failure(path, "sync directory", -EIO);
  if (!state_->HasDir(path)) return Failure(path, "sync directory", -ENOENT);
  int error = 0;
  const bool failed = state_->Fails(SimOp::kSync, path, &error);
  state_->Trace(33, failed, 0);
  if (failed) return Failure(path, "sync directory", -error);
  state_->SyncDir(path);
  return Status::Ok();
}

Status SimDisk::Rename(const std::string& from_name, const std::string& to_name) {
  const std::string from = SimNormalize(from_name);
  const std::string to = SimNormalize(to_name);
  const Lock lock(state_->mutex);
  if (!state_->powered() || !state_->BeginOperation()) return Failure(from, "rename", -EIO);
  if (state_->Find(from) == nullptr || !state_->HasDir(SimParent(to))) {
    return Failure(from, "rename", -ENOENT);
  }
  if (state_->HasDir(to)) return Failure(from, "rename", -EISDIR);
  state_->Rename(from, to);
  state_->Trace(34, 0, 0);
  return Status::Ok();
}

Status SimDisk::Remove(const std::string& name) {
  const std::string path = SimNormalize(name);
  const Lock lock(state_->mutex);
  if (!state_->powered() || !state_->BeginOperation()) return Failure(path, "remove", -EIO);
  if (state_->Find(path) == nullptr) return Failure(path, "remove", -ENOENT);
  state_->Remove(path);
  state_->Trace(35, 0, 0);
  return Status::Ok();
}

Result<std::vector<std::string>> SimDisk::List(const std::string& name) {
  const std::string dir = SimNormalize(name);
  const Lock lock(state_->mutex);
  if (!state_->powered()) return Failure(dir, "read directory", -EIO);
  if (!state_->HasDir(dir)) return Failure(dir, "read directory", -ENOENT);
  return state_->List(dir);
}

Result<bool> SimDisk::Exists(const std::string& name) {
  const std::string path = SimNormalize(name);
  const Lock lock(state_->mutex);
  if (!state_->powered()) return Failure(path, "stat", -EIO);
  return state_->Find(path) != nullptr || state_->HasDir(path);
}

Result<std::string> SimDisk::ReadSmall(const std::string& name) {
  const std::string path = SimNormalize(name);
  const Lock lock(state_->mutex);
  if (!state_->powered() || !state_->BeginOperation()) return Failure(path, "read", -EIO);
  const SimInodePtr inode = state_->Find(path);
  if (inode == nullptr) return Failure(path, "open", -ENOENT);
  if (inode->size() > kSmallFileMax) {
    return Status(Code::kTooLarge, path + ": larger than " + std::to_string(kSmallFileMax) +
                                       " bytes, not a file of ours");
  }
  std::string content(inode->size(), '\0');
  const iovec iov = {content.data(), content.size()};
  const int64_t result = state_->Read(path, *inode, 0, &iov, 1);
  state_->Trace(36, 0, result);
  if (result < 0) return Failure(path, "read", result);
  return content;
}

Status SimDisk::WriteSmallAtomic(const std::string& name, std::string_view content) {
  const std::string path = SimNormalize(name);
  const Lock lock(state_->mutex);
  if (content.size() > kSmallFileMax) {
    return Status(Code::kTooLarge,
                  path + ": more than " + std::to_string(kSmallFileMax) + " bytes");
  }
  if (!state_->powered()) return Failure(path, "write", -EIO);
  if (!state_->HasDir(SimParent(path))) return Failure(path, "create", -ENOENT);
  // If the power fails here, the old or the new content stays.
  const bool before_failure = state_->FailsNext() && state_->random().Coin();
  if (before_failure) state_->Replace(path, content);
  if (!state_->BeginOperation()) return Failure(path, "write", -EIO);
  int error = 0;
  int64_t result = 0;
  if (state_->Fails(SimOp::kWrite, path, &error)) {
    result = error == 0 ? 0 : -error;  // short writes are retried
  }
  if (result == 0 && state_->UsedBytes() + content.size() > state_->options().capacity) {
    result = -ENOSPC;
  }
  if (result == 0 && state_->Fails(SimOp::kSync, path, &error)) {
    result = -error;
    if (state_->random().Coin()) state_->Replace(path, content);  // the last sync, of the directory
  }
  state_->Trace(37, content.size(), result);
  if (result < 0) return Failure(path, "write", result);
  state_->Replace(path, content);
  return Status::Ok();
}

Result<uint64_t> SimDisk::Links(const std::string& name) {
  const std::string path = SimNormalize(name);
  const Lock lock(state_->mutex);
  if (!state_->powered()) return Failure(path, "stat", -EIO);
  if (state_->Find(path) == nullptr) return Failure(path, "stat", -ENOENT);
  return uint64_t{1};
}

Result<uint64_t> SimDisk::FreeBytes(const std::string& dir) {
  const Lock lock(state_->mutex);
  if (!state_->powered()) return Failure(dir, "statvfs", -EIO);
  const uint64_t used = state_->UsedBytes();
  const uint64_t capacity = state_->options().capacity;
  return capacity > used ? capacity - used : 0;
}

Result<std::unique_ptr<FileLock>> SimDisk::LockFile(const std::string& name) {
  const std::string path = SimNormalize(name);
  const Lock lock(state_->mutex);
  if (!state_->powered()) return Failure(path, "lock", -EIO);
  if (!state_->HasDir(SimParent(path))) return Failure(path, "open", -ENOENT);
  if (!state_->Lock(path)) {
    return Status(Code::kBusy, path + ": locked by process 1", EWOULDBLOCK);
  }
  if (state_->Find(path) == nullptr) state_->Create(path, true);
  return std::unique_ptr<FileLock>(std::make_unique<SimLock>(state_, path));
}

Result<std::unique_ptr<IoQueue>> SimDisk::NewQueue(const IoQueueOptions& options, std::string*) {
  const Lock lock(state_->mutex);
  if (!state_->powered()) return Failure("queue", "create", -EIO);
  return NewSimQueue(state_, options.depth);
}

Status SimDisk::ProbeDurableWrite(const std::string&, std::string* report) {
  if (report != nullptr) *report = "durable write: simulated disk, nothing to measure";
  return Status::Ok();
}

}  // namespace cairn
