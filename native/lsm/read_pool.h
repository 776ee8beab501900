// The read pool: threads that may wait for the disk, for reads that memory cannot answer.
//
// Bound: a reactor has as many reads here as its connections have commands that wait, each of a few
// keys (see session/); the queue itself adds none.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <deque>
#include <mutex>

#include "base/threads.h"

namespace cairn::lsm {

class ReadPool {
 public:
  class Task {
   public:
    virtual ~Task() = default;
    // On a thread of the pool, once. The task is whoever's it says afterwards.
    virtual void Work() = 0;
  };

  ~ReadPool() { Stop(); }
  // False: the system refuses threads.
  bool Start(uint32_t threads);
  // After all that was submitted was worked off.
  void Stop();
  void Submit(Task* task);

 private:
  void Run();

  Threads threads_;
  std::mutex mutex_;
  std::condition_variable work_;
  std::deque<Task*> queue_;
  bool stop_ = false;
};

}  // namespace cairn::lsm
