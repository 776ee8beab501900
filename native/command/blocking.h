// What handlers of commands that wait for keys share (BLPOP, BZPOPMIN ...); see txn/waiters.h and
// Txn::WaitFor. Such a handler
//
//   looks only at keys that are Awake (in the pass of somebody who writes, others are not latched);
//   calls NeedLatch for keys beside those that it waits for;
//   asks to wait only if it has written nothing, answered nothing, and MayWait.
//
// Inline leaves for native/command only.
#pragma once

#include <cmath>
#include <cstdint>
#include <string_view>

#include "base/number.h"
#include "command/args.h"

namespace cairn {

// Seconds to wait, as a decimal number; *deadline_ms is 0 for ever.
inline bool DeadlineArg(Call& call, std::string_view arg, uint64_t* deadline_ms) {
  long double seconds = 0;
  if (!ParseLongDouble(arg, &seconds)) return Refuse(call, errors::kTimeoutNotFloat);
  const long double ms = ceill(seconds * 1000);
  constexpr auto kMost = static_cast<long double>(INT64_MAX);
  if (seconds * 1000 > kMost) return Refuse(call, errors::kTimeoutRange);
  if (ms < 0) return Refuse(call, errors::kTimeoutNegative);
  const auto wait = ms >= kMost ? INT64_MAX : static_cast<int64_t>(ms);
  const auto now = static_cast<int64_t>(call.txn.now_ms());
  if (wait > INT64_MAX - now) return Refuse(call, errors::kTimeoutRange);
  *deadline_ms = wait == 0 ? 0 : static_cast<uint64_t>(now + wait);
  return true;
}

}  // namespace cairn
