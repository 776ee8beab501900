// The functions of Lua's base library, and of coroutine, that have to know more here than they do:
// views (sandbox.h), errors that nobody may keep, and ranges.

#include <climits>

#include "script/sandbox.h"

namespace cairn::script {

namespace {

int GetMetatable(lua_State* L) {
  luaL_checkany(L, 1);
  if (const View* view = FindView(L, 1)) {
    PushViewMetatable(L, *view);
    return 1;
  }
  if (lua_type(L, 1) == LUA_TSTRING) {
    lua_rawgeti(L, LUA_REGISTRYINDEX, StateOf(L).string_metatable);
    return 1;
  }
  if (!lua_getmetatable(L, 1)) return lua_pushnil(L), 1;
  if (!luaL_getmetafield(L, 1, "__metatable")) return 1;
  return 1;
}

int SetMetatable(lua_State* L) {
  int type = lua_type(L, 2);
  luaL_checktype(L, 1, LUA_TTABLE);
  luaL_argcheck(L, type == LUA_TNIL || type == LUA_TTABLE, 2, "nil or table expected");
  RefuseView(L, 1);
  if (luaL_getmetafield(L, 1, "__metatable")) {
    return luaL_error(L, "cannot change a protected metatable");
  }
  lua_settop(L, 2);
  lua_setmetatable(L, 1);
  return 1;
}

int RawGet(lua_State* L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  luaL_checkany(L, 2);
  lua_settop(L, 2);
  if (const View* view = FindView(L, 1)) {
    lua_rawgeti(L, LUA_REGISTRYINDEX, view->real);
    lua_replace(L, 1);
  }
  lua_rawget(L, 1);
  return 1;
}

int RawSet(lua_State* L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  luaL_checkany(L, 2);
  luaL_checkany(L, 3);
  RefuseView(L, 1);
  lua_settop(L, 3);
  lua_rawset(L, 1);
  return 1;
}

int Next(lua_State* L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_settop(L, 2);
  if (const View* view = FindView(L, 1)) {
    lua_rawgeti(L, LUA_REGISTRYINDEX, view->real);
    lua_replace(L, 1);
  }
  TimedWork work;
  int more = lua_next(L, 1);
  work.Count(L, StateOf(L));
  if (more) return 2;
  lua_pushnil(L);
  return 1;
}

int Pairs(lua_State* L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_pushvalue(L, 1);
  lua_pushnil(L);
  return 3;
}

// Raises what no catcher keeps, behind a protected call.
void PassDoomOn(lua_State* L) {
  if (StateOf(L).doom != Doom::kNone) RaiseDoom(L);
}

// The error of a command is a table with `err`; a script that catches it sees the text alone, as
// before there were such tables.
void FlattenError(lua_State* L) {
  if (!lua_istable(L, -1)) return;
  lua_pushliteral(L, "err");
  lua_rawget(L, -2);
  if (lua_isstring(L, -1)) {
    lua_replace(L, -2);
  } else {
    lua_pop(L, 1);
  }
}

int ProtectedCall(lua_State* L) {
  luaL_checkany(L, 1);
  int status = lua_pcall(L, lua_gettop(L) - 1, LUA_MULTRET, 0);
  PassDoomOn(L);
  if (status != 0) FlattenError(L);
  if (!lua_checkstack(L, 1)) return luaL_error(L, "stack overflow");
  lua_pushboolean(L, status == 0);
  lua_insert(L, 1);
  return lua_gettop(L);
}

// The handler of xpcall: the script's one, unless the run is at its end.
int GuardedHandler(lua_State* L) {
  if (StateOf(L).doom != Doom::kNone) return 1;
  lua_settop(L, 1);
  lua_pushvalue(L, lua_upvalueindex(1));
  lua_insert(L, 1);
  lua_call(L, 1, 1);
  return 1;
}

int ProtectedCallWithHandler(lua_State* L) {
  luaL_checkany(L, 2);
  lua_settop(L, 2);
  lua_pushcclosure(L, GuardedHandler, 1);
  lua_insert(L, 1);
  int status = lua_pcall(L, 0, LUA_MULTRET, 1);
  PassDoomOn(L);
  lua_pushboolean(L, status == 0);
  lua_replace(L, 1);
  return lua_gettop(L);
}

// A coroutine has a hook with a count of its own, which begins anew: many short ones would never be
// seen. Upvalue: Lua's own `create` or `wrap`.
int MakeCoroutine(lua_State* L) {
  constexpr uint64_t kSteps = 100;
  Work(L, StateOf(L), kSteps);
  return lua_tocfunction(L, lua_upvalueindex(1))(L);
}

// Upvalue: Lua's own.
int Resume(lua_State* L) {
  int results = lua_tocfunction(L, lua_upvalueindex(1))(L);
  PassDoomOn(L);
  return results;
}

int Loaded(lua_State* L, int status) {
  if (status == 0) return 1;
  lua_pushnil(L);
  lua_insert(L, -2);
  return 2;
}

int LoadString(lua_State* L) {
  std::string_view text = CheckView(L, 1);
  std::string_view name = luaL_optstring(L, 2, text.data());
  return Loaded(L, LoadText(L, text, name));
}

// All pieces first, so that nothing of the script runs while the parser does.
int Load(lua_State* L) {
  luaL_checktype(L, 1, LUA_TFUNCTION);
  std::string_view name = luaL_optstring(L, 2, "=(load)");
  lua_settop(L, 2);
  lua_newtable(L);
  size_t bytes = 0;
  for (int pieces = 1;; ++pieces) {
    lua_pushvalue(L, 1);
    int status = lua_pcall(L, 0, 1, 0);
    PassDoomOn(L);
    if (status != 0) return Loaded(L, status);
    if (lua_isnil(L, -1)) break;
    if (!lua_isstring(L, -1)) {
      lua_pushliteral(L, "reader function must return a string");
      return Loaded(L, LUA_ERRRUN);
    }
    size_t piece = ToView(L, -1).size();
    bytes += piece;
    if (piece == 0) break;
    if (bytes > Vm::kScriptBytesMax || pieces == INT_MAX) {
      lua_pushliteral(L, "chunk is too long");
      return Loaded(L, LUA_ERRSYNTAX);
    }
    lua_rawseti(L, 3, pieces);
  }
  lua_settop(L, 3);
  State& state = StateOf(L);
  state.scratch.clear();
  int pieces = static_cast<int>(lua_objlen(L, 3));
  for (int i = 1; i <= pieces; ++i) {
    lua_rawgeti(L, 3, i);
    AddScratch(L, state, ToView(L, -1));
    lua_pop(L, 1);
  }
  PushScratch(L, state);
  return Loaded(L, LoadText(L, ToView(L, -1), name));
}

int Unpack(lua_State* L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  int64_t first = luaL_optint(L, 2, 1);
  int64_t last = lua_isnoneornil(L, 3) ? static_cast<int64_t>(lua_objlen(L, 1))
                                       : static_cast<int64_t>(luaL_checkint(L, 3));
  if (first > last) return 0;
  int64_t count = last - first + 1;
  if (count >= INT_MAX || !lua_checkstack(L, static_cast<int>(count))) {
    return luaL_error(L, "too many results to unpack");
  }
  for (int64_t i = first; i <= last; ++i) lua_rawgeti(L, 1, static_cast<int>(i));
  return static_cast<int>(count);
}

}  // namespace

void ReplaceBase(lua_State* L) {
  PushGlobals(L);
  SetField(L, "getmetatable", GetMetatable);
  SetField(L, "setmetatable", SetMetatable);
  SetField(L, "rawget", RawGet);
  SetField(L, "rawset", RawSet);
  SetField(L, "next", Next);
  lua_getfield(L, -1, "next");
  lua_pushcclosure(L, Pairs, 1);
  lua_setfield(L, -2, "pairs");
  SetField(L, "pcall", ProtectedCall);
  SetField(L, "xpcall", ProtectedCallWithHandler);
  SetField(L, "load", Load);
  SetField(L, "loadstring", LoadString);
  SetField(L, "unpack", Unpack);
  lua_getfield(L, -1, LUA_COLIBNAME);
  lua_getfield(L, -1, "resume");
  lua_pushcclosure(L, Resume, 1);
  lua_setfield(L, -2, "resume");
  for (const char* name : {"create", "wrap"}) {
    lua_getfield(L, -1, name);
    lua_pushcclosure(L, MakeCoroutine, 1);
    lua_setfield(L, -2, name);
  }
  lua_pop(L, 2);
}

}  // namespace cairn::script
