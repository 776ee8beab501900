// cjson: JSON (RFC 8259) with the habits of lua-cjson, so that texts and errors are what scripts
// expect. null is cjson.null, a light userdata; an empty table is an object; decoding takes
// hexadecimal numbers, infinities and NaN unless that is switched off.
//
// Depth is bounded by an option of the script's and, whatever that says, by Lua's limit of stack
// slots in C, which a level takes some of.
#pragma once

#include "script/state.h"

namespace cairn::script {

int JsonEncode(lua_State* L);
int JsonDecode(lua_State* L);

}  // namespace cairn::script
