// Verifies a data directory of this engine offline.
#pragma once

#include <cstdint>
#include <string>

#include "base/clock.h"
#include "base/status.h"
#include "engine/check_report.h"

namespace cairn {

class Disk;

// Verifies a data directory offline, every record's checksum included, and changes nothing in it.
// To know the newest record of every key it builds the index that a server would build: that, and
// read windows of at most 64 MiB, is the memory it takes. For `cairn check`. now_ms: wall time, by
// which keys have expired.
Result<CheckReport> CheckVlogDirectory(const std::string& dir, Disk* disk,
                                       uint64_t now_ms = WallMillis());

// Damage as it is told in texts (RecoveryReport::damage, messages of kCorruption), taken apart:
// "FILE at offset N: REASON". A text of another form becomes the reason.
CheckFinding DamageFinding(const std::string& text);

}  // namespace cairn
