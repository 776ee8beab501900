// Loads the shared object with the lsm engine, when somebody asks for that engine.
#pragma once

#include <string>

#include "base/status.h"
#include "lsm/module.h"

namespace cairn {

// The folder that the code of this function was loaded from: the module is there, too.
std::string OwnFolder();

// Loads it on the first call, from `folder`; it then stays. An error says what to install or to
// build. Blocks: reads files. Thread-safe.
Result<const lsm::Module*> LoadLsmModule(const std::string& folder);

// For an operator: why `path` could not be loaded, given what dlopen(3) said.
std::string DescribeLoadError(const std::string& path, const std::string& error);

}  // namespace cairn
