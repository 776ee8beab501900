// struct: C structures as strings, in the format language of Roberto Ierusalimschy's library.
//
//   < >  little, big endian      ! [n]  align to what a field has, n at most
//   b B h H l L T i[n] I[n]      integers, signed and not, of 1, 2, 8, 8 (T), and n bytes (4)
//   f d  float, double           x  a byte of padding
//   s  ends with a zero          c[n]  n bytes (1); c0: as many as the value has, or, unpacking,
//                                      as the integer before it says
//
// Sizes are bounded before anything is added to them: a field by kIntegerBytesMax or INT_MAX.

#include <bit>
#include <cctype>
#include <climits>

#include "script/state.h"

namespace cairn::script {

namespace {

constexpr int kIntegerBytesMax = 32;
constexpr int kAlignDefault = 8;  // of `!` without a number

struct Format {
  lua_State* L;
  const char* at;  // ends with a NUL
  bool little = true;
  int align = 1;

  int Number(int otherwise);
  size_t Size(char option);
  size_t Padding(size_t from, char option, size_t size) const;
  void Control(char option);
};

int Format::Number(int otherwise) {
  if (!isdigit(static_cast<unsigned char>(*at))) return otherwise;
  int value = 0;
  for (; isdigit(static_cast<unsigned char>(*at)); ++at) {
    int digit = *at - '0';
    if (value > INT_MAX / 10 || value * 10 > INT_MAX - digit) {
      luaL_error(L, "integral size overflow");
    }
    value = value * 10 + digit;
  }
  return value;
}

// Of the field of this option; 0: it has none, or none of its own.
size_t Format::Size(char option) {
  switch (option) {
    case 'b':
    case 'B':
    case 'x':
      return 1;
    case 'h':
    case 'H':
      return 2;
    case 'f':
      return 4;
    case 'l':
    case 'L':
    case 'T':
    case 'd':
      return 8;
    case 'c':
      return static_cast<size_t>(Number(1));
    case 'i':
    case 'I': {
      int bytes = Number(4);
      if (bytes > kIntegerBytesMax) {
        luaL_error(L, "integral size %d is larger than limit of %d", bytes, kIntegerBytesMax);
      }
      return static_cast<size_t>(bytes);
    }
    default:
      return 0;
  }
}

size_t Format::Padding(size_t from, char option, size_t size) const {
  if (size == 0 || option == 'c') return 0;
  size = std::min(size, static_cast<size_t>(align));
  return (size - (from & (size - 1))) & (size - 1);
}

// An option that has no field.
void Format::Control(char option) {
  switch (option) {
    case ' ':
      return;
    case '>':
      little = false;
      return;
    case '<':
      little = true;
      return;
    case '!': {
      int wanted = Number(kAlignDefault);
      if (!std::has_single_bit(static_cast<unsigned>(wanted))) {
        luaL_error(L, "alignment %d is not a power of 2", wanted);
      }
      align = wanted;
      return;
    }
    default:
      lua_pushfstring(L, "invalid format option '%c'", option);
      luaL_argerror(L, 1, lua_tostring(L, -1));
  }
}

bool IsInteger(char option) {
  return std::string_view("bBhHlLTiI").find(option) != std::string_view::npos;
}

uint64_t WholeBits(double number) {
  // As a conversion does on this processor, without its undefined cases.
  if (number >= -9223372036854775808.0 && number < 9223372036854775808.0) {
    return static_cast<uint64_t>(static_cast<int64_t>(number));
  }
  if (number >= 9223372036854775808.0 && number < 18446744073709551616.0) {
    return static_cast<uint64_t>(number);
  }
  return uint64_t{1} << 63;
}

void PutInteger(State& state, double number, size_t bytes, bool little) {
  char text[kIntegerBytesMax] = {};
  uint64_t bits = WholeBits(number);
  for (size_t i = 0; i < bytes; ++i, bits >>= 8) {
    text[little ? i : bytes - 1 - i] = static_cast<char>(bits);
  }
  state.scratch.append(text, bytes);
}

void PutBits(State& state, uint64_t bits, size_t bytes, bool little) {
  for (size_t i = 0; i < bytes; ++i) {
    size_t shift = 8 * (little ? i : bytes - 1 - i);
    state.scratch += static_cast<char>(bits >> shift);
  }
}

uint64_t GetBits(std::string_view text, bool little) {
  uint64_t bits = 0;
  for (size_t i = 0; i < text.size(); ++i) {
    bits = bits << 8 | static_cast<uint8_t>(text[little ? text.size() - 1 - i : i]);
  }
  return bits;
}

double GetInteger(std::string_view text, bool little, bool is_signed) {
  uint64_t bits = GetBits(text, little);
  if (!is_signed) return static_cast<double>(bits);
  size_t used = 8 * text.size();
  if (used > 0 && used < 64 && (bits >> (used - 1) & 1) != 0) bits |= ~uint64_t{0} << used;
  return static_cast<double>(static_cast<int64_t>(bits));
}

// The text of argument `index` for `s` and `c`.
void PutText(lua_State* L, State& state, char option, size_t size, int index) {
  std::string_view text = CheckView(L, index);
  if (option == 'c' && size == 0) size = text.size();
  if (option == 's') size = text.size();
  luaL_argcheck(L, text.size() >= size, index + 1, "string too short");  // as Redis counts
  AddScratch(L, state, text.substr(0, size));
  if (option == 's') AddScratch(L, state, {"", 1});
}

int Pack(lua_State* L) {
  State& state = StateOf(L);
  Format format{L, luaL_checkstring(L, 1)};
  lua_pushnil(L);  // for one argument too few
  state.scratch.clear();
  int argument = 2;
  while (*format.at != 0) {
    char option = *format.at++;
    size_t size = format.Size(option);
    size_t padding = format.Padding(state.scratch.size(), option, size);
    RequireScratch(L, state, padding + kIntegerBytesMax);
    state.scratch.append(padding, '\0');
    if (IsInteger(option)) {
      PutInteger(state, luaL_checknumber(L, argument++), size, format.little);
      continue;
    }
    switch (option) {
      case 'x':
        state.scratch += '\0';
        break;
      case 'f': {
        double number = luaL_checknumber(L, argument++);
        PutBits(state, std::bit_cast<uint32_t>(static_cast<float>(number)), 4, format.little);
        break;
      }
      case 'd':
        PutBits(state, std::bit_cast<uint64_t>(luaL_checknumber(L, argument++)), 8, format.little);
        break;
      case 's':
      case 'c':
        PutText(L, state, option, size, argument++);
        break;
      default:
        format.Control(option);
    }
  }
  return PushScratch(L, state);
}

// How many bytes `c0` has, which the value before says. It is popped.
size_t TakeLength(lua_State* L, int* results) {
  if (*results == 0 || !lua_isnumber(L, -1)) {
    luaL_error(L, "format 'c0' needs a previous size");
  }
  double length = lua_tonumber(L, -1);
  lua_pop(L, 1);
  --*results;
  return length >= 0 && length <= 9007199254740992.0 ? static_cast<size_t>(length) : SIZE_MAX;
}

// Pushes the field at `at`, which has `size` bytes; where it says so itself, *size is told.
bool PushField(lua_State* L, const Format& format, char option, std::string_view data, size_t at,
               size_t* size, int* results) {
  std::string_view field = data.substr(at, *size);
  if (IsInteger(option)) {
    bool is_signed = option != 'T' && islower(static_cast<unsigned char>(option));
    lua_pushnumber(L, GetInteger(field, format.little, is_signed));
    return true;
  }
  switch (option) {
    case 'f':
      lua_pushnumber(L, std::bit_cast<float>(static_cast<uint32_t>(GetBits(field, format.little))));
      return true;
    case 'd':
      lua_pushnumber(L, std::bit_cast<double>(GetBits(field, format.little)));
      return true;
    case 'c':
      if (*size == 0) {
        *size = TakeLength(L, results);
        luaL_argcheck(L, *size <= data.size() - at, 2, "data string too short");
      }
      PushView(L, data.substr(at, *size));
      return true;
    case 's': {
      size_t end = data.find('\0', at);
      if (end == std::string_view::npos) luaL_error(L, "unfinished string in data");
      PushView(L, data.substr(at, end - at));
      *size = end - at + 1;
      return true;
    }
    default:
      return false;
  }
}

int Unpack(lua_State* L) {
  Format format{L, luaL_checkstring(L, 1)};
  std::string_view data = CheckView(L, 2);
  lua_Integer first = luaL_optinteger(L, 3, 1);
  luaL_argcheck(L, first != 0, 3, "offset must be 1 or greater");
  size_t at = static_cast<size_t>(first) - 1;  // of a negative one: beyond any text
  lua_settop(L, 2);
  int results = 0;
  while (*format.at != 0) {
    char option = *format.at++;
    size_t size = format.Size(option);
    size_t padding = format.Padding(at, option, size);
    bool fits =
        at <= data.size() && padding <= data.size() - at && size <= data.size() - at - padding;
    luaL_argcheck(L, fits, 2, "data string too short");
    at += padding;
    luaL_checkstack(L, 3, "too many results");
    if (PushField(L, format, option, data, at, &size, &results)) {
      ++results;
    } else if (option != 'x') {
      format.Control(option);
    }
    at += size;
  }
  lua_pushinteger(L, static_cast<lua_Integer>(at + 1));
  return results + 1;
}

int Size(lua_State* L) {
  Format format{L, luaL_checkstring(L, 1)};
  size_t total = 0;  // cannot overflow: a field of INT_MAX bytes takes ten of the format
  while (*format.at != 0) {
    char option = *format.at++;
    size_t size = format.Size(option);
    total += format.Padding(total, option, size);
    if (option == 's') return luaL_argerror(L, 1, "option 's' has no fixed size");
    if (option == 'c' && size == 0) return luaL_argerror(L, 1, "option 'c0' has no fixed size");
    if (option == '<' || option == '>' || option == '!') format.Control(option);
    total += size;
  }
  lua_pushnumber(L, static_cast<double>(total));
  return 1;
}

}  // namespace

void OpenStruct(lua_State* L) {
  PushGlobals(L);
  lua_newtable(L);
  SetField(L, "pack", Pack);
  SetField(L, "unpack", Unpack);
  SetField(L, "size", Size);
  lua_setfield(L, -2, "struct");
  lua_pop(L, 1);
}

}  // namespace cairn::script
