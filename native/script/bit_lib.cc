// bit: operations on 32 bits, with results as signed numbers. A number counts modulo 2^32, rounded
// to the nearest integer.

#include <bit>

#include "script/state.h"

namespace cairn::script {

namespace {

uint32_t Bits(lua_State* L, int index) {
  // 1.5 * 2^52: behind this sum the low bits of the mantissa are the number.
  double shifted = luaL_checknumber(L, index) + 6755399441055744.0;
  return static_cast<uint32_t>(std::bit_cast<uint64_t>(shifted));
}

int Return(lua_State* L, uint32_t bits) {
  lua_pushnumber(L, static_cast<int32_t>(bits));
  return 1;
}

int ToBit(lua_State* L) { return Return(L, Bits(L, 1)); }
int Not(lua_State* L) { return Return(L, ~Bits(L, 1)); }
int Swap(lua_State* L) { return Return(L, __builtin_bswap32(Bits(L, 1))); }

int And(lua_State* L) {
  uint32_t bits = Bits(L, 1);
  for (int i = lua_gettop(L); i > 1; --i) bits &= Bits(L, i);
  return Return(L, bits);
}
int Or(lua_State* L) {
  uint32_t bits = Bits(L, 1);
  for (int i = lua_gettop(L); i > 1; --i) bits |= Bits(L, i);
  return Return(L, bits);
}
int Xor(lua_State* L) {
  uint32_t bits = Bits(L, 1);
  for (int i = lua_gettop(L); i > 1; --i) bits ^= Bits(L, i);
  return Return(L, bits);
}

int ShiftLeft(lua_State* L) {
  uint32_t bits = Bits(L, 1);
  return Return(L, bits << (Bits(L, 2) & 31));
}
int ShiftRight(lua_State* L) {
  uint32_t bits = Bits(L, 1);
  return Return(L, bits >> (Bits(L, 2) & 31));
}
int ShiftRightSigned(lua_State* L) {
  uint32_t bits = Bits(L, 1);
  return Return(L, static_cast<uint32_t>(static_cast<int32_t>(bits) >> (Bits(L, 2) & 31)));
}
int RotateLeft(lua_State* L) {
  uint32_t bits = Bits(L, 1);
  return Return(L, std::rotl(bits, static_cast<int>(Bits(L, 2) & 31)));
}
int RotateRight(lua_State* L) {
  uint32_t bits = Bits(L, 1);
  return Return(L, std::rotr(bits, static_cast<int>(Bits(L, 2) & 31)));
}

// Digits: 8 at most; negative: in upper case.
int ToHex(lua_State* L) {
  uint32_t bits = Bits(L, 1);
  int32_t wanted = lua_isnone(L, 2) ? 8 : static_cast<int32_t>(Bits(L, 2));
  const char* digits = wanted < 0 ? "0123456789ABCDEF" : "0123456789abcdef";
  uint32_t count = wanted < 0 ? 0u - static_cast<uint32_t>(wanted) : static_cast<uint32_t>(wanted);
  if (count > 8) count = 8;
  char text[8];
  for (uint32_t i = count; i-- > 0; bits >>= 4) text[i] = digits[bits & 15];
  PushView(L, {text, count});
  return 1;
}

}  // namespace

void OpenBit(lua_State* L) {
  PushGlobals(L);
  lua_newtable(L);
  SetField(L, "tobit", ToBit);
  SetField(L, "bnot", Not);
  SetField(L, "band", And);
  SetField(L, "bor", Or);
  SetField(L, "bxor", Xor);
  SetField(L, "lshift", ShiftLeft);
  SetField(L, "rshift", ShiftRight);
  SetField(L, "arshift", ShiftRightSigned);
  SetField(L, "rol", RotateLeft);
  SetField(L, "ror", RotateRight);
  SetField(L, "bswap", Swap);
  SetField(L, "tohex", ToHex);
  lua_setfield(L, -2, "bit");
  lua_pop(L, 1);
}

}  // namespace cairn::script
