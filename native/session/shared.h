// What all reactors share: options that change at run time, the slow log, latency events, error
// statistics, monitors, pauses. Everything here is thread-safe; mutexes are taken on rare paths
// only.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <deque>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "acl/log.h"
#include "acl/throttle.h"
#include "acl/users.h"
#include "command/registry.h"
#include "command/server_context.h"
#include "pubsub/client_directory.h"
#include "pubsub/pubsub.h"
#include "pubsub/tracking_table.h"
#include "session/function_store.h"
#include "session/running_scripts.h"
#include "session/script_store.h"
#include "txn/waiters.h"
#include "txn/watch.h"

namespace cairn {

struct SlowlogItem {
  uint64_t id;
  uint64_t time_s;
  uint64_t usec;
  std::vector<std::string> argv;
  std::string addr;
  std::string name;
};

class Slowlog {
 public:
  static constexpr size_t kArgumentsMax = 32;
  static constexpr size_t kArgumentBytesMax = 128;

  void Add(SlowlogItem item, size_t keep);
  std::vector<SlowlogItem> Get(size_t count);
  size_t size();
  void Reset();
  void Trim(size_t keep);

 private:
  std::mutex mutex_;
  std::deque<SlowlogItem> items_;  // newest first
  uint64_t next_id_ = 0;
};

struct LatencySeries {
  static constexpr size_t kSamplesMax = 160;
  uint64_t max_ms = 0;
  std::deque<std::pair<uint64_t, uint64_t>> samples;  // unix time s, ms
};

class LatencyEvents {
 public:
  void Add(const std::string& event, uint64_t ms, uint64_t now_s);
  std::map<std::string, LatencySeries> Get();
  size_t Reset(const std::vector<std::string>& events);

 private:
  std::mutex mutex_;
  std::map<std::string, LatencySeries> series_;
};

class ErrorStats {
 public:
  static constexpr size_t kCodesMax = 128;
  void Count(std::string_view error_line, uint64_t times = 1);  // without '-'
  std::map<std::string, uint64_t> Get();
  void Reset();

 private:
  std::mutex mutex_;
  std::map<std::string, uint64_t, std::less<>> counts_;
};

enum class DebugCommand : uint8_t { kNobody, kEverybody, kLocal };  // who may use DEBUG

// As CLIENT LIST TYPE and client-output-buffer-limit tell clients apart; monitors are replicas
// there.
enum ClientKind : uint8_t { kNormalClients, kReplicaClients, kPubSubClients };
inline constexpr size_t kClientKinds = 3;

struct Options {
  std::atomic<uint64_t> maxclients{10000};
  std::atomic<uint64_t> query_buffer_limit{1ull << 30};
  std::atomic<uint64_t> output_hard[kClientKinds] = {};
  std::atomic<uint64_t> output_soft[kClientKinds] = {};
  std::atomic<uint64_t> output_soft_seconds[kClientKinds] = {};
  std::atomic<uint64_t> timeout_s{0};
  std::atomic<uint64_t> tcp_keepalive_s{300};
  std::atomic<bool> protected_mode{true};
  std::atomic<int64_t> slowlog_slower_usec{10000};
  std::atomic<uint64_t> slowlog_max_len{128};
  std::atomic<uint64_t> busy_reply_ms{5000};  // 0: never
  std::atomic<uint64_t> latency_threshold_ms{0};
  std::atomic<bool> latency_tracking{true};
  std::atomic<uint32_t> expire_effort{1};
  std::atomic<DebugCommand> debug_command{DebugCommand::kNobody};
  std::atomic<FsyncPolicy> fsync{FsyncPolicy::kAlways};
  std::atomic<uint64_t> tracking_keys_max{1'000'000};
  std::atomic<uint32_t> notified{0};  // notify-keyspace-events, see txn/notify.h
};

enum class PauseMode : uint8_t { kNone, kWrite, kAll };

struct Shared {
  Shared();  // with all native commands
  ServerContext context;
  Registry registry;
  acl::Users users{&registry};
  acl::Log acl_log;
  acl::Throttle throttle;
  WatchTable watches;
  WaiterTable waiters;
  PubSub pubsub{kReactorsMax};
  TrackingTable tracking;
  ClientDirectory directory;
  Options options;
  Slowlog slowlog;
  LatencyEvents latency;
  ErrorStats errors;
  ScriptStore scripts;
  RunningScripts running_scripts;
  FunctionStore functions;
  std::atomic<uint64_t> next_client_id{1};
  std::atomic<uint64_t> clients{0};
  // So many clients the limit of open files has room for.
  std::atomic<uint64_t> clients_possible{UINT64_MAX};
  std::atomic<uint64_t> clients_peak{0};
  std::atomic<uint32_t> monitors{0};
  std::atomic<PauseMode> pause_mode{PauseMode::kNone};
  std::atomic<uint64_t> pause_until_ms{0};
  uint16_t databases = 16;
  uint16_t port = 0;
  double nanos_per_tick = 1.0;  // of the cycle counter
};

}  // namespace cairn
