// Adding to a sorted set, for ZADD and what is made of it: ZINCRBY, GEOADD.
#pragma once

#include <span>
#include <string_view>

#include "command/zset_args.h"

namespace cairn {

// The options of ZADD.
struct AddRules {
  bool only_new = false;       // NX
  bool only_present = false;   // XX
  bool only_greater = false;   // GT
  bool only_less = false;      // LT
  bool count_changed = false;  // CH
  bool increment = false;      // INCR: a single element
};

// Adds the elements, in order, and replies.
void AddAndReply(Call& call, std::string_view key, std::span<const ZsetValue::Element> elements,
                 const AddRules& rules);

}  // namespace cairn
