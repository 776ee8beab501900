#include "script/sandbox.h"

namespace cairn::script {

namespace {

// Of Lua's own. What is not here does not exist: dofile, loadfile, print, collectgarbage, gcinfo,
// newproxy, getfenv, setfenv, require, module, package, io, os, debug.
constexpr const char* kBaseNames[] = {
    "assert",   "error",    "getmetatable", "ipairs", "load",   "loadstring", "next",
    "pairs",    "pcall",    "rawequal",     "rawget", "rawset", "select",     "setmetatable",
    "tostring", "tonumber", "type",         "unpack", "xpcall", "_VERSION",
};

struct Library {
  const char* name;
  lua_CFunction open;
};
constexpr Library kLibraries[] = {
    {LUA_TABLIBNAME, luaopen_table},
    {LUA_STRLIBNAME, luaopen_string},
    {LUA_MATHLIBNAME, luaopen_math},
};

int RefuseWrite(lua_State* L) { return luaL_error(L, kReadOnlyText); }

// Replaces the table in globals[name] by a view of it. The globals are on top.
void ProtectLibrary(lua_State* L, const char* name) {
  lua_getfield(L, -1, name);
  PushViewOfTable(L);
  lua_setfield(L, -2, name);
}

void OpenLibraries(lua_State* L) {
  lua_pushcclosure(L, luaopen_base, 0);  // with coroutine
  lua_pushliteral(L, "");
  lua_call(L, 1, 0);
  for (const Library& library : kLibraries) {
    lua_pushcclosure(L, library.open, 0);
    lua_pushstring(L, library.name);
    lua_call(L, 1, 0);
  }
}

// Pushes a new table with what is allowed of the globals that Lua's libraries have made.
void PushAllowed(lua_State* L) {
  lua_newtable(L);
  for (const char* name : kBaseNames) {
    lua_getfield(L, LUA_GLOBALSINDEX, name);
    lua_setfield(L, -2, name);
  }
  for (const char* name : {LUA_TABLIBNAME, LUA_STRLIBNAME, LUA_MATHLIBNAME, LUA_COLIBNAME}) {
    lua_getfield(L, LUA_GLOBALSINDEX, name);
    lua_setfield(L, -2, name);
  }
}

// The metatable that all strings share: scripts see a view of it, and through it one of `string`.
void ProtectStrings(lua_State* L) {
  State& state = StateOf(L);
  lua_newtable(L);
  PushGlobals(L);
  lua_getfield(L, -1, LUA_STRLIBNAME);
  lua_remove(L, -2);
  lua_setfield(L, -2, "__index");
  PushViewOfTable(L);
  state.string_metatable = luaL_ref(L, LUA_REGISTRYINDEX);
}

// Of the globals, which is what scripts reach first: chunks have it as their environment.
void ProtectGlobals(lua_State* L) {
  PushGlobals(L);
  lua_newtable(L);
  SetField(L, "__index", MissingGlobal);
  lua_pushvalue(L, -1);
  lua_setmetatable(L, -3);
  PushViewOfTable(L);
  int metatable = luaL_ref(L, LUA_REGISTRYINDEX);
  View* view = PushViewOfTable(L);
  view->metatable = metatable;
  PushGlobals(L);
  lua_pushvalue(L, -2);
  lua_setfield(L, -2, "_G");
  lua_pop(L, 1);
  lua_replace(L, LUA_GLOBALSINDEX);
}

struct Source {
  std::string_view text;
  int step = 0;
};

const char* NextPiece(lua_State*, void* data, size_t* bytes) {
  auto* source = static_cast<Source*>(data);
  int step = source->step++;
  // Lua takes for bytecode what begins with a certain byte; this begins with a blank.
  if (step == 0) return *bytes = 1, " ";
  if (step == 1 && !source->text.empty()) {
    *bytes = source->text.size();
    return source->text.data();
  }
  *bytes = 0;
  return nullptr;
}

}  // namespace

int MissingGlobal(lua_State* L) {
  const char* name = lua_tostring(L, 2);
  return luaL_error(L, "Script attempted to access nonexistent global variable '%s'",
                    name == nullptr ? "?" : name);
}

const View* FindView(lua_State* L, int index) {
  if (!lua_istable(L, index)) return nullptr;
  const State& state = StateOf(L);
  const void* table = lua_topointer(L, index);
  for (int i = 0; i < state.view_count; ++i) {
    if (state.views[i].table == table) return &state.views[i];
  }
  return nullptr;
}

void RefuseView(lua_State* L, int index) {
  if (FindView(L, index) == nullptr) return;
  lua_pushstring(L, kReadOnlyText);  // without a place, as in Redis
  lua_error(L);
}

View* PushViewOfTable(lua_State* L) {
  State& state = StateOf(L);
  CAIRN_CHECK(state.view_count < State::kViewsMax);
  lua_newtable(L);
  lua_newtable(L);
  lua_pushvalue(L, -3);
  lua_setfield(L, -2, "__index");
  SetField(L, "__newindex", RefuseWrite);
  lua_pushboolean(L, 0);
  lua_setfield(L, -2, "__metatable");
  lua_setmetatable(L, -2);
  View& view = state.views[state.view_count++];
  view.table = lua_topointer(L, -1);
  lua_pushvalue(L, -2);
  view.real = luaL_ref(L, LUA_REGISTRYINDEX);
  lua_pushvalue(L, -1);
  view.shown = luaL_ref(L, LUA_REGISTRYINDEX);
  lua_remove(L, -2);
  return &view;
}

void PushViewMetatable(lua_State* L, const View& view) {
  if (view.metatable == LUA_NOREF) return lua_pushnil(L);
  lua_rawgeti(L, LUA_REGISTRYINDEX, view.metatable);
}

int LoadText(lua_State* L, std::string_view text, std::string_view chunk_name) {
  if (text.size() > Vm::kScriptBytesMax) {
    lua_pushliteral(L, "chunk is too long");
    return LUA_ERRSYNTAX;
  }
  // Lua 5.1 does not mark the name while it parses. It is the same string as this one, which stays
  // on the stack.
  PushView(L, chunk_name.substr(0, chunk_name.find('\0')));
  Source source{text};
  int status = lua_load(L, NextPiece, &source, lua_tostring(L, -1));
  lua_remove(L, -2);
  return status;
}

void OpenSandbox(lua_State* L) {
  State& state = StateOf(L);
  OpenLibraries(L);
  PushAllowed(L);
  state.globals = luaL_ref(L, LUA_REGISTRYINDEX);
  lua_newtable(L);
  state.scripts = luaL_ref(L, LUA_REGISTRYINDEX);
  ReplaceBase(L);
  ReplaceText(L);
  ReplacePatterns(L);
  ReplaceMath(L);
  OpenJson(L);
  OpenPack(L);
  OpenStruct(L);
  OpenBit(L);
  OpenRedis(L);
  PushGlobals(L);
  for (const char* name :
       {"string", "table", "math", "coroutine", "os", "cjson", "cmsgpack", "struct", "bit"}) {
    ProtectLibrary(L, name);
  }
  lua_pop(L, 1);
  ProtectStrings(L);
  ProtectGlobals(L);
  // luaL_register keeps what it opened there.
  lua_pushnil(L);
  lua_setfield(L, LUA_REGISTRYINDEX, "_LOADED");
}

}  // namespace cairn::script
