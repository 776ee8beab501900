// What an engine is told when it is opened.
#pragma once

#include <atomic>
#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/slot.h"
#include "engine/limits.h"
#include "engine/option_row.h"

namespace cairn {

enum class FsyncPolicy : uint8_t { kEverySecond, kAlways, kNo };  // as in the row of appendfsync

struct OptionText {
  std::string name;  // as in the configuration file
  std::string value;
};

struct EngineOptions {
  std::string dir;
  uint32_t reactors = 1;
  uint32_t databases = 16;
  uint64_t cache_bytes = 0;
  FsyncPolicy fsync = FsyncPolicy::kAlways;
  bool salvage = false;         // go on past damage: report it, drop what cannot be read
  uint64_t min_free_bytes = 0;  // of the file system; below, writes are refused
  // Of the engine itself, by its own rows. What is not named keeps its default.
  std::vector<OptionText> own;
  bool any_value = false;  // for tests: whatever the ranges of the rows say
  // Open gives up with kBusy soon after it turns true, and leaves a directory as a crash would.
  const std::atomic<bool>* stop = nullptr;
};

// The rows of what every engine has.
std::span<const BoundOption<EngineOptions>> CommonOptions();

}  // namespace cairn
