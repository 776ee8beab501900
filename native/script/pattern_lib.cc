// string.find, match, gmatch and gsub.

#include <cstring>

#include "script/pattern.h"

namespace cairn::script {

namespace {

constexpr const char* kSpecial = "^$*+?.([%-";

// Where a search begins: `from` counts from 1, negative from the end.
size_t Begin(lua_Integer from, size_t bytes) {
  auto length = static_cast<lua_Integer>(bytes);
  if (from < 0) from += length + 1;
  if (from <= 1) return 0;
  return static_cast<size_t>(std::min(from - 1, length));
}

bool FindPlain(lua_State* L, std::string_view text, std::string_view wanted, size_t from) {
  WorkOnBytes(L, StateOf(L), text.size() - from);
  const void* found = memmem(text.data() + from, text.size() - from, wanted.data(), wanted.size());
  if (found == nullptr) return false;
  lua_Integer at = static_cast<const char*>(found) - text.data();
  lua_pushinteger(L, at + 1);
  lua_pushinteger(L, at + static_cast<lua_Integer>(wanted.size()));
  return true;
}

int Search(lua_State* L, bool find) {
  std::string_view text = CheckView(L, 1);
  std::string_view pattern = CheckView(L, 2);
  size_t from = Begin(luaL_optinteger(L, 3, 1), text.size());
  WorkOnBytes(L, StateOf(L), pattern.size());
  if (find && (lua_toboolean(L, 4) || std::strpbrk(pattern.data(), kSpecial) == nullptr)) {
    if (FindPlain(L, text, pattern, from)) return 2;
    lua_pushnil(L);
    return 1;
  }
  Matcher matcher(L, text, pattern);
  bool anchored = matcher.anchored();
  if (anchored) matcher.SkipAnchor();
  const char* end = text.data() + text.size();
  for (const char* at = text.data() + from; at <= end; ++at) {
    const char* matched = matcher.MatchAt(at);
    if (matched != nullptr) {
      if (!find) return matcher.PushCaptures(at, matched);
      lua_pushinteger(L, at - text.data() + 1);
      lua_pushinteger(L, matched - text.data());
      return 2 + matcher.PushCaptures(nullptr, nullptr);
    }
    if (anchored) break;
  }
  lua_pushnil(L);
  return 1;
}

int Find(lua_State* L) { return Search(L, true); }
int Match(lua_State* L) { return Search(L, false); }

// Upvalues: text, pattern, where to go on.
int NextMatch(lua_State* L) {
  std::string_view text = ToView(L, lua_upvalueindex(1));
  Matcher matcher(L, text, ToView(L, lua_upvalueindex(2)));
  const char* end = text.data() + text.size();
  for (const char* at = text.data() + lua_tointeger(L, lua_upvalueindex(3)); at <= end; ++at) {
    const char* matched = matcher.MatchAt(at);
    if (matched == nullptr) continue;
    lua_pushinteger(L, matched - text.data() + (matched == at ? 1 : 0));
    lua_replace(L, lua_upvalueindex(3));
    return matcher.PushCaptures(at, matched);
  }
  return 0;
}

int MatchAll(lua_State* L) {
  CheckView(L, 1);
  CheckView(L, 2);
  lua_settop(L, 2);
  lua_pushinteger(L, 0);
  lua_pushcclosure(L, NextMatch, 3);
  return 1;
}

// Pushes, piece by piece, what a replacement of text becomes: "%1" is a capture, "%0" the match.
void AddTemplate(lua_State* L, luaL_Buffer* out, Matcher& matcher, const char* begin,
                 const char* end) {
  std::string_view text = ToView(L, 3);
  Work(L, StateOf(L), text.size() / 8);
  for (size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      luaL_addchar(out, text[i]);
      continue;
    }
    char c = text.data()[++i];  // behind the last one is a NUL
    if (c < '0' || c > '9') {
      luaL_addchar(out, c);
    } else if (c == '0') {
      WorkOnBytes(L, StateOf(L), static_cast<size_t>(end - begin));
      luaL_addlstring(out, begin, static_cast<size_t>(end - begin));
    } else {
      matcher.PushCapture(c - '1', begin, end);
      luaL_addvalue(out);
    }
  }
}

void AddReplacement(lua_State* L, luaL_Buffer* out, Matcher& matcher, const char* begin,
                    const char* end) {
  switch (lua_type(L, 3)) {
    case LUA_TFUNCTION: {
      lua_pushvalue(L, 3);
      int captures = matcher.PushCaptures(begin, end);
      lua_call(L, captures, 1);
      break;
    }
    case LUA_TTABLE:
      matcher.PushCapture(0, begin, end);
      lua_gettable(L, 3);
      break;
    default:
      return AddTemplate(L, out, matcher, begin, end);
  }
  if (!lua_toboolean(L, -1)) {
    lua_pop(L, 1);
    PushView(L, {begin, static_cast<size_t>(end - begin)});
  } else if (!lua_isstring(L, -1)) {
    luaL_error(L, "invalid replacement value (a %s)", luaL_typename(L, -1));
  }
  luaL_addvalue(out);
}

int Replace(lua_State* L) {
  std::string_view text = CheckView(L, 1);
  std::string_view pattern = CheckView(L, 2);
  int type = lua_type(L, 3);
  lua_Integer most = luaL_optint(L, 4, static_cast<int>(text.size() + 1));
  luaL_argcheck(
      L, type == LUA_TNUMBER || type == LUA_TSTRING || type == LUA_TFUNCTION || type == LUA_TTABLE,
      3, "string/function/table expected");
  Matcher matcher(L, text, pattern);
  bool anchored = matcher.anchored();
  if (anchored) matcher.SkipAnchor();
  luaL_Buffer out;
  luaL_buffinit(L, &out);
  const char* at = text.data();
  const char* end = text.data() + text.size();
  lua_Integer count = 0;
  while (count < most) {
    const char* matched = matcher.MatchAt(at);
    if (matched != nullptr) {
      ++count;
      AddReplacement(L, &out, matcher, at, matched);
    }
    if (matched != nullptr && matched > at) {
      at = matched;
    } else if (at < end) {
      luaL_addchar(&out, *at);
      ++at;
    } else {
      break;
    }
    if (anchored) break;
  }
  luaL_addlstring(&out, at, static_cast<size_t>(end - at));
  luaL_pushresult(&out);
  lua_pushinteger(L, count);
  return 2;
}

}  // namespace

void ReplacePatterns(lua_State* L) {
  PushGlobals(L);
  lua_getfield(L, -1, LUA_STRLIBNAME);
  SetField(L, "find", Find);
  SetField(L, "match", Match);
  SetField(L, "gmatch", MatchAll);
  SetField(L, "gfind", MatchAll);
  SetField(L, "gsub", Replace);
  lua_pop(L, 2);
}

}  // namespace cairn::script
