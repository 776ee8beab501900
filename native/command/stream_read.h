// Arguments of XREAD and XREADGROUP.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

#include "command/args.h"
#include "command/blocking.h"

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

// There is nothing to read: waits, if it was asked to and may, or answers so.
void WaitForStreams(Call& call, const StreamReadArgs& args, bool when_gone);

}  // namespace cairn
