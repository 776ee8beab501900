// CompletionPort: how a thread that is no reactor hands finished work to one.
#pragma once

namespace cairn {

// Owned by whoever posts it, until Run is called on the reactor's thread. In one port at a time.
class Completion {
 public:
  virtual ~Completion() = default;
  virtual void Run() = 0;

 private:
  friend class CompletionList;
  Completion* next_ = nullptr;
};

// Any thread may post, without waiting for anything; each completion runs once, on the reactor's
// thread, in the order of its thread's posts.
class CompletionPort {
 public:
  virtual ~CompletionPort() = default;
  virtual void Post(Completion* completion) = 0;
};

}  // namespace cairn
