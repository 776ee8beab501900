// State: what a virtual machine has beside Lua's own memory, for the files of this folder. It is
// the allocator's argument, so every C function finds it from its lua_State; all that would need a
// destructor lives here (vm.h says why).
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <lua5.1/lua.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "resp/reply.h"
#include "script/script_host.h"
#include "script/vm.h"

namespace cairn::script {

// Why a run is at its end, whatever the script does.
enum class Doom : uint8_t { kNone, kKilled, kSuspended };

// A table that scripts may read and not write: they hold an empty one in its place, whose metatable
// leads to the real one. sandbox.h.
struct View {
  const void* table = nullptr;  // lua_topointer of what scripts hold
  int real = LUA_NOREF;         // in the registry
  int shown = LUA_NOREF;        // what scripts hold
  int metatable = LUA_NOREF;    // what getmetatable shows; LUA_NOREF: nil
};

struct JsonOptions {
  bool sparse_convert = false;
  int sparse_ratio = 2;
  int sparse_safe = 10;
  int encode_depth_max = 1000;
  int decode_depth_max = 1000;
  int precision = 14;
  enum class Invalid : uint8_t { kRefuse, kAllow, kNull };
  Invalid encode_invalid = Invalid::kRefuse;
  bool decode_invalid = true;
  bool keep_buffer = true;
};

struct State {
  static constexpr int kViewsMax = 32;
  static constexpr size_t kScratchBytesKept = 64 * 1024;

  lua_State* lua = nullptr;

  std::string version;
  int version_number = 0;

  // Memory.
  size_t bytes = 0;
  size_t bytes_max = 0;
  size_t collect_at = 0;  // beyond it garbage is collected at once

  // The run.
  ScriptHost* host = nullptr;
  bool calling = false;  // the host is at work: nobody may enter
  bool loading = false;  // a library: it may register, and not call
  Doom doom = Doom::kNone;
  std::string_view kill_text;
  int killed_line = 0;
  char killed_source[64] = {};
  uint64_t instructions = 0;
  uint64_t steps = 0;  // of C functions, since the last Spend
  int resp = 2;        // redis.setresp
  uint64_t random = 0;
  JsonOptions json;
  std::vector<RegisteredFunction> registered;

  // Kept for their memory.
  OutBuffer reply;
  size_t reply_mark = 0;  // of the buffer that a script's own reply is written to
  std::vector<std::string_view> argv;
  std::vector<char> digits;
  std::string scratch;  // what a function builds before it gives it to Lua as a whole
  std::string error;    // of an entry of vm.cc

  // Registry.
  int globals = LUA_NOREF;           // the real table of globals
  int scripts = LUA_NOREF;           // SHA1 -> function
  int api = LUA_NOREF;               // `redis` while scripts run ...
  int loading_api = LUA_NOREF;       // ... and while a library is loaded
  int string_metatable = LUA_NOREF;  // what getmetatable("") shows
  View views[kViewsMax];
  int view_count = 0;
};

inline State& StateOf(lua_State* L) {
  void* state = nullptr;
  lua_getallocf(L, &state);
  return *static_cast<State*>(state);
}

inline std::string_view ToView(lua_State* L, int index) {
  size_t bytes = 0;
  const char* data = lua_tolstring(L, index, &bytes);
  return {data, bytes};
}
// Statuses and errors are C strings to Redis.
inline std::string_view UpToNul(std::string_view text) { return text.substr(0, text.find('\0')); }
inline std::string_view CheckView(lua_State* L, int index) {
  size_t bytes = 0;
  const char* data = luaL_checklstring(L, index, &bytes);
  return {data, bytes};
}
inline void PushView(lua_State* L, std::string_view text) {
  lua_pushlstring(L, text.data(), text.size());
}
inline void SetField(lua_State* L, const char* name, lua_CFunction function) {
  lua_pushcclosure(L, function, 0);
  lua_setfield(L, -2, name);
}

inline void SetField(lua_State* L, const char* name, const char* text) {
  lua_pushstring(L, text);
  lua_setfield(L, -2, name);
}
// The real table of globals.
inline void PushGlobals(lua_State* L) { lua_rawgeti(L, LUA_REGISTRYINDEX, StateOf(L).globals); }

// Leaves the run for good: no catcher keeps this error. tick.cc, all three.
[[noreturn]] void RaiseDoom(lua_State* L);
// A C function has done the work of kTickInstructions: asks the host, and raises if the run is
// over.
void Spend(lua_State* L);
// The hook: every kTickInstructions of Lua.
void Tick(lua_State* L, lua_Debug*);

// A C function has done so much that the hook did not see, in instructions; raises as Spend.
inline void Work(lua_State* L, State& state, uint64_t steps) {
  state.steps += steps;
  if (state.steps >= Vm::kTickInstructions) Spend(L);
}
// The same, for bytes that were copied or looked through: some nanoseconds' worth are an
// instruction.
inline constexpr size_t kBytesPerStep = 64;
inline void WorkOnBytes(lua_State* L, State& state, size_t bytes) {
  Work(L, state, bytes / kBytesPerStep);
}

// For steps through a table, which take as long as it has room, used or not: by the time they took.
struct TimedWork {
  static constexpr uint64_t kTicksPerStep = 16;  // of the cycle counter
  uint64_t begun = __builtin_ia32_rdtsc();
  void Count(lua_State* L, State& state) {
    Work(L, state, (__builtin_ia32_rdtsc() - begun) / kTicksPerStep);
  }
};

// Room for so much more in the scratch text, all of whose memory counts against the budget.
// Raises.
inline void RequireScratch(lua_State* L, State& state, size_t more) {
  const size_t wanted = state.scratch.size() + more;
  if (wanted <= state.scratch.capacity()) return;
  auto left = [&state] { return state.bytes_max - std::min(state.bytes_max, state.bytes); };
  if (wanted > left()) lua_gc(L, LUA_GCCOLLECT, 0);
  if (wanted > left()) luaL_error(L, "not enough memory");
  const size_t ahead = state.scratch.capacity() + state.scratch.capacity() / 2;
  state.scratch.reserve(std::max(wanted, std::min(ahead, left())));
}
inline void AddScratch(lua_State* L, State& state, std::string_view text) {
  RequireScratch(L, state, text.size());
  state.scratch.append(text);
}
inline int PushScratch(lua_State* L, State& state) {
  PushView(L, state.scratch);
  return 1;
}

void SeedRandom(State& state, int32_t seed);  // math_lib.cc

// --- the parts that make up a machine, each leaves the stack as it was ---
void OpenSandbox(lua_State* L);           // sandbox.cc: what of Lua's own libraries there is
void ReplaceBase(lua_State* L);           // base_lib.cc
void ReplaceText(lua_State* L);           // text_lib.cc: string and table
void ReplacePatterns(lua_State* L);       // pattern_lib.cc
void ReplaceMath(lua_State* L);           // math_lib.cc: math.random, os.clock
void OpenRedis(lua_State* L);             // redis_lib.cc
void PushRegisterFunction(lua_State* L);  // register_lib.cc
void OpenJson(lua_State* L);              // json_lib.cc
void OpenPack(lua_State* L);              // msgpack_pack.cc
void OpenStruct(lua_State* L);            // struct_lib.cc
void OpenBit(lua_State* L);               // bit_lib.cc

}  // namespace cairn::script
