// cjson: the table and its options. Encoding is in json_encode.cc, decoding in json_decode.cc.

#include <climits>

#include "script/json.h"

namespace cairn::script {

namespace {

// Each option function takes at most so many arguments, and answers with what holds now.
void CheckCount(lua_State* L, int most) {
  luaL_argcheck(L, lua_gettop(L) <= most, most + 1, "found too many arguments");
  while (lua_gettop(L) < most) lua_pushnil(L);
}

void TakeInteger(lua_State* L, int index, int least, int most, int* value) {
  if (!lua_isnil(L, index)) {
    double wanted = luaL_checkinteger(L, index);
    if (!(wanted >= least && wanted <= most)) {
      lua_pushfstring(L, "expected integer between %d and %d", least, most);
      luaL_argerror(L, index, lua_tostring(L, -1));
    }
    *value = static_cast<int>(wanted);
  }
  lua_pushinteger(L, *value);
}

void TakeBoolean(lua_State* L, int index, bool* value) {
  if (!lua_isnil(L, index)) {
    static const char* const kNames[] = {"off", "on", nullptr};
    *value = lua_isboolean(L, index) ? lua_toboolean(L, index) != 0
                                     : luaL_checkoption(L, index, nullptr, kNames) == 1;
  }
  lua_pushboolean(L, *value);
}

int SparseArray(lua_State* L) {
  CheckCount(L, 3);
  JsonOptions& options = StateOf(L).json;
  TakeBoolean(L, 1, &options.sparse_convert);
  TakeInteger(L, 2, 0, INT_MAX, &options.sparse_ratio);
  TakeInteger(L, 3, 0, INT_MAX, &options.sparse_safe);
  return 3;
}
int EncodeDepth(lua_State* L) {
  CheckCount(L, 1);
  TakeInteger(L, 1, 1, INT_MAX, &StateOf(L).json.encode_depth_max);
  return 1;
}
int DecodeDepth(lua_State* L) {
  CheckCount(L, 1);
  TakeInteger(L, 1, 1, INT_MAX, &StateOf(L).json.decode_depth_max);
  return 1;
}
int Precision(lua_State* L) {
  CheckCount(L, 1);
  TakeInteger(L, 1, 1, 14, &StateOf(L).json.precision);
  return 1;
}
int KeepBuffer(lua_State* L) {
  CheckCount(L, 1);
  TakeBoolean(L, 1, &StateOf(L).json.keep_buffer);
  return 1;
}
int DecodeInvalid(lua_State* L) {
  CheckCount(L, 1);
  TakeBoolean(L, 1, &StateOf(L).json.decode_invalid);
  return 1;
}

int EncodeInvalid(lua_State* L) {
  using Invalid = JsonOptions::Invalid;
  CheckCount(L, 1);
  Invalid& invalid = StateOf(L).json.encode_invalid;
  if (lua_isboolean(L, 1)) {
    invalid = lua_toboolean(L, 1) ? Invalid::kAllow : Invalid::kRefuse;
  } else if (!lua_isnil(L, 1)) {
    static const char* const kNames[] = {"off", "on", "null", nullptr};
    constexpr Invalid kValues[] = {Invalid::kRefuse, Invalid::kAllow, Invalid::kNull};
    invalid = kValues[luaL_checkoption(L, 1, nullptr, kNames)];
  }
  if (invalid == Invalid::kNull) return lua_pushliteral(L, "null"), 1;
  lua_pushboolean(L, invalid == Invalid::kAllow);
  return 1;
}

}  // namespace

void OpenJson(lua_State* L) {
  PushGlobals(L);
  lua_newtable(L);
  SetField(L, "encode", JsonEncode);
  SetField(L, "decode", JsonDecode);
  SetField(L, "encode_sparse_array", SparseArray);
  SetField(L, "encode_max_depth", EncodeDepth);
  SetField(L, "decode_max_depth", DecodeDepth);
  SetField(L, "encode_number_precision", Precision);
  SetField(L, "encode_keep_buffer", KeepBuffer);
  SetField(L, "encode_invalid_numbers", EncodeInvalid);
  SetField(L, "decode_invalid_numbers", DecodeInvalid);
  lua_pushlightuserdata(L, nullptr);
  lua_setfield(L, -2, "null");
  SetField(L, "_NAME", "cjson");
  SetField(L, "_VERSION", "2.1.0");
  lua_setfield(L, -2, "cjson");
  lua_pop(L, 1);
}

}  // namespace cairn::script
