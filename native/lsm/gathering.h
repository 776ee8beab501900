// How long the committer waits for more units before it seals a batch that is to be synced.
//
// Clients that wait for their replies split into two groups when a batch is written as soon as the
// one before it is: one waits for the sync that is being made, the other for the next, and each
// sync is for half of them. Who waits for a moment has all of them in one.
//
// Outstanding: the units that waited when a sync ended, of its batch and of the next. As many as
// that (but for an eighth) are waited for, at most as long as a sync takes, less the time that
// clients have had already, of the insertions behind it; and no longer than kWaitNanosMax. Where
// they do not come (load that does not wait for replies) that is tried ever more seldom. Not
// thread-safe.
#pragma once

#include <algorithm>
#include <cstdint>

namespace cairn::lsm {

class Gathering {
 public:
  static constexpr uint64_t kUnitsMin = 8;  // fewer are not worth a wait
  static constexpr uint64_t kWaitNanosMax = 1'000'000;
  static constexpr uint32_t kPauseMax = 256;  // commits without a wait after waits in vain

  // Units to wait for; 0: do not wait.
  uint64_t Wanted(uint64_t waiting) {
    const uint64_t wanted = outstanding_ - outstanding_ / 8;
    if (outstanding_ < kUnitsMin || waiting >= wanted || WaitNanos() == 0) return 0;
    if (pause_ > 0) {
      --pause_;
      return 0;
    }
    return wanted;
  }
  uint64_t WaitNanos() const {
    if (sync_nanos_ <= insert_nanos_) return 0;
    return std::min(sync_nanos_ - insert_nanos_, kWaitNanosMax);
  }

  // After a wait.
  void Waited(bool they_came) {
    pause_length_ = they_came ? 0 : std::clamp(2 * pause_length_, 1u, kPauseMax);
    pause_ = pause_length_;
  }
  // How long the log with its sync took, and the rest of the commit.
  void Committed(uint64_t sync_nanos, uint64_t insert_nanos) {
    const auto smooth = [](uint64_t* average, uint64_t nanos) {
      *average = *average == 0 ? nanos : *average - *average / 8 + nanos / 8;
    };
    smooth(&sync_nanos_, sync_nanos);
    smooth(&insert_nanos_, insert_nanos);
  }
  void Synced(uint64_t outstanding) { outstanding_ = outstanding; }

 private:
  uint64_t outstanding_ = 0;
  uint64_t sync_nanos_ = 0;  // averages
  uint64_t insert_nanos_ = 0;
  uint32_t pause_ = 0;
  uint32_t pause_length_ = 0;
};

}  // namespace cairn::lsm
