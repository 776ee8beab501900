// What is found when a data directory is verified offline (`cairn check`).
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace cairn {

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
  std::string engine;
  uint32_t lanes = 0;        // of vlog
  uint32_t segments = 0;     // files with records
  uint32_t checkpoints = 0;  // that are whole
  uint64_t records = 0;
  uint64_t bytes = 0;  // of those records
  // What a start at this moment would find: expired keys do not count, though their records may
  // still be in the log. Where there is damage: what a start with salvage would find.
  uint64_t live_keys = 0;
  uint64_t live_bytes = 0;       // of their keys and values
  uint64_t live_pages = 0;       // of spaces (engine/spaces.h), likewise
  uint64_t live_page_bytes = 0;  // of their images
  uint64_t dropped_spaces = 0;   // that a start would go on to remove; their pages do not count
  std::vector<CheckFinding> findings;

  uint64_t Count(CheckFinding::Kind kind) const {
    uint64_t count = 0;
    for (const CheckFinding& finding : findings) count += finding.kind == kind ? 1 : 0;
    return count;
  }
};

}  // namespace cairn
