// What an engine found when it was opened.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace cairn {

struct TornTail {
  std::string file;
  uint64_t offset = 0;  // first byte cut
  std::string reason;
};

struct RecoveryReport {
  uint64_t keys = 0;
  uint64_t records = 0;
  uint64_t bytes = 0;
  uint32_t segments = 0;
  uint64_t millis = 0;
  std::vector<TornTail> torn_tails;
  std::vector<std::string> damage;   // with salvage: what was dropped, file and offset each
  uint64_t checkpoint_keys = 0;      // of `keys`: known from a checkpoint, before the log was read
  std::vector<std::string> notices;  // what an operator must hear of, although nothing is lost
  std::vector<std::string> remarks;  // what is good to know: sentences, too
};

}  // namespace cairn
