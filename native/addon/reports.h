// What recovery and `cairn check` found, in the shapes of src/native.ts (RecoveryReport,
// CheckReport). Main thread, except CheckDirectory, which blocks and belongs on a pool thread.
#pragma once

#include <napi.h>

#include <string>

#include "engine/engine.h"
#include "vlog/check.h"

namespace cairn::addon {

Napi::Object ReportOf(Napi::Env env, const RecoveryReport& report);

struct CheckFindings {
  CheckReport report;
  uint64_t millis = 0;
};
Status CheckDirectory(const std::string& dir, CheckFindings* findings);
Napi::Object ReportOf(Napi::Env env, const CheckFindings& findings);

}  // namespace cairn::addon
