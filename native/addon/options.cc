#include "addon/options.h"

#include <unistd.h>

#include <limits>
#include <string_view>

#include "addon/convert.h"

namespace cairn::addon {

namespace {

// `auto`: a kernel thread per ring pays only where cores are plentiful.
constexpr long kCoresForSqpoll = 16;

// As the engine takes it.
struct Range {
  uint64_t min, max;
};
constexpr Range kGcIops{1, 10'000'000};
constexpr Range kGcMaxParallel{1, 64};
constexpr Range kGcSpaceAmplification{105, 1000};  // percent

uint64_t Ranged(const Napi::Value& value, const char* option, Range range) {
  const uint64_t number = U64(value, option);
  if (number < range.min || number > range.max) {
    throw Napi::RangeError::New(value.Env(), std::string(option) + " must be between " +
                                                 std::to_string(range.min) + " and " +
                                                 std::to_string(range.max));
  }
  return number;
}

uint64_t Ranged(const Napi::Object& object, const char* field, const char* option, uint64_t min,
                uint64_t max) {
  return Ranged(static_cast<Napi::Value>(object.Get(field)), option, {min, max});
}

uint32_t Ranged32(const Napi::Value& value, const char* option, Range range) {
  return static_cast<uint32_t>(Ranged(value, option, range));
}

FsyncPolicy PolicyOf(Napi::Env env, const std::string& name) {
  if (name == "always") return FsyncPolicy::kAlways;
  if (name == "everysec") return FsyncPolicy::kEverySecond;
  if (name == "no") return FsyncPolicy::kNo;
  throw Napi::Error::New(env, "appendfsync must be always, everysec or no");
}

CachePolicy CachePolicyOf(Napi::Env env, const std::string& name) {
  if (name == "s3fifo") return CachePolicy::kS3Fifo;
  if (name == "lirs") return CachePolicy::kLirs;
  if (name == "lru") return CachePolicy::kLru;
  throw Napi::Error::New(env, "cache-policy must be s3fifo, lirs or lru");
}

IoBackend BackendOf(Napi::Env env, const std::string& name) {
  if (name == "auto") return IoBackend::kAuto;
  if (name == "uring") return IoBackend::kUring;
  if (name == "threads") return IoBackend::kThreads;
  throw Napi::Error::New(env, "io-backend must be auto, uring or threads");
}

bool SqpollOf(Napi::Env env, const std::string& name) {
  if (name == "auto") return sysconf(_SC_NPROCESSORS_ONLN) >= kCoresForSqpoll;
  if (name == "yes" || name == "no") return name == "yes";
  throw Napi::Error::New(env, "io-uring-sqpoll must be auto, yes or no");
}

EngineOptions EngineOptionsOf(const Napi::Object& object) {
  constexpr uint64_t kAny = std::numeric_limits<uint64_t>::max();
  constexpr uint64_t kDelayUsMax = 1'000'000;
  EngineOptions engine;
  engine.dir = Str(object, "dir");
  engine.reactors =
      static_cast<uint32_t>(Ranged(object, "ioThreads", "io-threads", 1, kReactorsMax));
  engine.lanes = static_cast<uint32_t>(Ranged(object, "lanes", "lanes", 1, kLanesMax));
  engine.lanes_auto = Flag(object, "lanesAuto");
  engine.databases =
      static_cast<uint32_t>(Ranged(object, "databases", "databases", 1, kDatabasesMax));
  engine.segment_bytes = Ranged(object, "segmentSize", "segment-size", 1, kAny);
  engine.wal_ring_bytes = Ranged(object, "walRingSize", "wal-ring-size", 1, kAny);
  engine.commit_batch_bytes = Ranged(object, "commitBatchBytes", "commit-batch-bytes", 1, kAny);
  engine.commit_delay_us =
      static_cast<uint32_t>(Ranged(object, "commitDelayUs", "commit-delay-us", 0, kDelayUsMax));
  engine.cache_bytes = U64(object, "cacheSize");
  engine.cache_policy = CachePolicyOf(object.Env(), Str(object, "cachePolicy"));
  engine.cache_small_value_bytes = static_cast<uint32_t>(
      Ranged(object, "cacheSmallValueBytes", "cache-small-value-bytes", 0, kValueBytesMax));
  engine.fsync = PolicyOf(object.Env(), Str(object, "appendfsync"));
  engine.salvage = Flag(object, "salvage");
  engine.gc_mode = GcModeOf(object.Env(), Str(object, "gcMode"));
  engine.gc_iops = Ranged32(object.Get("gcIops"), "gc-iops", kGcIops);
  engine.gc_max_parallel = Ranged32(object.Get("gcMaxParallel"), "gc-max-parallel", kGcMaxParallel);
  engine.gc_space_amplification =
      Ranged32(object.Get("gcSpaceAmplification"), "gc-space-amplification", kGcSpaceAmplification);
  engine.segment_recycle_max = static_cast<uint32_t>(Ranged(
      object, "segmentRecycleMax", "segment-recycle-max", 0, std::numeric_limits<uint32_t>::max()));
  engine.min_free_bytes = U64(object, "minFreeBytes");
  engine.checkpoint_bytes_per_second = Ranged(object, "checkpointRate", "checkpoint-rate", 1, kAny);
  return engine;
}

void SetBulkBytesMax(Server* server, uint64_t bytes) {
  server->shared().context.proto_max_bulk_len.store(bytes);
  for (const auto& reactor : server->reactors()) {
    reactor->Post([bytes](Reactor* self) {
      self->ForEachConnection([bytes](Connection* conn) { conn->parser.SetBulkBytesMax(bytes); });
    });
  }
}

uint8_t DebugModeOf(const std::string& name) { return name == "yes" ? 2 : name == "local" ? 1 : 0; }

// How a run-time option reaches its place, and whether the engine gets it at its start through
// EngineOptions.
struct RuntimeOption {
  using Apply = void (*)(Server* server, const Napi::Value& value, const char* name);
  const char* name;
  Apply apply;
  bool in_engine_options = false;
};

constexpr RuntimeOption kRuntimeOptions[] = {
    {"appendfsync",
     [](Server* server, const Napi::Value& value, const char*) {
       server->SetFsyncPolicy(PolicyOf(value.Env(), value.ToString().Utf8Value()));
     },
     true},
    {"cacheSize",
     [](Server* server, const Napi::Value& value, const char* name) {
       server->SetCacheBytes(U64(value, name));
     },
     true},
    {"commitDelayUs",
     [](Server* server, const Napi::Value& value, const char* name) {
       if (U64(value, name) == server->options().engine.commit_delay_us) return;
       throw Napi::Error::New(value.Env(), "commit-delay-us takes effect at the next start only");
     },
     true},
    {"commitBatchBytes",
     [](Server* server, const Napi::Value& value, const char* name) {
       if (U64(value, name) == server->options().engine.commit_batch_bytes) return;
       throw Napi::Error::New(value.Env(),
                              "commit-batch-bytes takes effect at the next start only");
     },
     true},
    {"gcMode",
     [](Server* server, const Napi::Value& value, const char*) {
       server->SetGcMode(Engine::kAllLanes, GcModeOf(value.Env(), value.ToString().Utf8Value()));
     },
     true},
    {"gcIops",
     [](Server* server, const Napi::Value& value, const char*) {
       server->SetGcIops(Ranged32(value, "gc-iops", kGcIops));
     },
     true},
    {"gcMaxParallel",
     [](Server* server, const Napi::Value& value, const char*) {
       server->SetGcMaxParallel(Ranged32(value, "gc-max-parallel", kGcMaxParallel));
     },
     true},
    {"gcSpaceAmplification",
     [](Server* server, const Napi::Value& value, const char*) {
       server->SetGcSpaceAmplification(
           Ranged32(value, "gc-space-amplification", kGcSpaceAmplification));
     },
     true},
    {"minFreeBytes",
     [](Server* server, const Napi::Value& value, const char* name) {
       server->SetMinFreeBytes(U64(value, name));
     },
     true},
    {"maxclients",
     [](Server* server, const Napi::Value& value, const char* name) {
       uint64_t possible = 0;
       if (server->SetMaxClients(U64(value, name), &possible)) return;
       throw Napi::Error::New(value.Env(),
                              "The operating system is not able to handle the specified number of "
                              "clients, try with " +
                                  std::to_string(possible));
     }},
    {"protoMaxBulkLen", [](Server* server, const Napi::Value& value,
                           const char* name) { SetBulkBytesMax(server, U64(value, name)); }},
    {"clientQueryBufferLimit",
     [](Server* server, const Napi::Value& value, const char* name) {
       server->shared().options.query_buffer_limit.store(U64(value, name));
     }},
    {"outputLimitNormalHard",
     [](Server* server, const Napi::Value& value, const char* name) {
       server->shared().options.output_hard[0].store(U64(value, name));
     }},
    {"outputLimitNormalSoft",
     [](Server* server, const Napi::Value& value, const char* name) {
       server->shared().options.output_soft[0].store(U64(value, name));
     }},
    {"outputLimitNormalSoftSeconds",
     [](Server* server, const Napi::Value& value, const char* name) {
       server->shared().options.output_soft_seconds[0].store(U64(value, name));
     }},
    {"outputLimitPubsubHard",
     [](Server* server, const Napi::Value& value, const char* name) {
       server->shared().options.output_hard[1].store(U64(value, name));
     }},
    {"outputLimitPubsubSoft",
     [](Server* server, const Napi::Value& value, const char* name) {
       server->shared().options.output_soft[1].store(U64(value, name));
     }},
    {"outputLimitPubsubSoftSeconds",
     [](Server* server, const Napi::Value& value, const char* name) {
       server->shared().options.output_soft_seconds[1].store(U64(value, name));
     }},
    {"timeout",
     [](Server* server, const Napi::Value& value, const char* name) {
       server->shared().options.timeout_s.store(U64(value, name));
     }},
    {"tcpKeepalive",
     [](Server* server, const Napi::Value& value, const char* name) {
       server->shared().options.tcp_keepalive_s.store(U64(value, name));
     }},
    {"protectedMode",
     [](Server* server, const Napi::Value& value, const char*) {
       server->shared().options.protected_mode.store(value.ToBoolean());
     }},
    {"requirepass", [](Server* server, const Napi::Value& value,
                       const char*) { server->shared().options.SetRequirepass(BytesOf(value)); }},
    {"enableDebugCommand",
     [](Server* server, const Napi::Value& value, const char*) {
       server->shared().options.debug_command.store(DebugModeOf(value.ToString().Utf8Value()));
     }},
    {"slowlogLogSlowerThan",  // -1: off
     [](Server* server, const Napi::Value& value, const char*) {
       server->shared().options.slowlog_slower_usec.store(value.ToNumber().Int64Value());
     }},
    {"slowlogMaxLen",
     [](Server* server, const Napi::Value& value, const char* name) {
       server->shared().options.slowlog_max_len.store(U64(value, name));
       server->shared().slowlog.Trim(U64(value, name));
     }},
    {"latencyMonitorThreshold",
     [](Server* server, const Napi::Value& value, const char* name) {
       server->shared().options.latency_threshold_ms.store(U64(value, name));
     }},
    {"latencyTracking",
     [](Server* server, const Napi::Value& value, const char*) {
       server->shared().options.latency_tracking.store(value.ToBoolean());
     }},
    {"activeExpireEffort",
     [](Server* server, const Napi::Value& value, const char* name) {
       server->shared().options.expire_effort.store(static_cast<uint32_t>(U64(value, name)));
     }},
};

}  // namespace

GcMode GcModeOf(Napi::Env env, const std::string& name) {
  if (name == "lazy") return GcMode::kLazy;
  if (name == "throttled") return GcMode::kThrottled;
  if (name == "aggressive") return GcMode::kAggressive;
  throw Napi::Error::New(env, "gc-mode must be lazy, throttled or aggressive");
}

ServerOptions OptionsOf(const Napi::Object& object) {
  constexpr uint64_t kPortMax = 65535;
  constexpr uint64_t kModeMax = 07777;
  ServerOptions options;
  options.bind = Strings(object.Get("bind"));
  options.port = static_cast<uint16_t>(Ranged(object, "port", "port", 0, kPortMax));
  options.backlog = static_cast<int>(
      Ranged(object, "tcpBacklog", "tcp-backlog", 0, std::numeric_limits<int>::max()));
  options.unix_path = Str(object, "unixsocket");
  options.unix_mode =
      static_cast<uint32_t>(Ranged(object, "unixsocketperm", "unixsocketperm", 0, kModeMax));
  options.io_backend = BackendOf(object.Env(), Str(object, "ioBackend"));
  options.sqpoll = SqpollOf(object.Env(), Str(object, "sqpoll"));
  options.disk_cpu = Str(object, "diskCpu") == "auto";
  options.engine = EngineOptionsOf(object);
  return options;
}

void ApplyInitial(Server* server, const Napi::Object& object) {
  for (const RuntimeOption& option : kRuntimeOptions) {
    if (!option.in_engine_options) option.apply(server, object.Get(option.name), option.name);
  }
}

void ApplyRuntime(Server* server, Napi::Env env, const std::string& name,
                  const Napi::Value& value) {
  for (const RuntimeOption& option : kRuntimeOptions) {
    if (name == option.name) return option.apply(server, value, option.name);
  }
  throw Napi::Error::New(env, "'" + name + "' cannot be changed while the server runs");
}

}  // namespace cairn::addon
