#include "base/large_buffer.h"

#include <sys/mman.h>

#include <cstdlib>
#include <cstring>

#include "base/check.h"
#include "base/release.h"

namespace cairn {

std::shared_ptr<LargeBuffer> LargeBuffer::New(size_t bytes) {
  constexpr size_t kPageBytes = 4096;
  bytes = (bytes + kPageBytes - 1) / kPageBytes * kPageBytes;
  void* data = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  const bool mapped = data != MAP_FAILED;
  if (!mapped) {  // a process may have so many mappings, whatever memory there is
    data = Allocated(std::aligned_alloc(kPageBytes, bytes), bytes);
    std::memset(data, 0, bytes);
  }
  return std::shared_ptr<LargeBuffer>(new LargeBuffer(static_cast<char*>(data), bytes, mapped));
}

LargeBuffer::~LargeBuffer() {
  ReleaseMemory(
      data_, bytes_,
      mapped_ ? [](void* data, size_t bytes) { munmap(data, bytes); }
              : [](void* data, size_t) { std::free(data); });
}

}  // namespace cairn
