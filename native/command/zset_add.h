// Adding to a sorted set, for ZADD and what is made of it: ZINCRBY, GEOADD.
#pragma once

#include <cstddef>

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

// The i-th element of those that the arguments from `first` on say. False: answered.
using ReadElement = bool (*)(Call& call, size_t first, size_t i, ZsetValue::Element* element);

// Adds so many elements, in order, and replies.
void AddAndReply(Call& call, size_t first, size_t elements, ReadElement read,
                 const AddRules& rules);

}  // namespace cairn
