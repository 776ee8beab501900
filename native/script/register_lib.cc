// redis.register_function: a name and a function, or one table with named arguments.

#include "script/convert.h"
#include "script/shebang.h"

namespace cairn::script {

namespace {

// Indices of the arguments on the stack; 0: not given.
struct Given {
  int name = 0;
  int callback = 0;
  int description = 0;
  uint32_t flags = 0;
};

uint32_t ReadFlags(lua_State* L, int table) {
  uint32_t flags = 0;
  for (int i = 1;; ++i) {  // ends: a table of Lua is finite
    lua_rawgeti(L, table, i);
    if (lua_isnil(L, -1)) break;
    uint32_t flag = lua_type(L, -1) == LUA_TSTRING ? FlagOf(ToView(L, -1)) : 0;
    if (flag == 0) RaiseError(L, "unknown flag given");
    flags |= flag;
    lua_pop(L, 1);
  }
  lua_pop(L, 1);
  return flags;
}

// One pair of the table: the value lies at `value`, and stays there.
void ReadNamed(lua_State* L, std::string_view key, int value, Given* given) {
  if (key == "function_name") {
    if (!lua_isstring(L, value)) {
      RaiseError(L, "function_name argument given to redis.register_function must be a string");
    }
    given->name = value;
  } else if (key == "description") {
    if (!lua_isstring(L, value)) {
      RaiseError(L, "description argument given to redis.register_function must be a string");
    }
    given->description = value;
  } else if (key == "callback") {
    if (!lua_isfunction(L, value)) {
      RaiseError(L, "callback argument given to redis.register_function must be a function");
    }
    given->callback = value;
  } else if (key == "flags") {
    if (!lua_istable(L, value)) {
      RaiseError(L,
                 "flags argument to redis.register_function must be a table representing function "
                 "flags");
    }
    given->flags = ReadFlags(L, value);
  } else {
    RaiseError(L, "unknown argument given to redis.register_function");
  }
}

Given ReadTable(lua_State* L) {
  if (!lua_istable(L, 1)) {
    RaiseError(L,
               "calling redis.register_function with a single argument is only applicable to Lua "
               "table (representing named arguments).");
  }
  Given given;
  lua_pushnil(L);
  while (lua_next(L, 1) != 0) {
    if (!lua_isstring(L, -2)) {
      RaiseError(L, "named argument key given to redis.register_function is not a string");
    }
    luaL_checkstack(L, 4, "too many arguments");  // four at most before one is refused
    // A number must stay one, for lua_next.
    std::string_view key = lua_type(L, -2) == LUA_TSTRING ? ToView(L, -2) : std::string_view();
    ReadNamed(L, key, lua_gettop(L), &given);
    lua_pushvalue(L, -2);
  }
  if (given.name == 0) RaiseError(L, "redis.register_function must get a function name argument");
  if (given.callback == 0) RaiseError(L, "redis.register_function must get a callback argument");
  return given;
}

Given ReadPair(lua_State* L) {
  if (!lua_isstring(L, 1)) {
    RaiseError(L, "first argument to redis.register_function must be a string");
  }
  if (!lua_isfunction(L, 2)) {
    RaiseError(L, "second argument to redis.register_function must be a function");
  }
  return {.name = 1, .callback = 2};
}

bool Known(const State& state, std::string_view name) {
  for (const RegisteredFunction& function : state.registered) {
    if (function.name == name) return true;
  }
  return false;
}

// Not left by a jump.
void Note(State& state, std::string_view name, const std::string_view* description, uint32_t flags,
          int callback) {
  RegisteredFunction& function = state.registered.emplace_back();
  function.name = name;
  if (description != nullptr) {
    function.description = *description;
    function.has_description = true;
  }
  function.flags = flags;
  function.callback = callback;
}

int RegisterFunction(lua_State* L) {
  State& state = StateOf(L);
  int count = lua_gettop(L);
  if (!state.loading) {
    RaiseError(L, "redis.register_function can only be called on FUNCTION LOAD command");
  }
  if (count < 1 || count > 2) {
    RaiseError(L, "wrong number of arguments to redis.register_function");
  }
  Given given = count == 1 ? ReadTable(L) : ReadPair(L);
  std::string_view name = ToView(L, given.name);
  if (!IsLibraryName(name)) {
    RaiseError(L,
               "Library names can only contain letters, numbers, or underscores(_) and must be at "
               "least one character long");
  }
  if (Known(state, name)) RaiseError(L, "Function already exists in the library");
  if (state.registered.size() >= Vm::kFunctionsMax) {
    RaiseError(L, "too many functions in the library");
  }
  std::string_view description;
  if (given.description != 0) description = ToView(L, given.description);
  lua_pushvalue(L, given.callback);
  int callback = luaL_ref(L, LUA_REGISTRYINDEX);
  Note(state, name, given.description != 0 ? &description : nullptr, given.flags, callback);
  return 0;
}

}  // namespace

void PushRegisterFunction(lua_State* L) { lua_pushcclosure(L, RegisterFunction, 0); }

}  // namespace cairn::script
