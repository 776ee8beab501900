#include <climits>
#include <cmath>

#include "script/convert.h"

namespace cairn::script {

namespace {

void WriteNested(lua_State* L, ReplyWriter& reply, int depth);

// A table may stand in a reply any number of times, so what is written is what counts.
void CheckRoom(lua_State* L, ReplyWriter& reply, size_t more) {
  State& state = StateOf(L);
  WorkOnBytes(L, state, more + kBytesPerStep);
  if (reply.out().size() - state.reply_mark + more <= kReplyBytesMax) return;
  luaL_error(L, "the reply of the script is too large");
}

// Pushes the field of the table on top. False, and nothing is pushed: it has another type.
bool PushField(lua_State* L, const char* name, int type) {
  lua_pushstring(L, name);
  lua_rawget(L, -2);
  if (lua_type(L, -1) == type) return true;
  lua_pop(L, 1);
  return false;
}

// Text for one line: CR and LF would end it early.
std::string_view OneLine(lua_State* L, ReplyWriter& reply, std::string_view text) {
  State& state = StateOf(L);
  CheckRoom(L, reply, text.size());
  state.scratch.clear();
  AddScratch(L, state, text);
  for (char& c : state.scratch) {
    if (c == '\r' || c == '\n') c = ' ';
  }
  return state.scratch;
}

void WriteMap(lua_State* L, ReplyWriter& reply, bool is_set, int depth) {
  uint64_t count = 0;
  TimedWork work;
  for (lua_pushnil(L); lua_next(L, -2) != 0; lua_pop(L, 1)) ++count;
  work.Count(L, StateOf(L));
  is_set ? reply.SetHeader(count) : reply.MapHeader(count);
  lua_pushnil(L);
  while (lua_next(L, -2) != 0) {
    if (is_set) {
      lua_pop(L, 1);
      lua_pushvalue(L, -1);
      WriteNested(L, reply, depth + 1);
      continue;
    }
    lua_pushvalue(L, -2);
    WriteNested(L, reply, depth + 1);
    WriteNested(L, reply, depth + 1);
  }
}

void WriteArray(lua_State* L, ReplyWriter& reply, int depth) {
  int count = 0;
  for (bool there = true; there && count < INT_MAX - 1; lua_pop(L, 1)) {
    lua_rawgeti(L, -1, count + 1);
    there = !lua_isnil(L, -1);
    if (there) ++count;
  }
  reply.ArrayHeader(static_cast<uint64_t>(count));
  for (int i = 1; i <= count; ++i) {
    lua_rawgeti(L, -1, i);
    WriteNested(L, reply, depth + 1);
  }
}

bool WriteVerbatim(lua_State* L, ReplyWriter& reply) {
  if (!PushField(L, "verbatim_string", LUA_TTABLE)) return false;
  bool written = false;
  if (PushField(L, "format", LUA_TSTRING)) {
    if (lua_insert(L, -2), PushField(L, "string", LUA_TSTRING)) {
      char format[] = "   ";
      std::string_view named = ToView(L, -3);
      std::memcpy(format, named.data(), std::min<size_t>(named.size(), 3));
      CheckRoom(L, reply, lua_objlen(L, -1));
      reply.Verbatim({format, 3}, ToView(L, -1));
      lua_pop(L, 1);
      written = true;
    }
    lua_remove(L, -2);
  }
  lua_pop(L, 1);
  return written;
}

// One of the tables that stand for something else.
bool WriteSpecial(lua_State* L, ReplyWriter& reply, int depth) {
  if (PushField(L, "err", LUA_TSTRING)) {
    CheckRoom(L, reply, lua_objlen(L, -1));
    reply.Error(UpToNul(ToView(L, -1)));
  } else if (PushField(L, "ok", LUA_TSTRING)) {
    reply.Simple(OneLine(L, reply, UpToNul(ToView(L, -1))));
  } else if (PushField(L, "double", LUA_TNUMBER)) {
    reply.Double(lua_tonumber(L, -1));
  } else if (PushField(L, "map", LUA_TTABLE)) {
    WriteMap(L, reply, false, depth);
  } else if (PushField(L, "set", LUA_TTABLE)) {
    WriteMap(L, reply, true, depth);
  } else if (PushField(L, "big_number", LUA_TSTRING)) {
    reply.BigNumber(OneLine(L, reply, ToView(L, -1)));
  } else {
    return WriteVerbatim(L, reply);
  }
  lua_pop(L, 1);
  return true;
}

int64_t WholePart(double number) {
  // What a conversion out of range yields on this processor.
  if (!(number >= -9223372036854775808.0 && number < 9223372036854775808.0)) return INT64_MIN;
  return static_cast<int64_t>(number);
}

void WriteBoolean(lua_State* L, ReplyWriter& reply, bool value) {
  if (StateOf(L).resp >= 3) return reply.Bool(value);
  value ? reply.Integer(1) : reply.Null();
}

void WriteNested(lua_State* L, ReplyWriter& reply, int depth) {
  if (depth > kReplyDepthMax || !lua_checkstack(L, 8)) {
    reply.Error("ERR reached lua stack limit");
    lua_pop(L, 1);
    return;
  }
  CheckRoom(L, reply, lua_type(L, -1) == LUA_TSTRING ? lua_objlen(L, -1) : 0);
  switch (lua_type(L, -1)) {
    case LUA_TSTRING:
      reply.Bulk(ToView(L, -1));
      break;
    case LUA_TNUMBER:
      reply.Integer(WholePart(lua_tonumber(L, -1)));
      break;
    case LUA_TBOOLEAN:
      WriteBoolean(L, reply, lua_toboolean(L, -1));
      break;
    case LUA_TTABLE:
      if (!WriteSpecial(L, reply, depth)) WriteArray(L, reply, depth);
      break;
    default:
      reply.Null();
  }
  lua_pop(L, 1);
}

}  // namespace

void WriteValue(lua_State* L, ReplyWriter& reply) {
  StateOf(L).reply_mark = reply.out().size();
  WriteNested(L, reply, 1);
}

}  // namespace cairn::script
