#include <bit>
#include <climits>
#include <cmath>

#include "script/msgpack.h"

namespace cairn::script {

namespace {

struct Unpacker {
  lua_State* L;
  std::string_view left;

  [[noreturn]] void Fail(const char* text) {
    luaL_error(L, text);
    __builtin_unreachable();
  }
  // As Lua says it, without a place.
  void FailAsKey(const char* text) {
    lua_pushstring(L, text);
    lua_error(L);
  }
  std::string_view Take(uint64_t bytes) {
    if (left.size() < bytes) Fail("Missing bytes in input.");
    std::string_view taken = left.substr(0, bytes);
    left.remove_prefix(bytes);
    return taken;
  }
  uint64_t Unsigned(int bytes) {
    uint64_t value = 0;
    for (char c : Take(static_cast<uint64_t>(bytes))) {
      value = value << 8 | static_cast<uint8_t>(c);
    }
    return value;
  }

  void Array(uint64_t count, int depth);
  void Map(uint64_t count, int depth);
  bool Number(uint8_t tag);
  void Value(int depth);
};

// Every element takes a byte at least: a length that the input cannot have makes no table.
void Unpacker::Array(uint64_t count, int depth) {
  if (count > left.size()) Fail("Missing bytes in input.");
  if (count > INT_MAX) Fail("Bad data format in input.");
  luaL_checkstack(L, 4, "in function mp_decode_to_lua_array");
  lua_newtable(L);
  for (uint64_t i = 1; i <= count; ++i) {
    Value(depth + 1);
    lua_rawseti(L, -2, static_cast<int>(i));
  }
}

void Unpacker::Map(uint64_t count, int depth) {
  if (count > left.size() / 2) Fail("Missing bytes in input.");
  luaL_checkstack(L, 5, "in function mp_decode_to_lua_hash");
  lua_newtable(L);
  for (uint64_t i = 0; i < count; ++i) {
    Value(depth + 1);
    if (lua_isnil(L, -1)) FailAsKey("table index is nil");
    if (lua_type(L, -1) == LUA_TNUMBER && std::isnan(lua_tonumber(L, -1))) {
      FailAsKey("table index is NaN");
    }
    Value(depth + 1);
    lua_rawset(L, -3);
  }
}

// Numbers with a tag of their own. False: it is none.
bool Unpacker::Number(uint8_t tag) {
  switch (tag) {
    case 0xca:
      lua_pushnumber(L, std::bit_cast<float>(static_cast<uint32_t>(Unsigned(4))));
      return true;
    case 0xcb:
      lua_pushnumber(L, std::bit_cast<double>(Unsigned(8)));
      return true;
    case 0xcc:
    case 0xcd:
    case 0xce:
    case 0xcf:
      lua_pushnumber(L, static_cast<double>(Unsigned(1 << (tag - 0xcc))));
      return true;
    case 0xd0:
      lua_pushnumber(L, static_cast<int8_t>(Unsigned(1)));
      return true;
    case 0xd1:
      lua_pushnumber(L, static_cast<int16_t>(Unsigned(2)));
      return true;
    case 0xd2:
      lua_pushnumber(L, static_cast<int32_t>(Unsigned(4)));
      return true;
    case 0xd3:
      lua_pushnumber(L, static_cast<double>(static_cast<int64_t>(Unsigned(8))));
      return true;
    default:
      return false;
  }
}

// Pushes the next value.
void Unpacker::Value(int depth) {
  if (depth > kUnpackDepthMax) Fail("Bad data format in input.");
  Work(L, StateOf(L), 1);
  auto tag = static_cast<uint8_t>(Unsigned(1));
  if (tag <= 0x7f || tag >= 0xe0) return lua_pushnumber(L, static_cast<int8_t>(tag));
  if (tag <= 0x8f) return Map(tag & 15, depth);
  if (tag <= 0x9f) return Array(tag & 15, depth);
  if (tag <= 0xbf) return PushView(L, Take(tag & 31));
  switch (tag) {
    case 0xc0:
      return lua_pushnil(L);
    case 0xc2:
    case 0xc3:
      return lua_pushboolean(L, tag == 0xc3);
    case 0xd9:
      return PushView(L, Take(Unsigned(1)));
    case 0xda:
      return PushView(L, Take(Unsigned(2)));
    case 0xdb:
      return PushView(L, Take(Unsigned(4)));
    case 0xdc:
      return Array(Unsigned(2), depth);
    case 0xdd:
      return Array(Unsigned(4), depth);
    case 0xde:
      return Map(Unsigned(2), depth);
    case 0xdf:
      return Map(Unsigned(4), depth);
    default:
      if (!Number(tag)) Fail("Bad data format in input.");
  }
}

// `limit` values from `offset` on, 0: all. With a limit or an offset, the first result is where to
// go on, -1 at the end.
int UnpackFull(lua_State* L, int limit, int offset) {
  std::string_view text = CheckView(L, 1);
  if (offset < 0 || limit < 0) {
    return luaL_error(L, "Invalid request to unpack with offset of %d and limit of %d.", offset,
                      static_cast<int>(text.size()));
  }
  if (static_cast<size_t>(offset) > text.size()) {
    return luaL_error(L, "Start offset %d greater than input length %d.", offset,
                      static_cast<int>(text.size()));
  }
  bool all = limit == 0 && offset == 0;
  if (all) limit = INT_MAX;
  Unpacker unpacker{L, text.substr(static_cast<size_t>(offset))};
  int count = 0;
  for (; !unpacker.left.empty() && count < limit; ++count) {
    luaL_checkstack(L, 6,
                    "too many return values at once; use unpack_one or unpack_limit instead.");
    unpacker.Value(1);
  }
  if (all) return count;
  bool ended = unpacker.left.empty();
  lua_pushinteger(L, ended ? -1 : static_cast<lua_Integer>(text.size() - unpacker.left.size()));
  lua_insert(L, 2);
  return count + 1;
}

}  // namespace

int MsgpackUnpack(lua_State* L) {
  lua_settop(L, 1);
  return UnpackFull(L, 0, 0);
}

int MsgpackUnpackOne(lua_State* L) {
  int offset = luaL_optint(L, 2, 0);
  lua_settop(L, 1);
  return UnpackFull(L, 1, offset);
}

int MsgpackUnpackLimit(lua_State* L) {
  int limit = luaL_checkint(L, 2);
  int offset = luaL_optint(L, 3, 0);
  lua_settop(L, 1);
  return UnpackFull(L, limit, offset);
}

}  // namespace cairn::script
