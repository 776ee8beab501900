#include "acl/throttle.h"

#include <algorithm>
#include <utility>

namespace cairn::acl {

namespace {

std::string Host(std::string_view address) {
  return std::string(address.substr(0, address.rfind(':')));
}

}  // namespace

uint64_t Throttle::DelayMillis(std::string_view address, uint64_t now_ms) {
  if (!any_.load(std::memory_order_relaxed)) return 0;
  std::lock_guard<std::mutex> guard(mutex_);
  const auto found = addresses_.find(Host(address));
  if (found == addresses_.end()) return 0;
  const auto [count, last_ms] = found->second;
  if (now_ms - std::min(now_ms, last_ms) > kForgetMillis) {
    addresses_.erase(found);
    return 0;
  }
  if (count < kFreeFailures) return 0;
  const uint32_t doubled = std::min<uint32_t>(count - kFreeFailures, 20);
  return std::min(kFirstMillis << doubled, kMillisMax);
}

void Throttle::Failed(std::string_view address, uint64_t now_ms) {
  std::lock_guard<std::mutex> guard(mutex_);
  any_.store(true, std::memory_order_relaxed);
  std::string host = Host(address);
  if (addresses_.size() >= kAddressesMax && !addresses_.contains(host)) MakeRoom(now_ms);
  Failures& failures = addresses_[std::move(host)];
  if (now_ms - std::min(now_ms, failures.last_ms) > kForgetMillis) failures.count = 0;
  ++failures.count;
  failures.last_ms = now_ms;
}

void Throttle::MakeRoom(uint64_t now_ms) {
  constexpr size_t kLooked = 16;
  auto oldest = addresses_.begin();
  size_t looked = 0;
  for (auto it = addresses_.begin(); it != addresses_.end() && looked < kLooked; ++it, ++looked) {
    if (it->second.last_ms < oldest->second.last_ms) oldest = it;
    if (now_ms - std::min(now_ms, it->second.last_ms) > kForgetMillis) break;
  }
  addresses_.erase(oldest);
}

}  // namespace cairn::acl
