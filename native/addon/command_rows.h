// The command table in the shape that src/native.ts gives it (CommandRow), both ways. Main thread.
#pragma once

#include <napi.h>

#include "command/registry.h"

namespace cairn::addon {

// Native rows with their documentation; subcommands inside their container.
Napi::Array RowsOf(Napi::Env env, const Registry& registry);
// Adds TypeScript's rows to the table. Before the reactors run.
void AddRows(Registry* registry, const std::string& parent, const Napi::Array& rows);

}  // namespace cairn::addon
