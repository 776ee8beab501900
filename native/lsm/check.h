// Verifies a data directory of this engine offline.
#pragma once

#include <string>

#include "base/status.h"
#include "engine/check_report.h"

namespace cairn {
class Disk;
}

namespace cairn::lsm {

// Checksums of all files, structure of every key and value, counts and expiry index against the
// keys. Changes nothing but a lock. Logs that were not flushed are read into memory. For `cairn
// check`. now_ms: wall time, by which keys have expired.
Result<CheckReport> CheckDirectory(const std::string& dir, Disk* disk, uint64_t now_ms);

}  // namespace cairn::lsm
