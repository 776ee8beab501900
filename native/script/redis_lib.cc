// The table `redis`, which scripts may also call `server`.

#include <climits>
#include <cmath>

#include "base/sha1.h"
#include "script/convert.h"
#include "script/sandbox.h"

namespace cairn::script {

namespace {

// What redis.set_repl takes. All of it is one to us: writes are replicated as they were made.
constexpr int kReplicateAof = 1;
constexpr int kReplicateReplica = 2;
constexpr int kReplicateAll = 3;

int RaiseOrReturn(lua_State* L, bool raise, std::string_view text) {
  if (raise) RaiseError(L, text);
  PushError(L, text);
  return 1;
}

// The arguments as those of a command, in state.argv. They stay on the stack, where Lua's collector
// leaves them alone. Null, or what is wrong.
const char* TakeArguments(lua_State* L, State& state) {
  auto count = static_cast<size_t>(lua_gettop(L));
  if (count == 0) return "Please specify at least one argument for this redis lib call";
  state.argv.resize(count);
  state.digits.resize(count * kNumberBytes);
  for (size_t i = 0; i < count; ++i) {
    int index = static_cast<int>(i) + 1;
    switch (lua_type(L, index)) {
      case LUA_TSTRING:
        state.argv[i] = ToView(L, index);
        break;
      case LUA_TNUMBER: {
        char* digits = state.digits.data() + i * kNumberBytes;
        state.argv[i] = {digits, FormatArgument(lua_tonumber(L, index), digits)};
        break;
      }
      default:
        return "Lua redis lib command arguments must be strings or integers";
    }
  }
  return nullptr;
}

// Not left by a jump: may have destructors.
CallAnswer Ask(State& state) {
  state.reply.Clear();
  ReplyWriter reply(&state.reply, state.resp);
  state.calling = true;
  CallAnswer answer = state.host->Call(state.argv, reply);
  state.calling = false;
  return answer;
}

int CallCommand(lua_State* L, bool raise) {
  State& state = StateOf(L);
  if (state.loading) RaiseError(L, "redis.call can only be called inside a script invocation");
  const char* wrong = TakeArguments(L, state);
  if (wrong != nullptr) return RaiseOrReturn(L, raise, wrong);
  if (Ask(state) == CallAnswer::kSuspend) {
    state.doom = Doom::kSuspended;
    RaiseDoom(L);
  }
  lua_settop(L, 0);
  std::string_view reply = state.reply.view();
  bool failed = reply.starts_with('-');
  PushReply(L, reply);
  return failed && raise ? lua_error(L) : 1;
}

int Call(lua_State* L) { return CallCommand(L, true); }
int TryCall(lua_State* L) { return CallCommand(L, false); }

int SingleField(lua_State* L, const char* field) {
  if (lua_gettop(L) != 1 || lua_type(L, 1) != LUA_TSTRING) {
    PushError(L, "wrong number or type of arguments");
    return 1;
  }
  lua_createtable(L, 0, 1);
  lua_pushvalue(L, 1);
  lua_setfield(L, -2, field);
  return 1;
}

int StatusReply(lua_State* L) { return SingleField(L, "ok"); }

int ErrorReply(lua_State* L) {
  if (lua_gettop(L) != 1 || lua_type(L, 1) != LUA_TSTRING) return SingleField(L, "err");
  // A text that has no mark of an error gets one: then its first word is its code.
  if (!ToView(L, 1).starts_with('-')) {
    lua_pushliteral(L, "-");
    lua_insert(L, 1);
    lua_concat(L, 2);
  }
  PushError(L, ToView(L, 1));
  return 1;
}

int Sha1OfText(lua_State* L) {
  if (lua_gettop(L) != 1) RaiseError(L, "wrong number of arguments");
  std::string_view text = lua_isstring(L, 1) ? ToView(L, 1) : std::string_view();
  auto hex = Sha1Hex(text);
  PushView(L, {hex.data(), hex.size()});
  return 1;
}

int Log(lua_State* L) {
  State& state = StateOf(L);
  int count = lua_gettop(L);
  if (count < 2) RaiseError(L, "redis.log() requires two arguments or more.");
  if (!lua_isnumber(L, 1)) RaiseError(L, "First argument must be a number (log level).");
  double level = lua_tonumber(L, 1);
  if (!(level > -1 && level < 4)) RaiseError(L, "Invalid debug level.");
  state.scratch.clear();
  for (int i = 2; i <= count; ++i) {
    if (!lua_isstring(L, i)) continue;
    if (i != 2) AddScratch(L, state, " ");
    AddScratch(L, state, ToView(L, i));
  }
  if (state.host != nullptr) {
    state.calling = true;
    state.host->Log(static_cast<LogLevel>(static_cast<int>(level)), state.scratch);
    state.calling = false;
  }
  return 0;
}

int SetResp(lua_State* L) {
  if (lua_gettop(L) != 1) RaiseError(L, "redis.setresp() requires one argument.");
  double version = lua_tonumber(L, 1);
  if (!(version >= 2 && version < 4)) RaiseError(L, "RESP version must be 2 or 3.");
  StateOf(L).resp = static_cast<int>(version);
  return 0;
}

int SetReplication(lua_State* L) {
  if (lua_gettop(L) != 1) RaiseError(L, "redis.set_repl() requires two arguments.");
  double flags = lua_tonumber(L, 1);
  if (!(flags > -1 && flags < kReplicateAll + 1)) {
    RaiseError(L, "Invalid replication flags. Use REPL_AOF, REPL_REPLICA, REPL_ALL or REPL_NONE.");
  }
  return 0;
}

int ReplicateCommands(lua_State* L) {
  lua_pushboolean(L, 1);
  return 1;
}

// There is no debugger to stop in.
int Breakpoint(lua_State* L) {
  lua_pushboolean(L, 0);
  return 1;
}
int Debug(lua_State*) { return 0; }

int CheckAcl(lua_State* L) {
  State& state = StateOf(L);
  const char* wrong = TakeArguments(L, state);
  if (wrong != nullptr) RaiseError(L, wrong);
  state.calling = true;
  AclAnswer answer = state.host->CheckAcl(state.argv);
  state.calling = false;
  if (answer == AclAnswer::kNoSuchCommand) {
    RaiseError(L, "Invalid command passed to redis.acl_check_cmd()");
  }
  lua_pushboolean(L, answer == AclAnswer::kAllowed);
  return 1;
}

void SetNumber(lua_State* L, const char* name, double value) {
  lua_pushnumber(L, value);
  lua_setfield(L, -2, name);
}

// What is there while a library is loaded, too.
void SetCommon(lua_State* L) {
  SetField(L, "log", Log);
  SetField(L, "setresp", SetResp);
  SetField(L, "error_reply", ErrorReply);
  SetField(L, "status_reply", StatusReply);
  SetField(L, "sha1hex", Sha1OfText);
  SetNumber(L, "LOG_DEBUG", 0);
  SetNumber(L, "LOG_VERBOSE", 1);
  SetNumber(L, "LOG_NOTICE", 2);
  SetNumber(L, "LOG_WARNING", 3);
  SetNumber(L, "REPL_NONE", 0);
  SetNumber(L, "REPL_AOF", kReplicateAof);
  SetNumber(L, "REPL_SLAVE", kReplicateReplica);
  SetNumber(L, "REPL_REPLICA", kReplicateReplica);
  SetNumber(L, "REPL_ALL", kReplicateAll);
  SetNumber(L, "REDIS_VERSION_NUM", StateOf(L).version_number);
  PushView(L, StateOf(L).version);
  lua_setfield(L, -2, "REDIS_VERSION");
}

}  // namespace

void OpenRedis(lua_State* L) {
  State& state = StateOf(L);
  lua_newtable(L);
  SetCommon(L);
  SetField(L, "call", Call);
  SetField(L, "pcall", TryCall);
  SetField(L, "replicate_commands", ReplicateCommands);
  SetField(L, "set_repl", SetReplication);
  SetField(L, "breakpoint", Breakpoint);
  SetField(L, "debug", Debug);
  SetField(L, "acl_check_cmd", CheckAcl);
  PushViewOfTable(L);
  state.api = luaL_ref(L, LUA_REGISTRYINDEX);

  lua_newtable(L);
  SetCommon(L);
  PushRegisterFunction(L);
  lua_setfield(L, -2, "register_function");
  lua_newtable(L);
  SetField(L, "__index", MissingGlobal);
  lua_setmetatable(L, -2);
  PushViewOfTable(L);
  state.loading_api = luaL_ref(L, LUA_REGISTRYINDEX);
}

}  // namespace cairn::script
