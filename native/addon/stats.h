// Figures in the shapes of src/native.ts: NativeCounters, NativeStats, LatencyHistogram. Main
// thread.
#pragma once

#include <napi.h>

#include "addon/data_plane.h"

namespace cairn::addon {

Napi::Object CountersOf(Napi::Env env, DataPlane* plane);
// The state of checkpoints alone: cheap.
Napi::Object CheckpointOf(Napi::Env env, const SaveStats& stats);
Napi::Object StatsOf(Napi::Env env, DataPlane* plane);

Napi::Array HistogramsOf(Napi::Env env, DataPlane* plane);
// Without names: of all commands.

}  // namespace cairn::addon
