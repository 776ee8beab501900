// What the session commands' handlers share with the executor: what SELECT and HELLO would do, told
// without doing it. Pure but for the password's check.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace cairn {

struct Connection;

// The number of a database as clients write it. An error text, or empty: *db is set.
std::string_view DatabaseArg(std::string_view arg, uint16_t databases, uint16_t* db);

// The protocol version after that HELLO on a connection that speaks `resp`.
uint8_t ProtocolAfterHello(const Connection& conn, std::span<const std::string_view> argv,
                           uint8_t resp);

}  // namespace cairn
