#include "script/run_error.h"

#include "script/sandbox.h"

namespace cairn::script {

namespace {

// An error that is no table: Redis shows that much of it.
constexpr size_t kPlainErrorBytes = 100;

// Pushes what tostring would say of a value at the bottom that is no table.
void PushText(lua_State* L) {
  switch (lua_type(L, 1)) {
    case LUA_TSTRING:
    case LUA_TNUMBER:
      lua_pushvalue(L, 1);
      lua_tostring(L, -1);
      return;
    case LUA_TBOOLEAN:
      lua_pushstring(L, lua_toboolean(L, 1) ? "true" : "false");
      return;
    case LUA_TNIL:
      lua_pushliteral(L, "nil");
      return;
    default:
      lua_pushfstring(L, "%s: %p", luaL_typename(L, 1), lua_topointer(L, 1));
  }
}

// What of an error table is text or number, else an empty view. What it is stays on the stack.
std::string_view ErrorField(lua_State* L, int table, const char* name) {
  lua_pushstring(L, name);
  lua_rawget(L, table);
  return lua_isstring(L, -1) ? ToView(L, -1) : std::string_view();
}

}  // namespace

int OnError(lua_State* L) {
  if (StateOf(L).doom != Doom::kNone) return 1;
  lua_settop(L, 1);
  lua_Debug place;
  bool known = lua_getstack(L, 1, &place) && lua_getinfo(L, "Sl", &place) != 0;
  if (known && std::string_view(place.what) == "C") {
    known = lua_getstack(L, 2, &place) && lua_getinfo(L, "Sl", &place) != 0;
  }
  if (!lua_istable(L, 1) || FindView(L, 1) != nullptr) {
    lua_createtable(L, 0, 3);
    lua_pushliteral(L, "ERR ");
    PushText(L);
    lua_concat(L, 2);
    lua_setfield(L, -2, "err");
    lua_replace(L, 1);
  }
  if (known) {
    lua_pushliteral(L, "source");
    lua_pushstring(L, place.source);
    lua_rawset(L, 1);
    lua_pushliteral(L, "line");
    lua_pushnumber(L, place.currentline);
    lua_rawset(L, 1);
  }
  return 1;
}

void TakeError(lua_State* L, std::string_view label, bool* counted) {
  State& state = StateOf(L);
  int top = lua_gettop(L);
  if (!lua_istable(L, top)) {
    std::string_view text = lua_isstring(L, top) ? ToView(L, top) : "execution failure";
    state.error.assign("ERR Error running script ").append(label).append(", ");
    state.error.append(text.substr(0, kPlainErrorBytes));
    return;
  }
  std::string_view text = UpToNul(ErrorField(L, top, "err"));
  std::string_view source = ErrorField(L, top, "source");
  std::string_view line = ErrorField(L, top, "line");
  state.error.assign(text.data() == nullptr ? "ERR the script raised a table without a text"
                                            : text);
  if (!label.empty() && !source.empty() && !line.empty()) {
    state.error.append(" script: ").append(label).append(", on ");
    state.error.append(source).append(":").append(line).append(".");
  }
  lua_pushliteral(L, "ignore_error_stats_update");
  lua_rawget(L, top);
  *counted = lua_toboolean(L, -1);
  lua_settop(L, top);
}

bool IsCountedError(lua_State* L) {
  if (!lua_istable(L, -1) || !lua_checkstack(L, 2)) return false;
  const int table = lua_gettop(L);
  bool counted = !ErrorField(L, table, "err").empty();
  if (counted) {
    lua_pushliteral(L, "ignore_error_stats_update");
    lua_rawget(L, table);
    counted = lua_toboolean(L, -1);
  }
  lua_settop(L, table);
  return counted;
}

void TakeKill(State& state, std::string_view label) {
  state.error.assign("ERR ").append(state.kill_text).append(" script: ").append(label);
  state.error.append(", on ").append(state.killed_source).append(":");
  state.error.append(std::to_string(state.killed_line)).append(".");
}

}  // namespace cairn::script
