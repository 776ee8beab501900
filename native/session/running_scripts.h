// RunningScripts: the scripts and functions that have been running for a while, on whatever
// reactor: what SCRIPT KILL ends and FUNCTION STATS shows.
//
// A run enters itself when it has become long (kLongNanos) and leaves at its end, so that short
// ones pay nothing. Thread-safe: the list and what it shows by the mutex, flags by themselves.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

namespace cairn {

// One run. Belongs to the reactor that runs it.
struct RunningScript {
  std::atomic<bool> kill{false};   // it is to end; asked for by others
  std::atomic<bool> wrote{false};  // it has run a command that writes
  // As it was entered; under the mutex.
  bool function = false;
  std::string name;
  std::vector<std::string> command;
  uint64_t since_ns = 0;  // monotonic
};

class RunningScripts {
 public:
  static constexpr uint64_t kLongNanos = 10'000'000;

  enum class KillAnswer : uint8_t {
    kKilled,
    kNone,      // nothing runs
    kWrote,     // all that run have written
    kOtherKind  // functions run where a script was meant, or the other way round
  };
  struct Shown {
    bool function = false;
    std::string name;
    std::vector<std::string> command;
    uint64_t nanos = 0;
  };

  void Enter(RunningScript* run);
  void Leave(RunningScript* run);
  // Of scripts or, `functions`, of functions: all that may be killed.
  KillAnswer Kill(bool functions);
  // The one that has been running for longest.
  std::optional<Shown> Longest();
  bool any() const { return count_.load(std::memory_order_relaxed) != 0; }

  // The server ends: every run does, also one that has written. Its pass leaves nothing behind.
  void StopAll() { stopping_.store(true); }
  bool stopping() const { return stopping_.load(std::memory_order_relaxed); }

 private:
  std::mutex mutex_;
  std::vector<RunningScript*> runs_;  // at most one per reactor
  std::atomic<uint32_t> count_{0};
  std::atomic<bool> stopping_{false};
};

}  // namespace cairn
