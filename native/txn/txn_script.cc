// What scripts need of a pass.
#include <algorithm>

#include "base/clock.h"
#include "txn/txn.h"

namespace cairn {

bool Txn::NeedAllLatches() {
  if (all_latched_) return true;
  if (needed_.empty() || needed_.back() != kAllShards) needed_.push_back(kAllShards);
  ++pending_count_;
  return false;
}

uint64_t Txn::FrozenMicros() {
  if (frozen_micros_ == 0) frozen_micros_ = WallMicros();
  return frozen_micros_;
}

void Txn::DropWrites() {
  writes_.clear();
  writes_whole_ = false;
  overlay_.Clear();
  overlaid_ = 0;
  page_writes_.Clear();
  made_spaces_.clear();
  touched_.clear();
  events_.clear();
  reads_.clear();
  expired = 0;
  extra_changes = 0;
}

}  // namespace cairn
