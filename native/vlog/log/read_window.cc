#include "vlog/log/read_window.h"

#include <algorithm>

namespace cairn::vlog {

void ReadWindow::Fix(uint32_t size) {
  fixed_ = true;
  Use(std::max(size, 1u));
}

void ReadWindow::Completed(bool waiting, uint64_t now_ns) {
  if (fixed_) return;
  const bool gap = now_ns > last_ns_ + kGapNanos;
  last_ns_ = now_ns;
  if (gap) {
    reads_ = idle_ = 0;
    began_ns_ = now_ns;
    return;
  }
  ++reads_;
  if (!waiting) ++idle_;
  if (reads_ < kSpanReads || now_ns < began_ns_ + kSpanNanos) return;
  if (idle_ <= reads_ / kIdleShare)
    Measured(static_cast<double>(reads_) * 1e9 / static_cast<double>(now_ns - began_ns_));
  reads_ = idle_ = 0;
  began_ns_ = now_ns;
}

void ReadWindow::Measured(double per_second) {
  switch (phase_) {
    case Phase::kBefore: {
      before_ = per_second;
      const uint32_t step = std::max(settled_ * kStepPercent / 100, 1u);
      tried_ = std::clamp(up_ ? settled_ + step : settled_ - step, kMin, kMax);
      Use(tried_);
      phase_ = Phase::kTrial;
      return;
    }
    case Phase::kTrial:
      trial_ = per_second;
      Use(settled_);
      phase_ = Phase::kAfter;
      return;
    case Phase::kAfter:
      if (trial_ > kGain * (before_ + per_second) / 2) {
        settled_ = tried_;
        Use(settled_);
        rest_ = 1;
        phase_ = Phase::kBefore;
        return;
      }
      up_ = !up_;
      rest_ = std::min(2 * rest_, kRestMax);
      rested_ = 0;
      phase_ = Phase::kRest;
      return;
    case Phase::kRest:
      if (++rested_ >= rest_) phase_ = Phase::kBefore;
      return;
  }
}

}  // namespace cairn::vlog
