// What scripts may touch. Debian's Lua has no read-only tables, as Redis's own has, so scripts hold
// an empty table with a metatable (a view) in place of each library and of the globals: reading
// goes on to the real table, writing is refused. What goes around metatables (rawset, next,
// table.insert, setmetatable, ...) is replaced by functions that know views. All views are made
// before any script runs.
#pragma once

#include "script/state.h"

namespace cairn::script {

inline constexpr const char* kReadOnlyText = "Attempt to modify a readonly table";

// The view that is the value at this place, or null.
const View* FindView(lua_State* L, int index);
// Raises if it is one.
void RefuseView(lua_State* L, int index);
// Pops a table and pushes a view of it.
View* PushViewOfTable(lua_State* L);
// Pushes what scripts see of the metatable of a view; nil if nothing.
void PushViewMetatable(lua_State* L, const View& view);

// An __index: there is no such name, which is an error.
int MissingGlobal(lua_State* L);

// Compiles text, whatever its first byte says: bytecode reads as text that is wrong. Nothing of a
// script runs meanwhile, and the chunk's name is kept reachable. The results are those of lua_load.
int LoadText(lua_State* L, std::string_view text, std::string_view chunk_name);

}  // namespace cairn::script
