// The one command table: a command is one row (CommandSpec) and one function (Handler). Rows of
// data commands live in table_<family>.cc beside nothing but data. Others join at start-up: those
// of the session with handlers that this layer does not know (Registry::Add), TypeScript's control
// commands without one.
//
// A handler runs inside a Txn pass (txn/txn.h) on a reactor thread: it reads call.argv (argv[0] is
// the command name as sent), reads and writes through call.txn, and appends exactly one reply to
// call.reply. It must not block, must not keep views beyond its return, and must tolerate being run
// again when the pass had pending reads. Arity was checked by the dispatcher.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

#include "resp/reply.h"
#include "txn/key_spec.h"
#include "txn/txn.h"

namespace cairn {

struct Client;         // command/client.h: per-connection state
struct ServerContext;  // command/server_context.h: options and shared state

enum CommandFlag : uint32_t {
  kCmdWrite = 1u << 0,
  kCmdReadOnly = 1u << 1,
  kCmdDenyOom = 1u << 2,
  kCmdAdmin = 1u << 3,
  kCmdNoScript = 1u << 4,
  kCmdFast = 1u << 5,
  kCmdLoading = 1u << 6,
  kCmdStale = 1u << 7,
  kCmdNoAuth = 1u << 8,
  kCmdNoMulti = 1u << 9,         // refused inside MULTI
  kCmdWholeKeyspace = 1u << 10,  // touches keys it does not name; EXEC latches everything for it
  kCmdAllLatches = 1u << 11,     // needs all latches also outside EXEC (FLUSHALL, SWAPDB)
  kCmdSession = 1u << 12,        // handled by the session itself (MULTI, EXEC, WATCH, MONITOR ...)
  kCmdControl = 1u << 13,        // lives in TypeScript
  kCmdMovableKeys = 1u << 14,
  kCmdSkipMonitor = 1u << 15,
  kCmdSkipSlowlog = 1u << 16,
  kCmdBlocking = 1u << 17,
  kCmdPubSub = 1u << 18,
  kCmdAllowBusy = 1u << 19,
  kCmdMayReplicate = 1u << 20,
  kCmdContainer = 1u << 21,  // has subcommands
  kCmdSecret = 1u << 22,     // carries passwords: shown redacted by MONITOR and the slow log
  kCmdWaves = 1u << 23,      // may find out what to read next by reading: see txn/txn.h
  kCmdScript = 1u << 24,     // runs commands that it does not name, or keeps what such ones are
  kCmdNoMandatoryKeys = 1u << 25,
};

struct Call {
  std::span<const std::string_view> argv;
  Txn& txn;
  ReplyWriter& reply;
  Client& client;
  ServerContext& server;
  bool in_script = false;
};

using Handler = void (*)(Call& call);

struct CommandSpec {
  std::string_view name;  // lower case; a subcommand is "container|sub"
  int16_t arity;          // as in Redis: counts the name; negative: at least
  uint32_t flags;
  int16_t first_key;  // 0: no keys
  int16_t last_key;   // negative: from the end
  int16_t key_step;
  std::string_view acl;      // categories as a space-separated list, e.g. "@read @string @fast"
  std::string_view group;    // of COMMAND DOCS: string, bitmap, generic, connection, server, ...
  std::string_view since;    // Redis version
  std::string_view summary;  // in our own words
  std::string_view complexity;
  Handler handler;  // null: session or control
  // Arguments behind the name(s), from which COMMAND DOCS derives its list: upper case: token;
  // lower case: value; [..]: optional; |: one of; ...: may repeat; <..>: grouping.
  std::string_view syntax = "";
  // Where an argument says how many keys follow it (numkeys), besides those above; 0: nowhere; or
  // KeySpec::kBehindStreams. Such rows have kCmdMovableKeys.
  int16_t key_count_at = 0;

  KeySpec keys() const { return {first_key, last_key, key_step, key_count_at}; }
};

// Rows of the commands on data, one function per family.
std::span<const CommandSpec> StringCommands();
std::span<const CommandSpec> BitCommands();
std::span<const CommandSpec> HyperLogLogCommands();
std::span<const CommandSpec> HashCommands();
std::span<const CommandSpec> StreamCommands();
std::span<const CommandSpec> SetCommands();
std::span<const CommandSpec> KeyspaceCommands();
std::span<const CommandSpec> ListCommands();

}  // namespace cairn
