// CompletionList: the usual way to be a CompletionPort: a list that any thread adds to and one
// thread takes from, without a lock.
#pragma once

#include <atomic>

#include "engine/completion_port.h"

namespace cairn {

class CompletionList {
 public:
  void Add(Completion* completion) {
    Completion* first = first_.load(std::memory_order_relaxed);
    do {
      completion->next_ = first;
    } while (!first_.compare_exchange_weak(first, completion, std::memory_order_release,
                                           std::memory_order_relaxed));
  }
  // Runs all that have been added, oldest first; what they add runs the next time. How many.
  size_t Run() {
    Completion* newest = first_.exchange(nullptr, std::memory_order_acquire);
    Completion* oldest = nullptr;
    while (newest != nullptr) {
      Completion* next = newest->next_;
      newest->next_ = oldest;
      oldest = newest;
      newest = next;
    }
    size_t count = 0;
    for (Completion* next; oldest != nullptr; oldest = next, ++count) {
      next = oldest->next_;
      oldest->Run();  // it may be gone after that
    }
    return count;
  }

 private:
  std::atomic<Completion*> first_{nullptr};
};

}  // namespace cairn
