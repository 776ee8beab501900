#include <strings.h>

#include <cstdlib>

#include "script/json.h"

namespace cairn::script {

namespace {

enum class Token : uint8_t {
  kObjectBegin,
  kObjectEnd,
  kArrayBegin,
  kArrayEnd,
  kString,
  kNumber,
  kBoolean,
  kNull,
  kColon,
  kComma,
  kEnd,
  kError,
};
constexpr const char* kTokenNames[] = {
    "T_OBJ_BEGIN", "T_OBJ_END", "T_ARR_BEGIN", "T_ARR_END", "T_STRING", "T_NUMBER",
    "T_BOOLEAN",   "T_NULL",    "T_COLON",     "T_COMMA",   "T_END",    "T_ERROR",
};

// Lua's strings end with a NUL, which ends the document, too: nothing is read beyond it.
struct Parser {
  lua_State* L;
  State& state;
  const char* begin;
  const char* end;
  const char* at;
  int depth = 0;

  // The token that was read last.
  Token token = Token::kEnd;
  const char* token_at = nullptr;
  const char* what = nullptr;  // kError
  double number = 0;           // kNumber
  bool truth = false;          // kBoolean
  // kString: its text is state.scratch

  void Next();
  void NextString();
  void NextWord();
  bool Unescape();
  bool Hex4(uint32_t* code);
  bool UnescapeUnicode();
  bool LooksInvalid() const;
  bool Starts(const char* word) const { return std::strncmp(at, word, std::strlen(word)) == 0; }
  void Set(Token kind, size_t bytes) { token = kind, at += bytes; }
  void Wrong(const char* text, const char* place) {
    token = Token::kError, what = text, token_at = place;
  }

