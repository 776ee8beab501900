#include <charconv>
#include <cmath>

#include "script/convert.h"

namespace cairn::script {

namespace {

// Reads replies that our own commands have written: whole and right, or a CHECK fails.
struct Reader {
  std::string_view left;

  std::string_view Line() {
    size_t end = left.find("\r\n");
    CAIRN_CHECK(end != std::string_view::npos, "a command's reply is whole");
    std::string_view line = left.substr(0, end);
    left.remove_prefix(end + 2);
    return line;
  }
  std::string_view Bytes(size_t bytes) {
    CAIRN_CHECK(left.size() >= bytes + 2, "a command's reply is whole");
    std::string_view text = left.substr(0, bytes);
    left.remove_prefix(bytes + 2);
    return text;
  }
};

int64_t ToInteger(std::string_view digits) {
  int64_t value = 0;
  CAIRN_CHECK(ParseInt64(digits, &value), "a command's reply has sound numbers");
  return value;
}

double ToDouble(std::string_view text) {
  if (text == "inf") return HUGE_VAL;
  if (text == "-inf") return -HUGE_VAL;
  double value = 0;
  if (std::from_chars(text.data(), text.data() + text.size(), value).ec != std::errc()) return NAN;
  return value;
}

// { field = <what is on top> }
void Envelop(lua_State* L, const char* field) {
  lua_createtable(L, 0, 1);
  lua_insert(L, -2);
  lua_setfield(L, -2, field);
}

void PushOne(lua_State* L, Reader& reader, int depth);

void PushElements(lua_State* L, Reader& reader, int64_t count, int depth) {
  lua_createtable(L, static_cast<int>(std::min<int64_t>(count, INT32_MAX)), 0);
  for (int64_t i = 1; i <= count; ++i) {
    PushOne(L, reader, depth + 1);
    lua_rawseti(L, -2, static_cast<int>(i));
  }
}

// Whether what lies under the top can be a key.
bool CanBeKey(lua_State* L) {
  if (lua_isnil(L, -2)) return false;
  return lua_type(L, -2) != LUA_TNUMBER || !std::isnan(lua_tonumber(L, -2));
}

// Keys with values, or with `true` for a set.
void PushPairs(lua_State* L, Reader& reader, int64_t count, bool is_set, int depth) {
  lua_createtable(L, 0, static_cast<int>(std::min<int64_t>(count, INT32_MAX)));
  for (int64_t i = 0; i < count; ++i) {
    PushOne(L, reader, depth + 1);
    is_set ? lua_pushboolean(L, 1) : PushOne(L, reader, depth + 1);
    CanBeKey(L) ? lua_rawset(L, -3) : lua_pop(L, 2);
  }
  Envelop(L, is_set ? "set" : "map");
}

void PushBulk(lua_State* L, Reader& reader, std::string_view length) {
  int64_t bytes = ToInteger(length);
  if (bytes < 0) return lua_pushboolean(L, 0);
  PushView(L, reader.Bytes(static_cast<size_t>(bytes)));
}

void PushVerbatim(lua_State* L, Reader& reader, std::string_view length) {
  constexpr size_t kFormatBytes = 4;  // "txt:"
  std::string_view text = reader.Bytes(static_cast<size_t>(ToInteger(length)));
  CAIRN_CHECK(text.size() >= kFormatBytes, "a verbatim string names its format");
  lua_createtable(L, 0, 2);
  PushView(L, text.substr(0, kFormatBytes - 1));
  lua_setfield(L, -2, "format");
  PushView(L, text.substr(kFormatBytes));
  lua_setfield(L, -2, "string");
  Envelop(L, "verbatim_string");
}

void PushErrorReply(lua_State* L, std::string_view text) {
  lua_createtable(L, 0, 2);
  PushView(L, text);
  lua_setfield(L, -2, "err");
  lua_pushboolean(L, 1);  // the command has counted it
  lua_setfield(L, -2, "ignore_error_stats_update");
}

void PushOne(lua_State* L, Reader& reader, int depth) {
  CAIRN_CHECK(depth <= kReplyDepthMax, "commands nest their replies a few levels deep");
  luaL_checkstack(L, 6, "a reply is nested too deep");
  std::string_view line = reader.Line();
  CAIRN_CHECK(!line.empty(), "a command's reply is sound");
  std::string_view rest = line.substr(1);
  switch (line[0]) {
    case ':':
      return lua_pushnumber(L, static_cast<double>(ToInteger(rest)));
    case '$':
      return PushBulk(L, reader, rest);
    case '+':
      PushView(L, rest);
      return Envelop(L, "ok");
    case '-':
      return PushErrorReply(L, rest);
    case '*':
    case '>':
      if (rest == "-1") return lua_pushboolean(L, 0);
      return PushElements(L, reader, ToInteger(rest), depth);
    case '_':
      return lua_pushnil(L);
    case '#':
      return lua_pushboolean(L, rest == "t");
    case ',':
      lua_pushnumber(L, ToDouble(rest));
      return Envelop(L, "double");
    case '%':
      return PushPairs(L, reader, ToInteger(rest), false, depth);
    case '~':
      return PushPairs(L, reader, ToInteger(rest), true, depth);
    case '(':
      PushView(L, rest);
      return Envelop(L, "big_number");
    case '=':
      return PushVerbatim(L, reader, rest);
    case '|':  // attributes: nobody sees them
      for (int64_t i = 2 * ToInteger(rest); i > 0; --i) {
        PushOne(L, reader, depth + 1);
        lua_pop(L, 1);
      }
      return PushOne(L, reader, depth + 1);
    default:
      CAIRN_CHECK(false, "a command's reply is RESP");
  }
}

}  // namespace

void PushReply(lua_State* L, std::string_view reply) {
  Reader reader{reply};
  PushOne(L, reader, 1);
  CAIRN_CHECK(reader.left.empty(), "a command writes one reply");
}

void PushError(lua_State* L, std::string_view text) {
  while (!text.empty() && (text.front() == '\r' || text.front() == '\n')) text.remove_prefix(1);
  while (!text.empty() && (text.back() == '\r' || text.back() == '\n')) text.remove_suffix(1);
  bool has_code = false;
  if (text.starts_with('-')) {
    text.remove_prefix(1);
    has_code = text.find(' ') != std::string_view::npos;
  }
  lua_createtable(L, 0, 3);
  if (!has_code) {
    lua_pushliteral(L, "ERR ");
    PushView(L, text);
    lua_concat(L, 2);
  } else {
    PushView(L, text);
  }
  lua_setfield(L, -2, "err");
}

void RaiseError(lua_State* L, std::string_view text) {
  PushError(L, text);
  lua_error(L);
  __builtin_unreachable();
}

size_t FormatArgument(double number, char* out) {
  // Whole numbers that a double holds in full get no exponent.
  constexpr double kWholeMax = 4611686018427387904.0;
  if (std::fabs(number) < kWholeMax && std::trunc(number) == number &&
      !(number == 0 && std::signbit(number))) {
    return FormatInt64(static_cast<int64_t>(number), out);
  }
  return FormatDouble(number, out);
}

}  // namespace cairn::script
