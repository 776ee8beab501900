#include "server/server_options.h"

#include <unistd.h>

#include <limits>
#include <string>

#include "server/option_tables.h"
#include "txn/notify.h"

namespace cairn {

namespace {

constexpr int64_t kMiB = 1 << 20;
constexpr int64_t kIntMax = std::numeric_limits<int32_t>::max();
constexpr int64_t kUintMax = std::numeric_limits<uint32_t>::max();
// `auto`: a kernel thread per ring pays only where cores are plentiful.
constexpr long kCoresForSqpoll = 16;
enum Sqpoll : int64_t { kSqpollAuto, kSqpollYes };  // as in its row

std::vector<std::string> Words(std::string_view text) {
  std::vector<std::string> words;
  while (!text.empty()) {
    const size_t end = text.find(' ');
    if (end != 0) words.emplace_back(text.substr(0, end));
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  }
  return words;
}

Status SetMaxClients(Server* server, uint64_t clients) {
  uint64_t possible = 0;
  if (server->SetMaxClients(clients, &possible)) return Status();
  return {Code::kInvalid,
          "The operating system is not able to handle the specified number of clients, try with " +
              std::to_string(possible)};
}

// <class> <hard> <soft> <seconds>, for each class.
Status SetOutputLimits(Options* options, std::string_view text) {
  constexpr OptionRow kLimit = {"client-output-buffer-limit", OptionKind::kBytes, "0", 0, kNoLimit};
  constexpr std::string_view kClasses[kClientKinds] = {"normal", "slave", "pubsub"};
  const std::vector<std::string> words = Words(text);
  if (words.size() % 4 != 0) return {Code::kInvalid, std::string(kLimit.name) + " is incomplete"};
  for (size_t at = 0; at < words.size(); at += 4) {
    for (size_t which = 0; which < std::size(kClasses); ++which) {
      if (words[at] != kClasses[which]) continue;
      std::atomic<uint64_t>* const places[] = {&options->output_hard[which],
                                               &options->output_soft[which],
                                               &options->output_soft_seconds[which]};
      for (size_t place = 0; place < std::size(places); ++place) {
        const Result<int64_t> value = OptionValue(kLimit, words[at + 1 + place]);
        if (!value.ok()) return value.status();
        places[place]->store(static_cast<uint64_t>(value.value()));
      }
    }
  }
  return Status();
}

constexpr ServerOption kOptions[] = {
    {.row = {.name = "bind",
             .kind = OptionKind::kAddresses,
             .initial = "127.0.0.1 -::1",
             .change = OptionChange::kAtStart,
             .section = "Network",
             .doc = "Addresses or host names to listen on. \"*\" is every IPv4 address of this "
                    "machine, \"::*\" every IPv6 one. A leading \"-\" means: do not complain if "
                    "this one is not available. \"* -::*\" listens on every interface."},
     .set_text = [](ServerOptions* options,
                    std::string_view text) { options->bind = Words(text); }},
    {.row = {.name = "port",
             .kind = OptionKind::kInteger,
             .initial = "6379",
             .min = 0,
             .max = 65535,
             .change = OptionChange::kAtStart,
             .section = "Network",
             .doc = "TCP port. 0: no TCP, only the Unix socket."},
     .set = &StoreOption<&ServerOptions::port>},
    {.row =
         {.name = "tcp-backlog",
          .kind = OptionKind::kInteger,
          .initial = "511",
          .min = 0,
          .max = kIntMax,
          .change = OptionChange::kAtStart,
          .section = "Network",
          .doc =
              "Connections that may wait to be accepted. The kernel caps it (net.core.somaxconn)."},
     .set = &StoreOption<&ServerOptions::backlog>},
    {.row = {.name = "unixsocket",
             .kind = OptionKind::kPath,
             .initial = "\"\"",
             .change = OptionChange::kAtStart,
             .section = "Network",
             .doc = "Path of a Unix socket to listen on as well."},
     .set_text = [](ServerOptions* options, std::string_view text) { options->unix_path = text; }},
    {.row = {.name = "unixsocketperm",
             .kind = OptionKind::kMode,
             .initial = "0",
             .min = 0,
             .max = 07777,
             .change = OptionChange::kAtStart,
             .section = "Network",
             .doc = "Octal mode of the Unix socket, for instance 700. 0: what the umask gives."},
     .set = &StoreOption<&ServerOptions::unix_mode>},
    {.row = {.name = "protected-mode",
             .kind = OptionKind::kFlag,
             .initial = "yes",
             .change = OptionChange::kAtRuntime,
             .section = "Network",
             .doc = "Without a password, refuse connections from other machines."},
     .apply =
         [](Server* server, int64_t value, std::string_view) {
           server->shared().options.protected_mode.store(value != 0);
           return Status();
         }},
    {.row = {.name = "requirepass",
             .kind = OptionKind::kText,
             .initial = "\"\"",
             .change = OptionChange::kAtRuntime,
             .section = "Network",
             .doc =
                 "Clients must AUTH with this password before anything else. Empty: no password."},
     .apply =
         [](Server* server, int64_t, std::string_view text) {
           server->shared().users.SetDefaultPassword(std::string(text));
           server->UsersChanged();
           return Status();
         }},
    {.row = {.name = "acl-pubsub-default",
             .kind = OptionKind::kChoice,
             .initial = "resetchannels",
             .choices = "allchannels resetchannels",
             .change = OptionChange::kAtRuntime,
             .section = "Network",
             .doc =
                 "Which channels users may use that are made or reset from now on: all or none."},
     .apply =
         [](Server* server, int64_t, std::string_view text) {
           server->shared().users.SetChannelsByDefault(text == "allchannels");
           return Status();
         }},
    {.row = {.name = "acllog-max-len",
             .kind = OptionKind::kInteger,
             .initial = "128",
             .min = 0,
             .max = 100'000,
             .change = OptionChange::kAtRuntime,
             .section = "Network",
             .doc = "Entries that ACL LOG keeps of what was denied."},
     .apply =
         [](Server* server, int64_t value, std::string_view) {
           server->shared().acl_log.SetLength(static_cast<size_t>(value));
           return Status();
         }},
    {.row = {.name = "timeout",
             .kind = OptionKind::kInteger,
             .initial = "0",
             .min = 0,
             .max = kIntMax,
             .unit = "s",
             .change = OptionChange::kAtRuntime,
             .section = "Network",
             .doc = "Close a connection after this many idle seconds. 0: never."},
     .apply =
         [](Server* server, int64_t value, std::string_view) {
           server->shared().options.timeout_s.store(static_cast<uint64_t>(value));
           return Status();
         }},
    {.row = {.name = "tcp-keepalive",
             .kind = OptionKind::kInteger,
             .initial = "300",
             .min = 0,
             .max = kIntMax,
             .unit = "s",
             .change = OptionChange::kAtRuntime,
             .section = "Network",
             .doc = "Seconds between TCP keep-alive probes; finds dead peers and keeps middleboxes "
                    "awake. 0: off."},
     .apply =
         [](Server* server, int64_t value, std::string_view) {
           server->shared().options.tcp_keepalive_s.store(static_cast<uint64_t>(value));
           return Status();
         }},
    {.row = {.name = "maxclients",
             .kind = OptionKind::kInteger,
             .initial = "10000",
             .min = 1,
             .max = kUintMax,
             .change = OptionChange::kAtRuntime,
             .section = "Limits",
             .doc = "Connections at the same time. The next one is told so and closed."},
     .apply = [](Server* server, int64_t value,
                 std::string_view) { return SetMaxClients(server, static_cast<uint64_t>(value)); }},
    {.row = {.name = "proto-max-bulk-len",
             .kind = OptionKind::kBytes,
             .initial = "512mb",
             .min = kBulkBytesMaxLeast,
             .max = kNoLimit,
             .change = OptionChange::kAtRuntime,
             .section = "Limits",
             .doc = "Largest single argument of a command, and so the largest value."},
     .apply =
         [](Server* server, int64_t value, std::string_view) {
           server->shared().context.proto_max_bulk_len.store(static_cast<uint64_t>(value));
           return Status();
         }},
    {.row = {.name = "hll-sparse-max-bytes",
             .kind = OptionKind::kBytes,
             .initial = "3000",
             .min = 0,
             .max = kNoLimit,
             .change = OptionChange::kAtRuntime,
             .section = "Limits",
             .doc = "A HyperLogLog that would grow beyond this, its header of 16 bytes included, "
                    "takes the dense form of 12304 bytes, which is faster to write to."},
     .apply =
         [](Server* server, int64_t value, std::string_view) {
           server->shared().context.hll_sparse_bytes_max.store(static_cast<uint64_t>(value));
           return Status();
         }},
    {.row = {.name = "dump-version",
             .kind = OptionKind::kInteger,
             .initial = "11",
             .min = 10,
             .max = 11,
             .change = OptionChange::kAtRuntime,
             .section = "Limits",
             .doc =
                 "RDB version of the payloads of DUMP: 11, as Redis 7.2 writes them, or 10, which "
                 "Redis 7.0 restores, too."},
     .apply =
         [](Server* server, int64_t value, std::string_view) {
           server->shared().context.dump_version.store(static_cast<uint16_t>(value));
           return Status();
         }},
    {.row = {.name = "client-query-buffer-limit",
             .kind = OptionKind::kBytes,
             .initial = "1gb",
             .min = kMiB,
             .max = kNoLimit,
             .change = OptionChange::kAtRuntime,
             .section = "Limits",
             .doc = "Bytes of unfinished commands that one connection may have waiting in memory."},
     .apply =
         [](Server* server, int64_t value, std::string_view) {
           server->shared().options.query_buffer_limit.store(static_cast<uint64_t>(value));
           return Status();
         }},
    {.row = {.name = "client-output-buffer-limit",
             .kind = OptionKind::kBufferLimits,
             .initial = "normal 0 0 0 replica 256mb 64mb 60 pubsub 32mb 8mb 60",
             .change = OptionChange::kAtRuntime,
             .section = "Limits",
             .doc = "Replies that a slow reader may leave waiting: <class> <hard limit> <soft "
                    "limit> <seconds above the soft limit>. 0: no limit."},
     .apply =
         [](Server* server, int64_t, std::string_view text) {
           return SetOutputLimits(&server->shared().options, text);
         }},
    {.row = {.name = "tracking-table-max-keys",
             .kind = OptionKind::kInteger,
             .initial = "1000000",
             .min = 0,
             .max = kNoLimit,
             .change = OptionChange::kAtRuntime,
             .section = "Limits",
             .doc = "Keys that CLIENT TRACKING remembers for clients with caches of their own; "
                    "beyond that others are forgotten, and their clients told. 0: no limit."},
     .apply =
         [](Server* server, int64_t value, std::string_view) {
           server->shared().options.tracking_keys_max.store(static_cast<uint64_t>(value));
           return Status();
         }},
    {.row = {.name = "io-backend",
             .kind = OptionKind::kChoice,
             .initial = "auto",
             .choices = "auto uring threads",
             .change = OptionChange::kAtStart,
             .section = "Threads and input/output",
             .doc = "uring: io_uring, or refuse to start. threads: a thread pool for files. auto: "
                    "io_uring where the kernel allows it."},
     .set = &StoreOption<&ServerOptions::io_backend>},
    {.row = {.name = "io-uring-sqpoll",
             .kind = OptionKind::kChoice,
             .initial = "auto",
             .choices = "auto yes no",
             .change = OptionChange::kAtStart,
             .section = "Threads and input/output",
             .doc = "Let a kernel thread poll the submission queue. It costs a core; auto turns it "
                    "on only where cores are plentiful."},
     .set =
         [](ServerOptions* options, int64_t value) {
           options->sqpoll = value == kSqpollAuto ? sysconf(_SC_NPROCESSORS_ONLN) >= kCoresForSqpoll
                                                  : value == kSqpollYes;
         }},
    {.row = {.name = "disk-cpu",
             .kind = OptionKind::kChoice,
             .initial = "auto",
             .choices = "auto no",
             .change = OptionChange::kAtStart,
             .section = "Threads and input/output",
             .doc = "auto: where all of the disk's completions arrive at one processor (common on "
                    "virtual machines), the first reactor runs there, as long as nobody else keeps "
                    "that processor busy: synced writes are answered sooner."},
     .set = [](ServerOptions* options, int64_t value) { options->disk_cpu = value == 0; }},
    {.row = {.name = "active-expire-effort",
             .kind = OptionKind::kInteger,
             .initial = "1",
             .min = 1,
             .max = 10,
             .change = OptionChange::kAtRuntime,
             .section = "Storage",
             .doc = "How hard expired keys are looked for in the background (they are never "
                    "served, in any case): 1 to 10."},
     .apply =
         [](Server* server, int64_t value, std::string_view) {
           server->shared().options.expire_effort.store(static_cast<uint32_t>(value));
           return Status();
         }},
    {.row = {.name = "busy-reply-threshold",
             .kind = OptionKind::kInteger,
             .initial = "5000",
             .min = 0,
             .max = kNoLimit,
             .unit = "ms",
             .change = OptionChange::kAtRuntime,
             .section = "Scripts",
             .doc = "From then on a script that still runs is answered for: other clients of its "
                    "reactor get BUSY for what has to wait. Until then they wait. 0: they always "
                    "do. What needs no key, and SCRIPT KILL, goes on in any case."},
     .apply =
         [](Server* server, int64_t value, std::string_view) {
           server->shared().options.busy_reply_ms.store(static_cast<uint64_t>(value));
           return Status();
         },
     .alias = "lua-time-limit"},
    {.row =
         {.name = "slowlog-log-slower-than",
          .kind = OptionKind::kInteger,
          .initial = "10000",
          .min =
              -1,
          .max =
              kNoLimit,
          .unit = "us",
          .change = OptionChange::kAtRuntime,
          .section = "Observation",
          .doc =
              "Microseconds from which a command enters the slow log. 0: every command, -1: none."},
     .apply =
         [](Server* server, int64_t value, std::string_view) {
           server->shared().options.slowlog_slower_usec.store(value);
           return Status();
         }},
    {.row = {.name = "slowlog-max-len",
             .kind = OptionKind::kInteger,
             .initial = "128",
             .min = 0,
             .max = 1'000'000,
             .change = OptionChange::kAtRuntime,
             .section = "Observation",
             .doc = "Entries the slow log keeps."},
     .apply =
         [](Server* server, int64_t value, std::string_view) {
           server->shared().options.slowlog_max_len.store(static_cast<uint64_t>(value));
           server->shared().slowlog.Trim(static_cast<size_t>(value));
           return Status();
         }},
    {.row = {.name = "latency-monitor-threshold",
             .kind = OptionKind::kInteger,
             .initial = "0",
             .min = 0,
             .max = kNoLimit,
             .unit = "ms",
             .change = OptionChange::kAtRuntime,
             .section = "Observation",
             .doc = "Milliseconds from which an event enters LATENCY LATEST and HISTORY. 0: off."},
     .apply =
         [](Server* server, int64_t value, std::string_view) {
           server->shared().options.latency_threshold_ms.store(static_cast<uint64_t>(value));
           return Status();
         }},
    {.row = {.name = "notify-keyspace-events",
             .kind = OptionKind::kLetters,
             .initial = "\"\"",
             .choices = kNotifyLetters,
             .change = OptionChange::kAtRuntime,
             .section = "Observation",
             .doc = "What of keys is told to subscribers: K for channels by key "
                    "(__keyspace@0__:key), E for channels by event (__keyevent@0__:del), and the "
                    "classes g (del, expire, rename, ...), $ strings, l lists, s sets, h hashes, "
                    "z sorted sets, t streams, x expired, e evicted, d modules; A is all those; "
                    "n new keys, m misses. Empty: nothing, at no cost."},
     .apply =
         [](Server* server, int64_t, std::string_view text) {
           uint32_t classes = 0;
           if (!NotifyClassesOf(text, &classes))
             return Status(Code::kInvalid, "notify-keyspace-events has an unknown letter");
           server->shared().options.notified.store(classes);
           return Status();
         }},
    {.row = {.name = "latency-tracking",
             .kind = OptionKind::kFlag,
             .initial = "yes",
             .change = OptionChange::kAtRuntime,
             .section = "Observation",
             .doc = "Keep a latency histogram per command."},
     .apply =
         [](Server* server, int64_t value, std::string_view) {
           server->shared().options.latency_tracking.store(value != 0);
           return Status();
         }},
    {.row = {.name = "enable-debug-command",
             .kind = OptionKind::kChoice,
             .initial = "local",
             .choices = "no yes local",
             .change = OptionChange::kAtStart,
             .section = "Observation",
             .doc = "Who may use DEBUG: no, yes, or only local connections."},
     .apply =
         [](Server* server, int64_t value, std::string_view) {
           server->shared().options.debug_command.store(static_cast<DebugCommand>(value));
           return Status();
         }},
    {.row = {.name = "engine",
             .kind = OptionKind::kChoice,
             .initial = "vlog",
             .choices = "vlog lsm",
             .section = "Storage",
             .doc = "What keeps the data. vlog: keys in memory, values in a log. lsm: RocksDB; the "
                    "options that begin with rocksdb- and lsm- are for it. A directory belongs to "
                    "the engine that made it."},
     .set_text = [](ServerOptions* options,
                    std::string_view text) { options->engine_name = text; }},
};

const ServerOption* Find(std::string_view name) {
  for (const auto table : {std::span<const ServerOption>(kOptions), CollectionOptionTable()}) {
    for (const ServerOption& option : table)
      if (name == option.row.name) return &option;
  }
  return nullptr;
}

bool IsText(OptionKind kind) { return kind >= OptionKind::kText; }

Status Apply(const ServerOption& option, std::string_view text, Server* server) {
  if (IsText(option.row.kind)) return option.apply(server, 0, text);
  const Result<int64_t> value = OptionValue(option.row, text);
  return value.ok() ? option.apply(server, value.value(), text) : value.status();
}

// Its value is known to be one.
void Take(const OptionText& given, ServerOptions* options) {
  if (const auto* common = FindOption(CommonOptions(), given.name)) {
    (void)SetOptionText(*common, given.value, &options->engine);
    return;
  }
  const ServerOption& own = *Find(given.name);
  if (own.apply != nullptr) {
    options->live.push_back(given);
  } else if (own.set_text != nullptr) {
    own.set_text(options, given.value);
  } else {
    own.set(options, OptionValue(own.row, given.value).value());
  }
}

}  // namespace

std::span<const ServerOption> ServerOptionTable() { return kOptions; }

Result<ServerOptions> ReadOptions(std::span<const OptionText> texts) {
  ServerOptions options;
  for (const OptionText& text : texts)
    if (text.name == "engine") options.engine_name = text.value;
  for (const OptionText& text : texts) {
    const TableRow* found = FindOptionRow(text.name);
    if (found == nullptr) return Status(Code::kInvalid, "there is no option '" + text.name + "'");
    if (!IsText(found->row.kind)) {
      const Result<int64_t> value = OptionValue(found->row, text.value);
      if (!value.ok()) return value.status();
    }
    if (found->engine == nullptr) {
      Take(text, &options);
    } else if (found->engine == options.engine_name) {
      options.engine.own.push_back(text);
    }
  }
  return options;
}

Status Server::SetOption(const std::string& name, const std::string& value) {
  const ServerOption* own = Find(name);
  if (own == nullptr) return SetEngineOption(name, value);
  if (own->row.change != OptionChange::kAtRuntime)
    return {Code::kInvalid, name + " takes effect at the next start only"};
  return Apply(*own, value, this);
}

Status Server::ApplyLive() {
  for (const OptionText& live : options_.live) {
    Status status = Apply(*Find(live.name), live.value, this);
    if (!status.ok()) return status;
  }
  return Status();
}

}  // namespace cairn
