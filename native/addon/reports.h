// What recovery and `cairn check` found, in the shapes of src/native.ts (RecoveryReport,
// CheckReport). Main thread, except CheckDirectory, which blocks and belongs on a pool thread.
#pragma once

#include <napi.h>

#include <string>
#include <vector>

#include "engine/engine.h"

namespace cairn::addon {

Napi::Object ReportOf(Napi::Env env, const RecoveryReport& report);

struct CheckFindings {
  uint64_t lanes = 0;
  uint64_t segments = 0;
  uint64_t records = 0;
  uint64_t live_keys = 0;
  uint64_t bytes = 0;
  uint64_t live_bytes = 0;
  uint64_t millis = 0;
  std::vector<TornTail> torn_tails;
  std::vector<TornTail> damaged;
};
Status CheckDirectory(const std::string& dir, CheckFindings* findings);
Napi::Object ReportOf(Napi::Env env, const CheckFindings& findings);

// "FILE at offset N: REASON" taken apart. A line of another shape becomes the reason.
TornTail FindingOf(const std::string& line);

}  // namespace cairn::addon
