#include "session/running_scripts.h"

#include <algorithm>

#include "base/clock.h"

namespace cairn {

void RunningScripts::Enter(RunningScript* run) {
  std::lock_guard<std::mutex> guard(mutex_);
  runs_.push_back(run);
  count_.store(static_cast<uint32_t>(runs_.size()), std::memory_order_relaxed);
}

void RunningScripts::Leave(RunningScript* run) {
  std::lock_guard<std::mutex> guard(mutex_);
  std::erase(runs_, run);
  count_.store(static_cast<uint32_t>(runs_.size()), std::memory_order_relaxed);
}

RunningScripts::KillAnswer RunningScripts::Kill(bool functions) {
  std::lock_guard<std::mutex> guard(mutex_);
  KillAnswer answer = KillAnswer::kNone;
  for (RunningScript* run : runs_) {
    if (run->wrote.load()) {
      if (answer != KillAnswer::kKilled) answer = KillAnswer::kWrote;
    } else if (run->function != functions) {
      if (answer == KillAnswer::kNone) answer = KillAnswer::kOtherKind;
    } else {
      run->kill.store(true);
      answer = KillAnswer::kKilled;
    }
  }
  return answer;
}

std::optional<RunningScripts::Shown> RunningScripts::Longest() {
  std::lock_guard<std::mutex> guard(mutex_);
  const auto first = std::min_element(
      runs_.begin(), runs_.end(),
      [](const RunningScript* a, const RunningScript* b) { return a->since_ns < b->since_ns; });
  if (first == runs_.end()) return std::nullopt;
  return Shown{(*first)->function, (*first)->name, (*first)->command,
               MonotonicNanos() - (*first)->since_ns};
}

}  // namespace cairn
