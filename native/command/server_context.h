// What handlers may read of the server: options that can change at run time and process-wide
// counters. One instance per process; all members are safe to read from any reactor.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <string>

#include "collection/thresholds.h"

namespace cairn {

class Engine;
class WatchTable;

struct ServerContext {
  Engine* engine = nullptr;
  WatchTable* watches = nullptr;
  std::atomic<uint64_t> proto_max_bulk_len{512ull << 20};
  std::atomic<uint64_t> hll_sparse_bytes_max{3000};
  std::atomic<uint16_t> dump_version{11};
  Thresholds thresholds;
  std::atomic<bool> active_expire{true};
  std::atomic<uint32_t> reactors{1};
  // Tells the operator; from any thread. Set before the reactors run; empty: there is none.
  std::function<void(const std::string&)> warn;
};

}  // namespace cairn
