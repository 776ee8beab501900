#include "lsm/large_values.h"

namespace cairn::lsm {

std::optional<LargeValues::Found> LargeValues::Find(std::string_view stored_key) const {
  const std::lock_guard lock(mutex_);
  const auto held = held_.find(std::string(stored_key));
  if (held == held_.end()) return std::nullopt;
  return held->second.found;
}

void LargeValues::Inserted(const void* memtable, std::string_view stored_key, const Found& found) {
  const std::lock_guard lock(mutex_);
  held_.insert_or_assign(std::string(stored_key), Held{memtable, found});
  count_.store(held_.size(), std::memory_order_release);
}

void LargeValues::Replaced(std::string_view stored_key) {
  const std::lock_guard lock(mutex_);
  held_.erase(std::string(stored_key));
  count_.store(held_.size(), std::memory_order_release);
}

void LargeValues::Gone(const void* memtable) {
  if (empty()) return;
  const std::lock_guard lock(mutex_);
  std::erase_if(held_, [&](const auto& each) { return each.second.memtable == memtable; });
  count_.store(held_.size(), std::memory_order_release);
}

}  // namespace cairn::lsm
