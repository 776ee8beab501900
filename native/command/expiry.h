// Times to live as commands give them: relative or absolute, in seconds or milliseconds. Pure
// functions.
#pragma once

#include <cstdint>
#include <string_view>

#include "command/command.h"

namespace cairn {

enum class TimeForm : uint8_t { kNone, kSeconds, kMillis, kAtSeconds, kAtMillis };

inline bool IsSeconds(TimeForm form) {
  return form == TimeForm::kSeconds || form == TimeForm::kAtSeconds;
}
inline bool IsAbsolute(TimeForm form) {
  return form == TimeForm::kAtSeconds || form == TimeForm::kAtMillis;
}

// An amount as wall-clock milliseconds. False: beyond 64 bits. The result may lie in the past, also
// before the epoch.
bool ToWallMillis(int64_t amount, TimeForm form, uint64_t now_ms, int64_t* at_ms);

// For SET, GETEX and their kin, where zero and negative amounts are errors. Answers the client when
// it returns false.
bool PositiveTimeArg(Call& call, std::string_view arg, TimeForm form, std::string_view command,
                     uint64_t* at_ms);

}  // namespace cairn
