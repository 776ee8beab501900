// What the session commands' handlers share among themselves and with the executor: what SELECT and
// HELLO would do, told without doing it. Pure but for the password's check.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "command/command.h"
#include "session/connection.h"
#include "session/subscriptions.h"

namespace cairn {

// The client of a handler's call, which is a connection here.
inline Connection& ConnectionOf(Call& call) { return static_cast<Connection&>(call.client); }

// The number of a database as clients write it. An error text, or empty: *db is set.
std::string_view DatabaseArg(std::string_view arg, uint16_t databases, uint16_t* db);

// The protocol version after that HELLO on a connection that speaks `resp`.
uint8_t ProtocolAfterHello(const Connection& conn, std::span<const std::string_view> argv,
                           uint8_t resp);

// What AUTH or HELLO would log in with; of any other command, and of one that is wrong, nothing.
struct Credentials {
  bool any = false;
  std::string_view user = {};
  std::string_view password = {};
};
Credentials CredentialsOf(const Command& command, std::span<const std::string_view> argv);

// SCRIPT KILL and, `functions`, FUNCTION KILL.
void KillScripts(Call& call, bool functions);
// SUBSCRIBE and its kin. Returns how many frames were written.
uint32_t RunSubscribe(Connection* conn, const Command& command,
                      std::span<const std::string_view> argv, Subscriptions* subscriptions,
                      ReplyWriter* reply);

// WAIT numreplicas timeout, WAITAOF numlocal numreplicas timeout.
struct WaitArgs {
  int64_t local = 0;
  int64_t replicas = 0;
  int64_t timeout_ms = 0;
};

// An error text, or empty.
std::string_view ReadWait(std::span<const std::string_view> argv, uint64_t now_ms, WaitArgs* out);

}  // namespace cairn
