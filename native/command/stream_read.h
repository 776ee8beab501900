// Arguments of XREAD and XREADGROUP.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "command/args.h"

namespace cairn {

struct StreamReadArgs {
  int64_t block_ms = -1;  // -1: it does not wait; 0: for as long as it takes
  uint64_t count = UINT64_MAX;
  bool noack = false;
  bool has_group = false;
  std::string_view group;
  std::string_view consumer;
  std::span<const std::string_view> keys;
  std::span<const std::string_view> ids;
};
// False: answered.
bool ParseStreamRead(Call& call, bool by_group, StreamReadArgs* args);

}  // namespace cairn
