#include "session/function_store.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <utility>

#include "script/shebang.h"
#include "session/function_loader.h"

namespace cairn {

namespace {

Status Failed(const std::string& what) { return Status(Code::kIoError, what, errno); }

// A file that is closed at the end of the scope.
struct File {
  explicit File(int descriptor) : fd(descriptor) {}
  ~File() {
    if (fd >= 0) close(fd);
  }
  int fd;
};

Status WriteWhole(const std::string& path, std::string_view bytes) {
  File file(open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644));
  if (file.fd < 0) return Failed("opening " + path);
  while (!bytes.empty()) {
    const ssize_t written = write(file.fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written <= 0) return Failed("writing " + path);
    bytes.remove_prefix(static_cast<size_t>(written));
  }
  return fsync(file.fd) == 0 ? Status::Ok() : Failed("syncing " + path);
}

// kNotFound has no code of its own: *there tells.
Status ReadWhole(const std::string& path, std::string* bytes, bool* there) {
  File file(open(path.c_str(), O_RDONLY | O_CLOEXEC));
  *there = file.fd >= 0;
  if (!*there) return errno == ENOENT ? Status::Ok() : Failed("opening " + path);
  char piece[64 * 1024];
  for (;;) {
    const ssize_t got = read(file.fd, piece, sizeof(piece));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return Failed("reading " + path);
    if (got == 0) return Status::Ok();
    bytes->append(piece, static_cast<size_t>(got));
    if (bytes->size() > 2 * FunctionSet::kBytesMax)
      return Status(Code::kCorruption, path + " is larger than all functions may be");
  }
}

}  // namespace

FunctionStore::FunctionStore() : current_(std::make_shared<FunctionSet>()) {}

FunctionStore::Set FunctionStore::current() const {
  std::lock_guard<std::mutex> guard(mutex_);
  return current_;
}

void FunctionStore::Publish(Set set) {
  std::lock_guard<std::mutex> guard(mutex_);
  current_ = std::move(set);
  number_.fetch_add(1, std::memory_order_release);
}

Status FunctionStore::Save(const FunctionSet& set) const {
  if (path_.empty()) return Status::Ok();
  const std::string temporary = path_ + ".tmp";
  Status status = WriteWhole(temporary, set.Dump());
  if (!status.ok()) return status;
  if (rename(temporary.c_str(), path_.c_str()) != 0) return Failed("renaming " + temporary);
  const std::string dir = path_.substr(0, path_.rfind('/'));
  File directory(open(dir.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (directory.fd < 0 || fsync(directory.fd) != 0) return Failed("syncing " + dir);
  return Status::Ok();
}

Status FunctionStore::Open(const std::string& dir, std::string_view version,
                           std::vector<std::string>* notices) {
  path_ = dir + "/" + kFileName;
  std::string dump, error;
  bool there = false;
  Status status = ReadWhole(path_, &dump, &there);
  if (!status.ok() || !there) return status;
  std::vector<std::string> codes;
  if (!FunctionSet::ReadDump(dump, &codes, &error))
    return Status(Code::kCorruption, path_ + ": " + error);
  FunctionSet set;
  FunctionLoader loader(version);
  for (const std::string& code : codes) {
    FunctionSet::Library library = loader.Load(code, &error);
    if (library == nullptr || !set.With(std::move(library), false, &set, &error))
      notices->push_back("a library of functions is left out: " + error);
  }
  Publish(std::make_shared<FunctionSet>(std::move(set)));
  return Status::Ok();
}

}  // namespace cairn
