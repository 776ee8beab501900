// Where the disk's completions arrive. Virtual disks often have one interrupt for all processors.
// What follows a synced write in the kernel (the worker that sends the flush, and the flush's own
// completion) then runs on the processor that takes that interrupt, whoever else is busy there.
#pragma once

#include <string>

#include "base/status.h"

namespace cairn {

inline constexpr int kNoCompletionCpu = -1;

// Writes a few synced blocks to a temporary file in `dir` from two processors in turn and reads
// /proc/interrupts around them: the number of the processor where all completions arrived, or
// kNoCompletionCpu if they come back to whoever wrote (a queue per processor), if there is only one
// processor, or if it cannot be told. Takes some milliseconds; the caller's affinity is not
// touched.
Result<int> FindCompletionCpu(const std::string& dir);

}  // namespace cairn
