// Verifies a data directory of this engine offline.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/status.h"

namespace cairn {

class Disk;

struct CheckFinding {
  enum class Kind : uint8_t {
    kDamaged,
    kTornTail,  // what a crash leaves; the next start cuts it
  };
  Kind kind = Kind::kDamaged;
  std::string file;
  uint64_t offset = 0;
  std::string reason;
};

struct CheckReport {
  uint32_t lanes = 0;
  uint32_t segments = 0;
  uint32_t checkpoints = 0;  // that are whole
  uint64_t records = 0;
  uint64_t bytes = 0;  // of those records
  // What a start at this moment would find: expired keys do not count, though their records may
  // still be in the log. Where there is damage: what a start with salvage would find.
  uint64_t live_keys = 0;
  uint64_t live_bytes = 0;  // of their keys and values
  std::vector<CheckFinding> findings;

  uint64_t Count(CheckFinding::Kind kind) const {
    uint64_t count = 0;
    for (const CheckFinding& finding : findings) count += finding.kind == kind ? 1 : 0;
    return count;
  }
};

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
