// Errors of a run: what they are on the way out, and what they say then.
#pragma once

#include "script/state.h"

namespace cairn::script {

// The handler of a run's errors (lua_pcall): makes them tables with `err`, `source` and `line`.
int OnError(lua_State* L);

// state.error becomes the text of the error on top, code first; `label` is what the script goes by,
// empty: its place is not told. *counted: a command has counted it.
void TakeError(lua_State* L, std::string_view label, bool* counted);

// Whether the value on top is the error of a command, which has counted it.
bool IsCountedError(lua_State* L);

// The same for a run that was stopped.
void TakeKill(State& state, std::string_view label);

}  // namespace cairn::script
