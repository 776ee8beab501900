// Throttle: an address that has sent wrong passwords waits before its next attempt is looked at,
// right or wrong: 10 ms behind the kFreeFailures-th, doubled with each further one, a second at
// most. A minute without another one, and it is forgotten.
//
// Bound: kAddressesMax addresses; beyond, what is oldest among a few goes. Any thread.
#pragma once

#include <atomic>
#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>

namespace cairn::acl {

class Throttle {
 public:
  static constexpr size_t kAddressesMax = 4096;
  static constexpr uint32_t kFreeFailures = 10;
  static constexpr uint64_t kFirstMillis = 10;
  static constexpr uint64_t kMillisMax = 1000;
  static constexpr uint64_t kForgetMillis = 60'000;

  // How long an attempt from there waits. address: with or without a port, which does not count.
  uint64_t DelayMillis(std::string_view address, uint64_t now_ms);
  void Failed(std::string_view address, uint64_t now_ms);

 private:
  struct Failures {
    uint32_t count = 0;
    uint64_t last_ms = 0;
  };

  void MakeRoom(uint64_t now_ms);

  std::atomic<bool> any_{false};  // has failed so far
  std::mutex mutex_;
  std::unordered_map<std::string, Failures> addresses_;
};

}  // namespace cairn::acl
