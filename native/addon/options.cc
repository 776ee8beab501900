#include "addon/options.h"

#include <unistd.h>

#include <limits>
#include <string_view>

#include "addon/convert.h"
#include "base/check.h"
#include "vlog/vlog_options.h"

namespace cairn::addon {

namespace {

// `auto`: a kernel thread per ring pays only where cores are plentiful.
constexpr long kCoresForSqpoll = 16;

// What each number may be. src/config/options.ts has the same ranges, and names file and line of
// what is outside; a test holds the two against each other.
struct Range {
  const char* field;   // of NativeOptions
  const char* option;  // as in the configuration file
  int64_t min, max;
};
constexpr int64_t kAny = std::numeric_limits<int64_t>::max();
constexpr int64_t kInt = std::numeric_limits<int32_t>::max();
constexpr int64_t kMiB = 1 << 20;
constexpr Range kRanges[] = {
    {"port", "port", 0, 65535},
    {"tcpBacklog", "tcp-backlog", 0, kInt},
    {"unixsocketperm", "unixsocketperm", 0, 07777},
    {"timeout", "timeout", 0, kInt},
    {"tcpKeepalive", "tcp-keepalive", 0, kInt},
    {"maxclients", "maxclients", 1, std::numeric_limits<uint32_t>::max()},
    {"protoMaxBulkLen", "proto-max-bulk-len", kMiB, kAny},
    {"clientQueryBufferLimit", "client-query-buffer-limit", kMiB, kAny},
    {"ioThreads", "io-threads", 1, kReactorsMax},
    {"databases", "databases", 1, kDatabasesMax},
    {"cacheSize", "cache-size", kMiB, kAny},
    {"cacheSmallValueBytes", "cache-small-value-bytes", 0, kValueBytesMax},
    {"lanes", "lanes", 1, kLanesMax},
    {"segmentSize", "segment-size", kMiB, kSegmentBytesMax},
    {"walRingSize", "wal-ring-size", kMiB, int64_t{4} << 30},
    {"commitDelayUs", "commit-delay-us", 0, 1'000'000},
    {"commitBatchBytes", "commit-batch-bytes", kCommitBatchBytesMin, kCommitBatchBytesMax},
    {"minFreeBytes", "min-free-bytes", 0, kAny},
    {"activeExpireEffort", "active-expire-effort", 1, 10},
    {"gcIops", "gc-iops", 1, 10'000'000},
    {"gcMaxParallel", "gc-max-parallel", 1, 64},
    {"gcSpaceAmplification", "gc-space-amplification", 105, 1000},  // percent
    {"segmentRecycleMax", "segment-recycle-max", 0, 65536},         // 0: auto
    {"checkpointRate", "checkpoint-rate", 64 << 10, kAny},
    {"slowlogLogSlowerThan", "slowlog-log-slower-than", -1, kAny},
    {"slowlogMaxLen", "slowlog-max-len", 0, 1'000'000},
    {"latencyMonitorThreshold", "latency-monitor-threshold", 0, kAny},
    {"outputLimitNormalHard", "client-output-buffer-limit", 0, kAny},
    {"outputLimitNormalSoft", "client-output-buffer-limit", 0, kAny},
    {"outputLimitNormalSoftSeconds", "client-output-buffer-limit", 0, 999'999'999},
    {"outputLimitPubsubHard", "client-output-buffer-limit", 0, kAny},
    {"outputLimitPubsubSoft", "client-output-buffer-limit", 0, kAny},
    {"outputLimitPubsubSoftSeconds", "client-output-buffer-limit", 0, 999'999'999},
};

const Range& RangeOf(std::string_view field) {
  for (const Range& range : kRanges)
    if (field == range.field) return range;
  CAIRN_CHECK(false, "every number has its row");
  return kRanges[0];
}

int64_t Signed(const Napi::Value& value, const char* field) {
  const Range& range = RangeOf(field);
  if (!value.IsNumber())
    throw Napi::TypeError::New(value.Env(), std::string(range.option) + " is not a number");
  const double number = value.As<Napi::Number>().DoubleValue();
  // As doubles: the greatest one is 2^63 there, which numbers of the configuration do not reach.
  if (!(number >= static_cast<double>(range.min) && number <= static_cast<double>(range.max))) {
    throw Napi::RangeError::New(value.Env(), std::string(range.option) + " must be between " +
                                                 std::to_string(range.min) + " and " +
                                                 std::to_string(range.max));
  }
  return number >= static_cast<double>(kAny) ? kAny : static_cast<int64_t>(number);
}

uint64_t Ranged(const Napi::Value& value, const char* field) {
  return static_cast<uint64_t>(Signed(value, field));
}

uint64_t Ranged(const Napi::Object& object, const char* field) {
  return Ranged(static_cast<Napi::Value>(object.Get(field)), field);
}

uint32_t Ranged32(const Napi::Object& object, const char* field) {
  return static_cast<uint32_t>(Ranged(object, field));
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

// As in the configuration file, whatever JavaScript has it as.
std::string TextOf(const Napi::Value& value, const char* field) {
  if (!value.IsNumber()) return value.ToString().Utf8Value();
  const int64_t number = Signed(value, field);
  const bool hundredths = std::string_view(field) == "gcSpaceAmplification";
  const std::string part = std::to_string(100 + number % 100).substr(1);
  return hundredths ? std::to_string(number / 100) + "." + part : std::to_string(number);
}

void SetEngineOption(Server* server, const Napi::Value& value, const char* name,
                     const char* field) {
  const Status status = server->SetEngineOption(name, TextOf(value, field));
  if (!status.ok()) throw Napi::Error::New(value.Env(), status.message());
}

EngineOptions EngineOptionsOf(const Napi::Object& object) {
  EngineOptions engine;
  engine.dir = Str(object, "dir");
  engine.reactors = Ranged32(object, "ioThreads");
  engine.databases = Ranged32(object, "databases");
  engine.cache_bytes = Ranged(object, "cacheSize");
  engine.salvage = Flag(object, "salvage");
  engine.min_free_bytes = Ranged(object, "minFreeBytes");
  const Status policy = SetOptionText(*FindOption(CommonOptions(), "appendfsync"),
                                      Str(object, "appendfsync"), &engine);
  if (!policy.ok()) throw Napi::Error::New(object.Env(), policy.message());
  constexpr const char* kOwn[][2] = {
      {"cache-policy", "cachePolicy"},
      {"cache-small-value-bytes", "cacheSmallValueBytes"},
      {"segment-size", "segmentSize"},
      {"wal-ring-size", "walRingSize"},
      {"commit-batch-bytes", "commitBatchBytes"},
      {"commit-delay-us", "commitDelayUs"},
      {"gc-mode", "gcMode"},
      {"gc-iops", "gcIops"},
      {"gc-max-parallel", "gcMaxParallel"},
      {"gc-space-amplification", "gcSpaceAmplification"},
      {"segment-recycle-max", "segmentRecycleMax"},
      {"checkpoint-rate", "checkpointRate"},
  };
  for (const auto& [name, field] : kOwn) {
    std::string text = TextOf(object.Get(field), field);
    if (std::string_view(name) == "segment-recycle-max" && text == "0") text = "auto";
    engine.own.push_back({name, std::move(text)});
  }
  const uint32_t lanes = Ranged32(object, "lanes");
  engine.own.push_back({"lanes", Flag(object, "lanesAuto") ? "auto" : std::to_string(lanes)});
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
     [](Server* server, const Napi::Value& value, const char* field) {
       SetEngineOption(server, value, "appendfsync", field);
     },
     true},
    {"cacheSize",
     [](Server* server, const Napi::Value& value, const char* field) {
       SetEngineOption(server, value, "cache-size", field);
     },
     true},
    {"gcMode",
     [](Server* server, const Napi::Value& value, const char* field) {
       SetEngineOption(server, value, "gc-mode", field);
     },
     true},
    {"gcIops",
     [](Server* server, const Napi::Value& value, const char* field) {
       SetEngineOption(server, value, "gc-iops", field);
     },
     true},
    {"gcMaxParallel",
     [](Server* server, const Napi::Value& value, const char* field) {
       SetEngineOption(server, value, "gc-max-parallel", field);
     },
     true},
    {"gcSpaceAmplification",
     [](Server* server, const Napi::Value& value, const char* field) {
       SetEngineOption(server, value, "gc-space-amplification", field);
     },
     true},
    {"minFreeBytes",
     [](Server* server, const Napi::Value& value, const char* field) {
       SetEngineOption(server, value, "min-free-bytes", field);
     },
     true},
    {"maxclients",
     [](Server* server, const Napi::Value& value, const char* name) {
       uint64_t possible = 0;
       if (server->SetMaxClients(Ranged(value, name), &possible)) return;
       throw Napi::Error::New(value.Env(),
                              "The operating system is not able to handle the specified number of "
                              "clients, try with " +
                                  std::to_string(possible));
     }},
    {"protoMaxBulkLen", [](Server* server, const Napi::Value& value,
                           const char* name) { SetBulkBytesMax(server, Ranged(value, name)); }},
    {"clientQueryBufferLimit",
     [](Server* server, const Napi::Value& value, const char* name) {
       server->shared().options.query_buffer_limit.store(Ranged(value, name));
     }},
    {"outputLimitNormalHard",
     [](Server* server, const Napi::Value& value, const char* name) {
       server->shared().options.output_hard[0].store(Ranged(value, name));
     }},
    {"outputLimitNormalSoft",
     [](Server* server, const Napi::Value& value, const char* name) {
       server->shared().options.output_soft[0].store(Ranged(value, name));
     }},
    {"outputLimitNormalSoftSeconds",
     [](Server* server, const Napi::Value& value, const char* name) {
       server->shared().options.output_soft_seconds[0].store(Ranged(value, name));
     }},
    {"outputLimitPubsubHard",
     [](Server* server, const Napi::Value& value, const char* name) {
       server->shared().options.output_hard[1].store(Ranged(value, name));
     }},
    {"outputLimitPubsubSoft",
     [](Server* server, const Napi::Value& value, const char* name) {
       server->shared().options.output_soft[1].store(Ranged(value, name));
     }},
    {"outputLimitPubsubSoftSeconds",
     [](Server* server, const Napi::Value& value, const char* name) {
       server->shared().options.output_soft_seconds[1].store(Ranged(value, name));
     }},
    {"timeout",
     [](Server* server, const Napi::Value& value, const char* name) {
       server->shared().options.timeout_s.store(Ranged(value, name));
     }},
    {"tcpKeepalive",
     [](Server* server, const Napi::Value& value, const char* name) {
       server->shared().options.tcp_keepalive_s.store(Ranged(value, name));
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
     [](Server* server, const Napi::Value& value, const char* name) {
       server->shared().options.slowlog_slower_usec.store(Signed(value, name));
     }},
    {"slowlogMaxLen",
     [](Server* server, const Napi::Value& value, const char* name) {
       server->shared().options.slowlog_max_len.store(Ranged(value, name));
       server->shared().slowlog.Trim(Ranged(value, name));
     }},
    {"latencyMonitorThreshold",
     [](Server* server, const Napi::Value& value, const char* name) {
       server->shared().options.latency_threshold_ms.store(Ranged(value, name));
     }},
    {"latencyTracking",
     [](Server* server, const Napi::Value& value, const char*) {
       server->shared().options.latency_tracking.store(value.ToBoolean());
     }},
    {"activeExpireEffort",
     [](Server* server, const Napi::Value& value, const char* name) {
       server->shared().options.expire_effort.store(static_cast<uint32_t>(Ranged(value, name)));
     }},
};

}  // namespace

Napi::Array OptionRanges(Napi::Env env) {
  return ListOf(env, kRanges, [env](const Range& range) {
    Napi::Object row = Napi::Object::New(env);
    row["field"] = range.field;
    row["option"] = range.option;
    row["min"] = Napi::Number::New(env, static_cast<double>(range.min));
    row["max"] = Napi::Number::New(env, static_cast<double>(range.max));
    return row;
  });
}

ServerOptions OptionsOf(const Napi::Object& object) {
  ServerOptions options;
  options.bind = Strings(object.Get("bind"));
  options.port = static_cast<uint16_t>(Ranged(object, "port"));
  options.backlog = static_cast<int>(Ranged(object, "tcpBacklog"));
  options.unix_path = Str(object, "unixsocket");
  options.unix_mode = static_cast<uint32_t>(Ranged(object, "unixsocketperm"));
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
