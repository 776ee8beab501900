// BatchGate: keeps checkpoints and the batches of garbage collection apart. Between the moment when
// a collector judges a record live and the moment when the index points to its copy, no checkpoint
// may begin: it could hold the old place, or miss a removal that the copy outlives.
//
// Threads: any. Enter waits while the gate is closed, Close while somebody is inside.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <mutex>

namespace cairn::vlog {

class BatchGate {
 public:
  void Enter() {
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait(lock, [this] { return !closed_; });
    ++inside_;
  }
  void Leave() {
    std::lock_guard<std::mutex> lock(mutex_);
    --inside_;
    changed_.notify_all();
  }
  void Close() {
    std::unique_lock<std::mutex> lock(mutex_);
    changed_.wait(lock, [this] { return !closed_; });
    closed_ = true;
    changed_.wait(lock, [this] { return inside_ == 0; });
  }
  // The same without waiting. False: somebody is inside.
  void Open() {
    std::lock_guard<std::mutex> lock(mutex_);
    closed_ = false;
    changed_.notify_all();
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  uint32_t inside_ = 0;
  bool closed_ = false;
};

}  // namespace cairn::vlog
