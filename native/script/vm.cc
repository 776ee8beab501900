#include "script/vm.h"

#include <cstdio>

#include "script/convert.h"
#include "script/heap.h"
#include "script/run_error.h"
#include "script/sandbox.h"
#include "script/shebang.h"

namespace cairn::script {

namespace {

constexpr std::string_view kScriptChunk = "@user_script";
constexpr std::string_view kLibraryChunk = "@user_function";
int Panic(lua_State*) { CAIRN_CHECK(false, "every call of Lua is a protected one"); }

void PushList(lua_State* L, std::span<const std::string_view> items) {
  lua_createtable(L, static_cast<int>(items.size()), 0);
  for (size_t i = 0; i < items.size(); ++i) {
    PushView(L, items[i]);
    lua_rawseti(L, -2, static_cast<int>(i) + 1);
  }
}

// globals[name] = what is on top
void SetGlobal(lua_State* L, const char* name) {
  PushGlobals(L);
  lua_insert(L, -2);
  lua_pushstring(L, name);
  lua_insert(L, -2);
  lua_rawset(L, -3);
  lua_pop(L, 1);
}

void SetApi(lua_State* L, int api) {
  for (const char* name : {"redis", "server"}) {
    lua_rawgeti(L, LUA_REGISTRYINDEX, api);
    SetGlobal(L, name);
  }
}

struct RunJob {
  std::string_view sha;  // of a script; else a function
  int callback = 0;
  const RunInput* input = nullptr;
  ReplyWriter* reply = nullptr;
  RunResult result;
};

// Pushes the function with its arguments, and returns how many these are.
int PushCallee(lua_State* L, const RunJob& job) {
  const RunInput& input = *job.input;
  if (job.sha.empty()) {
    for (const char* name : {"KEYS", "ARGV"}) lua_pushnil(L), SetGlobal(L, name);
    lua_rawgeti(L, LUA_REGISTRYINDEX, job.callback);
    PushList(L, input.keys);
    PushList(L, input.argv);
    return 2;
  }
  PushList(L, input.keys);
  SetGlobal(L, "KEYS");
  PushList(L, input.argv);
  SetGlobal(L, "ARGV");
  lua_rawgeti(L, LUA_REGISTRYINDEX, StateOf(L).scripts);
  PushView(L, job.sha);
  lua_rawget(L, -2);
  lua_remove(L, -2);
  return 0;
}

int RunEntry(lua_State* L) {
  auto& job = *static_cast<RunJob*>(lua_touserdata(L, 1));
  State& state = StateOf(L);
  lua_settop(L, 0);
  luaL_checkstack(L, 16, "no room");
  lua_pushcclosure(L, OnError, 0);
  int arguments = PushCallee(L, job);
  int status = lua_pcall(L, arguments, 1, 1);
  if (state.doom == Doom::kNone && status == 0) {
    job.result.counted = IsCountedError(L);
    WriteValue(L, *job.reply);
    job.result.outcome = Outcome::kReplied;
    return 0;
  }
  if (state.doom == Doom::kNone) TakeError(L, job.input->label, &job.result.counted);
  return 0;
}

struct CompileJob {
  std::string_view sha;  // empty: a library, which runs at once
  std::string_view text;
  bool done = false;
};

void TakeCompileError(lua_State* L, std::string_view what) {
  std::string_view text = lua_isstring(L, -1) ? ToView(L, -1) : "unknown error";
  StateOf(L).error.assign("ERR ").append(what).append(": ").append(text);
}

int CompileEntry(lua_State* L) {
  auto& job = *static_cast<CompileJob*>(lua_touserdata(L, 1));
  if (LoadText(L, job.text, kScriptChunk) != 0) {
    TakeCompileError(L, "Error compiling script (new function)");
    return 0;
  }
  lua_rawgeti(L, LUA_REGISTRYINDEX, StateOf(L).scripts);
  PushView(L, job.sha);
  lua_pushvalue(L, -3);
  lua_rawset(L, -3);
  job.done = true;
  return 0;
}

int LoadEntry(lua_State* L) {
  auto& job = *static_cast<CompileJob*>(lua_touserdata(L, 1));
  State& state = StateOf(L);
  lua_settop(L, 0);
  SetApi(L, state.loading_api);
  for (const char* name : {"KEYS", "ARGV"}) lua_pushnil(L), SetGlobal(L, name);
  lua_pushcclosure(L, OnError, 0);
  if (LoadText(L, job.text, kLibraryChunk) != 0) {
    TakeCompileError(L, "Error compiling function");
    return 0;
  }
  if (lua_pcall(L, 0, 0, 1) != 0) {
    bool counted = false;
    TakeError(L, "", &counted);
    state.error.insert(0, "ERR Error registering functions: ");
    return 0;
  }
  job.done = true;
  return 0;
}

int RestoreApi(lua_State* L) {
  SetApi(L, StateOf(L).api);
  return 0;
}

int DropEntry(lua_State* L) {
  luaL_unref(L, LUA_REGISTRYINDEX, *static_cast<int*>(lua_touserdata(L, 1)));
  return 0;
}

int ForgetEntry(lua_State* L) {
  const auto& sha = *static_cast<std::string_view*>(lua_touserdata(L, 1));
  lua_rawgeti(L, LUA_REGISTRYINDEX, StateOf(L).scripts);
  PushView(L, sha);
  lua_pushvalue(L, -1);
  lua_rawget(L, -3);
  if (lua_isnil(L, -1)) return 0;
  lua_pop(L, 1);
  lua_pushnil(L);
  lua_rawset(L, -3);
  return 0;
}

struct HasJob {
  std::string_view sha;
  bool has = false;
};
int HasEntry(lua_State* L) {
  auto& job = *static_cast<HasJob*>(lua_touserdata(L, 1));
  lua_rawgeti(L, LUA_REGISTRYINDEX, StateOf(L).scripts);
  PushView(L, job.sha);
  lua_rawget(L, -2);
  job.has = lua_isfunction(L, -1);
  return 0;
}

int OpenEntry(lua_State* L) {
  OpenSandbox(L);
  SetApi(L, StateOf(L).api);
  // The list of free references is a field of its own: now it is there.
  lua_pushboolean(L, 1);
  luaL_unref(L, LUA_REGISTRYINDEX, luaL_ref(L, LUA_REGISTRYINDEX));
  return 0;
}

// Whatever stopped an entry before it could say so: memory, as a rule.
void NoteEntryError(lua_State* L, State& state) {
  state.error.assign("ERR ").append(lua_isstring(L, -1) ? ToView(L, -1) : "not enough memory");
  lua_settop(L, 0);
}

void Begin(State& state, ScriptHost* host, std::string_view kill_text, int32_t seed) {
  CAIRN_CHECK(state.host == nullptr && !state.calling, "a host does not call the machine back");
  state.host = host;
  state.doom = Doom::kNone;
  state.kill_text = kill_text;
  state.killed_line = 0;
  state.killed_source[0] = 0;
  state.instructions = 0;
  state.steps = 0;
  state.resp = 2;
  state.json = JsonOptions();
  state.error.clear();
  SeedRandom(state, seed);
  ResetCollector(state);
  lua_sethook(state.lua, Tick, LUA_MASKCOUNT, Vm::kTickInstructions);
}

void End(State& state) {
  state.host = nullptr;
  state.doom = Doom::kNone;
  lua_settop(state.lua, 0);
  state.reply.Clear();
  state.reply.Shrink(State::kScratchBytesKept);
  state.argv.clear();
  if (state.argv.capacity() * sizeof(state.argv[0]) > State::kScratchBytesKept) {
    std::vector<std::string_view>().swap(state.argv);
  }
  if (state.digits.capacity() > State::kScratchBytesKept) std::vector<char>().swap(state.digits);
  if (state.scratch.capacity() > State::kScratchBytesKept) std::string().swap(state.scratch);
  // The next run begins with room.
  if (state.bytes > state.bytes_max / 2) CollectGarbage(state);
}

RunResult RunJobOn(State& state, RunJob& job, ScriptHost& host) {
  OutBuffer& out = job.reply->out();
  size_t mark = out.size();
  Begin(state, &host, job.input->kill_text, job.input->seed);
  job.result.outcome = Outcome::kFailed;
  if (lua_cpcall(state.lua, RunEntry, &job) != 0) {
    NoteEntryError(state.lua, state);
    job.result.outcome = Outcome::kFailed;
  }
  job.result.instructions = state.instructions;
  if (state.doom == Doom::kSuspended) job.result.outcome = Outcome::kSuspended;
  if (state.doom == Doom::kKilled) {
    job.result.outcome = Outcome::kKilled;
    TakeKill(state, job.input->label);
  }
  if (job.result.outcome != Outcome::kReplied) out.Truncate(mark);
  if (job.result.outcome == Outcome::kFailed || job.result.outcome == Outcome::kKilled) {
    job.reply->Error(state.error);
  }
  End(state);
  return job.result;
}

int VersionNumber(std::string_view version) {
  int parts[3] = {};
  std::string text(version);
  std::sscanf(text.c_str(), "%d.%d.%d", &parts[0], &parts[1], &parts[2]);
  return parts[0] << 16 | parts[1] << 8 | parts[2];
}

}  // namespace

Vm::Vm(VmOptions options) : state_(std::make_unique<State>()) {
  State& state = *state_;
  state.bytes_max = options.memory_bytes_max;
  state.collect_at = state.bytes_max / 4 * 3;
  state.version = options.version;
  state.version_number = VersionNumber(options.version);
  state.lua = lua_newstate(Allocate, &state);
  if (state.lua == nullptr) OutOfMemory(state.bytes_max);
  lua_atpanic(state.lua, Panic);
  CAIRN_CHECK(lua_cpcall(state.lua, OpenEntry, nullptr) == 0, "the libraries fit into the budget");
  Collect();
}

Vm::~Vm() { lua_close(state_->lua); }

bool Vm::Compile(std::string_view sha, std::string_view body, std::string* error) {
  State& state = *state_;
  Shebang shebang;
  if (!ParseScriptShebang(body, &shebang, &state.error)) {
    error->assign("ERR ").append(state.error);
    return false;
  }
  CompileJob job{sha, body.substr(shebang.bytes)};
  Begin(state, nullptr, "", 0);
  if (lua_cpcall(state.lua, CompileEntry, &job) != 0) NoteEntryError(state.lua, state);
  End(state);
  *error = state.error;
  return job.done;
}

bool Vm::Has(std::string_view sha) {
  HasJob job{sha};
  return Enter(*state_, HasEntry, &job) && job.has;
}

void Vm::Forget(std::string_view sha) { (void)Enter(*state_, ForgetEntry, &sha); }

RunResult Vm::Run(std::string_view sha, const RunInput& input, ScriptHost& host,
                  ReplyWriter& reply) {
  CAIRN_CHECK(!sha.empty());
  RunJob job{sha, 0, &input, &reply, {}};
  return RunJobOn(*state_, job, host);
}

bool Vm::LoadLibrary(std::string_view body, ScriptHost& host,
                     std::vector<RegisteredFunction>* functions, std::string* error) {
  State& state = *state_;
  Shebang shebang;
  if (!ParseLibraryShebang(body, &shebang, &state.error)) {
    error->assign("ERR ").append(state.error);
    return false;
  }
  CompileJob job{"", body.substr(shebang.bytes)};
  Begin(state, &host, "", 0);
  state.loading = true;
  state.registered.clear();
  if (lua_cpcall(state.lua, LoadEntry, &job) != 0) NoteEntryError(state.lua, state);
  if (state.doom == Doom::kKilled) {
    job.done = false;
    state.error.assign("ERR Error registering functions: FUNCTION LOAD timeout");
  }
  state.loading = false;
  CAIRN_CHECK(Enter(state, RestoreApi, nullptr), "fields that are there take no memory");
  End(state);
  if (!job.done) {
    for (const RegisteredFunction& function : state.registered) DropFunction(function.callback);
    state.registered.clear();
  }
  functions->swap(state.registered);
  state.registered.clear();
  *error = state.error;
  return job.done;
}

RunResult Vm::RunFunction(int callback, const RunInput& input, ScriptHost& host,
                          ReplyWriter& reply) {
  RunJob job{{}, callback, &input, &reply, {}};
  return RunJobOn(*state_, job, host);
}

void Vm::DropFunction(int callback) {
  CAIRN_CHECK(Enter(*state_, DropEntry, &callback), "fields that are there take no memory");
}

size_t Vm::memory_bytes() const { return state_->bytes; }

void Vm::Collect() { CollectGarbage(*state_); }

}  // namespace cairn::script
