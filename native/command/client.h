// Per-connection state that commands may see and change. Owned by one reactor; only its thread
// touches it.
#pragma once

#include <cstdint>
#include <string>

namespace cairn {

struct Client {
  uint64_t id = 0;
  uint16_t db = 0;
  uint8_t resp = 2;
  bool authenticated = false;
  bool no_evict = false;
  bool no_touch = false;
  std::string name;
  std::string lib_name;
  std::string lib_version;
};

}  // namespace cairn
