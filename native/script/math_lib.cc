// math.random and math.randomseed: the same numbers on every machine for the same seed, those of
// lrand48 in POSIX, as in Redis. os has clock alone.

#include <cmath>

#include "script/state.h"

namespace cairn::script {

namespace {

constexpr uint64_t kMultiplier = 0x5deece66d;
constexpr uint64_t kIncrement = 0xb;
constexpr uint64_t kMask = (uint64_t{1} << 48) - 1;
constexpr double kRandomMax = 2147483647.0;

int Random(lua_State* L) {
  State& state = StateOf(L);
  state.random = (state.random * kMultiplier + kIncrement) & kMask;
  auto draw = static_cast<uint32_t>(state.random >> 17);
  double part = static_cast<double>(draw % 2147483647u) / kRandomMax;  // 0 <= part < 1
  int arguments = lua_gettop(L);
  if (arguments == 0) return lua_pushnumber(L, part), 1;
  if (arguments > 2) return luaL_error(L, "wrong number of arguments");
  double low = arguments == 1 ? 1 : luaL_checkint(L, 1);
  double high = luaL_checkint(L, arguments);
  luaL_argcheck(L, low <= high, arguments, "interval is empty");
  lua_pushnumber(L, std::floor(part * (high - low + 1)) + low);
  return 1;
}

int RandomSeed(lua_State* L) {
  SeedRandom(StateOf(L), luaL_checkint(L, 1));
  return 0;
}

int Clock(lua_State* L) {
  State& state = StateOf(L);
  lua_pushnumber(L, state.host == nullptr ? 0 : state.host->Clock());
  return 1;
}

}  // namespace

void SeedRandom(State& state, int32_t seed) {
  state.random = uint64_t{static_cast<uint32_t>(seed)} << 16 | 0x330e;
}

void ReplaceMath(lua_State* L) {
  PushGlobals(L);
  lua_getfield(L, -1, LUA_MATHLIBNAME);
  SetField(L, "random", Random);
  SetField(L, "randomseed", RandomSeed);
  lua_pop(L, 1);
  lua_newtable(L);
  SetField(L, "clock", Clock);
  lua_setfield(L, -2, "os");
  lua_pop(L, 1);
}

}  // namespace cairn::script
