// Error texts of SORT, DUMP and RESTORE of collections; see errors.h. Texts equal Redis's, byte for
// byte, but for those that are ours.
#pragma once

#include <string_view>

#include "resp/errors.h"

namespace cairn::errors {

inline constexpr std::string_view kSortNotFloat =
    "ERR One or more scores can't be converted into double";
inline constexpr std::string_view kNoDumpOfType =
    "ERR DUMP of a value of this type is not supported yet";  // ours
inline constexpr std::string_view kNoRestoreOfType =
    "ERR The payload holds a value of a type that this server does not restore";  // ours

}  // namespace cairn::errors
