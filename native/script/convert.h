// Replies of commands become values of Lua, and values of Lua become replies, by Redis's rules for
// RESP2 and RESP3. All of it may raise errors of Lua (memory): see vm.h for what that means.
#pragma once

#include "base/number.h"
#include "script/state.h"

namespace cairn::script {

// Of the reply that a script's value becomes. Beyond it the script has failed.
inline constexpr size_t kReplyBytesMax = 512u << 20;
// Levels of a reply. What is nested deeper is answered with an error in its place.
inline constexpr int kReplyDepthMax = 1000;

// Pushes the value of one whole reply, as our own commands write it. An error becomes a table with
// `err`.
void PushReply(lua_State* L, std::string_view reply);

// Writes the value on top as a reply, and pops it. Metamethods are not asked.
void WriteValue(lua_State* L, ReplyWriter& reply);

// Pushes the table of an error: `text` is "-CODE what" or "what", which becomes "ERR what".
void PushError(lua_State* L, std::string_view text);
// The same, raised.
[[noreturn]] void RaiseError(lua_State* L, std::string_view text);

// Pushes the text that the number is as an argument of a command; at most kNumberBytes.
inline constexpr size_t kNumberBytes = kDoubleTextBytes;
size_t FormatArgument(double number, char* out);

}  // namespace cairn::script
