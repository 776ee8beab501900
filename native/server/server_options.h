// The options that are neither every engine's nor one engine's: network, limits, observation. And
// how texts of the configuration become ServerOptions.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "base/status.h"
#include "engine/option_row.h"
#include "server/server.h"

namespace cairn {

struct ServerOption {
  OptionRow row;
  // One of them. Where it goes at the start, or how it is put into effect, then and later.
  void (*set)(ServerOptions* options, int64_t value) = nullptr;
  void (*set_text)(ServerOptions* options, std::string_view text) = nullptr;
  Status (*apply)(Server* server, int64_t value, std::string_view text) = nullptr;
  const char* alias = "";  // another name, which the configuration takes for this one
};
std::span<const ServerOption> ServerOptionTable();
std::span<const ServerOption> CollectionOptionTable();  // collection/thresholds.h

// By name, of the server and of all engines: those of other engines than the one that is asked for
// are looked at and left out. What is not named keeps the default of the struct. kInvalid says what
// is wrong.
Result<ServerOptions> ReadOptions(std::span<const OptionText> texts);

}  // namespace cairn
