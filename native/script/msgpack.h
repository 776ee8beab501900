// cmsgpack: MessagePack (the specification at msgpack.org, without binary strings and extension
// types) as Redis's scripts know it: a table is an array if its keys are 1..n and a map otherwise,
// a whole number is an integer, what has no form is nil.
#pragma once

#include "script/state.h"

namespace cairn::script {

// What is packed deeper becomes nil; what is unpacked deeper is refused.
inline constexpr int kPackDepthMax = 16;
inline constexpr int kUnpackDepthMax = 1000;

int MsgpackPack(lua_State* L);
int MsgpackUnpack(lua_State* L);
int MsgpackUnpackOne(lua_State* L);
int MsgpackUnpackLimit(lua_State* L);

}  // namespace cairn::script
