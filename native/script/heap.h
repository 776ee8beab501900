// The memory of a machine: one allocator with a budget, and a collector that hurries before the
// budget is used up.
#pragma once

#include "script/state.h"

namespace cairn::script {

// lua_Alloc; `data` is the State.
void* Allocate(void* data, void* block, size_t old_bytes, size_t new_bytes);

// The pace at which a run begins.
void ResetCollector(State& state);

// lua_cpcall for what should work also when a script has used the budget up: the entry has a
// reserve. It is enough for what changes fields that are there. A new string may need more, for the
// table of all strings may be due to grow: false.
[[nodiscard]] bool Enter(State& state, lua_CFunction entry, void* data);

// A whole round.
void CollectGarbage(State& state);

}  // namespace cairn::script
