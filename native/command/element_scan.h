// Arguments and reply of HSCAN, SSCAN and ZSCAN.
#pragma once

#include <cstdint>
#include <string_view>

#include "command/args.h"
#include "command/gathered.h"

namespace cairn {

struct ElementScan {
  std::string_view pattern = "*";
  bool all = true;  // the pattern matches everything
  uint64_t count = 10;
  bool no_values = false;

  bool Wants(std::string_view element) const;
};

// The cursor, which is looked at before the key is.
bool ScanCursorArg(Call& call, uint64_t* cursor);
// From argv[3] on, which is looked at when the key was found.
bool ParseElementScan(Call& call, ElementScan* scan);
void ReplyElementScan(Call& call, uint64_t cursor, Gathered* gathered);

}  // namespace cairn
