#include "base/large_buffer.h"

#include <sys/mman.h>

#include "base/check.h"
#include "base/release.h"

namespace cairn {

std::shared_ptr<LargeBuffer> LargeBuffer::New(size_t bytes) {
  constexpr size_t kPageBytes = 4096;
  bytes = (bytes + kPageBytes - 1) / kPageBytes * kPageBytes;
  void* data = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (data == MAP_FAILED) OutOfMemory(bytes);
  return std::shared_ptr<LargeBuffer>(new LargeBuffer(static_cast<char*>(data), bytes));
}

LargeBuffer::~LargeBuffer() {
  ReleaseMemory(data_, bytes_, [](void* data, size_t bytes) { munmap(data, bytes); });
}

}  // namespace cairn
