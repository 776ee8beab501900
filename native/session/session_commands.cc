// Handlers that see the connection: its name, login, protocol version.
#include "session/session_commands.h"

#include <unistd.h>

#include <charconv>

#include "base/clock.h"
#include "base/text.h"
#include "command/args.h"
#include "command/object.h"
#include "resp/errors.h"
#include "resp/number.h"
#include "session/executor.h"
#include "session/session_handlers.h"
#include "session/version.h"

namespace cairn {

namespace {

Connection& ConnectionOf(Call& call) { return static_cast<Connection&>(call.client); }

bool PrintableName(std::string_view name) {
  for (char c : name) {
    if (c < '!' || c > '~') return false;
  }
  return true;
}

// Only the default user exists so far.
bool CredentialsFit(Shared* shared, std::string_view user, std::string_view password) {
  return user == "default" &&
         (!shared->options.has_password() || shared->options.PasswordMatches(password));
}

bool LogIn(Connection& conn, std::string_view user, std::string_view password) {
  bool ok = CredentialsFit(conn.executor->shared(), user, password);
  if (ok) {
    conn.authenticated = true;
    conn.parser.SetAuthenticated(true);
  } else {
    conn.executor->counters()->auth_failures.Add(1);
  }
  return ok;
}

// What HELLO was asked to do. All of it is read before any of it is done; of options that come more
// than once the last one counts.
struct Hello {
  std::string error;
  int64_t version = 0;  // 0: as it is
  bool auth = false;
  bool set_name = false;
  std::string_view user;
  std::string_view password;
  std::string_view name;
};

Hello ParseHello(std::span<const std::string_view> argv) {
  Hello hello;
  if (argv.size() > 1) {
    hello.error =
        ReadInteger(argv[1], {2, 3, errors::kHelloVersion, errors::kNoProto}, &hello.version);
  }
  for (size_t at = 2; at < argv.size() && hello.error.empty(); ++at) {
    size_t left = argv.size() - at - 1;
    if (EqualsIgnoreCase(argv[at], "auth") && left >= 2) {
      hello.auth = true;
      hello.user = argv[at + 1];
      hello.password = argv[at + 2];
      at += 2;
    } else if (EqualsIgnoreCase(argv[at], "setname") && left >= 1) {
      hello.set_name = true;
      hello.name = argv[++at];
      if (!PrintableName(hello.name)) hello.error = errors::kClientName;
    } else {
      hello.error = errors::HelloOption(argv[at]);
    }
  }
  return hello;
}

}  // namespace

std::string_view DatabaseArg(std::string_view arg, uint16_t databases, uint16_t* db) {
  int64_t number = 0;
  if (std::string_view error = ReadInteger(arg, kInt32Rule, &number); !error.empty()) return error;
  if (number < 0 || number >= databases) return errors::kDbIndexRange;
  *db = static_cast<uint16_t>(number);
  return {};
}

uint8_t ProtocolAfterHello(const Connection& conn, std::span<const std::string_view> argv,
                           uint8_t resp) {
  const Hello hello = ParseHello(argv);
  const bool refused =
      !hello.error.empty() ||
      (hello.auth && !CredentialsFit(conn.executor->shared(), hello.user, hello.password));
  return refused || hello.version == 0 ? resp : static_cast<uint8_t>(hello.version);
}

void PingCommand(Call& call) {
  if (call.argv.size() > 2) {
    call.reply.Error(errors::WrongArity("ping"));
  } else if (call.argv.size() == 2) {
    call.reply.Bulk(call.argv[1]);
  } else {
    call.reply.Pong();
  }
}

void EchoCommand(Call& call) { call.reply.Bulk(call.argv[1]); }

void AuthCommand(Call& call) {
  Connection& conn = ConnectionOf(call);
  if (call.argv.size() > 3) {
    call.reply.Error(errors::kSyntax);
    return;
  }
  bool with_user = call.argv.size() == 3;
  if (!with_user && !conn.executor->shared()->options.has_password()) {
    call.reply.Error(errors::kAuthNoPassword);
    return;
  }
  if (LogIn(conn, with_user ? call.argv[1] : "default", call.argv.back())) {
    call.reply.Ok();
  } else {
    call.reply.Error(errors::kWrongPass);
  }
}

void HelloCommand(Call& call) {
  Connection& conn = ConnectionOf(call);
  const Hello hello = ParseHello(call.argv);
  if (!hello.error.empty()) {
    call.reply.Error(hello.error);
    return;
  }
  if (hello.auth && !LogIn(conn, hello.user, hello.password)) {
    call.reply.Error(errors::kWrongPass);
    return;
  }
  if (!conn.authenticated) {
    call.reply.Error(errors::kHelloNoAuth);
    return;
  }
  if (hello.set_name) conn.name = std::string(hello.name);
  if (hello.version != 0) conn.resp = static_cast<uint8_t>(hello.version);
  ReplyWriter reply(&call.reply.out(), conn.resp);
  reply.MapHeader(7);
  reply.Bulk("server");
  reply.Bulk("redis");
  reply.Bulk("version");
  reply.Bulk(kRedisVersion);
  reply.Bulk("proto");
  reply.Integer(conn.resp);
  reply.Bulk("id");
  reply.Integer(static_cast<int64_t>(conn.id));
  reply.Bulk("mode");
  reply.Bulk("standalone");
  reply.Bulk("role");
  reply.Bulk("master");
  reply.Bulk("modules");
  reply.ArrayHeader(0);
}

void SelectCommand(Call& call) {
  std::string_view error = DatabaseArg(call.argv[1], call.txn.databases(), &call.client.db);
  error.empty() ? call.reply.Ok() : call.reply.Error(error);
}

void ClientIdCommand(Call& call) { call.reply.Integer(static_cast<int64_t>(call.client.id)); }

void ClientInfoCommand(Call& call) {
  Connection& conn = ConnectionOf(call);
  call.reply.Verbatim("txt", ClientLine(conn, conn.executor->now_ms()) + "\n");
}

void ClientGetNameCommand(Call& call) {
  if (call.client.name.empty()) {
    call.reply.Null();
  } else {
    call.reply.Bulk(call.client.name);
  }
}

void ClientSetNameCommand(Call& call) {
  if (!PrintableName(call.argv[2])) {
    call.reply.Error(errors::kClientName);
    return;
  }
  call.client.name = std::string(call.argv[2]);
  call.reply.Ok();
}

void ClientSetInfoCommand(Call& call) {
  bool lib_name = EqualsIgnoreCase(call.argv[2], "lib-name");
  if (!lib_name && !EqualsIgnoreCase(call.argv[2], "lib-ver")) {
    call.reply.Error(errors::UnrecognizedOption(call.argv[2]));
    return;
  }
  if (!PrintableName(call.argv[3])) {
    call.reply.Error(errors::ClientAttribute(lib_name ? "lib-name" : "lib-ver"));
    return;
  }
  (lib_name ? call.client.lib_name : call.client.lib_version) = std::string(call.argv[3]);
  call.reply.Ok();
}

void ClientReplyCommand(Call& call) {
  Connection& conn = ConnectionOf(call);
  if (EqualsIgnoreCase(call.argv[2], "on")) {
    conn.reply_mode = ReplyMode::kOn;
    call.reply.Ok();
  } else if (EqualsIgnoreCase(call.argv[2], "off")) {
    conn.reply_mode = ReplyMode::kOff;
  } else if (EqualsIgnoreCase(call.argv[2], "skip")) {
    if (conn.reply_mode != ReplyMode::kOff) conn.reply_mode = ReplyMode::kSkipNext;
  } else {
    call.reply.Error(errors::kSyntax);
  }
}

static void Switch(Call& call, bool* setting) {
  if (EqualsIgnoreCase(call.argv[2], "on")) {
    *setting = true;
  } else if (EqualsIgnoreCase(call.argv[2], "off")) {
    *setting = false;
  } else {
    call.reply.Error(errors::kSyntax);
    return;
  }
  call.reply.Ok();
}

void ClientNoEvictCommand(Call& call) { Switch(call, &call.client.no_evict); }
void ClientNoTouchCommand(Call& call) { Switch(call, &call.client.no_touch); }
void ClientGetRedirCommand(Call& call) { call.reply.Integer(-1); }

void ClientTrackingInfoCommand(Call& call) {
  call.reply.MapHeader(3);
  call.reply.Bulk("flags");
  call.reply.SetHeader(1);
  call.reply.Bulk("off");
  call.reply.Bulk("redirect");
  call.reply.Integer(-1);
  call.reply.Bulk("prefixes");
  call.reply.ArrayHeader(0);
}

void WatchCommand(Call& call) {
  for (const std::string_view key : call.argv.subspan(1)) call.txn.Watch(key);
  call.reply.Ok();
}

void UnwatchCommand(Call& call) {
  Connection& conn = ConnectionOf(call);
  // Inside EXEC the watches were judged already and are dropped at its end.
  if (conn.multi == nullptr && conn.watcher.state != nullptr) conn.executor->DropWatches(&conn);
  call.reply.Ok();
}

void MonitorInExecCommand(Call& call) {
  call.reply.Error("ERR MONITOR isn't allowed for DENY BLOCKING client");
}

std::string_view ReadWait(std::span<const std::string_view> argv, uint64_t now_ms, WaitArgs* out) {
  size_t at = 1;
  std::string_view error;
  if (argv.size() == 4) {  // WAITAOF
    error = ReadInteger(argv[at++], {0, 1, errors::kNotInteger, errors::kNotBit}, &out->local);
    if (!error.empty()) return error;
    error = ReadInteger(argv[at++], {0, INT64_MAX, errors::kNotPositive}, &out->replicas);
  } else {
    error = ReadInteger(argv[at++], {}, &out->replicas);
  }
  return error.empty() ? ReadTimeout(argv[at], now_ms, &out->timeout_ms) : error;
}

// EXEC never blocks: what is not there yet does not come in the middle of it.
void WaitInExecCommand(Call& call) {
  WaitArgs args;
  std::string_view error = ReadWait(call.argv, WallMillis(), &args);
  error.empty() ? call.reply.Integer(0) : call.reply.Error(error);
}

void WaitAofInExecCommand(Call& call) {
  WaitArgs args;
  std::string_view error = ReadWait(call.argv, WallMillis(), &args);
  if (!error.empty()) return call.reply.Error(error);
  call.reply.ArrayHeader(2);
  call.reply.Integer(0);
  call.reply.Integer(0);
}

void TimeCommand(Call& call) {
  uint64_t micros = WallMicros();
  call.reply.ArrayHeader(2);
  call.reply.BulkInteger(static_cast<int64_t>(micros / 1000000));
  call.reply.BulkInteger(static_cast<int64_t>(micros % 1000000));
}

static bool DebugAllowed(Call& call) {
  Connection& conn = ConnectionOf(call);
  const DebugCommand who = conn.executor->shared()->options.debug_command.load();
  if (who == DebugCommand::kEverybody || (who == DebugCommand::kLocal && conn.from_loopback))
    return true;
  call.reply.Error(
      "ERR DEBUG command not allowed. If the enable-debug-command option is set to \"local\", you "
      "can run "
      "it from a local connection, otherwise you need to set this option in the configuration "
      "file, and "
      "then restart the server.");
  return false;
}

void DebugSleepCommand(Call& call) {
  constexpr double kSecondsMax = 3600;
  if (!DebugAllowed(call)) return;
  double seconds = 0;
  if (!ParseDouble(call.argv[2], &seconds) || seconds < 0 || seconds > kSecondsMax) {
    call.reply.Error(errors::kNotFloat);
    return;
  }
  usleep(static_cast<useconds_t>(seconds * 1e6));
  call.reply.Ok();
}

void DebugSetActiveExpireCommand(Call& call) {
  if (!DebugAllowed(call)) return;
  call.server.active_expire.store(call.argv[2] != "0");
  call.reply.Ok();
}

void DebugObjectCommand(Call& call) {
  if (!DebugAllowed(call)) return;
  std::string_view value;
  KeyMeta meta;
  if (call.txn.Get(call.argv[2], &value, &meta) == ReadState::kMissing) {
    call.reply.Error(errors::kNoSuchKey);
    return;
  }
  char line[160];
  int n =
      snprintf(line, sizeof(line),
               "Value at:0x0 refcount:1 encoding:%s serializedlength:%llu lru:0 lru_seconds_idle:0",
               std::string(StringEncoding(value)).c_str(),
               static_cast<unsigned long long>(meta.value_bytes));
  call.reply.Simple(std::string_view(line, static_cast<size_t>(n)));
}

void DebugJmapCommand(Call& call) {
  if (DebugAllowed(call)) call.reply.Ok();
}

std::string ClientLine(const Connection& conn, uint64_t now_ms) {
  std::string flags;
  if (conn.monitor) flags += 'O';
  const bool in_multi = conn.multi != nullptr || conn.exec_run != nullptr;
  if (in_multi) flags += 'x';
  if (conn.stall == Connection::kBlocked || conn.stall == Connection::kWaitsForPause) flags += 'b';
  if (conn.watcher.state != nullptr && conn.watcher.state->dirty.load()) flags += 'd';
  if (conn.close_after_reply) flags += 'c';
  if (conn.closed) flags += 'A';
  if (conn.unix_socket) flags += 'U';
  if (conn.no_evict) flags += 'e';
  if (conn.no_touch) flags += 'T';
  if (flags.empty()) flags = "N";
  auto number = [](uint64_t n) { return std::to_string(n); };
  uint64_t multi_bytes = conn.multi != nullptr ? conn.multi->bytes : 0;
  // Nothing here is a fixed buffer, Redis's obl: all that is unsent stands as the list that tools
  // and output limits look at.
  uint64_t buffers = (conn.out.empty() ? 0u : 1u) + (conn.turn.empty() ? 0u : 1u);
  for (const Slot& slot : conn.slots) buffers += slot.bytes.empty() ? 0u : 1u;
  uint64_t memory = sizeof(Connection) + conn.in.capacity() + conn.out.capacity() +
                    conn.turn.capacity() + conn.slot_bytes + multi_bytes + conn.parser.heap_bytes();
  std::string line =
      "id=" + number(conn.id) + " addr=" + conn.addr + " laddr=" + conn.laddr +
      " fd=" + std::to_string(conn.fd) + " name=" + conn.name +
      " age=" + number((now_ms - std::min(now_ms, conn.created_ms)) / 1000) +
      " idle=" + number((now_ms - std::min(now_ms, conn.last_active_ms)) / 1000) +
      " flags=" + flags + " db=" + number(conn.db) + " sub=0 psub=0 ssub=0 multi=" +
      (conn.exec_run != nullptr ? number(conn.exec_run->queue.size())
       : conn.multi != nullptr  ? number(conn.multi->queue.size())
                                : "-1") +
      " qbuf=" + number(conn.in.size()) +
      " qbuf-free=" + number(conn.in.capacity() - conn.in.size()) +
      " argv-mem=0 multi-mem=" + number(multi_bytes) + " rbs=" + number(conn.turn.capacity()) +
      " rbp=" + number(conn.turn.size()) + " obl=0 oll=" + number(buffers) +
      " omem=" + number(conn.OutputBytes()) + " tot-mem=" + number(memory) +
      " events=" + ((conn.epoll_events & 4u) != 0 ? "rw" : "r") +
      " cmd=" + (conn.last_command != nullptr ? conn.last_command->name : std::string("NULL")) +
      " user=default redir=-1 resp=" + number(conn.resp) + " lib-name=" + conn.lib_name +
      " lib-ver=" + conn.lib_version;
  return line;
}

}  // namespace cairn
