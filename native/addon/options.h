// The options of src/native.ts: NativeOptions at creation, NativeRuntimeOptions while the server
// runs. Main thread. A value that is out of range throws an error that names the option as in the
// configuration file.
#pragma once

#include <napi.h>

#include <string>

#include "server/server.h"

namespace cairn::addon {

// Rows of { field, option, min, max }: what each number may be.
Napi::Array OptionRanges(Napi::Env env);
ServerOptions OptionsOf(const Napi::Object& object);

// All run-time options of a new server that its engine does not get through OptionsOf.
void ApplyInitial(Server* server, const Napi::Object& object);

// One changed option. The engine is open.
void ApplyRuntime(Server* server, Napi::Env env, const std::string& name, const Napi::Value& value);

}  // namespace cairn::addon
