#include "base/release.h"

#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <vector>

#include "base/threads.h"

namespace cairn {
namespace {

constexpr size_t kPieceBytes = 4u << 20;
constexpr size_t kPageBytes = 4096;
constexpr std::chrono::seconds kLinger{1};  // of the thread, with nothing to do

struct Item {
  void* data;
  size_t bytes;
  void (*free)(void*, size_t);
};

struct Waiting {
  std::mutex mutex;
  std::condition_variable more;
  std::vector<Item> items;
  size_t bytes = 0;
  bool running = false;
  bool finish = false;  // the thread is not to linger
  pid_t thread = 0;     // the latest one, once it is at work
};

// Never destroyed: its thread may be at work when the process ends.
Waiting& All() {
  static Waiting* const all = new Waiting();
  return *all;
}

void Release(const Item& item) {
  const auto address = reinterpret_cast<uintptr_t>(item.data);
  uintptr_t at = (address + kPageBytes - 1) / kPageBytes * kPageBytes;
  const uintptr_t end = (address + item.bytes) / kPageBytes * kPageBytes;
  for (; at < end; at += kPieceBytes) {
    madvise(reinterpret_cast<void*>(at), std::min(end - at, kPieceBytes), MADV_DONTNEED);
  }
  item.free(item.data, item.bytes);
}

void Work() {
  Waiting& all = All();
  {
    std::lock_guard<std::mutex> lock(all.mutex);
    all.thread = static_cast<pid_t>(syscall(SYS_gettid));
  }
  for (;;) {
    Item item;
    {
      std::unique_lock<std::mutex> lock(all.mutex);
      all.more.wait_for(lock, kLinger, [&all] { return !all.items.empty() || all.finish; });
      if (all.items.empty()) {
        all.running = false;
        return;
      }
      item = all.items.back();
      all.items.pop_back();
    }
    Release(item);
    std::lock_guard<std::mutex> lock(all.mutex);
    all.bytes -= item.bytes;
  }
}

}  // namespace

void ReleaseMemory(void* data, size_t bytes, void (*free)(void*, size_t)) {
  if (bytes < kReleaseBytesMin) return free(data, bytes);
  Waiting& all = All();
  {
    std::lock_guard<std::mutex> lock(all.mutex);
    // A thread that the system refuses now may be granted next time; what waits is not lost.
    if (!all.running) all.running = Threads::Detach(&Work);
    if (all.running && all.bytes + bytes <= kReleaseWaitingMax) {
      all.items.push_back({data, bytes, free});
      all.bytes += bytes;
      all.more.notify_one();
      return;
    }
  }
  free(data, bytes);
}

void FinishReleases() {
  constexpr useconds_t kPauseUs = 100;
  Waiting& all = All();
  std::unique_lock<std::mutex> lock(all.mutex);
  all.finish = true;
  all.more.notify_one();
  // It has ended when the system does not know it any more.
  while (all.running || (all.thread != 0 && syscall(SYS_tgkill, getpid(), all.thread, 0) == 0)) {
    lock.unlock();
    usleep(kPauseUs);
    lock.lock();
  }
  all.finish = false;
  all.thread = 0;
}

size_t ReleaseWaiting() {
  Waiting& all = All();
  std::lock_guard<std::mutex> lock(all.mutex);
  return all.bytes;
}

}  // namespace cairn
