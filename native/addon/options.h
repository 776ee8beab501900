// The options of src/native.ts: every option by its name and as a text, as in the configuration
// file, at creation and when it changes; and the table of them all. Main thread.
#pragma once

#include <napi.h>

#include <string>

#include "server/server.h"

namespace cairn::addon {

// Rows of OptionTableRow in src/native.ts.
Napi::Array OptionTableOf(Napi::Env env);
// An object whose fields are options. Throws with the reason when a value is none.
ServerOptions OptionsOf(const Napi::Object& object);
// EngineNeeds in src/native.ts.
Napi::Object NeedsOf(const Napi::Object& object);

// One changed option. The engine is open.
void ApplyRuntime(Server* server, Napi::Env env, const std::string& name, const std::string& value);

}  // namespace cairn::addon
