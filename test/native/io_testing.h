// What the tests of native/io share: a scratch directory beside the test binary, aligned memory,
// and requests that remember their results.
#pragma once

#include <doctest/doctest.h>
#include <stdlib.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <memory>
#include <string>
#include <vector>

#include "io/disk.h"

namespace cairn {

// A fresh directory on the file system of the build, removed at the end.
class ScratchDir {
 public:
  ScratchDir() {
    std::string name = std::filesystem::read_symlink("/proc/self/exe").parent_path().string();
    name += "/scratch-XXXXXX";
    REQUIRE(mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  ~ScratchDir() { std::filesystem::remove_all(path_); }
  const std::string& path() const { return path_; }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

// Zeroed memory, aligned for direct I/O.
class Block {
 public:
  explicit Block(size_t bytes, int fill = 0)
      : bytes_(bytes),
        data_(static_cast<char*>(aligned_alloc(4096, (bytes + 4095) / 4096 * 4096)), free) {
    std::memset(data_.get(), fill, bytes);
  }
  char* data() const { return data_.get(); }
  size_t size() const { return bytes_; }
  std::string_view view() const { return {data_.get(), bytes_}; }

 private:
  size_t bytes_;
  std::unique_ptr<char, void (*)(void*)> data_;
};

// One request over one or several buffers; counts how often `done` ran.
struct TestRequest {
  static constexpr int64_t kPending = INT64_MIN;

  IoRequest io;
  std::vector<iovec> iov;
  int64_t result = kPending;
  int completions = 0;
  std::vector<TestRequest*>* order = nullptr;

  TestRequest(IoOp op, File* file, uint64_t offset, std::vector<iovec> buffers = {})
      : iov(std::move(buffers)) {
    io.op = op;
    io.file = file;
    io.offset = offset;
    io.iov = iov.data();
    io.iov_count = static_cast<uint32_t>(iov.size());
    io.owner = this;
    io.done = [](IoRequest* request, int64_t value) {
      auto* const self = static_cast<TestRequest*>(request->owner);
      self->result = value;
      ++self->completions;
      if (self->order != nullptr) self->order->push_back(self);
    };
  }
  TestRequest(const TestRequest&) = delete;
  TestRequest& operator=(const TestRequest&) = delete;
};

inline iovec Iov(const Block& block) { return {block.data(), block.size()}; }

inline void Drain(IoQueue* queue) {
  for (int i = 0; i < 10000 && queue->in_flight() > 0; ++i) queue->Wait(1000);
  REQUIRE(queue->in_flight() == 0);
}

// Submits one request and waits for it.
inline int64_t RunOne(IoQueue* queue, IoOp op, File* file, uint64_t offset,
                      std::vector<iovec> buffers = {}) {
  TestRequest request(op, file, offset, std::move(buffers));
  queue->Submit(&request.io);
  Drain(queue);
  CHECK(request.completions == 1);
  return request.result;
}

template <typename T>
T Take(Result<T> result) {
  if (!result.ok()) FAIL(result.status().message());
  return std::move(result.value());
}

#define CHECK_OK(expression)                                  \
  do {                                                        \
    const ::cairn::Status check_status = (expression);        \
    CHECK_MESSAGE(check_status.ok(), check_status.message()); \
  } while (false)

}  // namespace cairn
