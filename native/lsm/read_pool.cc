#include "lsm/read_pool.h"

namespace cairn::lsm {

bool ReadPool::Start(uint32_t threads) {
  stop_ = false;
  for (uint32_t i = 0; i < threads; ++i) {
    if (threads_.Start([this] { Run(); })) continue;
    Stop();
    return false;
  }
  return true;
}

void ReadPool::Stop() {
  {
    const std::lock_guard lock(mutex_);
    stop_ = true;
    work_.notify_all();
  }
  threads_.Join();
}

void ReadPool::Submit(Task* task) {
  {
    const std::lock_guard lock(mutex_);
    queue_.push_back(task);
  }
  work_.notify_one();
}

void ReadPool::Run() {
  std::unique_lock lock(mutex_);
  for (;;) {
    work_.wait(lock, [this] { return stop_ || !queue_.empty(); });
    if (queue_.empty()) return;
    Task* const task = queue_.front();
    queue_.pop_front();
    lock.unlock();
    task->Work();
    lock.lock();
  }
}

}  // namespace cairn::lsm
