// Connections, slow log and latency events in the shapes of src/native.ts. Main thread; what has to
// ask the reactors returns a promise.
#pragma once

#include <napi.h>

#include <memory>

#include "addon/data_plane.h"

namespace cairn::addon {

using Plane = std::shared_ptr<DataPlane>;

Napi::Value ListClients(Napi::Env env, const Plane& plane);
Napi::Value KillClients(Napi::Env env, const Plane& plane, const Napi::Object& filter);
Napi::Value UnblockClient(Napi::Env env, const Plane& plane, uint64_t id, bool with_error);
// What reactors count begins anew; kept when all have done so.
Napi::Value ResetCounters(Napi::Env env, const Plane& plane);

Napi::Array SlowlogOf(Napi::Env env, Shared* shared, double count);
Napi::Array LatencyEventsOf(Napi::Env env, Shared* shared);

// What is wrong with lines of users, {name, rules} each; nothing: they are the users from here on.
Napi::Array LoadUsers(Napi::Env env, Server* server, const Napi::Array& lines);

}  // namespace cairn::addon
