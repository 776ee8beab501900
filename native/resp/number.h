// Numbers and patterns in arguments and replies.
#pragma once

#include "base/number.h"  // IWYU pragma: export
#include "resp/glob.h"    // IWYU pragma: export