  void Value();
  void Object();
  void Array();
  void Descend();
  [[noreturn]] void Unexpected(const char* expected);
};

void Parser::Next() {
  while (*at == ' ' || *at == '\t' || *at == '\n' || *at == '\r') ++at;
  token_at = at;
  switch (*at) {
    case '{':
      return Set(Token::kObjectBegin, 1);
    case '}':
      return Set(Token::kObjectEnd, 1);
    case '[':
      return Set(Token::kArrayBegin, 1);
    case ']':
      return Set(Token::kArrayEnd, 1);
    case ':':
      return Set(Token::kColon, 1);
    case ',':
      return Set(Token::kComma, 1);
    case '"':
      return NextString();
    case 0:
      return Set(Token::kEnd, 0);
    default:
      return NextWord();
  }
}

// A number that RFC 8259 has not: hexadecimal, with leading zeros or a plus, an infinity, NaN.
bool Parser::LooksInvalid() const {
  const char* p = at;
  if (*p == '+') return true;
  if (*p == '-') ++p;
  if (*p == '0') {
    char next = p[1];
    return (next | 0x20) == 'x' || (next >= '0' && next <= '9');
  }
  if (*p >= '0' && *p <= '9') return false;
  return strncasecmp(p, "inf", 3) == 0 || strncasecmp(p, "nan", 3) == 0;
}

void Parser::NextWord() {
  bool digits = *at == '-' || (*at >= '0' && *at <= '9');
  if (!digits) {
    if (Starts("true")) return truth = true, Set(Token::kBoolean, 4);
    if (Starts("false")) return truth = false, Set(Token::kBoolean, 5);
    if (Starts("null")) return Set(Token::kNull, 4);
    if (!state.json.decode_invalid || !LooksInvalid()) return Wrong("invalid token", at);
  } else if (!state.json.decode_invalid && LooksInvalid()) {
    return Wrong("invalid number", at);
  }
  char* behind = nullptr;
  number = std::strtod(at, &behind);
  if (behind == at) return Wrong("invalid number", at);
  Set(Token::kNumber, static_cast<size_t>(behind - at));
}

bool Parser::Hex4(uint32_t* code) {
  *code = 0;
  for (int i = 0; i < 4; ++i) {
    char c = at[i];
    uint32_t digit;
    if (c >= '0' && c <= '9') {
      digit = static_cast<uint32_t>(c - '0');
    } else if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f') {
      digit = static_cast<uint32_t>((c | 0x20) - 'a' + 10);
    } else {
      return false;
    }
    *code = *code << 4 | digit;
  }
  return true;
}

// Behind "\u".
bool Parser::UnescapeUnicode() {
  uint32_t code = 0;
  if (!Hex4(&code)) return false;
  at += 4;
  if ((code & 0xf800) == 0xd800) {  // one of a pair: the first of it, with the second behind it
    uint32_t low = 0;
    if (code >= 0xdc00 || at[0] != '\\' || at[1] != 'u') return false;
    at += 2;
    if (!Hex4(&low) || (low & 0xfc00) != 0xdc00) return false;
    at += 4;
    code = 0x10000 + ((code & 0x3ff) << 10 | (low & 0x3ff));
  }
  std::string& out = state.scratch;
  auto add = [&out](uint32_t byte) { out += static_cast<char>(byte); };
  if (code < 0x80) {
    add(code);
  } else if (code < 0x800) {
    add(0xc0 | code >> 6), add(0x80 | (code & 0x3f));
  } else if (code < 0x10000) {
    add(0xe0 | code >> 12), add(0x80 | (code >> 6 & 0x3f)), add(0x80 | (code & 0x3f));
  } else {
    add(0xf0 | code >> 18), add(0x80 | (code >> 12 & 0x3f));
    add(0x80 | (code >> 6 & 0x3f)), add(0x80 | (code & 0x3f));
  }
  return true;
}

// Behind a backslash. False: Wrong was called.
bool Parser::Unescape() {
  const char* escape = at - 1;
  char c = *at;
  if (c == 'u') {
    ++at;
    if (UnescapeUnicode()) return true;
    return Wrong("invalid unicode escape code", escape), false;
  }
  constexpr std::string_view kLetters = "\"\\/bfnrt";
  constexpr std::string_view kMeanings = "\"\\/\b\f\n\r\t";
  size_t which = c == 0 ? std::string_view::npos : kLetters.find(c);
  if (which == std::string_view::npos) return Wrong("invalid escape code", escape), false;
  state.scratch += kMeanings[which];
  ++at;
  return true;
}

void Parser::NextString() {
  state.scratch.clear();
  RequireScratch(L, state, static_cast<size_t>(end - at));
  ++at;
  while (*at != '"') {
    if (*at == 0) return Wrong("unexpected end of string", at);
    if (*at == '\\') {
      ++at;
      if (!Unescape()) return;
      continue;
    }
    size_t plain = std::strcspn(at, "\"\\");
    state.scratch.append(at, plain);
    at += plain;
  }
  Set(Token::kString, 1);
}

void Parser::Unexpected(const char* expected) {
  const char* found = token == Token::kError ? what : kTokenNames[static_cast<size_t>(token)];
  luaL_error(L, "Expected %s but found %s at character %d", expected, found,
             static_cast<int>(token_at - begin) + 1);
  __builtin_unreachable();
}

void Parser::Descend() {
  ++depth;
  if (depth <= state.json.decode_depth_max && lua_checkstack(L, 4)) return;
  luaL_error(L, "Found too many nested data structures (%d) at character %d", depth,
             static_cast<int>(at - begin));
}

// Behind "{".
void Parser::Object() {
  Descend();
  lua_newtable(L);
  Next();
  for (bool more = token != Token::kObjectEnd; more;) {
    if (token != Token::kString) Unexpected("object key string");
    PushScratch(L, state);
    Next();
    if (token != Token::kColon) Unexpected("colon");
    Next();
    Value();
    lua_rawset(L, -3);
    Next();
    more = token != Token::kObjectEnd;
    if (!more) break;
    if (token != Token::kComma) Unexpected("comma or object end");
    Next();
  }
  --depth;
}

// Behind "[".
void Parser::Array() {
  Descend();
  lua_newtable(L);
  Next();
  bool more = token != Token::kArrayEnd;
  for (int i = 1; more; ++i) {
    Value();
    lua_rawseti(L, -2, i);
    Next();
    more = token != Token::kArrayEnd;
    if (!more) break;
    if (token != Token::kComma) Unexpected("comma or array end");
    Next();
  }
  --depth;
}

// Pushes what the token begins.
void Parser::Value() {
  Work(L, state, 1 + static_cast<size_t>(at - token_at) / kBytesPerStep);
  switch (token) {
    case Token::kString:
      PushScratch(L, state);
      return;
    case Token::kNumber:
      return lua_pushnumber(L, number);
    case Token::kBoolean:
      return lua_pushboolean(L, truth);
    case Token::kObjectBegin:
      return Object();
    case Token::kArrayBegin:
      return Array();
    case Token::kNull:
      return lua_pushlightuserdata(L, nullptr);
    default:
      Unexpected("value");
  }
}

}  // namespace

int JsonDecode(lua_State* L) {
  luaL_argcheck(L, lua_gettop(L) == 1, 1, "expected 1 argument");
  std::string_view text = CheckView(L, 1);
  if (text.size() >= 2 && (text[0] == 0 || text[1] == 0)) {
    return luaL_error(L, "JSON parser does not support UTF-16 or UTF-32");
  }
  Parser parser{.L = L,
                .state = StateOf(L),
                .begin = text.data(),
                .end = text.data() + text.size(),
                .at = text.data()};
  parser.Next();
  parser.Value();
  parser.Next();
  if (parser.token != Token::kEnd) parser.Unexpected("the end");
  return 1;
}

}  // namespace cairn::script
