// Rows of connection, transaction and native server commands. Columns as in command/command.h.
#include "session/session_handlers.h"

namespace cairn {

namespace {

constexpr uint32_t kConn = kCmdNoScript | kCmdLoading | kCmdStale;

constexpr CommandSpec kConnection[] = {
    {"ping", -1, kCmdFast, 0, 0, 0, "@fast @connection", "connection", "1.0.0",
     "Answers PONG, or the given message.", "O(1)", PingCommand, "[message]"},
    {"echo", 2, kCmdFast | kCmdLoading | kCmdStale, 0, 0, 0, "@fast @connection", "connection",
     "1.0.0", "Answers the given message.", "O(1)", EchoCommand, "message"},
    {"auth", -2, kConn | kCmdFast | kCmdNoAuth | kCmdSecret | kCmdAllowBusy, 0, 0, 0,
     "@fast @connection", "connection", "1.0.0", "Logs the connection in.",
     "O(N) in the number of passwords of the user", AuthCommand, "[username] password"},
    {"hello", -1, kConn | kCmdFast | kCmdNoAuth | kCmdSecret | kCmdAllowBusy, 0, 0, 0,
     "@fast @connection", "connection", "6.0.0",
     "Chooses the protocol version and describes the server.", "O(1)", HelloCommand,
     "[protover [AUTH username password] [SETNAME clientname]]"},
    {"quit", -1, kConn | kCmdFast | kCmdNoAuth | kCmdSession | kCmdAllowBusy, 0, 0, 0,
     "@fast @connection", "connection", "1.0.0", "Closes the connection.", "O(1)", nullptr, ""},
    {"reset", 1, kConn | kCmdFast | kCmdNoAuth | kCmdSession | kCmdAllowBusy, 0, 0, 0,
     "@fast @connection", "connection", "6.2.0", "Puts the connection back to its first state.",
     "O(1)", nullptr, ""},
    {"select", 2, kCmdFast | kCmdLoading | kCmdStale, 0, 0, 0, "@fast @connection", "connection",
     "1.0.0", "Chooses the database of the connection.", "O(1)", SelectCommand, "index"},
    {"client", -2, 0, 0, 0, 0, "@slow", "connection", "2.4.0", "Commands about connections.",
     "Depends on the subcommand.", nullptr, ""},
    {"client|id", 2, kConn, 0, 0, 0, "@slow @connection", "connection", "5.0.0",
     "Answers the number of this connection.", "O(1)", ClientIdCommand, ""},
    {"client|info", 2, kConn, 0, 0, 0, "@slow @connection", "connection", "6.2.0",
     "Describes this connection.", "O(1)", ClientInfoCommand, ""},
    {"client|getname", 2, kConn, 0, 0, 0, "@slow @connection", "connection", "2.6.9",
     "Answers the name of this connection.", "O(1)", ClientGetNameCommand, ""},
    {"client|setname", 3, kConn, 0, 0, 0, "@slow @connection", "connection", "2.6.9",
     "Names this connection.", "O(1)", ClientSetNameCommand, "connection-name"},
    {"client|setinfo", 4, kConn, 0, 0, 0, "@slow @connection", "connection", "7.2.0",
     "Records name or version of the client library.", "O(1)", ClientSetInfoCommand,
     "<LIB-NAME libname | LIB-VER libver>"},
    {"client|reply", 3, kConn, 0, 0, 0, "@slow @connection", "connection", "3.2.0",
     "Turns replies off, on, or skips the next.", "O(1)", ClientReplyCommand, "<ON | OFF | SKIP>"},
    {"client|no-evict", 3, kConn | kCmdAdmin, 0, 0, 0, "@admin @slow @dangerous @connection",
     "connection", "7.0.0", "Shields this connection from client eviction.", "O(1)",
     ClientNoEvictCommand, "<ON | OFF>"},
    {"client|no-touch", 3, kConn, 0, 0, 0, "@slow @connection", "connection", "7.2.0",
     "Lets commands of this connection leave access times alone.", "O(1)", ClientNoTouchCommand,
     "<ON | OFF>"},
    {"client|tracking", -3, kConn, 0, 0, 0, "@slow @connection", "connection", "6.0.0",
     "Tells this connection, or another one, when keys that it has read change.",
     "O(1), and O(N) in the number of prefixes", ClientTrackingCommand,
     "<ON | OFF> [REDIRECT client-id] [PREFIX prefix [PREFIX prefix ...]] [BCAST] [OPTIN] [OPTOUT] "
     "[NOLOOP]"},
    {"client|caching", 3, kConn, 0, 0, 0, "@slow @connection", "connection", "6.0.0",
     "Says whether the keys of the next command are tracked.", "O(1)", ClientCachingCommand,
     "<YES | NO>"},
    {"client|getredir", 2, kConn, 0, 0, 0, "@slow @connection", "connection", "6.0.0",
     "Answers where tracking messages go: 0, to this connection; -1, tracking is off.", "O(1)",
     ClientGetRedirCommand, ""},
    {"client|trackinginfo", 2, kConn, 0, 0, 0, "@slow @connection", "connection", "6.2.0",
     "Describes client-side caching of this connection.", "O(1)", ClientTrackingInfoCommand, ""},
};

constexpr CommandSpec kTransactions[] = {
    {"multi", 1, kConn | kCmdFast | kCmdSession | kCmdAllowBusy, 0, 0, 0, "@fast @transaction",
     "transactions", "1.2.0", "Starts queueing commands.", "O(1)", nullptr, ""},
    {"exec", 1, kConn | kCmdSession | kCmdSkipSlowlog, 0, 0, 0, "@slow @transaction",
     "transactions", "1.2.0", "Runs the queued commands as one atomic unit.",
     "As the queued commands.", nullptr, ""},
    {"discard", 1, kConn | kCmdFast | kCmdSession | kCmdAllowBusy, 0, 0, 0, "@fast @transaction",
     "transactions", "2.0.0", "Forgets the queued commands.",
     "O(N) in the number of queued commands", nullptr, ""},
    {"watch", -2, kConn | kCmdFast | kCmdSession | kCmdAllowBusy, 1, -1, 1, "@fast @transaction",
     "transactions", "2.2.0", "Makes the next EXEC depend on keys staying as they are.",
     "O(1) per key", WatchCommand, "key [key ...]"},
    {"unwatch", 1, kConn | kCmdFast | kCmdAllowBusy, 0, 0, 0, "@fast @transaction", "transactions",
     "2.2.0", "Forgets watched keys.", "O(1)", UnwatchCommand, ""},
};

constexpr CommandSpec kServer[] = {
    {"time", 1, kCmdLoading | kCmdStale | kCmdFast, 0, 0, 0, "@fast", "server", "2.6.0",
     "Answers the server's time.", "O(1)", TimeCommand, ""},
    {"monitor", 1, kConn | kCmdAdmin | kCmdSession, 0, 0, 0, "@admin @slow @dangerous", "server",
     "1.0.0", "Shows every command the server runs.", "O(1)", MonitorInExecCommand, ""},
    {"wait", 3, kCmdBlocking | kCmdSession, 0, 0, 0, "@slow @connection @blocking", "generic",
     "3.0.0", "Waits for replicas.", "O(1)", WaitInExecCommand, "numreplicas timeout"},
    {"waitaof", 4, kCmdBlocking | kCmdNoScript | kCmdSession, 0, 0, 0,
     "@slow @connection @blocking", "generic", "7.2.0",
     "Waits until everything written so far is on disk.", "O(1)", WaitAofInExecCommand,
     "numlocal numreplicas timeout"},
    {"debug", -2, kConn | kCmdAdmin, 0, 0, 0, "@admin @slow @dangerous", "server", "1.0.0",
     "Commands for debugging.", "Depends on the subcommand.", nullptr, ""},
    {"debug|sleep", 3, kConn | kCmdAdmin, 0, 0, 0, "@admin @slow @dangerous", "server", "1.0.0",
     "Stops a reactor for some seconds.", "O(1)", DebugSleepCommand, "seconds"},
    {"debug|set-active-expire", 3, kConn | kCmdAdmin, 0, 0, 0, "@admin @slow @dangerous", "server",
     "1.0.0", "Turns the background removal of expired keys on or off.", "O(1)",
     DebugSetActiveExpireCommand, "<0 | 1>"},
    {"debug|object", 3, kConn | kCmdAdmin, 2, 2, 1, "@admin @slow @dangerous", "server", "1.0.0",
     "Describes how a value is kept.", "O(1)", DebugObjectCommand, "key"},
    {"debug|jmap", 2, kConn | kCmdAdmin, 0, 0, 0, "@admin @slow @dangerous", "server", "1.0.0",
     "Does nothing.", "O(1)", DebugJmapCommand, ""},
};

}  // namespace

void AddSessionCommands(Registry* registry) {
  registry->Add(kConnection);
  registry->Add(kServer);
  registry->Add(kTransactions);
  registry->Add(PubSubCommands());
  registry->Add(AclCommands());
  AddScriptCommands(registry);
}

}  // namespace cairn
