#include <cmath>
#include <cstdio>

#include "base/text.h"
#include "script/json.h"

namespace cairn::script {

namespace {

void EncodeValue(lua_State* L, State& state, int depth);

[[noreturn]] void Refuse(lua_State* L, int index, const char* reason) {
  luaL_error(L, "Cannot serialise %s: %s", luaL_typename(L, index), reason);
  __builtin_unreachable();
}

// What the byte takes in a text.
size_t EncodedBytes(char c) {
  switch (c) {
    case '"':
    case '\\':
    case '/':
    case '\b':
    case '\t':
    case '\n':
    case '\f':
    case '\r':
      return 2;
    default:
      return static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? 6 : 1;
  }
}

void EncodeText(lua_State* L, State& state, std::string_view text) {
  size_t bytes = 2;
  for (char c : text) bytes += EncodedBytes(c);
  Work(L, state, bytes / 8);
  RequireScratch(L, state, bytes);
  std::string& out = state.scratch;
  out += '"';
  for (char c : text) {
    switch (c) {
      case '"':
      case '\\':
      case '/':
        out += '\\', out += c;
        break;
      case '\b':
        out += "\\b";
        break;
      case '\t':
        out += "\\t";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\f':
        out += "\\f";
        break;
      case '\r':
        out += "\\r";
        break;
      default:
        if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) {
          out += "\\u00";
          out += kHexDigits[c >> 4], out += kHexDigits[c & 15];
        } else {
          out += c;
        }
    }
  }
  out += '"';
}

void EncodeNumber(lua_State* L, State& state, int index) {
  using Invalid = JsonOptions::Invalid;
  double number = lua_tonumber(L, index);
  if (std::isnan(number) || std::isinf(number)) {
    if (state.json.encode_invalid == Invalid::kRefuse) {
      Refuse(L, index, "must not be NaN or Inf");
    }
    if (state.json.encode_invalid == Invalid::kNull) return AddScratch(L, state, "null");
    if (std::isnan(number)) return AddScratch(L, state, "nan");
  }
  char text[32];
  int bytes = std::snprintf(text, sizeof(text), "%.*g", state.json.precision, number);
  AddScratch(L, state, {text, static_cast<size_t>(bytes)});
}

// Up to which index the table on top is an array; -1: it is none.
int ArrayLength(lua_State* L, State& state) {
  const JsonOptions& options = state.json;
  double last = 0;
  double items = 0;
  TimedWork work;
  lua_pushnil(L);
  while (lua_next(L, -2) != 0) {
    double key = lua_type(L, -2) == LUA_TNUMBER ? lua_tonumber(L, -2) : 0;
    if (!(key >= 1 && key <= INT32_MAX && std::floor(key) == key)) {
      lua_pop(L, 2);
      return -1;
    }
    last = std::max(last, key);
    ++items;
    lua_pop(L, 1);
  }
  work.Count(L, state);
  // Mostly holes: writing them all would take no end.
  if (options.sparse_ratio > 0 && last > items * options.sparse_ratio &&
      last > options.sparse_safe) {
    if (!options.sparse_convert) Refuse(L, -1, "excessively sparse array");
    return -1;
  }
  return static_cast<int>(last);
}

void EncodeArray(lua_State* L, State& state, int length, int depth) {
  AddScratch(L, state, "[");
  for (int i = 1; i <= length; ++i) {
    if (i > 1) AddScratch(L, state, ",");
    lua_rawgeti(L, -1, i);
    EncodeValue(L, state, depth);
    lua_pop(L, 1);
  }
  AddScratch(L, state, "]");
}

void EncodeObject(lua_State* L, State& state, int depth) {
  AddScratch(L, state, "{");
  bool first = true;
  lua_pushnil(L);
  while (lua_next(L, -2) != 0) {
    if (!first) AddScratch(L, state, ",");
    first = false;
    switch (lua_type(L, -2)) {
      case LUA_TNUMBER:
        AddScratch(L, state, "\"");
        EncodeNumber(L, state, -2);
        AddScratch(L, state, "\":");
        break;
      case LUA_TSTRING:
        EncodeText(L, state, ToView(L, -2));
        AddScratch(L, state, ":");
        break;
      default:
        Refuse(L, -2, "table key must be a number or string");
    }
    EncodeValue(L, state, depth);
    lua_pop(L, 1);
  }
  AddScratch(L, state, "}");
}

void EncodeTable(lua_State* L, State& state, int depth) {
  if (depth > state.json.encode_depth_max || !lua_checkstack(L, 4)) {
    luaL_error(L, "Cannot serialise, excessive nesting (%d)", depth);
  }
  int length = ArrayLength(L, state);
  length > 0 ? EncodeArray(L, state, length, depth) : EncodeObject(L, state, depth);
}

// The value on top, which stays.
void EncodeValue(lua_State* L, State& state, int depth) {
  Work(L, state, 1);
  switch (lua_type(L, -1)) {
    case LUA_TSTRING:
      return EncodeText(L, state, ToView(L, -1));
    case LUA_TNUMBER:
      return EncodeNumber(L, state, -1);
    case LUA_TBOOLEAN:
      return AddScratch(L, state, lua_toboolean(L, -1) ? "true" : "false");
    case LUA_TTABLE:
      return EncodeTable(L, state, depth + 1);
    case LUA_TNIL:
      return AddScratch(L, state, "null");
    case LUA_TLIGHTUSERDATA:
      if (lua_touserdata(L, -1) == nullptr) return AddScratch(L, state, "null");
      [[fallthrough]];
    default:
      Refuse(L, -1, "type not supported");
  }
}

}  // namespace

int JsonEncode(lua_State* L) {
  luaL_argcheck(L, lua_gettop(L) == 1, 1, "expected 1 argument");
  State& state = StateOf(L);
  state.scratch.clear();
  EncodeValue(L, state, 0);
  return PushScratch(L, state);
}

}  // namespace cairn::script
