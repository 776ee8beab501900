// Handlers that see the connection: its name, login, protocol version.
#include "session/session_commands.h"

#include "base/clock.h"
#include "base/text.h"
#include "command/args.h"
#include "resp/errors.h"
#include "session/client_line.h"
#include "session/executor.h"
#include "session/session_handlers.h"
#include "session/version.h"

namespace cairn {

namespace {

bool PrintableName(std::string_view name) {
  for (char c : name) {
    if (c < '!' || c > '~') return false;
  }
  return true;
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
  acl::Users& users = conn.executor->shared()->users;
  const bool refused = !hello.error.empty() ||
                       (hello.auth && users.Authenticate(hello.user, hello.password) == nullptr);
  return refused || hello.version == 0 ? resp : static_cast<uint8_t>(hello.version);
}

namespace {

// AUTH [user] password.
Credentials AuthCredentials(std::span<const std::string_view> argv) {
  if (argv.size() > 3) return {};
  return {true, argv.size() == 3 ? argv[1] : acl::Users::kDefault, argv.back()};
}

Credentials HelloCredentials(const Hello& hello) {
  if (!hello.error.empty() || !hello.auth) return {};
  return {true, hello.user, hello.password};
}

}  // namespace

Credentials CredentialsOf(const Command& command, std::span<const std::string_view> argv) {
  if (command.name == "auth") return AuthCredentials(argv);
  return command.name == "hello" ? HelloCredentials(ParseHello(argv)) : Credentials();
}

// In the middle of an EXEC nobody can be made to wait.
static bool LogIn(Connection& conn, std::string_view command, const Credentials& given) {
  Gate& gate = conn.executor->gate();
  if (conn.exec_run != nullptr && gate.LoginDelay(conn) != 0) return false;
  return gate.LogIn(&conn, command, given.user, given.password);
}

void PingCommand(Call& call) {
  if (call.argv.size() > 2) {
    call.reply.Error(errors::WrongArity("ping"));
  } else if (ConnectionOf(call).subscriber != nullptr && call.reply.version() == 2) {
    // In the form of a message, as such a client expects nothing else.
    call.reply.ArrayHeader(2);
    call.reply.Bulk("pong");
    call.reply.Bulk(call.argv.size() == 2 ? call.argv[1] : std::string_view());
  } else if (call.argv.size() == 2) {
    call.reply.Bulk(call.argv[1]);
  } else {
    call.reply.Pong();
  }
}

void EchoCommand(Call& call) { call.reply.Bulk(call.argv[1]); }

void AuthCommand(Call& call) {
  Connection& conn = ConnectionOf(call);
  const Credentials given = AuthCredentials(call.argv);
  if (!given.any) {
    call.reply.Error(errors::kSyntax);
    return;
  }
  if (call.argv.size() == 2 && conn.executor->shared()->users.default_nopass()) {
    call.reply.Error(errors::kAuthNoPassword);
    return;
  }
  if (LogIn(conn, call.argv[0], given)) {
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
  const Credentials given = HelloCredentials(hello);
  if (given.any && !LogIn(conn, call.argv[0], given)) {
    call.reply.Error(errors::kWrongPass);
    return;
  }
  if (!conn.executor->gate().LoggedIn(&conn)) {
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
  // A script is run again as what it was: its time stays.
  uint64_t micros = call.in_script ? call.txn.FrozenMicros() : WallMicros();
  call.reply.ArrayHeader(2);
  call.reply.BulkInteger(static_cast<int64_t>(micros / 1000000));
  call.reply.BulkInteger(static_cast<int64_t>(micros % 1000000));
}

}  // namespace cairn
