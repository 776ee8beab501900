#include <bit>
#include <cmath>

#include "script/msgpack.h"

namespace cairn::script {

namespace {

struct Packer {
  lua_State* L;
  State& state;

  void Byte(uint8_t byte) { state.scratch += static_cast<char>(byte); }
  // The tag, then the low bytes of the value, the highest first.
  void Tagged(uint8_t tag, uint64_t value, int bytes) {
    RequireScratch(L, state, 9);
    Byte(tag);
    for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) {
      Byte(static_cast<uint8_t>(value >> shift));
    }
  }

  void Text(std::string_view text);
  void Integer(int64_t value);
  void Number(double value);
  void Length(uint64_t count, uint8_t few, uint8_t tag);
  bool IsArray(uint64_t* count);
  void Table(int depth);
  void Value(int depth);
};

void Packer::Text(std::string_view text) {
  uint64_t bytes = text.size();
  if (bytes < 32) {
    Tagged(static_cast<uint8_t>(0xa0 | bytes), 0, 0);
  } else if (bytes <= 0xff) {
    Tagged(0xd9, bytes, 1);
  } else if (bytes <= 0xffff) {
    Tagged(0xda, bytes, 2);
  } else {
    Tagged(0xdb, bytes, 4);
  }
  WorkOnBytes(L, state, text.size());
  AddScratch(L, state, text);
}

void Packer::Integer(int64_t value) {
  auto bits = static_cast<uint64_t>(value);
  if (value >= 0) {
    if (bits <= 0x7f) return Tagged(static_cast<uint8_t>(bits), 0, 0);
    if (bits <= 0xff) return Tagged(0xcc, bits, 1);
    if (bits <= 0xffff) return Tagged(0xcd, bits, 2);
    if (bits <= 0xffffffff) return Tagged(0xce, bits, 4);
    return Tagged(0xcf, bits, 8);
  }
  if (value >= -32) return Tagged(static_cast<uint8_t>(bits), 0, 0);
  if (value >= INT8_MIN) return Tagged(0xd0, bits, 1);
  if (value >= INT16_MIN) return Tagged(0xd1, bits, 2);
  if (value >= INT32_MIN) return Tagged(0xd2, bits, 4);
  Tagged(0xd3, bits, 8);
}

void Packer::Number(double value) {
  if (value >= -9223372036854775808.0 && value < 9223372036854775808.0 &&
      std::trunc(value) == value) {
    return Integer(static_cast<int64_t>(value));
  }
  // Only what a float can hold at all is tried as one: beyond, the conversion means nothing.
  bool fits = !std::isfinite(value) || std::fabs(value) <= 3.4028234663852886e38;
  if (fits && static_cast<double>(static_cast<float>(value)) == value) {
    return Tagged(0xca, std::bit_cast<uint32_t>(static_cast<float>(value)), 4);
  }
  Tagged(0xcb, std::bit_cast<uint64_t>(value), 8);
}

// `few` holds counts up to 15 in its low bits; `tag` has two bytes behind it, the next one four.
void Packer::Length(uint64_t count, uint8_t few, uint8_t tag) {
  if (count <= 15) return Tagged(static_cast<uint8_t>(few | count), 0, 0);
  if (count <= 0xffff) return Tagged(tag, count, 2);
  Tagged(static_cast<uint8_t>(tag + 1), count, 4);
}

// Whether the keys of the table on top are 1..n; *count: how many there are.
bool Packer::IsArray(uint64_t* count) {
  double last = 0;
  bool array = true;
  TimedWork work;
  *count = 0;
  lua_pushnil(L);
  while (lua_next(L, -2) != 0) {
    lua_pop(L, 1);
    ++*count;
    double key = lua_type(L, -1) == LUA_TNUMBER ? lua_tonumber(L, -1) : 0;
    if (!(key >= 1 && key <= INT32_MAX && std::floor(key) == key)) array = false;
    last = std::max(last, key);
  }
  work.Count(L, state);
  return array && last == static_cast<double>(*count);
}

void Packer::Table(int depth) {
  luaL_checkstack(L, 5, "in function table_is_an_array");
  uint64_t count = 0;
  if (IsArray(&count)) {
    Length(count, 0x90, 0xdc);
    for (uint64_t i = 1; i <= count; ++i) {
      lua_rawgeti(L, -1, static_cast<int>(i));
      Value(depth + 1);
    }
    return;
  }
  Length(count, 0x80, 0xde);
  lua_pushnil(L);
  while (lua_next(L, -2) != 0) {
    lua_pushvalue(L, -2);
    Value(depth + 1);
    Value(depth + 1);
  }
}

// Packs the value on top and pops it.
void Packer::Value(int depth) {
  Work(L, state, 1);
  switch (lua_type(L, -1)) {
    case LUA_TSTRING:
      Text(ToView(L, -1));
      break;
    case LUA_TBOOLEAN:
      Tagged(lua_toboolean(L, -1) ? 0xc3 : 0xc2, 0, 0);
      break;
    case LUA_TNUMBER:
      Number(lua_tonumber(L, -1));
      break;
    case LUA_TTABLE:
      if (depth < kPackDepthMax) {
        Table(depth);
        break;
      }
      [[fallthrough]];
    default:
      Tagged(0xc0, 0, 0);
  }
  lua_pop(L, 1);
}

}  // namespace

int MsgpackPack(lua_State* L) {
  int count = lua_gettop(L);
  if (count == 0) return luaL_argerror(L, 0, "MessagePack pack needs input.");
  luaL_checkstack(L, 4, "Too many arguments for MessagePack pack.");
  State& state = StateOf(L);
  state.scratch.clear();
  Packer packer{L, state};
  for (int i = 1; i <= count; ++i) {
    lua_pushvalue(L, i);
    packer.Value(0);
  }
  return PushScratch(L, state);
}

void OpenPack(lua_State* L) {
  PushGlobals(L);
  lua_newtable(L);
  SetField(L, "pack", MsgpackPack);
  SetField(L, "unpack", MsgpackUnpack);
  SetField(L, "unpack_one", MsgpackUnpackOne);
  SetField(L, "unpack_limit", MsgpackUnpackLimit);
  SetField(L, "_NAME", "cmsgpack");
  SetField(L, "_VERSION", "lua-cmsgpack 0.4.0");
  lua_setfield(L, -2, "cmsgpack");
  lua_pop(L, 1);
}

}  // namespace cairn::script
