// The engines that there are, by the names that the option `engine` knows them by.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/status.h"
#include "engine/check_report.h"
#include "engine/engine.h"

namespace cairn {

// kInvalid: there is no such engine, or not in this build; the message says what to do. May load a
// shared object: blocks.
Result<std::unique_ptr<Engine>> NewEngine(std::string_view name);

// kInvalid: the directory holds the data of another engine; the message says how to move it.
// Blocks: looks at files.
Status CheckOwner(std::string_view name, const std::string& dir);

// What an engine needs of the machine; of options that ReadOptions has looked at.
struct EngineNeeds {
  // Memory for what is on its way to disk, beside cache and keys, under load.
  uint64_t buffer_bytes = 0;
  std::string buffers;  // for an operator: "rings (...)"
  // Disk space that it leaves free whatever min-free-bytes says.
  uint64_t free_bytes_min = 0;
  std::string reserved_by;  // the options by which it reserves space ahead; empty: it does not
};
EngineNeeds NeedsOf(std::string_view name, const EngineOptions& options);

// Verifies a data directory offline, whichever engine it is of; see vlog/check.h and lsm/check.h.
Result<CheckReport> CheckDirectory(const std::string& dir, Disk* disk);

}  // namespace cairn
