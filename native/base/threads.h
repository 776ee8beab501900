// Threads: some threads that work for a while beside the one that starts them. Unlike std::thread,
// which throws when the system refuses another thread (a limit of processes, or of memory), this
// says so: the library is built without exceptions.
#pragma once

#include <pthread.h>

#include <cstddef>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "base/check.h"

namespace cairn {

class Threads {
 public:
  Threads() = default;
  ~Threads() { Join(); }
  Threads(const Threads&) = delete;
  Threads& operator=(const Threads&) = delete;

  // False: the system refuses another one.
  bool Start(std::function<void()> work) {
    auto owned = std::make_unique<std::function<void()>>(std::move(work));
    pthread_t thread;
    if (pthread_create(&thread, nullptr, &Run, owned.get()) != 0) return false;
    (void)owned.release();  // the thread's
    threads_.push_back(thread);
    return true;
  }
  // One that nobody waits for: it may outlive everything but what it owns.
  static bool Detach(std::function<void()> work) {
    Threads threads;
    if (!threads.Start(std::move(work))) return false;
    pthread_detach(threads.threads_.back());
    threads.threads_.clear();
    return true;
  }
  size_t count() const { return threads_.size(); }
  static constexpr const char* kRefused = "the system refuses another thread (see 'ulimit -u')";
  // Waits until all have ended.
  void Join() {
    for (const pthread_t thread : threads_) CAIRN_CHECK(pthread_join(thread, nullptr) == 0);
    threads_.clear();
  }

 private:
  static void* Run(void* argument) {
    const std::unique_ptr<std::function<void()>> work(
        static_cast<std::function<void()>*>(argument));
    (*work)();
    return nullptr;
  }

  std::vector<pthread_t> threads_;
};

}  // namespace cairn
