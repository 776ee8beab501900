// The engines that there are, by the names that the option `engine` knows them by.
#pragma once

#include <memory>
#include <string_view>

#include "base/status.h"
#include "engine/engine.h"

namespace cairn {

// kInvalid: there is no such engine, or not in this build; the message says what to do. May load a
// shared object: blocks.
Result<std::unique_ptr<Engine>> NewEngine(std::string_view name);

}  // namespace cairn
