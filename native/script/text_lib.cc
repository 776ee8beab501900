// What of string and table would take too long in one call that the hook does not see.

#include <climits>

#include "script/sandbox.h"

namespace cairn::script {

namespace {

// What table.insert may move beyond what the table has.
constexpr int64_t kInsertSlack = 1024;
// A sort of so many is over in a moment, whatever they are.
constexpr size_t kPlainSortMax = 1000;

int Repeat(lua_State* L) {
  std::string_view text = CheckView(L, 1);
  int64_t times = luaL_checkint(L, 2);
  if (times <= 0 || text.empty()) return lua_pushliteral(L, ""), 1;
  State& state = StateOf(L);
  if (state.bytes_max / static_cast<size_t>(times) < text.size()) {
    return luaL_error(L, "not enough memory");
  }
  size_t bytes = text.size() * static_cast<size_t>(times);
  state.scratch.clear();
  RequireScratch(L, state, bytes);
  WorkOnBytes(L, state, bytes);
  for (int64_t i = 0; i < times; ++i) state.scratch.append(text);
  return PushScratch(L, state);
}

int Insert(lua_State* L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  RefuseView(L, 1);
  int64_t length = static_cast<int64_t>(lua_objlen(L, 1));
  int64_t at = length + 1;
  if (at >= INT_MAX) return luaL_error(L, "table overflow");
  int top = lua_gettop(L);
  if (top != 2 && top != 3) return luaL_error(L, "wrong number of arguments to 'insert'");
  if (top == 3) {
    at = luaL_checkint(L, 2);
    int64_t last = std::max(at, length + 1);
    if (last - at > length + kInsertSlack) return luaL_error(L, "position out of bounds");
    Work(L, StateOf(L), static_cast<uint64_t>(std::max<int64_t>(last - at, 0)));
    for (int64_t i = last; i > at; --i) {
      lua_rawgeti(L, 1, static_cast<int>(i - 1));
      lua_rawseti(L, 1, static_cast<int>(i));
    }
  }
  lua_settop(L, top);
  lua_rawseti(L, 1, static_cast<int>(at));
  return 0;
}

int Remove(lua_State* L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  const auto length = static_cast<int>(std::min<size_t>(lua_objlen(L, 1), INT_MAX));
  const int at = luaL_optint(L, 2, length);
  if (at < 1 || at > length) return 0;
  RefuseView(L, 1);
  Work(L, StateOf(L), static_cast<uint64_t>(length - at));
  lua_rawgeti(L, 1, at);
  for (int i = at; i < length; ++i) {
    lua_rawgeti(L, 1, i + 1);
    lua_rawseti(L, 1, i);
  }
  lua_pushnil(L);
  lua_rawseti(L, 1, length);
  return 1;
}

// Of Lua's own functions that make a text, or go through all of a table. Upvalue: Lua's own.
int MakeText(lua_State* L) {
  int results = lua_tocfunction(L, lua_upvalueindex(1))(L);
  if (lua_type(L, -1) == LUA_TSTRING) WorkOnBytes(L, StateOf(L), lua_objlen(L, -1));
  return results;
}
int OnTable(lua_State* L) {
  if (lua_istable(L, 1)) Work(L, StateOf(L), lua_objlen(L, 1));
  return lua_tocfunction(L, lua_upvalueindex(1))(L);
}
int OnTableSlots(lua_State* L) {
  TimedWork work;
  int results = lua_tocfunction(L, lua_upvalueindex(1))(L);
  work.Count(L, StateOf(L));
  return results;
}

// Puts `counted` around a function of the library on top.
void Count(lua_State* L, const char* name, lua_CFunction counted) {
  lua_getfield(L, -1, name);
  lua_pushcclosure(L, counted, 1);
  lua_setfield(L, -2, name);
}

// Without a function of the script's, the hook would not see a sort that degenerates; the order
// stays that of Lua's own, which scripts may count on.
int CountedLess(lua_State* L) {
  if (++StateOf(L).steps >= Vm::kTickInstructions) Spend(L);
  lua_pushboolean(L, lua_lessthan(L, 1, 2));
  return 1;
}

// Upvalue: Lua's own.
int Sort(lua_State* L) {
  luaL_checktype(L, 1, LUA_TTABLE);
  if (lua_isnoneornil(L, 2) && lua_objlen(L, 1) > kPlainSortMax) {
    lua_settop(L, 1);
    lua_pushcclosure(L, CountedLess, 0);
  }
  return lua_tocfunction(L, lua_upvalueindex(1))(L);  // in this frame, for its error texts
}

}  // namespace

void ReplaceText(lua_State* L) {
  PushGlobals(L);
  lua_getfield(L, -1, LUA_STRLIBNAME);
  SetField(L, "rep", Repeat);
  for (const char* name : {"upper", "lower", "reverse", "sub", "format"}) {
    Count(L, name, MakeText);
  }
  lua_pushnil(L);
  lua_setfield(L, -2, "dump");  // nobody could load it
  lua_pop(L, 1);
  lua_getfield(L, -1, LUA_TABLIBNAME);
  SetField(L, "insert", Insert);
  SetField(L, "remove", Remove);
  Count(L, "sort", Sort);
  Count(L, "concat", OnTable);
  Count(L, "maxn", OnTableSlots);
  lua_pop(L, 2);
}

}  // namespace cairn::script
